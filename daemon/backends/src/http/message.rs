//! Requests and replies.

use std::fmt;

use hyper::{HeaderMap, Method, StatusCode, Uri};
use zeroize::Zeroizing;

use super::deadlines::Deadlines;

/// One request.
pub struct Request {
    /// What is to be done.
    pub method: Method,
    /// `https`, or `http` to this machine or the instance metadata service. Path and query go on the
    /// request line as they stand here, since they may have been signed.
    pub url: Uri,
    /// Sent as they are; `content-length` and `connection` are set here, and `host` where it is missing.
    pub headers: HeaderMap,
    /// Wiped when it has been sent.
    pub body: Option<Zeroizing<Vec<u8>>>,
    /// How long the parts may take.
    pub deadlines: Deadlines,
    /// The largest body of a reply that is read.
    pub max_reply_bytes: usize,
}

/// The reply to it, whatever its status but a redirect.
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body, wiped on drop. It was read into one piece of memory that did not move.
    pub body: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}
