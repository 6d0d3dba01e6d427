//! Lists, read page by page to their end.
//!
//! A page may be short or empty with more to come: only the header says where a list ends. Of each page
//! only what is wanted is kept, and whatever a service sends, there is an end to it.

use std::collections::HashSet;

use serde::de::DeserializeOwned;

use super::conversation::{Answer, Call, Conversation};
use super::endpoint::Service;
use super::error::BadReply;
use super::signature::Method;
use crate::error::BackendError;

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

/// What was wanted: all there is of it, and the answer that was the last page, for messages.
pub struct Listed<T> {
    /// What there is.
    pub items: Vec<T>,
    /// The last page.
    pub last: Answer,
}

/// Reads a list to its end, and keeps what is wanted of it.
///
/// # Errors
/// [`BackendError`].
pub async fn listed<T: DeserializeOwned>(
    conversation: &Conversation,
    listing: Listing<'_>,
    is_wanted: impl Fn(&T) -> bool,
) -> Result<Listed<T>, BackendError> {
    let mut items = Vec::new();
    let mut bytes = 0;
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
        let of_page: Vec<T> = last.json()?;
        items.extend(of_page.into_iter().filter(&is_wanted));
        bytes += last.body.len() + last.next_page.as_ref().map_or(0, String::len);
        if items.len() > MAX_ITEMS || bytes > MAX_BYTES {
            return Err(last.bad(BadReply::ListTooLong));
        }
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
const MAX_ITEMS: usize = 20_000;
/// Of all pages, read and thrown away.
const MAX_BYTES: usize = 32 * 1024 * 1024;
