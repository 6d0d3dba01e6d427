//! What does a file say, and where in it? YAML (and so JSON) as a tree with lines and columns.
//!
//! Scalars keep the text they were written with: `1.10` stays `1.10` where text is wanted. The
//! parser's budget bounds depth, aliases and size before anything is built.

use std::fmt;
use std::path::{Path, PathBuf};

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

/// What is wrong with a configuration: file, place, key, and words for a person. Never the value
/// that stands there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// The file.
    pub file: PathBuf,
    /// Where in it.
    pub mark: Mark,
    /// The key, as a path: `services.bar.command`. Empty for the whole file.
    pub key: String,
    /// What is wrong, and what to do.
    pub message: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if self.mark.line > 0 {
            write!(f, ":{}:{}", self.mark.line, self.mark.column)?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.message)
    }
}

/// One node of the tree.
#[derive(Clone, Debug)]
pub struct Node {
    mark: Mark,
    /// Where the text of a scalar is in the file, in bytes.
    span: Option<(u64, u64)>,
    value: Value,
}

#[derive(Clone, Debug)]
enum Value {
    Null,
    /// A scalar: its text, and what YAML takes it for.
    Scalar(String, Kind),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bool,
    Number,
    Text,
}

/// A map's key.
#[derive(Clone, Debug)]
struct Key {
    mark: Mark,
    name: String,
}

/// A node with its file and the path of keys that led to it.
#[derive(Clone, Debug)]
pub struct At<'a> {
    file: &'a Path,
    key: String,
    key_mark: Mark,
    node: &'a Node,
}

/// A file that was read.
#[derive(Clone, Debug)]
pub struct Document {
    file: PathBuf,
    root: Node,
}

impl Document {
    /// Reads `text`, which came from `file`.
    ///
    /// # Errors
    /// [`ConfigError`] with the parser's place.
    pub fn parse(file: &Path, text: &str) -> Result<Self, ConfigError> {
        let mut options = Options::default();
        // A snippet could show a value that somebody wrote into the wrong file.
        options.with_snippet = false;
        let root: Result<Node, _> = serde_saphyr::from_str_with_options(text, options);
        match root {
            Ok(mut root) => {
                restore(&mut root, text);
                Ok(Self {
                    file: file.to_owned(),
                    root,
                })
            }
            Err(error) => Err(ConfigError {
                file: file.to_owned(),
                mark: error.location().map(mark).unwrap_or_default(),
                key: String::new(),
                message: format!("not readable as YAML: {}", words_of(&error.to_string())),
            }),
        }
    }

    /// The whole tree.
    pub fn root(&self) -> At<'_> {
        At {
            file: &self.file,
            key: String::new(),
            key_mark: self.root.mark,
            node: &self.root,
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

impl<'a> At<'a> {
    /// An error about this node.
    pub fn error(&self, message: impl Into<String>) -> ConfigError {
        ConfigError {
            file: self.file.to_owned(),
            mark: self.node.mark,
            key: self.key.clone(),
            message: message.into(),
        }
    }

    /// An error about this node's key.
    pub fn key_error(&self, message: impl Into<String>) -> ConfigError {
        ConfigError {
            mark: self.key_mark,
            ..self.error(message)
        }
    }

    /// The file and line, for people: `resolver.yaml:12`.
    pub fn place(&self) -> String {
        let name = self.file.file_name().unwrap_or(self.file.as_os_str());
        format!("{}:{}", name.to_string_lossy(), self.node.mark.line)
    }

    /// Whether nothing stands here.
    pub fn is_null(&self) -> bool {
        matches!(self.node.value, Value::Null)
    }

    /// Whether a map stands here.
    pub fn is_map(&self) -> bool {
        matches!(self.node.value, Value::Map(_))
    }

    /// Whether a list stands here.
    pub fn is_list(&self) -> bool {
        matches!(self.node.value, Value::List(_))
    }

    /// The entries of a map in their order; an empty section has none. No key stands twice: the
    /// parser has seen to it.
    ///
    /// # Errors
    /// Where neither stands here.
    pub fn entries(&self) -> Result<Vec<(String, At<'a>)>, ConfigError> {
        let entries = match &self.node.value {
            Value::Null => return Ok(vec![]),
            Value::Map(entries) => entries,
            _ => return Err(self.error(format!("must be a map of keys, {}", self.found()))),
        };
        let named = |(key, node): &'a (Key, Node)| {
            let at = At {
                key_mark: key.mark,
                ..self.below(&key.name, node)
            };
            (key.name.clone(), at)
        };
        Ok(entries.iter().map(named).collect())
    }

    /// The items of a list.
    ///
    /// # Errors
    /// Where no list stands here.
    pub fn items(&self) -> Result<Vec<At<'a>>, ConfigError> {
        match &self.node.value {
            Value::List(items) => {
                let item = |(number, node)| self.below(&format!("[{number}]"), node);
                Ok(items.iter().enumerate().map(item).collect())
            }
            _ => Err(self.error(format!("must be a list, {}", self.found()))),
        }
    }

