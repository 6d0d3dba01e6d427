//! Nothing that is no file of text keeps the daemon from reading, serving or ending.

use std::fs;
use std::path::PathBuf;

use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use serde_json::json;
use vault_tests::harness::{Home, until};

fn prepared() -> Home {
    let home = Home::new();
    home.write_service("bar", &json!({"target_command": ["echo", "one"]}));
    home
}

fn fifo(path: PathBuf) -> PathBuf {
    nix::unistd::mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR).expect("a FIFO");
    path
}

#[test]
fn a_fifo_in_place_of_a_file_is_refused_at_once() {
    let home = prepared();
    let daemon = home.start();
    for name in ["configs/baz.json", "resolver.yaml"] {
        let fifo = fifo(home.configuration(name));
        daemon.reload();
        let words = format!("{}: is not a plain file", fifo.display());
        let status = home.ctl(&["status"]);
        assert!(status.stdout.contains(&words), "{status}");
        assert_eq!(home.run(&["bar"]).success(), "one\n");
        fs::remove_file(fifo).expect("it goes");
    }
    daemon.reload();
    assert_eq!(home.ctl(&["status"]).code, 0);
    fifo(home.configuration("resolver.yaml"));
    daemon.reload();
    assert!(daemon.terminate().success());
}

#[test]
fn a_daemon_does_not_start_with_a_fifo_and_does_not_hang() {
    let home = prepared();
    fifo(home.configuration("configs/baz.json"));
    home.start_refused().refused(2, &["is not a plain file"]);
}

/// The log's own file is opened for writing, which waits for a reader: the one reading that hangs
/// without a broken file system.
#[test]
fn a_signal_ends_a_daemon_whose_reload_hangs() {
    let home = prepared();
    let daemon = home.start_with(|command| {
        command.env("VAULTD_LOG", "debug");
    });
    let log = fifo(home.path("log"));
    home.write_resolver(&format!("logging:\n  file: {}\n", log.display()));
    daemon.signal(Signal::SIGHUP);
    until("it is read again", || {
        daemon.log().contains("reading the configuration")
    });
    assert_eq!(home.run(&["bar"]).success(), "one\n", "it serves");
    daemon.signal(Signal::SIGHUP);
    daemon.signal(Signal::SIGTERM);
    assert!(daemon.wait().success());
    let said = fs::read_to_string(home.path("vaultd.log")).expect("the log");
    assert!(!said.contains("configuration read"), "nothing hung: {said}");
}
