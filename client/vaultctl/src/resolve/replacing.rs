//! Replacing references by their values, in the bytes of the text.
//!
//! A value is written in double quotation marks with the escapes of JSON, on one line: so it is the
//! same string for every reader of YAML 1.1, 1.2 and JSON, wherever a reference stood.

use std::collections::HashMap;

use vault_proto::reference::SecretRef;
use zeroize::{Zeroize, Zeroizing};

use super::scanning::Document;

/// The longest result: many places of a long value end here.
const MAX_OUTPUT: usize = 64 << 20;

/// What became of each reference: its value, or why there is none.
pub(crate) type Answers = HashMap<SecretRef, Result<Zeroizing<String>, String>>;

/// The result would be too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the result would have more than 64 MiB")]
pub(crate) struct TooLong;

/// The text with values; a reference without one stays.
///
/// # Errors
/// [`TooLong`].
pub(crate) fn resolved(
    text: &str,
    document: &Document,
    answers: &Answers,
) -> Result<Zeroizing<Vec<u8>>, TooLong> {
    let mut out = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut copied = 0;
    for found in &document.references {
        let answer = found.reference.as_ref().ok().and_then(|it| answers.get(it));
        if let Some(Ok(value)) = answer {
            out.extend_from_slice(&text.as_bytes()[copied..found.replaced.start]);
            quote(value, &mut out);
            out.extend_from_slice(&text.as_bytes()[found.replaced.end..found.removed.start]);
            copied = found.removed.end;
        }
        if out.len() > MAX_OUTPUT {
            return Err(TooLong);
        }
    }
    out.extend_from_slice(&text.as_bytes()[copied..]);
    if out.len() > MAX_OUTPUT {
        return Err(TooLong);
    }
    Ok(out)
}

fn quote(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut units = [0; 2];
    let mut bytes = [0; 4];
    for letter in text.chars() {
        match letter {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            letter if is_legible(letter) => {
                out.extend_from_slice(letter.encode_utf8(&mut bytes).as_bytes());
            }
            letter => {
                for unit in letter.encode_utf16(&mut units) {
                    escape(*unit, out);
                }
            }
        }
    }
    out.push(b'"');
    units.zeroize();
    bytes.zeroize();
}

fn escape(unit: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\\u");
    for shift in [12, 8, 4, 0] {
        let digit = usize::from(unit >> shift) & 0xf;
        out.push(b"0123456789abcdef"[digit]);
    }
}

/// What may stand in a line as it is: printable in YAML 1.1 and 1.2, and no line break in either.
fn is_legible(letter: char) -> bool {
    match letter {
        ' '..='~' => true,
        '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => false,
        letter => letter >= '\u{a0}',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_legible_is_escaped_as_in_json() {
        let text = "\"\\\n\r\t\0\u{7f}\u{85}\u{2028}\u{feff}é😀";
        let mut out = vec![];
        quote(text, &mut out);
        let escaped = r#""\"\\\n\r\t\u0000\u007f\u0085\u2028\ufeffé😀""#;
        assert_eq!(String::from_utf8(out).expect("UTF-8"), escaped);
    }
}
