//! The grammar of references is strict, and printing keeps what was read.

use proptest::prelude::*;
use vault_proto::reference::{ReferenceError, SecretRef};

fn problem(text: &str) -> ReferenceError {
    text.parse::<SecretRef>().expect_err(text)
}

#[test]
fn local_names_outside_the_grammar_are_refused() {
    assert_eq!(problem("local://"), ReferenceError::Empty);
    assert_eq!(problem("local://?version=1"), ReferenceError::Empty);
    for name in ["..", "../x", "a..b", "a/../b"] {
        assert_eq!(
            problem(&format!("local://{name}")),
            ReferenceError::Dots,
            "{name}"
        );
    }
    for name in [".hidden", "-x", "a/b", "a b", "ä", "a#b", &"x".repeat(256)] {
        assert_eq!(
            problem(&format!("local://{name}")),
            ReferenceError::LocalName,
            "{name}"
        );
    }
    for name in ["a\0b", "a\tb", "a\u{7f}"] {
        assert_eq!(
            problem(&format!("local://{name}")),
            ReferenceError::Control,
            "{name:?}"
        );
    }
    assert!("local://A9._-z".parse::<SecretRef>().is_ok());
}

#[test]
fn dots_are_refused_in_every_part() {
    for text in [
        "oci-vault://..",
        "oci-vault://../x",
        "oci-vault://c/..",
        "oci-vault://./x",
    ] {
        assert_eq!(problem(text), ReferenceError::Dots, "{text}");
    }
}

#[test]
fn a_reference_has_at_most_1024_bytes_and_the_refusal_does_not_repeat_it() {
    let of = |length: usize| format!("oci-vault://{}", "x".repeat(length - "oci-vault://".len()));
    assert!(of(1024).parse::<SecretRef>().is_ok());
    assert_eq!(problem(&of(1025)), ReferenceError::Length);
    assert_eq!(
        SecretRef::parse_or_oci(&"x".repeat(1025)),
        Err(ReferenceError::Length)
    );
    assert!(!ReferenceError::Length.to_string().contains('x'));
}

#[test]
fn versions_are_positive_numbers_in_ascii_digits() {
    for version in [
        "",
        "0",
        "-1",
        "+1",
        "1_0",
        "1 ",
        "٣",
        "9223372036854775808",
        "1e3",
    ] {
        let text = format!("oci-vault://n?version={version}");
        assert_eq!(problem(&text), ReferenceError::Version, "{text}");
    }
    let last_wins: SecretRef = "oci-vault://n?version=x&version=7"
        .parse()
        .expect("the last");
    assert_eq!(last_wins.to_string(), "oci-vault://n?version=7");
}

#[test]
fn stages_are_the_five_words_and_exclude_a_version() {
    for stage in ["CURRENT", "PENDING", "LATEST", "PREVIOUS", "DEPRECATED"] {
        let text = format!("oci-vault://c/n?stage={stage}");
        assert_eq!(
            text.parse::<SecretRef>().expect("a stage").to_string(),
            text
        );
    }
    assert_eq!(
        problem("oci-vault://n?stage=current"),
        ReferenceError::Stage
    );
    assert_eq!(
        problem("local://n?version=1&stage=LATEST"),
        ReferenceError::Ambiguous
    );
}

#[test]
fn a_version_of_oci_vault_may_have_a_name_and_no_other_may() {
    let text = "oci-vault://c/n?version_name=2026-11.blue_1";
    assert_eq!(text.parse::<SecretRef>().expect("a name").to_string(), text);
    let long = "x".repeat(256);
    for name in ["", "a b", "a%20b", "a/b", "ä", "a?b", &long] {
        let text = format!("oci-vault://n?version_name={name}");
        assert_eq!(problem(&text), ReferenceError::VersionName, "{text}");
    }
    for other in ["version=1", "stage=LATEST"] {
        let text = format!("oci-vault://n?version_name=blue&{other}");
        assert_eq!(problem(&text), ReferenceError::Ambiguous, "{text}");
    }
}

