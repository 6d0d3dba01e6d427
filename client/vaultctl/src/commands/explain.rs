//! `vaultctl explain`: what is known of a reference?

use std::fmt::Write;
use std::process::ExitCode;

use serde::Serialize;
use vault_client::{Client, age_in_words};
use vault_proto::generated::ExplainReply;

use super::held::{self, SecretJson};
use crate::arguments::Reference;
use crate::failure::Failure;
use crate::report::{self, Form};

#[derive(Debug, Serialize)]
struct ExplainJson {
    reference: String,
    backend: String,
    used_by: Vec<String>,
    held: Option<SecretJson>,
    last_error: String,
    would_serve: String,
}

pub(crate) async fn run(
    mut client: Client,
    on: Reference,
    form: Form,
) -> Result<ExitCode, Failure> {
    let reply = client.explain(&on.reference.to_string()).await?;
    let text = text(&reply);
    let json = ExplainJson {
        reference: reply.reference,
        backend: reply.backend,
        used_by: reply.used_by,
        held: reply.held.map(Into::into),
        last_error: reply.last_error,
        would_serve: reply.would_serve,
    };
    report::answer(form, || text, &json)
}

fn text(reply: &ExplainReply) -> String {
    let mut text = format!("{}\n", reply.reference);
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            // Writing to a String cannot fail.
            let value = value.replace(char::is_control, "\u{fffd}");
            let _ = writeln!(text, "{name:<12}{value}");
        }
    };
    line("backend", &reply.backend);
    for user in &reply.used_by {
        line("used by", user);
    }
    match &reply.held {
        None => line("held", "nothing"),
        Some(secret) => {
            let provenance = secret.provenance.clone().unwrap_or_default();
            let usable = age_in_words(secret.usable_for_ms);
            let words = held::in_words(&provenance);
            line("held", &format!("{words}, usable for {usable}"));
        }
    }
    line("last error", &reply.last_error);
    line("a launch", &reply.would_serve);
    text
}
