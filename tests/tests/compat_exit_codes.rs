//! The programs end as people's scripts expect of the predecessor.
//!
//! The cases name a situation in words; each is brought about with the real programs. A situation
//! that nobody here can bring about is a failure, and no case is left out.

use std::io::Read;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use vault_tests::harness::{Home, Outcome, binaries};

/// The cases of this project, or those of another file of the same form.
fn cases(kind: &str) -> Vec<Value> {
    let path = std::env::var_os("COMPAT_CASES").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("cases/compat-cases.json"),
        PathBuf::from,
    );
    let text = std::fs::read_to_string(&path).expect("the cases are there");
    let document: Value = serde_json::from_str(&text).expect("the cases are JSON");
    let all = document["cases"].as_array().expect("a list of cases");
    let chosen = all.iter().filter(|case| case["kind"] == kind);
    let chosen: Vec<Value> = chosen.cloned().collect();
    assert!(!chosen.is_empty(), "no case of kind {kind}");
    chosen
}

#[test]
fn compat_proxy_exit_code() {
    let cases = cases("proxy_exit_code");
    println!("{} cases of kind proxy_exit_code", cases.len());
    for case in cases {
        let situation = case["input"]["situation"].as_str().expect("a situation");
        for outcome in brought_about(situation) {
            let expected = &case["expected"]["exit"];
            assert_eq!(outcome.code, *expected, "{}: {outcome}", case["id"]);
        }
    }
}

/// What the programs whose business it is did: one, or the daemon and the launcher.
fn brought_about(situation: &str) -> Vec<Outcome> {
    let says = |words: &[&str]| words.iter().all(|word| situation.contains(word));
    let server = |script: &str| launched(&json!({ "target_command": ["sh", "-c", script] }));
    if says(&["exits"]) {
        let code = situation.split_whitespace().last().expect("a code");
        return vec![server(&format!("exit {code}"))];
    }
    if says(&["SIGINT", "resolving"]) {
        return vec![interrupted_while_it_asks()];
    }
    if says(&["SIGINT"]) {
        return vec![server("kill -INT $$")];
    }
    if says(&["command", "not found"]) {
        return vec![launched(&json!({ "target_command": ["no-such-program"] }))];
    }
    if says(&["not executable"]) || says(&["ermission"]) {
        return vec![launched(&json!({ "target_command": ["/etc/passwd"] }))];
    }
    if says(&["unknown service"]) {
        return vec![asked(&["--service", "nobody"])];
    }
    if says(&["unknown flag"]) {
        return vec![asked(&["--service", "bar", "--nonsense"])];
    }
    if says(&["--service"]) {
        return vec![asked(&["--verbose"])];
    }
    if says(&["--config", "missing file"]) {
        let to_the_daemon = Home::new().start_refused_with(|command| {
            command.args(["--config", "/nonexistent/resolver.yaml"]);
        });
        let arguments = ["--config", "/nonexistent/resolver.yaml", "--service", "bar"];
        return vec![to_the_daemon, asked(&arguments)];
    }
    if says(&["not YAML"]) {
        let home = Home::new();
        home.write_resolver("secrets: [\n");
        return vec![home.start_refused()];
    }
    if says(&["not", "running"]) {
        return vec![Home::new().run(&["--service", "bar"])];
    }
    if says(&["config", "empty"]) {
        let home = Home::new();
        home.write_resolver("");
        return vec![home.start_refused()];
    }
    if says(&["optional"]) {
        let secret = json!({ "secret_name": "local://never-stored", "required": false });
        return vec![launched(
            &json!({ "secrets": { "BAR_TOKEN": secret }, "target_command": ["true"] }),
        )];
    }
    if says(&["OCI"]) || says(&["auth"]) || says(&["resolver"]) {
        let secrets = json!({ "BAR_TOKEN": "oci-vault://container/name" });
        return vec![launched(
            &json!({ "secrets": secrets, "target_command": ["true"] }),
        )];
    }
    if says(&["secret"]) {
        let secrets = json!({ "BAR_TOKEN": "local://never-stored" });
        return vec![launched(
            &json!({ "secrets": secrets, "target_command": ["true"] }),
        )];
    }
    panic!("nobody here can bring this about: {situation}")
}

/// The launcher with these arguments, before a daemon with the service `bar`.
fn asked(arguments: &[&str]) -> Outcome {
    let home = Home::new();
    home.write_service("bar", &json!({ "target_command": ["true"] }));
    let _daemon = home.start();
    home.run(arguments)
}

/// The launcher for a service of this content.
fn launched(service: &Value) -> Outcome {
    let home = Home::new();
    home.write_service("bar", service);
    let _daemon = home.start();
    finished(&home, |_| ())
}

/// The launcher, interrupted as soon as it has asked a daemon that does not answer.
fn interrupted_while_it_asks() -> Outcome {
    let home = Home::new();
    let directory = home.runtime().join("vaultd");
    let made = std::fs::DirBuilder::new().mode(0o700).create(directory);
    made.expect("a directory");
    let listener = UnixListener::bind(home.socket()).expect("a socket");
    finished(&home, |pid| {
        let (mut caller, _) = listener.accept().expect("a caller");
        let asked = caller.read(&mut [0; 1]).expect("a question");
        assert_eq!(asked, 1);
        kill(pid, Signal::SIGINT).expect("the process is ours");
        caller
    })
}

/// Runs the launcher with the action of SIGINT as it is for programs that nobody has put into the
/// background.
fn finished<T>(home: &Home, meanwhile: impl FnOnce(Pid) -> T) -> Outcome {
    let mut command = home.command(Path::new("/usr/bin/env"));
    let launcher = &binaries().vault_run;
    command.arg("--default-signal=INT").arg(launcher);
    command.args(["--service", "bar"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let line = format!("{command:?}");
    let child = command.spawn().expect("env of coreutils");
    let pid = i32::try_from(child.id()).expect("process ids are small");
    let _kept = meanwhile(Pid::from_raw(pid));
    Outcome::new(line, child.wait_with_output().expect("an end"))
}
