//! Nothing that is no file of text keeps the daemon from reading, serving or ending.

use std::fs;
use std::path::PathBuf;

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
fn a_fifo_as_a_service_file_hangs_no_start_and_stops_its_service_alone() {
    let home = prepared();
    fifo(home.configuration("configs/baz.json"));
    let _daemon = home.start();
    home.run(&["baz"]).refused(2, &["is not a plain file"]);
    assert_eq!(home.run(&["bar"]).success(), "one\n");
}

/// Opening one for writing waits for a reader.
#[test]
fn a_log_file_that_is_a_fifo_hangs_no_reload_and_is_said() {
    let home = prepared();
    let daemon = home.start();
    let log = fifo(home.path("log"));
    home.write_resolver(&format!("logging:\n  file: {}\n", log.display()));
    daemon.reload();
    assert_eq!(home.run(&["bar"]).success(), "one\n", "it serves");
    until("the log says so", || {
        daemon.log().contains("logging.file cannot be written")
    });
    assert!(daemon.terminate().success());
}
