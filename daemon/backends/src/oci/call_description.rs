//! Who asked OCI for what, and where? What every message of a failure says.

use std::fmt;

use rsa::rand_core::{OsRng, RngCore as _};

use crate::error::{BackendError, Class, Contact};

/// One question to OCI, in words. Nothing in it is secret.
#[derive(Clone, Debug)]
pub(crate) struct CallDescription {
    /// What is done: "read".
    pub(crate) operation: &'static str,
    /// With what: "secret ocid1.vaultsecret…".
    pub(crate) about: String,
    /// As whom: "profile DEFAULT of /home/u/.oci/config".
    pub(crate) principal: String,
    /// Where: "in us-phoenix-1", "at https://vault.example".
    pub(crate) place: String,
    /// The `opc-request-id`, which is what Oracle's support asks for.
    pub(crate) request_id: String,
}

impl CallDescription {
    /// A failure before the question was sent: what is wrong, and what to do.
    pub(crate) fn not_sent(
        &self,
        class: Class,
        kind: &'static str,
        words: impl fmt::Display,
    ) -> BackendError {
        self.error(Contact::NotSent, class, kind, &words)
    }

    /// A reply that brings nothing: what is wrong, and what to do.
    pub(crate) fn replied(
        &self,
        class: Class,
        kind: &'static str,
        words: impl fmt::Display,
    ) -> BackendError {
        self.error(Contact::Replied, class, kind, &words)
    }

    /// A failure of the question, whoever was heard.
    pub(crate) fn error(
        &self,
        contact: Contact,
        class: Class,
        kind: &'static str,
        words: &dyn fmt::Display,
    ) -> BackendError {
        let Self {
            operation, about, ..
        } = self;
        let message = format!("{operation} {about} {}", self.rest(words));
        BackendError::new(contact, class, kind, message).of_request(self.request_id.as_str())
    }

    /// A refusal of the credential: the same whatever is asked for.
    pub(crate) fn sign_in_error(
        &self,
        class: Class,
        kind: &'static str,
        words: impl fmt::Display,
    ) -> BackendError {
        let message = format!("sign in {}", self.rest(&words));
        BackendError::replied(class, kind, message).of_request(self.request_id.as_str())
    }

    fn rest(&self, words: &dyn fmt::Display) -> String {
        let Self {
            principal,
            place,
            request_id,
            ..
        } = self;
        format!("as {principal} {place}: {words} (opc-request-id {request_id})")
    }
}

/// The header in which a service names a call. All its replies have it.
pub(crate) const REQUEST_ID: &str = "opc-request-id";

/// 32 upper-case hexadecimal digits, others for each attempt: two that share them look like one to
/// whoever searches the service's records.
pub(crate) fn new_request_id() -> String {
    let mut bytes = [0; 16];
    OsRng.fill_bytes(&mut bytes);
    format!("{:032X}", u128::from_be_bytes(bytes))
}
