//! `vaultctl delete`: removes a stored secret.

use std::io::IsTerminal;
use std::process::ExitCode;

use serde::Serialize;
use vault_client::Client;
use vault_proto::generated::DeleteRequest;
use vault_proto::kinds;

use super::usage;
use crate::arguments::Delete;
use crate::failure::Failure;
use crate::prompt;
use crate::report::{self, Form};

#[derive(Debug, Serialize)]
struct DeleteJson {
    reference: String,
    versions: u32,
}

/// Where services use it, a person is asked first.
pub(crate) async fn run(mut client: Client, on: Delete, form: Form) -> Result<ExitCode, Failure> {
    let request = |even_if_used| DeleteRequest {
        reference: on.name.to_string(),
        even_if_used,
    };
    let reply = match client.call(request(on.yes)).await {
        Err(error) if error.kind() == kinds::IN_USE && form == Form::Text && is_there() => {
            report::note(form, &error.to_string());
            if !prompt::is_confirmed("Remove it all the same? [y/N] ")? {
                return Err(Failure::refused("nothing was removed"));
            }
            client.call(request(true)).await?
        }
        Err(error) if error.kind() == kinds::IN_USE => {
            let failure = Failure::from(error);
            return Err(failure.with_remedy("--yes removes it all the same"));
        }
        Err(error) => return Err(usage::failure(&mut client, &on.name, error).await),
        Ok(reply) => reply,
    };
    let json = DeleteJson {
        reference: reply.reference,
        versions: reply.versions,
    };
    let text = || match json.versions {
        1 => format!("{} removed, 1 version\n", json.reference),
        count => format!("{} removed, {count} versions\n", json.reference),
    };
    report::answer(form, text, &json)
}

/// Whether somebody is there who can be asked.
fn is_there() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}
