//! What a person can mend in files does not end the daemon: callers hear what it is, nothing is served
//! meanwhile, and the call after the mend is served.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::process::Stdio;

use nix::sys::signal::Signal;
use serde_json::json;
use vault_tests::harness::{Daemon, Home, Outcome, binaries, until};

/// A service that shows the variable in which it gets its secret, and a store that has it.
fn prepared() -> Home {
    let home = Home::new();
    let service = json!({
        "secrets": {"BAR_TOKEN": "local://bar-token"},
        "target_command": ["/usr/bin/env"],
    });
    home.write_service("bar", &service);
    let daemon = home.start();
    home.put("bar-token", "v-one");
    assert!(daemon.terminate().success());
    home
}

fn set_mode(home: &Home, name: &str, mode: u32) {
    fs::set_permissions(home.state(name), Permissions::from_mode(mode)).expect("its mode");
}

/// What is wrong at a start, how a person mends it, and what callers hear with which exit code.
struct Fault {
    name: &'static str,
    make: fn(&Home),
    mend: fn(&Home),
    /// Whether the mend takes the file away.
    hangup: bool,
    code: i32,
    words: &'static [&'static str],
}

/// Without the file its policy is gone: a person must say that this is meant.
fn remove_resolver(home: &Home) {
    fs::remove_file(home.configuration("resolver.yaml")).expect("the file");
    let still = ["vaultd cannot serve", "resolver.yaml", "SIGHUP"];
    home.run(&["bar"]).refused(2, &still);
}

const FAULTS: &[Fault] = &[
    Fault {
        name: "resolver.yaml is no YAML",
        make: |home| drop(home.write_resolver("cache:\n  ttl: [1\nservices: {}\n")),
        mend: |home| drop(home.write_resolver("cache: {ttl: 60}\n")),
        hangup: false,
        code: 2,
        words: &["resolver.yaml:"],
    },
    Fault {
        name: "a policy that means nothing",
        make: |home| drop(home.write_resolver("policy:\n  rules:\n    - permit: [launch]\n")),
        mend: remove_resolver,
        hangup: true,
        code: 2,
        words: &["resolver.yaml:3", "policy.rules"],
    },
    Fault {
        name: "a policy without rules",
        make: |home| drop(home.write_resolver("policy: {}\n")),
        mend: remove_resolver,
        hangup: true,
        code: 2,
        words: &["resolver.yaml:1", "policy", "rules: []"],
    },
    Fault {
        name: "everybody may write resolver.yaml",
        make: |home| {
            let file = home.write_resolver("cache: {ttl: 60}\n");
            fs::set_permissions(file, Permissions::from_mode(0o666)).expect("its mode");
        },
        mend: |home| {
            let file = home.configuration("resolver.yaml");
            fs::set_permissions(file, Permissions::from_mode(0o600)).expect("its mode");
        },
        hangup: false,
        code: 2,
        words: &["resolver.yaml", "chmod o-w"],
    },
    Fault {
        name: "resolver.yaml is a link to nothing",
        make: |home| {
            symlink("elsewhere.yaml", home.configuration("resolver.yaml")).expect("a link");
        },
        mend: remove_resolver,
        hangup: true,
        code: 2,
        words: &["resolver.yaml", "link to nothing"],
    },
    Fault {
        name: "others may enter the state directory",
        make: |home| set_mode(home, "", 0o755),
        mend: |home| set_mode(home, "", 0o700),
        hangup: false,
        code: 3,
        words: &["state/vaultd", "0755", "chmod"],
    },
    Fault {
        name: "others may read the identity",
        make: |home| set_mode(home, "identity.txt", 0o644),
        mend: |home| set_mode(home, "identity.txt", 0o600),
        hangup: false,
        code: 3,
        words: &["identity.txt", "chmod"],
    },
    Fault {
        name: "the identity is gone",
        make: |home| {
            fs::rename(home.state("identity.txt"), home.state("away")).expect("a move");
        },
        mend: |home| {
            fs::rename(home.state("away"), home.state("identity.txt")).expect("a move");
        },
        hangup: false,
        code: 3,
        words: &["store.age", "identity.txt"],
    },
    Fault {
        name: "the identity is none",
        make: |home| {
            fs::copy(home.state("identity.txt"), home.path("kept")).expect("a copy");
            fs::write(home.state("identity.txt"), "no identity\n").expect("a file");
        },
        mend: |home| {
            fs::copy(home.path("kept"), home.state("identity.txt")).expect("a copy");
        },
        hangup: false,
        code: 3,
        words: &["identity.txt"],
    },
];

#[test]
fn a_policy_that_could_not_be_read_is_not_gone_with_its_file() {
    let home = prepared();
    let resolver = home.write_resolver("policy: {rules: [deny: [all\n");
    let daemon = home.start();
    let refused = || home.run(&["bar"]).refused(2, &["resolver.yaml"]);
    refused();
    for nothing in ["", "# a comment\n"] {
        fs::write(&resolver, nothing).expect("a file");
        refused();
    }
    fs::remove_file(&resolver).expect("the file");
    refused();
    daemon.signal(Signal::SIGHUP);
    until("it is served without", || home.run(&["bar"]).code == 0);
}

