//! The record is complete, private, and refused where it cannot be kept.

use super::*;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;

use crate::peer::Peer;

fn record() -> Record<'static> {
    let (left, _right) = UnixStream::pair().unwrap();
    Record {
        time: rfc3339(Duration::from_secs(0)),
        event: "launch",
        outcome: Outcome::Allowed,
        rule: "the default policy",
        service: Some("bar"),
        environment: None,
        on_behalf_of: None,
        values: vec![
            ValueRecord::requested("BAR_TOKEN", "local://bar-token").released(
                "1",
                Duration::from_secs(3),
                false,
            ),
        ],
        peer: Peer::of(&left).unwrap().record(),
        request_id: "00ff".to_owned(),
        error: None,
    }
}

fn settings() -> AuditSettings {
    AuditSettings::default()
}

fn room() -> (tempfile::TempDir, Audit) {
    let room = tempfile::tempdir().unwrap();
    let audit = Audit::new(room.path().join("audit.jsonl"), false);
    (room, audit)
}

fn lines(path: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_record_has_exactly_these_fields() {
    let (_room, audit) = room();
    audit.write(&record(), &settings()).unwrap();
    let mut line = lines(audit.path()).remove(0);
    let peer = line["peer"].as_object_mut().unwrap();
    let keys: Vec<&str> = peer.keys().map(String::as_str).collect();
    assert_eq!(keys, ["client", "parent", "pid", "program", "uid", "unit"]);
    let parent = peer["parent"].as_object().unwrap();
    assert!(
        parent["pid"].is_i64() && parent.contains_key("program"),
        "{parent:?}"
    );
    line.as_object_mut().unwrap().remove("peer");
    assert_eq!(
        line,
        serde_json::json!({
            "time": "1970-01-01T00:00:00.000Z", "event": "launch", "outcome": "allowed",
            "rule": "the default policy", "service": "bar", "request_id": "00ff",
            "values": [{"variable": "BAR_TOKEN", "reference": "local://bar-token", "version": "1",
                        "state": "fresh", "age_seconds": 3}]
        })
    );
}

#[test]
fn a_value_is_written_down_by_what_became_of_it() {
    let age = Duration::from_secs(3);
    let asked = || ValueRecord::requested("", "local://a");
    let written = |value: ValueRecord| serde_json::to_value(value).unwrap();
    let with = |more: serde_json::Value| {
        let mut whole = serde_json::json!({"reference": "local://a"});
        let more = more.as_object().unwrap().clone();
        whole.as_object_mut().unwrap().extend(more);
        whole
    };
    for (value, more) in [
        (asked(), serde_json::json!({})),
        (
            asked().because(Some("gone")),
            serde_json::json!({"problem": "gone"}),
        ),
        (asked().of_version("2"), serde_json::json!({"version": "2"})),
        (
            asked().withheld("2", age).because(Some("unusable_value")),
            serde_json::json!({"version": "2", "state": "withheld", "age_seconds": 3, "problem": "unusable_value"}),
        ),
        (
            asked().released("2", age, true),
            serde_json::json!({"version": "2", "state": "stale", "age_seconds": 3}),
        ),
    ] {
        assert_eq!(written(value), with(more));
    }
}

#[test]
fn the_file_is_private_and_only_grows() {
    let (_room, audit) = room();
    for _ in 0..3 {
        audit
            .write(
                &record(),
                &AuditSettings {
                    sync: true,
                    ..settings()
                },
            )
            .unwrap();
    }
    assert_eq!(lines(audit.path()).len(), 3);
    assert_eq!(
        audit.path().metadata().unwrap().permissions().mode() & 0o777,
        0o600
    );
}

#[test]
fn a_full_file_is_set_aside_and_the_oldest_goes() {
    let (room, audit) = room();
    let small = AuditSettings {
        max_bytes: 1,
        keep: 2,
        ..settings()
    };
    for _ in 0..5 {
        audit.write(&record(), &small).unwrap();
    }
    let mut names: Vec<_> = room
        .path()
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["audit.jsonl", "audit.jsonl.1", "audit.jsonl.2"]);
    for name in names {
        assert_eq!(lines(&room.path().join(name)).len(), 1);
    }
}

#[test]
fn a_file_moved_away_by_another_program_is_not_written_on() {
    let (room, audit) = room();
    audit.write(&record(), &settings()).unwrap();
    std::fs::rename(audit.path(), room.path().join("moved")).unwrap();
    audit.write(&record(), &settings()).unwrap();
    assert_eq!(lines(audit.path()).len(), 1);
}

#[test]
fn what_cannot_be_written_is_refused_or_served_as_configured() {
    let (_room, audit) = room();
    std::fs::create_dir(audit.path()).unwrap();
    assert!(matches!(
        audit.write(&record(), &settings()),
        Err(AuditError::Open(..))
    ));
    assert!(audit.last_error().is_some());
    let serve = AuditSettings {
        on_failure: OnFailure::Serve,
        ..settings()
    };
    assert!(audit.write(&record(), &serve).is_ok());
    assert!(audit.last_error().is_some(), "status still says so");
    std::fs::remove_dir(audit.path()).unwrap();
    assert!(audit.write(&record(), &settings()).is_ok());
    assert!(audit.last_error().is_none());
}

#[test]
fn the_last_error_is_told_while_the_disk_hangs() {
    let (_room, audit) = room();
    let hanging = lock(&audit.file);
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| tell.send(audit.last_error()));
        let told = told.recv_timeout(Duration::from_secs(20));
        drop(hanging);
        assert_eq!(told, Ok(None));
    });
}

#[test]
fn a_link_or_an_open_file_in_its_place_is_refused() {
    let (room, audit) = room();
    let elsewhere = room.path().join("elsewhere");
    std::fs::write(&elsewhere, "").unwrap();
    std::os::unix::fs::symlink(&elsewhere, audit.path()).unwrap();
    assert!(matches!(
        audit.write(&record(), &settings()),
        Err(AuditError::Open(..))
    ));
    std::fs::remove_file(audit.path()).unwrap();
    std::fs::write(audit.path(), "").unwrap();
    std::fs::set_permissions(audit.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(
        audit.write(&record(), &settings()),
        Err(AuditError::Foreign(_))
    ));
}

#[test]
fn times_are_written_as_rfc_3339() {
    let time = Duration::from_millis(1_700_000_000_007);
    assert_eq!(rfc3339(time), "2023-11-14T22:13:20.007Z");
}
