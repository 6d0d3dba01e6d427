//! `vaultctl breaker reset`: which breakers are closed by hand?

use std::process::ExitCode;

use serde::Serialize;
use vault_client::Client;

use crate::failure::Failure;
use crate::report::{self, Form};

#[derive(Debug, Serialize)]
struct ResetJson {
    reset: u32,
}

pub(crate) async fn reset(
    mut client: Client,
    backend: Option<String>,
    form: Form,
) -> Result<ExitCode, Failure> {
    let reply = client.reset_breaker(&backend.unwrap_or_default()).await?;
    let json = ResetJson { reset: reply.reset };
    let text = || match json.reset {
        0 => "all were closed already\n".to_owned(),
        1 => "1 breaker closed\n".to_owned(),
        count => format!("{count} breakers closed\n"),
    };
    report::answer(form, text, &json)
}
