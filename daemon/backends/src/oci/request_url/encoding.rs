//! Percent-encoding.

use std::fmt::Write as _;

/// A name or value of a query as a form writes it: a blank as `+`, and all but `A-Za-z0-9_.-~` as the
/// escaped bytes of UTF-8.
pub(super) fn form_encoded(text: &str) -> String {
    let words = text.split(' ');
    let words = words.map(|word| escaped(word, is_unreserved));
    words.collect::<Vec<_>>().join("+")
}

/// One segment of a path. Slashes in it are escaped, and a segment of dots alone is too, which would
/// otherwise lead elsewhere.
pub(super) fn segment_encoded(text: &str) -> String {
    let dots = matches!(text, "." | "..");
    escaped(text, |byte| is_unreserved(byte) && !dots)
}

/// The text with every byte escaped but those that may stay.
pub(super) fn escaped(text: &str, stays: impl Fn(u8) -> bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if stays(byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("text in memory can be appended to");
        }
    }
    encoded
}

/// What needs no escaping anywhere (RFC 3986, 2.3).
pub(super) fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}
