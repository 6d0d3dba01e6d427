//! A text gets its values from the daemon, where policy permits it.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use vault_tests::harness::{Home, Outcome, binaries};
use vault_tests::scan::{Scanner, marked_value};

const TEXT: &str = "\
servers:
  p.q:
    env: {TOKEN: local://ok-token, AGAIN: 'local://ok-token', VERSION: 1.10}
    args: [local://ok-other, plain]
";

fn prepared() -> Home {
    let home = Home::new();
    home.write_resolver(
        "policy:\n  rules:\n    - allow: [default]\n    - allow: [get]\n      \
         references: [\"local://ok-*\", \"oci-vault://*\"]\n",
    );
    home
}

fn resolve(home: &Home, arguments: &[&str], text: &str) -> Outcome {
    home.ctl_with_input(&[&["resolve"], arguments].concat(), text.as_bytes())
}

fn content(path: &Path) -> String {
    std::fs::read_to_string(path).expect("a file")
}

#[test]
fn references_become_values_and_the_rest_stays() {
    let home = prepared();
    let _daemon = home.start();
    home.put("ok-token", "l1\nl2: #");
    home.put("ok-other", "yes");
    let expected = "servers:\n  p.q:\n    env: {TOKEN: \"l1\\nl2: #\", AGAIN: \"l1\\nl2: #\", \
                    VERSION: 1.10}\n    args: [\"yes\", plain]\n";
    assert_eq!(resolve(&home, &["--strict"], TEXT).success(), expected);
    let records = home.audit_of("get");
    assert_eq!(records.len(), 1, "one call: {records:?}");
    assert_eq!(records[0]["outcome"], "allowed");
    assert_eq!(records[0]["values"].as_array().map(Vec::len), Some(2));
}

#[test]
fn a_denial_prints_the_rule_to_add_and_writes_nothing() {
    let home = prepared();
    let _daemon = home.start();
    home.put("ok-token", "v");
    home.put("other", "w");
    let target = home.path("out.yaml");
    std::fs::write(&target, "old").expect("a file");
    let arguments = ["-o", target.to_str().expect("UTF-8")];
    let denied = resolve(&home, &arguments, "a: local://ok-token\nb: local://other\n");
    let rule = "{ allow: [get], references: [\"local://other\"] }";
    denied.refused(3, &["ERROR: policy denies get of local://other", rule]);
    assert_eq!(content(&target), "old");
}

#[test]
fn the_result_is_a_file_of_its_owner_and_no_value_is_said() {
    let home = prepared();
    let value = marked_value();
    let _daemon = home.start();
    home.put("ok-token", &value);
    let target = home.path("out.yaml");
    let arguments = ["-v", "-o", target.to_str().expect("UTF-8")];
    let text = "a: local://ok-token\nb: local://ok-gone\nc: oci-vault://n\n";
    let outcome = resolve(&home, &arguments, text);
    assert_eq!(outcome.success(), "");
    let rest = "b: local://ok-gone\nc: oci-vault://n\n";
    assert_eq!(content(&target), format!("a: \"{value}\"\n{rest}"));
    let mode = target.metadata().expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for words in [
        "WARNING: b (line 2) stays as it is",
        "INFO: 1 of 3 references resolved",
    ] {
        assert!(
            outcome.stderr.contains(words),
            "{words:?} is not said: {outcome}"
        );
    }
    let said = home.said();
    let audit = content(&home.state("audit.jsonl"));
    for (place, text) in [("standard error", said), ("the record", audit)] {
        let found = Scanner::new(value.as_bytes()).first_in(place, text.as_bytes());
        assert_eq!(found, None);
    }
}

#[test]
fn unresolved_references_end_in_4_where_that_is_asked_for() {
    let home = prepared();
    let _daemon = home.start();
    home.put("ok-token", "v");
    let text = "a: local://ok-token\nb: local://ok-gone\n";
    resolve(&home, &["--strict"], text).refused(4, &["WARNING: b (line 2)", "ERROR: 1 unresolved"]);
    let rest = "a: \"v\"\nb: local://ok-gone\n";
    assert_eq!(resolve(&home, &[], text).success(), rest);
}

#[test]
fn the_old_names_resolve() {
    let home = prepared();
    let _daemon = home.start();
    home.put("ok-token", "v");
    for name in ["oci-vault-resolve", "oci_vault_resolver.py"] {
        let old = home.path(name);
        symlink(&binaries().vaultctl, &old).expect("a link");
        let mut command = home.command(&old);
        command.args(["--verbose", "--ttl", "60"]);
        let outcome = home.finish(command, b"a: local://ok-token\n");
        assert_eq!(outcome.success(), "a: \"v\"\n");
    }
}
