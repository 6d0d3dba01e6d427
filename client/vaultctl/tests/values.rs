//! How values come in and go out.

#[path = "../../lib/tests/fake/daemon.rs"]
mod fake;
#[path = "support/programs.rs"]
mod programs;

use fake::{Fake, Plan};
use programs::{code, json, run, run_with, stderr, stdout};
use vault_proto::MAX_SECRET_BYTES;
use vault_proto::generated::{OtherMeaning, RunningServer, Use};

const VALUE: &str = "hunter2-hunter2";

/// What the daemon stored for `put a` with these arguments and this input.
fn stored(arguments: &[&str], input: &[u8]) -> (Vec<u8>, String) {
    let fake = Fake::start(Plan::default());
    let output = run_with(&fake, &[&["put", "a"], arguments].concat(), input);
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    let (reference, value) = fake.stored().remove(0);
    let bytes = match value.len() {
        1 => "1 byte".to_owned(),
        count => format!("{count} bytes"),
    };
    let said = format!("local://a stored as version 1: {bytes}, used by no service\n");
    assert_eq!(stdout(&output), said);
    assert_eq!(reference, "local://a");
    (value, stderr(&output))
}

#[test]
fn a_piped_value_is_stored_as_it_is() {
    for value in [
        &b"v"[..],
        b"\0\xff\n",
        "ü".as_bytes(),
        &vec![b'x'; MAX_SECRET_BYTES],
    ] {
        assert_eq!(stored(&[], value), (value.to_vec(), String::new()));
    }
}

#[test]
fn one_line_break_at_the_end_of_piped_text_is_dropped_and_that_is_said() {
    let (value, note) = stored(&[], b"a\nb\n\n");
    assert_eq!(value, b"a\nb\n");
    assert!(note.contains("--exact"), "{note}");
    assert_eq!(stored(&[], b"token\r\n").0, b"token");
    assert_eq!(stored(&["--exact"], b"token\r\n").0, b"token\r\n");
    assert_eq!(stored(&[], b"\xff\r\n").0, b"\xff\r\n");
    assert_eq!(
        stored(&["--exact"], b"v\n"),
        (b"v\n".to_vec(), String::new())
    );
    let longest = [&vec![b'x'; MAX_SECRET_BYTES][..], b"\r\n"].concat();
    assert_eq!(stored(&[], &longest).0.len(), MAX_SECRET_BYTES);
}

#[test]
fn nothing_at_all_is_refused_unless_it_is_meant() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("value");
    std::fs::write(&path, b"").unwrap();
    let file = ["--file", path.to_str().unwrap()];
    for (arguments, input) in [
        (&[][..], &b""[..]),
        (&[], b"\n"),
        (&[], b"\r\n"),
        (&file, b""),
    ] {
        let fake = Fake::start(Plan::default());
        let output = run_with(&fake, &[&["put", "a"], arguments].concat(), input);
        assert_eq!(code(&output), Some(2), "{arguments:?} {input:?}");
        assert!(stderr(&output).contains("--empty"), "{}", stderr(&output));
        assert!(fake.asked().is_empty());
        let meant = [arguments, &["--empty"]].concat();
        assert_eq!(stored(&meant, input).0, b"");
    }
}

#[test]
fn a_stored_value_names_its_services_and_the_servers_that_have_the_old_one() {
    let a_use = |service: &str, variable: &str| Use {
        service: service.to_owned(),
        variable: variable.to_owned(),
        ..Use::default()
    };
    let fake = Fake::start(Plan {
        used_by: vec![a_use("git", "TOKEN"), a_use("web", "KEY")],
        with_old_value: vec![RunningServer {
            service: "git".to_owned(),
            pid: 17,
        }],
        ..Plan::default()
    });
    let text = "local://a stored as version 1: 1 byte, used by git (TOKEN), web (KEY)\n\
                git (process 17) still runs with the old value: restart it\n";
    assert_eq!(stdout(&run_with(&fake, &["put", "a"], b"v")), text);
    let promoted = stdout(&run(&fake, &["promote", "a", "2"]));
    assert!(promoted.ends_with("restart it\n"), "{promoted}");
    let put = json(&run_with(&fake, &["put", "a", "--json"], b"vv"));
    assert_eq!(put["bytes"], 2);
    assert_eq!(put["used_by"][0]["service"], "git");
    assert_eq!(put["with_old_value"][0]["pid"], 17);
}

#[test]
fn a_name_that_services_mean_otherwise_is_told_with_both_meanings() {
    let fake = Fake::start(Plan {
        other_meanings: vec![OtherMeaning {
            reference: "oci-vault://a".to_owned(),
            used_by: vec![Use {
                service: "git".to_owned(),
                variable: "TOKEN".to_owned(),
                ..Use::default()
            }],
        }],
        ..Plan::default()
    });
    let hint = "oci-vault://a is another secret, used by git (TOKEN): did you mean that one here, \
                or local://a there?\n";
    let text = stdout(&run_with(&fake, &["put", "a"], b"v"));
    assert!(text.ends_with(hint), "{text}");
    let text = stdout(&run(&fake, &["why", "a"]));
    assert!(text.ends_with(hint), "{text}");
}

