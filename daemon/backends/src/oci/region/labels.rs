//! Labels of host names.

/// Whether it looks like the identifier of a region: words of letters and digits with hyphens between them, a number last: `eu-dcc-milan-1`.
pub(super) fn is_identifier(text: &str) -> bool {
    let mut words = text.rsplit('-');
    let number = words.next().unwrap_or_default();
    let letters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(letters);
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let before: Vec<&str> = words.collect();
    is_number && before.len() > 1 && before.into_iter().all(is_word) && text.len() <= LONGEST_LABEL
}

/// Whether it can be a host name or a part of one: labels of letters, digits and hyphens with dots between them.
pub(super) fn is_domain(text: &str) -> bool {
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let is_label = |label: &str| !label.is_empty() && label.bytes().all(letters);
    text.split('.').all(is_label)
}

/// Of a host name (RFC 1035, 2.3.4).
const LONGEST_LABEL: usize = 63;
