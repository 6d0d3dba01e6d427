//! `vault-run --test` shows what a launch would get, and starts nothing.

#[path = "../../lib/tests/fake/daemon.rs"]
mod fake;
#[path = "support/programs.rs"]
mod programs;

use std::process::Stdio;

use fake::{Fake, Plan};
use programs::{VAULT_RUN, run, stderr, stdout};
use vault_proto::generated::{CheckReply, CheckedSecret, Provenance};
use vault_proto::kinds;

fn plan(launchable: bool) -> Plan {
    let held = Provenance {
        version: "3".to_owned(),
        age_ms: 7_200_000,
        state: 2,
        stale_reason: "timeout".to_owned(),
    };
    let secret = CheckedSecret {
        variable: "TOKEN".to_owned(),
        reference: "local://token".to_owned(),
        required: true,
        provenance: launchable.then_some(held),
        problem: if launchable { "" } else { "no such secret" }.to_owned(),
    };
    let mut plan = Plan::script("echo started").secret("TOKEN", b"hunter2");
    plan.check = CheckReply {
        argv: vec!["/bin/true".to_owned(), "a b".to_owned()],
        secrets: vec![secret],
        launchable,
        ..CheckReply::default()
    };
    plan
}

#[test]
fn what_would_start_is_shown_and_not_started() {
    let fake = Fake::start(plan(true));
    let output = run(&fake, &["--test", "git"]);
    let expected = "VARIABLE  REFERENCE      VERSION  AGE      STATE\n\
                    TOKEN     local://token  3        2 hours  stale: timeout\n\
                    command: /bin/true 'a b'\n\
                    would start: yes\n";
    assert_eq!(stdout(&output), expected);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(fake.asked(), [r#"check ("git", "", [])"#]);
}

#[test]
fn without_a_name_every_service_is_tested() {
    let fake = Fake::start(plan(false));
    let output = run(&fake, &["--test", "--env", "dev"]);
    let text = stdout(&output);
    assert!(text.starts_with("git:\nVARIABLE "), "{text}");
    assert!(text.ends_with("would start: no\n"), "{text}");
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(fake.asked(), ["list ()", r#"check ("git", "dev", [])"#]);
    let output = run(&Fake::start(plan(true)), &["--test"]);
    assert_eq!(output.status.code(), Some(0));
    let fake = Fake::start(plan(true));
    let mut command = fake.command(VAULT_RUN, &["--test"]);
    let output = command
        .env("OCI_CONFIG_PROFILE", "WORK")
        .stdin(Stdio::null());
    assert!(output.output().expect("vault-run").status.success());
    assert_eq!(
        fake.asked(),
        ["list ()", r#"check ("git", " as WORK", [])"#]
    );
}

#[test]
fn what_would_not_start_is_shown_and_ends_in_3() {
    let output = run(&Fake::start(plan(false)), &["--test", "git"]);
    let text = stdout(&output);
    assert!(
        text.contains("no such secret") && text.contains("would start: no"),
        "{text}"
    );
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn a_directory_that_is_gone_is_shown_and_ends_in_2() {
    let mut gone = plan(true);
    gone.check.cwd = "/nonexistent".to_owned();
    let output = run(&Fake::start(gone), &["--test", "git"]);
    let text = stdout(&output);
    assert!(
        text.contains("problem: cannot start in /nonexistent: No such file")
            && text.ends_with("would start: no\n"),
        "{text}"
    );
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn variables_that_are_not_inherited_are_named() {
    let fake = Fake::start(plan(true));
    let mut command = fake.command(VAULT_RUN, &["--test", "git"]);
    command.env("NODE_OPTIONS", "--require hunter2");
    let text = stdout(&command.stdin(Stdio::null()).output().unwrap());
    assert!(text.contains("not inherited: NODE_OPTIONS\n"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn a_report_that_cannot_be_printed_is_a_failure() {
    let fake = Fake::start(plan(true));
    let mut command = fake.command(VAULT_RUN, &["--test", "git"]);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    let output = command.stdin(Stdio::null()).stdout(full.unwrap());
    let output = output.output().unwrap();
    assert!(stderr(&output).contains("cannot write to standard output"));
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_refusal_is_shown_whole() {
    let fake = Fake::start(Plan::refusing(kinds::DENIED, "denied\na\nb\nc\nd"));
    let output = run(&fake, &["--test", "git"]);
    assert_eq!(stderr(&output).lines().count(), 5);
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn help_names_every_option_that_the_man_page_does_and_the_other_way_round() {
    let help = stdout(&run(&Fake::absent(), &["--help"]));
    let page = include_str!("../vault-run.1").replace(r"\-", "-");
    let options = |text: &str| {
        let word = |letter: char| !(letter.is_ascii_alphanumeric() || letter == '-');
        let mut options: Vec<String> = text
            .split(word)
            .filter(|word| word.len() > 1 && word.starts_with('-') && *word != "--")
            .map(str::to_owned)
            .collect();
        options.sort();
        options.dedup();
        options
    };
    assert_eq!(options(&help), options(&page));
    assert!(options(&help).contains(&"--deadline".to_owned()));
}
