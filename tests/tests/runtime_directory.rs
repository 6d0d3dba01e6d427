//! Callers find the daemon's socket without a runtime directory, and without the variable that names it.

use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use vault_tests::harness::{Home, Outcome, binaries};

fn prepared() -> Home {
    let home = Home::new();
    home.write_service_file("good.json", r#"{"target_command":["/bin/echo","started"]}"#);
    home
}

/// A runtime directory of logind's, which would come first.
fn usual_directory() -> Option<String> {
    let usual = format!("/run/user/{}", nix::unistd::geteuid());
    Path::new(&usual).exists().then_some(usual)
}

fn without_variables(home: &Home, program: &Path) -> Command {
    let mut command = home.command(program);
    command.env_remove("XDG_RUNTIME_DIR");
    command
}

/// What a client gets that passes nothing on but HOME and PATH, or this variable too.
fn launched(home: &Home, runtime: Option<&Path>) -> Outcome {
    let mut command = without_variables(home, &binaries().vault_run);
    command.arg("good");
    if let Some(runtime) = runtime {
        command.env("XDG_RUNTIME_DIR", runtime);
    }
    home.finish(command, b"")
}

fn below_home(home: &Home) -> PathBuf {
    home.path("home/.local/state/vaultd/run/vaultd.sock")
}

#[test]
fn without_a_runtime_directory_the_daemon_makes_one_below_the_home_directory() {
    if let Some(usual) = usual_directory() {
        return println!("skipped: {usual} exists, and would come first");
    }
    let home = prepared();
    let daemon = home.start_with(|command| {
        command.env_remove("XDG_RUNTIME_DIR");
    });
    let socket = below_home(&home);
    let mode = |path: &Path| path.metadata().expect("it is there").permissions().mode() & 0o777;
    assert_eq!(
        (mode(&socket), mode(socket.parent().unwrap())),
        (0o600, 0o700)
    );
    assert_eq!(launched(&home, None).success(), "started\n");
    assert_eq!(
        launched(&home, Some(&home.runtime())).success(),
        "started\n"
    );
    assert!(daemon.terminate().success());
    assert!(!socket.exists(), "it goes with its daemon");
}

#[test]
fn a_client_without_the_variable_finds_the_socket_that_it_led_to() {
    let home = prepared();
    let daemon = home.start();
    assert_eq!(launched(&home, None).success(), "started\n");
    assert!(daemon.terminate().success());
    assert!(
        below_home(&home).symlink_metadata().is_err(),
        "the link goes with the daemon"
    );
    let refused = launched(&home, None);
    let usual = format!("/run/user/{}/vaultd/vaultd.sock", nix::unistd::geteuid());
    let places = format!(
        "nothing answers at {usual} or {}\n",
        below_home(&home).display()
    );
    refused.refused(3, &[&places, "vaultd &"]);
}

#[test]
fn a_private_runtime_directory_without_our_socket_is_not_the_last_place() {
    let home = prepared();
    let _daemon = home.start();
    let snap = home.path("snap.code");
    std::fs::DirBuilder::new()
        .mode(0o700)
        .create(&snap)
        .unwrap();
    assert_eq!(launched(&home, Some(&snap)).success(), "started\n");
    // One that a daemon has left there leads nobody astray.
    std::fs::DirBuilder::new()
        .mode(0o700)
        .create(snap.join("vaultd"))
        .unwrap();
    assert_eq!(launched(&home, Some(&snap)).success(), "started\n");
    drop(std::os::unix::net::UnixListener::bind(snap.join("vaultd/vaultd.sock")).unwrap());
    assert_eq!(launched(&home, Some(&snap)).success(), "started\n");
}

#[test]
fn a_link_of_a_daemon_that_was_killed_is_in_nobodys_way() {
    let home = prepared();
    let run = below_home(&home);
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(run.parent().unwrap())
        .unwrap();
    std::os::unix::fs::symlink("/nonexistent/vaultd.sock", &run).unwrap();
    let _daemon = home.start();
    assert_eq!(launched(&home, None).success(), "started\n");
}

#[test]
fn a_directory_below_the_home_directory_that_others_can_enter_is_no_place() {
    let home = prepared();
    let run = below_home(&home);
    let directory = run.parent().unwrap();
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .unwrap();
    std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o777)).unwrap();
    let _daemon = home.start();
    assert!(run.symlink_metadata().is_err(), "nothing is put there");
    launched(&home, None).refused(3, &["vaultd is not running"]);
}

#[test]
fn a_path_that_no_address_holds_is_said_with_what_to_set() {
    let home = prepared();
    let long = home.path(&"d".repeat(100));
    std::fs::DirBuilder::new()
        .mode(0o700)
        .create(&long)
        .unwrap();
    let refused = home.start_refused_with(|command| {
        command.env("XDG_RUNTIME_DIR", &long);
    });
    let said = refused.to_string();
    assert!(
        said.contains("more than the 107 bytes") && said.contains("set XDG_RUNTIME_DIR"),
        "{said}"
    );
}
