//! `vaultctl resolve` reads, asks, writes and ends as it says.

#[path = "../../lib/tests/fake/daemon.rs"]
mod fake;
#[path = "support/programs.rs"]
mod programs;

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Output;

use fake::{Fake, Plan};
use programs::{code, run, run_with, stderr, stdout};
use vault_proto::kinds;

const VALUE: &str = "hunter2-hunter2";

fn with(values: &[(&str, &str)]) -> Fake {
    let value =
        |(reference, value): &(&str, &str)| ((*reference).to_owned(), value.as_bytes().to_vec());
    Fake::start(Plan {
        values: Some(values.iter().map(value).collect()),
        ..Plan::default()
    })
}

fn resolve(fake: &Fake, arguments: &[&str], input: &str) -> Output {
    run_with(fake, &[&["resolve"], arguments].concat(), input.as_bytes())
}

#[test]
fn each_reference_is_asked_for_once_and_all_in_one_call() {
    let fake = with(&[("local://a", "1"), ("oci-vault://c/n?version=2", "2")]);
    let text = "- local://a\n- 'oci-vault://c/n?version=02'\n- k: local://a\n- plain\n";
    let output = resolve(&fake, &["-v"], text);
    assert_eq!(stdout(&output), "- \"1\"\n- \"2\"\n- k: \"1\"\n- plain\n");
    assert_eq!(
        stderr(&output),
        "INFO: 3 of 3 references resolved, 2 asked for\n"
    );
    assert_eq!(code(&output), Some(0));
    assert_eq!(
        fake.asked(),
        [r#"resolve ["local://a", "oci-vault://c/n?version=2"]"#]
    );
}

#[test]
fn without_references_nobody_is_asked() {
    let output = resolve(&Fake::absent(), &[], "a: 1\n");
    assert_eq!(
        (stdout(&output).as_str(), stderr(&output).as_str()),
        ("a: 1\n", "")
    );
    assert_eq!(code(&output), Some(0));
}

#[test]
fn what_has_no_value_stays_and_the_others_do_not() {
    let fake = with(&[("local://a", VALUE)]);
    let text = "x: local://gone\ny:\n- local://a\n- oci-vault://a/b/c\n";
    let output = resolve(&fake, &[], text);
    let expected = format!("x: local://gone\ny:\n- \"{VALUE}\"\n- oci-vault://a/b/c\n");
    assert_eq!(stdout(&output), expected);
    assert_eq!(
        stderr(&output),
        "WARNING: x (line 1) stays as it is: local://gone has no value: local://gone: no such secret\n\
         WARNING: y[1] (line 4) stays as it is: this is no reference: a reference has at most two \
         parts, CONTAINER/NAME\n"
    );
    assert_eq!(code(&output), Some(0));
    assert_eq!(fake.asked().len(), 3, "together, then each alone");
}

#[test]
fn strict_writes_nothing_where_something_is_unresolved() {
    let fake = with(&[("local://a", VALUE)]);
    let target = fake.home().join("out.yaml");
    std::fs::write(&target, "old").unwrap();
    let target = target.to_str().unwrap();
    for text in ["x: local://gone\ny: local://a\n", "x: local://a/b\n"] {
        for arguments in [&["--strict"][..], &["--strict", "-o", target]] {
            let output = resolve(&fake, arguments, text);
            assert_eq!((stdout(&output).as_str(), code(&output)), ("", Some(4)));
            assert!(stderr(&output).contains("ERROR: 1 unresolved"));
        }
    }
    assert_eq!(std::fs::read_to_string(target).unwrap(), "old");
    let output = resolve(&fake, &["--strict"], "y: local://a\n");
    assert_eq!(code(&output), Some(0));
}

#[test]
fn a_stale_value_is_written_and_said_to_be_stale() {
    let fake = Fake::start(Plan {
        values: Some([("local://a".to_owned(), VALUE.into())].into()),
        stale: "timeout".to_owned(),
        ..Plan::default()
    });
    let output = resolve(&fake, &["--strict"], "a: local://a\n");
    assert_eq!(stdout(&output), format!("a: \"{VALUE}\"\n"));
    let said = stderr(&output);
    assert!(said.starts_with("WARNING: local://a is "), "{said}");
    assert!(said.contains("stale: timeout"), "{said}");
}

#[test]
fn a_value_that_is_no_text_is_not_written() {
    let fake = Fake::start(Plan {
        values: Some([("local://a".to_owned(), b"\xff\xfe".to_vec())].into()),
        ..Plan::default()
    });
    let output = resolve(&fake, &[], "a: local://a\n");
    assert_eq!(
        (stdout(&output).as_str(), code(&output)),
        ("a: local://a\n", Some(0))
    );
    assert!(stderr(&output).contains("not text (UTF-8)"));
}

#[test]
fn a_value_of_another_reference_is_not_taken() {
    let fake = Fake::start(Plan::default().secret("B", VALUE.as_bytes()));
    let output = resolve(&fake, &[], "a: local://a\n");
    assert_eq!((stdout(&output).as_str(), code(&output)), ("", Some(1)));
    assert!(!stderr(&output).contains(VALUE));
}

#[test]
fn more_references_than_fit_into_one_call_are_asked_for_in_several() {
    let names: Vec<String> = (0..100)
        .map(|number| format!("local://n{number:03}"))
        .collect();
    let values: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "v")).collect();
    let fake = with(&values);
    let text = format!("- {}\n", names.join("\n- "));
    let output = resolve(&fake, &[], &text);
    assert_eq!(stdout(&output), "- \"v\"\n".repeat(100));
    assert_eq!(fake.asked().len(), 3);
}

