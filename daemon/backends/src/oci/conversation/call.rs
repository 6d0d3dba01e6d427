//! What is asked?

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
    /// What is sent along. It may hold a value, so what the service says of it is not repeated.
    pub body: Option<Zeroizing<Vec<u8>>>,
    /// More headers, such as `if-match` and `opc-retry-token`. They are not signed.
    pub headers: Vec<(&'static str, String)>,
    /// The largest body that is read.
    pub max_reply_bytes: usize,
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
