//! A call: what is asked of a service, and what is sent along.

use std::ops::Range;

use zeroize::Zeroizing;

use super::super::endpoint::Service;
use super::super::signature::Method;
use crate::error::BackendError;

/// One question.
pub struct Call<'a> {
    /// What is done, for messages: a verb, such as "read".
    pub operation: &'static str,
    /// With what, for messages: "secret ocid1.vaultsecret…".
    pub about: &'a str,
    /// Whom to ask.
    pub service: Service,
    /// The method.
    pub method: Method,
    /// The path below the service's own.
    pub segments: &'a [&'a str],
    /// The query.
    pub parameters: &'a [(&'a str, &'a str)],
    /// What is sent along.
    pub body: Option<Body>,
    /// More headers, such as `if-match` and `opc-retry-token`. They are not signed.
    pub headers: Vec<(&'static str, String)>,
    /// The largest body that is read.
    pub max_reply_bytes: usize,
}

/// What is sent along with a call, wiped on drop. It may hold a value: no `Debug`.
pub struct Body {
    bytes: Zeroizing<Vec<u8>>,
    value: Range<usize>,
}

impl Body {
    /// One in which nothing is secret.
    pub fn of(bytes: Vec<u8>) -> Self {
        Self::with_value(Zeroizing::new(bytes), 0..0)
    }

    /// One that has a value in base64, there.
    pub(crate) fn with_value(bytes: Zeroizing<Vec<u8>>, value: Range<usize>) -> Self {
        Self { bytes, value }
    }

    /// The value in base64; nothing where there is none.
    pub(super) fn value(&self) -> &[u8] {
        self.bytes.get(self.value.clone()).unwrap_or_default()
    }

    /// All of it, as it is sent.
    pub(crate) fn bytes(&self) -> Zeroizing<Vec<u8>> {
        self.bytes.clone()
    }
}

impl Call<'_> {
    /// What failed before anything was sent.
    pub(super) fn cannot_be_asked(&self, error: &BackendError) -> BackendError {
        let message = format!("{} {}: {error}", self.operation, self.about);
        let wrapped = BackendError::not_sent(error.class(), error.kind(), message);
        let wrapped = match error.request_id() {
            Some(request_id) => wrapped.of_request(request_id),
            None => wrapped,
        };
        match error.pause() {
            Some(pause) => wrapped.retry_after(pause),
            None => wrapped,
        }
    }
}
