//! `vaultctl flush`: forgets held values.

use std::process::ExitCode;

use serde::Serialize;
use vault_client::Client;
use vault_proto::generated::FlushRequest;

use super::repeated_call;
use crate::arguments::MaybeReference;
use crate::failure::Failure;
use crate::report::{self, Form};

#[derive(Debug, Serialize)]
struct FlushJson {
    flushed: u32,
    repeated: bool,
}

pub(crate) async fn run(
    mut client: Client,
    on: MaybeReference,
    form: Form,
) -> Result<ExitCode, Failure> {
    let reference = on.reference.map(|reference| reference.to_string());
    let reply = client
        .call(FlushRequest {
            reference: reference.unwrap_or_default(),
        })
        .await?;
    let json = FlushJson {
        flushed: reply.flushed,
        repeated: client.has_repeated(),
    };
    let text = || {
        let forgotten = match json.flushed {
            1 => "1 value forgotten".to_owned(),
            count => format!("{count} values forgotten"),
        };
        format!("{forgotten}{}\n", repeated_call::note(json.repeated))
    };
    report::answer(form, text, &json)
}
