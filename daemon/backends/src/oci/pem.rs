//! PEM blocks of a file.
//!
//! Read as OpenSSL reads: text around the blocks is nobody's business, so that the line
//! `OCI_API_KEY` below a key, which Oracle's command line writes, and bag attributes above it do no
//! harm. Parsers of RFC 7468 to the letter refuse both.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

/// One block, decoded.
pub(crate) struct Block<'a> {
    /// What it says it is: `RSA PRIVATE KEY`.
    pub(crate) label: &'a str,
    /// The lines `Name: value` above the body (RFC 1421).
    pub(crate) headers: Vec<(&'a str, &'a str)>,
    /// The body, wiped on drop.
    pub(crate) content: Zeroizing<Vec<u8>>,
}

impl<'a> Block<'a> {
    /// The value of the header with this name.
    pub(crate) fn header(&self, name: &str) -> Option<&'a str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(found, _)| *found == name);
        found.map(|(_, value)| *value)
    }
}

/// A block with a beginning and no end, or with something else in it than base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Damaged;

/// The blocks of a file, first to last. After a damaged one nothing more is found.
pub(crate) fn blocks(file: &[u8]) -> Blocks<'_> {
    Blocks { rest: file }
}

/// See [`blocks`].
pub(crate) struct Blocks<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Result<Block<'a>, Damaged>;

    fn next(&mut self) -> Option<Self::Item> {
        let (_, after) = cut(self.rest, BEGIN)?;
        // In case of damage; a whole block says where the next one may begin.
        self.rest = &[];
        Some(block(after).map(|(block, rest)| {
            self.rest = rest;
            block
        }))
    }
}

/// The block whose beginning is behind us, and what comes after it.
fn block(after_begin: &[u8]) -> Result<(Block<'_>, &[u8]), Damaged> {
    let (label, rest) = cut(after_begin, DASHES).ok_or(Damaged)?;
    let label = std::str::from_utf8(label).map_err(|_| Damaged)?;
    let (text, rest) = cut(rest, END).ok_or(Damaged)?;
    let rest = rest.strip_prefix(label.as_bytes()).ok_or(Damaged)?;
    let rest = rest.strip_prefix(DASHES).ok_or(Damaged)?;
    let text = std::str::from_utf8(text).map_err(|_| Damaged)?.trim();
    // Systems end a line with CR, LF or both.
    let line_end = if text.contains('\n') { '\n' } else { '\r' };
    let mut lines = text.split(line_end).map(str::trim).peekable();
    let mut headers = Vec::new();
    // Base64 has no colon.
    while let Some((name, value)) = lines.peek().and_then(|line| line.split_once(':')) {
        headers.push((name.trim(), value.trim()));
        lines.next();
    }
    lines.next_if(|line| line.is_empty());
    let content = decoded(lines, text.len())?;
    let block = Block {
        label,
        headers,
        content,
    };
    Ok((block, rest))
}

/// An empty line inside is damage: something was lost or put together there.
fn decoded<'a>(
    lines: impl Iterator<Item = &'a str>,
    most: usize,
) -> Result<Zeroizing<Vec<u8>>, Damaged> {
    let mut letters = Zeroizing::new(Vec::with_capacity(most));
    for line in lines {
        if line.is_empty() {
            return Err(Damaged);
        }
        letters.extend_from_slice(line.as_bytes());
    }
    let mut content = Zeroizing::new(vec![0; letters.len() / 4 * 3 + 3]);
    let decoded = BASE64.decode_slice(&*letters, &mut content);
    content.truncate(decoded.map_err(|_| Damaged)?);
    Ok(content)
}

/// What is before the mark and after it.
fn cut<'a>(text: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = text.windows(mark.len()).position(|here| here == mark)?;
    Some((&text[..at], &text[at + mark.len()..]))
}

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";
/// The sign `=` at the end is nothing that a key can lack.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[cfg(test)]
mod tests {
    use super::*;

    fn found(file: &str) -> Vec<Result<(String, Vec<u8>), Damaged>> {
        let all = blocks(file.as_bytes());
        all.map(|block| block.map(|block| (block.label.to_owned(), block.content.to_vec())))
            .collect()
    }

    #[test]
    fn text_around_blocks_is_passed_over() {
        let a = Ok(("A B".to_owned(), b"abcd".to_vec()));
        for file in [
            "-----BEGIN A B-----\nYWJj\nZA==\n-----END A B-----\n",
            "-----BEGIN A B-----\nYWJj\nZA==\n-----END A B-----\nOCI_API_KEY",
            "attributes\n  -----BEGIN A B-----\n  YWJj\n  ZA==\n  -----END A B-----",
            "-----BEGIN A B-----\r\nYWJj\r\nZA==\r\n-----END A B-----\r\n",
            "-----BEGIN A B-----\rYWJj\rZA==\r-----END A B-----\r",
            "-----BEGIN A B-----YWJjZA-----END A B-----",
        ] {
            assert_eq!(found(file), std::slice::from_ref(&a), "{file:?}");
        }
    }

    #[test]
    fn blocks_come_in_their_order() {
        let file = "-----BEGIN A-----\nYQ==\n-----END A-----\n-----BEGIN B-----\n-----END B-----";
        let (a, b) = (
            ("A".to_owned(), b"a".to_vec()),
            ("B".to_owned(), Vec::new()),
        );
        assert_eq!(found(file), [Ok(a), Ok(b)]);
        assert!(found("no key here").is_empty());
    }

    #[test]
    fn headers_are_read_and_end_with_an_empty_line() {
        let file = "-----BEGIN A-----\r\nProc-Type: 4,ENCRYPTED\r\nDEK-Info: X,00\r\n\r\nYWJj\r\n-----END A-----";
        let block = blocks(file.as_bytes()).next();
        let block = block.expect("one block").expect("whole");
        assert_eq!(block.header("DEK-Info"), Some("X,00"));
        assert_eq!(block.header("Proc-Type"), Some("4,ENCRYPTED"));
        assert_eq!(*block.content, b"abc");
    }

    #[test]
    fn damaged_blocks_are_said_to_be_so() {
        for file in [
            "-----BEGIN A-----\nYWJj\n",
            "-----BEGIN A-----\nYWJj\n-----END B-----\n",
            "-----BEGIN A-----\nYW!j\n-----END A-----\n",
            "-----BEGIN A-----\nYWJj\n\nYWJj\n-----END A-----\n",
            "-----BEGIN A",
        ] {
            assert_eq!(found(file), [Err(Damaged)], "{file:?}");
        }
    }
}
