//! The tree of a text, with lines, columns and the text of scalars; how it is read where it is YAML.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::{Budget, Error, Location, Options, Spanned};

use super::language::{Misread, misread};

/// How deep a document may be nested: reading recurses, and a thread's stack has an end.
pub(super) const DEEPEST: usize = 32;

/// What is said of a deeper one.
pub(super) const TOO_DEEP: &str = "it is nested more than 32 deep";

/// What is said of a key that is already there, which may be a value in the wrong place.
pub(super) const TWICE: &str = "the same key stands here twice";

/// Where a node was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Mark {
    /// From 1; 0 where it is not known.
    pub line: u64,
    /// From 1.
    pub column: u64,
    /// What was written there.
    pub origin: Origin,
}

/// What a node was written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The file.
    #[default]
    File,
    /// A variable of the daemon's own environment.
    Variable(&'static str),
    /// An argument on the daemon's own command line.
    Argument(&'static str),
}

/// One node of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub(super) mark: Mark,
    /// Where the text of a scalar is in the file, in bytes.
    span: Option<(u64, u64)>,
    pub(super) value: Value,
}

#[derive(Clone, Debug, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) mark: Mark,
    /// Where the name is in the file, in bytes.
    pub(super) span: Option<(u64, u64)>,
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
    /// A map without entries.
    pub fn empty() -> Self {
        Self::of(Value::Map(vec![]), Mark::default())
    }

    /// A text that was written at `mark`.
    pub fn text(text: &str, mark: Mark) -> Self {
        Self::of(Value::Scalar(text.to_owned(), Kind::Text), mark)
    }

    pub(super) fn of(value: Value, mark: Mark) -> Self {
        Self {
            mark,
            span: None,
            value,
        }
    }

    /// Whether nothing stands here.
    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// Whether a map stands here.
    pub fn is_map(&self) -> bool {
        matches!(self.value, Value::Map(_))
    }

    /// Whether a map or a list stands here.
    fn is_many(&self) -> bool {
        matches!(self.value, Value::Map(_) | Value::List(_))
    }

    /// Whether this text stands here.
    pub fn says(&self, text: &str) -> bool {
        matches!(&self.value, Value::Scalar(here, _) if here == text)
    }

    /// The node below `key`.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Value::Map(entries) = &self.value else {
            return None;
        };
        let found = entries.iter().find(|(entry, _)| entry.name == key);
        found.map(|(_, node)| node)
    }

    /// The node below `key`, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        let Value::Map(entries) = &mut self.value else {
            return None;
        };
        let found = entries.iter_mut().find(|(entry, _)| entry.name == key);
        found.map(|(_, node)| node)
    }

    /// Takes the node below `key` out.
    pub fn take(&mut self, key: &str) -> Option<Self> {
        let Value::Map(entries) = &mut self.value else {
            return None;
        };
        let found = entries.iter().position(|(entry, _)| entry.name == key)?;
        Some(entries.remove(found).1)
    }

    /// Puts `node` below `key`; where no map stands, one does afterwards.
    pub fn put(&mut self, key: &str, node: Self) {
        if !self.is_map() {
            self.value = Value::Map(vec![]);
        }
        if let Value::Map(entries) = &mut self.value {
            match entries.iter_mut().find(|(entry, _)| entry.name == key) {
                Some((_, old)) => *old = node,
                None => entries.push((
                    Key {
                        mark: node.mark,
                        span: None,
                        name: key.to_owned(),
                    },
                    node,
                )),
            }
        }
    }

    /// This layer with `over` above it: maps are joined key by key, all else is replaced. A key
    /// without a value above says nothing over a map or a list, and takes any other value away; an
    /// entry of a `secrets` map is taken away whatever it is.
    #[must_use]
    pub fn under(self, over: Self) -> Self {
        self.beneath(over, false)
    }

    /// `mappings` where this is a `secrets` map, whose entries are taken away whole.
    fn beneath(self, over: Self, mappings: bool) -> Self {
        let mark = over.mark;
        match (self.value, over.value) {
            (Value::Map(mut below), Value::Map(above)) => {
                for (key, node) in above {
                    match below.iter_mut().find(|(entry, _)| entry.name == key.name) {
                        Some((_, old)) if node.is_null() && old.is_many() && !mappings => {}
                        Some((entry, old)) => {
                            let under = std::mem::replace(old, Self::empty());
                            *old = under.beneath(node, key.name == "secrets");
                            *entry = key;
                        }
                        None => below.push((key, node)),
                    }
                }
                Self::of(Value::Map(below), self.mark)
            }
            (_, value) => Self {
                span: over.span,
                ..Self::of(value, mark)
            },
        }
    }

    /// Reads a text of YAML.
    pub(super) fn read(text: &str) -> Result<Self, Unreadable> {
        let mut options = Options::default();
        // A snippet could show a value that somebody wrote into the wrong file.
        options.with_snippet = false;
        let mut budget = Budget::default();
        budget.max_depth = DEEPEST;
        options.budget = Some(budget);
        let read: Result<Self, _> = serde_saphyr::from_str_with_options(text, options);
        match read {
            Ok(mut node) => {
                if node.is_null() && text.lines().any(is_property) {
                    return Err(Unreadable {
                        mark: node.mark,
                        words: PROPERTY.to_owned(),
                    });
                }
                restore(&mut node, text)?;
                Ok(node)
            }
            Err(error) => Err(Unreadable {
                mark: error.location().map(mark).unwrap_or_default(),
                words: words(&error),
            }),
        }
    }
}

