//! Replies that hold a token.

use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use crate::error::{BackendError, Class};
use crate::http::Reply;
use crate::http::header::CONTENT_ENCODING;
use crate::oci::call_description::CallDescription;
use crate::oci::error::{BadReply, is_page};
use crate::oci::json_body;
use crate::oci::token::SecurityToken;

/// A text that is wiped on drop.
#[derive(Default)]
pub(super) struct Hidden(pub(super) Zeroizing<String>);

impl<'de> Deserialize<'de> for Hidden {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(|text| Self(Zeroizing::new(text)))
    }
}

/// What every service that gives tokens answers.
#[derive(Deserialize)]
pub(super) struct TokenReply {
    token: Option<Hidden>,
}

impl TokenReply {
    /// The token.
    pub(super) fn token(
        self,
        description: &CallDescription,
    ) -> Result<SecurityToken, BackendError> {
        let token = self.token.filter(|token| !token.0.trim().is_empty());
        let token = token.ok_or_else(|| {
            let words = "the reply holds no token; look at the endpoint";
            description.replied(Class::Outage, "no_token", words)
        })?;
        SecurityToken::read(&token.0)
            .map_err(|error| description.replied(Class::Outage, error.kind(), error))
    }
}

/// What a good reply says. Pages, empty bodies and other forms are failures of their own.
pub(super) fn read<T: serde::de::DeserializeOwned>(
    reply: &Reply,
    description: &CallDescription,
) -> Result<T, BackendError> {
    let bad = if reply.headers.contains_key(CONTENT_ENCODING) {
        BadReply::Encoded
    } else if is_page(reply) {
        BadReply::Html
    } else {
        match json_body::read(&reply.body) {
            Ok(read) => return Ok(read),
            Err(bad) => bad,
        }
    };
    Err(bad.error(description))
}
