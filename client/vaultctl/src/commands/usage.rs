//! Who uses a secret, in words and for programs.

use serde::Serialize;
use vault_client::{Client, Error};
use vault_proto::generated::{OtherMeaning, RunningServer, Use, WhyRequest};
use vault_proto::kinds;
use vault_proto::reference::SecretRef;

use crate::failure::Failure;

/// One line of the configuration that gives a secret to a service.
#[derive(Debug, Serialize)]
pub(super) struct UseJson {
    service: String,
    variable: String,
    environments: Vec<String>,
    place: String,
}

/// A process that was started as a service.
#[derive(Debug, Serialize)]
pub(super) struct RunningServerJson {
    service: String,
    pid: u32,
}

/// A secret of the same name that is kept elsewhere.
#[derive(Debug, Serialize)]
pub(super) struct OtherMeaningJson {
    reference: String,
    used_by: Vec<UseJson>,
}

/// "git (TOKEN), web (KEY)", or that there is none.
pub(super) fn users(uses: &[UseJson]) -> String {
    if uses.is_empty() {
        return "no service".to_owned();
    }
    let mut named: Vec<String> = uses
        .iter()
        .map(|one| format!("{} ({})", one.service, one.variable))
        .collect();
    named.dedup();
    named.join(", ")
}

/// A line for those that still have what was replaced, if there are any.
pub(super) fn of_running(servers: &[RunningServerJson]) -> String {
    let named: Vec<String> = servers
        .iter()
        .map(|one| format!("{} (process {})", one.service, one.pid))
        .collect();
    match named.as_slice() {
        [] => String::new(),
        [one] => format!("{one} still runs with the old value: restart it\n"),
        all => format!(
            "{} still run with the old value: restart them\n",
            all.join(", ")
        ),
    }
}

/// The failure of a call about `reference`; where there is no such secret, with what a person may have
/// meant.
pub(super) async fn failure(client: &mut Client, reference: &SecretRef, error: Error) -> Failure {
    if error.kind() != kinds::NOT_FOUND {
        return error.into();
    }
    let request = WhyRequest {
        reference: reference.to_string(),
    };
    // Who may not ask why is told no more.
    let why = client.call(request).await.unwrap_or_default();
    let others = why.other_meanings.into_iter();
    let hints = others.map(|other| OtherMeaningJson::from(other).hint(&why.reference));
    hints.fold(error.into(), |failure: Failure, hint| {
        failure.with_remedy(hint.trim_end())
    })
}

impl OtherMeaningJson {
    /// What a person may have meant instead of `reference`.
    pub(super) fn hint(&self, reference: &str) -> String {
        let (other, users) = (&self.reference, users(&self.used_by));
        format!(
            "{other} is another secret, used by {users}: did you mean that one here, or {reference} there?\n"
        )
    }
}

impl From<Use> for UseJson {
    fn from(one: Use) -> Self {
        Self {
            service: one.service,
            variable: one.variable,
            environments: one.environments,
            place: one.place,
        }
    }
}

impl From<RunningServer> for RunningServerJson {
    fn from(one: RunningServer) -> Self {
        Self {
            service: one.service,
            pid: one.pid,
        }
    }
}

impl From<OtherMeaning> for OtherMeaningJson {
    fn from(one: OtherMeaning) -> Self {
        Self {
            reference: one.reference,
            used_by: one.used_by.into_iter().map(Into::into).collect(),
        }
    }
}
