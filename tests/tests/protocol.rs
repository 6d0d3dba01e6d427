//! What the socket says to callers of another protocol, or of none.

use std::io::Write;
use std::os::unix::net::UnixStream;

use serde_json::json;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use vault_proto::generated::{
    HelloRequest, LaunchRequest, ResolveRequest, StatusRequest, WatchRequest,
};
use vault_proto::sealed::Purpose;
use vault_proto::{PROTOCOL, kinds};
use vault_tests::harness::Home;
use vault_tests::rpc::{Envelope, Rpc, kind_of};
use vault_tests::scan::{Scanner, marked_value};

fn prepared() -> Home {
    let home = Home::new();
    let content = json!({"secrets": {"T": "local://t"}, "target_command": ["env"]});
    home.write_service("bar", &content);
    home
}

fn launch(envelope: &Envelope) -> LaunchRequest {
    LaunchRequest {
        service: "bar".to_owned(),
        public_key: envelope.public_key.clone(),
        request_id: envelope.request_id.clone(),
        ..LaunchRequest::default()
    }
}

#[tokio::test]
async fn a_client_that_is_too_new_or_too_old_is_told_so_in_words() {
    let home = prepared();
    let _daemon = home.start();
    let mut rpc = Rpc::connect(&home.socket()).await;
    for (protocol, oldest_protocol, to_update) in [
        (PROTOCOL + 8, PROTOCOL + 7, "update vaultd"),
        (0, 0, "update the client"),
    ] {
        let hello = HelloRequest {
            protocol,
            oldest_protocol,
            client: "test/9".to_owned(),
        };
        let refusal = rpc
            .secrets
            .hello(hello)
            .await
            .expect_err("no protocol in common");
        assert_eq!(refusal.code(), Code::FailedPrecondition);
        assert_eq!(kind_of(&refusal), kinds::PROTOCOL);
        assert!(
            refusal.message().contains(to_update),
            "{}",
            refusal.message()
        );
    }
}

#[tokio::test]
async fn a_newer_client_that_speaks_the_old_protocol_is_served() {
    let home = prepared();
    let _daemon = home.start();
    let mut rpc = Rpc::connect(&home.socket()).await;
    let hello = HelloRequest {
        protocol: PROTOCOL + 8,
        oldest_protocol: PROTOCOL,
        client: "test/9".to_owned(),
    };
    let reply = rpc.secrets.hello(hello).await.expect("hello").into_inner();
    assert_eq!(reply.protocol, PROTOCOL);
    assert_eq!(reply.public_key.len(), 32);
}

#[tokio::test]
async fn garbage_on_the_socket_disturbs_nobody() {
    let home = prepared();
    let _daemon = home.start();
    home.put("t", "v");
    let mut noise = vec![0; 4096];
    getrandom::fill(&mut noise).expect("randomness");
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let endless = [&preface[..], &[0xff; 64]].concat();
    let mut connections = Vec::new();
    for bytes in [
        &noise[..],
        b"GET / HTTP/1.1\r\n\r\n",
        &endless,
        &preface[..5],
        b"",
    ] {
        let mut stream = UnixStream::connect(home.socket()).expect("a connection");
        // The daemon may close before it has read everything.
        let _ = stream.write_all(bytes);
        connections.push(stream);
    }
    home.run(&["bar"]).success();
    drop(connections);
    home.run(&["bar"]).success();
    assert_eq!(home.ctl(&["status"]).code, 0);
}

#[tokio::test]
async fn the_standard_health_service_says_that_it_serves() {
    let home = prepared();
    let _daemon = home.start();
    let rpc = Rpc::connect(&home.socket()).await;
    let mut health = HealthClient::new(rpc.channel);
    for service in ["", "vaultd.v1.Secrets", "vaultd.v1.Admin"] {
        let request = HealthCheckRequest {
            service: service.to_owned(),
        };
        let reply = health.check(request).await.expect("an answer").into_inner();
        assert_eq!(reply.status(), ServingStatus::Serving, "{service:?}");
    }
}

