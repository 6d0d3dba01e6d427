//! Does `vaultctl status` say how things are?

#[path = "../../lib/tests/fake/daemon.rs"]
mod fake;
#[path = "support/programs.rs"]
mod programs;

use fake::{Fake, Plan};
use programs::{code, json, run, stdout};
use vault_proto::generated::{BackendStatus, Provenance, SecretStatus, StatusReply};

fn status(healthy: bool) -> Plan {
    let status = StatusReply {
        server_version: "9.9".to_owned(),
        pid: 7,
        uptime_seconds: 60,
        memory_protection: "secretmem".to_owned(),
        configuration_error: if healthy { "" } else { "line 3: no" }.to_owned(),
        backends: vec![BackendStatus {
            name: "oci".to_owned(),
            breaker: if healthy { 1 } else { 2 },
            consecutive_failures: 5,
            next_probe_ms: if healthy { 0 } else { 61_000 },
            last_error: "timeout".to_owned(),
            scope: "profile DEFAULT".to_owned(),
        }],
        secrets: vec![SecretStatus {
            reference: "local://a".to_owned(),
            provenance: Some(Provenance {
                version: "3".to_owned(),
                age_ms: 3_600_000,
                state: 2,
                stale_reason: "timeout".to_owned(),
            }),
            fresh_for_ms: 0,
            usable_for_ms: 86_400_000,
        }],
        warnings: vec!["mind the gap".to_owned()],
        healthy,
        ..StatusReply::default()
    };
    Plan {
        status,
        ..Plan::default()
    }
}

#[test]
fn status_says_how_things_are_and_ends_in_2_where_something_needs_attention() {
    let output = run(&Fake::start(status(true)), &["status"]);
    assert!(stdout(&output).starts_with("vaultd 9.9, pid 7, up 1 minute: healthy\n"));
    assert_eq!(code(&output), Some(0));
    let output = run(&Fake::start(status(false)), &["status"]);
    let text = stdout(&output);
    for words in [
        "needs attention",
        "line 3: no",
        "mind the gap",
        "open, asks again in 1 minute",
        "1 hour",
        "1 day",
        "stale: timeout",
    ] {
        assert!(text.contains(words), "{words:?} in {text}");
    }
    assert!(!text.contains('\u{1b}'), "colour is for terminals");
    assert_eq!(code(&output), Some(2));
}

#[test]
fn status_says_where_services_come_from() {
    let mut plan = status(true);
    plan.status.services = 1;
    plan.status.service_directories = vec!["/c/configs".to_owned(), "/d/configs".to_owned()];
    let text = stdout(&run(&Fake::start(plan), &["status"]));
    for expected in [
        "\nconfiguration  no resolver.yaml (load 0)\n",
        "\nservices       1\n  files in     /c/configs\n  files in     /d/configs\n",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

#[test]
fn status_in_json_has_stable_names() {
    let output = run(&Fake::start(status(false)), &["status", "--json"]);
    let status = json(&output);
    assert_eq!(status["healthy"], false);
    assert_eq!(status["backends"][0]["breaker"], "open");
    assert_eq!(status["secrets"][0]["state"], "stale");
    assert_eq!(status["secrets"][0]["stale_reason"], "timeout");
    let mut names: Vec<&String> = status.as_object().unwrap().keys().collect();
    names.sort();
    assert_eq!(
        names,
        [
            "audit_error",
            "audit_path",
            "backends",
            "configuration_error",
            "configuration_generation",
            "configuration_path",
            "healthy",
            "memory_protection",
            "pid",
            "secrets",
            "server_version",
            "service_directories",
            "services",
            "socket_path",
            "store_path",
            "uptime_seconds",
            "warnings",
        ]
    );
    assert_eq!(code(&output), Some(2));
}
