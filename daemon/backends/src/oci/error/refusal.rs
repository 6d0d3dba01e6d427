//! Refusals: replies whose status is neither 200 to 299 nor a redirect.
//!
//! Only one in the service's own form is its word: a JSON object with `code` and `message`, in a reply
//! with the header `opc-request-id`, which all replies of OCI's services have. Everything else is a proxy's, a
//! portal's, a load balancer's, and says nothing of a secret or a credential.

use std::collections::HashSet;
use std::time::Duration;

use serde::Deserialize;

use super::super::call_description::{CallDescription, REQUEST_ID};
use super::super::date::HttpDate;
use super::super::endpoint::Service;
use super::bad_reply::{BadReply, is_page};
use super::table;
use crate::error::{BackendError, Class, Extent};
use crate::http::Reply;
use crate::http::header::{DATE, RETRY_AFTER};

/// A reply whose status is neither 200 to 299 nor a redirect.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    /// The service's word for it.
    pub(crate) code: Option<String>,
    /// The beginning of the service's text, as it came: only for comparing. [`Refusal::said`] is for people.
    pub(crate) message: Option<String>,
    retry_after: Option<Duration>,
    form: Form,
}

/// In which form it is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// The service's own.
    Own,
    /// A page for people.
    Page,
    /// Any other.
    Foreign,
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
    /// Reads it.
    pub(crate) fn of(reply: &Reply) -> Self {
        let is_object = reply.body.trim_ascii_start().starts_with(b"{");
        let body: Option<Body> = serde_json::from_slice(&reply.body).ok();
        let body = body.filter(|_| is_object);
        let (code, message) = body.map_or((None, None), |body| (body.code, body.message));
        let has_id = reply.headers.contains_key(REQUEST_ID);
        let form = match (&code, &message) {
            _ if is_page(reply) => Form::Page,
            (Some(_), Some(_)) if has_id => Form::Own,
            _ => Form::Foreign,
        };
        let beginning = |text: String| text.chars().take(LONGEST_COMPARED).collect();
        Self {
            status: reply.status.as_u16(),
            code,
            message: message.map(beginning),
            retry_after: retry_after(reply),
            form,
        }
    }

    /// The same refusal of a service that has no form of its own for it: the status is its word.
    pub(crate) fn by_status_alone(mut self) -> Self {
        if self.form == Form::Foreign {
            self.form = Form::Own;
        }
        self
    }

    /// Whether the service itself said no.
    pub(crate) fn is_the_services_own(&self) -> bool {
        self.form == Form::Own
    }

    /// Whether the service itself does not believe the credential.
    pub(crate) fn is_not_authenticated(&self) -> bool {
        self.status == 401 && self.is_the_services_own()
    }

    /// Whether what was asked may be done all the same: nobody says that it is not.
    pub(crate) fn leaves_open(&self) -> bool {
        match self.status {
            408 => true,
            409 if self.code.as_deref() == Some("InvalidatedRetryToken") => true,
            400..=499 | 501 => !self.is_the_services_own(),
            _ => true,
        }
    }

    /// The failure of the call that was refused. What is not the service's own word is an outage.
    pub(crate) fn error(
        &self,
        description: &CallDescription,
        service: Service,
        quotes: Quotes,
    ) -> BackendError {
        let code = self.code.as_deref().unwrap_or_default();
        let message = self.message.as_deref().unwrap_or_default();
        let row = table::row(self.status, code, message, service);
        let foreign = match self.form {
            Form::Own => None,
            Form::Page => Some(BadReply::Html),
            Form::Foreign => Some(BadReply::NotTheService),
        };
        // These say the same of a service, whoever says it.
        let is_plain = matches!(self.status, 408 | 429 | 500..=510 | 512..);
        if let Some(bad) = foreign.filter(|_| !is_plain) {
            let words = format!("{bad} (status {}); {}", self.status, bad.remedy());
            return description.replied(Class::Outage, bad.kind(), words);
        }
        let words = format!("{} ({}); {}", row.words, self.said(quotes), row.remedy);
        let mut error = description.replied(row.class, row.kind, words);
        if row.extent == Extent::Secret && self.is_the_services_own() {
            error = error.about_one_secret();
        }
        match self.retry_after {
            // A proxy in between cannot close a vault for an hour.
            Some(pause) if row.class == Class::Outage && self.is_the_services_own() => {
                error.retry_after(pause)
            }
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

    /// Whether the service's text has `least` bytes in a row of what was sent and is secret, or all of it
    /// where that is shorter.
    ///
    /// The text is short, so this takes as long as what was sent is.
    pub(crate) fn repeats(&self, sent: &[u8], least: usize) -> bool {
        let length = least.min(sent.len());
        let message = self.message.as_deref().unwrap_or_default().as_bytes();
        if length == 0 || message.len() < length {
            return false;
        }
        let parts: HashSet<&[u8]> = message.windows(length).collect();
        sent.windows(length).any(|part| parts.contains(part))
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
/// What a text may say beyond is neither compared nor shown.
const LONGEST_COMPARED: usize = 1024;
const LONGEST_TEXT: usize = 200;
const LONGEST_CODE: usize = 64;
/// More would be no pause but an end, which is for a person to decide.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);
