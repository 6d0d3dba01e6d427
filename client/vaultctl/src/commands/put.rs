//! `vaultctl put`: stores a value.

use std::process::ExitCode;

use serde::Serialize;
use vault_client::{Client, NewVersion};
use zeroize::Zeroizing;

use super::usage::{OtherMeaningJson, RunningServerJson, UseJson, of_running, users};
use crate::arguments::Put;
use crate::failure::Failure;
use crate::report::{self, Form};
use crate::value::{self, Empty, LastLineBreak};

#[derive(Debug, Serialize)]
struct PutJson {
    reference: String,
    version: String,
    pending: bool,
    bytes: usize,
    used_by: Vec<UseJson>,
    with_old_value: Vec<RunningServerJson>,
    other_meanings: Vec<OtherMeaningJson>,
}

/// Whether a person will be asked for the value.
pub(crate) fn asks(put: &Put) -> bool {
    value::is_typed(put.file.as_deref(), empty(put))
}

/// The value to store, from where the arguments say.
pub(crate) fn value(put: &Put, form: Form) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let last_line_break = if put.exact {
        LastLineBreak::Keep
    } else {
        LastLineBreak::Drop
    };
    let file = put.file.as_deref();
    value::read(&put.name, file, last_line_break, empty(put), form)
}

fn empty(put: &Put) -> Empty {
    if put.empty {
        Empty::IsMeant
    } else {
        Empty::IsAnAccident
    }
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
    let bytes = value.len();
    let reply = client.put(&put.name.to_string(), value, new).await?;
    let all = |uses: Vec<_>| uses.into_iter().map(UseJson::from).collect();
    let json = PutJson {
        reference: reply.reference,
        version: reply.version,
        pending: put.pending,
        bytes,
        used_by: all(reply.used_by),
        with_old_value: reply.with_old_value.into_iter().map(Into::into).collect(),
        other_meanings: reply.other_meanings.into_iter().map(Into::into).collect(),
    };
    report::answer(form, || text(&json), &json)
}

fn text(json: &PutJson) -> String {
    let PutJson {
        reference, version, ..
    } = json;
    let bytes = match json.bytes {
        1 => "1 byte".to_owned(),
        count => format!("{count} bytes"),
    };
    let users = users(&json.used_by);
    let way_on = if json.pending {
        format!("; `vaultctl promote {reference} {version}` takes it into use")
    } else {
        String::new()
    };
    let stored =
        format!("{reference} stored as version {version}: {bytes}, used by {users}{way_on}");
    let mut text = format!("{stored}\n{}", of_running(&json.with_old_value));
    if json.used_by.is_empty() {
        text.extend(
            json.other_meanings
                .iter()
                .map(|other| other.hint(reference)),
        );
    }
    text
}
