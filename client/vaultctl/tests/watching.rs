//! What watches shows what changes, and ends well.

#[path = "../../lib/tests/fake/daemon.rs"]
mod fake;
#[path = "support/programs.rs"]
mod programs;

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use fake::{Fake, Plan};
use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use vault_proto::generated::{BackendStatus, StatusReply};

/// Watch tells of two changes at once and then of none.
fn healthy() -> Plan {
    Plan {
        status: StatusReply {
            server_version: "9.9".to_owned(),
            uptime_seconds: 60,
            healthy: true,
            backends: vec![BackendStatus {
                name: "oci".to_owned(),
                breaker: 1,
                scope: "profile DEFAULT".to_owned(),
                ..BackendStatus::default()
            }],
            ..StatusReply::default()
        },
        watches_on: true,
        ..Plan::default()
    }
}

fn open_the_breaker(plan: &mut Plan) {
    plan.status.healthy = false;
    plan.status.backends[0].breaker = 2;
}

fn interrupt(child: &mut Child) -> Option<i32> {
    let pid = i32::try_from(child.id()).expect("process ids are small");
    kill(Pid::from_raw(pid), Signal::SIGINT).expect("the process is ours");
    child.wait().expect("an end").code()
}

fn watching(fake: &Fake, arguments: &[&str]) -> (Child, impl Iterator<Item = String> + use<>) {
    let mut command = fake.command(programs::VAULTCTL, arguments);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("vaultctl");
    let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    (child, lines.map(|line| line.expect("UTF-8")))
}

#[test]
fn on_a_pipe_there_is_one_block_for_each_change_until_it_is_interrupted() {
    let fake = Fake::start(healthy());
    let (mut child, mut lines) = watching(&fake, &["status", "--watch"]);
    let first = lines.next().unwrap();
    assert!(first.ends_with("up 1 minute: healthy"), "{first}");
    let mut block: Vec<String> = lines
        .by_ref()
        .take_while(|line| line != "    profile DEFAULT")
        .collect();
    // It has looked again by then, and time alone is no change.
    fake.change(|plan| plan.status.uptime_seconds = 7200);
    while fake
        .asked()
        .iter()
        .filter(|call| call.starts_with("status"))
        .count()
        < 3
    {
        std::thread::yield_now();
    }
    fake.change(open_the_breaker);
    block.clear();
    assert_eq!(lines.next().unwrap(), "", "blocks are apart");
    let second = lines.next().unwrap();
    assert!(second.ends_with("up 2 hours: needs attention"), "{second}");
    assert_eq!(interrupt(&mut child), Some(0));
}

#[test]
fn for_programs_each_change_is_a_line() {
    let fake = Fake::start(healthy());
    let (mut child, lines) = watching(&fake, &["status", "--watch", "--json"]);
    let mut healths = lines.map(|line| {
        let status: serde_json::Value = serde_json::from_str(&line).unwrap();
        status["healthy"].as_bool().unwrap()
    });
    assert_eq!(healths.next(), Some(true));
    fake.change(open_the_breaker);
    assert_eq!(healths.next(), Some(false));
    assert_eq!(interrupt(&mut child), Some(0));
}

#[test]
fn a_watch_ends_with_the_daemon() {
    let fake = Fake::start(healthy());
    let (mut child, mut lines) = watching(&fake, &["--deadline", "1", "status", "--watch"]);
    assert!(lines.next().is_some());
    drop(fake);
    assert_eq!(child.wait().unwrap().code(), Some(3));
}

#[test]
fn a_watch_ends_with_its_reader_also_while_nothing_changes() {
    let plan = Plan {
        watches_on: true,
        ..Plan::default()
    };
    let fake = Fake::start(plan);
    let mut command = fake.command(programs::VAULTCTL, &["watch"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for name in ["local://a", "local://b"] {
        assert!(lines.next().unwrap().unwrap().starts_with(name));
    }
    // All is read that will ever come.
    drop(lines);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// What a terminal of 50 columns and 12 rows is sent, until `enough`; then it is interrupted.
fn drawn(fake: &Fake, variables: &[(&str, &str)], enough: impl Fn(&str) -> bool) -> String {
    let size = Winsize {
        ws_row: 12,
        ws_col: 50,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    let pty = openpty(Some(&size), None).expect("a terminal");
    let mut command: Command = fake.command(programs::VAULTCTL, &["status", "--watch"]);
    command.envs(variables.iter().copied());
    command.stdout(Stdio::from(pty.slave));
    let mut child = command.spawn().expect("vaultctl");
    drop(command);
    let mut terminal = File::from(pty.master);
    let (mut shown, mut chunk) = (String::new(), [0; 4096]);
    while !enough(&shown) {
        let count = terminal.read(&mut chunk).expect("what is shown");
        shown += &String::from_utf8_lossy(&chunk[..count]);
    }
    assert_eq!(interrupt(&mut child), Some(0));
    shown
}

#[test]
fn on_a_terminal_the_table_is_drawn_anew_in_colour_and_fits() {
    let mut plan = healthy();
    plan.status.warnings = (0..20).map(|number| format!("warning {number}")).collect();
    let fake = Fake::start(plan);
    let shown = drawn(&fake, &[], |shown| shown.matches("\u{1b}[H").count() >= 3);
    assert!(shown.contains("\u{1b}[32mhealthy\u{1b}[0m"), "{shown:?}");
    assert!(shown.contains("\u{1b}[33mwarning 1\u{1b}[0m"), "{shown:?}");
    assert!(shown.contains("more lines)"), "{shown:?}");
    let first = shown.split("\u{1b}[H").nth(1).unwrap();
    assert!(first.lines().count() <= 12, "{first:?}");
    assert!(
        first.ends_with("\u{1b}[?7h"),
        "lines go on again: {first:?}"
    );
}

#[test]
fn colours_are_left_out_where_they_are_not_wanted() {
    for variable in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let fake = Fake::start(healthy());
        let shown = drawn(&fake, &[variable], |shown| {
            shown.contains("profile DEFAULT")
        });
        assert!(shown.contains(": healthy"), "{shown:?}");
        assert!(!shown.contains("\u{1b}[3"), "{shown:?}");
        assert!(!shown.contains("\u{1b}[1m"), "{shown:?}");
    }
}
