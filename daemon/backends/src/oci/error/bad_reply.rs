//! Replies with a good status that cannot be used.
//!
//! The SDKs make an empty secret of most of these. Here none of them becomes a value: each is a
//! failure of its own, and means that the vault could not be asked.

use super::super::call_description::CallDescription;
use crate::error::{BackendError, Class};
use crate::http::Reply;
use crate::http::header::CONTENT_TYPE;

/// A reply with a good status that is none of the service's answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadReply {
    /// A page for people.
    #[error("the reply is a page for people, as proxies and sign-in portals make them")]
    Html,
    /// A status that says no, without the service's own form of saying so.
    #[error(
        "the reply is not in the form of OCI's own services: somebody between here and OCI gave it"
    )]
    NotTheService,
    /// Compressed, which was not asked for.
    #[error("the reply has a content-encoding, which was not asked for")]
    Encoded,
    /// Nothing.
    #[error("the reply is empty")]
    Empty,
    /// JSON that ends too early.
    #[error("the reply is JSON that was cut off")]
    CutOff,
    /// Not JSON.
    #[error("the reply is not JSON")]
    NotJson,
    /// JSON, but no object.
    #[error("the reply is JSON, but not an object")]
    NotAnObject,
    /// An object, but not one that the service writes.
    #[error("the reply is JSON of another form than the service's")]
    WrongForm,
    /// About another secret.
    #[error("the reply is about another secret than was asked for")]
    WrongId,
    /// About no secret.
    #[error("the reply does not say which secret it is about")]
    NoId,
    /// About another version.
    #[error("the reply is about another version than was asked for")]
    WrongVersion,
    /// About no version.
    #[error("the reply does not say which version it is about")]
    NoVersion,
    /// About version 0. They are counted from 1.
    #[error("the reply is about version 0, which no secret has")]
    VersionZero,
    /// No value.
    #[error("the reply holds no value")]
    NoContent,
    /// A value of no bytes. The service stores none.
    #[error("the reply's value is empty, and OCI Vault keeps no empty ones")]
    EmptyContent,
    /// A value of a kind nobody has heard of.
    #[error("the reply's value is of a type that is not known; only BASE64 is")]
    UnknownContentType,
    /// A value that cannot be decoded.
    #[error("the reply's value is not base64")]
    NotBase64,
    /// A value larger than any that is held.
    #[error("the reply's value is larger than 64 KiB")]
    ValueTooLarge,
    /// A time that cannot be read.
    #[error("the reply says when the value ends in a form that is not known")]
    BadTime,
    /// Pages that lead in a circle.
    #[error("the list has no end: its pages lead back to one that was read")]
    PageLoop,
    /// More pages than anybody has secrets.
    #[error("the list has no end: too many pages came")]
    TooManyPages,
    /// More of a list than anybody has secrets.
    #[error("the list is longer than any that is read")]
    ListTooLong,
}

impl BadReply {
    /// The stable word for audit, metrics and tests.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::NotTheService => "not_the_service",
            Self::Encoded => "content_encoding",
            Self::Empty => "empty_reply",
            Self::CutOff => "cut_off_json",
            Self::NotJson => "not_json",
            Self::NotAnObject => "not_an_object",
            Self::WrongForm => "wrong_form",
            Self::WrongId => "wrong_id",
            Self::NoId => "no_id",
            Self::WrongVersion => "wrong_version",
            Self::NoVersion => "no_version",
            Self::VersionZero => "version_zero",
            Self::NoContent => "no_content",
            Self::EmptyContent => "empty_content",
            Self::UnknownContentType => "unknown_content_type",
            Self::NotBase64 => "not_base64",
            Self::ValueTooLarge => "value_too_large",
            Self::BadTime => "bad_time",
            Self::PageLoop => "page_loop",
            Self::TooManyPages => "too_many_pages",
            Self::ListTooLong => "list_too_long",
        }
    }

    /// The failure of the call that got it.
    pub(crate) fn error(self, description: &CallDescription) -> BackendError {
        let words = format!("{self}; {}", self.remedy());
        let error = description.replied(Class::Outage, self.kind(), words);
        if self.is_about_one_secret() {
            return error.about_one_secret();
        }
        error
    }

    /// What a person can do.
    pub(crate) fn remedy(self) -> &'static str {
        match self {
            Self::Html | Self::NotTheService | Self::Encoded => {
                "look for a proxy or a sign-in portal on the way, and at the endpoint"
            }
            Self::Empty | Self::CutOff | Self::NotJson | Self::NotAnObject | Self::WrongForm => {
                "check that the endpoint is that of OCI's service, and look at what is between here and \
                 OCI; if it stays, ask Oracle's support with the opc-request-id"
            }
            Self::PageLoop | Self::TooManyPages | Self::ListTooLong => {
                "check vault.management_endpoint; if it stays, name the secret by its OCID or its vault"
            }
            _ => {
                "look at the secret in the OCI console, and add a new version if it is not as it should \
                 be; if it is, ask Oracle's support with the opc-request-id"
            }
        }
    }

    /// Whether the service answered as it does, and only what it says of this secret cannot be used.
    fn is_about_one_secret(self) -> bool {
        matches!(
            self,
            Self::WrongId
                | Self::NoId
                | Self::WrongVersion
                | Self::NoVersion
                | Self::VersionZero
                | Self::NoContent
                | Self::EmptyContent
                | Self::UnknownContentType
                | Self::NotBase64
                | Self::ValueTooLarge
                | Self::BadTime
        )
    }
}

/// Whether a reply is a page for people, whatever its status.
pub(crate) fn is_page(reply: &Reply) -> bool {
    let kind = reply.headers.get(CONTENT_TYPE);
    let kind = kind.map_or(&[][..], |kind| kind.as_bytes());
    let is_html =
        |name: &[u8]| kind.len() >= name.len() && kind[..name.len()].eq_ignore_ascii_case(name);
    let first = reply.body.iter().find(|byte| !byte.is_ascii_whitespace());
    is_html(b"text/html") || is_html(b"application/xhtml") || first == Some(&b'<')
}