#[tokio::test]
async fn values_travel_sealed_in_both_directions() {
    let home = prepared();
    home.write_resolver("policy: {rules: [{allow: [all]}]}\n");
    let _daemon = home.start();
    let value = marked_value();
    let mut rpc = Rpc::connect(&home.socket()).await;
    let put = rpc.put_request("local://t", value.as_bytes()).await;
    rpc.admin.put(put).await.expect("it is stored");
    let envelope = Envelope::default();
    let reply = rpc
        .secrets
        .launch(launch(&envelope))
        .await
        .expect("a launch")
        .into_inner();
    assert_eq!(envelope.open(&reply), [value.as_bytes()]);
    let envelope = Envelope::default();
    let request = ResolveRequest {
        references: vec!["t".to_owned()],
        public_key: envelope.public_key.clone(),
        request_id: envelope.request_id.clone(),
    };
    let reply = rpc
        .secrets
        .resolve(request)
        .await
        .expect("a value")
        .into_inner();
    let sealed = reply.secrets.expect("sealed values");
    assert_eq!(
        envelope.open_values(Purpose::Resolve, &sealed),
        [value.as_bytes()]
    );
    let scanner = Scanner::new(value.as_bytes());
    let (sent, received) = (rpc.wire.sent(), rpc.wire.received());
    assert!(
        sent.windows(9).any(|part| part == b"local://t"),
        "the wire was looked at"
    );
    assert!(
        received.windows(9).any(|part| part == b"local://t"),
        "the wire was looked at"
    );
    assert_eq!(scanner.first_in("what was sent", &sent), None);
    assert_eq!(scanner.first_in("what was received", &received), None);
}

#[tokio::test]
async fn a_bare_name_and_its_reference_are_stored_as_one_secret() {
    let home = prepared();
    let _daemon = home.start();
    let mut rpc = Rpc::connect(&home.socket()).await;
    let mut put = rpc.put_request("local://t", b"v").await;
    put.reference = "t".to_owned();
    let reply = rpc.admin.put(put).await.expect("it is stored").into_inner();
    assert_eq!(
        (reply.reference.as_str(), reply.version.as_str()),
        ("local://t", "1")
    );
    let again = rpc.put_request("local://t", b"w").await;
    assert_eq!(
        rpc.admin
            .put(again)
            .await
            .expect("it is stored")
            .into_inner()
            .version,
        "2"
    );
}

#[tokio::test]
async fn a_request_without_a_usable_key_or_id_is_refused() {
    let home = prepared();
    let _daemon = home.start();
    home.put("t", "v");
    let mut rpc = Rpc::connect(&home.socket()).await;
    let good = launch(&Envelope::default());
    let short_id = LaunchRequest {
        request_id: vec![1; 15],
        ..good.clone()
    };
    let short_key = LaunchRequest {
        public_key: vec![1; 31],
        ..good.clone()
    };
    // A point of small order: whoever sends it could foretell the shared secret.
    let weak_key = LaunchRequest {
        public_key: vec![0; 32],
        ..good
    };
    for request in [short_id, short_key, weak_key] {
        let refusal = rpc.secrets.launch(request).await.expect_err("refused");
        assert_eq!(refusal.code(), Code::InvalidArgument, "{refusal}");
        assert_eq!(kind_of(&refusal), kinds::INVALID_REQUEST);
    }
    assert_eq!(
        home.audit_of("launch"),
        Vec::<serde_json::Value>::new(),
        "nothing was handed out"
    );
}

#[tokio::test]
async fn a_value_sealed_for_another_name_is_not_stored() {
    let home = prepared();
    let _daemon = home.start();
    let mut rpc = Rpc::connect(&home.socket()).await;
    let mut put = rpc.put_request("local://harmless", b"v").await;
    put.reference = "local://t".to_owned();
    let refusal = rpc.admin.put(put).await.expect_err("refused");
    assert_eq!(kind_of(&refusal), kinds::INVALID_REQUEST);
    assert!(!home.state("store.age").exists());
}

#[tokio::test]
async fn a_watcher_sees_names_and_states_and_no_values() {
    let home = prepared();
    let _daemon = home.start();
    let value = marked_value();
    let mut watching = Rpc::connect(&home.socket()).await;
    let events = watching
        .secrets
        .watch(WatchRequest::default())
        .await
        .expect("a stream");
    let mut events = events.into_inner();
    home.put("t", &value);
    home.run(&["bar"]).success();
    let event = events.message().await.expect("a stream").expect("an event");
    assert_eq!(event.reference, "local://t");
    let scanner = Scanner::new(value.as_bytes());
    assert_eq!(
        scanner.first_in("the stream", &watching.wire.received()),
        None
    );
}

#[tokio::test]
async fn a_connection_carries_many_calls() {
    let home = prepared();
    let _daemon = home.start();
    let mut rpc = Rpc::connect(&home.socket()).await;
    for _ in 0..20 {
        let status = rpc
            .admin
            .status(StatusRequest {})
            .await
            .expect("status")
            .into_inner();
        assert_eq!(status.services, 1, "{status:?}");
    }
}
