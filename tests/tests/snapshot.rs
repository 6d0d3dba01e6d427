//! What is served after a restart, while the vault is out. Real programs, a fake cloud that goes away.

#[path = "oci_daemon/cloud.rs"]
#[expect(dead_code, reason = "not all of its room is needed here")]
mod cloud;

use std::fs;
use std::io::Read;
use std::path::PathBuf;

use serde_json::{Value, json};
use vault_backends::local::{LocalSettings, LocalStore};
use vault_memory::{Preference, Shield};
use vault_tests::harness::{Home, until};
use vault_tests::scan::{Scanner, marked_value};

use cloud::Cloud;

const FILE: &str = "snapshot.age";

/// A cloud with one secret for the service `bar`, and its reference. A ttl of 0 asks each time.
fn cloud(ttl: u64, value: &str) -> (Cloud, String) {
    let cloud = Cloud::new();
    cloud.configure(&json!({"cache": {"persist": "sealed", "ttl": ttl}}));
    let reference = format!("oci-vault://{}", cloud.fake.put("token", value));
    cloud.service("bar", &reference, &json!({}));
    (cloud, reference)
}

fn file(home: &Home) -> PathBuf {
    home.state(FILE)
}

fn is_kept(home: &Home) -> bool {
    file(home).exists()
}

/// What stands in the file, for whoever has the identity.
fn opened(home: &Home) -> Vec<u8> {
    let shield = Shield::new(Preference::Auto).expect("memory");
    let settings = LocalSettings::new(home.state(""));
    let store = LocalStore::open(&settings, shield).expect("the store");
    let sealed = store.sealed_file(&home.state(""), FILE);
    let opened = sealed.open(1 << 20).expect("it opens");
    let mut plain = Vec::new();
    let mut reader = opened.expect("there is one");
    reader.read_to_end(&mut plain).expect("it is whole");
    plain
}

fn holds(home: &Home, value: &str) -> bool {
    let opened = opened(home);
    opened
        .windows(value.len())
        .any(|part| part == value.as_bytes())
}

fn warnings(home: &Home) -> String {
    let status = home.ctl(&["--json", "status"]);
    let status: Value = serde_json::from_str(&status.stdout).expect("JSON");
    status["warnings"].to_string()
}

#[track_caller]
fn token(home: &Home, service: &str) -> String {
    let launched = home.run(&[service]);
    let mut lines = launched.success().lines();
    let found = lines.find_map(|line| line.strip_prefix("TOKEN="));
    found
        .unwrap_or_else(|| panic!("no token: {launched}"))
        .to_owned()
}

#[test]
fn a_daemon_that_starts_while_the_vault_is_out_serves_what_it_had_and_says_so() {
    let value = marked_value();
    let (Cloud { fake, home, .. }, _) = cloud(0, &value);
    let daemon = home.start();
    assert_eq!(token(&home, "bar"), value);
    assert!(daemon.terminate().success());
    assert!(holds(&home, &value), "nothing was kept");
    drop(fake);
    let daemon = home.start();
    assert_eq!(token(&home, "bar"), value);
    let record = home.audit_of("launch").pop().expect("a record");
    assert_eq!(record["outcome"], "allowed", "{record}");
    assert_eq!(record["values"][0]["state"], "stale", "{record}");
    assert_eq!(record["values"][0]["version"], "1", "{record}");
    assert!(daemon.terminate().success());
    // Once more: nothing became younger, and nothing was lost.
    let _daemon = home.start();
    assert_eq!(token(&home, "bar"), value);
    assert_eq!(Scanner::new(value.as_bytes()).in_files(home.root()), []);
}

#[test]
fn what_was_kept_before_it_was_killed_is_served_while_the_vault_is_out() {
    let value = marked_value();
    let (Cloud { fake, home, .. }, _) = cloud(3600, &value);
    let daemon = home.start();
    assert_eq!(token(&home, "bar"), value);
    until("the value is kept while the daemon runs", || is_kept(&home));
    daemon.kill();
    drop(fake);
    let _daemon = home.start();
    assert_eq!(token(&home, "bar"), value);
    let record = home.audit_of("launch").pop().expect("a record");
    // However young it is: there may have been a newer one.
    assert_eq!(record["values"][0]["state"], "stale", "{record}");
    assert_eq!(Scanner::new(value.as_bytes()).in_files(home.root()), []);
}

#[test]
fn a_newer_version_is_not_followed_by_the_older_one_that_a_killed_daemon_had_kept() {
    let (cloud, reference) = cloud(3600, &marked_value());
    let home = &cloud.home;
    let daemon = home.start();
    cloud.token("bar");
    until("it is kept", || is_kept(home));
    let older = fs::read(file(home)).expect("the file");
    let newer = marked_value();
    cloud.fake.put("token", &newer);
    home.ctl(&["refresh", &reference]).success();
    assert_eq!(cloud.token("bar"), newer);
    until("the newer one is kept", || holds(home, &newer));
    daemon.kill();
    // As if it had been killed a moment sooner.
    fs::write(file(home), older).expect("a file");
    let _daemon = home.start();
    // A vault that takes longer than a second is not waited for.
    let state = || home.audit_of("launch").pop().expect("a record")["values"][0]["state"].clone();
    until("the vault answers", || {
        let token = cloud.token("bar");
        assert!(token == newer || state() == "stale");
        state() == "fresh"
    });
    assert_eq!(cloud.token("bar"), newer);
}

