//! Failures of texts that are no URL.

/// Why a text is no URL of a request. Not the text: somebody may have put a password into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    /// Neither of the two.
    #[error("must begin with https:// or http://")]
    Scheme,
    /// A user, a password.
    #[error("must not have a user name before the host")]
    User,
    /// Letters that no host name has, or none.
    #[error(
        "must have a host of letters, digits, hyphens and dots, or an IPv6 address in brackets"
    )]
    Host,
    /// Not a number up to 65535.
    #[error("must have a port from 1 to 65535, or none")]
    Port,
}
