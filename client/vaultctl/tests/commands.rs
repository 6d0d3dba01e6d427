//! Each command asks the right thing, shows the answer, and ends in its exit code.

#[path = "../../lib/tests/fake/daemon.rs"]
mod fake;
#[path = "support/programs.rs"]
mod programs;

use fake::{Fake, Plan};
use programs::{code, run, stderr, stdout};
use vault_proto::generated::{Provenance, WatchEvent};
use vault_proto::kinds;

/// Runs one command against a fresh fake: what it asked, printed, and ended with.
fn shown(arguments: &[&str]) -> (Vec<String>, String, Option<i32>) {
    let fake = Fake::start(Plan::default());
    let output = run(&fake, arguments);
    (fake.asked(), stdout(&output), code(&output))
}

#[test]
fn each_command_asks_and_shows_as_text() {
    for (arguments, asked, text) in [
        (&["flush"][..], r#"flush """#, "2 values forgotten\n"),
        (
            &["flush", "a"],
            r#"flush "local://a""#,
            "2 values forgotten\n",
        ),
        (
            &["refresh", "a"],
            r#"refresh "local://a""#,
            "REFERENCE  VERSION  RESULT\nlocal://a  3        fresh\n",
        ),
        (
            &["delete", "a"],
            r#"delete "local://a""#,
            "local://a removed, 2 versions\n",
        ),
        (
            &["promote", "a", "2"],
            r#"promote ("local://a", "2")"#,
            "local://a: version 2 is current\n",
        ),
        (
            &["schedule-deletion", "a", "--in", "3"],
            r#"schedule_deletion ("local://a", 0, "at a time")"#,
            "local://a will be deleted; `vaultctl cancel-deletion local://a` keeps it\n",
        ),
        (
            &["cancel-deletion", "a"],
            r#"cancel_deletion ("local://a", 0)"#,
            "local://a is kept\n",
        ),
        (
            &["cancel-deletion", "a", "--version", "2"],
            r#"cancel_deletion ("local://a", 2)"#,
            "version 2 of local://a is kept\n",
        ),
        (
            &["services"],
            "list ()",
            "SERVICE  ENVIRONMENTS  SECRETS  SOURCE       STATE\n\
             git      dev           TOKEN    /c/git.json  ready\n",
        ),
        (
            &["reload"],
            "reload ()",
            "/c/resolver.yaml: load 2, 4 services\n",
        ),
        (&["explain", "a"], r#"why "local://a""#, "local://a\n"),
        (
            &["rm", "a"],
            r#"delete "local://a""#,
            "local://a removed, 2 versions\n",
        ),
        (
            &["last"],
            "status ()",
            "no launch has failed since vaultd started\n",
        ),
        (&["metrics"], "metrics ()", "# EOF\n"),
        (
            &["breaker", "reset"],
            r#"reset_breaker ("", "")"#,
            "1 breaker closed\n",
        ),
        (
            &["breaker", "reset", "oci", "profile A"],
            r#"reset_breaker ("oci", "profile A")"#,
            "1 breaker closed\n",
        ),
        (
            &["breaker", "reset", "oci"],
            r#"reset_breaker ("oci", "")"#,
            "1 breaker closed\n",
        ),
        (
            &["policy", "test", "launch", "--service", "git"],
            r#"test_policy ("launch", "git", "")"#,
            "allowed: the default policy\n",
        ),
    ] {
        let expected = (vec![asked.to_owned()], text.to_owned(), Some(0));
        assert_eq!(shown(arguments), expected, "{arguments:?}");
    }
}

#[test]
fn each_command_answers_in_json() {
    let held = r#""version":"3","age_ms":61000,"state":"fresh","stale_reason":"""#;
    let refreshed =
        format!(r#"{{"secrets":[{{"reference":"local://a","held":{{{held}}},"problem":""}}]}}"#);
    for (arguments, expected) in [
        (&["flush"][..], r#"{"flushed":2,"repeated":false}"#),
        (&["refresh"], &refreshed),
        (
            &["list"],
            r#"{"secrets":[{"reference":"local://a","current_version":"3","versions":2,"changed_unix_seconds":1}]}"#,
        ),
        (
            &["services"],
            r#"{"services":[{"name":"git","description":"","source":"/c/git.json","argv":["/bin/git"],"secrets":[{"variable":"TOKEN","reference":"local://a","required":true}],"problem":"","environments":["dev"]}]}"#,
        ),
        (
            &["delete", "a"],
            r#"{"reference":"local://a","versions":2}"#,
        ),
        (
            &["versions", "a"],
            r#"{"reference":"local://a","versions":[{"version":"2","created_unix_seconds":2,"current":true,"stages":[],"name":"","expires_unix_seconds":null,"deletion_unix_seconds":null},{"version":"1","created_unix_seconds":1,"current":false,"stages":[],"name":"","expires_unix_seconds":null,"deletion_unix_seconds":null}]}"#,
        ),
        (
            &["promote", "a", "2"],
            r#"{"reference":"local://a","version":"2","with_old_value":[]}"#,
        ),
        (
            &["schedule-deletion", "a"],
            r#"{"reference":"local://a","version":null,"deletion_unix_seconds":920246399}"#,
        ),
        (
            &["schedule-deletion", "a", "--version", "2", "--in", "30"],
            r#"{"reference":"local://a","version":2,"deletion_unix_seconds":null}"#,
        ),
        (
            &["cancel-deletion", "a"],
            r#"{"reference":"local://a","version":null}"#,
        ),
        (
            &["put", "a", "--pending", "--empty"],
            r#"{"reference":"local://a","version":"1","pending":true,"bytes":0,"used_by":[],"with_old_value":[],"other_meanings":[]}"#,
        ),
        (
            &["reload"],
            r#"{"generation":2,"configuration_path":"/c/resolver.yaml","services":4,"refused":0,"warnings":["unknown key `x`"]}"#,
        ),
        (
            &["explain", "a"],
            r#"{"reference":"local://a","routes":[],"other_meanings":[],"names_service":false}"#,
        ),
        (
            &["metrics"],
            r##"{"openmetrics":"# EOF\n","textfile":null}"##,
        ),
        (&["breaker", "reset"], r#"{"reset":1,"repeated":false}"#),
        (
            &["policy", "test", "launch"],
            r#"{"allowed":true,"rule":"the default policy"}"#,
        ),
    ] {
        let arguments = [&["--json"], arguments].concat();
        let (_, text, code) = shown(&arguments);
        assert_eq!(
            (text, code),
            (format!("{expected}\n"), Some(0)),
            "{arguments:?}"
        );
    }
}

#[test]
fn stored_secrets_and_versions_are_listed_with_their_ages() {
    let (_, text, code) = shown(&["list"]);
    assert!(text.starts_with("REFERENCE  CURRENT  VERSIONS  CHANGED\nlocal://a  3        2 "));
    assert!(text.ends_with(" days ago\n"), "{text}");
    assert_eq!(code, Some(0));
    let (_, text, code) = shown(&["versions", "a"]);
    assert!(
        text.starts_with("VERSION  NAME  STAGES   CREATED") && text.contains("CURRENT"),
        "{text}"
    );
    assert_eq!(code, Some(0));
}

#[test]
fn versions_are_shown_with_stages_names_and_what_is_to_come() {
    let (asked, text, _) = shown(&["versions", "oci-vault://c/n"]);
    assert_eq!(asked, [r#"versions "oci-vault://c/n""#]);
    let lines: Vec<&str> = text.lines().collect();
    let columns = "VERSION  NAME  STAGES           CREATED";
    assert!(lines[0].starts_with(columns) && lines[0].ends_with("EXPIRES        DELETION"));
    assert!(
        lines[1].starts_with("3        blue  PENDING, LATEST  "),
        "{text}"
    );
    assert!(
        lines[1].contains(" ago  in ") && lines[1].ends_with(" days ago"),
        "{text}"
    );
    assert!(lines[2].starts_with("2              CURRENT "), "{text}");
}

#[test]
fn a_deletion_that_was_scheduled_is_told_with_its_time_and_the_way_back() {
    let (asked, text, code) = shown(&["schedule-deletion", "a", "--version", "2"]);
    let expected = r#"schedule_deletion ("local://a", 2, "as late as the vault does it")"#;
    assert_eq!(asked, [expected]);
    assert!(
        text.starts_with("version 2 of local://a will be deleted "),
        "{text}"
    );
    let way_back = "; `vaultctl cancel-deletion local://a --version 2` keeps it\n";
    assert!(text.ends_with(way_back), "{text}");
    assert_eq!(code, Some(0));
}

#[test]
fn a_time_or_a_version_that_cannot_be_is_refused_before_anything_is_asked() {
    for arguments in [
        &["--in", "0"][..],
        &["--in", "31"],
        &["--in", "soon"],
        &["--version", "0"],
        &["--version", "+1"],
    ] {
        let arguments = [&["schedule-deletion", "oci-vault://c/n"], arguments].concat();
        let (asked, _, code) = shown(&arguments);
        assert_eq!((asked, code), (vec![], Some(2)), "{arguments:?}");
    }
}

#[test]
fn what_was_refreshed_only_in_part_ends_in_3() {
    let (_, text, code) = shown(&["refresh", "gone"]);
    assert!(text.contains("no such secret"), "{text}");
    assert_eq!(code, Some(3));
}

#[test]
fn a_denied_policy_test_ends_in_3() {
    let (asked, text, code) = shown(&["policy", "test", "get", "--reference", "a"]);
    assert_eq!(asked, [r#"test_policy ("get", "", "local://a")"#]);
    assert_eq!(
        (text.as_str(), code),
        ("denied: the default policy\n", Some(3))
    );
}

#[test]
fn changes_are_printed_as_they_come_until_the_daemon_ends() {
    let fake = Fake::start(Plan::default());
    let output = run(&fake, &["watch", "a", "b"]);
    let expected = "local://a: version 3, 1 minute old, fresh\n\
                    local://b: version 3, 1 minute old, fresh\n";
    assert_eq!(stdout(&output), expected);
    assert_eq!(code(&output), Some(3));
    assert_eq!(fake.asked(), [r#"watch ["local://a", "local://b"]"#]);
    let lines = stdout(&run(&fake, &["--json", "watch"]));
    let first = r#"{"reference":"local://a","version":"3","age_ms":61000,"state":"fresh","stale_reason":"","lost":false}"#;
    assert_eq!(lines.lines().next(), Some(first));
}

#[test]
fn a_watch_that_was_too_slow_says_that_changes_are_missing() {
    let lost = WatchEvent {
        lost: true,
        ..WatchEvent::default()
    };
    let plan = || Plan {
        events: vec![lost.clone()],
        ..Plan::default()
    };
    let text = stdout(&run(&Fake::start(plan()), &["watch"]));
    assert!(text.contains("changes are missing here"), "{text}");
    let line = stdout(&run(&Fake::start(plan()), &["watch", "--json"]));
    assert!(line.ends_with("\"lost\":true}\n"), "{line}");
}

#[test]
fn a_value_that_is_not_held_has_neither_version_nor_age() {
    let event = |state| WatchEvent {
        reference: "local://a".to_owned(),
        provenance: Some(Provenance {
            state,
            ..Provenance::default()
        }),
        lost: false,
    };
    let plan = || Plan {
        events: vec![event(4), event(5)],
        ..Plan::default()
    };
    let text = stdout(&run(&Fake::start(plan()), &["watch"]));
    assert_eq!(text, "local://a: no such value\nlocal://a: not held\n");
    let lines = stdout(&run(&Fake::start(plan()), &["watch", "--json"]));
    for (line, state) in lines.lines().zip(["negative", "absent"]) {
        let expected = format!(r#""state":"{state}","stale_reason":"","lost":false}}"#);
        assert!(line.ends_with(&expected), "{line}");
    }
    assert_eq!(lines.lines().count(), 2);
}

#[test]
fn a_refusal_is_shown_whole_with_its_exit_code() {
    for (kind, expected) in [
        (kinds::DENIED, 3),
        (kinds::NOT_FOUND, 3),
        (kinds::INTERNAL, 3),
        (kinds::CONFIGURATION, 2),
        (kinds::INVALID_REFERENCE, 2),
    ] {
        let fake = Fake::start(Plan::refusing(kind, "denied; to allow it, write:\na\nb\nc"));
        for command in [&["get", "x"][..], &["reload"], &["status"], &["list"]] {
            let output = run(&fake, command);
            let text = "vaultctl: denied; to allow it, write:\n\
                        vaultctl: a\nvaultctl: b\nvaultctl: c\n";
            assert_eq!(stderr(&output), text);
            assert_eq!(
                (stdout(&output).as_str(), code(&output)),
                ("", Some(expected))
            );
        }
    }
}

#[test]
fn a_failure_in_json_is_one_object_on_standard_error() {
    let fake = Fake::start(Plan::refusing(kinds::DENIED, "denied; write:\na \"b\""));
    let refused = r#"{"error":{"kind":"denied","message":"denied; write:\na \"b\""}}"#;
    let usage =
        r#"{"error":{"kind":"usage","message":"no such command\n`vaultctl --help` shows how"}}"#;
    for (arguments, expected, ends) in [
        (&["--json", "list"][..], refused, 3),
        (&["get", "x", "--json"], refused, 3),
        (&["--json", "xyzzy"], usage, 2),
    ] {
        let output = run(&fake, arguments);
        assert_eq!(stderr(&output), format!("{expected}\n"), "{arguments:?}");
        assert_eq!((stdout(&output).as_str(), code(&output)), ("", Some(ends)));
    }
}

#[test]
fn a_daemon_that_does_not_run_is_said_with_how_to_start_it() {
    let output = run(&Fake::absent(), &["status"]);
    assert!(stderr(&output).contains("systemctl --user start vaultd.socket"));
    assert_eq!(code(&output), Some(3));
}

#[test]
fn a_daemon_that_does_not_answer_is_left_at_the_deadline() {
    let plan = Plan {
        stalled: true,
        ..Plan::default()
    };
    let output = run(&Fake::start(plan), &["--deadline", "1", "status"]);
    assert!(stderr(&output).contains("within 1 second"));
    assert_eq!(code(&output), Some(3));
}

#[test]
fn what_may_be_repeated_is_repeated_and_what_changes_something_is_not() {
    let lost = |arguments: &[&str]| {
        let plan = Plan {
            lose: 1,
            ..Plan::default()
        };
        let fake = Fake::start(plan);
        (run(&fake, arguments), fake.asked().len())
    };
    for arguments in [&["flush"][..], &["breaker", "reset"], &["list"]] {
        let (output, calls) = lost(arguments);
        assert_eq!((code(&output), calls), (Some(0), 2), "{arguments:?}");
        let counts = arguments != ["list"];
        let says = stdout(&output).contains("asked twice, and the first count was lost");
        assert_eq!(says, counts, "{arguments:?}");
    }
    for arguments in [
        &["delete", "a"][..],
        &["put", "a", "--empty"],
        &["promote", "a", "2"],
        &["schedule-deletion", "a"],
        &["cancel-deletion", "a"],
    ] {
        let (output, calls) = lost(arguments);
        assert_eq!((code(&output), calls), (Some(3), 1), "{arguments:?}");
        let text = stderr(&output);
        assert!(text.contains("may have been made"), "{text}");
        assert!(text.contains("vaultctl versions local://a"), "{text}");
    }
}

#[test]
fn without_a_command_there_is_help_and_2() {
    let output = run(&Fake::absent(), &[]);
    assert_eq!((stdout(&output).as_str(), code(&output)), ("", Some(2)));
    let text = stderr(&output);
    assert!(
        text.contains("Usage: vaultctl") && text.contains("status"),
        "{text}"
    );
}

#[test]
fn a_service_that_cannot_start_is_named_with_its_reason_and_ends_in_2() {
    let fake = Fake::start(Plan {
        problem: "no such secret local://a".to_owned(),
        ..Plan::default()
    });
    let output = run(&fake, &["services"]);
    let text = "\
SERVICE  ENVIRONMENTS  SECRETS  SOURCE       STATE
git      dev           TOKEN    /c/git.json  cannot start
    no such secret local://a
1 of 1 cannot start: git (no such secret local://a)
";
    assert_eq!((stdout(&output).as_str(), code(&output)), (text, Some(2)));
    assert_eq!(code(&run(&fake, &["services", "--json"])), Some(2));
}

#[test]
fn a_reload_without_resolver_yaml_is_no_failure() {
    let fake = Fake::start(Plan {
        has_no_resolver_file: true,
        ..Plan::default()
    });
    let text = "read again: load 2, 4 services; there is no resolver.yaml, and none is needed\n";
    let output = run(&fake, &["reload"]);
    assert_eq!((stdout(&output).as_str(), code(&output)), (text, Some(0)));
}

#[test]
fn help_documents_commands_and_exit_codes() {
    let text = stdout(&run(&Fake::absent(), &["--help"]));
    for word in ["status", "put", "watch", "Exit codes:", "--json"] {
        assert!(text.contains(word), "{word}");
    }
}

#[test]
fn a_bare_ocid_is_a_secret_of_oci_vault_to_every_command() {
    let ocid = "ocid1.vaultsecret.oc1.iad.x";
    let reference = format!("oci-vault://{ocid}");
    for command in [
        &["put", "--empty"][..],
        &["delete"],
        &["get"],
        &["why"],
        &["flush"],
        &["refresh"],
        &["versions"],
        &["schedule-deletion"],
        &["cancel-deletion"],
        &["watch"],
        &["policy", "test", "get", "--reference"],
    ] {
        let fake = Fake::start(Plan::default());
        run(&fake, &[command, &[ocid]].concat());
        let asked = fake.asked();
        assert!(asked[0].contains(&reference), "{command:?}: {asked:?}");
        assert!(!asked[0].contains("local://"), "{command:?}: {asked:?}");
        for (kind, what) in [("user", "a user"), ("key", "a key"), ("vault", "a vault")] {
            let other = format!("ocid1.{kind}.oc1..x");
            let output = run(&fake, &[command, &[&other]].concat());
            assert_eq!(code(&output), Some(2), "{command:?} {other}");
            let said = stderr(&output);
            assert!(said.contains(&format!("the OCID of {what}")), "{said}");
        }
        assert_eq!(fake.asked().len(), 1, "nothing is asked for these");
    }
}
