//! Finding the references in a YAML text, from the events of the parser beneath the daemon's YAML reader.
//!
//! A reference is the whole of a string: never a key, a part of a text, or a scalar with a tag other
//! than `!!str`. JSON is YAML. Aliases are not followed: whoever reads the result follows them.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::ops::Range;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Span, Tag};
use vault_proto::reference::{ReferenceError, SecretRef};

/// What there is in a text.
#[derive(Debug, Default)]
pub(crate) struct Document {
    pub(crate) references: Vec<Found>,
    /// The lines of keys that stood in their map before.
    pub(crate) repeated: Vec<usize>,
}

/// A reference, or what was meant to be one.
#[derive(Debug)]
pub(crate) struct Found {
    /// For people: `servers.p.env.TOKEN`, `list[2]`.
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) reference: Result<SecretRef, ReferenceError>,
    /// How often it stands in the document, by way of aliases too.
    pub(crate) count: usize,
    /// The bytes that a quoted value replaces.
    pub(crate) replaced: Range<usize>,
    /// The bytes after it that go with them: the line below the head of a block scalar.
    pub(crate) removed: Range<usize>,
}

/// Why a text is not resolved. Nothing of the text is repeated: it may hold values.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("the input is empty")]
    Empty,
    #[error("not readable as YAML (line {line}, column {column}): {words}")]
    Syntax {
        line: usize,
        column: usize,
        words: String,
    },
    #[error("not usable as YAML (line {line}): {why}")]
    Refused { line: usize, why: &'static str },
}

impl Document {
    /// Scans a text.
    ///
    /// # Errors
    /// [`Unusable`].
    pub(crate) fn scan(text: &str) -> Result<Self, Unusable> {
        let mut options = granit_parser::options! {};
        options.set_emit_comments(false);
        let mut scan = Scan {
            text,
            ..Scan::default()
        };
        for next in Parser::new_from_str_with_options(text, options) {
            let (event, span) = next.map_err(|error| syntax(&error))?;
            let ends = matches!(event, Event::Scalar(..) | Event::Alias(_));
            scan.take(event, span)?;
            if let Some(end) = span.end.byte_offset().filter(|_| ends) {
                scan.last_end = end;
            }
        }
        scan.finish()
    }
}

fn syntax(error: &ScanError) -> Unusable {
    let words = match error.kind() {
        // The character may belong to a value.
        ErrorKind::UnexpectedCharacter { .. } => "unexpected character".to_owned(),
        kind => kind.to_string(),
    };
    Unusable::Syntax {
        line: error.marker().line(),
        column: error.marker().col() + 1,
        words,
    }
}

/// A collection that has begun and not ended.
#[derive(Debug)]
struct Open {
    anchor: usize,
    /// How many references there were before it.
    first: usize,
    content: Content,
}

#[derive(Debug)]
enum Content {
    /// The number of the item that comes next.
    List(usize),
    Map {
        /// The key whose value comes next, or is being read.
        key: String,
        value_is_next: bool,
        /// Two keys are the same when they are written the same: `1` and `'1'` are not.
        keys: HashSet<(bool, String)>,
    },
}

#[derive(Debug, Default)]
struct Scan<'a> {
    text: &'a str,
    document: Document,
    open: Vec<Open>,
    /// The references below each anchor.
    anchors: HashMap<usize, Range<usize>>,
    /// By which each reference counts more than the one before it.
    counts: Vec<(usize, isize)>,
    documents: usize,
    nodes: usize,
    root_is_empty: bool,
    /// Where the scalar or alias before ended.
    last_end: usize,
}

