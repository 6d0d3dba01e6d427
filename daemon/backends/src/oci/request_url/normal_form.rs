//! The normal form of URLs (RFC 3986, section 6).
//!
//! As the HTTP library below Oracle's Python SDK settles it before the SDK signs.

use std::net::Ipv6Addr;
use std::num::NonZeroU16;

use super::bad_url::BadUrl;
use super::encoding::{escaped, is_unreserved};

/// Host and port, in lower case.
pub(super) fn authority(text: &str) -> Result<String, BadUrl> {
    if text.contains('@') {
        return Err(BadUrl::User);
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let address = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let is_host = match address {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => host.split('.').all(is_label),
    };
    if !is_host {
        return Err(BadUrl::Host);
    }
    let host = host.to_ascii_lowercase();
    match port.map(number) {
        None => Ok(host),
        Some(Some(port)) => Ok(format!("{host}:{port}")),
        Some(None) => Err(BadUrl::Port),
    }
}

fn number(port: &str) -> Option<NonZeroU16> {
    let digits = port.bytes().all(|digit| digit.is_ascii_digit());
    digits.then(|| port.parse().ok())?
}

/// An underscore is in no host name, but in names that people give to machines of their own.
fn is_label(text: &str) -> bool {
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    !text.is_empty() && text.bytes().all(letters)
}

/// A path without dot segments that begins with a slash.
pub(super) fn path(text: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in text.split('/') {
        match segment {
            "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    let mut path = segments.join("/");
    if text.ends_with("/.") || text.ends_with("/..") {
        path.push('/');
    }
    let slash = if path.starts_with('/') { "" } else { "/" };
    format!("{slash}{}", component(&path, b"/:@"))
}

/// A query as it is, but for what may not stand in one.
pub(super) fn query(text: &str) -> String {
    component(text, b"/:@?")
}

/// Escapes what is neither unreserved nor a delimiter (RFC 3986, 2.2) nor among `also`. Escapes that
/// are there stay, in upper case, and those of unreserved letters are undone; unless there is a
/// percent sign that is none, and then every percent sign is taken for itself.
fn component(text: &str, also: &[u8]) -> String {
    let escapes = text
        .split('%')
        .skip(1)
        .all(|after| byte_of(after).is_some());
    let stays =
        |byte: u8| is_unreserved(byte) || DELIMITERS.contains(&byte) || also.contains(&byte);
    if !escapes {
        return escaped(text, stays);
    }
    let mut pieces = text.split('%');
    let mut normal = escaped(pieces.next().unwrap_or_default(), stays);
    for piece in pieces {
        let byte = byte_of(piece).map_or_else(String::new, |byte| {
            if is_unreserved(byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        });
        normal.push_str(&byte);
        normal.push_str(&escaped(piece.get(2..).unwrap_or_default(), stays));
    }
    normal
}

/// The byte that two hexadecimal digits at the beginning mean.
fn byte_of(text: &str) -> Option<u8> {
    let digits = text.get(..2)?;
    let are_digits = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    are_digits.then(|| u8::from_str_radix(digits, 16).ok())?
}

const DELIMITERS: &[u8] = b"!$&'()*+,;=";
