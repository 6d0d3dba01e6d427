//! A connector lives long: its calls share connections, which are made anew when they end.
//!
//! Each test runs in a process of its own, because the environment says where the socket is.

#[path = "fake/daemon.rs"]
mod fake;

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use fake::{Fake, Plan};
use vault_client::{Connector, Error, LaunchOptions, NewVersion};
use vault_proto::generated::{FlushRequest, ListRequest, MetricsRequest, StatusRequest};

const DIRECTORY: &str = "VAULT_CLIENT_TEST_DIRECTORY";
const TIMEOUT: Duration = Duration::from_secs(20);

/// Runs `test` in a process whose runtime directory is the fake's.
fn alone<F: Future<Output = ()>>(name: &str, test: impl FnOnce(Fake) -> F) {
    let home = tempfile::tempdir().expect("a directory");
    if let Some(directory) = std::env::var_os(DIRECTORY) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let fake = Fake::in_directory(home, PathBuf::from(directory));
        return runtime.block_on(test(fake));
    }
    let output = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", name, "--nocapture"])
        .env(DIRECTORY, home.path())
        .env("XDG_RUNTIME_DIR", home.path())
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
}

fn served(mut fake: Fake, plan: Plan) -> (Fake, Connector) {
    fake.serve(plan);
    (fake, Connector::new("test/1"))
}

fn value() -> zeroize::Zeroizing<Vec<u8>> {
    b"hunter2".to_vec().into()
}

/// Lets the tasks of this runtime see what has happened to their connections.
async fn settle() {
    for _ in 0..500 {
        tokio::task::yield_now().await;
    }
}

#[test]
fn many_calls_at_once_share_four_connections() {
    alone("many_calls_at_once_share_four_connections", async |fake| {
        let (fake, connector) = served(fake, Plan::of(&["/bin/x"]).secret("TOKEN", b"hunter2"));
        let mut calls = tokio::task::JoinSet::new();
        for number in 0..50 {
            let mut client = connector.client(TIMEOUT);
            calls.spawn(async move {
                let options = LaunchOptions {
                    service: format!("s{number}"),
                    ..LaunchOptions::default()
                };
                client.launch(options).await
            });
        }
        for launched in calls.join_all().await {
            let launched = launched.expect("a launch");
            assert_eq!(*launched.secrets[0].value, b"hunter2");
        }
        assert_eq!((fake.asked().len(), fake.accepted()), (50, 4));
        let mut client = connector.client(TIMEOUT);
        client.call(StatusRequest {}).await.expect("a reply");
        assert_eq!(fake.accepted(), 4, "and those after them use the same");
    });
}

#[test]
fn each_call_has_a_deadline_of_its_own() {
    alone("each_call_has_a_deadline_of_its_own", async |fake| {
        let plan = Plan {
            holds: "list",
            ..Plan::default()
        };
        let (fake, connector) = served(fake, plan);
        let mut client = connector.client(Duration::from_millis(100));
        let held = client.call(ListRequest {}).await;
        assert!(matches!(held, Err(Error::Deadline { .. })), "{held:?}");
        let late = client.call(StatusRequest {}).await;
        assert!(matches!(late, Err(Error::Deadline { .. })), "{late:?}");
        let other = connector.client(TIMEOUT).call(StatusRequest {}).await;
        assert!(other.is_ok(), "{other:?}");
        assert_eq!(
            fake.accepted(),
            1,
            "a call that is late breaks no connection"
        );
    });
}

#[test]
fn a_connection_that_has_ended_is_made_anew_and_nothing_is_in_doubt() {
    alone(
        "a_connection_that_has_ended_is_made_anew_and_nothing_is_in_doubt",
        async |fake| {
            let (fake, connector) = served(fake, Plan::default());
            for number in 1..=3 {
                let mut client = connector.client(TIMEOUT);
                let stored = client
                    .put("local://a", value(), NewVersion::default())
                    .await;
                stored.expect("a change is not lost where it was never sent");
                assert!(!client.has_repeated());
                assert_eq!(fake.accepted(), number);
                fake.state.hang_up();
                settle().await;
            }
            assert_eq!(fake.stored().len(), 3);
            assert_eq!(
                fake.stored()[2].1,
                b"hunter2",
                "sealed to the key of each connection"
            );
        },
    );
}

