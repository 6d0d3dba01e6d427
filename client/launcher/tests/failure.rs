//! What vault-run says and ends with when there will be no server.

#[path = "../../lib/tests/fake/daemon.rs"]
mod fake;
#[path = "support/programs.rs"]
mod programs;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::process::{Output, Stdio};

use fake::{Fake, Plan};
use programs::{VAULT_RUN, run, stderr, stdout};
use vault_proto::kinds;

const NOBODY: u32 = 65534;
const VALUE: &str = "hunter2-hunter2";

/// Nothing on standard output, one to three lines on standard error, each with the program's name,
/// and no value anywhere.
fn assert_failed(output: &Output, code: i32, words: &str) {
    let text = stderr(output);
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert_eq!(stdout(output), "");
    assert!(text.contains(words), "{words:?} in {text}");
    assert!((1..=3).contains(&text.lines().count()), "{text}");
    assert!(
        text.lines().all(|line| line.starts_with("vault-run: ")),
        "{text}"
    );
    assert!(!text.contains(VALUE), "{text}");
}

#[test]
fn each_refusal_of_the_daemon_has_its_exit_code_and_its_words() {
    for (kind, code) in [
        (kinds::UNKNOWN_SERVICE, 2),
        (kinds::UNKNOWN_ENVIRONMENT, 2),
        (kinds::CONFIGURATION, 2),
        (kinds::COMMAND_NOT_FOUND, 127),
        (kinds::COMMAND_NOT_EXECUTABLE, 126),
        (kinds::DENIED, 3),
        (kinds::NOT_FOUND, 3),
        (kinds::UNAVAILABLE, 3),
        (kinds::INTERNAL, 3),
    ] {
        let fake = Fake::start(Plan::refusing(kind, "no such thing\nadd it\nso\nor so"));
        assert_failed(&run(&fake, &["git"]), code, "git: no such thing");
    }
}

#[test]
fn a_daemon_that_does_not_run_is_said_with_how_to_start_it() {
    let fake = Fake::absent();
    let output = run(&fake, &["git"]);
    assert_failed(&output, 3, "systemctl --user start vaultd.socket");
    assert!(stderr(&output).contains(fake.socket().to_str().unwrap()));
}

#[test]
fn a_runtime_directory_that_is_not_used_is_said() {
    let fake = Fake::start(Plan::script("echo started"));
    let runtime = fake.socket().ancestors().nth(2).unwrap().to_owned();
    std::fs::set_permissions(&runtime, std::fs::Permissions::from_mode(0o755)).unwrap();
    let uid = nix::unistd::geteuid();
    if std::path::Path::new(&format!("/run/user/{uid}/vaultd")).exists() {
        eprintln!("not shown here: a daemon of this user may run");
        return;
    }
    assert_failed(&run(&fake, &["git"]), 3, "XDG_RUNTIME_DIR was not used");
}

#[test]
fn a_socket_that_nobody_serves_is_a_daemon_that_does_not_run() {
    let fake = Fake::absent();
    std::fs::create_dir(fake.socket().parent().unwrap()).unwrap();
    drop(std::os::unix::net::UnixListener::bind(fake.socket()).unwrap());
    assert_failed(&run(&fake, &["git"]), 3, "vaultd is not running");
}

#[test]
fn a_daemon_that_comes_up_meanwhile_is_found() {
    let mut fake = Fake::absent();
    std::fs::create_dir(fake.socket().parent().unwrap()).unwrap();
    let mut command = fake.command(VAULT_RUN, &["git"]);
    let child = command.stdout(Stdio::piped()).spawn().unwrap();
    fake.serve(Plan::script("echo started"));
    assert_eq!(stdout(&child.wait_with_output().unwrap()), "started\n");
}

#[test]
fn a_daemon_that_dies_before_its_reply_is_asked_again() {
    let mut plan = Plan::script("echo started");
    plan.lose = 4;
    let fake = Fake::start(plan);
    let output = run(&fake, &["git"]);
    assert_eq!(stdout(&output), "started\n", "{}", stderr(&output));
    assert_eq!(fake.asked().len(), 5);
}