fn shows_its_secret(outcome: &Outcome) {
    assert!(outcome.success().contains("BAR_TOKEN=v-one"), "{outcome}");
}

#[test]
fn callers_hear_what_is_wrong_and_are_served_once_it_is_mended() {
    for fault in FAULTS {
        let home = prepared();
        (fault.make)(&home);
        let daemon = home.start();
        let said = [
            home.run(&["bar"]),
            home.run(&["--test", "bar"]),
            home.ctl(&["status"]),
            home.ctl(&["reload"]),
            home.ctl(&["get", "bar-token"]),
            home.ctl_with_input(&["put", "other"], b"w"),
        ];
        for outcome in said {
            let words: Vec<&str> = ["vaultd cannot serve"]
                .iter()
                .chain(fault.words)
                .copied()
                .collect();
            println!("{}: {outcome}", fault.name);
            outcome.refused(fault.code, &words);
        }
        until("the log says so", || daemon.log().contains("cannot serve"));
        (fault.mend)(&home);
        if fault.hangup {
            daemon.signal(Signal::SIGHUP);
            until("it serves", || home.run(&["bar"]).code == 0);
        }
        shows_its_secret(&home.run(&["bar"]));
        home.ctl(&["status"]).success();
        home.ctl(&["versions", "other"])
            .refused(3, &["no such secret"]);
        assert!(daemon.terminate().success(), "{}", fault.name);
    }
}

#[test]
fn a_daemon_that_cannot_serve_ends_when_it_is_told_to() {
    let home = prepared();
    home.write_resolver("policy: {}\n");
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let daemon = home.start();
        daemon.signal(signal);
        assert!(daemon.wait().success());
        assert!(!home.socket().exists(), "its socket goes with it");
    }
}

#[test]
fn a_socket_that_has_gone_is_made_anew() {
    let home = prepared();
    let daemon = home.start();
    for directory in [false, true] {
        let gone = if directory {
            fs::remove_dir_all(home.runtime().join("vaultd"))
        } else {
            fs::remove_file(home.socket())
        };
        gone.expect("it was there");
        until("there is a socket again", || home.socket().exists());
        shows_its_secret(&home.run(&["bar"]));
    }
    assert!(daemon.terminate().success());
    assert!(!home.socket().exists());
}

#[test]
fn a_daemon_whose_socket_is_anothers_ends_with_the_reason_and_leaves_it() {
    let home = prepared();
    let daemon = home.start();
    fs::remove_file(home.socket()).expect("it was there");
    let _anothers = UnixListener::bind(home.socket()).expect("a socket");
    let log = home.path("vaultd.log");
    let status = daemon.wait();
    assert!(!status.success());
    assert!(home.socket().exists());
    let log = fs::read_to_string(log).unwrap_or_default();
    assert!(
        log.contains("has gone") && log.contains("another vaultd already serves"),
        "{status}: {log}"
    );
}

#[test]
fn a_store_that_was_put_back_is_what_launches_get() {
    let home = prepared();
    let _daemon = home.start();
    shows_its_secret(&home.run(&["bar"]));
    let copy = fs::read(home.state("store.age")).expect("a store");
    home.put("bar-token", "v-two");
    assert!(home.run(&["bar"]).success().contains("BAR_TOKEN=v-two"));
    fs::write(home.state("store.age"), copy).expect("a store");
    shows_its_secret(&home.run(&["bar"]));
    fs::remove_file(home.state("store.age")).expect("a store");
    home.run(&["bar"])
        .refused(3, &["local://bar-token", "no such secret"]);
}

#[test]
fn a_log_file_that_was_moved_away_is_made_anew_at_a_reload_and_at_a_hangup() {
    let home = prepared();
    let file = home.path("v.log");
    home.write_resolver(&format!(
        "logging: {{file: {}, level: DEBUG}}\n",
        file.display()
    ));
    let daemon = home.start();
    let reloads: [fn(&Home, &Daemon<'_>); 2] = [
        |home, _| drop(home.ctl(&["reload"])),
        |_, daemon| daemon.reload(),
    ];
    for (number, reload) in reloads.into_iter().enumerate() {
        until("a line is written", || {
            fs::metadata(&file).is_ok_and(|data| data.len() > 0)
        });
        fs::rename(&file, home.path(&format!("v.log.{number}"))).expect("a move");
        reload(&home, &daemon);
        until("the file is there again", || {
            fs::metadata(&file).is_ok_and(|data| data.len() > 0)
        });
    }
}

#[test]
fn a_log_that_nobody_reads_costs_lines_and_no_launch() {
    let home = prepared();
    let mut command = home.command(&binaries().vaultd);
    command.env("VAULTD_LOG", "trace").stderr(Stdio::piped());
    let mut child = command.spawn().expect("vaultd starts");
    until("it listens", || home.socket().exists());
    // Far more lines than a pipe and the queue hold.
    let mut warned = false;
    for _ in 0..400 {
        shows_its_secret(&home.run(&["bar"]));
        warned = home
            .ctl(&["status"])
            .stdout
            .contains("lines of the log were lost");
        if warned {
            break;
        }
    }
    assert!(warned, "and status says so");
    child.kill().expect("it runs");
    child.wait().expect("it ends");
}
