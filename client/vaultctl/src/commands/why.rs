//! `vaultctl why`: why a launch gets what it gets.

use std::process::ExitCode;

use serde::Serialize;
use vault_client::{
    Cell, Client, Style, Tone, age_in_words, field, state_in_words, state_with_reason,
};
use vault_proto::generated::{Attempt, Route, SecretStatus, Use, WhyReply, WhyRequest};
use vault_proto::printable::printable;

use super::held::SecretJson;
use super::status_table::{breaker_in_words, breaker_with_time, tone};
use super::usage::{OtherMeaningJson, UseJson};
use crate::arguments::Reference;
use crate::failure::Failure;
use crate::report::{self, Form};
use crate::terminal::style_of_output;

#[derive(Debug, Serialize)]
struct WhyJson {
    reference: String,
    routes: Vec<RouteJson>,
    other_meanings: Vec<OtherMeaningJson>,
    names_service: bool,
}

#[derive(Debug, Serialize)]
struct RouteJson {
    reference: String,
    backend: String,
    scope: String,
    breaker: &'static str,
    used_by: Vec<UseJson>,
    held: Option<SecretJson>,
    attempts: Vec<AttemptJson>,
    next_attempt_ms: Option<u64>,
    next_attempt: String,
    would_serve: String,
}

#[derive(Debug, Serialize)]
struct AttemptJson {
    ago_ms: u64,
    took_ms: u64,
    version: String,
    error_kind: String,
    error: String,
    request_id: String,
}

pub(crate) async fn run(
    mut client: Client,
    on: Reference,
    form: Form,
) -> Result<ExitCode, Failure> {
    let reply = client
        .call(WhyRequest {
            reference: on.reference.to_string(),
        })
        .await?;
    let mut text = text(&reply, style_of_output());
    let is_used = reply.routes.iter().any(|route| !route.used_by.is_empty());
    let json = WhyJson {
        reference: reply.reference,
        routes: reply.routes.into_iter().map(Into::into).collect(),
        other_meanings: reply.other_meanings.into_iter().map(Into::into).collect(),
        names_service: reply.names_service,
    };
    if !is_used {
        let others = json.other_meanings.iter();
        text.extend(others.map(|other| other.hint(&json.reference)));
        if json.names_service {
            let name = on.reference.place().name();
            text.extend([
                name,
                " is a service, too: did you mean `vault-run --test ",
                name,
                "`, which shows what it gets?\n",
            ]);
        }
    }
    report::answer(form, || text, &json)
}

fn text(reply: &WhyReply, style: Style) -> String {
    let mut page = Page {
        text: format!(
            "{}\n",
            style.paint(Tone::Heading, &printable(&reply.reference))
        ),
        style,
    };
    for (place, route) in reply.routes.iter().enumerate() {
        if place > 0 {
            page.text.push('\n');
        }
        of_route(route, &reply.reference, &mut page);
    }
    page.text
}

/// A text that grows line by line.
struct Page {
    text: String,
    style: Style,
}

impl Page {
    fn line(&mut self, name: &str, tone: Tone, value: &str) {
        if !value.is_empty() {
            self.text += &field(name, 14, &Cell::toned(tone, value), self.style);
        }
    }
}

fn of_route(route: &Route, requested: &str, page: &mut Page) {
    let backend = route.backend.clone().unwrap_or_default();
    if route.reference != requested {
        page.line("as", Tone::Plain, &route.reference);
    }
    page.line("backend", Tone::Plain, &backend.name);
    page.line("  scope", Tone::Plain, &backend.scope);
    page.line("  breaker", Tone::Plain, &breaker_with_time(&backend));
    if route.used_by.is_empty() {
        page.line("used by", Tone::Plain, "no service");
    }
    for one in &route.used_by {
        page.line("used by", Tone::Plain, &user(one));
    }
    match &route.held {
        None => page.line("held", Tone::Plain, "nothing"),
        Some(secret) => of_held(secret, page),
    }
    if route.attempts.is_empty() {
        page.line("asked", Tone::Plain, "not yet, or long ago");
    }
    for one in &route.attempts {
        let tone = if one.error_kind.is_empty() {
            Tone::Good
        } else {
            Tone::Bad
        };
        page.line("asked", tone, &attempt(one));
    }
    let next = match route.next_attempt_ms {
        None => route.next_attempt.clone(),
        Some(0) => format!("now: {}", route.next_attempt),
        Some(wait) => format!("in {}: {}", age_in_words(wait), route.next_attempt),
    };
    page.line("asked next", Tone::Plain, &next);
    page.line("a launch gets", Tone::Plain, &route.would_serve);
}

fn of_held(secret: &SecretStatus, page: &mut Page) {
    let held = secret.provenance.clone().unwrap_or_default();
    let tone = tone(held.state());
    let word = state_in_words(held.state);
    if !super::held::is_value(&held) {
        page.line("held", tone, &state_with_reason(&held));
        return;
    }
    let age = age_in_words(held.age_ms);
    let words = format!("version {}, {age} old, {word}", held.version);
    page.line("held", tone, &words);
    page.line("  because", tone, &held.stale_reason);
    let span = |milliseconds| match milliseconds {
        0 => "no longer".to_owned(),
        milliseconds => format!("for {}", age_in_words(milliseconds)),
    };
    page.line("  fresh", Tone::Plain, &span(secret.fresh_for_ms));
    page.line("  usable", Tone::Plain, &span(secret.usable_for_ms));
}

/// "git TOKEN (/c/git.json:4)", with the environments where it is not the same without one.
fn user(one: &Use) -> String {
    let everywhere = one.environments.iter().any(String::is_empty);
    let environments = if everywhere {
        String::new()
    } else {
        format!(" in {}", one.environments.join(", "))
    };
    format!(
        "{} {}{environments} ({})",
        one.service, one.variable, one.place
    )
}

fn attempt(one: &Attempt) -> String {
    let ago = age_in_words(one.ago_ms);
    if one.error_kind.is_empty() {
        return format!("{ago} ago: version {}, in {} ms", one.version, one.took_ms);
    }
    // Most failures name the request in their words already.
    let request = match one.request_id.as_str() {
        id if id.is_empty() || one.error.contains(id) => String::new(),
        id => format!(" (request {id})"),
    };
    format!("{ago} ago: {}: {}{request}", one.error_kind, one.error)
}

impl From<Route> for RouteJson {
    fn from(route: Route) -> Self {
        let backend = route.backend.unwrap_or_default();
        Self {
            reference: route.reference,
            breaker: breaker_in_words(backend.breaker()),
            backend: backend.name,
            scope: backend.scope,
            used_by: route.used_by.into_iter().map(Into::into).collect(),
            held: route.held.map(Into::into),
            attempts: route.attempts.into_iter().map(Into::into).collect(),
            next_attempt_ms: route.next_attempt_ms,
            next_attempt: route.next_attempt,
            would_serve: route.would_serve,
        }
    }
}

impl From<Attempt> for AttemptJson {
    fn from(one: Attempt) -> Self {
        Self {
            ago_ms: one.ago_ms,
            took_ms: one.took_ms,
            version: one.version,
            error_kind: one.error_kind,
            error: one.error,
            request_id: one.request_id,
        }
    }
}
