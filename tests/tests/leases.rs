//! A vault with leases and fields, added to the daemon by a row in the table of kinds.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use serde_json::json;
use vault_tests::harness::{Daemon, Home, binaries};
use vault_tests::leasing::CALLS;

const PROGRAM: &str = env!("CARGO_BIN_EXE_leasing_vaultd");

fn start(home: &Home) -> Daemon<'_> {
    let calls = calls_file(home);
    home.start_with(|command| {
        *command = home.command(Path::new(PROGRAM));
        command.env(CALLS, calls);
    })
}

fn calls_file(home: &Home) -> PathBuf {
    home.path("calls")
}

fn calls(home: &Home) -> usize {
    let text = std::fs::read_to_string(calls_file(home)).unwrap_or_default();
    text.lines().count()
}

fn with_service(path: &str) -> Home {
    let home = Home::new();
    let secrets = json!({
        "DB_USER": format!("vault://{path}#username"),
        "DB_PASSWORD": format!("vault://{path}#password"),
    });
    let service = json!({"secrets": secrets, "target_command": ["env"]});
    home.write_service("db", &service);
    home
}

fn launch(home: &Home) -> Child {
    let mut command = home.command(&binaries().vault_run);
    command.arg("db").stdout(Stdio::piped());
    command.spawn().expect("vault-run starts")
}

/// The account's number, which both fields must have.
fn account(environment: &str) -> String {
    let value = |variable: &str| {
        let mut lines = environment.lines();
        let found = lines.find_map(|line| line.strip_prefix(variable)?.strip_prefix('='));
        found.expect("the variable").to_owned()
    };
    let user = value("DB_USER");
    let number = user.strip_prefix("user-").expect("a user of the vault's");
    assert_eq!(value("DB_PASSWORD"), format!("password-{number}"));
    number.to_owned()
}

#[test]
fn both_fields_of_one_lease_reach_a_launch_and_nothing_asks_twice() {
    let home = with_service("database/creds/app");
    let daemon = start(&home);
    assert_eq!(calls(&home), 0, "nothing is made that nobody asked for");
    let launched = home.run(&["db"]);
    account(launched.success());
    assert_eq!(calls(&home), 1, "two fields are one read");
    // A reload and a status are no reasons to make another account.
    home.ctl(&["reload"]).success();
    home.ctl(&["status"]);
    assert_eq!(calls(&home), 1);
    drop(daemon);
}

#[test]
fn launches_of_one_moment_share_a_read_and_each_gets_a_whole_account() {
    let home = with_service("database/creds/app");
    let _daemon = start(&home);
    let launches: Vec<Child> = (0..20).map(|_| launch(&home)).collect();
    let mut accounts = Vec::new();
    for child in launches {
        let output = child.wait_with_output().expect("vault-run ends");
        assert!(output.status.success());
        accounts.push(account(&String::from_utf8_lossy(&output.stdout)));
    }
    accounts.sort();
    accounts.dedup();
    assert_eq!(calls(&home), accounts.len(), "each read is one account");
}

#[test]
fn a_read_whose_answer_was_lost_is_not_made_again() {
    let home = with_service("database/creds/lost");
    let _daemon = start(&home);
    let launched = home.run(&["db"]);
    assert_eq!(launched.code, 3, "{launched}");
    assert_eq!(calls(&home), 1, "an account may have been made already");
}

#[test]
fn a_field_that_is_not_there_is_named_with_those_that_are() {
    let home = Home::new();
    let secrets = json!({"DB": "vault://database/creds/app#pasword"});
    home.write_service(
        "db",
        &json!({"secrets": secrets, "target_command": ["env"]}),
    );
    let _daemon = start(&home);
    let launched = home.run(&["db"]);
    assert_eq!(launched.code, 3, "{launched}");
    for word in ["pasword", "username, password"] {
        assert!(launched.stderr.contains(word), "{launched}");
    }
}

#[test]
fn the_shipped_daemon_refuses_a_scheme_that_it_has_no_backend_for() {
    let home = with_service("database/creds/app");
    let _daemon = home.start();
    home.run(&["db"]).refused(2, &["no backend for vault://"]);
}
