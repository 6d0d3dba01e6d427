//! The end of the daemon: calls under way are answered, and nothing is left behind.

use std::os::unix::process::ExitStatusExt;

use nix::sys::signal::Signal;
use serde_json::json;
use vault_proto::generated::{LaunchRequest, WatchRequest};
use vault_tests::harness::Home;
use vault_tests::rpc::{Envelope, Rpc};

fn prepared() -> Home {
    let home = Home::new();
    let content = json!({"secrets": {"T": "local://t"}, "target_command": ["env"]});
    home.write_service("bar", &content);
    home
}

#[test]
fn sigterm_ends_it_with_zero_and_takes_the_socket_away() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let home = prepared();
        let daemon = home.start();
        assert!(home.socket().exists());
        daemon.signal(signal);
        assert_eq!(daemon.wait().code(), Some(0), "{signal}");
        assert!(!home.socket().exists(), "{signal}");
    }
}

#[test]
fn it_tells_its_service_manager_that_it_is_stopping() {
    let home = prepared();
    let daemon = home.start();
    daemon.signal(Signal::SIGTERM);
    assert!(daemon.notified("STOPPING=1"));
    assert!(daemon.wait().success());
}

/// The daemon is stopped while the request travels, so that request and SIGTERM are both there when
/// it goes on.
#[tokio::test]
async fn a_call_under_way_is_answered() {
    let home = prepared();
    let daemon = home.start();
    home.put("t", "the value");
    let mut rpc = Rpc::connect(&home.socket()).await;
    rpc.daemon_key().await;
    let envelope = Envelope::default();
    let request = LaunchRequest {
        service: "bar".to_owned(),
        public_key: envelope.public_key.clone(),
        request_id: envelope.request_id.clone(),
        ..LaunchRequest::default()
    };
    daemon.signal(Signal::SIGSTOP);
    let mut secrets = rpc.secrets.clone();
    let call = tokio::spawn(async move { secrets.launch(request).await });
    rpc.wire.until_sent(&envelope.request_id).await;
    daemon.signal(Signal::SIGTERM);
    daemon.signal(Signal::SIGCONT);
    let reply = call
        .await
        .expect("the call ends")
        .expect("it is answered")
        .into_inner();
    assert_eq!(envelope.open(&reply), [b"the value"]);
    assert!(daemon.wait().success());
}

#[tokio::test]
async fn callers_that_stay_do_not_hold_it_up() {
    let home = prepared();
    let daemon = home.start();
    let mut idle = Rpc::connect(&home.socket()).await;
    idle.daemon_key().await;
    let mut watching = Rpc::connect(&home.socket()).await;
    let events = watching
        .secrets
        .watch(WatchRequest::default())
        .await
        .expect("a stream");
    let silent = tokio::net::UnixStream::connect(home.socket())
        .await
        .expect("a connection");
    assert!(daemon.terminate().success());
    drop((events, silent));
}

#[test]
fn after_its_end_callers_are_told_that_it_does_not_run() {
    let home = prepared();
    let daemon = home.start();
    assert!(daemon.terminate().success());
    home.run(&["bar"]).refused(3, &["vaultd is not running"]);
}

#[test]
fn a_killed_daemon_has_lost_nothing_that_it_confirmed() {
    let home = prepared();
    let daemon = home.start();
    home.put("t", "confirmed");
    assert_eq!(daemon.kill().signal(), Some(Signal::SIGKILL as i32));
    let _daemon = home.start();
    let launched = home.run(&["bar"]);
    assert!(launched.success().contains("T=confirmed\n"), "{launched}");
}