#[test]
fn a_daemon_that_ends_connections_before_the_first_word_is_asked_again() {
    let mut plan = Plan::script("echo started");
    plan.slam = 5;
    let fake = Fake::start(plan);
    let output = run(&fake, &["git"]);
    assert_eq!(stdout(&output), "started\n", "{}", stderr(&output));
    assert_eq!(fake.asked().len(), 1);
}

#[test]
fn a_daemon_that_dies_each_time_is_given_up() {
    let plan = Plan {
        lose: usize::MAX,
        ..Plan::default()
    };
    let fake = Fake::start(plan);
    assert_failed(&run(&fake, &["git"]), 3, "closed the connection");
}

#[test]
fn a_daemon_that_does_not_answer_is_left_at_the_deadline() {
    let plan = Plan {
        stalled: true,
        ..Plan::default()
    };
    let fake = Fake::start(plan);
    let output = run(&fake, &["--deadline", "1", "git"]);
    assert_failed(&output, 3, "did not answer within 1 second");
}

#[test]
fn a_daemon_of_another_protocol_is_refused_in_its_words() {
    let plan = Plan {
        protocol_refusal: Some("this vaultd speaks protocols 7 to 9, the client 1".to_owned()),
        ..Plan::default()
    };
    let fake = Fake::start(plan);
    let output = run(&fake, &["git"]);
    assert_failed(&output, 3, "speaks protocols 7 to 9");
    assert!(stderr(&output).contains("same release"));
}

#[test]
fn a_server_of_another_uid_is_asked_nothing() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("not shown here: needs root to become another uid");
        return;
    }
    let fake = Fake::start(Plan::script("echo started"));
    let program = fake.home().join("vault-run");
    std::fs::copy(VAULT_RUN, &program).unwrap();
    let directory = fake.socket().ancestors().nth(2).unwrap().to_owned();
    chown(&directory, Some(NOBODY), Some(NOBODY)).unwrap();
    for (path, mode) in [(fake.home(), 0o755), (&fake.socket(), 0o666)] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let mut command = fake.command(program.to_str().unwrap(), &["git"]);
    command
        .uid(NOBODY)
        .gid(NOBODY)
        .current_dir("/")
        .stdin(Stdio::null());
    let output = command.output().unwrap();
    assert_failed(&output, 3, "runs as uid 0, and must run as uid 65534");
    assert!(fake.asked().is_empty());
}

#[test]
fn a_reply_sealed_for_somebody_else_starts_nothing() {
    let mut plan = Plan::script("echo started").secret("TOKEN", VALUE.as_bytes());
    plan.sealed_for_another = true;
    assert_failed(&run(&Fake::start(plan), &["git"]), 3, "does not open");
}

#[test]
fn a_value_with_nul_starts_nothing_and_names_its_variable() {
    let value = format!("{VALUE}\0");
    let fake = Fake::start(Plan::script("echo started").secret("TOKEN", value.as_bytes()));
    assert_failed(&run(&fake, &["git"]), 3, "TOKEN");
}

#[test]
fn a_program_that_is_gone_or_no_program_ends_in_127_or_126() {
    let gone = Plan::of(&["/nonexistent/server"]).secret("TOKEN", VALUE.as_bytes());
    assert_failed(
        &run(&Fake::start(gone), &["git"]),
        127,
        "/nonexistent/server",
    );
    let no_program = Plan::of(&["/etc/passwd"]).secret("TOKEN", VALUE.as_bytes());
    assert_failed(&run(&Fake::start(no_program), &["git"]), 126, "/etc/passwd");
}

#[test]
fn a_program_that_cannot_be_run_after_warnings_is_said_within_three_lines() {
    let mut plan = Plan::of(&["/nonexistent/server"]);
    plan.warnings = (0..9).map(|n| format!("warning {n}")).collect();
    assert_failed(
        &run(&Fake::start(plan), &["-v", "git"]),
        127,
        "/nonexistent/server",
    );
}

#[test]
fn a_directory_that_is_gone_is_said() {
    let mut plan = Plan::of(&["/bin/true"]);
    plan.cwd = "/nonexistent".to_owned();
    plan.warnings = vec!["mind the gap".to_owned()];
    let output = run(&Fake::start(plan), &["-v", "git"]);
    assert_failed(&output, 2, "cannot start in /nonexistent");
    assert!(!stderr(&output).contains("gap"), "{output:?}");
}

