//! A value is nowhere that it must not be, after every call and every error, at the loudest log.

use std::fmt::Write;

use serde_json::json;
use tonic::{IntoRequest, Status};
use vault_proto::generated as message;
use vault_proto::sealed::Purpose;
use vault_tests::harness::{Daemon, Home, binaries};
use vault_tests::rpc::{Envelope, Rpc};
use vault_tests::scan::{Scanner, marked_value};

const POLICY: &str =
    "policy: {rules: [{deny: [get], references: ['local://denied']}, {allow: [all]}]}\n";

fn prepared() -> Home {
    let home = Home::new();
    home.write_resolver(POLICY);
    let service = |secrets| json!({"secrets": secrets, "target_command": ["sh", "-c", "exit 0"]});
    home.write_service(
        "bar",
        &service(json!({"T": "local://t", "SHORT": "local://short"})),
    );
    home.write_service("nul", &service(json!({"T": "local://nul"})));
    home.write_service(
        "both",
        &service(json!({"T": "local://t", "U": "local://absent"})),
    );
    home.write_service(
        "gone",
        &json!({"secrets": {"T": "local://t"}, "target_command": ["/no"]}),
    );
    home
}

fn start(home: &Home) -> Daemon<'_> {
    home.start_with(|command| {
        command.env("VAULTD_LOG", "trace");
    })
}

/// What `Debug` prints of replies, for the scanner: somebody will log one some day.
#[derive(Default)]
struct Printed(String);

impl Printed {
    fn keep<T: std::fmt::Debug>(&mut self, reply: Result<T, Status>) {
        // Writing to a String does not fail.
        let _ = write!(self.0, "{reply:?}\n{reply:#?}\n");
    }
}

async fn call_every_rpc_of_secrets(rpc: &mut Rpc, printed: &mut Printed) {
    rpc.daemon_key().await;
    for service in ["bar", "nul", "both", "gone", "unknown"] {
        let envelope = Envelope::default();
        let launch = message::LaunchRequest {
            service: service.to_owned(),
            public_key: envelope.public_key.clone(),
            request_id: envelope.request_id.clone(),
            ..message::LaunchRequest::default()
        };
        let reply = rpc.secrets.launch(launch).await;
        if let Ok(reply) = &reply {
            assert_eq!(envelope.open(reply.get_ref()).len(), 2);
        }
        printed.keep(reply);
        let check = message::CheckRequest {
            service: service.to_owned(),
            ..message::CheckRequest::default()
        };
        printed.keep(rpc.secrets.check(check).await);
    }
    for reference in ["t", "nul", "denied", "absent", "..", "oci-vault://x/y"] {
        let envelope = Envelope::default();
        let resolve = message::ResolveRequest {
            references: vec![reference.to_owned()],
            public_key: envelope.public_key.clone(),
            request_id: envelope.request_id.clone(),
        };
        let reply = rpc.secrets.resolve(resolve).await;
        if let Ok(reply) = &reply {
            let sealed = reply.get_ref().secrets.as_ref().expect("sealed values");
            assert_eq!(envelope.open_values(Purpose::Resolve, sealed).len(), 1);
        }
        printed.keep(reply);
    }
    printed.keep(
        rpc.secrets
            .watch(message::WatchRequest::default().into_request())
            .await,
    );
}

async fn call_every_rpc_of_admin(rpc: &mut Rpc, printed: &mut Printed) {
    let t = || "local://t".to_owned();
    printed.keep(rpc.admin.status(message::StatusRequest {}).await);
    printed.keep(rpc.admin.list(message::ListRequest {}).await);
    printed.keep(rpc.admin.why(message::WhyRequest { reference: t() }).await);
    printed.keep(rpc.admin.metrics(message::MetricsRequest {}).await);
    printed.keep(
        rpc.admin
            .refresh(message::RefreshRequest { reference: t() })
            .await,
    );
    printed.keep(rpc.admin.refresh(message::RefreshRequest::default()).await);
    printed.keep(
        rpc.admin
            .reset_breaker(message::ResetBreakerRequest::default())
            .await,
    );
    printed.keep(rpc.admin.reload(message::ReloadRequest {}).await);
    printed.keep(
        rpc.admin
            .versions(message::VersionsRequest { reference: t() })
            .await,
    );
    let promote = |version: &str| message::PromoteRequest {
        reference: t(),
        version: version.to_owned(),
    };
    printed.keep(rpc.admin.promote(promote("1")).await);
    printed.keep(rpc.admin.promote(promote("77")).await);
    let question = message::TestPolicyRequest {
        action: "get".to_owned(),
        service: String::new(),
        reference: t(),
    };
    printed.keep(rpc.admin.test_policy(question).await);
    printed.keep(
        rpc.admin
            .flush(message::FlushRequest { reference: t() })
            .await,
    );
    printed.keep(rpc.admin.flush(message::FlushRequest::default()).await);
    let delete = |name: &str| message::DeleteRequest {
        reference: name.to_owned(),
        even_if_used: true,
    };
    printed.keep(rpc.admin.delete(delete("short")).await);
    printed.keep(rpc.admin.delete(delete("absent")).await);
}

