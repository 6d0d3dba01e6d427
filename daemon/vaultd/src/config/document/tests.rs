//! Every error names its place, and none its content.

use super::*;

fn document(text: &str) -> Document {
    Document::parse(Path::new("/etc/x.yaml"), text).unwrap()
}

fn entry<'a>(document: &'a Document, key: &str) -> At<'a> {
    let entries = document.root().entries().unwrap();
    entries.into_iter().find(|(name, _)| name == key).unwrap().1
}

#[test]
fn scalars_keep_the_text_they_were_written_with() {
    let document = document("a: 1.10\nb: 0644\nc: yes\nd: 1_000\ne: 'x'\nf: &n 2.50\ng: *n\n");
    for (key, text) in [
        ("a", "1.10"),
        ("b", "0644"),
        ("c", "yes"),
        ("d", "1_000"),
        ("e", "x"),
        ("f", "2.50"),
        ("g", "2.50"),
    ] {
        assert_eq!(entry(&document, key).scalar(), Ok(text), "{key}");
    }
}

#[test]
fn booleans_are_read_as_people_write_them() {
    let document = document("a: yes\nb: Off\nc: 'true'\nd: 1\n");
    let boolean = |key: &str| entry(&document, key).boolean().ok();
    assert_eq!(
        ["a", "b", "c", "d"].map(boolean),
        [
            Some((true, true)),
            Some((false, true)),
            Some((true, false)),
            None
        ]
    );
}

#[test]
fn whole_numbers_may_be_quoted_and_are_not_negative() {
    let text = "a: 60\nb: '60'\nc: -1\nd: 1.5\ne: x\nf: [1]\ng: 1_000\nh: 010\ni: 0\n";
    let document = document(text);
    let number = |key: &str| entry(&document, key).whole_number().ok();
    let read = ["a", "b", "c", "d", "e", "f", "g", "h", "i"].map(number);
    let sixty = Some(60);
    let none = None;
    assert_eq!(
        read,
        [
            sixty,
            sixty,
            none,
            none,
            none,
            none,
            Some(1000),
            none,
            Some(0)
        ],
        "010 is 8 to some readers and 10 to others"
    );
}

#[test]
fn seconds_may_have_a_fraction_and_are_not_negative() {
    let document = document("a: 1.5\nb: '2'\nc: -1.0\nd: '1.e400'\ne: '.inf'\nf: 'x.y'\ng: [1]\n");
    let seconds = |key: &str| entry(&document, key).seconds().ok();
    let read = ["a", "b", "c", "d", "e", "f", "g"].map(seconds);
    let good = [
        Some(Duration::from_millis(1500)),
        Some(Duration::from_secs(2)),
    ];
    assert_eq!(read[..2], good);
    assert_eq!(read[2..], [None; 5]);
}

#[test]
fn an_error_says_file_line_column_and_key_and_not_what_stands_there() {
    let document = document("cache:\n  ttl: s3cr3t-value\n");
    let (_, cache) = document.root().entries().unwrap().remove(0);
    let (_, ttl) = cache.entries().unwrap().remove(0);
    let error = ttl.whole_number().unwrap_err().to_string();
    assert!(
        error.starts_with("/etc/x.yaml:2:8: cache.ttl: must be a whole number"),
        "{error}"
    );
    assert!(!error.contains("s3cr3t"), "{error}");
}

#[test]
fn what_is_no_yaml_is_an_error_with_its_place_and_without_content() {
    for text in [
        "a: [1,\nb: 2",
        "a: 1\na: 2\n",
        "a: \"s3cr3t\n",
        "a: @s3cr3t",
        " a: b\n  c: d",
        "a: {b: s3cr3t: x: y}",
        "a: *s3cr3t",
        "s3cr3t: s3cr3t: s3cr3t",
        "a: 1\n---\nb: 2\n",
    ] {
        let error = Document::parse(Path::new("/etc/x.yaml"), text).unwrap_err();
        assert!(error.mark.line > 0, "{text:?}: {error}");
        assert!(!error.to_string().contains("s3cr3t"), "{text:?}: {error}");
        assert!(
            !error.to_string().contains("Policy"),
            "no advice to programmers: {error}"
        );
    }
}

#[test]
fn bombs_are_errors() {
    let mut aliases = format!("a: &a [{}]\n", ["x"; 100].join(","));
    for pair in "abcdefghij".as_bytes().windows(2) {
        let (from, to) = (char::from(pair[0]), char::from(pair[1]));
        let line = vec![format!("*{from}"); 10].join(",");
        for part in [&to.to_string(), ": &", &to.to_string(), " [", &line, "]\n"] {
            aliases.push_str(part);
        }
    }
    assert!(Document::parse(Path::new("x"), &aliases).is_err());
    let deep = "[".repeat(100_000);
    assert!(Document::parse(Path::new("x"), &deep).is_err());
}

proptest::proptest! {
    #[test]
    fn no_text_whatever_panics(text in "[ -~\n\t]{0,200}") {
        let _ = Document::parse(Path::new("x"), &text);
    }
}