#[test]
fn an_interpreter_that_the_servers_path_lacks_is_said_before_the_start() {
    let program = Fake::absent();
    let npx = program.home().join("npx");
    std::fs::write(&npx, "#!/usr/bin/env no-such-node\n").unwrap();
    std::fs::set_permissions(&npx, std::fs::Permissions::from_mode(0o755)).unwrap();
    let fake = Fake::start(Plan::of(&[npx.to_str().unwrap()]).secret("TOKEN", VALUE.as_bytes()));
    let words =
        "its first line asks for no-such-node, which is not in the PATH that the server gets";
    assert_failed(&run(&fake, &["git"]), 127, words);
}

#[test]
fn a_program_brings_its_directory_where_the_path_leads_elsewhere() {
    let program = Fake::absent();
    let directory = program.home().join("nvm");
    std::fs::create_dir(&directory).unwrap();
    for (name, text) in [
        ("npx", "#!/usr/bin/env node\n"),
        ("node", "#!/bin/sh\necho its own\n"),
    ] {
        let file = directory.join(name);
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let npx = directory.join("npx");
    let mut plan = Plan::of(&[npx.to_str().unwrap()]);
    plan.program_directory = directory.to_str().unwrap().to_owned();
    let fake = Fake::start(plan);
    let mut command = fake.command(VAULT_RUN, &["git"]);
    let output = command.env("PATH", "/usr/bin:/bin").output().unwrap();
    assert_eq!(stdout(&output), "its own\n", "{}", stderr(&output));
}

#[test]
fn variables_that_are_left_out_are_named_in_one_line() {
    let fake = Fake::start(Plan::script(
        "env | grep -c -e ^NODE_OPTIONS -e ^PYTHONUTF8",
    ));
    let mut command = fake.command(VAULT_RUN, &["git"]);
    command.envs([
        ("NODE_OPTIONS", VALUE),
        ("LD_DEBUG_OUTPUT", VALUE),
        ("PYTHONUTF8", "1"),
    ]);
    let output = command.output().unwrap();
    assert_eq!(stdout(&output), "1\n");
    let said = "vault-run: git: not inherited, since they choose code that would get the secrets: \
                LD_DEBUG_OUTPUT, NODE_OPTIONS; keep_variables of the service keeps them\n";
    assert_eq!(stderr(&output), said);
    let mut plan = Plan::script("true");
    plan.warnings = (0..3).map(|number| format!("warning {number}")).collect();
    let fake = Fake::start(plan);
    let mut command = fake.command(VAULT_RUN, &["git"]);
    let output = command.env("NODE_OPTIONS", VALUE).output().unwrap();
    let text = stderr(&output);
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(
        text.contains("3 warnings: `vault-run --test` shows them"),
        "{text}"
    );
}

#[test]
fn the_daemon_is_told_whether_an_environment_was_asked_for_or_inherited() {
    let fake = Fake::start(Plan::script("true"));
    for arguments in [&["git"][..], &["git@dev"], &["git", "--env", "dev"]] {
        let mut command = fake.command(VAULT_RUN, arguments);
        let output = command
            .env("OCI_VAULT_ENVIRONMENT", "prod")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
    }
    let asked = ["inherited prod", "dev", "dev"];
    let asked = asked.map(|words| format!(r#"launch ("git", "{words}", [])"#));
    assert_eq!(fake.asked(), asked);
}

#[test]
fn an_environment_larger_than_the_system_permits_is_said() {
    let mut plan = Plan::of(&["/bin/true"]);
    plan.settings = vec![("A".to_owned(), "x".repeat(200 * 1024))];
    let words = "git: A has 201 KiB, and 128 KiB is the most that this system hands to a program";
    assert_failed(&run(&Fake::start(plan), &["git"]), 126, words);
    let mut plan = Plan::of(&["/bin/true"]);
    let value = |number: u8| (format!("V{number}"), "x".repeat(100 * 1024));
    plan.settings = (0..70).map(value).collect();
    let words = "KiB is the most that this system hands to a program; the largest: V10 (101 KiB)";
    assert_failed(&run(&Fake::start(plan), &["git"]), 126, words);
}

#[test]
fn a_token_in_place_of_a_name_is_not_repeated() {
    let token = "ghp_0123456789abcdefghijklmnopqrstuvwxyz";
    let says = |text: &str| format!("Service config not found: {text}; looked in /c");
    let fake = Fake::start(Plan::refusing(kinds::UNKNOWN_SERVICE, &says(token)));
    for arguments in [&[token][..], &["--service", token], &["--test", token]] {
        let output = run(&fake, arguments);
        assert_failed(&output, 2, &says("SERVICE"));
        assert!(!stderr(&output).contains("ghp_"), "{output:?}");
    }
    let fake = Fake::absent();
    assert!(!stderr(&run(&fake, &[token])).contains("ghp_"));
    let mut plan = Plan::script("echo started");
    plan.warnings = vec![format!("Environment '{token}' not found, using default")];
    let output = run(&Fake::start(plan), &["git", "--env", token]);
    let expected = "vault-run: Environment 'ENVIRONMENT' not found, using default\n";
    assert_eq!(stderr(&output), expected);
}

#[test]
fn nobody_waits_for_a_test_that_is_written_wrong() {
    let request = b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\"}\n";
    let output = answered(&["git", "--test", "--nonsense"], request);
    assert_failed(&output, 2, "unknown option");
}

#[test]
fn wrong_arguments_are_refused_without_being_repeated() {
    let fake = Fake::absent();
    for arguments in [
        &[][..],
        &["git", VALUE],
        &["--token", VALUE],
        &["git", "--deadline", VALUE],
        &["git", "--command", "x", "--", VALUE],
    ] {
        assert_failed(&run(&fake, arguments), 2, "vault-run --help");
    }
}

/// What a client gets that writes `input` and reads on.
fn answered(arguments: &[&str], input: &[u8]) -> Output {
    let fake = Fake::start(Plan::refusing(kinds::UNKNOWN_SERVICE, "no \"git\"\nadd it"));
    let mut command = fake.command(VAULT_RUN, arguments);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("vault-run");
    // Kept open until the end: a client does not close its side while it waits.
    let mut writing_end = child.stdin.take().expect("a pipe");
    // vault-run reads no more than it needs, and may be gone before all is written.
    let _ = writing_end.write_all(input);
    let output = child.wait_with_output().expect("vault-run");
    drop(writing_end);
    output
}

/// What is said to a client that writes `input` and then closes its side.
fn said_to(input: &[u8]) -> Output {
    let fake = Fake::start(Plan::refusing(kinds::UNKNOWN_SERVICE, "no \"git\"\nadd it"));
    let mut command = fake.command(VAULT_RUN, &["git"]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("vault-run");
    let mut writing_end = child.stdin.take().expect("a pipe");
    writing_end.write_all(input).expect("it reads to the end");
    drop(writing_end);
    child.wait_with_output().expect("vault-run")
}

/// The ids in one answer, `Err` for a batch of them.
fn ids(line: &str) -> Result<String, Vec<String>> {
    let id = |reply: &serde_json::Value| {
        assert_eq!(reply["error"]["code"], 2, "{reply}");
        reply["id"].to_string()
    };
    match serde_json::from_str(line).expect("JSON") {
        serde_json::Value::Array(replies) => Err(replies.iter().map(id).collect()),
        reply => Ok(id(&reply)),
    }
}

#[test]
fn every_request_of_a_waiting_client_is_answered_until_its_input_ends() {
    let input = r#"
        {"jsonrpc":"2.0","id":"probe","method":"server/discover"}
        {"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"probe"}}
        [{"jsonrpc":"2.0","id":1,"method":"initialize"},{"jsonrpc":"2.0","method":"n"},{"jsonrpc":"2.0","id":"b","method":"ping"}]
        [{"jsonrpc":"2.0","method":"notifications/initialized"}]
        {"jsonrpc":"2.0","id":99,"result":{}}
        no JSON
        {"jsonrpc":"2.0","id":2,"method":"initialize"}"#;
    let output = said_to(input.as_bytes());
    let answers: Vec<_> = stdout(&output).lines().map(ids).collect();
    let batch = ["1", "\"b\""].map(str::to_owned).to_vec();
    let expected = [Ok("\"probe\"".to_owned()), Err(batch), Ok("2".to_owned())];
    assert_eq!(answers, expected);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(stderr(&output).lines().count(), 2);
}

/// As Python's `mcp` 2.3.0 and `@modelcontextprotocol/client` 2.4.0 with version negotiation write it:
/// a probe, and after its answer, whatever that is, the request of before to the same process.
#[test]
fn a_client_that_probes_first_hears_the_reason_at_its_second_request() {
    let meta = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"mcp","version":"0.1.0"},"io.modelcontextprotocol/clientCapabilities":{}}"#;
    let initialize = r#""method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"mcp","version":"0.1.0"}}"#;
    for (probe, second) in [("1", "2"), (r#""server-discover-probe-1""#, "0")] {
        let fake = Fake::start(Plan::refusing(kinds::UNKNOWN_SERVICE, "no such service"));
        let mut command = fake.command(VAULT_RUN, &["git"]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("vault-run");
        let mut input = child.stdin.take().expect("a pipe");
        let mut output = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        for (id, rest) in [
            (
                probe,
                format!(r#""method":"server/discover","params":{{{meta}}}"#),
            ),
            (second, initialize.to_owned()),
        ] {
            writeln!(input, r#"{{"jsonrpc":"2.0","id":{id},{rest}}}"#).expect("somebody reads");
            let answer = output.next().expect("an answer").expect("a line");
            assert_eq!(ids(&answer), Ok(id.to_owned()));
            assert!(
                answer.contains("vault-run: git: no such service"),
                "{answer}"
            );
        }
        drop(input);
        assert_eq!(child.wait().expect("vault-run").code(), Some(2));
    }
}

#[test]
fn an_id_is_repeated_as_it_was_written() {
    for id in [
        "1.0",
        "12345678901234567890123",
        "-1.5e+3",
        "\"\\u00e9\"",
        "0",
    ] {
        let request = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"initialize"}}"#);
        let said = stdout(&said_to(request.as_bytes()));
        assert!(
            said.starts_with(&format!(r#"{{"jsonrpc":"2.0","id":{id},"error""#)),
            "{said}"
        );
    }
}

#[test]
fn a_large_request_is_answered_too() {
    let large = "x".repeat(300 * 1024);
    let request = format!(r#"{{"jsonrpc":"2.0","id":7,"method":"x","params":{{"a":"{large}"}}}}"#);
    assert_eq!(
        stdout(&said_to(request.as_bytes()))
            .lines()
            .map(ids)
            .collect::<Vec<_>>(),
        [Ok("7".into())]
    );
}

#[test]
fn a_waiting_client_gets_an_error_with_the_id_of_its_request() {
    let text = "vault-run: git: no \\\"git\\\"; add it";
    for (request, id) in [
        (
            "\n \r\n{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"x\"}",
            "3",
        ),
        (
            r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"id":7}}"#,
            "0",
        ),
        (
            r#"{"method":"server/discover","id":"a-1","jsonrpc":"2.0"}"#,
            "\"a-1\"",
        ),
    ] {
        let output = answered(&["git"], format!("{request}\n").as_bytes());
        let expected = format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"error\":{{\"code\":2,\"message\":\"{text}\"}}}}\n"
        );
        assert_eq!(stdout(&output), expected);
        assert_eq!(output.status.code(), Some(2));
    }
}

#[test]
fn whatever_else_is_on_standard_input_gets_nothing() {
    for input in [
        &b"hello\n"[..],
        b"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n",
        b"\xff\xfe\n",
    ] {
        let output = answered(&["git"], input);
        assert_eq!(
            (stdout(&output).as_str(), output.status.code()),
            ("", Some(2))
        );
    }
}

#[test]
fn a_wrong_argument_in_a_clients_configuration_reaches_the_client() {
    let request = b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\"}\n";
    let output = answered(&["git", "--nonsense"], request);
    assert!(stdout(&output).contains("unknown option"));
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn an_environment_that_is_no_secret_garbles_no_message() {
    let message = "no environment of that name\nthere are dev and prod";
    let fake = Fake::start(Plan::refusing(kinds::UNKNOWN_ENVIRONMENT, message));
    for environment in [" ", "\t", "e", "/", "no", "no environment", "of that"] {
        let mut command = fake.command(VAULT_RUN, &["git"]);
        command.env("OCI_VAULT_ENVIRONMENT", environment);
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert_failed(&output, 2, "git: no environment of that name");
        assert!(stderr(&output).contains("there are dev and prod"));
    }
}