    /// The text of a string.
    ///
    /// # Errors
    /// Where no string stands here.
    pub fn text(&self) -> Result<&'a str, ConfigError> {
        match &self.node.value {
            Value::Scalar(text, Kind::Text) => Ok(text),
            _ => Err(self.error(format!("must be a string, {}", self.found()))),
        }
    }

    /// The text of a string, number or boolean, as it is written.
    ///
    /// # Errors
    /// Where something else stands here.
    pub fn scalar(&self) -> Result<&'a str, ConfigError> {
        match &self.node.value {
            Value::Scalar(text, _) => Ok(text),
            _ => Err(self.error(format!("must be a string, {}", self.found()))),
        }
    }

    /// A whole number of at least 0, also in quotes.
    ///
    /// # Errors
    /// Where none stands here.
    pub fn whole_number(&self) -> Result<u64, ConfigError> {
        let wrong = || {
            self.error(format!(
                "must be a whole number of at least 0, {}",
                self.found()
            ))
        };
        let text = self.scalar().map_err(|_| wrong())?.trim();
        text.parse().map_err(|_| wrong())
    }

    /// A boolean; YAML 1.1's `yes`, `no`, `on` and `off` are understood too.
    ///
    /// # Errors
    /// Where none stands here.
    pub fn boolean(&self) -> Result<bool, ConfigError> {
        let text = self.scalar().unwrap_or_default().to_ascii_lowercase();
        match text.as_str() {
            "true" | "yes" | "on" => Ok(true),
            "false" | "no" | "off" => Ok(false),
            _ => Err(self.error(format!("must be true or false, {}", self.found()))),
        }
    }

    /// The strings of a list.
    ///
    /// # Errors
    /// Where something else stands here.
    pub fn texts(&self) -> Result<Vec<String>, ConfigError> {
        self.items()?
            .iter()
            .map(|item| item.scalar().map(str::to_owned))
            .collect()
    }

    fn below(&self, name: &str, node: &'a Node) -> Self {
        let dot = if self.key.is_empty() || name.starts_with('[') {
            ""
        } else {
            "."
        };
        let key = format!("{}{dot}{name}", self.key);
        At {
            file: self.file,
            key,
            key_mark: node.mark,
            node,
        }
    }

    /// What stands here, without saying it.
    fn found(&self) -> &'static str {
        match &self.node.value {
            Value::Null => "found nothing",
            Value::Scalar(_, Kind::Bool) => "found a boolean",
            Value::Scalar(_, Kind::Number) => "found a number",
            Value::Scalar(_, Kind::Text) => "found a string",
            Value::List(_) => "found a list",
            Value::Map(_) => "found a map",
        }
    }
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

#[cfg(test)]
mod tests;
