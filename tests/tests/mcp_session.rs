//! An MCP session through vault-run is the session that it would be without.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use rmcp::model::JsonObject;
use serde_json::{Value, json};
use vault_tests::harness::{Home, binaries};
use vault_tests::mcp::Session;

/// What a client's own environment adds.
const INHERITED: [(&str, &str); 2] = [("CLIENT_SETTING", "two words\nand a line"), ("EMPTY", "")];

fn prepared() -> Home {
    let home = Home::new();
    let server = &binaries().report_server;
    let service = json!({
        "secrets": {
            "REPORT_TOKEN": {"secret_name": "local://report-token"},
            "OTHER_TOKEN": "local://other-token",
        },
        "env_overrides": {"REPORT_URL": "http://localhost:1", "CLIENT_LEVEL": 3},
        "target_command": [server],
    });
    home.write_service("report", &service);
    home
}

fn put(home: &Home) {
    home.put("report-token", "first value");
    home.put("other-token", "second=value");
}

/// vault-run, as a client would start it.
fn launcher(home: &Home, more: &[(&str, &str)]) -> Command {
    let mut command = home.command(&binaries().vault_run);
    command
        .arg("report")
        .envs(INHERITED)
        .envs(more.iter().copied());
    command
}

/// The server alone, with the environment that it should get.
fn server_alone(home: &Home, environment: &BTreeMap<String, String>) -> Command {
    let mut command = Command::new(&binaries().report_server);
    command
        .env_clear()
        .envs(environment)
        .current_dir(home.path("home"));
    command
}

fn expected_environment(home: &Home) -> BTreeMap<String, String> {
    let text = |path: &Path| path.display().to_string();
    let base = home.command(Path::new("env"));
    let inherited = base
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_str()?.to_owned(), value?.to_str()?.to_owned())));
    let mut expected: BTreeMap<String, String> = inherited.collect();
    assert_eq!(
        expected["XDG_RUNTIME_DIR"],
        text(&home.runtime()),
        "the harness is as it says"
    );
    for (name, value) in INHERITED {
        expected.insert(name.to_owned(), value.to_owned());
    }
    for (name, value) in [
        ("REPORT_URL", "http://localhost:1"),
        ("CLIENT_LEVEL", "3"),
        ("REPORT_TOKEN", "first value"),
        ("OTHER_TOKEN", "second=value"),
    ] {
        expected.insert(name.to_owned(), value.to_owned());
    }
    expected
}

/// Everything of a session that does not depend on the process.
async fn transcript(session: &Session) -> (Value, Vec<Value>, Value, Value) {
    let mut message = JsonObject::new();
    message.insert("message".to_owned(), json!("grüß \"dich\"\n\u{1f980}"));
    let echoed = session.call("echo", message).await.expect("echo answers");
    let lacking = session.call("echo", JsonObject::new()).await;
    let lacking = lacking.map_err(|error| error.to_string());
    (
        session.server().expect("a server says who it is"),
        session.tools().await.expect("tools"),
        serde_json::to_value(echoed).expect("JSON"),
        serde_json::to_value(lacking).expect("JSON"),
    )
}

#[tokio::test]
async fn the_environment_is_what_is_inherited_and_settings_and_secrets_exactly() {
    let home = prepared();
    let _daemon = home.start();
    put(&home);
    let overridden = [
        ("CLIENT_LEVEL", "9"),
        ("REPORT_TOKEN", "inherited"),
        ("LD_DEBUG_OUTPUT", "x"),
    ];
    let session = Session::open(launcher(&home, &overridden))
        .await
        .expect("a session");
    let report = session.report().await.expect("a report");
    session.close().await.expect("an end");
    assert_eq!(report.variables, expected_environment(&home));
}

#[tokio::test]
async fn a_session_through_the_launcher_is_the_session_without_it() {
    let home = prepared();
    let _daemon = home.start();
    put(&home);
    let alone = server_alone(&home, &expected_environment(&home));
    let without = Session::open(alone).await.expect("a session");
    let with = Session::open(launcher(&home, &[]))
        .await
        .expect("a session");
    assert_eq!(transcript(&with).await, transcript(&without).await);
    let (with_report, without_report) = (
        with.report().await.expect("a report"),
        without.report().await.expect("a report"),
    );
    assert_eq!(with_report.variables, without_report.variables);
    assert_eq!(with_report.directory, without_report.directory);
    let names: Vec<Value> = with.tools().await.expect("tools");
    assert_eq!(names.len(), 2, "{names:?}");
    with.close().await.expect("an end");
    without.close().await.expect("an end");
}

#[test]
fn what_is_on_the_wire_is_the_same_byte_for_byte() {
    let home = prepared();
    let _daemon = home.start();
    put(&home);
    let requests = [
        json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "bytes", "version": "1"},
        }}),
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list"}),
    ];
    let lines = requests.each_ref().map(ToString::to_string);
    let input = lines.join("\n") + "\n";
    let alone = server_alone(&home, &expected_environment(&home));
    let without = home.finish(alone, input.as_bytes());
    let with = home.finish(launcher(&home, &[]), input.as_bytes());
    assert_eq!(
        without.success().lines().count(),
        2,
        "two requests, two replies: {without}"
    );
    assert_eq!((with.code, &with.stdout), (without.code, &without.stdout));
    assert_eq!(with.stderr, without.stderr);
}

#[tokio::test]
async fn the_launcher_becomes_the_server() {
    let home = prepared();
    let _daemon = home.start();
    put(&home);
    let session = Session::open(launcher(&home, &[]))
        .await
        .expect("a session");
    let report = session.report().await.expect("a report");
    assert_eq!(report.pid, session.pid, "the same process");
    assert_eq!(
        report.directory,
        home.path("home").display().to_string(),
        "the same directory"
    );
    session.close().await.expect("an end");
}

#[tokio::test]
async fn a_client_whose_server_cannot_start_is_told_so_in_its_protocol() {
    let home = prepared();
    let _daemon = home.start();
    let error = Session::open(launcher(&home, &[]))
        .await
        .err()
        .expect("no session");
    let words = format!("{error:#}");
    assert!(
        words.contains("other-token") && words.contains("no such secret"),
        "{words}"
    );
}