#[test]
fn a_secret_in_use_is_removed_only_where_that_is_said() {
    let plan = Plan {
        used_by: vec![Use {
            service: "git".to_owned(),
            variable: "TOKEN".to_owned(),
            ..Use::default()
        }],
        ..Plan::default()
    };
    let fake = Fake::start(plan);
    let refused = run(&fake, &["delete", "a"]);
    assert_eq!(code(&refused), Some(3));
    let text = stderr(&refused);
    assert!(
        text.contains("git (TOKEN)") && text.contains("--yes"),
        "{text}"
    );
    assert_eq!(code(&run(&fake, &["rm", "a", "--yes"])), Some(0));
}

#[test]
fn a_value_that_waits_is_stored_so_and_the_way_on_is_said() {
    let fake = Fake::start(Plan::default());
    let words = ["put", "a", "--pending", "--version-name", "blue"];
    let output = run_with(&fake, &words, b"v");
    let way_on = "`vaultctl promote local://a 1` takes it into use";
    let expected = format!("local://a stored as version 1: 1 byte, used by no service; {way_on}\n");
    assert_eq!((stdout(&output), code(&output)), (expected, Some(0)));
    assert_eq!(fake.asked(), [r#"put ("local://a", (true, "blue"))"#]);
}

#[test]
fn a_file_is_stored_exactly() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("value");
    std::fs::write(&path, b"v\n").unwrap();
    let arguments = ["--file", path.to_str().unwrap()];
    assert_eq!(
        stored(&arguments, b"not this"),
        (b"v\n".to_vec(), String::new())
    );
}

#[test]
fn too_long_a_value_and_a_missing_file_are_refused_before_anything_is_asked() {
    let fake = Fake::start(Plan::default());
    let output = run_with(&fake, &["put", "a"], &vec![b'x'; MAX_SECRET_BYTES + 1]);
    assert_eq!(code(&output), Some(2));
    let text = stderr(&output);
    assert!(text.contains("65536 bytes (64 KiB)"), "{text}");
    assert!(
        text.contains("file of its own") && text.contains("split"),
        "{text}"
    );
    let output = run(&fake, &["put", "a", "--file", VALUE]);
    assert_eq!(code(&output), Some(2));
    let text = stderr(&output);
    assert!(text.contains("what --file names: No such file"), "{text}");
    assert!(!text.contains(VALUE), "it may be the value: {text}");
    assert!(fake.asked().is_empty());
}

#[test]
fn a_value_among_the_arguments_is_refused_and_not_repeated() {
    let fake = Fake::start(Plan::default());
    for arguments in [&["put", "a", VALUE][..], &["put", "a", "--value", VALUE]] {
        let output = run(&fake, arguments);
        assert_eq!(code(&output), Some(2));
        assert!(!stderr(&output).contains(VALUE));
        assert!(stderr(&output).contains("never an argument"));
    }
    assert!(fake.asked().is_empty());
}

#[test]
fn a_bad_name_is_refused_before_anything_is_read() {
    for name in ["a..b", "a/b", "", "local://", "a?version=2"] {
        let output = run(&Fake::absent(), &["put", name]);
        assert_eq!(code(&output), Some(2), "{name:?}");
    }
}

#[test]
fn a_value_is_printed_as_it_is() {
    for value in [VALUE.as_bytes(), b"", b"\0\xff\n"] {
        let fake = Fake::start(Plan::default().secret("A", value));
        let output = run(&fake, &["get", "a"]);
        assert_eq!((output.stdout.as_slice(), code(&output)), (value, Some(0)));
        assert_eq!(fake.asked(), [r#"resolve ["local://a"]"#]);
    }
}

#[test]
fn a_value_in_json_is_base64_and_text_where_it_is_text() {
    let text = json(&run(
        &Fake::start(Plan::default().secret("A", b"v")),
        &["get", "a", "--json"],
    ));
    assert_eq!(text["value_base64"], "dg==");
    assert_eq!(text["text"], "v");
    assert_eq!(text["version"], "3");
    let bytes = json(&run(
        &Fake::start(Plan::default().secret("A", b"\xff")),
        &["get", "a", "--json"],
    ));
    assert_eq!(bytes["value_base64"], "/w==");
    assert!(bytes["text"].is_null());
}

#[test]
fn a_value_that_was_not_asked_for_is_not_printed() {
    let plan = Plan::default()
        .secret("A", VALUE.as_bytes())
        .secret("B", b"x");
    let output = run(&Fake::start(plan), &["get", "a"]);
    assert_eq!((stdout(&output).as_str(), code(&output)), ("", Some(3)));
    assert!(!stderr(&output).contains(VALUE));
}
