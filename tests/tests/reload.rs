//! Does a changed configuration take effect as a whole when somebody asks for it, and a broken one not
//! at all? `reload_edits.rs` is about those that nobody asks for.

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use vault_tests::harness::{Home, Outcome, until};

/// Two lines that differ; the first configuration's command prints one of them.
fn write_bar(home: &Home, word: &str) {
    home.write_service("bar", &json!({"target_command": ["echo", word]}));
}

fn said(home: &Home) -> String {
    home.run(&["bar"]).success().to_owned()
}

fn status(home: &Home) -> (Outcome, Value) {
    let outcome = home.ctl(&["status", "--json"]);
    let parsed = serde_json::from_str(&outcome.stdout);
    let parsed = parsed.unwrap_or_else(|_| panic!("no JSON: {outcome}"));
    (outcome, parsed)
}

#[test]
fn sighup_puts_a_good_configuration_into_force() {
    let home = Home::new();
    write_bar(&home, "one");
    let daemon = home.start();
    assert_eq!(said(&home), "one\n");
    write_bar(&home, "two");
    daemon.reload();
    assert_eq!(said(&home), "two\n");
    assert_eq!(status(&home).0.code, 0);
}

#[test]
fn a_broken_resolver_yaml_changes_nothing_and_is_said_until_it_is_repaired() {
    let home = Home::new();
    write_bar(&home, "one");
    let daemon = home.start();
    write_bar(&home, "two");
    let broken = home.write_resolver("cache:\n  ttl: 60\nsecrets: 7\n");
    daemon.reload();
    assert_eq!(said(&home), "one\n", "all of it or none");
    let place = format!("{}:3", broken.display());
    let (outcome, parsed) = status(&home);
    assert_eq!(outcome.code, 2, "{outcome}");
    let error = parsed["configuration_error"].as_str().unwrap_or_default();
    assert!(
        error.contains(&place) && error.contains("secrets"),
        "{outcome}"
    );
    let for_people = home.ctl(&["status"]);
    assert_eq!(for_people.code, 2, "{for_people}");
    assert!(for_people.stdout.contains(&place), "{for_people}");
    std::fs::remove_file(&broken).expect("the file");
    daemon.reload();
    assert_eq!(said(&home), "two\n");
    assert_eq!(status(&home).0.code, 0);
}

#[test]
fn a_broken_service_file_refuses_its_own_service_and_no_old_version_is_served() {
    let home = Home::new();
    write_bar(&home, "one");
    home.write_service("baz", &json!({"target_command": ["echo", "baz"]}));
    let daemon = home.start();
    home.run(&["baz"]).success();
    write_bar(&home, "two");
    let broken = home.write_service_file("baz.json", "{\"target_command\": 7}");
    daemon.reload();
    assert_eq!(said(&home), "two\n");
    let place = format!("{}:1:20: target_command: must be", broken.display());
    home.run(&["baz"])
        .refused(2, &["service baz is refused", &place]);
    let (outcome, parsed) = status(&home);
    assert_eq!(outcome.code, 2, "{outcome}");
    assert_eq!(parsed["configuration_error"], "");
    assert!(
        parsed["warnings"][0]
            .as_str()
            .unwrap_or_default()
            .contains(&place),
        "{outcome}"
    );
    home.write_service("baz", &json!({"target_command": ["echo", "baz"]}));
    daemon.reload();
    home.run(&["baz"]).success();
    assert_eq!(status(&home).0.code, 0);
}

#[test]
fn vaultctl_reload_says_what_came_of_it() {
    let home = Home::new();
    write_bar(&home, "one");
    let _daemon = home.start();
    write_bar(&home, "two");
    home.ctl(&["reload"]).success();
    assert_eq!(said(&home), "two\n");
    let resolver = home.write_resolver("cache:\n  ttl: 10\npolicy:\n  rulez: []\n");
    let place = format!("{}:4", resolver.display());
    home.ctl(&["reload"]).refused(
        2,
        &[&place, "policy.rulez", "old configuration stays in force"],
    );
    assert_eq!(said(&home), "two\n");
}

#[test]
fn a_removed_service_can_no_longer_be_launched() {
    let home = Home::new();
    write_bar(&home, "one");
    let daemon = home.start();
    std::fs::remove_file(home.configuration("configs/bar.json")).expect("the file");
    daemon.reload();
    home.run(&["bar"])
        .refused(2, &["Service config not found: bar"]);
}

#[test]
fn a_reload_keeps_what_is_held() {
    let home = Home::new();
    let content = json!({"secrets": {"T": "local://t"}, "target_command": ["env"]});
    home.write_service("bar", &content);
    let daemon = home.start();
    home.put("t", "v");
    home.run(&["bar"]).success();
    let calls = home.local_calls();
    daemon.reload();
    home.run(&["bar"]).success();
    assert_eq!(home.local_calls(), calls);
}

#[test]
fn a_first_configuration_may_come_while_the_daemon_runs() {
    let home = Home::new();
    let daemon = home.start();
    home.run(&["bar"]).refused(2, &["no service is configured"]);
    home.write_resolver("services:\n  bar:\n    command: [echo, inline]\n");
    daemon.signal(Signal::SIGHUP);
    assert!(daemon.notified("X_VAULTD_RELOADED="), "{}", daemon.log());
    assert_eq!(said(&home), "inline\n");
}

#[test]
fn a_reload_without_a_change_is_none() {
    let home = Home::new();
    write_bar(&home, "one");
    let daemon = home.start();
    let before = daemon.log();
    for _ in 0..3 {
        // The same bytes in a new file.
        write_bar(&home, "one");
        daemon.reload();
        home.ctl(&["reload"]).success();
    }
    let (outcome, parsed) = status(&home);
    assert_eq!(parsed["configuration_generation"], 1, "{outcome}");
    let said = daemon.log()[before.len()..].to_owned();
    assert!(!said.contains("configuration"), "{said}");
    write_bar(&home, "two");
    daemon.reload();
    assert_eq!(status(&home).1["configuration_generation"], 2);
}

#[test]
fn a_program_that_was_installed_meanwhile_is_found_though_no_file_changed() {
    let home = Home::new();
    let program = home.path("later");
    home.write_service("bar", &json!({"target_command": [program]}));
    let daemon = home.start();
    home.run(&["bar"]).refused(127, &["later"]);
    std::fs::copy("/bin/true", &program).expect("a program");
    daemon.reload();
    home.run(&["bar"]).success();
}

#[test]
fn a_setting_that_needs_a_restart_says_so() {
    let home = Home::new();
    home.write_resolver("cache: {ttl: 10}\n");
    let daemon = home.start();
    home.write_resolver("memory: mlock\n");
    daemon.reload();
    let (outcome, parsed) = status(&home);
    let warnings = parsed["warnings"].to_string();
    assert!(
        warnings.contains("memory: has changed and needs a restart"),
        "{outcome}"
    );
    until("the log says so", || {
        daemon.log().contains("memory: has changed")
    });
}

#[test]
fn a_refusal_is_logged_once_for_each_state_of_the_files() {
    let home = Home::new();
    write_bar(&home, "one");
    let daemon = home.start();
    let refusals = || daemon.log().matches("configuration refused").count();
    for state in 1..4 {
        home.write_resolver(&format!("cache: [{state}]\n"));
        for _ in 0..3 {
            home.ctl(&["reload"]).refused(2, &["cache: must be a map"]);
            daemon.reload();
        }
        until("the log says so", || refusals() >= state);
        assert_eq!(refusals(), state, "{}", daemon.log());
    }
}
