//! `vaultctl put`: stores a value.

use std::process::ExitCode;

use serde::Serialize;
use vault_client::{Client, NewVersion};
use zeroize::Zeroizing;

use crate::arguments::Put;
use crate::failure::Failure;
use crate::report::{self, Form};
use crate::value::{self, LastLineBreak};

#[derive(Debug, Serialize)]
struct PutJson {
    reference: String,
    version: String,
    pending: bool,
}

/// Whether a person will be asked for the value.
pub(crate) fn asks(put: &Put) -> bool {
    value::is_typed(put.file.as_deref())
}

/// The value to store, from where the arguments say.
pub(crate) fn value(put: &Put, form: Form) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let last_line_break = if put.exact {
        LastLineBreak::Keep
    } else {
        LastLineBreak::Drop
    };
    value::read(&put.name, put.file.as_deref(), last_line_break, form)
}

pub(crate) async fn run(
    mut client: Client,
    put: &Put,
    value: Zeroizing<Vec<u8>>,
    form: Form,
) -> Result<ExitCode, Failure> {
    let new = NewVersion {
        pending: put.pending,
        name: put.version_name.clone(),
    };
    let reply = client.put(&put.name.to_string(), value, new).await?;
    let json = PutJson {
        reference: reply.reference,
        version: reply.version,
        pending: put.pending,
    };
    let text = || {
        let PutJson {
            reference, version, ..
        } = &json;
        let stored = format!("{reference} stored as version {version}");
        if json.pending {
            format!("{stored}; `vaultctl promote {reference} {version}` takes it into use\n")
        } else {
            format!("{stored}\n")
        }
    };
    report::answer(form, text, &json)
}
