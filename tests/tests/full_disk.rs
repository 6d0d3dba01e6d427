//! What becomes of values while the daemon's disk is full. A small disk that really is.
//!
//! Its state directory is a tmpfs in a mount namespace of its own. Where a machine permits none, the
//! tests count as ignored and the reason stands beside each name.
#![forbid(unsafe_code)]

#[path = "oci_daemon/cloud.rs"]
#[expect(dead_code, reason = "other tests look at more of it")]
mod cloud;
#[path = "full_disk/small_disk.rs"]
mod small_disk;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};
use serde_json::json;
use vault_tests::harness::{Home, Outcome, until};
use vault_tests::oci::State;

use cloud::Cloud;
use small_disk::SmallDisk;

const NO_SPACE: &str = "No space left on device";
/// More launches than the record's last page has room for.
const MANY: usize = 64;

#[expect(
    clippy::print_stderr,
    reason = "whoever runs the tests must see why some did not run"
)]
fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let refused = SmallDisk::why_not();
    let tests: [(&str, fn()); 4] = [
        (
            "no_value_leaves_without_a_whole_record_and_values_leave_again_when_there_is_room",
            no_value_leaves_without_a_whole_record,
        ),
        (
            "a_snapshot_that_cannot_be_brought_up_to_date_is_removed",
            a_snapshot_that_cannot_be_brought_up_to_date_is_removed,
        ),
        (
            "a_snapshot_is_written_again_by_the_same_daemon_and_serves_while_the_vault_is_out",
            a_snapshot_is_written_again,
        ),
        (
            "a_value_that_cannot_be_stored_leaves_the_one_before",
            a_value_that_cannot_be_stored_leaves_the_one_before,
        ),
    ];
    if let Some(why) = &refused {
        eprintln!("{} tests are ignored: {why}", tests.len());
    }
    let trial = |(claim, test): (&str, fn())| {
        Trial::test(claim, move || {
            test();
            Ok(())
        })
        .with_kind(refused.clone().unwrap_or_default())
        .with_ignored_flag(refused.is_some())
    };
    let trials = tests.map(trial).into();
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn no_value_leaves_without_a_whole_record() {
    let cloud = cloud();
    let disk = SmallDisk::of(&cloud.home);
    let daemon = disk.start(&cloud.home);
    assert_eq!(cloud.token("one"), "first");
    disk.fill();
    let launched = 1 + launch_until_refused(&cloud);
    let status = cloud.home.ctl(&["status"]);
    assert_eq!(status.code, 2, "{status}");
    for word in ["audit record", NO_SPACE] {
        assert!(status.stdout.contains(word), "{word}: {status}");
    }
    assert_eq!(disk.launches_recorded(), launched, "each is one line");
    disk.free();
    assert_eq!(cloud.token("one"), "first");
    assert_eq!(disk.launches_recorded(), launched + 1);
    assert_eq!(cloud.home.ctl(&["status"]).code, 0);
    assert!(daemon.terminate().success(), "it is the same daemon");
}

fn a_snapshot_that_cannot_be_brought_up_to_date_is_removed() {
    let cloud = cloud();
    let disk = SmallDisk::of(&cloud.home);
    let daemon = disk.start(&cloud.home);
    assert_eq!(cloud.token("one"), "first");
    assert_eq!(cloud.token("two"), "second");
    assert!(daemon.terminate().success());
    assert!(disk.has("snapshot.age"), "written before the end");

    let daemon = disk.start(&cloud.home);
    disk.fill();
    // From now on a value that must not be served any more is in the file.
    set_state(&cloud, "one", State::PendingDeletion);
    cloud.home.run(&["one"]).refused(3, &[]);
    until("the file is gone", || !disk.has("snapshot.age"));
    disk.fill();
    launch_until_refused_of(&cloud, "two", "second");
    let status = cloud.home.ctl(&["status"]);
    assert_eq!(status.code, 2, "{status}");
    for word in ["over a restart, nothing is kept", NO_SPACE] {
        assert!(status.stdout.contains(word), "{word}: {status}");
    }
    assert!(!disk.has_leftovers());

    // A crash meanwhile brings nothing old back, and a full disk is no reason not to start.
    daemon.kill();
    cloud.fake.go_away();
    let _daemon = disk.start(&cloud.home);
    disk.free();
    for service in ["one", "two"] {
        let launched = cloud.home.run(&[service]);
        launched.refused(3, &["Connection refused"]);
    }
}

