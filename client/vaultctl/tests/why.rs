//! `vaultctl why` says all that is known, to people and to programs.

#[path = "../../lib/tests/fake/daemon.rs"]
mod fake;
#[path = "support/programs.rs"]
mod programs;

use fake::{Fake, Plan};
use programs::{code, json, run, stdout};
use vault_proto::generated::{Attempt, BackendStatus, Provenance, Route, SecretStatus, Use};

fn stale() -> Route {
    let a_use = |service: &str, environments: &[&str], place: &str| Use {
        service: service.to_owned(),
        variable: "TOKEN".to_owned(),
        environments: environments.iter().map(ToString::to_string).collect(),
        place: place.to_owned(),
    };
    let failed = |error: &str| Attempt {
        ago_ms: 10_000,
        took_ms: 5000,
        error_kind: "timeout".to_owned(),
        error: error.to_owned(),
        request_id: "R1".to_owned(),
        ..Attempt::default()
    };
    Route {
        reference: "local://a".to_owned(),
        backend: Some(BackendStatus {
            name: "oci".to_owned(),
            scope: "profile DEFAULT".to_owned(),
            breaker: 2,
            next_probe_ms: 50_000,
            ..BackendStatus::default()
        }),
        used_by: vec![
            a_use("git", &["", "dev"], "/c/git.json:4"),
            a_use("web", &["dev", "test"], "/c/resolver.yaml:9"),
        ],
        held: Some(SecretStatus {
            reference: "local://a".to_owned(),
            provenance: Some(Provenance {
                version: "3".to_owned(),
                age_ms: 3_600_000,
                state: 2,
                stale_reason: "no answer".to_owned(),
            }),
            fresh_for_ms: 0,
            usable_for_ms: 82_800_000,
        }),
        attempts: vec![
            failed("no answer"),
            failed("no answer (opc-request-id R1)"),
            Attempt {
                ago_ms: 3_600_000,
                took_ms: 80,
                version: "3".to_owned(),
                ..Attempt::default()
            },
        ],
        next_attempt_ms: Some(50_000),
        next_attempt: "not before the breaker lets a probe through".to_owned(),
        would_serve: "the value held, marked stale".to_owned(),
    }
}

fn fake() -> Fake {
    let pinned = Route {
        reference: "local://a?version=2".to_owned(),
        next_attempt: "when somebody wants it".to_owned(),
        ..Route::default()
    };
    Fake::start(Plan {
        routes: vec![stale(), pinned],
        ..Plan::default()
    })
}

#[test]
fn a_person_reads_who_uses_it_what_was_tried_and_what_comes() {
    let fake = fake();
    let output = run(&fake, &["why", "a"]);
    let expected = "\
local://a
backend       oci
  scope       profile DEFAULT
  breaker     open, asks again in 50 seconds
used by       git TOKEN (/c/git.json:4)
used by       web TOKEN in dev, test (/c/resolver.yaml:9)
held          version 3, 1 hour old, stale
  because     no answer
  fresh       no longer
  usable      for 23 hours
asked         10 seconds ago: timeout: no answer (request R1)
asked         10 seconds ago: timeout: no answer (opc-request-id R1)
asked         1 hour ago: version 3, in 80 ms
asked next    in 50 seconds: not before the breaker lets a probe through
a launch gets the value held, marked stale

as            local://a?version=2
  breaker     unknown
used by       no service
held          nothing
asked         not yet, or long ago
asked next    when somebody wants it
";
    assert_eq!(stdout(&output), expected);
    assert_eq!(code(&output), Some(0));
    assert_eq!(fake.asked(), [r#"why "local://a""#]);
}

#[test]
fn a_program_finds_every_field() {
    let why = json(&run(&fake(), &["--json", "why", "a"]));
    assert_eq!(why["reference"], "local://a");
    let route = &why["routes"][0];
    assert_eq!(route["scope"], "profile DEFAULT");
    assert_eq!(route["breaker"], "open");
    assert_eq!(route["used_by"][1]["place"], "/c/resolver.yaml:9");
    assert_eq!(route["held"]["state"], "stale");
    assert_eq!(route["attempts"][0]["error_kind"], "timeout");
    assert_eq!(route["attempts"][0]["request_id"], "R1");
    assert_eq!(route["next_attempt_ms"], 50_000);
    assert!(why["routes"][1]["held"].is_null());
    assert!(why["routes"][1]["next_attempt_ms"].is_null());
    let count = |route: usize| why["routes"][route].as_object().unwrap().len();
    assert_eq!((count(0), count(1)), (10, 10), "no field is left out");
}
