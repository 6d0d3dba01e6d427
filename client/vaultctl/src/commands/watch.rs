//! `vaultctl watch`: changes of secrets as they happen.

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

/// Stands where changes are missing.
const LOST: &str = "(changes are missing here: they came faster than they were read; `vaultctl status` \
                    shows what is held now)\n";

#[derive(Debug, Serialize)]
struct EventJson {
    reference: String,
    #[serde(flatten)]
    held: HeldJson,
    /// Whether changes before this line are lost; then it is about no secret.
    lost: bool,
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
    let text = if event.lost {
        LOST.to_owned()
    } else {
        format!("{}: {}\n", event.reference, held::in_words(&held))
    };
    let json = EventJson {
        reference: event.reference,
        held: held.into(),
        lost: event.lost,
    };
    report::one_of_many(form, || text, &json)
}