fn a_snapshot_is_written_again() {
    let cloud = cloud();
    let disk = SmallDisk::of(&cloud.home);
    let daemon = disk.start(&cloud.home);
    disk.fill();
    launch_until_refused_of(&cloud, "two", "second");
    until("status says that nothing is kept", || {
        let status = cloud.home.ctl(&["status"]);
        status.stdout.contains("over a restart, nothing is kept")
    });
    assert!(!disk.has("snapshot.age"));
    disk.free();
    assert_eq!(cloud.token("two"), "second");
    // It would be tried again after a minute; what is forgotten leaves the disk at once.
    cloud.home.ctl(&["flush", "local://other"]).success();
    assert!(disk.has("snapshot.age"));
    let status = cloud.home.ctl(&["status"]);
    assert!(!status.success().contains("over a restart"), "{status}");
    daemon.kill();

    cloud.fake.go_away();
    let _daemon = disk.start(&cloud.home);
    assert_eq!(cloud.token("two"), "second");
}

fn a_value_that_cannot_be_stored_leaves_the_one_before() {
    let home = Home::new();
    home.write_service(
        "bar",
        &json!({"secrets": {"TOKEN": "local://token"}, "target_command": ["env"]}),
    );
    let disk = SmallDisk::of(&home);
    let daemon = disk.start(&home);
    home.put("token", "old");
    disk.fill();
    let put = |name: &str, value: &str| home.ctl_with_input(&["put", name], value.as_bytes());
    for name in ["token", "other"] {
        // It would not fit into what the store has already either.
        put(name, &"new".repeat(10_000)).refused(3, &[NO_SPACE]);
    }
    assert!(!disk.has_leftovers());
    daemon.kill();
    let daemon = disk.start(&home);
    disk.free();
    let holds = |launched: Outcome, value: &str| {
        let line = format!("TOKEN={value}\n");
        assert!(launched.success().contains(&line), "{launched}");
    };
    holds(home.run(&["bar"]), "old");
    assert!(!home.ctl(&["list"]).success().contains("other"));
    put("token", "new").success();
    holds(home.run(&["bar"]), "new");
    assert!(daemon.terminate().success());
}

/// With two services, each with a value of its own; the vault is asked for the first one's each time.
fn cloud() -> Cloud {
    let cloud = Cloud::new();
    // What is fetched ahead would be fetched at any moment.
    cloud.configure(&json!({"cache": {"persist": "sealed", "refresh_ahead": 0}}));
    for (service, value, more) in [
        ("one", "first", json!({"ttl": 0})),
        ("two", "second", json!({})),
    ] {
        let id = cloud.fake.put(service, value);
        cloud.service(service, &format!("oci-vault://{id}"), &more);
    }
    cloud
}

fn set_state(cloud: &Cloud, name: &str, state: State) {
    cloud.fake.with(|world| {
        let named = world.secrets.iter().find(|secret| secret.name == name);
        let id = named.map(|secret| secret.id.clone());
        world.secrets.secret(&id.expect("a secret")).state = state;
    });
}

/// Launches until a record cannot be written, and returns how many got their value before: the last
/// page of the record has room still when the disk has none.
fn launch_until_refused(cloud: &Cloud) -> usize {
    launch_until_refused_of(cloud, "one", "first")
}

fn launch_until_refused_of(cloud: &Cloud, service: &str, value: &str) -> usize {
    for launches in 0..MANY {
        let launched = cloud.home.run(&[service]);
        if launched.code != 0 {
            launched.refused(3, &["audit record", NO_SPACE]);
            return launches;
        }
        let line = format!("TOKEN={value}\n");
        assert!(launched.stdout.contains(&line), "{launched}");
    }
    panic!("the disk is not full");
}
