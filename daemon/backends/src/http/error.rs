//! Failures of calls that got no reply.

use std::error::Error;
use std::fmt;
use std::io;

use hyper::StatusCode;

use super::deadlines::Deadline;
use super::tunnel::ProxyProblem;
use crate::error::{BackendError, Class, Contact};

/// A call without a reply. Its text names the host, and never a path, query, header or body.
#[derive(Debug)]
pub struct HttpError {
    failure: Failure,
    host: String,
    /// Whether the connection stood.
    in_exchange: bool,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The URL is not one that is called.
    Url(UrlProblem),
    /// The host's name leads to no address.
    Dns,
    /// No connection was made.
    Connect,
    /// The proxy does not pass the connection on.
    Proxy(ProxyProblem),
    /// The other side is not who it should be, or does not speak TLS as it must.
    Tls,
    /// A deadline passed.
    Timeout(Deadline),
    /// The reply asks to go elsewhere.
    Redirect(StatusCode),
    /// The reply has a longer body than is read.
    TooLarge {
        /// What is read.
        max_bytes: usize,
    },
    /// The connection ended inside the reply, or before it.
    Truncated,
    /// The connection was torn down.
    Reset,
    /// What came is not HTTP.
    NotHttp,
}

/// Why a URL is not called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlProblem {
    /// It has no host, or no scheme.
    NotAbsolute,
    /// Its scheme is neither `https` nor `http`.
    Scheme,
    /// It holds a user name, which no vault asks for.
    UserInfo,
    /// It is plain HTTP, and not to this machine or the instance metadata service.
    Plain,
}

impl HttpError {
    pub(super) fn new(failure: Failure, host: String) -> Self {
        Self {
            failure,
            host,
            in_exchange: false,
            source: None,
        }
    }

    pub(super) fn caused_by(mut self, cause: impl Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(cause));
        self
    }

    /// A failure after the connection stood. What it is stands somewhere in the chain of causes.
    pub(super) fn in_exchange(host: String, cause: hyper::Error) -> Self {
        let mut error = Self::new(failure_of(&cause), host);
        error.in_exchange = true;
        error.caused_by(cause)
    }

    /// Whether it is sure that nothing of the request was sent.
    pub fn is_before_request(&self) -> bool {
        match self.failure {
            Failure::Url(_)
            | Failure::Dns
            | Failure::Connect
            | Failure::Proxy(_)
            | Failure::Timeout(Deadline::Connect) => true,
            Failure::Tls => !self.in_exchange,
            _ => false,
        }
    }

    /// What failed.
    pub fn failure(&self) -> Failure {
        self.failure
    }

    /// The stable word for audit, metrics and tests.
    pub fn kind(&self) -> &'static str {
        match self.failure {
            Failure::Url(_) => "url",
            Failure::Dns => "dns",
            Failure::Connect => "connect",
            Failure::Proxy(_) => "proxy",
            Failure::Tls => "tls",
            Failure::Timeout(Deadline::Connect) => "timeout_connect",
            Failure::Timeout(Deadline::FirstByte) => "timeout_first_byte",
            Failure::Timeout(Deadline::Whole) => "timeout_whole",
            Failure::Redirect(_) => "redirect",
            Failure::TooLarge { .. } => "too_large",
            Failure::Truncated => "truncated",
            Failure::Reset => "reset",
            Failure::NotHttp => "not_http",
        }
    }

    /// Whether somebody was heard: a URL that is not called is no attempt, and what is not a whole reply
    /// is none.
    pub fn contact(&self) -> Contact {
        match self.failure {
            Failure::Url(_) => Contact::NotSent,
            Failure::Redirect(_) | Failure::TooLarge { .. } | Failure::NotHttp => Contact::Replied,
            _ => Contact::NoReply,
        }
    }

    /// How it is to be taken: nobody answered, unless the URL was never called.
    pub fn class(&self) -> Class {
        match self.failure {
            Failure::Url(_) => Class::Request,
            _ => Class::Outage,
        }
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = &self.host;
        match self.failure {
            Failure::Url(problem) => write!(f, "call {host:?}: {problem}"),
            Failure::Dns => write!(f, "find the address of {host}"),
            Failure::Connect => write!(f, "connect to {host}"),
            Failure::Proxy(problem) => write!(f, "connect to {host}: {problem}"),
            Failure::Tls => write!(f, "speak TLS with {host}"),
            Failure::Timeout(Deadline::Connect) => {
                write!(f, "connect to {host}: it took too long")
            }
            Failure::Timeout(Deadline::FirstByte) => {
                write!(f, "get a reply from {host}: none came in time")
            }
            Failure::Timeout(Deadline::Whole) => {
                write!(f, "get the whole reply from {host}: it took too long")
            }
            Failure::Redirect(status) => write!(
                f,
                "get a reply from {host}: it redirects elsewhere (status {})",
                status.as_u16()
            ),
            Failure::TooLarge { max_bytes } => write!(
                f,
                "read the reply of {host}: it is longer than {max_bytes} bytes"
            ),
            Failure::Truncated => write!(f, "read the reply of {host}: it was cut off"),
            Failure::Reset => write!(f, "get a reply from {host}: the connection was torn down"),
            Failure::NotHttp => write!(f, "read the reply of {host}: it is not HTTP"),
        }
    }
}

