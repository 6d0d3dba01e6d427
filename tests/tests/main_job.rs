//! The main job: daemon, secret, service, and nothing left lying around.

use serde_json::json;
use vault_tests::harness::Home;
use vault_tests::scan::{Scanner, marked_value};

const SERVICE: &str =
    r#"{"secrets":{"BAR_TOKEN":{"secret_name":"local://bar-token"}},"target_command":["env"]}"#;

#[test]
fn a_stored_secret_is_in_the_environment_of_a_launched_program() {
    let home = Home::new();
    home.write_service_file("bar.json", SERVICE);
    let _daemon = home.start();
    home.shell("printf v | vaultctl put bar-token").success();
    let launched = home.shell("vault-run bar");
    assert!(
        launched.success().lines().any(|line| line == "BAR_TOKEN=v"),
        "{launched}"
    );
}

#[test]
fn the_value_is_in_no_file_and_no_log() {
    let home = Home::new();
    home.write_service_file("bar.json", SERVICE);
    let value = marked_value();
    let daemon = home.start();
    home.put("bar-token", &value);
    let launched = home.run(&["bar"]);
    assert!(
        launched.success().contains(&format!("BAR_TOKEN={value}\n")),
        "{launched}"
    );
    let scanner = Scanner::new(value.as_bytes());
    assert_eq!(scanner.in_files(home.root()), []);
    assert_eq!(
        scanner.first_in("standard error", home.said().as_bytes()),
        None
    );
    assert!(daemon.terminate().success());
    assert_eq!(scanner.in_files(home.root()), []);
}

#[test]
fn a_service_may_be_written_in_yaml_and_be_tested_without_being_started() {
    let home = Home::new();
    let text = "description: a server\n\
                secrets:\n  BAR_TOKEN: {secret_name: local://bar-token}\n\
                target_command: [touch, started]\n";
    home.write_service_file("bar.yaml", text);
    let value = marked_value();
    let _daemon = home.start();
    home.put("bar-token", &value);
    let tested = home.run(&["--test", "bar"]);
    let report = tested.success();
    for word in [
        "BAR_TOKEN",
        "local://bar-token",
        "fresh",
        "would start: yes",
    ] {
        assert!(report.contains(word), "{word} is not said: {tested}");
    }
    assert_eq!(
        Scanner::new(value.as_bytes()).first_in("the report", report.as_bytes()),
        None
    );
    assert!(!home.path("home/started").exists(), "a test starts nothing");
}

#[test]
fn the_command_reaches_the_program_word_by_word_and_its_output_is_all_there_is() {
    let home = Home::new();
    let words = [
        "printf",
        "<%s>",
        "a b",
        "",
        "$HOME",
        "*",
        "-x",
        "--",
        "gr\u{fc}n",
    ];
    home.write_service("words", &json!({"target_command": words}));
    let _daemon = home.start();
    let launched = home.run(&["words"]);
    assert_eq!(launched.success(), "<a b><><$HOME><*><-x><--><gr\u{fc}n>");
    assert_eq!(launched.stderr, "");
}

#[test]
fn the_launched_program_ends_as_it_likes() {
    let home = Home::new();
    let exits = |script: &str| json!({"target_command": ["sh", "-c", script]});
    home.write_service("seven", &exits("exit 7"));
    home.write_service("killed", &exits("kill -TERM $$"));
    let _daemon = home.start();
    assert_eq!(home.run(&["seven"]).code, 7);
    assert_eq!(home.run(&["killed"]).code, 128 + 15);
}

#[test]
fn the_store_outlives_the_daemon() {
    let home = Home::new();
    home.write_service_file("bar.json", SERVICE);
    let daemon = home.start();
    home.put("bar-token", "kept");
    assert!(daemon.terminate().success());
    let _daemon = home.start();
    let launched = home.run(&["bar"]);
    assert!(
        launched.success().contains("BAR_TOKEN=kept\n"),
        "{launched}"
    );
}
