//! What is said to a person whose input is wrong, and with which exit code.
//!
//! Each refusal writes nothing to standard output; no value is in any message.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::json;
use vault_tests::harness::{Home, Outcome};
use vault_tests::scan::{Scanner, marked_value};

/// A home with the service `bar`, which gets `BAR_TOKEN`.
fn prepared() -> Home {
    let home = Home::new();
    write_bar(&home, "BAR_TOKEN", "local://bar-token");
    home
}

fn write_bar(home: &Home, variable: &str, reference: &str) {
    let content = json!({"secrets": {variable: reference}, "target_command": ["env"]});
    home.write_service("bar", &content);
}

#[track_caller]
fn says_nothing_of(value: &[u8], outcome: &Outcome) {
    let scanner = Scanner::new(value);
    assert_eq!(
        scanner.first_in("standard error", outcome.stderr.as_bytes()),
        None,
        "{outcome}"
    );
    assert_eq!(
        scanner.first_in("standard output", outcome.stdout.as_bytes()),
        None,
        "{outcome}"
    );
}

#[test]
fn an_unknown_service_is_named_with_where_it_was_looked_for() {
    let home = prepared();
    let _daemon = home.start();
    let configs = home.configuration("configs").display().to_string();
    home.run(&["nobody"])
        .refused(2, &["Service config not found: nobody", &configs, "bar"]);
    home.run(&["--test", "nobody"])
        .refused(2, &["Service config not found: nobody"]);
}

#[test]
fn an_unknown_secret_is_named_with_its_variable_and_service() {
    let home = prepared();
    let _daemon = home.start();
    home.run(&["bar"]).refused(
        3,
        &["bar", "BAR_TOKEN", "local://bar-token", "no such secret"],
    );
    home.ctl(&["delete", "bar-token"])
        .refused(3, &["local://bar-token", "no such secret"]);
}

#[test]
fn broken_yaml_is_refused_with_file_and_line() {
    let home = prepared();
    let file = home.write_resolver("cache:\n  ttl: 60\n  oops: [1, 2\nservices: {}\n");
    let place = format!("{}:", file.display());
    let refusal = home.start_refused();
    refusal.refused(2, &[&place]);
    let after = refusal
        .stderr
        .split(&place)
        .nth(1)
        .expect("the file is named");
    let line = after.split(':').next().expect("a line").parse::<u32>();
    assert!(matches!(line, Ok(3 | 4)), "{refusal}");
}

#[test]
fn a_wrong_value_is_refused_with_file_line_and_key() {
    let home = prepared();
    let file = home.write_resolver("version: \"1.0\"\ncache:\n  ttl: soon\n");
    let place = format!("{}:3", file.display());
    home.start_refused()
        .refused(2, &[&place, "cache.ttl", "whole number"]);
}

#[test]
fn a_wrong_service_file_is_refused_with_file_line_and_key() {
    let home = prepared();
    let file = home.write_service_file("baz.yaml", "secrets:\n  BAZ: [a]\ntarget_command: [env]\n");
    let place = format!("{}:2", file.display());
    let _daemon = home.start();
    home.run(&["baz"]).refused(2, &[&place, "secrets.BAZ"]);
}

#[test]
fn an_identity_that_does_not_fit_the_store_is_refused_and_the_store_left_alone() {
    let (home, other) = (prepared(), prepared());
    for home in [&home, &other] {
        let daemon = home.start();
        home.put("bar-token", "v");
        assert!(daemon.terminate().success());
    }
    let store = std::fs::read(home.state("store.age")).expect("a store");
    std::fs::copy(other.state("identity.txt"), home.state("identity.txt")).expect("a copy");
    let _daemon = home.start();
    home.run(&["bar"])
        .refused(3, &["store.age", "identity.txt", "does not fit"]);
    let put = home.ctl_with_input(&["put", "bar-token"], b"new");
    put.refused(3, &["store.age", "identity.txt", "does not fit"]);
    assert_eq!(
        std::fs::read(home.state("store.age")).expect("a store"),
        store
    );
}

