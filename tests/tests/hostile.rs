//! What one process of the user's own cannot do to the daemon and to its other callers.

use serde_json::json;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use vault_proto::generated::{RefreshRequest, ResolveRequest, WatchRequest};
use vault_proto::kinds;
use vault_tests::harness::{Daemon, Home};
use vault_tests::rpc::{Envelope, Rpc, kind_of};
use vault_tests::rude::Rude;

/// How far one process may make the daemon grow, in KiB.
const GROWTH: u64 = 8 * 1024;
/// Connections of one process.
const CONNECTIONS: usize = 8;

fn prepared() -> Home {
    let home = Home::new();
    let content = json!({"secrets": {"T": "local://t"}, "target_command": ["env"]});
    home.write_service("bar", &content);
    home
}

/// A number of `/proc/PID/status`.
fn status_of(daemon: &Daemon, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.pid()));
    let status = status.expect("the process is there");
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let number = line.and_then(|line| line.trim_start_matches(':').split_whitespace().next());
    number.and_then(|number| number.parse().ok()).expect(field)
}

fn resolve(references: Vec<String>) -> ResolveRequest {
    let envelope = Envelope::default();
    ResolveRequest {
        references,
        public_key: envelope.public_key,
        request_id: envelope.request_id,
    }
}

#[tokio::test]
async fn one_process_may_have_four_watches_at_once() {
    let home = prepared();
    let _daemon = home.start();
    let mut watching = Vec::new();
    for _ in 0..4 {
        let mut rpc = Rpc::connect(&home.socket()).await;
        let events = rpc.secrets.watch(WatchRequest::default()).await;
        watching.push(events.expect("a seat"));
    }
    let mut rpc = Rpc::connect(&home.socket()).await;
    let refusal = rpc.secrets.watch(WatchRequest::default()).await;
    let refusal = refusal.expect_err("no seat");
    assert_eq!(refusal.code(), Code::ResourceExhausted);
    assert_eq!(kind_of(&refusal), kinds::UNAVAILABLE);
}

#[tokio::test]
async fn a_question_after_health_is_short() {
    let home = prepared();
    let _daemon = home.start();
    let mut health = HealthClient::new(Rpc::connect(&home.socket()).await.channel);
    for (length, code) in [(900, Code::NotFound), (2000, Code::OutOfRange)] {
        let service = "x".repeat(length);
        let refusal = health.check(HealthCheckRequest { service }).await;
        assert_eq!(refusal.expect_err("no such service").code(), code);
    }
}

#[tokio::test]
async fn what_no_backend_can_be_asked_pushes_no_value_out_of_the_cache() {
    let home = prepared();
    home.write_resolver("policy: {rules: [{allow: [all]}]}\n");
    let _daemon = home.start();
    home.put("t", "v");
    home.run(&["bar"]).success();
    let before = home.local_calls();
    let mut rpc = Rpc::connect(&home.socket()).await;
    for part in 0..8 {
        let name = |number| format!("oci-vault://{part}-{number}");
        let refusal = rpc.secrets.resolve(resolve((0..256).map(name).collect()));
        assert_eq!(
            kind_of(&refusal.await.expect_err("in no compartment")),
            "no_container"
        );
    }
    home.run(&["bar"]).success();
    assert_eq!(home.local_calls(), before, "the value is still held");
}

#[tokio::test]
async fn a_refusal_is_one_short_line_however_much_was_asked_for() {
    let home = prepared();
    let _daemon = home.start();
    let mut rpc = Rpc::connect(&home.socket()).await;
    let references = (0..256).map(|number| format!("local://n{number}"));
    let refusal = rpc.secrets.resolve(resolve(references.collect())).await;
    assert_eq!(kind_of(&refusal.expect_err("denied")), kinds::DENIED);
    let long = format!("oci-vault://{}", "x".repeat(8000));
    let refusal = rpc.secrets.resolve(resolve(vec![long])).await;
    let refusal = refusal.expect_err("too long");
    assert_eq!(kind_of(&refusal), kinds::INVALID_REFERENCE);
    assert!(!refusal.message().contains("xx"), "{refusal}");
    let records = home.audit_of("get");
    let [record] = records.as_slice() else {
        panic!("one record: {records:?}")
    };
    let values = record["values"].as_array().expect("values");
    assert_eq!(values.len(), 1, "the one that was denied");
    assert_eq!(values[0]["reference"], "local://n0");
}

