//! The reader finds in a document what was written into it, however it was written.

use proptest::prelude::*;

use super::*;

/// What a document is meant to say.
#[derive(Clone, Debug, PartialEq)]
enum Meant {
    Null,
    Text(String),
    List(Vec<Meant>),
    Map(Vec<(String, Meant)>),
}

fn meant() -> impl Strategy<Value = Meant> {
    let text = prop_oneof![
        "[ -~]{0,12}",
        "\\PC{0,8}",
        "(true|no|null|~|1\\.10|0644|1e3|- a|a: b|#x|'|\"|\\$\\{A\\})",
    ];
    let leaf = prop_oneof![Just(Meant::Null), text.prop_map(Meant::Text)];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let entry = ("[a-z_]{1,6}", inner.clone());
        let map = proptest::collection::vec(entry, 1..4).prop_map(|mut entries| {
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            entries.dedup_by(|a, b| a.0 == b.0);
            Meant::Map(entries)
        });
        prop_oneof![
            proptest::collection::vec(inner, 1..4).prop_map(Meant::List),
            map
        ]
    })
}

/// How scalars are quoted, and whether collections are written in blocks.
#[derive(Clone, Copy, Debug)]
struct Style {
    double: bool,
    block: bool,
}

fn write(meant: &Meant, style: Style, indent: usize, out: &mut String) {
    match meant {
        Meant::Null => out.push('~'),
        Meant::Text(text) if style.double || text.chars().any(char::is_control) => {
            out.push_str(&serde_json::to_string(text).expect("a string"));
        }
        Meant::Text(text) => {
            out.push('\'');
            out.push_str(&text.replace('\'', "''"));
            out.push('\'');
        }
        Meant::List(items) if style.block => {
            for item in items {
                line(out, indent);
                out.push_str("- ");
                write(item, style, indent + 1, out);
            }
        }
        Meant::Map(entries) if style.block => {
            for (key, value) in entries {
                line(out, indent);
                out.extend(["'", key, "': "]);
                write(value, style, indent + 1, out);
            }
        }
        Meant::List(items) => {
            out.push('[');
            for item in items {
                write(item, style, indent, out);
                out.push_str(", ");
            }
            out.push(']');
        }
        Meant::Map(entries) => {
            out.push('{');
            for (key, value) in entries {
                out.extend(["'", key, "': "]);
                write(value, style, indent, out);
                out.push_str(", ");
            }
            out.push('}');
        }
    }
}

fn line(out: &mut String, indent: usize) {
    out.push('\n');
    out.push_str(&"  ".repeat(indent));
}

fn read(at: &At<'_>) -> Meant {
    if at.is_null() {
        Meant::Null
    } else if at.is_map() {
        let entries = at.entries().unwrap();
        Meant::Map(
            entries
                .iter()
                .map(|(key, at)| (key.clone(), read(at)))
                .collect(),
        )
    } else if at.is_list() {
        Meant::List(at.items().unwrap().iter().map(read).collect())
    } else {
        Meant::Text(at.text().unwrap().to_owned())
    }
}

proptest! {
    #[test]
    fn what_was_written_is_read(meant in meant(), double: bool, block: bool) {
        let mut text = String::new();
        write(&meant, Style { double, block }, 0, &mut text);
        let document = Document::parse(Path::new("x.yaml"), &text);
        let document = document.map_err(|error| TestCaseError::fail(format!("{error}: {text}")))?;
        prop_assert_eq!(read(&document.root()), meant, "{}", text);
    }
}
