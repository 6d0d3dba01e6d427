//! How is a scalar spelt, so that every reader of YAML 1.1, 1.2 and JSON takes it for the same?
//!
//! What was written without quotation marks stays so: readers differ about `yes` and `0644`, and it
//! is not for us to choose. Strings keep or get quotation marks; a value always has double ones and
//! stands on one line, whatever is in it.

use zeroize::Zeroize;

use super::node::{Form, Scalar};

/// The longest that a key may be to stand before its colon without a `?`: 1024 in the specification
/// (YAML 1.2.2, 7.4.2 and 8.2.2).
pub(crate) const LONGEST_SIMPLE_KEY: usize = 1000;

/// Appends a scalar with its tag, without a line break. Nothing for what is missing.
pub(crate) fn scalar(scalar: &Scalar, out: &mut Vec<u8>) {
    if let Some(tag) = &scalar.tag {
        out.extend_from_slice(tag.as_bytes());
        if !(scalar.form == Form::Plain && scalar.text.is_empty()) {
            out.push(b' ');
        }
    }
    match scalar.form {
        Form::Plain if scalar.text.is_empty() || may_be_plain(&scalar.text) => {
            out.extend_from_slice(scalar.text.as_bytes());
        }
        Form::Single if scalar.text.chars().all(is_legible) => single(&scalar.text, out),
        _ => double(&scalar.text, out),
    }
}

/// Appends a text in double quotation marks. The escapes are those that JSON has, too.
pub(crate) fn double(text: &str, out: &mut Vec<u8>) {
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

fn single(text: &str, out: &mut Vec<u8>) {
    out.push(b'\'');
    out.extend_from_slice(text.replace('\'', "''").as_bytes());
    out.push(b'\'');
}

/// What may stand in a line as it is: printable in YAML 1.1 and 1.2, and no line break in either.
fn is_legible(letter: char) -> bool {
    match letter {
        ' '..='~' => true,
        '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => false,
        letter => letter >= '\u{a0}',
    }
}

/// Whether letters that stood without quotation marks mean the same without them in a block. What
/// is doubtful is no number, date, boolean or null, and quotation marks change nothing.
fn may_be_plain(text: &str) -> bool {
    let mut letters = text.chars();
    let begins_well = match letters.next() {
        Some('-') => !matches!(letters.next(), None | Some(' ')),
        Some('+' | '.' | '/' | '_' | '~' | '<' | '=' | '(' | '$' | '^') => true,
        Some(first) => first.is_alphanumeric(),
        None => false,
    };
    let marker = ["---", "..."].iter().any(|marker| text.starts_with(marker));
    let ends_well = !text.ends_with([' ', ':']);
    let goes_on_well = text.chars().all(is_legible) && !text.contains(": ") && !text.contains(" #");
    begins_well && ends_well && goes_on_well && !marker
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelt(text: &str, form: Form) -> String {
        let mut out = Vec::new();
        let tag = None;
        let text = text.to_owned();
        scalar(&Scalar { tag, text, form }, &mut out);
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn plain_scalars_stay_as_they_are() {
        for text in [
            "1.10",
            "007",
            "0o17",
            "1e3",
            "~",
            "2024-01-01",
            "yes",
            "-1",
            "+.inf",
            ".5",
            "22:30",
            "null",
            "a b",
            "https://x/#y",
            "2001-12-14 21:59:43.10 -5",
            "é",
            "<<",
            "",
        ] {
            assert_eq!(spelt(text, Form::Plain), text);
        }
    }

    #[test]
    fn what_would_not_be_read_the_same_gets_quotation_marks() {
        for text in [
            "---", "--- a", "...", "-", "- a", "a: b", "a #b", "a:", "?x", ":x", "%a", "a\tb",
        ] {
            assert!(spelt(text, Form::Plain).starts_with('"'), "{text:?}");
        }
        assert_eq!(spelt("a\nb", Form::Single), r#""a\nb""#);
    }

    #[test]
    fn strings_keep_their_quotation_marks() {
        assert_eq!(spelt("it's", Form::Single), "'it''s'");
        assert_eq!(spelt("yes", Form::Double), r#""yes""#);
    }

    #[test]
    fn what_is_not_legible_is_escaped_as_in_json() {
        let text = "\"\\\n\r\t\0\u{7f}\u{85}\u{2028}\u{feff}é😀";
        let escaped = r#""\"\\\n\r\t\u0000\u007f\u0085\u2028\ufeffé😀""#;
        assert_eq!(spelt(text, Form::Double), escaped);
    }
}
