//! What a backend finds when it looks at everything it needs.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join_all;
use vault_backends::address::BackendKind;
use vault_backends::findings::Finding;
use vault_proto::generated as message;

use crate::grpc::daemon::Daemon;
use crate::resolver::RequestContext;
use crate::service::Service;
use crate::setup::Setup;
use crate::targets::Targets;
use crate::upstream::Name;

/// Every vault of a kind that the configuration names, each looked at for at most `time`.
pub(super) async fn of_kind(
    daemon: &Daemon,
    context: &RequestContext,
    kind: BackendKind,
    time: Duration,
) -> message::DoctorReply {
    let each = users(&context.setup, kind)
        .into_iter()
        .map(|(scope, used_by)| async move {
            let name = Name { kind, scope };
            let findings = examined(daemon, &name, time).await;
            message::ExaminedBackend {
                name: name.kind.to_string(),
                scope: name.scope,
                used_by,
                findings: findings.into_iter().map(finding).collect(),
            }
        });
    message::DoctorReply {
        backends: join_all(each).await,
        services: services(context),
    }
}

/// Every service that the asker may list, in each environment that gives it something else.
fn services(context: &RequestContext) -> Vec<message::LaunchableService> {
    let setup = &context.setup;
    let mut found = Vec::new();
    let environments = setup.environments.keys().map(String::as_str);
    let named = setup.base.services.values().flat_map(Service::environments);
    let named: BTreeSet<String> = named.collect();
    for (name, _) in setup.refused() {
        if context.with_service(name).may(None) {
            found.push(message::LaunchableService {
                service: name.to_owned(),
                environment: String::new(),
            });
        }
    }
    let all = environments.chain(named.iter().map(String::as_str));
    for environment in std::iter::once("").chain(all.collect::<BTreeSet<_>>()) {
        let asked = (!environment.is_empty()).then_some(environment);
        for service in setup.view(asked).services.values() {
            let is_other = asked.is_none()
                || setup.base.services.get(&service.name) != Some(service)
                || service
                    .environments()
                    .iter()
                    .any(|name| name == environment);
            if is_other && context.with_service(&service.name).may(None) {
                found.push(message::LaunchableService {
                    service: service.name.clone(),
                    environment: environment.to_owned(),
                });
            }
        }
    }
    found
}

/// Who asks a kind of vault where, by scope.
fn users(setup: &Setup, kind: BackendKind) -> BTreeMap<String, Vec<String>> {
    let mut users: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut add = |scope: String, user: Option<String>| {
        let of_scope = users.entry(scope).or_default();
        of_scope.extend(user.filter(|user| !of_scope.contains(user)));
    };
    let scope = |targets: &Targets| targets.of(kind).map(|target| target.scope());
    let base = scope(&setup.base.targets);
    if let Some(scope) = base.clone() {
        add(scope, None);
    }
    for (name, view) in &setup.environments {
        if let Some(scope) = scope(&view.targets) {
            add(scope, Some(format!("environment {name}")));
        }
    }
    for service in setup.views().flat_map(|view| view.services.values()) {
        let scopes = service.all_targets().map(|targets| scope(&targets));
        for scope in scopes.filter(|scope| *scope != base).flatten() {
            add(scope, Some(format!("service {}", service.name)));
        }
    }
    users
}

async fn examined(daemon: &Daemon, name: &Name, time: Duration) -> Vec<Finding> {
    let unwell = |detail: String, remedy: &str| {
        vec![Finding {
            what: "examination".to_owned(),
            is_well: false,
            detail,
            remedy: remedy.to_owned(),
        }]
    };
    match tokio::time::timeout(time, daemon.upstream.examine(name)).await {
        Ok(Ok(findings)) => findings,
        Ok(Err(error)) => unwell(
            error.to_string(),
            "reload the configuration: vaultctl reload",
        ),
        Err(_) => unwell(
            format!("it was not at its end within {} s", time.as_secs()),
            "ask again: what was made ready meanwhile is there then",
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