#[test]
fn a_damaged_store_is_refused_and_left_alone() {
    let home = prepared();
    let _daemon = home.start();
    home.put("bar-token", "v");
    let store = std::fs::read(home.state("store.age")).expect("a store");
    let cut = &store[..store.len() - 7];
    std::fs::write(home.state("store.age"), cut).expect("a damaged store");
    home.run(&["bar"]).refused(3, &["store.age", "damaged"]);
    assert_eq!(
        std::fs::read(home.state("store.age")).expect("a store"),
        cut
    );
}

#[test]
fn a_store_that_cannot_be_opened_is_not_healthy_until_it_is_repaired() {
    let home = prepared();
    let _daemon = home.start();
    home.put("bar-token", "v");
    home.run(&["bar"]).success();
    let store = std::fs::read(home.state("store.age")).expect("a store");
    std::fs::write(home.state("store.age"), "no store").expect("a damaged store");
    home.ctl(&["refresh"]);
    home.run(&["bar"]).success();
    let status = home.ctl(&["status"]);
    assert_eq!(
        status.code, 2,
        "the value is fresh, the store is not well: {status}"
    );
    assert!(status.stdout.contains("store.age"), "{status}");
    std::fs::write(home.state("store.age"), store).expect("the store");
    home.ctl(&["refresh"]).success();
    home.ctl(&["status"]).success();
}

#[test]
fn configuration_that_everybody_can_write_is_refused() {
    let home = prepared();
    let resolver = home.write_resolver("cache: {ttl: 60}\n");
    open_to_all(&resolver);
    let name = resolver.display().to_string();
    home.start_refused()
        .refused(2, &[&name, "writable by everybody", "chmod o-w"]);
    std::fs::remove_file(&resolver).expect("the file");
    open_to_all(&home.configuration("configs/bar.json"));
    let _daemon = home.start();
    home.run(&["bar"])
        .refused(2, &["bar.json", "writable by everybody", "chmod o-w"]);
}

fn open_to_all(path: &Path) {
    std::fs::set_permissions(path, Permissions::from_mode(0o666)).expect("its mode");
}

#[test]
fn without_a_daemon_a_person_is_told_how_to_start_it() {
    let home = prepared();
    let socket = home.socket().display().to_string();
    let words = [
        "vaultd is not running",
        &socket,
        "systemctl --user start vaultd.socket",
        "vaultd &",
    ];
    home.run(&["bar"]).refused(3, &words);
    home.ctl(&["status"]).refused(3, &words);
    home.ctl_with_input(&["put", "bar-token"], b"v")
        .refused(3, &words);
}

#[test]
fn a_second_daemon_on_one_socket_is_refused_and_the_first_one_serves_on() {
    let home = prepared();
    let daemon = home.start();
    home.put("bar-token", "v");
    let socket = home.socket().display().to_string();
    home.start_refused().refused(
        3,
        &[
            "another vaultd uses the state directory",
            &socket,
            "stop it first",
        ],
    );
    home.run(&["bar"]).success();
    assert!(daemon.terminate().success());
}

#[test]
fn a_stale_socket_is_replaced() {
    let home = prepared();
    let daemon = home.start();
    home.put("bar-token", "v");
    daemon.kill();
    assert!(home.socket().exists(), "a killed daemon leaves its socket");
    let _daemon = home.start();
    home.run(&["bar"]).success();
}

#[test]
fn a_socket_directory_of_another_owner_is_refused() {
    if !nix::unistd::geteuid().is_root() {
        return println!("skipped: only root can give a directory away");
    }
    let home = prepared();
    let directory = home.runtime().join("vaultd");
    std::fs::create_dir(&directory).expect("a directory");
    std::fs::set_permissions(&directory, Permissions::from_mode(0o700)).expect("its mode");
    std::os::unix::fs::chown(&directory, Some(65534), Some(65534)).expect("its owner");
    let name = directory.display().to_string();
    home.start_refused().refused(
        3,
        &[&name, "belongs to uid 65534", "it must belong to uid 0"],
    );
}

