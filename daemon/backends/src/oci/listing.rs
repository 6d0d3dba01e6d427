//! How is a list read whole, of whatever?
//!
//! A page may be short or empty with more to come: only the header says where a list ends.

use std::collections::HashSet;

use serde::de::DeserializeOwned;

use super::conversation::{Answer, Call, Conversation};
use super::endpoint::Service;
use super::error::BadReply;
use super::signature::Method;
use crate::backend::BackendError;

/// What is to be listed.
#[derive(Clone, Copy, Debug)]
pub struct Listing<'a> {
    /// What, for messages: "the secrets named …".
    pub about: &'a str,
    /// Whom to ask.
    pub service: Service,
    /// The path below the service's own.
    pub segments: &'a [&'a str],
    /// The query, without the page.
    pub parameters: &'a [(&'a str, &'a str)],
}

/// What was asked for: all there is of it, and the answer that was the last page, for messages.
pub struct Listed<T> {
    /// What there is.
    pub items: Vec<T>,
    /// The last page.
    pub last: Answer,
}

/// Reads a list to its end.
///
/// # Errors
/// [`BackendError`].
pub async fn listed<T: DeserializeOwned>(
    conversation: &Conversation,
    listing: Listing<'_>,
) -> Result<Listed<T>, BackendError> {
    let mut items = Vec::new();
    let mut seen = HashSet::new();
    let mut page: Option<String> = None;
    loop {
        let mut parameters = listing.parameters.to_vec();
        parameters.extend(page.as_deref().map(|page| ("page", page)));
        let answer = conversation.call(Call {
            operation: "list",
            about: listing.about,
            service: listing.service,
            method: Method::Get,
            segments: listing.segments,
            parameters: &parameters,
            body: None,
            headers: Vec::new(),
            max_reply_bytes: MAX_PAGE_BYTES,
        });
        let last = answer.await?;
        // A page is a bare list.
        items.append(&mut last.json::<Vec<T>>()?);
        let Some(next) = last.next_page.clone() else {
            return Ok(Listed { items, last });
        };
        if !seen.insert(next.clone()) {
            return Err(last.bad(BadReply::PageLoop));
        }
        if seen.len() >= MAX_PAGES {
            return Err(last.bad(BadReply::TooManyPages));
        }
        page = Some(next);
    }
}

/// A secret takes about a kilobyte, and a service may ignore what was asked for.
const MAX_PAGE_BYTES: usize = 4 * 1024 * 1024;
/// A tenancy has 5,000 secrets unless it asks for more.
const MAX_PAGES: usize = 1000;
