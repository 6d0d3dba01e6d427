//! Does the document keep its invariants, and refuse one that does not?

use proptest::prelude::*;

use super::*;

const TWO: &str = concat!(
    r#"{"format":1,"secrets":{"bar-token":{"current":3,"versions":["#,
    r#"{"version":2,"created":1700000000,"value":"b2xk"},"#,
    r#"{"version":3,"created":1700000009,"value":"bmV3"}]}}}"#
);

fn refused(text: &str) -> Unreadable {
    Document::parse(text.as_bytes()).unwrap_err()
}

#[test]
fn document_is_written_as_it_was_read() {
    let mut text = Vec::new();
    Document::parse(TWO.as_bytes()).unwrap().write(&mut text);
    assert_eq!(String::from_utf8(text).unwrap(), TWO);
}

#[test]
fn each_wanted_version_is_found_or_named_missing() {
    let document = Document::parse(TWO.as_bytes()).unwrap();
    let find = |name, wanted| document.find(name, &wanted).map(|found| found.value);
    let stage = |stage: &str| VersionSelector::Stage(stage.to_owned());
    assert_eq!(find("bar-token", VersionSelector::Current), Ok("bmV3"));
    assert_eq!(find("bar-token", VersionSelector::Version(2)), Ok("b2xk"));
    assert_eq!(find("bar-token", stage("CURRENT")), Ok("bmV3"));
    assert_eq!(find("bar-token", stage("LATEST")), Ok("bmV3"));
    assert_eq!(find("bar-token", stage("current")), Err(Missing::Stage));
    assert_eq!(find("bar-token", stage("PENDING")), Err(Missing::Stage));
    assert_eq!(
        find("bar-token", VersionSelector::Version(1)),
        Err(Missing::Version)
    );
    assert_eq!(
        find("other", VersionSelector::Current),
        Err(Missing::Secret)
    );
}

#[test]
fn latest_stays_the_newest_after_a_rollback() {
    let mut document = Document::parse(TWO.as_bytes()).unwrap();
    document.promote("bar-token", 2).unwrap();
    let value = |wanted| document.find("bar-token", &wanted).unwrap().value;
    assert_eq!(value(VersionSelector::Current), "b2xk");
    assert_eq!(value(VersionSelector::Stage("LATEST".to_owned())), "bmV3");
}

#[test]
fn document_of_another_format_is_named_as_such() {
    assert_eq!(
        refused(r#"{"format":2,"secrets":{}}"#),
        Unreadable::Format(2)
    );
    assert_eq!(
        refused(r#"{"format":7,"vaults":[]}"#),
        Unreadable::Format(7)
    );
}

#[test]
fn document_that_contradicts_itself_is_refused() {
    let bad = [
        TWO.replace(r#""current":3"#, r#""current":4"#),
        TWO.replace(r#""version":2"#, r#""version":3"#),
        TWO.replace(r#""version":2"#, r#""version":9"#),
        TWO.replace(r#""version":2"#, r#""version":0"#),
        TWO.replace("bar-token", "../token"),
        r#"{"format":1,"secrets":{"a":{"current":1,"versions":[]}}}"#.to_owned(),
    ];
    for text in bad {
        assert_eq!(refused(&text), Unreadable::Inconsistent, "{text}");
    }
}

#[test]
fn unexpected_text_is_refused_by_its_place_alone() {
    let bad = ["", "[]", "{}", "null", "\u{0}", r#"{"format":1}"#];
    let more = [
        TWO.replace(r#""created":1700000000"#, r#""created":"hunter2""#),
        TWO.replace(r#""current""#, r#""hunter2":1,"current""#),
        TWO[..TWO.len() - 1].to_owned(),
        format!("{TWO}hunter2"),
    ];
    for text in bad.map(str::to_owned).into_iter().chain(more) {
        let refused = refused(&text);
        assert!(matches!(refused, Unreadable::Syntax { .. }), "{text}");
        assert!(!format!("{refused:?}").contains("hunter2"));
    }
}

#[test]
fn numbers_that_are_used_up_refuse_another_version() {
    let text = TWO.replace('3', &u64::MAX.to_string());
    let mut document = Document::parse(text.as_bytes()).unwrap();
    let added = document.add("bar-token", "bmV3", 0, Begins::AtOnce);
    assert_eq!(added, Err(NotAdded::NumbersUsedUp));
}

#[test]
fn a_version_that_waits_is_the_latest_and_not_the_current_one() {
    let mut document = Document::parse(TWO.as_bytes()).unwrap();
    let added = document.add("bar-token", "d2FpdHM=", 0, Begins::WhenPromoted);
    assert_eq!(added, Ok(4));
    let value = |wanted| document.find("bar-token", &wanted).unwrap().value;
    assert_eq!(value(VersionSelector::Current), "bmV3");
    assert_eq!(
        value(VersionSelector::Stage("LATEST".to_owned())),
        "d2FpdHM="
    );
    let first = document.add("other", "dg==", 0, Begins::WhenPromoted);
    assert_eq!(first, Err(NotAdded::NothingCurrent));
    assert_eq!(document.versions("other"), Err(Missing::Secret));
}

#[test]
fn debug_does_not_print_values() {
    let document = Document::parse(TWO.as_bytes()).unwrap();
    assert!(!format!("{document:?}").contains("bmV3"));
}

proptest! {
    #[test]
    fn any_sequence_of_changes_keeps_the_invariants(
        changes in proptest::collection::vec((0..4_u8, 0..3_usize, 1..30_u64), 0..80),
    ) {
        let names = ["a", "b.c", "D_e-9"];
        let mut highest = [0; 3];
        let mut document = Document::empty();
        for (change, secret, number) in changes {
            let name = names[secret];
            match change {
                0 => {
                    let added = document.add(name, "dg==", 1, Begins::AtOnce).unwrap();
                    prop_assert_eq!(added, highest[secret] + 1, "numbers are not used twice");
                    highest[secret] = added;
                    prop_assert_eq!(document.find(name, &VersionSelector::Current).unwrap().number, added);
                }
                1 => {
                    let current = |document: &Document<'_>| {
                        document.find(name, &VersionSelector::Current).map(|found| found.number)
                    };
                    let before = current(&document);
                    let added = document.add(name, "dg==", 1, Begins::WhenPromoted);
                    prop_assert_eq!(added.is_ok(), before.is_ok());
                    prop_assert_eq!(current(&document), before, "the current one stays");
                    highest[secret] = added.unwrap_or_default();
                }
                2 => {
                    let known = document.find(name, &VersionSelector::Version(number)).is_ok();
                    prop_assert_eq!(document.promote(name, number).is_ok(), known);
                }
                _ if number == 1 && document.remove(name).is_ok() => highest[secret] = 0,
                _ => {}
            }
            let mut text = Vec::new();
            document.write(&mut text);
            prop_assert_eq!(Document::parse(&text), Ok(Document::parse(&text).unwrap()));
            let kept = document.versions(name).map_or(0, |versions| versions.len() as u64);
            prop_assert_eq!(kept, highest[secret].min(10));
        }
    }

    #[test]
    fn foreign_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Document::parse(&bytes);
    }
}
