//! `cargo demo`: the main job, done and told in a temporary home.
//!
//! Nothing outside that home is touched, and the value is shown nowhere: its length is, and whether
//! what the server got is what was stored.
#![forbid(unsafe_code)]

use std::process::{Command, ExitCode};

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::{Value, json};
use vault_tests::harness::{Home, Outcome, binaries, binaries_with_progress};
use vault_tests::mcp::{Report, Session};
use vault_tests::scan::{Scanner, marked_value};

const VARIABLE: &str = "DEMO_TOKEN";

fn main() -> ExitCode {
    say(
        "Building vaultd, vault-run, vaultctl and the bundled MCP server: the first time takes minutes.",
    );
    binaries_with_progress();
    // The harness panics where a program does not do what it must, and has said so.
    let told = std::panic::catch_unwind(tell).unwrap_or_else(|_| Err(anyhow!("see above")));
    match told {
        Ok(()) => {
            say("\nAll is as it should be. The temporary home is removed.");
            ExitCode::SUCCESS
        }
        Err(error) => {
            say(&format!("\nSomething is off: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn tell() -> Result<()> {
    let home = Home::new();
    let value = marked_value();
    say(&format!("A temporary home: {}", home.root().display()));
    let service = json!({
        "secrets": {VARIABLE: {"secret_name": "local://demo-token"}},
        "target_command": [&binaries().report_server],
    });
    home.write_service("demo", &service);
    say(&format!(
        "\n1. A service, in ~/.config/vaultd/configs/demo.json:\n   {service}"
    ));

    let daemon = home.start();
    say(&format!(
        "\n2. The daemon:\n   $ vaultd &\n   process {}, ready",
        daemon.pid()
    ));

    say("\n3. A secret, in the encrypted store:");
    say("   $ generate-a-token | vaultctl put demo-token");
    show(&home.ctl_with_input(&["put", "demo-token"], value.as_bytes()))?;

    say("\n4. What a launch would give:\n   $ vault-run --test demo");
    show(&home.run(&["--test", "demo"]))?;

    say("\n5. A real MCP session, as any client would open it:");
    say("   {\"command\": \"vault-run\", \"args\": [\"demo\"]}");
    let mut launcher = home.command(&binaries().vault_run);
    launcher.arg("demo");
    check_session(launcher, &value)?;

    say("\n6. The daemon's record of it, in ~/.local/state/vaultd/audit.jsonl:");
    let record = home
        .audit_of("launch")
        .pop()
        .context("the launch is not in the record")?;
    say(&format!("   {}", shortened(&record)));
    ensure!(
        record["outcome"] == "allowed",
        "the record does not say that it was allowed"
    );

    say("\n7. The daemon's state:\n   $ vaultctl status");
    show(&home.ctl(&["status"]))?;

    check_files(&home, &value)?;
    ensure!(daemon.terminate().success(), "vaultd did not end well");
    say("\n9. vaultd was told to end, wiped what it held, and ended with 0.");
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn check_session(launcher: Command, value: &str) -> Result<()> {
    let session = Session::open(launcher).await?;
    let tools = session.tools().await?;
    let names: Vec<&str> = tools
        .iter()
        .filter_map(|tool| tool["name"].as_str())
        .collect();
    say(&format!(
        "   connected; the server's tools: {}",
        names.join(", ")
    ));
    let report = session.report().await?;
    let pid = session.pid;
    session.close().await?;
    say("   the tool report_environment says:");
    describe(&report, value)?;
    ensure!(
        report.pid == pid,
        "the server is not the process that the client started"
    );
    say(&format!(
        "   process {pid}, the one the client started: vault-run became the server"
    ));
    Ok(())
}

fn describe(report: &Report, value: &str) -> Result<()> {
    let got = report
        .variables
        .get(VARIABLE)
        .with_context(|| format!("no {VARIABLE}"))?;
    let verdict = if got == value {
        "is what was stored"
    } else {
        "IS NOT what was stored"
    };
    say(&format!(
        "   {VARIABLE} is set, {} bytes, and {verdict}",
        got.len()
    ));
    let others: Vec<&str> = report
        .variables
        .keys()
        .map(String::as_str)
        .filter(|name| *name != VARIABLE)
        .collect();
    say(&format!(
        "   beside it only what the client gave: {}",
        others.join(", ")
    ));
    ensure!(got == value, "the server got another value");
    Ok(())
}

fn check_files(home: &Home, value: &str) -> Result<()> {
    say("\n8. Where is the value now?");
    let scanner = Scanner::new(value.as_bytes());
    let leaks = scanner.in_files(home.root());
    ensure!(leaks.is_empty(), "the value is in a file: {leaks:?}");
    say(
        "   in no file of that home, not raw, not in base64, not in hex; only in the encrypted store",
    );
    Ok(())
}

/// Shows what a program said, indented, and stops where it failed.
fn show(outcome: &Outcome) -> Result<()> {
    for line in outcome.stdout.lines().chain(outcome.stderr.lines()) {
        say(&format!("   {line}"));
    }
    ensure!(outcome.code == 0, "it ended with {}", outcome.code);
    Ok(())
}

/// The fields of a record that tell the story.
fn shortened(record: &Value) -> Value {
    let told = ["event", "outcome", "rule", "service", "values", "peer"];
    told.iter()
        .map(|key| ((*key).to_owned(), record[*key].clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[expect(clippy::print_stdout, reason = "telling is this program's purpose")]
fn say(text: &str) {
    println!("{text}");
}