#[test]
fn a_denial_ends_in_3_with_the_daemons_words_and_nothing_written() {
    let fake = Fake::start(Plan::refusing(
        kinds::DENIED,
        "policy denies get\nwrite this",
    ));
    let target = fake.home().join("out.yaml");
    let output = resolve(&fake, &["-o", target.to_str().unwrap()], "a: local://a\n");
    assert_eq!((stdout(&output).as_str(), code(&output)), ("", Some(3)));
    assert_eq!(
        stderr(&output),
        "ERROR: policy denies get\nERROR: write this\n"
    );
    assert!(!target.exists());
}

#[test]
fn without_a_daemon_and_where_it_fails_the_end_is_1() {
    let output = resolve(&Fake::absent(), &[], "a: local://a\n");
    assert_eq!((stdout(&output).as_str(), code(&output)), ("", Some(1)));
    assert!(stderr(&output).contains("ERROR: start it with"));
    for kind in [kinds::AUDIT, kinds::INTERNAL, kinds::PEER_GONE] {
        let output = resolve(
            &Fake::start(Plan::refusing(kind, "no")),
            &[],
            "a: local://a\n",
        );
        assert_eq!(
            (stdout(&output).as_str(), code(&output)),
            ("", Some(1)),
            "{kind}"
        );
    }
}

#[test]
fn what_is_no_yaml_ends_in_1_and_is_not_repeated() {
    for (text, words) in [
        ("", "ERROR: the input is empty"),
        (
            "a: [hunter2",
            "ERROR: not readable as YAML (line 1, column 4)",
        ),
        ("hunter2: 1\nb", "ERROR: not readable as YAML (line 2"),
    ] {
        let output = resolve(&Fake::absent(), &[], text);
        assert_eq!((stdout(&output).as_str(), code(&output)), ("", Some(1)));
        let said = stderr(&output);
        assert!(said.contains(words) && !said.contains("hunter2"), "{said}");
    }
    let bytes = [&b"a: "[..], b"\xff"].concat();
    let output = run_with(&Fake::absent(), &["resolve"], &bytes);
    assert_eq!(
        (code(&output), stderr(&output).as_str()),
        (Some(1), "ERROR: the input is not UTF-8\n")
    );
    let output = run_with(&Fake::absent(), &["resolve"], &vec![b'#'; (16 << 20) + 1]);
    assert!(stderr(&output).contains("more than 16 MiB"));
    assert_eq!(code(&output), Some(1));
}

#[test]
fn files_are_read_and_replaced_on_success_alone() {
    let fake = with(&[("local://a", VALUE)]);
    let path = |name: &str| fake.home().join(name).to_str().unwrap().to_owned();
    let (input, target) = (path("in.yaml"), path("out.yaml"));
    std::fs::write(&input, "a: local://a\n").unwrap();
    let output = resolve(
        &fake,
        &["--input", &input, "--output", &target],
        "not: this",
    );
    assert_eq!((stdout(&output).as_str(), code(&output)), ("", Some(0)));
    let content = || std::fs::read_to_string(&target).unwrap();
    assert_eq!(content(), format!("a: \"{VALUE}\"\n"));
    let mode = PathBuf::from(&target)
        .metadata()
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    std::fs::write(&input, "a: [").unwrap();
    assert_eq!(
        code(&resolve(&fake, &["-i", &input, "-o", &target], "")),
        Some(1)
    );
    assert_eq!(content(), format!("a: \"{VALUE}\"\n"));
    let output = resolve(&fake, &["-o", &path("no/such")], "a: local://a\n");
    assert_eq!(code(&output), Some(1));
    assert!(stderr(&output).contains("ERROR: cannot write"));
    assert!(!stderr(&output).contains(VALUE));
    assert_eq!(
        code(&resolve(&fake, &["-i", &path("no-such")], "")),
        Some(2)
    );
}

#[test]
fn the_predecessors_options_are_taken_or_told_where_they_belong() {
    let output = resolve(
        &Fake::absent(),
        &["--ttl", "60", "--cache-dir", "/x", "--verbose"],
        "a: 1\n",
    );
    assert_eq!(
        (stdout(&output).as_str(), code(&output)),
        ("a: 1\n", Some(0))
    );
    let said = stderr(&output);
    assert!(said.contains("WARNING: --ttl is ignored"), "{said}");
    assert!(said.contains("WARNING: --cache-dir is ignored"), "{said}");
    for arguments in [
        &["--instance-principals"][..],
        &["--config-file", "/x"],
        &["--config=/x"],
        &["--profile", "p"],
    ] {
        let output = resolve(&Fake::absent(), arguments, "a: 1\n");
        assert_eq!((stdout(&output).as_str(), code(&output)), ("", Some(2)));
        let said = stderr(&output);
        let name = arguments[0].split('=').next().unwrap();
        let words = format!("vaultctl: {name} belongs to vaultd, which owns the configuration");
        assert!(said.contains(&words), "{said}");
    }
    for arguments in [
        &["--ttl", "soon"][..],
        &["--ttl", "-1"],
        &["hunter2"],
        &["--json"],
    ] {
        let output = resolve(&Fake::absent(), arguments, "a: 1\n");
        assert_eq!(
            (stdout(&output).as_str(), code(&output)),
            ("", Some(2)),
            "{arguments:?}"
        );
        assert!(!stderr(&output).contains("hunter2"));
    }
}

#[test]
fn help_says_what_the_options_are() {
    let text = stdout(&run(&Fake::absent(), &["resolve", "--help"]));
    for word in ["--input", "--output", "--strict", "--ttl", "--cache-dir"] {
        assert!(text.contains(word), "{word}");
    }
}
