//! The service's words for no.

/// An error of the service. Where a text is not "guessed", users have quoted it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(status: u16, code: &str, message: &str) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.to_owned(),
        }
    }

    /// Nothing usable was sent.
    pub(super) fn no_credentials() -> Self {
        let message = "The required information to complete authentication was not provided.";
        Self::new(401, "NotAuthenticated", message)
    }

    /// Unknown key, wrong header list, and whatever else is wrong before the signature is.
    pub(super) fn wrong_credentials() -> Self {
        let message = "The required information to complete authentication was not provided or \
                       was incorrect.";
        Self::new(401, "NotAuthenticated", message)
    }

    /// The key is known, the signature is not its own.
    pub(super) fn wrong_signature() -> Self {
        Self::new(
            401,
            "NotAuthenticated",
            "Failed to verify the HTTP(S) Signature",
        )
    }

    /// No such thing, or not for this user; the service does not say which.
    pub(super) fn not_found() -> Self {
        let message = "Authorization failed or requested resource not found.";
        Self::new(404, "NotAuthorizedOrNotFound", message)
    }

    /// No such path. The text is guessed.
    pub(super) fn no_such_path() -> Self {
        Self::new(404, "NotFound", "Not Found")
    }

    /// A parameter or a part of the body is wrong.
    pub(super) fn invalid(message: &str) -> Self {
        Self::new(400, "InvalidParameter", message)
    }

    /// A parameter or a part of the body is missing. The text is guessed.
    pub(super) fn missing(name: &str) -> Self {
        Self::new(400, "MissingParameter", &format!("{name} is required"))
    }

    /// The body is not what it should be. The text is guessed.
    pub(super) fn unparsable() -> Self {
        Self::new(400, "CannotParseRequest", "Incorrectly formatted request.")
    }

    /// The secret is in a state that does not allow this. The text is guessed.
    pub(super) fn wrong_state(message: &str) -> Self {
        Self::new(409, "IncorrectState", message)
    }

    /// Somebody else was faster. The text is guessed.
    pub(super) fn no_etag_match() -> Self {
        let message = "The If-Match header is not the resource's current etag.";
        Self::new(412, "NoEtagMatch", message)
    }

    /// The retry token was used for something else. The text is guessed.
    pub(super) fn used_retry_token() -> Self {
        let message = "The retry token was used for another request.";
        Self::new(409, "InvalidatedRetryToken", message)
    }
}
