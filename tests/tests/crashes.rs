//! The daemon survives what a machine does to it. Real processes, real signals.

use std::time::Duration;

use serde_json::json;
use vault_tests::crashes::{stop, storm};
use vault_tests::harness::Home;

#[test]
fn being_killed_thirty_times_under_load_leaves_no_wrong_answer_behind() {
    let report = storm(30, 7);
    assert_eq!(report.wrong, Vec::<String>::new(), "{report}");
    assert_eq!(report.kills, 30);
    assert!(report.launches > 0 && report.stored > 0, "{report}");
}

#[test]
fn a_daemon_that_was_stopped_under_load_goes_on_where_it_was() {
    // It cannot answer, and each caller was told so.
    let report = stop(Duration::ZERO);
    assert_eq!(report.wrong, Vec::<String>::new(), "{report}");
    assert!(report.refused > 0 && report.stored > 0, "{report}");
}

#[test]
fn a_record_that_cannot_be_written_keeps_values_back_until_it_can() {
    let home = Home::new();
    home.write_service(
        "bar",
        &json!({"secrets": {"TOKEN": {"secret_name": "local://token"}},
        "target_command": ["env"]}),
    );
    let _daemon = home.start();
    home.put("token", "v");
    let record = home.state("audit.jsonl");
    let kept = home.path("kept.jsonl");
    std::fs::rename(&record, &kept).expect("the record moves");
    // A link is not followed; the full disk itself has a file of its own.
    std::os::unix::fs::symlink("/dev/full", &record).expect("a link");
    let launched = home.run(&["bar"]);
    launched.refused(3, &["audit"]);
    std::fs::remove_file(&record).expect("the link goes");
    std::fs::rename(&kept, &record).expect("the record comes back");
    let launched = home.run(&["bar"]);
    assert!(launched.success().contains("TOKEN=v\n"), "{launched}");
}
