//! Failures of calls that got no reply.

use std::fmt::Write as _;

use super::super::call_description::CallDescription;
use super::super::region::AssumedRealm;
use crate::error::{BackendError, Class};
use crate::http::{Failure, HttpError};

/// The failure of a question that got no reply, with what to look at.
pub(crate) fn no_reply(
    description: &CallDescription,
    error: HttpError,
    assumed: Option<&AssumedRealm>,
) -> BackendError {
    let remedy = match error.failure() {
        Failure::Url(_) => "use an https endpoint",
        Failure::Dns => "check the network and the region",
        Failure::Connect | Failure::Timeout(_) | Failure::Reset | Failure::Truncated => {
            "check the network and what is between here and OCI"
        }
        Failure::Proxy(_) => "check vault.proxy, and what the proxy lets through",
        Failure::Tls => "if a private authority signs here, name its file in vault.ca_file",
        Failure::Redirect(_) => {
            "look for a proxy or a sign-in portal on the way, and at the endpoint"
        }
        Failure::TooLarge { .. } | Failure::NotHttp => "check the endpoint",
    };
    let kind = error.kind();
    let contact = error.contact();
    let error = BackendError::from(error);
    let mut words = format!("{error}; {remedy}");
    if let Some(assumed) = assumed {
        write!(words, "; {assumed}").expect("text in memory can be appended to");
    }
    let class = match error.class() {
        Class::Request => Class::Request,
        _ => Class::Outage,
    };
    description.error(contact, class, kind, &words)
}
