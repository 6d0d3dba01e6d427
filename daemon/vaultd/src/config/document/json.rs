//! The tree of a JSON text that may hold comments and commas before a closing bracket, as the files
//! of editors and MCP clients do.

use jsonc_parser::ast;
use jsonc_parser::common::Ranged;
use jsonc_parser::errors::{ParseError, ParseErrorKind};
use jsonc_parser::{CollectOptions, ParseOptions, ParseStringErrorKind};

use super::tree::{DEEPEST, Key, Kind, Mark, Node, TWICE, Unreadable, Value};

/// JSON, and nothing looser: what is not JSON may still be YAML.
const OPTIONS: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_trailing_commas: true,
    allow_loose_object_property_names: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// Reads a text.
pub(super) fn read(text: &str) -> Result<Node, Unreadable> {
    let parsed = jsonc_parser::parse_to_ast(text, &CollectOptions::default(), &OPTIONS);
    match parsed {
        Ok(parsed) => match parsed.value {
            Some(value) => node(value, &mut Places::of(text)),
            None => Ok(Node::of(Value::Null, Mark::default())),
        },
        Err(error) => Err(unreadable(&error, text)),
    }
}

fn node(value: ast::Value<'_>, places: &mut Places<'_>) -> Result<Node, Unreadable> {
    let mark = places.mark(value.start());
    let value = match value {
        ast::Value::NullKeyword(_) => Value::Null,
        ast::Value::BooleanLit(literal) => Value::Scalar(literal.value.to_string(), Kind::Bool),
        // As it is written: `1.10` stays `1.10`.
        ast::Value::NumberLit(literal) => Value::Scalar(literal.value.to_owned(), Kind::Number),
        ast::Value::StringLit(literal) => Value::Scalar(literal.value.into_owned(), Kind::Text),
        ast::Value::Array(array) => {
            let items = array.elements.into_iter().map(|item| node(item, places));
            Value::List(items.collect::<Result<_, _>>()?)
        }
        ast::Value::Object(object) => Value::Map(entries(object, places)?),
    };
    Ok(Node::of(value, mark))
}

fn entries(
    object: ast::Object<'_>,
    places: &mut Places<'_>,
) -> Result<Vec<(Key, Node)>, Unreadable> {
    let mut seen = std::collections::BTreeSet::new();
    let mut entries = Vec::with_capacity(object.properties.len());
    for property in object.properties {
        let mark = places.mark(property.name.start());
        let name = property.name.into_string();
        if !seen.insert(name.clone()) {
            return Err(Unreadable {
                mark,
                words: TWICE.to_owned(),
            });
        }
        let key = Key {
            mark,
            span: None,
            name,
        };
        entries.push((key, node(property.value, places)?));
    }
    Ok(entries)
}

/// Where a text is nested too deep, in bytes. Looked at before it is parsed, for the parser recurses.
pub(super) fn too_deep(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut depth, mut place) = (0_usize, 0);
    while let Some(byte) = bytes.get(place) {
        let rest = &text.as_bytes()[place..];
        match byte {
            b'"' => {
                place += 1;
                while let Some(byte) = bytes.get(place).filter(|byte| **byte != b'"') {
                    place += if *byte == b'\\' { 2 } else { 1 };
                }
            }
            b'/' if rest.starts_with(b"//") => {
                let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
                place += end.unwrap_or(rest.len());
            }
            b'/' if rest.starts_with(b"/*") => {
                let end = rest[2..].windows(2).position(|pair| pair == b"*/");
                place += end.map_or(rest.len(), |end| end + 3);
            }
            b'{' | b'[' if depth == DEEPEST => return Some(place),
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        place += 1;
    }
    None
}

/// What is wrong, in words for a person, without content.
fn unreadable(error: &ParseError, text: &str) -> Unreadable {
    let words = match error.kind() {
        ParseErrorKind::UnterminatedObject => "a { is never closed by a }".to_owned(),
        ParseErrorKind::UnterminatedArray => "a [ is never closed by a ]".to_owned(),
        ParseErrorKind::UnterminatedCommentBlock => "a /* is never closed by a */".to_owned(),
        ParseErrorKind::ExpectedComma => "a comma is missing here".to_owned(),
        ParseErrorKind::ExpectedColonAfterObjectKey => "a key needs a colon after it".to_owned(),
        ParseErrorKind::ExpectedStringObjectProperty
        | ParseErrorKind::UnexpectedWord
        | ParseErrorKind::UnexpectedToken
        | ParseErrorKind::SingleQuotedStringsNotAllowed => {
            "keys and texts need double quotes".to_owned()
        }
        ParseErrorKind::MultipleRootJsonValues => {
            "something stands behind the closing bracket".to_owned()
        }
        // The library's words for these repeat what is written.
        ParseErrorKind::String(ParseStringErrorKind::InvalidUnicodeEscapeSequence(_)) => {
            "a \\u escape means no character".to_owned()
        }
        ParseErrorKind::String(ParseStringErrorKind::UnterminatedStringLiteral) => {
            "a text is never closed by a double quote".to_owned()
        }
        ParseErrorKind::String(_) => {
            "a backslash begins an escape that JSON does not have".to_owned()
        }
        kind => {
            let words = kind.to_string();
            let (first, rest) = words.split_at(words.chars().next().map_or(0, char::len_utf8));
            format!("{}{rest}", first.to_lowercase())
        }
    };
    Unreadable {
        mark: mark(text, error.range().start),
        words,
    }
}

/// The line and the column of a byte.
pub(super) fn mark(text: &str, byte: usize) -> Mark {
    Places::of(text).mark(byte)
}

/// Lines and columns of bytes, asked for in the order of the text: each letter is counted once.
struct Places<'a> {
    text: &'a str,
    counted: usize,
    mark: Mark,
}

impl<'a> Places<'a> {
    fn of(text: &'a str) -> Self {
        let start = Mark {
            line: 1,
            column: 1,
            ..Mark::default()
        };
        Self {
            text,
            counted: 0,
            mark: start,
        }
    }

    fn mark(&mut self, byte: usize) -> Mark {
        for letter in self
            .text
            .get(self.counted..byte)
            .unwrap_or_default()
            .chars()
        {
            if letter == '\n' {
                self.mark.line += 1;
                self.mark.column = 1;
            } else {
                self.mark.column += 1;
            }
        }
        self.counted = self.counted.max(byte);
        self.mark
    }
}
