//! `vaultctl status` says how things are.

#[path = "../../lib/tests/fake/daemon.rs"]
mod fake;
#[path = "support/programs.rs"]
mod programs;

use std::fs::File;
use std::io::Read;
use std::process::Stdio;

use fake::{Fake, Plan};
use nix::pty::{OpenptyResult, openpty};
use programs::{code, json, run, stdout};
use vault_proto::generated::{
    BackendStatus, Counters, FailedLaunch, Provenance, SecretStatus, StatusReply,
    UnlaunchableService,
};

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
    let tables = "\
BACKEND  BREAKER                       FAILURES
oci      open, asks again in 1 minute  5
    profile DEFAULT
    timeout

REFERENCE  VERSION  AGE     USABLE FOR  STATE
local://a  3        1 hour  1 day       stale
    stale: timeout
";
    let (_, shown) = text.split_once("\n\n").unwrap();
    assert_eq!(shown, tables);
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
        "\nservices       1, which can start\n",
        "\nconfiguration  no resolver.yaml (load 0)\n  files in     /c/configs\n  files in     /d/configs\n",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

#[test]
fn services_that_cannot_start_and_the_last_failed_launch_come_first() {
    let unable = |service: &str, environment: &str, problem: &str| UnlaunchableService {
        service: service.to_owned(),
        environment: environment.to_owned(),
        problem: problem.to_owned(),
    };
    let mut plan = status(true);
    plan.status.services = 7;
    plan.status.configuration_path = "/c/resolver.yaml".to_owned();
    plan.status.cannot_start = vec![
        unable("git", "", "no such secret local://x"),
        unable("web", "production", "the command w is not found"),
    ];
    plan.status.healthy = false;
    plan.status.failed_launches = vec![FailedLaunch {
        unix_seconds: 1,
        service: "git".to_owned(),
        client: "codex".to_owned(),
        pid: 12,
        error_kind: "not_found".to_owned(),
        reason: "TOKEN: no such secret".to_owned(),
        ..FailedLaunch::default()
    }];
    let fake = Fake::start(plan);
    let output = run(&fake, &["status"]);
    assert_eq!(code(&output), Some(2));
    let text = stdout(&output);
    let lines: Vec<&str> = text.lines().collect();
    let unable = "services       2 of 7 cannot start: git (no such secret local://x), \
                  web (in production: the command w is not found)";
    assert_eq!(lines[1], unable);
    assert!(lines[2].starts_with("last failure   "), "{text}");
    assert!(
        lines[2].ends_with(" days ago: git, for codex (12): TOKEN: no such secret"),
        "{text}"
    );
    let last = stdout(&run(&fake, &["last"]));
    assert!(last.starts_with("WHEN "), "{last}");
    assert!(
        last.ends_with("git      codex (12)\n    TOKEN: no such secret\n"),
        "{last}"
    );
    let json = json(&run(&fake, &["--json", "last"]));
    assert_eq!(json["failed_launches"][0]["error_kind"], "not_found");
}

#[test]
fn tables_are_as_wide_as_the_terminal_and_states_stay_whole() {
    let mut plan = status(false);
    plan.status.secrets[0].reference = format!("oci-vault://{}/end", "x".repeat(80));
    plan.status.socket_path = format!("/run/{}/vaultd.sock", "user/".repeat(30));
    plan.status.services = 1;
    let fake = Fake::start(plan);
    for (command, whole) in [
        (
            &["status"][..],
            &["stale", "vaultd.sock", "/end", "needs attention"][..],
        ),
        (&["services"], &["ready", "/c/git.json"]),
        (&["list"], &["local://a"]),
        (&["versions", "a"], &["CURRENT"]),
    ] {
        for columns in ["80", "40"] {
            let text = shown_on_terminal(&fake, command, columns);
            let widest = text.lines().map(|line| line.chars().count()).max();
            let most = columns.parse().ok();
            assert!(widest <= most && !text.is_empty(), "{columns}: {text}");
            for word in whole {
                assert!(text.contains(word), "{columns}: {word}: {text}");
            }
        }
    }
}