#[test]
fn a_connection_is_replaced_before_the_daemon_ends_it() {
    alone(
        "a_connection_is_replaced_before_the_daemon_ends_it",
        async |fake| {
            let (fake, connector) = served(fake, Plan::default());
            for (seconds, connections) in [(0, 1), (9, 1), (2, 2), (9, 2), (2, 3)] {
                tokio::time::pause();
                tokio::time::advance(Duration::from_secs(seconds)).await;
                tokio::time::resume();
                let reply = connector.client(TIMEOUT).call(MetricsRequest {}).await;
                reply.expect("an answer");
                assert_eq!(fake.accepted(), connections);
            }
        },
    );
}

#[test]
fn a_daemon_that_restarts_fails_no_call() {
    alone("a_daemon_that_restarts_fails_no_call", async |fake| {
        let (mut fake, connector) = served(fake, Plan::default());
        let mut client = connector.client(TIMEOUT);
        client.call(StatusRequest {}).await.expect("an answer");
        fake.stop();
        let waiting = tokio::spawn(async move { client.call(ListRequest {}).await });
        settle().await;
        fake.serve(Plan::default());
        assert!(waiting.await.expect("no panic").is_ok());
        let mut client = connector.client(TIMEOUT);
        client.call(StatusRequest {}).await.expect("an answer");
        assert_eq!(fake.accepted(), 2);
    });
}

#[test]
fn a_watch_that_is_lost_leaves_no_broken_connection_behind() {
    alone(
        "a_watch_that_is_lost_leaves_no_broken_connection_behind",
        async |fake| {
            let (fake, connector) = served(fake, Plan::default());
            fake.change(|plan| plan.lose = 1);
            let references = || vec!["local://a".to_owned()];
            let lost = connector.client(TIMEOUT).watch(references()).await;
            assert!(matches!(lost, Err(Error::Lost { .. })), "{:?}", lost.err());
            let begun = connector.client(TIMEOUT).watch(references()).await;
            assert!(begun.is_ok(), "{:?}", begun.err());
            assert_eq!(fake.accepted(), 2);
        },
    );
}

#[test]
fn a_call_that_was_lost_is_repeated_and_a_change_is_not() {
    alone(
        "a_call_that_was_lost_is_repeated_and_a_change_is_not",
        async |fake| {
            let (fake, connector) = served(fake, Plan::default());
            fake.change(|plan| plan.lose = 1);
            let mut client = connector.client(TIMEOUT);
            let flushed = client.call(FlushRequest::default()).await;
            assert!(flushed.is_ok() && client.has_repeated());
            fake.change(|plan| plan.lose = 1);
            let mut client = connector.client(TIMEOUT);
            let lost = client
                .put("local://a", value(), NewVersion::default())
                .await;
            assert!(matches!(lost, Err(Error::Unconfirmed { .. })), "{lost:?}");
            let puts = fake
                .asked()
                .iter()
                .filter(|call| call.starts_with("put"))
                .count();
            assert_eq!(puts, 1);
            let mut client = connector.client(TIMEOUT);
            client.call(StatusRequest {}).await.expect("it goes on");
        },
    );
}

#[test]
fn whoever_waits_for_the_same_daemon_hears_at_once_that_there_is_none() {
    alone(
        "whoever_waits_for_the_same_daemon_hears_at_once_that_there_is_none",
        async |fake| {
            std::fs::create_dir(fake.socket().parent().expect("vaultd/")).expect("a directory");
            let connector = Connector::new("test/1");
            let mut calls = tokio::task::JoinSet::new();
            for _ in 0..20 {
                let mut client = connector.client(TIMEOUT);
                calls.spawn(async move { client.call(StatusRequest {}).await });
            }
            for failed in calls.join_all().await {
                assert!(
                    matches!(failed, Err(Error::NotRunning { .. })),
                    "{failed:?}"
                );
            }
        },
    );
}