impl Error for HttpError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source
            .as_ref()
            .map(|cause| cause.as_ref() as &(dyn Error + 'static))
    }
}

impl From<HttpError> for BackendError {
    fn from(error: HttpError) -> Self {
        Self::new(
            error.contact(),
            error.class(),
            error.kind(),
            with_causes(&error),
        )
    }
}

/// The text of an error and of its causes, since they are all that a person can act upon.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        message.push_str(": ");
        message.push_str(&inner.to_string());
        cause = inner.source();
    }
    message
}

impl fmt::Display for UrlProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAbsolute => "the URL needs a scheme and a host",
            Self::Scheme => "the URL is neither https nor http",
            Self::UserInfo => "the URL holds a user name",
            Self::Plain => "plain http is for this machine and the instance metadata service alone",
        })
    }
}

fn failure_of(error: &hyper::Error) -> Failure {
    if error.is_incomplete_message() {
        return Failure::Truncated;
    }
    if error.is_parse() {
        return Failure::NotHttp;
    }
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(io) = inner.downcast_ref::<io::Error>() {
            return failure_of_io(io);
        }
        cause = inner.source();
    }
    Failure::Reset
}

fn failure_of_io(error: &io::Error) -> Failure {
    let inner = error.get_ref();
    let of_tls = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match error.kind() {
        // Also the end of a connection that TLS had not ended.
        io::ErrorKind::UnexpectedEof => Failure::Truncated,
        _ if of_tls.is_some() => Failure::Tls,
        // Hyper's chunked decoder.
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => Failure::NotHttp,
        _ => Failure::Reset,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_comes_before_a_connection_is_sure_to_have_sent_nothing() {
        let is_before = |failure| HttpError::new(failure, "h".to_owned()).is_before_request();
        for failure in [
            Failure::Url(UrlProblem::Plain),
            Failure::Dns,
            Failure::Connect,
            Failure::Proxy(ProxyProblem::Dns),
            Failure::Tls,
            Failure::Timeout(Deadline::Connect),
        ] {
            assert!(is_before(failure), "{failure:?}");
        }
        for failure in [
            Failure::Timeout(Deadline::FirstByte),
            Failure::Timeout(Deadline::Whole),
            Failure::Redirect(StatusCode::FOUND),
            Failure::TooLarge { max_bytes: 1 },
            Failure::Truncated,
            Failure::Reset,
            Failure::NotHttp,
        ] {
            assert!(!is_before(failure), "{failure:?}");
        }
    }
}
