//! What does a backend find when it looks at everything it needs?

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use vault_backends::backend::{BackendKind, Finding};
use vault_proto::generated as message;

use crate::grpc::rooms::Rooms;
use crate::setup::Setup;
use crate::upstream::Name;

/// Every vault of OCI that the configuration names, each looked at for at most `time`.
pub(super) async fn oci(rooms: &Rooms, setup: &Setup, time: Duration) -> message::DoctorReply {
    let each = users(setup).into_iter().map(|(scope, used_by)| async move {
        let name = Name {
            kind: BackendKind::Oci,
            scope,
        };
        let findings = examined(rooms, &name, time).await;
        message::ExaminedBackend {
            name: name.kind.to_string(),
            scope: name.scope,
            used_by,
            findings: findings.into_iter().map(finding).collect(),
        }
    });
    message::DoctorReply {
        backends: join_all(each).await,
    }
}

/// Who asks where, by scope.
fn users(setup: &Setup) -> BTreeMap<String, Vec<String>> {
    let mut users: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut add = |scope: String, user: Option<String>| {
        let of_scope = users.entry(scope).or_default();
        of_scope.extend(user.filter(|user| !of_scope.contains(user)));
    };
    add(setup.base.vault.scope(), None);
    for (name, view) in &setup.environments {
        add(view.vault.scope(), Some(format!("environment {name}")));
    }
    for service in setup.views().flat_map(|view| view.services.values()) {
        let mut vaults = service.vaults();
        vaults.retain(|vault| vault.scope() != setup.base.vault.scope());
        for vault in vaults {
            add(vault.scope(), Some(format!("service {}", service.name)));
        }
    }
    users
}

async fn examined(rooms: &Rooms, name: &Name, time: Duration) -> Vec<Finding> {
    let unwell = |detail: String, remedy: &str| {
        vec![Finding {
            what: "examination".to_owned(),
            is_well: false,
            detail,
            remedy: remedy.to_owned(),
        }]
    };
    match tokio::time::timeout(time, rooms.upstream.examine(name)).await {
        Ok(Ok(findings)) => findings,
        Ok(Err(error)) => unwell(
            error.to_string(),
            "reload the configuration: vaultctl reload",
        ),
        Err(_) => unwell(
            format!("it was not at its end within {} s", time.as_secs()),
            "ask again; vaultctl --deadline 60 gives it more time",
        ),
    }
}

fn finding(finding: Finding) -> message::Finding {
    message::Finding {
        what: finding.what,
        well: finding.is_well,
        detail: finding.detail,
        remedy: finding.remedy,
    }
}
