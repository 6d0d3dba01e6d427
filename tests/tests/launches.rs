//! How often a backend is asked for launches, and which version each gets.

use std::process::{Child, Stdio};

use serde_json::json;
use vault_tests::harness::{Home, binaries};

fn prepared() -> Home {
    let home = Home::new();
    let secrets = json!({"BAR_TOKEN": "local://bar-token", "BAZ_TOKEN": "local://baz-token"});
    home.write_service(
        "bar",
        &json!({"secrets": secrets, "target_command": ["env"]}),
    );
    home
}

fn launch(home: &Home) -> Child {
    let mut command = home.command(&binaries().vault_run);
    command
        .arg("bar")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().expect("vault-run starts")
}

fn line_of(home: &Home, variable: &str) -> String {
    let launched = home.run(&["bar"]);
    let lines = launched.success().lines();
    let mut found = lines.filter(|line| line.starts_with(&format!("{variable}=")));
    found.next().expect("the variable").to_owned()
}

#[test]
fn a_hundred_launches_at_once_on_an_empty_cache_are_one_fetch_per_secret() {
    let home = prepared();
    let _daemon = home.start();
    home.put("bar-token", "one");
    home.put("baz-token", "two");
    home.ctl(&["flush"]).success();
    let before = home.local_calls();
    let launches: Vec<Child> = (0..100).map(|_| launch(&home)).collect();
    for child in launches {
        let output = child.wait_with_output().expect("vault-run ends");
        let text = String::from_utf8_lossy(&output.stdout);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{complaint}");
        assert!(
            text.contains("BAR_TOKEN=one\n") && text.contains("BAZ_TOKEN=two\n"),
            "{text}"
        );
    }
    assert_eq!(home.local_calls() - before, 2);
    assert_eq!(
        home.audit_of("launch").len(),
        100,
        "each launch is in the record"
    );
}

#[test]
fn a_second_launch_asks_no_backend_and_a_flush_makes_it_ask_again() {
    let home = prepared();
    let _daemon = home.start();
    home.put("bar-token", "one");
    home.put("baz-token", "two");
    home.run(&["bar"]).success();
    let warm = home.local_calls();
    home.run(&["bar"]).success();
    assert_eq!(home.local_calls(), warm);
    home.ctl(&["flush", "local://bar-token"]).success();
    home.run(&["bar"]).success();
    assert_eq!(home.local_calls(), warm + 1, "one was flushed");
    home.ctl(&["flush"]).success();
    home.run(&["bar"]).success();
    assert_eq!(home.local_calls(), warm + 3, "both were flushed");
}

#[test]
fn a_new_version_is_seen_by_the_next_launch() {
    let home = prepared();
    let _daemon = home.start();
    home.put("bar-token", "old");
    home.put("baz-token", "other");
    assert_eq!(line_of(&home, "BAR_TOKEN"), "BAR_TOKEN=old");
    home.put("bar-token", "new");
    assert_eq!(line_of(&home, "BAR_TOKEN"), "BAR_TOKEN=new");
    assert_eq!(line_of(&home, "BAZ_TOKEN"), "BAZ_TOKEN=other");
}

#[test]
fn a_service_may_stay_with_an_older_version() {
    let home = prepared();
    let pinned = json!({"BAR_TOKEN": {"secret_name": "local://bar-token", "version": 1}});
    home.write_service(
        "bar",
        &json!({"secrets": pinned, "target_command": ["env"]}),
    );
    let _daemon = home.start();
    home.put("bar-token", "old");
    home.put("bar-token", "new");
    assert_eq!(line_of(&home, "BAR_TOKEN"), "BAR_TOKEN=old");
}

#[test]
fn after_a_delete_nothing_is_launched() {
    let home = prepared();
    let _daemon = home.start();
    home.put("bar-token", "held in the cache");
    home.put("baz-token", "other");
    home.run(&["bar"]).success();
    home.ctl(&["delete", "--yes", "bar-token"]).success();
    home.run(&["bar"])
        .refused(3, &["BAR_TOKEN", "local://bar-token", "no such secret"]);
    home.put("bar-token", "again");
    assert_eq!(line_of(&home, "BAR_TOKEN"), "BAR_TOKEN=again");
}

#[test]
fn an_optional_secret_that_is_missing_is_left_out_and_said() {
    let home = prepared();
    let optional = json!({"BAR_TOKEN": {"secret_name": "local://absent", "required": false}});
    home.write_service(
        "bar",
        &json!({"secrets": optional, "target_command": ["env"]}),
    );
    let _daemon = home.start();
    let launched = home.run(&["bar"]);
    assert!(!launched.success().contains("BAR_TOKEN"), "{launched}");
    assert!(
        launched.stderr.contains("BAR_TOKEN is left out"),
        "{launched}"
    );
}

#[test]
fn more_than_one_reply_can_hold_is_refused_before_anything_is_said_to_leave() {
    let home = prepared();
    home.write_resolver("policy: {rules: [{allow: [all]}]}\n");
    let names: Vec<String> = (0..9).map(|number| format!("T{number}")).collect();
    let secrets = names
        .iter()
        .map(|name| (name.clone(), json!(format!("local://{name}"))));
    let secrets: serde_json::Map<_, _> = secrets.collect();
    let content = json!({"secrets": secrets, "target_command": ["true"]});
    home.write_service("large", &content);
    let _daemon = home.start();
    for name in &names[1..] {
        home.put(name, vec![b'x'; 60 * 1024]);
    }
    home.put("T0", vec![b'x'; 64 * 1024]);
    let words = ["512 KiB at most", "T0 (65 KiB)", "fewer at once"];
    let launched = home.run(&["large"]);
    launched.refused(3, &words);
    let record = home.audit_of("launch").pop().expect("a record");
    assert_eq!(record["outcome"], "failed");
    assert_eq!(record["error"], "values_too_large");
    assert_eq!(record["values"][0]["state"], "withheld");
    let checked = home.run(&["--test", "large"]);
    assert_eq!(checked.code, 3, "{checked}");
    assert!(checked.to_string().contains("512 KiB at most"), "{checked}");
    let fewer = home.run(&["--test", "bar"]);
    assert!(!fewer.to_string().contains("at most"), "{fewer}");
}