impl Scan<'_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Unusable> {
        let line = span.start.line();
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    let why = "a second document begins; one is read at a time";
                    return Err(Unusable::Refused { line, why });
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                // The parser says `~` for what is not there.
                let missing = style == ScalarStyle::Plain && span.is_empty();
                let plain = style == ScalarStyle::Plain && tag.is_none();
                let null = ["", "~", "null", "Null", "NULL"].contains(&&*text);
                self.root_is_empty |= self.nodes == 0 && (text.is_empty() || plain && null);
                let first = self.document.references.len();
                let is_key = self.begin_node(Some((plain, &text)), line);
                if !is_key && !missing && tag.as_deref().is_none_or(is_string) {
                    self.value(&text, style, span);
                }
                self.name(anchor, first);
            }
            Event::SequenceStart(_, anchor, _) => self.begin(anchor, Content::List(0), line)?,
            Event::MappingStart(_, anchor, _) => {
                let content = Content::Map {
                    key: String::new(),
                    value_is_next: false,
                    keys: HashSet::new(),
                };
                self.begin(anchor, content, line)?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                // The parser pairs beginnings and ends.
                if let Some(ended) = self.open.pop() {
                    self.name(ended.anchor, ended.first);
                }
            }
            Event::Alias(anchor) => {
                if !self.begin_node(Some((false, "*")), line)
                    && let Some(references) = self.anchors.get(&anchor)
                {
                    self.counts.push((references.start, 1));
                    self.counts.push((references.end, -1));
                }
            }
            // Begin and end of what is read; the others are not asked for.
            _ => {}
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Document, Unusable> {
        let is_collection_alone = self.nodes == 1 && self.document.references.is_empty();
        if self.nodes == 0 || self.root_is_empty && is_collection_alone {
            return Err(Unusable::Empty);
        }
        self.counts.sort_unstable();
        let mut counts = self.counts.into_iter().peekable();
        let mut aliases = 0;
        for (number, found) in self.document.references.iter_mut().enumerate() {
            while let Some((_, change)) = counts.next_if(|(at, _)| *at <= number) {
                aliases += change;
            }
            found.count = aliases.unsigned_abs() + 1;
        }
        Ok(self.document)
    }

    fn begin(&mut self, anchor: usize, content: Content, line: usize) -> Result<(), Unusable> {
        self.root_is_empty |= self.nodes == 0;
        if self.begin_node(None, line) {
            let why = "a map or list as a key";
            return Err(Unusable::Refused { line, why });
        }
        self.open.push(Open {
            anchor,
            first: self.document.references.len(),
            content,
        });
        Ok(())
    }

    /// Counts a node where it stands; tells whether it is a key.
    fn begin_node(&mut self, scalar: Option<(bool, &str)>, line: usize) -> bool {
        self.nodes += 1;
        match self.open.last_mut().map(|open| &mut open.content) {
            None => false,
            Some(Content::List(next)) => {
                *next += 1;
                false
            }
            Some(Content::Map { value_is_next, .. }) if *value_is_next => {
                *value_is_next = false;
                false
            }
            Some(Content::Map {
                key,
                value_is_next,
                keys,
            }) => {
                *value_is_next = true;
                if let Some((plain, text)) = scalar {
                    text.clone_into(key);
                    if !keys.insert((plain, text.to_owned())) && text != "*" {
                        self.document.repeated.push(line);
                    }
                }
                true
            }
        }
    }

    /// Remembers what an anchor names; 0 is none.
    fn name(&mut self, anchor: usize, first: usize) {
        if anchor != 0 {
            let references = first..self.document.references.len();
            self.anchors.insert(anchor, references);
        }
    }

    fn value(&mut self, text: &str, style: ScalarStyle, span: Span) {
        let Some(reference) = reference_in(text) else {
            return;
        };
        let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        let (replaced, removed) = match (span.start.byte_offset(), span.end.byte_offset()) {
            (Some(start), Some(_)) if is_block => self.block_scalar(start),
            (Some(start), Some(end)) => (start..end, end..end),
            // The parser says them for a text that it has whole.
            _ => return,
        };
        self.document.references.push(Found {
            path: self.path(),
            line: span.start.line(),
            reference,
            count: 1,
            replaced,
            removed,
        });
    }

    /// The head of a block scalar, `|` with its indicators, and the one line below it, which begins
    /// at `start` without its indentation. A comment may stand between them, and stays.
    fn block_scalar(&self, start: usize) -> (Range<usize>, Range<usize>) {
        let line_break = |letter| matches!(letter, '\n' | '\r');
        let above = self.text[..start].trim_end_matches([' ', '\t']);
        let above = above.strip_suffix('\n').unwrap_or(above);
        let above = above.strip_suffix('\r').unwrap_or(above);
        let line = above.rfind(line_break).map_or(0, |at| at + 1);
        let line = line.max(self.last_end.min(above.len()));
        let mut blank_before = true;
        let head = above[line..].find(|letter: char| {
            let is_head = blank_before && matches!(letter, '|' | '>');
            blank_before = letter.is_whitespace();
            is_head
        });
        let head = line + head.unwrap_or(0);
        let is_indicator = |letter| matches!(letter, '|' | '>' | '+' | '-' | '0'..='9');
        let length = above[head..].find(|letter| !is_indicator(letter));
        let head_end = length.map_or(above.len(), |length| head + length);
        let below = &self.text[start..];
        let end = start + below.find(line_break).unwrap_or(below.len());
        (head..head_end, above.len()..end)
    }

    fn path(&self) -> String {
        let mut path = String::new();
        for open in &self.open {
            // Writing to a String cannot fail.
            let _ = match &open.content {
                Content::List(next) => write!(path, "[{}]", next - 1),
                Content::Map { key, .. } if !is_word(key) => write!(path, "[{key:?}]"),
                Content::Map { key, .. } if path.is_empty() => write!(path, "{key}"),
                Content::Map { key, .. } => write!(path, ".{key}"),
            };
        }
        if path.is_empty() {
            path.push_str("the whole text");
        }
        path
    }
}

fn is_word(key: &str) -> bool {
    let letter = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-');
    !key.is_empty() && key.chars().all(letter)
}

/// `!!str`, or `!`, which takes a scalar for a string.
fn is_string(tag: &Tag) -> bool {
    tag.is_yaml_core_schema_tag("str") || tag.original() == "!"
}

/// The reference that a string is, or was meant to be: one that begins like a reference and is none
/// must not be passed over in silence.
fn reference_in(text: &str) -> Option<Result<SecretRef, ReferenceError>> {
    let line = text.strip_suffix('\n').unwrap_or(text);
    let beginning = line.split(char::is_control).next().unwrap_or_default();
    let other = beginning.parse::<SecretRef>() == Err(ReferenceError::Scheme);
    // No daemon serves vault:// yet, and files of other programs hold such texts.
    let other = other || line.starts_with("vault://");
    (!other && !line.contains('\n')).then(|| line.parse())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_text_is_a_reference_or_none() {
        for text in ["local://a", "local://a\n", "oci-vault://c/n?version=2"] {
            assert!(matches!(reference_in(text), Some(Ok(_))), "{text:?}");
        }
        for text in [
            "local://",
            "local://a/b",
            "oci-vault://a\tb",
            "local://a?x=1",
        ] {
            assert!(matches!(reference_in(text), Some(Err(_))), "{text:?}");
        }
        for text in [
            "",
            "a",
            "see local://a",
            " local://a",
            "LOCAL://a",
            "https://a",
            "vault://a",
            "local://a\nb",
            "local://a\n\n",
            "a\tlocal://a",
        ] {
            assert!(reference_in(text).is_none(), "{text:?}");
        }
    }
}
