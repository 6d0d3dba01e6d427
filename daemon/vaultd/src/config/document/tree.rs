//! What is the tree of a YAML text? Read by the parser's events, with lines, columns and the text of
//! scalars.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, Options, Spanned};

/// A place in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// From 1; 0 where it is not known.
    pub line: u64,
    /// From 1.
    pub column: u64,
}

/// One node of the tree.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) mark: Mark,
    /// Where the text of a scalar is in the file, in bytes.
    span: Option<(u64, u64)>,
    pub(super) value: Value,
}

#[derive(Clone, Debug)]
pub(super) enum Value {
    Null,
    /// A scalar: its text, and what YAML takes it for.
    Scalar(String, Kind),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    Number,
    Text,
}

/// A map's key.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) mark: Mark,
    pub(super) name: String,
}

/// Why a text has no tree.
#[derive(Clone, Debug)]
pub(super) struct Unreadable {
    pub(super) mark: Mark,
    /// The parser's words, without content.
    pub(super) words: String,
}

impl Node {
    /// Reads a text.
    pub(super) fn read(text: &str) -> Result<Self, Unreadable> {
        let mut options = Options::default();
        // A snippet could show a value that somebody wrote into the wrong file.
        options.with_snippet = false;
        let read: Result<Self, _> = serde_saphyr::from_str_with_options(text, options);
        match read {
            Ok(mut node) => {
                restore(&mut node, text);
                Ok(node)
            }
            Err(error) => Err(Unreadable {
                mark: error.location().map(mark).unwrap_or_default(),
                words: words_of(&error.to_string()),
            }),
        }
    }
}

/// The parser's own words, without quoted content (it may be a value), without its advice to
/// programmers, and without the place, which is said in front.
fn words_of(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let line = line.split(", set ").next().unwrap_or_default();
    let line = line.split(" at line ").next().unwrap_or_default();
    let mut quoted = false;
    let keep = |letter: char| {
        let quote = matches!(letter, '"' | '`' | '\'');
        if quote {
            quoted = !quoted;
        }
        (!quoted || quote).then_some(letter)
    };
    line.chars().filter_map(keep).collect()
}

/// Gives plain numbers and booleans the text they were written with.
fn restore(node: &mut Node, text: &str) {
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(|item| restore(item, text)),
        Value::Map(entries) => entries.iter_mut().for_each(|(_, node)| restore(node, text)),
        Value::Scalar(scalar, Kind::Bool | Kind::Number) => {
            let written = node.span.and_then(|(start, length)| {
                let start = usize::try_from(start).ok()?;
                text.get(start..start.checked_add(usize::try_from(length).ok()?)?)
            });
            if let Some(written) = written {
                written.trim().clone_into(scalar);
            }
        }
        Value::Null | Value::Scalar(_, Kind::Text) => {}
    }
}

fn mark(location: Location) -> Mark {
    Mark {
        line: location.line(),
        column: location.column(),
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Value>::deserialize(deserializer)?;
        let span = spanned.defined.span();
        Ok(Self {
            mark: mark(spanned.referenced),
            span: span.byte_offset().zip(span.byte_len()),
            value: spanned.value,
        })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Scalar(value.to_string(), Kind::Bool))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Scalar(value.to_string(), Kind::Number))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Scalar(value.to_string(), Kind::Number))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Scalar(value.to_string(), Kind::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Scalar(value.to_owned(), Kind::Text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, node)) = map.next_entry::<Spanned<String>, Node>()? {
            entries.push((
                Key {
                    mark: mark(key.referenced),
                    name: key.value,
                },
                node,
            ));
        }
        Ok(Value::Map(entries))
    }
}