#[test]
fn values_that_cannot_be_removed_from_the_disk_are_no_healthy_state() {
    let (cloud, _) = cloud(3600, &marked_value());
    let home = &cloud.home;
    let daemon = home.start();
    cloud.token("bar");
    until("it is kept", || is_kept(home));
    let healthy = |number: u8| {
        let metrics = home.ctl(&["metrics"]);
        let line = format!("vaultd_healthy {number}");
        let lines: Vec<_> = metrics.success().lines().collect();
        assert!(lines.contains(&line.as_str()), "{metrics}");
    };
    home.ctl(&["status"]).success();
    healthy(1);
    // What cannot be removed like a file.
    fs::remove_file(file(home)).expect("it goes");
    fs::create_dir(file(home)).expect("a directory");
    home.ctl(&["flush"])
        .refused(3, &["old values stay on the disk"]);
    assert_eq!(home.ctl(&["status"]).code, 2);
    healthy(0);
    fs::remove_dir(file(home)).expect("it goes");
    home.ctl(&["flush"]).success();
    home.ctl(&["status"]).success();
    healthy(1);
    assert!(daemon.terminate().success());
}

#[test]
fn what_is_flushed_is_off_the_disk_before_the_answer() {
    let (cloud, reference) = cloud(3600, &marked_value());
    let other = marked_value();
    let named = format!("oci-vault://{}", cloud.fake.put("other", &other));
    cloud.service("other", &named, &json!({}));
    let Cloud { fake, home, .. } = cloud;
    let daemon = home.start();
    let value = token(&home, "bar");
    assert_eq!(token(&home, "other"), other);
    until("both are kept", || {
        is_kept(&home) && holds(&home, &value) && holds(&home, &other)
    });
    // From here on nothing is fetched again.
    drop(fake);
    home.ctl(&["flush", &reference]).success();
    assert!(!holds(&home, &value), "it is still there");
    assert!(holds(&home, &other), "the other one is gone, too");
    daemon.kill();
    let _daemon = home.start();
    assert_eq!(token(&home, "other"), other);
    home.run(&["bar"]).refused(3, &[]);
    home.ctl(&["flush"]).success();
    assert!(!is_kept(&home));
}

#[test]
fn nothing_is_kept_unless_it_is_asked_for_and_nothing_stays_when_it_is_not_any_more() {
    let (cloud, reference) = cloud(3600, &marked_value());
    cloud.configure(&json!({}));
    let daemon = cloud.home.start();
    cloud.token("bar");
    assert!(daemon.terminate().success());
    assert!(!is_kept(&cloud.home));
    cloud.configure(&json!({"cache": {"persist": "sealed"}}));
    let daemon = cloud.home.start();
    cloud.token("bar");
    until("it is kept", || is_kept(&cloud.home));
    // While it runs.
    cloud.configure(&json!({}));
    cloud.home.ctl(&["reload"]).success();
    until("it is gone", || !is_kept(&cloud.home));
    cloud.configure(&json!({"cache": {"persist": "sealed"}}));
    cloud.home.ctl(&["reload"]).success();
    until("it is kept again", || is_kept(&cloud.home));
    daemon.kill();
    // And while it does not.
    cloud.configure(&json!({}));
    let _daemon = cloud.home.start();
    assert!(!is_kept(&cloud.home), "{reference} is still there");
}

#[test]
fn values_of_this_machines_store_are_not_kept_twice() {
    let home = Home::new();
    home.write_resolver("cache: {persist: sealed}\n");
    let service = json!({"secrets": {"TOKEN": {"secret_name": "local://token"}},
        "target_command": ["env"]});
    home.write_service("bar", &service);
    let daemon = home.start();
    home.put("token", "v");
    assert_eq!(token(&home, "bar"), "v");
    assert!(daemon.terminate().success());
    assert!(!is_kept(&home));
}

#[test]
fn a_torn_or_foreign_file_is_a_warning_until_there_is_a_good_one() {
    let value = marked_value();
    let (cloud, _) = cloud(3600, &value);
    let home = &cloud.home;
    let daemon = home.start();
    cloud.token("bar");
    assert!(daemon.terminate().success());
    let whole = fs::read(file(home)).expect("the file");
    let foreign = b"age-encryption.org/v1\n-> X25519 foreign\n".to_vec();
    let said = |log: &str| {
        log.matches("what was kept over the restart cannot be used")
            .count()
    };
    for (number, spoiled) in [whole[..whole.len() / 2].to_vec(), vec![], foreign]
        .into_iter()
        .enumerate()
    {
        fs::write(file(home), &spoiled).expect("a file");
        let daemon = home.start();
        until("the log says so", || said(&daemon.log()) == number + 1);
        assert_eq!(cloud.token("bar"), value);
        until("there is a good one", || {
            fs::read(file(home)).is_ok_and(|now| now != spoiled)
        });
        until("nobody is warned any more", || {
            !warnings(home).contains("kept over the restart")
        });
        assert!(daemon.terminate().success());
        assert!(holds(home, &value));
    }
}