/// Good and bad ways to store the value.
async fn put_in_every_way(rpc: &mut Rpc, printed: &mut Printed, value: &str) {
    let nul = format!("{value}\0{value}");
    for (reference, content) in [
        ("local://t", value),
        ("local://t", value),
        ("local://short", "s"),
        ("local://denied", value),
        ("local://nul", &nul),
        ("local://..", value),
        ("oci-vault://x/y", value),
    ] {
        let put = rpc.put_request(reference, content.as_bytes()).await;
        printed.keep(Ok(put.clone()));
        printed.keep(rpc.admin.put(put).await);
    }
    let mut altered = rpc.put_request("local://t", value.as_bytes()).await;
    altered.ciphertext[3] ^= 1;
    printed.keep(rpc.admin.put(altered).await);
    let long = value.repeat(2_000);
    let put = rpc.put_request("local://t", long.as_bytes()).await;
    printed.keep(rpc.admin.put(put).await);
    let longer = value.repeat(20_000);
    let put = rpc.put_request("local://t", longer.as_bytes()).await;
    printed.keep(rpc.admin.put(put).await);
}

/// The programs' own ways, with the value where it belongs and where it does not.
fn run_every_program(home: &Home, value: &str) {
    let bytes = value.as_bytes();
    home.put("t", value);
    home.put("short", "s");
    home.ctl_with_input(&["put", "a..b"], bytes);
    home.ctl_with_input(&["put", "--json", "t"], bytes);
    for arguments in [
        &["status"][..],
        &["status", "--json"],
        &["list"],
        &["services"],
        &["metrics"],
        &["get", "denied"],
        &["refresh"],
        &["reload"],
        &["put", value, value],
        &[value],
    ] {
        home.ctl(arguments);
    }
    for arguments in [
        &["bar"][..],
        &["-v", "bar"],
        &["--test", "bar"],
        &["nul"],
        &["--test", "nul"],
        &["both"],
        &["gone"],
        &["unknown"],
        &["bar", value],
        &["bar", "--", "/no"],
    ] {
        home.run(arguments);
    }
}

#[track_caller]
fn nothing_leaked(home: &Home, scanner: &Scanner, printed: &Printed) {
    assert_eq!(scanner.in_files(home.root()), []);
    assert_eq!(
        scanner.first_in("standard error", home.said().as_bytes()),
        None
    );
    assert_eq!(scanner.first_in("Debug", printed.0.as_bytes()), None);
}

#[tokio::test]
async fn a_value_is_nowhere_after_every_call_and_every_error() {
    let home = prepared();
    let daemon = start(&home);
    let value = marked_value();
    let scanner = Scanner::new(value.as_bytes());
    let mut printed = Printed::default();
    let mut rpc = Rpc::connect(&home.socket()).await;
    put_in_every_way(&mut rpc, &mut printed, &value).await;
    let mut rpc = Rpc::connect(&home.socket()).await;
    call_every_rpc_of_secrets(&mut rpc, &mut printed).await;
    call_every_rpc_of_admin(&mut rpc, &mut printed).await;
    nothing_leaked(&home, &scanner, &printed);
    run_every_program(&home, &value);
    nothing_leaked(&home, &scanner, &printed);
    std::fs::write(home.state("store.age"), "no store").expect("a damaged store");
    home.ctl(&["flush"]);
    run_errors_of_a_store(&home, &value);
    nothing_leaked(&home, &scanner, &printed);
    let log = daemon.log();
    assert!(
        log.contains("TRACE") && log.contains("DEBUG"),
        "the log is at its loudest"
    );
    assert!(!home.audit().is_empty(), "the record was looked at");
    assert!(daemon.terminate().success());
    nothing_leaked(&home, &scanner, &printed);
}

