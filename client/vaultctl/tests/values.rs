//! How values come in and go out.

#[path = "../../lib/tests/fake/daemon.rs"]
mod fake;
#[path = "support/programs.rs"]
mod programs;

use fake::{Fake, Plan};
use programs::{code, json, run, run_with, stderr, stdout};
use vault_proto::MAX_SECRET_BYTES;

const VALUE: &str = "hunter2-hunter2";

/// What the daemon stored for `put a` with these arguments and this input.
fn stored(arguments: &[&str], input: &[u8]) -> (Vec<u8>, String) {
    let fake = Fake::start(Plan::default());
    let output = run_with(&fake, &[&["put", "a"], arguments].concat(), input);
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    assert_eq!(stdout(&output), "local://a stored as version 1\n");
    let (reference, value) = fake.stored().remove(0);
    assert_eq!(reference, "local://a");
    (value, stderr(&output))
}

#[test]
fn a_piped_value_is_stored_as_it_is() {
    for value in [
        &b"v"[..],
        b"",
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
    assert_eq!(
        stored(&["--exact"], b"v\n"),
        (b"v\n".to_vec(), String::new())
    );
    let longest = [&vec![b'x'; MAX_SECRET_BYTES][..], b"\n"].concat();
    assert_eq!(stored(&[], &longest).0.len(), MAX_SECRET_BYTES);
}

#[test]
fn a_value_that_waits_is_stored_so_and_the_way_on_is_said() {
    let fake = Fake::start(Plan::default());
    let words = ["put", "a", "--pending", "--version-name", "blue"];
    let output = run_with(&fake, &words, b"v");
    let way_on = "`vaultctl promote local://a 1` takes it into use";
    let expected = format!("local://a stored as version 1; {way_on}\n");
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
    assert!(stderr(&output).contains("65536 bytes"));
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