/// What a refused parameter was probably meant to be.
fn suggested(text: &str) -> Option<&'static str> {
    match problem(text) {
        ReferenceError::Parameter { nearest, .. } => nearest,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn unknown_parameters_are_refused_with_the_nearest_known_one() {
    for (parameter, nearest) in [
        ("foo=1", None),
        ("verison=1", Some("version")),
        ("Version=1", Some("version")),
        ("version=1&vers=2", None),
        ("versoin", Some("version")),
        ("satge=LATEST", Some("stage")),
        ("=1", None),
    ] {
        for scheme in ["oci-vault", "local"] {
            let text = format!("{scheme}://n?{parameter}");
            assert_eq!(suggested(&text), nearest, "{text}");
        }
    }
    assert_eq!(
        suggested("oci-vault://n?version-name=x"),
        Some("version_name")
    );
    assert_eq!(suggested("local://n?version_name=x"), None);
    let words = problem("local://n?verison=1").to_string();
    assert!(words.ends_with("; did you mean version?"), "{words}");
}

#[test]
fn bare_names_mean_the_store_to_a_person_and_oci_in_a_service_file() {
    let bare = SecretRef::parse_or_local("bar-token").expect("a name");
    assert_eq!(bare.to_string(), "local://bar-token");
    let bare = SecretRef::parse_or_oci("bar-token").expect("a name");
    assert_eq!(bare.to_string(), "oci-vault://bar-token");
    assert_eq!(SecretRef::parse_or_local("../x"), Err(ReferenceError::Dots));
    assert_eq!(
        SecretRef::parse_or_local("http://x"),
        Err(ReferenceError::Scheme)
    );
}

#[test]
fn a_bare_ocid_of_a_secret_is_one_of_oci_vault_everywhere() {
    let text = "ocid1.vaultsecret.oc1.iad.x?version=2";
    for read in [
        SecretRef::parse_or_local(text),
        SecretRef::parse_or_oci(text),
    ] {
        assert_eq!(
            read.expect("an OCID").to_string(),
            format!("oci-vault://{text}")
        );
    }
    let stored_before = SecretRef::parse_or_local("local://ocid1.vaultsecret.oc1.iad.x");
    assert!(stored_before.is_ok(), "what is there can still be removed");
}

#[test]
fn ocids_of_other_kinds_are_refused_with_what_they_are() {
    for (kind, what) in [
        ("user", "a user"),
        ("key", "a key"),
        ("vault", "a vault"),
        ("compartment", "a compartment"),
        ("loadbalancer", "another kind of resource"),
    ] {
        let ocid = format!("ocid1.{kind}.oc1..x");
        let refused = ReferenceError::NotASecret(what);
        assert_eq!(SecretRef::parse_or_local(&ocid), Err(refused), "{ocid}");
        assert_eq!(SecretRef::parse_or_oci(&ocid), Err(refused), "{ocid}");
        assert_eq!(problem(&format!("oci-vault://{ocid}")), refused, "{ocid}");
    }
    for (kind, what) in [("user", "a user"), ("vaultsecret", "a secret")] {
        let text = format!("oci-vault://ocid1.{kind}.oc1..x/n");
        assert_eq!(
            problem(&text),
            ReferenceError::NotAContainer(what),
            "{text}"
        );
    }
    for container in ["compartment", "tenancy", "vault"] {
        let text = format!("oci-vault://ocid1.{container}.oc1..x/n");
        assert!(text.parse::<SecretRef>().is_ok(), "{text}");
    }
}

proptest! {
    #[test]
    fn what_is_printed_reads_back_the_same(
        text in "(oci-vault|local|vault)://[a-zA-Z0-9._/ -]{1,20}(\\?(version=[0-9]{1,4}|stage=LATEST|version_name=[a-z.-]{1,4}|version=2&namespace=[a/]{1,3}))?(#[a-z#/]{1,3})?"
    ) {
        if let Ok(reference) = text.parse::<SecretRef>() {
            prop_assert_eq!(reference.to_string().parse::<SecretRef>(), Ok(reference));
        }
    }

    #[test]
    fn no_text_whatever_panics(text in "\\PC*") {
        let _ = text.parse::<SecretRef>();
        let _ = SecretRef::parse_or_local(&text);
    }
}
