//! Reads JSON from a stream, piece by piece, without keeping the texts that are values.
//!
//! Only what the store's document needs: objects, arrays, whole numbers, and texts without escapes.
//! No more than [`BUFFER_BYTES`] of the stream are held, and they are wiped. An error gives a place
//! and never quotes the text.

use std::io::{self, Read};

use zeroize::Zeroizing;

/// Where a text stands in the stream, without its quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TextSpan {
    /// The first byte of it.
    pub(super) offset: u64,
    /// How long it is.
    pub(super) bytes: usize,
    /// How many `=` it ends with.
    pub(super) padding: usize,
}

/// Why there is nothing more to read.
#[derive(Debug)]
pub(super) enum JsonError {
    /// Something else stands there.
    Syntax { line: usize, column: usize },
    /// The stream is longer than it may be.
    TooLong,
    /// The stream broke off.
    Source(io::Error),
}

/// A stream of JSON.
pub(super) struct JsonReader<R> {
    source: R,
    buffer: Zeroizing<Vec<u8>>,
    next: usize,
    filled: usize,
    /// How many bytes were read before those in the buffer.
    before: u64,
    limit: u64,
    line: usize,
    column: usize,
}

impl<R: Read> JsonReader<R> {
    /// Reads `source`, which has at most `limit` bytes.
    pub(super) fn new(source: R, limit: u64) -> Self {
        Self {
            source,
            buffer: Zeroizing::new(vec![0; BUFFER_BYTES]),
            next: 0,
            filled: 0,
            before: 0,
            limit,
            line: 1,
            column: 0,
        }
    }

    /// Reads an object. `member` reads the value that belongs to a key.
    pub(super) fn object<E: From<JsonError>>(
        &mut self,
        mut member: impl FnMut(&mut Self, &str) -> Result<(), E>,
    ) -> Result<(), E> {
        self.sequence(b'{', b'}', |json| {
            let key = json.key()?;
            json.expect(b':')?;
            member(json, &key)
        })
    }

    /// Reads an array. `element` reads each of its elements.
    pub(super) fn array<E: From<JsonError>>(
        &mut self,
        element: impl FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        self.sequence(b'[', b']', element)
    }

    /// Reads a whole number.
    pub(super) fn number(&mut self) -> Result<u64, JsonError> {
        self.skip_whitespace()?;
        let mut number = None;
        while let Some(digit) = self.peek()?.filter(u8::is_ascii_digit) {
            self.advance();
            let digit = u64::from(digit - b'0');
            number = match number {
                None => Some(digit),
                // No other number begins with a zero.
                Some(0) => return Err(self.syntax()),
                Some(number) => {
                    let number = u64::checked_mul(number, 10);
                    let number = number.and_then(|number| number.checked_add(digit));
                    Some(number.ok_or_else(|| self.syntax())?)
                }
            };
        }
        match number {
            Some(number) => Ok(number),
            None => Err(self.unexpected()?),
        }
    }

    /// Goes past a text without keeping it.
    pub(super) fn skip_text(&mut self) -> Result<TextSpan, JsonError> {
        self.expect(b'"')?;
        let offset = self.before + self.next as u64;
        let (mut bytes, mut padding) = (0, 0);
        loop {
            self.peek()?;
            let held = &self.buffer[self.next..self.filled];
            let inner = held.iter().position(|&byte| !is_inner(byte));
            let passed = inner.unwrap_or(held.len());
            let ending = held[..passed].iter().rev();
            let equal_signs = ending.take_while(|&&byte| byte == b'=').count();
            padding = equal_signs + if equal_signs == passed { padding } else { 0 };
            bytes += passed;
            self.next += passed;
            self.column += passed;
            if inner.is_some() || passed == 0 {
                break;
            }
        }
        self.consume(b'"')?;
        Ok(TextSpan {
            offset,
            bytes,
            padding,
        })
    }

    /// Makes sure that nothing but space follows.
    pub(super) fn end(&mut self) -> Result<(), JsonError> {
        self.skip_whitespace()?;
        match self.peek()? {
            None => Ok(()),
            Some(_) => Err(self.unexpected()?),
        }
    }

    /// Where it is now, for a text that is JSON but not what was expected.
    pub(super) fn syntax(&self) -> JsonError {
        JsonError::Syntax {
            line: self.line,
            column: self.column,
        }
    }

    fn sequence<E: From<JsonError>>(
        &mut self,
        open: u8,
        close: u8,
        mut item: impl FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        self.expect(open)?;
        self.skip_whitespace()?;
        if self.peek()? == Some(close) {
            self.advance();
            return Ok(());
        }
        loop {
            item(self)?;
            self.skip_whitespace()?;
            if self.peek()? == Some(close) {
                self.advance();
                return Ok(());
            }
            self.consume(b',')?;
        }
    }

    /// A text that is a key. The document has none longer than a name.
    fn key(&mut self) -> Result<String, JsonError> {
        self.expect(b'"')?;
        let mut key = Vec::new();
        while let Some(byte) = self.peek()?.filter(|&byte| is_inner(byte)) {
            if key.len() == MAX_KEY_BYTES {
                return Err(self.syntax());
            }
            self.advance();
            key.push(byte);
        }
        self.consume(b'"')?;
        String::from_utf8(key).map_err(|_| self.syntax())
    }