#[tokio::test]
async fn replies_that_are_not_fetched_do_not_fill_the_daemon() {
    let home = prepared();
    home.write_resolver("policy: {rules: [{allow: [all]}]}\n");
    let daemon = home.start();
    home.put("t", vec![b'x'; 60 * 1024]);
    home.run(&["bar", "--", "true"]).success();
    let before = status_of(&daemon, "VmRSS");
    let request = resolve(vec!["t".to_owned(); 6]);
    let mut unread = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut rude = Rude::connect(&home.socket()).await;
        for _ in 0..rude.calls_at_once() {
            rude.ask("vaultd.v1.Secrets/Resolve", &request).await;
        }
        unread.push(rude);
    }
    let grown = status_of(&daemon, "VmRSS").saturating_sub(before);
    assert!(grown <= GROWTH, "{grown} KiB");
    home.run(&["bar", "--", "true"]).success();
}

#[tokio::test]
async fn requests_that_do_not_come_to_an_end_do_not_fill_the_daemon() {
    let home = prepared();
    let daemon = home.start();
    home.put("t", "v");
    home.run(&["bar"]).success();
    let before = status_of(&daemon, "VmRSS");
    let (most, part) = (128 * 1024, vec![1; 120 * 1024]);
    let mut unfinished = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut rude = Rude::connect(&home.socket()).await;
        let announced = CONNECTIONS * rude.calls_at_once() * most / 1024;
        assert!(announced as u64 <= GROWTH / 2, "{announced} KiB");
        for _ in 0..rude.calls_at_once() {
            rude.begin("vaultd.v1.Admin/Put", most, &part).await;
        }
        unfinished.push(rude);
    }
    home.run(&["bar"]).success();
    let grown = status_of(&daemon, "VmRSS").saturating_sub(before);
    assert!(grown <= GROWTH / 2, "{grown} KiB");
}

#[tokio::test]
async fn more_than_a_reply_can_hold_is_refused() {
    let home = prepared();
    home.write_resolver("policy: {rules: [{allow: [all]}]}\n");
    let _daemon = home.start();
    home.put("t", vec![b'x'; 60 * 1024]);
    let mut rpc = Rpc::connect(&home.socket()).await;
    let many = resolve(vec!["t".to_owned(); 256]);
    let refusal = rpc.secrets.resolve(many).await.expect_err("too much");
    assert_eq!(kind_of(&refusal), kinds::VALUES_TOO_LARGE);
    assert!(refusal.message().contains("fewer at once"), "{refusal}");
    let record = home.audit_of("get").pop().expect("a record");
    assert_eq!(record["outcome"], "failed");
    assert_eq!(record["values"][0]["state"], "withheld");
    let few = resolve(vec!["t".to_owned(); 6]);
    rpc.secrets.resolve(few).await.expect("six values");
}

#[tokio::test]
async fn made_up_names_are_not_fetched_to_take_the_place_of_what_is_in_use() {
    let home = prepared();
    let daemon = home.start();
    for name in ["t", "unused"] {
        home.put(name, "v");
    }
    let before = home.local_calls();
    let mut rpc = Rpc::connect(&home.socket()).await;
    let mut refresh = async |reference: &str| {
        let reference = reference.to_owned();
        let reply = rpc.admin.refresh(RefreshRequest { reference }).await;
        let mut secrets = reply.expect("a reply").into_inner().secrets;
        secrets.pop().expect("one secret").problem
    };
    for name in ["local://made-up", "local://unused", "local://t?version=1"] {
        let problem = refresh(name).await;
        assert!(problem.contains("no service uses it"), "{name}: {problem}");
    }
    assert_eq!(home.local_calls(), before);
    assert_eq!(refresh("local://t").await, "", "a service uses it");
    home.write_resolver(
        "policy: {rules: [{allow: [default]}, {allow: [get], references: ['local://unused']}]}\n",
    );
    daemon.reload();
    assert_eq!(refresh("local://unused").await, "", "it may be read");
}