#[test]
fn a_socket_directory_that_others_can_enter_is_refused() {
    let home = prepared();
    let directory = home.runtime().join("vaultd");
    std::fs::create_dir(&directory).expect("a directory");
    std::fs::set_permissions(&directory, Permissions::from_mode(0o755)).expect("its mode");
    let name = directory.display().to_string();
    home.start_refused()
        .refused(3, &[&name, "0755", "chmod 700"]);
}

#[test]
fn a_secret_name_with_dots_is_refused_everywhere() {
    let home = prepared();
    let daemon = home.start();
    let value = marked_value();
    for name in ["../bar", "local://a..b", ".."] {
        let put = home.ctl_with_input(&["put", name], value.as_bytes());
        put.refused(2, &["a name with .. or of dots alone is refused"]);
        says_nothing_of(value.as_bytes(), &put);
        home.ctl(&["delete", name]).refused(2, &["is refused"]);
    }
    assert!(!home.state("store.age").exists(), "nothing was stored");
    assert!(daemon.terminate().success());
    write_bar(&home, "BAR_TOKEN", "local://../bar");
    let _daemon = home.start();
    home.run(&["bar"])
        .refused(2, &["bar.json:1", "secrets.BAR_TOKEN", "is refused"]);
}

#[test]
fn a_value_with_nul_starts_nothing() {
    let home = prepared();
    let _daemon = home.start();
    let (left, right) = (marked_value(), marked_value());
    home.put("bar-token", format!("{left}\0{right}"));
    let refusal = home.run(&["bar"]);
    refusal.refused(3, &["NUL", "BAR_TOKEN", "local://bar-token"]);
    says_nothing_of(left.as_bytes(), &refusal);
    says_nothing_of(right.as_bytes(), &refusal);
    let tested = home.run(&["--test", "bar"]);
    assert_eq!(tested.code, 3, "{tested}");
    assert!(
        tested.stdout.contains("NUL") && tested.stdout.contains("would start: no"),
        "{tested}"
    );
}

#[test]
fn a_loader_variable_is_no_target_for_a_secret() {
    for variable in [
        "LD_PRELOAD",
        "NODE_OPTIONS",
        "PYTHONPATH",
        "PATH",
        "npm_config_x",
    ] {
        let home = Home::new();
        write_bar(&home, variable, "local://bar-token");
        let key = format!("secrets.{variable}");
        let _daemon = home.start();
        home.run(&["bar"]).refused(
            2,
            &["bar.json:1", &key, "no secret may go into this variable"],
        );
    }
}

#[test]
fn a_command_that_is_not_there_or_cannot_be_run_ends_as_shells_end() {
    let home = Home::new();
    let file = home.write_service(
        "absent",
        &json!({"target_command": ["no-such-program-here"]}),
    );
    home.write_service("plain", &json!({"target_command": [&file]}));
    let _daemon = home.start();
    home.run(&["absent"])
        .refused(127, &["no-such-program-here", "not found", "absent.json"]);
    home.run(&["plain"]).refused(126, &["not executable"]);
}

#[test]
fn an_argument_that_does_not_belong_is_not_repeated() {
    let home = prepared();
    let value = marked_value();
    for arguments in [
        &["bar", "--token", &value][..],
        &["bar", &value],
        &["bar", "--test", &value],
    ] {
        let refusal = home.run(arguments);
        refusal.refused(2, &["vault-run"]);
        says_nothing_of(value.as_bytes(), &refusal);
    }
    home.run(&["--config", "x", "bar"])
        .refused(2, &["--config", "vaultd"]);
    for arguments in [&["put", "bar-token", &value][..], &[&value]] {
        let refusal = home.ctl(arguments);
        refusal.refused(2, &[]);
        says_nothing_of(value.as_bytes(), &refusal);
    }
}
