//! Security tokens and their lifetimes.
//!
//! OCI gives out JSON Web Tokens (RFC 7519). Only their times are read, to renew them in time; whether
//! they are genuine is for the service to say, which alone has the key.

mod renewal;

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use zeroize::Zeroizing;

pub use renewal::{Lifetime, pause_after_failure, renew_in};

use super::key_id::{BadKeyId, KeyId};

/// A token. Wiped on drop, and without `Debug`.
pub struct SecurityToken {
    text: Zeroizing<String>,
    issued_at: Option<u64>,
    expires_at: u64,
}

impl SecurityToken {
    /// Reads a token as it stands in a file or a reply: blanks around it and the mark `ST$` before it,
    /// which OKE sends along, are no part of it.
    ///
    /// # Errors
    /// [`BadToken`].
    pub fn read(text: &str) -> Result<Self, BadToken> {
        let text = text.trim();
        let text = text.strip_prefix("ST$").unwrap_or(text);
        let mut parts = text.split('.');
        let (Some(_), Some(claims), Some(_), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(BadToken::Form);
        };
        let claims = Zeroizing::new(BASE64.decode(claims).map_err(|_| BadToken::Form)?);
        let claims: Claims = serde_json::from_slice(&claims).map_err(|_| BadToken::Form)?;
        Ok(Self {
            text: Zeroizing::new(text.to_owned()),
            issued_at: claims.iat.and_then(seconds),
            expires_at: claims.exp.and_then(seconds).ok_or(BadToken::Expiry)?,
        })
    }

    /// As it is sent.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The name of the key that belongs to it.
    ///
    /// # Errors
    /// [`BadKeyId`].
    pub fn key_id(&self) -> Result<KeyId, BadKeyId> {
        KeyId::token(&self.text)
    }

    /// From when until when it can be used. Where it does not say since when, since `now`.
    pub fn lifetime(&self, now: u64) -> Lifetime {
        Lifetime {
            issued_at: self.issued_at.unwrap_or(now),
            expires_at: self.expires_at,
        }
    }

    /// Whether it is past its time.
    pub fn is_expired(&self, now: u64) -> bool {
        self.expires_at <= now
    }
}

/// Why a text is no token that can be used. The text is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadToken {
    /// Not three parts with dots between them, or no JSON object in the second.
    #[error("read a security token: it is no JSON Web Token")]
    Form,
    /// It would last for ever, or it has ended before time began.
    #[error("read a security token: it does not say when it expires")]
    Expiry,
}

impl BadToken {
    /// The stable word for audit, metrics and tests.
    pub fn kind(self) -> &'static str {
        "bad_token"
    }
}

/// Seconds after 1970 began, perhaps with a fraction (RFC 7519, 2).
#[derive(Deserialize)]
struct Claims {
    exp: Option<serde_json::Number>,
    iat: Option<serde_json::Number>,
}

fn seconds(number: serde_json::Number) -> Option<u64> {
    let whole = |seconds: f64| std::time::Duration::try_from_secs_f64(seconds).ok();
    let rounded_down = || Some(whole(number.as_f64()?)?.as_secs());
    number.as_u64().or_else(rounded_down)
}

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> String {
        format!("e30.{}.c2ln", BASE64.encode(claims).trim_end_matches('='))
    }

    fn lifetime(text: &str) -> Result<(u64, u64), BadToken> {
        let lifetime = SecurityToken::read(text)?.lifetime(7);
        Ok((lifetime.issued_at, lifetime.expires_at))
    }

    #[test]
    fn times_are_read() {
        for (claims, times) in [
            (
                r#"{"iat":1767225600,"exp":1767229200}"#,
                (1_767_225_600, 1_767_229_200),
            ),
            (r#"{"exp":1767229200}"#, (7, 1_767_229_200)),
            (
                r#"{"iat":null,"exp":1767229200.9,"jwk":{}}"#,
                (7, 1_767_229_200),
            ),
            (r#"{"iat":-1,"exp":1e3}"#, (7, 1_000)),
        ] {
            assert_eq!(lifetime(&token(claims)), Ok(times), "{claims}");
        }
    }

    #[test]
    fn a_token_without_an_end_is_refused() {
        for claims in ["{}", r#"{"exp":null}"#, r#"{"exp":-1}"#, r#"{"exp":1e300}"#] {
            assert_eq!(lifetime(&token(claims)), Err(BadToken::Expiry), "{claims}");
        }
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let four = format!("{}.x", token("{}"));
        for text in [
            "",
            "a.b",
            "a.*.c",
            "a.b.c",
            &token("[]x"),
            &token(r#"{"exp":"1"}"#),
            &four,
        ] {
            assert_eq!(lifetime(text), Err(BadToken::Form), "{text}");
        }
    }

    #[test]
    fn blanks_and_the_mark_are_no_part_of_a_token() {
        let token = token(r#"{"exp":9}"#);
        for text in [format!(" {token}\r\n"), format!("ST${token}")] {
            let read = SecurityToken::read(&text).expect("a token");
            assert_eq!(read.as_str(), token);
            assert_eq!(
                read.key_id().expect("a name").as_str(),
                format!("ST${token}")
            );
            assert!(read.is_expired(9) && !read.is_expired(8));
        }
    }
}