/// What is wrong, in words without content.
fn words(error: &Error) -> String {
    match error {
        Error::AliasError { error, .. } => words(error),
        Error::Budget {
            breach: BudgetBreach::Depth { .. },
            ..
        } => TOO_DEEP.to_owned(),
        Error::DuplicateMappingKey { .. } => TWICE.to_owned(),
        _ => {
            let words = words_of(&error.to_string());
            // The parser has a limit of its own for brackets.
            if words.contains("recursion limit exceeded") {
                return TOO_DEEP.to_owned();
            }
            words
        }
    }
}

/// What is said of a tag or an anchor where a value belongs: it may be one, without quotes.
const PROPERTY: &str = "begins with ! or &, which YAML reads itself; put it in quotes";

/// Whether a line of a document without content is a tag or an anchor.
fn is_property(line: &str) -> bool {
    let line = line.trim_start();
    let line = line.strip_prefix("---").unwrap_or(line);
    line.trim_start().starts_with(['!', '&'])
}

/// Whether behind a key a tag stands that is not YAML's own, or a tag or anchor of nothing.
fn has_property(key: &Key, value: &Value, text: &str) -> bool {
    let behind = || {
        let (start, length) = key.span?;
        let end = usize::try_from(start.checked_add(length)?).ok()?;
        let behind = text.get(end..)?.trim_start_matches(['"', '\'']);
        behind.trim_start().strip_prefix(':')
    };
    let Some(behind) = behind() else {
        return false;
    };
    let here = behind.trim_start();
    let space = &behind[..behind.len() - here.len()];
    // What stands further to the left is the next key's.
    let column = u64::try_from(space.rsplit('\n').next().map_or(0, str::len)).unwrap_or(u64::MAX);
    let is_next = space.contains('\n') && column < key.mark.column;
    let is_null = *value == Value::Null;
    let is_foreign = here.starts_with('!') && !here.starts_with("!!");
    !is_next && (is_foreign || (is_null && here.starts_with(['!', '&'])))
}

/// The parser's own words, without quoted content (it may be a value), without its advice to
/// programmers, and without the place, which is said in front. A quoted bracket or comma stays.
fn words_of(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let line = line.split(", set ").next().unwrap_or_default();
    let mut rest = line.split(" at line ").next().unwrap_or_default();
    let mut words = String::new();
    while let Some(place) = rest.find(['"', '`', '\'']) {
        let (before, quoted) = rest.split_at(place);
        words.push_str(before);
        let (quote, behind) = quoted.split_at(1);
        let letter = |text: &str| text.starts_with(char::is_alphanumeric);
        let mark = behind.find(quote).filter(|end| {
            let inside = &behind[..*end];
            inside.len() <= 2 && inside.bytes().all(|byte| byte.is_ascii_punctuation())
        });
        if let Some(end) = mark {
            words.push_str(&quoted[..end + 2]);
            rest = &behind[end + 1..];
        } else if quote == "'" && before.ends_with(char::is_alphanumeric) && letter(behind) {
            // As in "can't".
            words.push_str(quote);
            rest = behind;
        } else {
            // Content may hold quotes itself: up to the last one.
            words.push_str("...");
            rest = behind.rfind(quote).map_or("", |end| &behind[end + 1..]);
        }
    }
    words.push_str(rest);
    words
}

/// Gives plain numbers and booleans the text they were written with, and refuses scalars in which
/// something was misread.
fn restore(node: &mut Node, text: &str) -> Result<(), Unreadable> {
    let written = node.span.and_then(|span| written(span, text));
    let refused = |mark, misread: Misread| Unreadable {
        mark,
        words: misread.words().to_owned(),
    };
    match &mut node.value {
        Value::List(items) => items.iter_mut().try_for_each(|item| restore(item, text))?,
        Value::Map(entries) => {
            for (key, node) in entries {
                let written = key.span.and_then(|span| self::written(span, text));
                if written.is_some_and(is_plain)
                    && let Some(misread) = misread(&key.name)
                {
                    return Err(refused(key.mark, misread));
                }
                if has_property(key, &node.value, text) {
                    return Err(Unreadable {
                        mark: key.mark,
                        words: PROPERTY.to_owned(),
                    });
                }
                restore(node, text)?;
            }
        }
        Value::Scalar(scalar, Kind::Bool | Kind::Number) => {
            if let Some(written) = written {
                written.trim().clone_into(scalar);
            }
        }
        Value::Scalar(scalar, Kind::Text) => {
            if written.is_some_and(is_plain)
                && let Some(misread) = misread(scalar)
            {
                return Err(refused(node.mark, misread));
            }
        }
        Value::Null => {}
    }
    Ok(())
}

/// What was written at a place.
fn written((start, length): (u64, u64), text: &str) -> Option<&str> {
    let start = usize::try_from(start).ok()?;
    text.get(start..start.checked_add(usize::try_from(length).ok()?)?)
}

/// Whether a scalar is written without quotes, and not as a block of lines.
fn is_plain(written: &str) -> bool {
    !written
        .trim_start()
        .starts_with(['"', '\'', '|', '>', '&', '*', '!'])
}

fn span(location: Location) -> Option<(u64, u64)> {
    let span = location.span();
    span.byte_offset().zip(span.byte_len())
}

fn mark(location: Location) -> Mark {
    Mark {
        line: location.line(),
        column: location.column(),
        origin: Origin::File,
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Value>::deserialize(deserializer)?;
        Ok(Self {
            mark: mark(spanned.referenced),
            span: span(spanned.defined),
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
                    span: span(key.defined),
                    name: key.value,
                },
                node,
            ));
        }
        Ok(Value::Map(entries))
    }
}
