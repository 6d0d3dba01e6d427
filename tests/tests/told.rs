//! What a person is told of services, launches and changes, by the real daemon.

use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use vault_tests::harness::{Home, binaries, until};

fn with_service(name: &str, reference: &str) -> Home {
    let home = Home::new();
    let service = json!({"secrets": {"TOKEN": reference}, "target_command": ["sleep", "600"]});
    home.write_service(name, &service);
    home
}

fn status(home: &Home) -> Value {
    let status = home.ctl(&["--json", "status"]);
    serde_json::from_str(&status.stdout).expect("JSON")
}

/// A server that runs until this is dropped.
struct Server(Child);

impl Server {
    fn start(home: &Home, name: &str) -> Self {
        let mut command: Command = home.command(&binaries().vault_run);
        let child = command.arg(name).stdin(Stdio::null()).spawn();
        let server = Self(child.expect("vault-run starts"));
        let comm = format!("/proc/{}/comm", server.0.id());
        until("the server runs", || {
            std::fs::read_to_string(&comm).is_ok_and(|name| name.trim() == "sleep")
        });
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn services_that_cannot_start_are_counted_with_their_reasons_until_they_can() {
    let home = with_service("git", "local://git-token");
    home.write_service("plain", &json!({"target_command": ["true"]}));
    home.write_service("gone", &json!({"target_command": ["no-such-program-here"]}));
    let _daemon = home.start();
    let first = "2 of 3 cannot start: git (no such secret local://git-token), gone (";
    let seen = home.ctl(&["services"]);
    // The commands differ from machine to machine: their order is that of the names.
    let line = seen.stdout.lines().last().unwrap_or_default();
    let named = [
        "git (no such secret local://git-token)",
        "gone (the command no-such-program-here",
    ];
    assert_eq!(seen.code, 2, "{seen}");
    assert!(line.starts_with("2 of 3 cannot start: "), "{first}: {seen}");
    assert!(named.iter().all(|words| line.contains(words)), "{seen}");
    let seen = home.ctl(&["status"]);
    assert_eq!(seen.code, 2, "{seen}");
    assert!(seen.stdout.contains("2 of 3 cannot start: "), "{seen}");
    home.put("git-token", "x");
    home.write_service("gone", &json!({"target_command": ["true"]}));
    home.ctl(&["reload"]).success();
    home.ctl(&["services"]).success();
    home.ctl(&["status"]).success();
    assert_eq!(status(&home)["cannot_start"], json!([]));
}

#[test]
fn a_service_that_needs_an_environment_is_judged_in_those_that_it_names() {
    let home = Home::new();
    let secret = json!({"environment": {"dev": "local://dev-token",
                                         "prod": "local://prod-token"}});
    let service = json!({"secrets": {"TOKEN": secret}, "target_command": ["true"]});
    home.write_service("git", &service);
    let _daemon = home.start();
    home.put("dev-token", "x");
    let problems = status(&home)["cannot_start"].clone();
    let expected = json!([{"service": "git", "environment": "prod",
                           "problem": "no such secret local://prod-token"}]);
    assert_eq!(problems, expected);
}

#[test]
fn every_service_is_tested_where_none_is_named() {
    let home = with_service("git", "local://git-token");
    home.write_service("plain", &json!({"target_command": ["true"]}));
    let _daemon = home.start();
    let tested = home.run(&["--test"]);
    assert_eq!(tested.code, 3, "{tested}");
    let text = &tested.stdout;
    assert!(
        text.contains("git:\n") && text.contains("plain:\n"),
        "{tested}"
    );
    home.put("git-token", "x");
    assert_eq!(
        home.run(&["--test"])
            .success()
            .matches("would start: yes")
            .count(),
        2
    );
}

#[test]
fn a_failed_launch_is_remembered_with_who_wanted_it_and_why() {
    let home = with_service("git", "local://git-token");
    let _daemon = home.start();
    home.ctl(&["last"]).success();
    let failed = home.shell("vault-run git; true");
    assert!(failed.stderr.contains("vaultctl put git-token"), "{failed}");
    home.run(&["hunter2 hunter2"]);
    home.run(&["nobody"]);
    let last = home.ctl(&["last"]);
    let text = last.success();
    assert!(!text.contains("hunter2"), "{last}");
    assert!(text.contains("store it: vaultctl put git-token"), "{last}");
    let failed = &status(&home)["failed_launches"];
    assert_eq!(failed[0]["service"], "nobody");
    assert_eq!(failed[0]["error_kind"], "unknown_service");
    assert_eq!(failed[1]["service"], "git");
    assert_ne!(failed[1]["client"], "");
}

#[test]
fn a_new_version_names_its_services_and_the_servers_that_have_the_old_one() {
    let home = with_service("git", "local://git-token");
    home.write_service("other", &json!({"target_command": ["sleep", "600"]}));
    let _daemon = home.start();
    home.put("git-token", "first");
    let server = Server::start(&home, "git");
    let _other = Server::start(&home, "other");
    let stored = home.ctl_with_input(&["put", "git-token"], b"second");
    let expected = format!(
        "local://git-token stored as version 2: 6 bytes, used by git (TOKEN)\n\
         git (process {}) still runs with the old value: restart it\n",
        server.0.id()
    );
    assert_eq!(stored.success(), expected);
    let pending = home.ctl_with_input(&["put", "git-token", "--pending"], b"third");
    assert!(!pending.success().contains("old value"), "{pending}");
    let promoted = home.ctl(&["promote", "git-token", "3"]);
    assert!(promoted.success().contains("old value"), "{promoted}");
    let promoted = home.ctl(&["promote", "git-token", "1"]);
    assert!(!promoted.success().contains("old value"), "{promoted}");
    drop(server);
    let stored = home.ctl_with_input(&["put", "git-token"], b"fourth");
    assert!(!stored.success().contains("old value"), "{stored}");
}

#[test]
fn a_secret_in_use_is_not_deleted_by_the_way() {
    let home = with_service("git", "local://git-token");
    let _daemon = home.start();
    home.put("git-token", "x");
    home.put("unused", "x");
    let refused = home.ctl(&["delete", "git-token"]);
    refused.refused(3, &["is used by git (TOKEN)", "--yes"]);
    let json = home.ctl(&["--json", "delete", "git-token"]);
    json.refused(3, &[r#""kind":"in_use""#]);
    home.ctl(&["delete", "unused"]).success();
    home.ctl(&["delete", "git-token", "--yes"]).success();
}

#[test]
fn a_name_that_means_two_things_is_told_with_both() {
    let home = with_service("git", "oci-vault://demo-key");
    let _daemon = home.start();
    let stored = home.ctl_with_input(&["put", "demo-key"], b"x");
    let hint = "oci-vault://demo-key is another secret, used by git (TOKEN): did you mean that one \
                here, or local://demo-key there?\n";
    assert!(stored.success().ends_with(hint), "{stored}");
    let why = home.ctl(&["why", "demo-key"]);
    assert!(why.success().ends_with(hint), "{why}");
    home.ctl(&["delete", "demo-key"]).success();
    for command in ["versions", "delete"] {
        home.ctl(&[command, "demo-key"])
            .refused(3, &[hint.trim_end()]);
    }
    let why = home.ctl(&["why", "git"]);
    let hint =
        "git is a service, too: did you mean `vault-run --test git`, which shows what it gets?\n";
    assert!(why.success().ends_with(hint), "{why}");
}
