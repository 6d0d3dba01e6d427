//! Is the manual page what the command line says?

use std::path::Path;

use clap::CommandFactory;
use vaultd::arguments::Arguments;

#[test]
fn the_manual_page_is_what_the_command_line_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vaultd.8");
    let mut fresh = Vec::new();
    let manual = clap_mangen::Man::new(Arguments::command())
        .section("8")
        .date("2026-11-21");
    manual.render(&mut fresh).expect("the page is made");
    if std::env::var_os("UPDATE_MAN").is_some() {
        std::fs::write(&path, &fresh).expect("the page is written");
    }
    let committed = std::fs::read(&path).expect("the page is committed");
    assert!(
        committed == fresh,
        "vaultd.8 is not what --help says; run UPDATE_MAN=1 cargo test -p vaultd --test manual"
    );
}
