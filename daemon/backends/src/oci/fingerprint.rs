//! Fingerprints of public keys.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use md5::{Digest as _, Md5};

/// The MD5 of a public key's DER form (SubjectPublicKeyInfo), as OCI names API keys. A name and not
/// a proof: nothing here relies on MD5 being hard to collide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 16]);

impl Fingerprint {
    /// The fingerprint of a public key in DER.
    pub fn of_public_key(der: &[u8]) -> Self {
        Self(Md5::digest(der).into())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&pairs(&self.0))
    }
}

/// Not sixteen pairs of lower-case hexadecimal digits with colons between them. OCI takes upper case
/// for another key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 16 pairs of lower-case hexadecimal digits with colons between them")]
pub struct BadFingerprint;

impl FromStr for Fingerprint {
    type Err = BadFingerprint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 16];
        let mut pairs = text.split(':');
        for byte in &mut bytes {
            let pair = pairs.next().ok_or(BadFingerprint)?;
            let digits = pair
                .bytes()
                .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
            if pair.len() != 2 || !digits {
                return Err(BadFingerprint);
            }
            *byte = u8::from_str_radix(pair, 16).map_err(|_| BadFingerprint)?;
        }
        pairs
            .next()
            .map_or(Ok(Self(bytes)), |_| Err(BadFingerprint))
    }
}

/// `0a:1b:2c`.
pub(crate) fn pairs(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 3);
    for byte in bytes {
        let colon = if text.is_empty() { "" } else { ":" };
        write!(text, "{colon}{byte:02x}").expect("text in memory can be appended to");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_as_it_is_written() {
        let text = "7a:40:e9:b2:81:9b:34:62:95:be:d7:cb:28:0f:a6:3b";
        let read: Fingerprint = text.parse().expect("a fingerprint");
        assert_eq!(read.to_string(), text);
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "",
            "7a",
            "7A:40:E9:B2:81:9B:34:62:95:BE:D7:CB:28:0F:A6:3B",
            "7a:40:e9:b2:81:9b:34:62:95:be:d7:cb:28:0f:a6",
            "7a:40:e9:b2:81:9b:34:62:95:be:d7:cb:28:0f:a6:3b:00",
            "7a:40:e9:b2:81:9b:34:62:95:be:d7:cb:28:0f:a6:+b",
            "7a:40:e9:b2:81:9b:34:62:95:be:d7:cb:28:0f:a6:3b ",
            "7a-40-e9-b2-81-9b-34-62-95-be-d7-cb-28-0f-a6-3b",
        ] {
            assert_eq!(text.parse::<Fingerprint>(), Err(BadFingerprint), "{text}");
        }
    }
}
