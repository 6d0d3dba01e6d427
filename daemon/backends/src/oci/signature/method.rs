//! HTTP methods that can be signed.

use std::str::FromStr;

/// The methods that OCI's signatures are defined for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Read it.
    Get,
    /// Look at its headers.
    Head,
    /// Remove it.
    Delete,
    /// Make it, or act on it.
    Post,
    /// Replace it.
    Put,
    /// Change a part of it.
    Patch,
}

impl Method {
    /// Every method.
    pub const ALL: [Self; 6] = [
        Self::Get,
        Self::Head,
        Self::Delete,
        Self::Post,
        Self::Put,
        Self::Patch,
    ];

    /// As it goes on the request line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Delete => "DELETE",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
        }
    }

    pub(super) fn as_lower_str(self) -> String {
        self.as_str().to_ascii_lowercase()
    }

    /// Whether a body is signed, an empty one too: `getByName` is a POST without one.
    pub(super) const fn has_body(self) -> bool {
        matches!(self, Self::Post | Self::Put | Self::Patch)
    }
}

/// A method that is not signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be GET, HEAD, DELETE, POST, PUT or PATCH")]
pub struct UnknownMethod;

impl FromStr for Method {
    type Err = UnknownMethod;

    fn from_str(word: &str) -> Result<Self, UnknownMethod> {
        let mut all = Self::ALL.into_iter();
        all.find(|method| method.as_str().eq_ignore_ascii_case(word))
            .ok_or(UnknownMethod)
    }
}
