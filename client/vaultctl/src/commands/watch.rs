//! `vaultctl watch`: what changes, as it happens?

use std::process::ExitCode;

use serde::Serialize;
use vault_client::Client;

use super::held::{self, HeldJson};
use crate::arguments::References;
use crate::failure::Failure;
use crate::report::{self, Form};

#[derive(Debug, Serialize)]
struct EventJson {
    reference: String,
    #[serde(flatten)]
    held: HeldJson,
}

/// Ends only when the daemon does, or the reader.
pub(crate) async fn run(
    mut client: Client,
    on: References,
    form: Form,
) -> Result<ExitCode, Failure> {
    let references = on.references.iter().map(ToString::to_string).collect();
    let mut events = client.watch(references).await?;
    loop {
        let event = events.next().await?;
        let held = event.provenance.unwrap_or_default();
        let text = format!("{}: {}\n", event.reference, held::in_words(&held));
        let json = EventJson {
            reference: event.reference,
            held: held.into(),
        };
        report::answer(form, || text, &json)?;
    }
}
