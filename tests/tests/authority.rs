//! Who may have what, and that it is written down before it leaves.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};
use vault_tests::harness::Home;
use vault_tests::scan::{Scanner, marked_value};

fn prepared() -> Home {
    let home = Home::new();
    let content = json!({"secrets": {"BAR_TOKEN": "local://bar-token"}, "target_command": ["env"]});
    home.write_service("bar", &content);
    home
}

/// The last record of an event.
fn last(home: &Home, event: &str) -> Value {
    home.audit_of(event)
        .pop()
        .unwrap_or_else(|| panic!("no {event} in {:?}", home.audit()))
}

#[test]
fn a_value_cannot_simply_be_read_and_the_rule_to_add_is_printed() {
    let home = prepared();
    let _daemon = home.start();
    home.put("bar-token", "v");
    let rule = "{ allow: [get], references: [\"local://bar-token\"] }";
    home.ctl(&["get", "bar-token"])
        .refused(3, &["policy denies get", rule, "resolver.yaml"]);
    let record = last(&home, "get");
    assert_eq!(
        (&record["outcome"], &record["error"]),
        (&json!("denied"), &json!("denied"))
    );
    assert_eq!(record["values"][0]["reference"], "local://bar-token");
}

#[test]
fn the_rule_that_was_printed_makes_it_readable() {
    let home = prepared();
    let daemon = home.start();
    home.put("bar-token", "v");
    home.put("other-token", "w");
    let refusal = home.ctl(&["get", "bar-token"]);
    let section = refusal.stderr.split('\'').nth(1);
    home.write_resolver(section.unwrap_or_else(|| panic!("a section to add: {refusal}")));
    daemon.reload();
    assert_eq!(home.ctl(&["get", "bar-token"]).success(), "v");
    home.ctl(&["get", "other-token"])
        .refused(3, &["policy denies get of local://other-token"]);
    home.run(&["bar"]).success();
    assert_eq!(last(&home, "get")["outcome"], "denied");
    assert_eq!(last(&home, "launch")["outcome"], "allowed");
}

#[test]
fn rules_replace_the_default_and_the_first_that_matches_decides() {
    let home = prepared();
    home.write_resolver(
        "policy:\n  rules:\n    - deny: [put]\n      references: [\"local://x-*\"]\n    \
         - allow: [put, status]\n",
    );
    let _daemon = home.start();
    home.put("bar-token", "v");
    home.ctl_with_input(&["put", "x-1"], b"v")
        .refused(3, &["policy denies put of local://x-1"]);
    home.run(&["bar"])
        .refused(3, &["policy denies launch", "no rule matches"]);
    home.ctl(&["list"]).refused(3, &["policy denies list"]);
    assert_eq!(last(&home, "put")["rule"], "rule at resolver.yaml:3");
}

#[test]
fn another_command_needs_a_rule_that_says_so() {
    let home = prepared();
    let daemon = home.start();
    home.put("bar-token", "v");
    let words = [
        "policy denies launch-command",
        "allow: [launch-command]",
        "services: [bar]",
    ];
    home.run(&["bar", "--", "echo", "other"]).refused(3, &words);
    assert_eq!(last(&home, "launch-command")["outcome"], "denied");
    home.write_resolver(
        "policy:\n  rules:\n    - allow: [default]\n    - allow: [launch-command]\n      \
         services: [bar]\n",
    );
    daemon.reload();
    let launched = home.run(&[
        "bar",
        "--",
        "sh",
        "-c",
        "echo $0 $1 $BAR_TOKEN",
        "a b",
        "-x",
    ]);
    assert_eq!(launched.success(), "a b -x v\n");
}

