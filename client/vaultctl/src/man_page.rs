//! The committed man page is the one that the arguments give.
//!
//! `UPDATE_MAN=1 cargo test -p vaultctl man_page` writes it anew.

use std::io::Write;
use std::path::Path;

use clap::CommandFactory;

use crate::arguments::Arguments;

type Section = fn(&clap_mangen::Man, &mut dyn Write) -> std::io::Result<()>;

/// One page: the program, then each command with its arguments.
fn rendered() -> Vec<u8> {
    let mut program = Arguments::command();
    program.build();
    let mut page = Vec::new();
    let man = clap_mangen::Man::new(program.clone())
        .date("")
        .manual("User Commands");
    for part in [
        clap_mangen::Man::render_title,
        clap_mangen::Man::render_name_section,
        clap_mangen::Man::render_synopsis_section,
        clap_mangen::Man::render_description_section,
        clap_mangen::Man::render_options_section,
        clap_mangen::Man::render_extra_section,
    ] {
        part(&man, &mut page).expect("writing to memory");
    }
    page.extend_from_slice(b".SH COMMANDS\n");
    for command in program
        .get_subcommands()
        .filter(|command| command.get_name() != "help")
    {
        render_command(command, &mut page);
    }
    page
}

fn render_command(command: &clap::Command, page: &mut Vec<u8>) {
    for nested in command
        .get_subcommands()
        .filter(|nested| nested.get_name() != "help")
    {
        render_command(nested, page);
    }
    if command.has_subcommands() {
        return;
    }
    let name = command.get_bin_name().unwrap_or(command.get_name());
    page.extend_from_slice(format!(".SS \"{name}\"\n").as_bytes());
    let man = clap_mangen::Man::new(command.clone());
    let extra = command
        .get_after_help()
        .map(|_| clap_mangen::Man::render_extra_section as _);
    let parts: [Section; 3] = [
        clap_mangen::Man::render_synopsis_section,
        clap_mangen::Man::render_description_section,
        clap_mangen::Man::render_options_section,
    ];
    for part in parts.into_iter().chain(extra) {
        let mut section = Vec::new();
        part(&man, &mut section).expect("writing to memory");
        let text = String::from_utf8(section).expect("roff is UTF-8");
        for line in text.lines().filter(|line| {
            !line.starts_with(".SH") && !line.starts_with(".ie") && !line.starts_with(".el")
        }) {
            page.extend_from_slice(line.as_bytes());
            page.push(b'\n');
        }
        page.extend_from_slice(b".PP\n");
    }
}

#[test]
fn the_committed_man_page_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vaultctl.1");
    let rendered = String::from_utf8(rendered()).expect("roff is UTF-8");
    if std::env::var_os("UPDATE_MAN").is_some() {
        std::fs::write(&path, &rendered).expect("writing the man page");
    }
    let committed = std::fs::read_to_string(&path).expect("the committed man page");
    assert!(
        committed == rendered,
        "vaultctl.1 is out of date: UPDATE_MAN=1 cargo test -p vaultctl man_page"
    );
}