    fn expect(&mut self, expected: u8) -> Result<(), JsonError> {
        self.skip_whitespace()?;
        self.consume(expected)
    }

    fn consume(&mut self, expected: u8) -> Result<(), JsonError> {
        if self.peek()? != Some(expected) {
            return Err(self.unexpected()?);
        }
        self.advance();
        Ok(())
    }

    /// The error about the byte that comes next.
    fn unexpected(&mut self) -> Result<JsonError, JsonError> {
        if self.peek()?.is_some() {
            self.advance();
        }
        Ok(self.syntax())
    }

    fn skip_whitespace(&mut self) -> Result<(), JsonError> {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.peek()? {
            self.advance();
        }
        Ok(())
    }

    /// The next byte; `None` at the end of the stream.
    fn peek(&mut self) -> Result<Option<u8>, JsonError> {
        while self.next == self.filled {
            self.before += self.filled as u64;
            (self.next, self.filled) = (0, 0);
            match self.source.read(&mut self.buffer) {
                Ok(0) => return Ok(None),
                Ok(bytes) => self.filled = bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(JsonError::Source(error)),
            }
            if self.before + self.filled as u64 > self.limit {
                return Err(JsonError::TooLong);
            }
        }
        Ok(Some(self.buffer[self.next]))
    }

    /// Goes past the byte that was peeked at.
    fn advance(&mut self) {
        if self.buffer[self.next] == b'\n' {
            (self.line, self.column) = (self.line + 1, 0);
        } else {
            self.column += 1;
        }
        self.next += 1;
    }
}

/// Whether it stands inside a text for itself: what must be escaped is not expected here.
fn is_inner(byte: u8) -> bool {
    byte >= b' ' && byte != b'"' && byte != b'\\'
}

const BUFFER_BYTES: usize = 4096;
/// The longest name, and one byte more so that a longer one is a wrong name and no wrong text.
const MAX_KEY_BYTES: usize = 256;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Gives so many bytes at a time.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let bytes = self.1.min(buffer.len());
            self.0.read(&mut buffer[..bytes])
        }
    }

    fn text_in(json: &str, at_once: usize) -> Option<String> {
        let mut reader = JsonReader::new(Slow(json.as_bytes(), at_once), 1 << 20);
        let span = reader.skip_text().ok()?;
        reader.end().ok()?;
        let start = usize::try_from(span.offset).unwrap();
        let text = &json[start..start + span.bytes];
        let padding = text.len() - text.trim_end_matches('=').len();
        assert_eq!(span.padding, padding, "{json} {at_once}");
        Some(text.to_owned())
    }

    #[test]
    fn a_number_is_a_whole_one_that_fits() {
        for (json, expected) in [
            ("0", Some(0)),
            (" 18446744073709551615\n", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("01", None),
            ("-1", None),
            ("1.5", None),
            ("1e3", None),
            ("\"1\"", None),
            ("", None),
        ] {
            let mut reader = JsonReader::new(json.as_bytes(), 100);
            let number = reader.number().and_then(|number| {
                reader.end()?;
                Ok(number)
            });
            assert_eq!(number.ok(), expected, "{json:?}");
        }
    }

    #[test]
    fn a_text_with_an_escape_or_a_control_byte_is_not_expected() {
        for json in [
            r#""a\/b""#,
            r#""a\"b""#,
            "\"a\nb\"",
            "\"a",
            "\"",
            "a\"",
            "\"a\"b",
        ] {
            assert_eq!(text_in(json, 100), None, "{json:?}");
        }
    }

    #[test]
    fn an_error_names_the_line_and_the_column() {
        let mut reader = JsonReader::new(&b"{\n  \"a\": x}"[..], 100);
        let refused = reader
            .object(|json, _| json.number().map(drop))
            .unwrap_err();
        assert!(
            matches!(refused, JsonError::Syntax { line: 2, column: 8 }),
            "{refused:?}"
        );
    }

    #[test]
    fn a_stream_beyond_its_limit_is_not_read_on() {
        let json = format!("\"{}\"", "a".repeat(10_000));
        let mut reader = JsonReader::new(json.as_bytes(), 9_000);
        assert!(matches!(reader.skip_text(), Err(JsonError::TooLong)));
    }

    proptest! {
        #[test]
        fn a_text_is_found_however_the_stream_is_cut(
            text in "[a-z=]{0,40}", at_once in 1..20_usize,
        ) {
            prop_assert_eq!(text_in(&format!(" \"{text}\" "), at_once), Some(text));
        }

        #[test]
        fn what_serde_reads_is_read_in_the_same_way(
            numbers in proptest::collection::vec(any::<u64>(), 0..9), pretty: bool, at_once in 1..9_usize,
        ) {
            let value = serde_json::json!({"numbers": numbers});
            let json = if pretty {
                serde_json::to_string_pretty(&value).unwrap()
            } else {
                value.to_string()
            };
            let mut reader = JsonReader::new(Slow(json.as_bytes(), at_once), 1 << 20);
            let mut read = Vec::new();
            reader
                .object(|json, key| {
                    assert_eq!(key, "numbers");
                    json.array(|json| {
                        read.push(json.number()?);
                        Ok::<_, JsonError>(())
                    })
                })
                .unwrap();
            reader.end().unwrap();
            prop_assert_eq!(read, numbers);
        }
    }
}