#[test]
fn a_value_that_is_left_out_is_not_recorded_as_handed_out() {
    let home = prepared();
    let optional = json!({"secret_name": "local://nul", "required": false});
    let secrets = json!({"NUL": optional, "BAR_TOKEN": "local://bar-token"});
    home.write_service(
        "bar",
        &json!({"secrets": secrets, "target_command": ["env"]}),
    );
    let _daemon = home.start();
    home.put("bar-token", "v");
    home.put("nul", "a\0b");
    let launched = home.run(&["bar"]);
    assert!(!launched.success().contains("NUL="), "{launched}");
    let record = last(&home, "launch");
    assert_eq!(record["outcome"], "allowed");
    let said: Vec<_> = ["NUL", "BAR_TOKEN"]
        .iter()
        .map(|variable| {
            let values = record["values"].as_array().expect("values");
            let value = values.iter().find(|value| value["variable"] == *variable);
            let value = value.expect("each variable");
            (value["state"].clone(), value["problem"].clone())
        })
        .collect();
    let withheld = (json!("withheld"), json!("unusable_value"));
    assert_eq!(said, [withheld, (json!("fresh"), Value::Null)]);
}

#[test]
fn a_record_has_exactly_the_documented_fields_and_no_value() {
    let home = prepared();
    let token = json!({
        "secret_name": "local://other", "environment": {"production": "local://bar-token"}
    });
    let content = json!({"secrets": {"BAR_TOKEN": token}, "target_command": ["env"]});
    home.write_service("bar", &content);
    let value = marked_value();
    let _daemon = home.start();
    home.put("bar-token", &value);
    home.run(&["bar@production"]).success();
    let record = last(&home, "launch");
    assert_eq!(record["environment"], "production");
    let keys = |value: &Value| -> BTreeSet<String> {
        value
            .as_object()
            .expect("an object")
            .keys()
            .cloned()
            .collect()
    };
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let expected: BTreeSet<String> = names(&[
        "time",
        "event",
        "outcome",
        "rule",
        "service",
        "environment",
        "values",
        "peer",
        "request_id",
    ]);
    assert_eq!(keys(&record), expected);
    let expected: BTreeSet<String> =
        names(&["variable", "reference", "version", "state", "age_seconds"]);
    assert_eq!(keys(&record["values"][0]), expected);
    assert_eq!(
        keys(&record["peer"]),
        names(&["uid", "pid", "unit", "program", "client", "parent"])
    );
    let client = record["peer"]["client"].as_str().expect("a client");
    assert!(client.starts_with("vault-run/"), "{client}");
    assert_eq!(record["event"], "launch");
    assert_eq!(record["outcome"], "allowed");
    assert_eq!(record["rule"], "the default policy");
    assert_eq!(record["service"], "bar");
    assert_eq!(record["environment"], "production");
    let secret = &record["values"][0];
    assert_eq!(secret["variable"], "BAR_TOKEN");
    assert_eq!(secret["reference"], "local://bar-token");
    assert_eq!(secret["version"], "1");
    assert_eq!(secret["state"], "fresh");
    let time = record["time"].as_str().expect("a time");
    assert!(
        time.ends_with('Z') && time.len() == "2026-01-01T00:00:00.000Z".len(),
        "{time}"
    );
    assert_eq!(record["request_id"].as_str().map(str::len), Some(32));
    let text = std::fs::read(home.state("audit.jsonl")).expect("the record");
    assert_eq!(
        Scanner::new(value.as_bytes()).first_in("the record", &text),
        None
    );
}

#[test]
fn the_record_belongs_to_the_user_alone() {
    let home = prepared();
    let _daemon = home.start();
    home.put("bar-token", "v");
    let mode = |name: &str| {
        home.state(name)
            .metadata()
            .expect("it is there")
            .permissions()
            .mode()
    };
    for name in ["audit.jsonl", "store.age", "identity.txt"] {
        assert_eq!(mode(name) & 0o777, 0o600, "{name}");
    }
    assert_eq!(mode("") & 0o777, 0o700, "the directory");
}

/// Puts something where no record can be written.
fn block_the_record(home: &Home) {
    std::fs::remove_file(home.state("audit.jsonl")).expect("the record so far");
    std::fs::create_dir(home.state("audit.jsonl")).expect("a directory in its place");
}

