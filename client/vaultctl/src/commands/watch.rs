//! `vaultctl watch`: changes as they happen.

use std::pin::pin;
use std::process::ExitCode;

use serde::Serialize;
use vault_client::Client;
use vault_proto::generated::WatchEvent;

use super::held::{self, HeldJson};
use crate::arguments::References;
use crate::failure::Failure;
use crate::reader;
use crate::report::{self, Form, Reader};

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
    let mut reader = pin!(reader::is_gone());
    loop {
        let event = tokio::select! {
            event = events.next() => event?,
            () = &mut reader => return Ok(ExitCode::SUCCESS),
        };
        if print(event, form)? == Reader::Gone {
            return Ok(ExitCode::SUCCESS);
        }
    }
}

fn print(event: WatchEvent, form: Form) -> Result<Reader, Failure> {
    let held = event.provenance.unwrap_or_default();
    let text = format!("{}: {}\n", event.reference, held::in_words(&held));
    let json = EventJson {
        reference: event.reference,
        held: held.into(),
    };
    report::one_of_many(form, || text, &json)
}
