//! The contract of the shim, with real processes: each test is a line of it.

#[path = "../../lib/tests/fake/daemon.rs"]
mod fake;
#[path = "support/programs.rs"]
mod programs;

use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::Stdio;

use fake::{Fake, Plan};
use programs::{VAULT_RUN, run, stderr, stdout};

#[test]
fn the_server_has_the_process_id_of_the_launcher() {
    let fake = Fake::start(Plan::script("echo $$"));
    let child = fake
        .command(VAULT_RUN, &["git"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let id = child.id();
    let output = child.wait_with_output().unwrap();
    assert_eq!(stdout(&output).trim(), id.to_string());
}

#[test]
fn the_server_has_the_directory_and_process_group_of_the_launcher() {
    let fake = Fake::start(Plan::script("pwd -P; cut -d' ' -f5 /proc/$$/stat"));
    let mut command = fake.command(VAULT_RUN, &["git"]);
    command
        .current_dir(fake.home())
        .process_group(0)
        .stdout(Stdio::piped());
    command.env("PATH", "/usr/bin:/bin");
    let child = command.spawn().unwrap();
    let id = child.id();
    let output = child.wait_with_output().unwrap();
    let home = fake.home().canonicalize().unwrap();
    assert_eq!(stdout(&output), format!("{}\n{id}\n", home.display()));
}

#[test]
fn a_configured_directory_is_entered() {
    let mut plan = Plan::script("pwd -P");
    plan.cwd = "/proc".to_owned();
    let fake = Fake::start(plan);
    assert_eq!(stdout(&run(&fake, &["git"])), "/proc\n");
}

#[test]
fn input_and_output_pass_untouched() {
    let fake = Fake::start(Plan::of(&["/bin/cat"]));
    let sent: Vec<u8> = (0..1_000_000_u32)
        .map(|n| n.to_le_bytes()[n as usize % 3])
        .collect();
    let mut command = fake.command(VAULT_RUN, &["git"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let written = sent.clone();
    let writer = std::thread::spawn(move || input.write_all(&written));
    let mut received = Vec::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_end(&mut received)
        .unwrap();
    writer.join().unwrap().unwrap();
    assert!(child.wait().unwrap().success());
    assert!(received == sent);
}

#[test]
fn the_server_has_the_descriptors_that_it_would_have_without_the_launcher() {
    let fake = Fake::start(Plan::of(&["/bin/ls", "/proc/self/fd"]));
    let mut direct = fake.command("/bin/ls", &["/proc/self/fd"]);
    let direct = direct.stdin(Stdio::null()).output().unwrap();
    assert_eq!(stdout(&run(&fake, &["git"])), stdout(&direct));
}

#[test]
fn the_limits_of_the_server_are_the_callers() {
    let fake = Fake::start(Plan::of(&["/bin/cat", "/proc/self/limits"]));
    let mut direct = fake.command("/bin/cat", &["/proc/self/limits"]);
    let direct = direct.stdin(Stdio::null()).output().unwrap();
    assert_eq!(stdout(&run(&fake, &["git"])), stdout(&direct));
}

#[test]
fn the_descriptors_are_left_blocking() {
    let flags = ["0", "1", "2"].map(|number| format!("/proc/self/fdinfo/{number}"));
    let words = [
        "/usr/bin/grep",
        "-h",
        "flags:",
        &flags[0],
        &flags[1],
        &flags[2],
    ];
    let output = run(&Fake::start(Plan::of(&words)), &["git"]);
    let text = stdout(&output);
    let flags: Vec<u32> = text
        .lines()
        .filter_map(|line| line.split_whitespace().nth(1))
        .map(|octal| u32::from_str_radix(octal, 8).unwrap())
        .collect();
    assert_eq!(flags.len(), 3, "{text}");
    assert!(
        flags.iter().all(|flags| flags & 0o4000 == 0),
        "O_NONBLOCK in {text}"
    );
}

#[test]
fn exit_status_and_death_by_signal_are_the_servers_own() {
    let fake = Fake::start(Plan::script("exit 37"));
    assert_eq!(run(&fake, &["git"]).status.code(), Some(37));
    // Not INT, nor HUP: whoever runs tests in the background may have them ignored.
    for (name, number) in [("TERM", 15), ("KILL", 9), ("PIPE", 13), ("USR1", 10)] {
        let fake = Fake::start(Plan::script(&format!("kill -{name} $$; exit 1")));
        let output = run(&fake, &["git"]);
        assert_eq!(output.status.signal(), Some(number), "{name}");
    }
}

#[test]
fn every_word_of_the_command_arrives_as_it_was_given() {
    let program = Fake::absent();
    let link = program.home().join("a shell");
    std::os::unix::fs::symlink("/bin/sh", &link).unwrap();
    let script = "IFS= read -r line </proc/$$/cmdline; printf '%s\\0' \"$0\" \"$@\"";
    let words = [
        link.to_str().unwrap(),
        "-c",
        script,
        "",
        "a b",
        "ü\n",
        "--help",
        "'\"$x*",
    ];
    let fake = Fake::start(Plan::of(&words));
    let output = run(&fake, &["git"]);
    assert_eq!(stdout(&output), "\0a b\0ü\n\0--help\0'\"$x*\0");
    // The first word is the name under which the program sees itself.
    let words = [link.to_str().unwrap(), "-c", "/bin/cat /proc/$$/cmdline; :"];
    let fake = Fake::start(Plan::of(&words));
    let expected = words.map(|word| format!("{word}\0")).concat();
    assert_eq!(stdout(&run(&fake, &["git"])), expected);
}

#[test]
fn words_after_two_dashes_go_to_the_daemon_and_come_back() {
    let fake = Fake::start(Plan::default());
    let output = run(&fake, &["git@dev", "--", "/bin/echo", "a  b", "", "--test"]);
    assert_eq!(stdout(&output), "a  b  --test\n");
    let asked = r#"launch ("git", "dev", ["/bin/echo", "a  b", "", "--test"])"#;
    assert_eq!(fake.asked(), [asked]);
}

#[test]
fn secrets_win_over_settings_settings_over_the_inherited_and_loader_variables_are_dropped() {
    let mut plan = Plan::of(&["/usr/bin/env"])
        .secret("A", b"secret")
        .secret("M", "ü\n\t".as_bytes());
    plan.settings = vec![
        ("A".into(), "setting".into()),
        ("B".into(), "setting".into()),
    ];
    plan.keep_variables = vec!["PYTHONPATH".into()];
    let fake = Fake::start(plan);
    let mut command = fake.command(VAULT_RUN, &["git"]);
    command
        .env_remove("XDG_RUNTIME_DIR")
        .envs([("A", "old"), ("B", "old"), ("C", "old")]);
    command.env("XDG_RUNTIME_DIR", fake.socket().ancestors().nth(2).unwrap());
    command.envs([
        ("LD_LIBRARY_PATH", "/x"),
        ("NODE_OPTIONS", "-r x"),
        ("PYTHONPATH", "/kept"),
    ]);
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = stdout(&output);
    let mut lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with("XDG_"))
        .collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "\t",
            "A=secret",
            "B=setting",
            "C=old",
            "M=ü",
            "PYTHONPATH=/kept"
        ]
    );
}

#[test]
fn an_inherited_variable_chooses_the_environment() {
    let fake = Fake::start(Plan::of(&["/bin/true"]));
    let mut command = fake.command(VAULT_RUN, &["git"]);
    assert!(
        command
            .env("OCI_VAULT_ENVIRONMENT", "prod")
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(fake.asked(), [r#"launch ("git", "inherited prod", [])"#]);
}

#[test]
fn only_the_uid_leads_to_the_socket_where_no_variable_does() {
    let uid = nix::unistd::geteuid();
    let directory = std::path::PathBuf::from(format!("/run/user/{uid}"));
    let made = std::fs::create_dir_all(&directory).is_ok();
    if !made || directory.join("vaultd").exists() {
        eprintln!("not shown here: {} is not free", directory.display());
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let mut fake = Fake::in_directory(home, directory.clone());
    fake.serve(Plan::of(&["/usr/bin/env"]).secret("TOKEN", b"v"));
    let mut command = fake.command(VAULT_RUN, &["git"]);
    let output = command.env_clear().stdin(Stdio::null()).output().unwrap();
    drop(fake);
    std::fs::remove_dir_all(directory.join("vaultd")).unwrap();
    assert_eq!(stdout(&output), "TOKEN=v\n", "{}", stderr(&output));
}

#[test]
fn warnings_are_shown_and_end_within_three_lines() {
    let mut plan = Plan::script("echo started");
    plan.warnings = (0..9).map(|n| format!("warning {n}")).collect();
    let fake = Fake::start(plan);
    let output = run(&fake, &["--verbose", "git"]);
    assert_eq!(stdout(&output), "started\n");
    let text = stderr(&output);
    assert!(
        text.lines().count() <= 3 && text.contains("9 warnings"),
        "{text}"
    );
}

#[test]
fn verbose_names_what_was_resolved_and_no_value() {
    let fake = Fake::start(Plan::of(&["/bin/true"]).secret("TOKEN", b"hunter2"));
    let text = stderr(&run(&fake, &["-v", "git"]));
    let expected = "vault-run: git: /bin/true with TOKEN (local://token version 3, fresh)\n";
    assert_eq!(text, expected);
    let mut plan = Plan::of(&["/bin/true"]);
    plan.keep_variables = vec!["PYTHONPATH".to_owned()];
    let fake = Fake::start(plan);
    let mut command = fake.command(VAULT_RUN, &["-v", "git"]);
    command.envs([("LD_LIBRARY_PATH", "/hunter2"), ("PYTHONPATH", "/x")]);
    let text = stderr(&command.stdin(Stdio::null()).output().unwrap());
    let expected = "vault-run: git: /bin/true with no secrets; not inherited: LD_LIBRARY_PATH\n";
    assert_eq!(text, expected);
}
