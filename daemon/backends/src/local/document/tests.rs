//! The document keeps its invariants, and one that does not is refused.

use proptest::prelude::*;

use super::*;

const TWO: &str = concat!(
    r#"{"format":1,"secrets":{"bar-token":{"current":3,"versions":["#,
    r#"{"version":2,"created":1700000000,"value":"b2xk"},"#,
    r#"{"version":3,"created":1700000009,"value":"bmV3"}]}}}"#
);

fn parse(text: &str) -> Result<Document, Unreadable> {
    Document::parse(text.as_bytes(), 1 << 20)
}

fn refused(text: &str) -> Unreadable {
    parse(text).unwrap_err()
}

/// The value that is looked for, as it stands in `text`; the added one is "new".
fn value<'a>(document: &Document, text: &'a str, wanted: VersionSelector) -> &'a str {
    text_from(
        document.find("bar-token", &wanted).unwrap().value,
        text,
        "new",
    )
}

fn text_from<'a>(source: ValueSource, parsed: &'a str, added: &'a str) -> &'a str {
    match source {
        ValueSource::Parsed(span) => &parsed[usize::try_from(span.offset).unwrap()..][..span.bytes],
        ValueSource::Added => added,
    }
}

/// The text of a document that was parsed from `parsed`, with this value for what was added.
fn written(document: &Document, parsed: &str, added: &str) -> String {
    let mut text = String::new();
    let emit = |piece: Piece<'_>| {
        text.push_str(match piece {
            Piece::Text(text) => text,
            Piece::Value(source) => text_from(source, parsed, added),
        });
        Ok::<_, ()>(())
    };
    document.write(emit).unwrap();
    text
}

#[test]
fn document_is_written_as_it_was_read() {
    assert_eq!(written(&parse(TWO).unwrap(), TWO, ""), TWO);
}

#[test]
fn document_that_a_person_has_laid_out_is_read_in_any_order() {
    let sorted = r#"{
        "secrets": {
            "bar-token": {
                "versions": [
                    {"created": 1700000000, "value": "b2xk", "version": 2},
                    {"created": 1700000009, "value": "bmV3", "version": 3}
                ],
                "current": 3
            }
        },
        "format": 1
    }
    "#;
    assert_eq!(written(&parse(sorted).unwrap(), sorted, ""), TWO);
}

#[test]
fn document_with_a_name_or_a_key_twice_is_refused() {
    let twice = TWO.replace(
        r#"{"bar-token":"#,
        r#"{"bar-token":{"current":1,"versions":[{"version":1,"created":0,"value":""}]},"bar-token":"#,
    );
    assert!(matches!(refused(&twice), Unreadable::Inconsistent));
    for key in [
        r#""format":1,"#,
        r#""current":3,"#,
        r#""created":1700000009,"#,
    ] {
        let twice = TWO.replace(key, &key.repeat(2));
        assert!(
            matches!(refused(&twice), Unreadable::Syntax { .. }),
            "{twice}"
        );
    }
}

#[test]
fn each_wanted_version_is_found_or_named_missing() {
    let document = parse(TWO).unwrap();
    let find = |name, wanted| {
        let found = document.find(name, &wanted);
        found.map(|found| text_from(found.value, TWO, ""))
    };
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
    let mut document = parse(TWO).unwrap();
    document.promote("bar-token", 2).unwrap();
    let latest = VersionSelector::Stage("LATEST".to_owned());
    assert_eq!(value(&document, TWO, VersionSelector::Current), "b2xk");
    assert_eq!(value(&document, TWO, latest), "bmV3");
}

#[test]
fn document_of_another_format_is_named_as_such() {
    for text in [
        r#"{"format":7,"secrets":{}}"#,
        r#"{"format":7,"vaults":[]}"#,
    ] {
        assert!(matches!(refused(text), Unreadable::Format(7)), "{text}");
    }
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
        assert!(matches!(refused(&text), Unreadable::Inconsistent), "{text}");
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
        assert!(
            matches!(refused, Unreadable::Syntax { .. }),
            "{text} {refused:?}"
        );
        assert!(!format!("{refused:?}").contains("hunter2"));
    }
}

#[test]
fn numbers_that_are_used_up_refuse_another_version() {
    let text = TWO.replace('3', &u64::MAX.to_string());
    let mut document = parse(&text).unwrap();
    let added = document.add("bar-token", 0, Begins::AtOnce);
    assert_eq!(added, Err(NotAdded::NumbersUsedUp));
}

#[test]
fn a_version_that_waits_is_the_latest_and_not_the_current_one() {
    let mut document = parse(TWO).unwrap();
    let added = document.add("bar-token", 0, Begins::WhenPromoted);
    assert_eq!(added, Ok(4));
    let latest = VersionSelector::Stage("LATEST".to_owned());
    assert_eq!(value(&document, TWO, VersionSelector::Current), "bmV3");
    assert_eq!(value(&document, TWO, latest), "new");
    let first = document.add("other", 0, Begins::WhenPromoted);
    assert_eq!(first, Err(NotAdded::NothingCurrent));
    assert_eq!(document.versions("other"), Err(Missing::Secret));
}

#[test]
fn document_has_no_value_in_it() {
    let document = parse(TWO).unwrap();
    assert!(!format!("{document:?}").contains("bmV3"));
}

#[test]
fn document_beyond_its_bound_is_refused() {
    let bound = TWO.len() as u64 - 1;
    let refused = Document::parse(TWO.as_bytes(), bound).unwrap_err();
    assert!(matches!(refused, Unreadable::TooLong), "{refused:?}");
    assert!(Document::parse(TWO.as_bytes(), bound + 1).is_ok());
}

proptest! {
    #[test]
    fn any_sequence_of_changes_keeps_the_invariants(
        changes in proptest::collection::vec((0..4_u8, 0..3_usize, 1..30_u64), 0..80),
    ) {
        let names = ["a", "b.c", "D_e-9"];
        let mut highest = [0; 3];
        let mut document = Document::default();
        for (change, secret, number) in changes {
            let name = names[secret];
            match change {
                0 => {
                    let added = document.add(name, 1, Begins::AtOnce).unwrap();
                    prop_assert_eq!(added, highest[secret] + 1, "numbers are not used twice");
                    highest[secret] = added;
                    prop_assert_eq!(document.find(name, &VersionSelector::Current).unwrap().number, added);
                }
                1 => {
                    let current = |document: &Document| {
                        document.find(name, &VersionSelector::Current).map(|found| found.number)
                    };
                    let before = current(&document);
                    let added = document.add(name, 1, Begins::WhenPromoted);
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
            let text = written(&document, "", "dg==");
            let again = written(&parse(&text).unwrap(), &text, "");
            prop_assert_eq!(again, text);
            let kept = document.versions(name).map_or(0, |versions| versions.len() as u64);
            prop_assert_eq!(kept, highest[secret].min(10));
        }
    }

    #[test]
    fn foreign_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Document::parse(&bytes[..], 1 << 20);
    }
}
