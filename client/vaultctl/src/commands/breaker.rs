//! `vaultctl breaker reset`: closes breakers by hand.

use std::process::ExitCode;

use serde::Serialize;
use vault_client::Client;
use vault_proto::generated::ResetBreakerRequest;

use super::repeated_call;
use crate::failure::Failure;
use crate::report::{self, Form};

#[derive(Debug, Serialize)]
struct ResetJson {
    reset: u32,
    repeated: bool,
}

pub(crate) async fn reset(
    mut client: Client,
    backend: Option<String>,
    scope: Option<String>,
    form: Form,
) -> Result<ExitCode, Failure> {
    let (backend, scope) = (backend.unwrap_or_default(), scope.unwrap_or_default());
    let reply = client.call(ResetBreakerRequest { backend, scope }).await?;
    let json = ResetJson {
        reset: reply.reset,
        repeated: client.has_repeated(),
    };
    let text = || {
        let closed = match json.reset {
            0 => "all were closed already".to_owned(),
            1 => "1 breaker closed".to_owned(),
            count => format!("{count} breakers closed"),
        };
        format!("{closed}{}\n", repeated_call::note(json.repeated))
    };
    report::answer(form, text, &json)
}
