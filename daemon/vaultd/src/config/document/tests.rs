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

/// A thread that reads in the daemon has 2 MiB of stack; a daemon that has none left is aborted.
#[test]
fn what_is_nested_too_deep_is_an_error_and_no_end_of_the_stack() {
    let lists = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    let blocks = |depth: usize| "- ".repeat(depth) + "x\n";
    let maps = |depth: usize| "{a: ".repeat(depth) + "1" + &"}".repeat(depth);
    let json = |depth: usize| "{\"a\": ".repeat(depth) + "1" + &"}".repeat(depth);
    let aliases = |depth: usize| {
        let (open, close) = ("[".repeat(depth / 2), "]".repeat(depth / 2));
        format!("a: &a {open}1{close}\nb: &b {open}*a{close}\nc: {open}*b{close}\n")
    };
    let read = move || {
        let parse = |text: &str| Document::parse(Path::new("x.yaml"), text).map(drop);
        for (depth, is_good) in [
            (32, true),
            (33, false),
            (58, false),
            (505, false),
            (9000, false),
        ] {
            for text in [lists(depth), blocks(depth), maps(depth), json(depth)] {
                match parse(&text) {
                    Ok(()) => assert!(is_good, "{text}"),
                    Err(error) => assert!(
                        !is_good && error.message.contains("is nested more than 32 deep"),
                        "{depth}: {error}"
                    ),
                }
            }
        }
        let error = parse(&aliases(32)).unwrap_err();
        assert!(
            error.message.contains("is nested more than 32 deep"),
            "{error}"
        );
        let flat = format!(
            "{{\"a\": \"{}\\\"{0}\" /* {0} */ // {0}\n}}",
            "[".repeat(50)
        );
        assert!(
            parse(&flat).is_ok(),
            "brackets in texts and comments are none"
        );
    };
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(read);
    thread.unwrap().join().unwrap();
}

#[test]
fn a_key_that_stands_twice_is_not_repeated() {
    for text in [
        "s3cr3t: 1\ns3cr3t: 2\n",
        "{s3cr3t: 1, s3cr3t: 2}",
        "a: {s3cr3t: 1, s3cr3t: 2}",
    ] {
        let error = Document::parse(Path::new("/etc/x.yaml"), text).unwrap_err();
        assert!(
            error.message.ends_with("the same key stands here twice"),
            "{error}"
        );
        assert!(!error.to_string().contains("s3cr3t"), "{error}");
    }
}

#[test]
fn a_tag_or_an_anchor_in_the_place_of_a_value_is_an_error() {
    for text in [
        "env: {A: !s3cr3t}",
        "env: {A: &s3cr3t}",
        "env: {A: !s3cr3t, B: x}",
        "env:\n  A: !s3cr3t\n  B: x\n",
        "env:\n  A:\n    &s3cr3t\n  B: x\n",
        "env: {\"A\": !s3cr3t x}",
        "secrets: !s3cr3t",
        "secrets: !s3cr3t {A: b}",
        "!s3cr3t",
        "# c\n--- &s3cr3t\n",
    ] {
        let error = Document::parse(Path::new("/etc/x.yaml"), text).unwrap_err();
        assert!(
            error.message.contains("begins with ! or &"),
            "{text}: {error}"
        );
        assert!(
            error.mark.line > 0 && !error.to_string().contains("s3cr3t"),
            "{error}"
        );
    }
    for text in [
        "a: &n 2\nb: *n\n",
        "a: !!str 5\n",
        "a: '!x'\nb: \"&x\"\n",
        "a:\n&b c: 1\n",
        "a: x&y!z\n",
    ] {
        let read = Document::parse(Path::new("/etc/x.yaml"), text);
        assert!(read.is_ok(), "{text}: {read:?}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_whatever_panics(text in "[ -~\n\t]{0,200}") {
        let _ = Document::parse(Path::new("x"), &text);
    }
}
