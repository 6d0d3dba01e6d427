//! Is a change that is under way finished before the daemon ends, and written down where it is not?

use std::thread::Scope;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::json;
use vault_tests::harness::{Outcome, until};
use vault_tests::oci::{Fault, Route, Times};

use super::cloud::Cloud;

fn writable(fault: Fault) -> Cloud {
    let cloud = Cloud::new();
    cloud.configure(&json!({"policy": {"rules": [{"allow": ["default", "put"]}]}}));
    cloud.fake.put("token", "old");
    cloud.fake.fail(Route::UpdateSecret, fault, Times::Next(1));
    cloud
}

/// Begins a change and returns when the vault has been asked for it.
fn begin<'a>(
    scope: &'a Scope<'a, '_>,
    cloud: &'a Cloud,
) -> std::thread::ScopedJoinHandle<'a, Outcome> {
    let put = || {
        cloud
            .home
            .ctl_with_input(&["put", "oci-vault://token"], b"new")
    };
    let changing = scope.spawn(put);
    until("the vault is asked", || {
        cloud.fake.calls(Route::UpdateSecret) == 1
    });
    changing
}

fn outcomes(cloud: &Cloud) -> Vec<(String, String)> {
    let word = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let records = cloud.home.audit_of("put").into_iter();
    records
        .map(|record| (word(&record["outcome"]), word(&record["error"])))
        .collect()
}

#[test]
fn a_change_under_way_is_finished_and_answered_before_the_daemon_ends() {
    let cloud = writable(Fault::Latency(Duration::from_secs(2)));
    let daemon = cloud.home.start();
    std::thread::scope(|scope| {
        let changing = begin(scope, &cloud);
        assert!(daemon.terminate().success());
        changing.join().expect("it ends").success();
    });
    assert_eq!(outcomes(&cloud), [("allowed".to_owned(), String::new())]);
}

#[test]
fn a_change_that_is_not_waited_for_is_written_down_as_stopped() {
    let cloud = writable(Fault::Hang);
    let daemon = cloud.home.start();
    std::thread::scope(|scope| {
        let changing = begin(scope, &cloud);
        daemon.signal(Signal::SIGTERM);
        assert!(daemon.notified("STOPPING=1"));
        // Whoever asks twice does not want to wait.
        assert!(daemon.terminate().success());
        let changed = changing.join().expect("it ends");
        changed.refused(3, &["is not known"]);
    });
    let outcomes = outcomes(&cloud);
    assert_eq!(
        outcomes,
        [("allowed", ""), ("failed", "stopped")]
            .map(|(outcome, error)| (outcome.to_owned(), error.to_owned()))
    );
}
