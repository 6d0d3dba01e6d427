//! Replies of the fake.

use serde_json::{Value, json};

use super::refusal::Refusal;

/// One reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

impl Reply {
    pub(super) fn json(body: &Value) -> Self {
        Self::bytes(200, "application/json", body.to_string().into())
    }

    pub(super) fn text(body: &str) -> Self {
        Self::bytes(200, "text/plain", body.into())
    }

    pub(super) fn bytes(status: u16, kind: &str, body: Vec<u8>) -> Self {
        Self {
            status,
            headers: vec![("content-type", kind.to_owned())],
            body,
        }
    }

    pub(super) fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    #[must_use]
    pub(super) fn with(mut self, header: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((header, value.into()));
        self
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        let body = json!({"code": refusal.code, "message": refusal.message});
        Self {
            status: refusal.status,
            ..Self::json(&body)
        }
    }
}