#[test]
fn without_a_record_no_value_leaves() {
    let home = prepared();
    let _daemon = home.start();
    home.put("bar-token", "v");
    home.run(&["bar"]).success();
    block_the_record(&home);
    home.run(&["bar"]).refused(
        3,
        &["nothing leaves without its audit record", "audit.jsonl"],
    );
    home.ctl_with_input(&["put", "bar-token"], b"w")
        .refused(3, &["audit record"]);
    let status = home.ctl(&["status"]);
    assert_eq!(status.code, 2, "{status}");
    assert!(status.stdout.contains("audit.jsonl"), "{status}");
    std::fs::remove_dir(home.state("audit.jsonl")).expect("the directory");
    let launched = home.run(&["bar"]);
    assert!(
        launched.success().contains("BAR_TOKEN=v\n"),
        "the put did not happen: {launched}"
    );
}

#[test]
fn a_record_that_is_a_link_is_not_written_through() {
    let home = prepared();
    let _daemon = home.start();
    home.put("bar-token", "v");
    std::fs::remove_file(home.state("audit.jsonl")).expect("the record so far");
    std::os::unix::fs::symlink("/dev/null", home.state("audit.jsonl")).expect("a link");
    home.run(&["bar"])
        .refused(3, &["nothing leaves without its audit record"]);
}

#[test]
fn values_leave_without_a_record_only_where_that_is_configured() {
    let home = prepared();
    home.write_resolver("audit:\n  on_failure: serve\n");
    let _daemon = home.start();
    home.put("bar-token", "v");
    block_the_record(&home);
    let launched = home.run(&["bar"]);
    assert!(launched.success().contains("BAR_TOKEN=v\n"), "{launched}");
    let status = home.ctl(&["status"]);
    assert_eq!(status.code, 2, "a person is told: {status}");
    assert!(status.stdout.contains("audit.jsonl"), "{status}");
}

#[test]
fn old_records_are_kept_in_numbered_files() {
    let home = prepared();
    home.write_resolver("audit:\n  max_bytes: 2000\n  keep: 2\n");
    let _daemon = home.start();
    home.put("bar-token", "v");
    for _ in 0..30 {
        home.run(&["bar"]).success();
    }
    for name in ["audit.jsonl", "audit.jsonl.1", "audit.jsonl.2"] {
        let length = home.state(name).metadata().expect("it is there").len();
        assert!(length <= 2000, "{name} has {length} bytes");
    }
    assert!(!home.state("audit.jsonl.3").exists());
}

#[test]
fn what_a_caller_typed_by_mistake_is_not_written_down() {
    let home = prepared();
    let _daemon = home.start();
    home.put("bar-token", "v");
    let token = format!("ghp_{}", "a1B2".repeat(9));
    let refusals = [
        (
            vec![token.as_str()],
            "Service config not found: (not a name)",
            "unknown_service",
        ),
        (
            vec!["--env", &token, "bar"],
            "no environment (not a name)",
            "unknown_environment",
        ),
        (
            vec!["nobody"],
            "Service config not found: nobody",
            "unknown_service",
        ),
    ];
    for (arguments, words, error) in refusals {
        let outcome = home.run(&arguments);
        outcome.refused(2, &[words]);
        assert!(!outcome.stderr.contains(&token[4..]), "{outcome}");
        let record = last(&home, "launch");
        assert_eq!(
            (&record["outcome"], &record["error"]),
            (&json!("failed"), &json!(error))
        );
    }
    assert_eq!(last(&home, "launch")["service"], "nobody", "a name is");
    let exchanged = home.ctl_with_input(&["put", &token], b"name");
    exchanged.refused(2, &["the name looks like a secret itself"]);
    assert!(!exchanged.stderr.contains(&token[4..]), "{exchanged}");
    let last = home.ctl(&["last"]);
    assert!(!last.success().contains(&token[4..]), "{last}");
    let audit = std::fs::read_to_string(home.state("audit.jsonl")).unwrap();
    assert!(!audit.contains(&token[4..]), "{audit}");
}