fn run_errors_of_a_store(home: &Home, value: &str) {
    home.run(&["bar"]).refused(3, &["store.age"]);
    home.run(&["--test", "bar"]);
    home.ctl_with_input(&["put", "t"], value.as_bytes())
        .refused(3, &["store.age"]);
    home.ctl(&["list"]);
    home.ctl(&["status"]);
    home.ctl(&["refresh"]);
}

#[test]
fn a_value_is_in_no_command_line_and_no_environment_of_the_daemon() {
    let home = prepared();
    let daemon = start(&home);
    let value = marked_value();
    home.put("t", &value);
    home.put("short", "s");
    home.run(&["bar"]).success();
    let scanner = Scanner::new(value.as_bytes());
    for file in ["cmdline", "environ"] {
        let path = format!("/proc/{}/{file}", daemon.pid());
        match std::fs::read(&path) {
            Ok(bytes) => assert_eq!(scanner.first_in(&path, &bytes), None),
            Err(error) => println!("skipped: {path} cannot be read ({error}): root alone may"),
        }
    }
}

#[test]
fn a_value_in_a_configuration_file_is_not_repeated() {
    let value = marked_value();
    let scanner = Scanner::new(value.as_bytes());
    let in_yaml = [
        format!("secrets:\n  T: local://{value}/x\ntarget_command: [env]\n"),
        format!("secrets:\n  T: [{value}]\ntarget_command: [env]\n"),
        format!(
            "secrets:\n  T: {{secret_name: local://t, version: {value}}}\ntarget_command: [env]\n"
        ),
        format!(
            "secrets:\n  T: {{required: {value}, secret_name: local://t}}\ntarget_command: [env]\n"
        ),
        format!("secrets:\n  T: \"{value}\n"),
        format!("{value}: [\n"),
        format!("target_command: \"'{value}\"\n"),
        format!("cwd: {value}\ntarget_command: [env]\n"),
        format!("secrets: {value}\ntarget_command: [env]\n"),
        value.clone(),
    ];
    for text in &in_yaml {
        let home = Home::new();
        home.write_service_file("bar.yaml", text);
        let daemon = home.start_with(|command| {
            command.env("VAULTD_LOG", "trace");
        });
        let refusal = home.run(&["bar"]);
        assert_eq!(refusal.code, 2, "{refusal}");
        for (place, said) in [
            ("standard error", refusal.stderr.as_str()),
            ("log", &daemon.log()),
            ("services", &home.ctl(&["services"]).stdout),
            ("explain-config", &home.ctl(&["explain-config"]).stdout),
            ("status", &home.ctl(&["status"]).stdout),
        ] {
            assert_eq!(
                scanner.first_in(place, said.as_bytes()),
                None,
                "{text}: {said}"
            );
        }
    }
}

/// The control: were a value in one of those places, it would be found there.
#[test]
fn planted_values_are_found_in_each_place() {
    let home = prepared();
    let mut daemon = start(&home);
    let value = marked_value();
    let scanner = Scanner::new(value.as_bytes());
    let leaky = json!({"target_command": ["sh", "-c", "printf %s \"$LEAK\" >&2"]});
    home.write_service("leaky", &leaky);
    daemon.reload();
    let mut command = home.command(&binaries().vault_run);
    command.arg("leaky").env("LEAK", &value);
    home.finish(command, b"").success();
    assert!(
        scanner
            .first_in("standard error", home.said().as_bytes())
            .is_some()
    );
    std::fs::write(home.state("forgotten"), &value).expect("a file");
    assert_eq!(scanner.in_files(home.root()).len(), 1);
    assert!(daemon.terminate().success());
    daemon = home.start_with(|command| {
        command.env("LEAK", &value);
    });
    if let Ok(environ) = std::fs::read(format!("/proc/{}/environ", daemon.pid())) {
        assert!(scanner.first_in("environ", &environ).is_some());
    }
}