/// On a terminal of so many columns.
fn shown_on_terminal(fake: &Fake, command: &[&str], columns: &str) -> String {
    let OpenptyResult { master, slave } = openpty(None, None).expect("a terminal");
    let mut program = fake.command(programs::VAULTCTL, command);
    program.env("COLUMNS", columns).env("NO_COLOR", "1");
    program.stdin(Stdio::null()).stdout(slave);
    let mut child = program.spawn().expect("vaultctl");
    drop(program);
    let mut text = vec![];
    // Where all that write to it are gone, a terminal gives an error.
    let _ = File::from(master).read_to_end(&mut text);
    child.wait().expect("its end");
    String::from_utf8(text).expect("UTF-8")
}

#[test]
fn on_a_pipe_all_is_whole_whatever_columns_says() {
    let mut plan = status(false);
    plan.status.socket_path = format!("/run/{}/vaultd.sock", "user/".repeat(30));
    let path = plan.status.socket_path.clone();
    let fake = Fake::start(plan);
    let mut program = fake.command(programs::VAULTCTL, &["status"]);
    let output = program.env("COLUMNS", "40").output().expect("vaultctl");
    assert!(stdout(&output).contains(&path), "{}", stdout(&output));
}

#[test]
fn a_reason_that_many_share_is_said_once() {
    let mut plan = status(false);
    let mut more = vec![plan.status.secrets[0].clone(); 3];
    more[2].provenance.as_mut().unwrap().stale_reason = "refused".to_owned();
    plan.status.secrets = more;
    let text = stdout(&run(&Fake::start(plan), &["status"]));
    assert_eq!(text.matches("stale: timeout").count(), 1, "{text}");
    assert_eq!(text.matches("stale: refused").count(), 1, "{text}");
    assert_eq!(text.matches("local://a").count(), 3, "{text}");
}

#[test]
fn status_counts_answers_under_the_old_names() {
    let mut plan = status(true);
    plan.status.counters = Some(Counters {
        secrets_fetched: 2,
        cache_hits: 97,
        cache_misses: 3,
        stale_cache_used: 1,
        retries: 4,
        circuit_breaker_opens: 5,
        total_fetch_time_ms: 160,
    });
    let fake = Fake::start(plan);
    let text = stdout(&run(&fake, &["status"]));
    let line = "answers        97 % of 100 without a backend, 1 stale; 2 fetched, 80 ms each\n";
    assert!(text.contains(line), "{text}");
    let expected = serde_json::json!({
        "secrets_fetched": 2, "cache_hits": 97, "cache_misses": 3, "stale_cache_used": 1,
        "retries": 4, "circuit_breaker_opens": 5, "total_fetch_time_ms": 160,
    });
    assert_eq!(
        json(&run(&fake, &["--json", "status"]))["counters"],
        expected
    );
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
            "cannot_start",
            "configuration_error",
            "configuration_generation",
            "configuration_path",
            "counters",
            "failed_launches",
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

#[test]
fn metrics_go_into_a_file_without_a_word() {
    let fake = Fake::start(status(true));
    let file = fake.home().join("vaultd.prom");
    let path = file.to_str().unwrap();
    let output = run(&fake, &["metrics", "--textfile", path]);
    assert_eq!((stdout(&output).as_str(), code(&output)), ("", Some(0)));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "# EOF\n");
    let output = run(&fake, &["metrics", "--json", "--textfile", path]);
    assert_eq!(json(&output)["textfile"], path);
    let nowhere = file.join("below");
    let output = run(&fake, &["metrics", "--textfile", nowhere.to_str().unwrap()]);
    assert_eq!(code(&output), Some(1));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "# EOF\n");
}
