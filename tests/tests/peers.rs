//! Who is answered: the user's own processes, while they are those that asked.

use std::fs::Permissions;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;
use vault_tests::harness::{Home, Outcome, binaries, until};

/// Nobody's uid on every Linux.
const NOBODY: u32 = 65534;

fn prepared() -> Home {
    let home = Home::new();
    let content = json!({"secrets": {"T": "local://t"}, "target_command": ["env"]});
    home.write_service("bar", &content);
    home
}

/// A copy of the stand-in where everybody may start it.
fn public_stand_in(directory: &Path) -> PathBuf {
    std::fs::set_permissions(directory, Permissions::from_mode(0o755)).expect("its mode");
    let copy = directory.join("stand_in");
    // By another process: a copy that is open for writing here could be inherited by a program that
    // another test starts at that moment, and could then not be run.
    let copied = Command::new("cp")
        .arg(&binaries().stand_in)
        .arg(&copy)
        .status();
    assert!(copied.expect("cp starts").success());
    std::fs::set_permissions(&copy, Permissions::from_mode(0o755)).expect("its mode");
    copy
}

/// Knocks at the socket as somebody else.
fn knock_as_nobody(home: &Home) -> Outcome {
    let public = tempfile::tempdir().expect("a directory");
    let mut command = Command::new(public_stand_in(public.path()));
    command.env_clear().current_dir("/").stdin(Stdio::null());
    command
        .arg("knock")
        .arg(home.socket())
        .uid(NOBODY)
        .gid(NOBODY);
    home.finish(command, b"")
}

fn open(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).expect("its mode");
}

#[test]
fn another_user_cannot_even_reach_the_socket() {
    if !nix::unistd::geteuid().is_root() {
        return println!("skipped: only root can become somebody else");
    }
    let home = prepared();
    let _daemon = home.start();
    open(home.root(), 0o711);
    open(&home.runtime(), 0o711);
    let knocked = knock_as_nobody(&home);
    assert_eq!(
        knocked.success(),
        "not connected: PermissionDenied\n",
        "{knocked}"
    );
}

#[test]
fn another_user_who_reaches_the_socket_hears_nothing() {
    if !nix::unistd::geteuid().is_root() {
        return println!("skipped: only root can become somebody else");
    }
    let home = prepared();
    let daemon = home.start();
    open(home.root(), 0o711);
    open(&home.runtime(), 0o711);
    open(&home.runtime().join("vaultd"), 0o711);
    open(&home.socket(), 0o666);
    let knocked = knock_as_nobody(&home);
    assert_eq!(
        knocked.success(),
        "connected, and closed without a word\n",
        "{knocked}"
    );
    until("the log says so", || {
        daemon.log().contains("connection of another user closed")
    });
}

/// The process that connected ends after the greeting; another one goes on with its connection.
#[test]
fn what_a_process_asked_for_that_has_ended_is_not_handed_out() {
    let home = prepared();
    let _daemon = home.start();
    home.put("t", "v");
    let control = UnixListener::bind(home.path("control")).expect("a control socket");
    let mut command = home.command(&binaries().stand_in);
    command
        .arg("connect")
        .arg(home.socket())
        .arg(home.path("control"));
    let mut connector = command.stdin(Stdio::piped()).spawn().expect("it starts");
    let (mut speaker, _) = control.accept().expect("the speaker reports");
    let mut greeting = [0; 7];
    speaker.read_exact(&mut greeting).expect("a greeting");
    assert_eq!(&greeting, b"greeted", "while it lives it is answered");
    drop(connector.stdin.take());
    assert!(connector.wait().expect("it ends").success());
    speaker.write_all(b"!").expect("the speaker goes on");
    let mut outcome = String::new();
    speaker.read_to_string(&mut outcome).expect("an outcome");
    assert_eq!(outcome, "launch: peer_gone\nflush: peer_gone\n");
    assert!(home.audit_of("flush").is_empty(), "nothing was done");
    let records = home.audit_of("launch");
    let [record] = records.as_slice() else {
        panic!("one record: {records:?}")
    };
    assert_eq!(record["outcome"], "failed");
    assert_eq!(record["error"], "peer_gone");
    assert_eq!(record["values"][0]["state"], "withheld");
}

#[test]
fn the_record_names_the_process_that_asked() {
    let home = prepared();
    let _daemon = home.start();
    home.put("t", "v");
    let mut command = home.command(&binaries().vault_run);
    let child = command
        .arg("bar")
        .stdout(Stdio::null())
        .spawn()
        .expect("it starts");
    let pid = child.id();
    assert!(child.wait_with_output().expect("it ends").status.success());
    let records = home.audit_of("launch");
    assert_eq!(records[0]["peer"]["pid"], pid);
    assert_eq!(records[0]["peer"]["uid"], nix::unistd::geteuid().as_raw());
    assert_eq!(records[0]["peer"]["program"], "vault-run");
}
