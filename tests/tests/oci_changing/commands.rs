//! Changes of secrets by the real programs.

use vault_tests::harness::{Daemon, Home};
use vault_tests::oci::{COMPARTMENT, FakeOci, Fault, Route, Times, VAULT, write_credentials};
use vault_tests::scan::{Scanner, marked_value};

const RULES: &str = "policy:\n  rules:\n    - allow: [default]\n    - allow: [get, put, promote, \
                     schedule-deletion, cancel-deletion]\n      references: ['oci-vault://*']\n";

/// A home whose bare names are in the fake's vault.
fn home_of(fake: &FakeOci, rules: &str) -> Home {
    let home = Home::new();
    let credentials = write_credentials(fake, home.root()).unwrap();
    let url = fake.https_url();
    let (config, authority) = (&credentials.config_file, &credentials.ca_file);
    home.write_resolver(&format!(
        "vault:\n  config_file: {}\n  ca_file: {}\n  endpoint: {url}\n  management_endpoint: {url}\n  \
         key_management_endpoint: {url}\n  compartment_id: {COMPARTMENT}\n  vault_id: {VAULT}\n{rules}",
        config.display(),
        authority.display(),
    ));
    home
}

fn put(home: &Home, arguments: &[&str], value: &str) -> String {
    let arguments = [&["put", "oci-vault://db"], arguments].concat();
    let outcome = home.ctl_with_input(&arguments, value.as_bytes());
    outcome.success().to_owned()
}

fn get(home: &Home) -> String {
    home.ctl(&["get", "oci-vault://db"]).success().to_owned()
}

#[test]
fn a_secret_is_made_changed_and_given_up_by_the_commands() {
    let fake = FakeOci::start();
    let home = home_of(&fake, RULES);
    let _daemon: Daemon<'_> = home.start();
    assert_eq!(
        put(&home, &[], "one"),
        "oci-vault://db stored as version 1: 3 bytes, used by no service\n"
    );
    assert_eq!(get(&home), "one");
    let waits = put(&home, &["--pending", "--version-name", "blue"], "two");
    assert!(
        waits.contains("`vaultctl promote oci-vault://db 2`"),
        "{waits}"
    );
    assert_eq!(get(&home), "one");
    let table = home.ctl(&["versions", "oci-vault://db"]);
    let table = table.success();
    assert!(
        table.contains("blue") && table.contains("PENDING"),
        "{table}"
    );
    home.ctl(&["promote", "oci-vault://db", "2"]).success();
    assert_eq!(get(&home), "two", "what was held is forgotten");
    put(&home, &[], "three");
    let scheduled = home.ctl(&[
        "schedule-deletion",
        "oci-vault://db",
        "--version",
        "1",
        "--in",
        "2",
    ]);
    let scheduled = scheduled.success();
    assert!(scheduled.contains("in 2 days"), "{scheduled}");
    home.ctl(&["cancel-deletion", "oci-vault://db", "--version", "1"])
        .success();
    home.ctl(&["schedule-deletion", "oci-vault://db"]).success();
    home.ctl(&["get", "oci-vault://db"])
        .refused(3, &["deletion"]);
    home.ctl(&["cancel-deletion", "oci-vault://db"]).success();
    assert_eq!(get(&home), "three");
    let events = ["put", "promote", "schedule-deletion", "cancel-deletion"];
    let recorded = events.map(|event| home.audit_of(event).len());
    assert_eq!(recorded, [3, 1, 2, 2]);
}

#[test]
fn nothing_is_changed_without_a_rule_and_the_refusal_prints_it() {
    let fake = FakeOci::start();
    fake.put("db", "v");
    let home = home_of(&fake, "");
    let _daemon = home.start();
    for (action, arguments) in [
        (
            "put",
            &["put", "oci-vault://db", "--empty", "--file", "/dev/null"][..],
        ),
        ("promote", &["promote", "oci-vault://db", "1"]),
        (
            "schedule-deletion",
            &["schedule-deletion", "oci-vault://db"],
        ),
        ("cancel-deletion", &["cancel-deletion", "oci-vault://db"]),
    ] {
        let rule = format!("{{ allow: [{action}], references: [\"oci-vault://db\"] }}");
        home.ctl(arguments).refused(3, &[&rule]);
    }
    let changed = [
        Route::CreateSecret,
        Route::UpdateSecret,
        Route::ScheduleSecretDeletion,
        Route::CancelSecretDeletion,
    ];
    assert_eq!(changed.map(|route| fake.calls(route)), [0; 4]);
}

#[test]
fn what_cannot_be_done_is_refused_with_the_way_to_do_it() {
    let fake = FakeOci::start();
    fake.put("db", "v");
    let home = home_of(&fake, "policy: {rules: [{allow: [all]}]}\n");
    let _daemon = home.start();
    let words = ["vaultctl schedule-deletion"];
    home.ctl(&["delete", "oci-vault://db"]).refused(3, &words);
    home.put("here", "v");
    let words = ["vaultctl delete"];
    home.ctl(&["schedule-deletion", "here"]).refused(3, &words);
    let empty = ["put", "oci-vault://db", "--empty", "--file", "/dev/null"];
    home.ctl(&empty).refused(3, &["the value is empty"]);
}

#[test]
fn a_value_on_its_way_to_the_vault_is_in_no_message_and_no_file() {
    let fake = FakeOci::start();
    let home = home_of(&fake, RULES);
    let value = marked_value();
    let daemon = home.start_with(|command| {
        command.env("VAULTD_LOG", "trace");
    });
    put(&home, &[], &value);
    for route in [Route::UpdateSecret, Route::GetSecret, Route::ListSecrets] {
        for fault in [Fault::ResetAfter(0), Fault::Html(502), Fault::Empty] {
            fake.fail(route, fault, Times::Next(1));
            let failed = home.ctl_with_input(&["put", "oci-vault://db"], value.as_bytes());
            failed.refused(3, &["as profile DEFAULT"]);
        }
    }
    let said = format!("{}{}", daemon.log(), home.said());
    let scanner = Scanner::new(value.as_bytes());
    assert_eq!(scanner.first_in("what was said", said.as_bytes()), None);
    assert_eq!(scanner.in_files(home.root()), []);
}
