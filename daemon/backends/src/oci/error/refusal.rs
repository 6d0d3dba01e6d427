//! What does the service say when it says no?

use std::time::Duration;

use serde::Deserialize;

use super::super::asked::Asked;
use super::super::date::HttpDate;
use super::super::endpoint::Service;
use super::bad_reply::{BadReply, is_page};
use super::table;
use crate::error::{BackendError, Class};
use crate::http::Reply;
use crate::http::header::{DATE, RETRY_AFTER};

/// A reply whose status is neither 200 to 299 nor a redirect.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    /// The service's word for it.
    pub(crate) code: Option<String>,
    /// The service's text, as it came: only for comparing. [`Refusal::said`] is for people.
    pub(crate) message: Option<String>,
    retry_after: Option<Duration>,
    is_page: bool,
}

/// Whether the service's own text may be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quotes {
    /// It may.
    Message,
    /// A value or a token was sent, and the text may quote it.
    Nothing,
}

/// The body of an error.
#[derive(Deserialize)]
struct Body {
    code: Option<String>,
    message: Option<String>,
}

impl Refusal {
    /// Reads it. A proxy's may have any body, or none: then the status says all.
    pub(crate) fn of(reply: &Reply) -> Self {
        let body: Option<Body> = serde_json::from_slice(&reply.body).ok();
        let (code, message) = body.map_or((None, None), |body| (body.code, body.message));
        Self {
            status: reply.status.as_u16(),
            code,
            message,
            retry_after: retry_after(reply),
            is_page: is_page(reply),
        }
    }

    /// Whether the service itself does not believe the credential.
    pub(crate) fn is_not_authenticated(&self) -> bool {
        self.status == 401 && !self.is_page
    }

    /// Whether what was asked may be done all the same: nobody says that it is not.
    pub(crate) fn leaves_open(&self) -> bool {
        match self.status {
            408 => true,
            409 if self.code.as_deref() == Some("InvalidatedRetryToken") => true,
            400..=499 | 501 => self.is_page,
            _ => true,
        }
    }

    /// The failure of the question that was refused. A page for people is no refusal of the service's:
    /// only where the status is that of an outage anyway it counts.
    pub(crate) fn error(&self, asked: &Asked, service: Service, quotes: Quotes) -> BackendError {
        let code = self.code.as_deref().unwrap_or_default();
        let message = self.message.as_deref().unwrap_or_default();
        let row = table::row(self.status, code, message, service);
        if self.is_page && row.class != Class::Outage {
            let words = format!("{} (status {})", BadReply::Html, self.status);
            return asked.replied(Class::Outage, BadReply::Html.kind(), words);
        }
        let words = format!("{} ({}); {}", row.words, self.said(quotes), row.remedy);
        let error = asked.replied(row.class, row.kind, words);
        match self.retry_after {
            Some(pause) if row.class == Class::Outage => error.retry_after(pause),
            _ => error,
        }
    }

    /// Status, code and, where it may be repeated, the text, in one line for people.
    pub(crate) fn said(&self, quotes: Quotes) -> String {
        let said = self.status_and_code();
        let message = self.message.as_deref();
        let message = message.filter(|text| quotes == Quotes::Message && !text.contains(TOKEN));
        match message.map(one_line) {
            Some(text) if !text.is_empty() => format!("{said}: \"{text}\""),
            _ => said,
        }
    }

    /// Whether the service's text has a longer part of one of these, which were sent and are secret.
    pub(crate) fn repeats<'a>(&self, sent: impl IntoIterator<Item = &'a [u8]>) -> bool {
        let message = self.message.as_deref().unwrap_or_default().as_bytes();
        let has = |sent: &[u8], part| sent.windows(LEAST_REPEATED).any(|other| other == part);
        sent.into_iter()
            .any(|sent| message.windows(LEAST_REPEATED).any(|part| has(sent, part)))
    }

    fn status_and_code(&self) -> String {
        let status = self.status;
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let code = self.code.as_deref().filter(|code| {
            !code.is_empty() && code.len() <= LONGEST_CODE && code.bytes().all(is_letter)
        });
        code.map_or_else(|| status.to_string(), |code| format!("{status} {code}"))
    }
}

/// A foreign text as a part of ours: one line of visible ASCII letters, without quotation marks.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    let letters = line.chars().take(LONGEST_TEXT).map(|letter| match letter {
        '"' => '\'',
        ' '..='~' => letter,
        _ => '?',
    });
    letters.collect()
}

/// The header `retry-after`, in seconds or as a date.
fn retry_after(reply: &Reply) -> Option<Duration> {
    let header = |name| reply.headers.get(name)?.to_str().ok();
    let text = header(RETRY_AFTER)?.trim();
    let seconds = text.parse().ok().or_else(|| {
        let until: HttpDate = text.parse().ok()?;
        let now: HttpDate = header(DATE)?.parse().ok()?;
        Some(until.unix_seconds().saturating_sub(now.unix_seconds()))
    });
    seconds.map(|seconds| Duration::from_secs(seconds).min(LONGEST_PAUSE))
}

/// What a key id begins with that is a token.
const TOKEN: &str = "ST$";
/// Less of a token or a signature is of no use to anybody, and may be chance.
const LEAST_REPEATED: usize = 24;
const LONGEST_TEXT: usize = 200;
const LONGEST_CODE: usize = 64;
/// More would be no pause but an end, which is for a person to decide.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);
