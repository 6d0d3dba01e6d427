//! Command lines and names of the program that came before are understood.

#[path = "../../lib/tests/fake/daemon.rs"]
mod fake;
#[path = "support/programs.rs"]
mod programs;

use std::process::Stdio;

use fake::{Fake, Plan};
use programs::{VAULT_RUN, run, stderr, stdout};

#[test]
fn the_usage_shows_the_name_that_was_used() {
    let fake = Fake::absent();
    for name in ["mcp_vault_proxy.py", "mcp-launch", "vault-run", "x"] {
        let link = fake.home().join(name);
        std::os::unix::fs::symlink(VAULT_RUN, &link).unwrap();
        let shown = if name == "x" { "vault-run" } else { name };
        let program = |arguments: &[&str]| {
            let mut command = fake.command(link.to_str().unwrap(), arguments);
            command.stdin(Stdio::null()).output().unwrap()
        };
        let help = stdout(&program(&["--help"]));
        assert!(
            help.contains(&format!("Usage: {shown} [OPTIONS]")),
            "{help}"
        );
        let refused = program(&["--nonsense"]);
        let words = format!("`{shown} --help` shows how");
        assert!(stderr(&refused).contains(&words), "{refused:?}");
    }
}

#[test]
fn what_the_predecessors_users_write_is_understood() {
    for (arguments, asked) in [
        (
            &["--service", "git", "--env", "dev", "--verbose"][..],
            r#"launch ("git", "dev", [])"#,
        ),
        (
            &[
                "--service=git",
                "--environment=dev",
                "--command=/bin/echo 'a b'",
            ],
            r#"launch ("git", "dev", ["/bin/echo", "a b"])"#,
        ),
        (
            &["--service", "git", "--command", "/bin/echo", "a b", "c"],
            r#"launch ("git", "", ["/bin/echo", "a b", "c"])"#,
        ),
        (
            &["--command", "/bin/echo", "--service", "git", "--test"],
            r#"check ("git", "", ["/bin/echo"])"#,
        ),
    ] {
        let fake = Fake::start(Plan::of(&["/bin/true"]));
        run(&fake, arguments);
        assert_eq!(fake.asked(), [asked], "{arguments:?}");
    }
}
