//! A document of YAML or JSON as a tree with lines and columns.
//!
//! Scalars keep the text they were written with: `1.10` stays `1.10` where text is wanted. The
//! parser's budget bounds depth, aliases and size before anything is built.

mod json;
mod language;
mod tree;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::secret_patterns;
use language::Language;
use tree::{Key, Kind, Unreadable, Value};
pub use tree::{Mark, Node, Origin};

/// The longest time that a key may name; arithmetic with it must not overflow.
const LONGEST: Duration = Duration::from_hours(24 * 3650);

/// What is wrong with a configuration: file, place, key, and words for a person. Never the value
/// that stands there.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub struct ConfigError {
    /// The file.
    pub file: PathBuf,
    /// Where in it.
    pub mark: Mark,
    /// The key, as a path: `services.bar.command`. Empty for the whole file.
    pub key: String,
    /// What is wrong, and what to do.
    pub message: String,
    /// What kind of thing is wrong.
    pub kind: Wrong,
}

/// What kind of thing is wrong with a configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Wrong {
    /// A file is missing, unreadable, or could have been written by others.
    File,
    /// The text is neither YAML nor JSON.
    Syntax,
    /// What the text says cannot be meant.
    #[default]
    Content,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mark.origin {
            Origin::File => write!(f, "{}", self.file.display())?,
            Origin::Variable(name) => write!(f, "vaultd's variable {name}")?,
            Origin::Argument(name) => write!(f, "vaultd's argument {name}")?,
        }
        if self.mark.line > 0 {
            write!(f, ":{}:{}", self.mark.line, self.mark.column)?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.message)
    }
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
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let is_named_json = file
            .extension()
            .is_some_and(|extension| extension == "json");
        let language = language::of(text, is_named_json);
        let read = match language {
            Language::Yaml => Node::read(text),
            Language::Json | Language::Either => in_braces(text, language),
        };
        let root = read.map_err(|unreadable| ConfigError {
            file: file.to_owned(),
            mark: unreadable.mark,
            key: String::new(),
            message: format!(
                "not readable as {}: {}",
                match language {
                    Language::Either | Language::Yaml if !is_named_json => "YAML",
                    _ => "JSON",
                },
                unreadable.words
            ),
            kind: Wrong::Syntax,
        })?;
        Ok(Self {
            file: file.to_owned(),
            root,
        })
    }

    /// A tree that is not `file` as it was read, but made of it.
    pub fn of(file: &Path, root: Node) -> Self {
        Self {
            file: file.to_owned(),
            root,
        }
    }

    /// Whether nothing is written but comments.
    pub fn is_empty(&self) -> bool {
        match &self.root.value {
            Value::Null => true,
            Value::Map(entries) => entries.is_empty(),
            _ => false,
        }
    }

    /// The file it came from.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The tree itself.
    pub fn into_root(self) -> Node {
        self.root
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

/// Reads a text that begins with `{`: JSON, or else a map of YAML in which nothing can be misread.
fn in_braces(text: &str, language: Language) -> Result<Node, Unreadable> {
    let as_json = language::without_yaml_comments(text);
    if let Some(byte) = json::too_deep(&as_json) {
        return Err(Unreadable {
            mark: json::mark(text, byte),
            words: tree::TOO_DEEP.to_owned(),
        });
    }
    let not_json = match json::read(&as_json) {
        Ok(root) => return Ok(root),
        Err(not_json) => not_json,
    };
    if let Some((byte, misread)) = language::misread_in_braces(text) {
        let is_quote = misread == language::Misread::Quote;
        return Err(match language {
            Language::Json if !is_quote => not_json,
            _ => Unreadable {
                mark: json::mark(text, byte),
                words: misread.words().to_owned(),
            },
        });
    }
    match Node::read(text) {
        Err(_) if language == Language::Json => Err(not_json),
        read => read,
    }
}

impl<'a> At<'a> {
    /// An error about this node.
    pub fn error(&self, message: impl Into<String>) -> ConfigError {
        ConfigError {
            file: self.file.to_owned(),
            mark: self.node.mark,
            key: self.key.clone(),
            message: message.into(),
            kind: Wrong::Content,
        }
    }

    /// An error about this node's key.
    pub fn key_error(&self, message: impl Into<String>) -> ConfigError {
        ConfigError {
            mark: self.key_mark,
            ..self.error(message)
        }
    }

    /// Where this was written, for people: `resolver.yaml:12`.
    pub fn place(&self) -> String {
        let name = self.file.file_name().unwrap_or(self.file.as_os_str());
        match self.node.mark.origin {
            Origin::File => format!("{}:{}", name.to_string_lossy(), self.node.mark.line),
            Origin::Variable(name) => format!("vaultd's variable {name}"),
            Origin::Argument(name) => format!("vaultd's argument {name}"),
        }
    }

    /// The same with the whole path of a file; a map's place is its key's.
    pub fn whole_place(&self) -> String {
        let mark = if self.is_map() {
            self.key_mark
        } else {
            self.node.mark
        };
        match mark.origin {
            Origin::File => format!("{}:{}", self.file.display(), mark.line),
            _ => self.place(),
        }
    }

    /// What stands below `key`, if anything does.
    ///
    /// # Errors
    /// Where something else than a map or nothing stands here.
    pub fn get(&self, key: &str) -> Result<Option<At<'a>>, ConfigError> {
        let found = self.written()?.iter().find(|(entry, _)| entry.name == key);
        let found = found.map(|(key, node)| self.entry(key, node));
        Ok(found.filter(|at| !at.is_null()))
    }

    /// Whether this is a part of a document and not the whole of it.
    pub fn is_below(&self) -> bool {
        !self.key.is_empty()
    }

    /// Where this was written.
    pub fn mark(&self) -> Mark {
        self.node.mark
    }

    /// The tree from here on.
    pub fn node(&self) -> &'a Node {
        self.node
    }

    /// Gives a tree that was taken out of another the path of keys it was taken from.
    pub fn rename(&mut self, key: &str) {
        key.clone_into(&mut self.key);
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
        let named = |(key, node): &'a (Key, Node)| (key.name.clone(), self.entry(key, node));
        Ok(self.written()?.iter().map(named).collect())
    }

    fn written(&self) -> Result<&'a [(Key, Node)], ConfigError> {
        match &self.node.value {
            Value::Null => Ok(&[]),
            Value::Map(entries) => Ok(entries),
            _ => Err(self.error(format!("must be a map of keys, {}", self.found()))),
        }
    }

    fn entry(&self, key: &'a Key, node: &'a Node) -> Self {
        At {
            key_mark: key.mark,
            ..self.below(&key.name, node)
        }
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
        // YAML 1.1 reads 0644 as octal and YAML 1.2 does not.
        if text.len() > 1 && text.starts_with('0') {
            return Err(self.error("must be a whole number, written without a leading 0"));
        }
        text.replace('_', "").parse().map_err(|_| wrong())
    }

    /// A duration in seconds, also in quotes and with a fraction.
    ///
    /// # Errors
    /// Where none stands here.
    pub fn seconds(&self) -> Result<Duration, ConfigError> {
        let wrong = || {
            let found = self.found();
            self.error(format!(
                "must be a number of seconds of at least 0, {found}"
            ))
        };
        let text = self.scalar().map_err(|_| wrong())?.trim();
        let read = if text.contains('.') {
            let number: f64 = text.parse().map_err(|_| wrong())?;
            Duration::try_from_secs_f64(number).map_err(|_| wrong())?
        } else {
            Duration::from_secs(self.whole_number()?)
        };
        if read > LONGEST {
            return Err(self.error("must be less than ten years"));
        }
        Ok(read)
    }

    /// A boolean, and whether it is written as only YAML 1.1 has it: `yes`, `no`, `on`, `off`.
    ///
    /// # Errors
    /// Where none stands here.
    pub fn boolean(&self) -> Result<(bool, bool), ConfigError> {
        let text = self.scalar().unwrap_or_default().to_ascii_lowercase();
        match text.as_str() {
            "true" => Ok((true, false)),
            "false" => Ok((false, false)),
            "yes" | "on" => Ok((true, true)),
            "no" | "off" => Ok((false, true)),
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
        // In the wrong place, a key may be a secret.
        let name = if secret_patterns::is_secret(name) {
            "(hidden)"
        } else {
            name
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

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_generated;
