//! A person is asked for a value in a terminal that stays whole.

#[path = "../../lib/tests/fake/daemon.rs"]
mod fake;
#[path = "support/programs.rs"]
mod programs;

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{ExitStatus, Stdio};

use fake::{Fake, Plan};
use nix::pty::openpty;
use nix::sys::termios::{LocalFlags, tcgetattr};

/// What `put a` shows a person who types `typed` as soon as they are asked, how it ends, and whether
/// the terminal has its echo then.
fn asked(fake: &Fake, typed: &[u8]) -> (String, ExitStatus, bool) {
    let pty = openpty(None, None).expect("a terminal");
    let end = || Stdio::from(pty.slave.try_clone().expect("a terminal"));
    // A session of its own, because a person is asked on its terminal.
    let arguments = ["--ctty", "--wait", programs::VAULTCTL, "put", "a"];
    let mut command = fake.command("/usr/bin/setsid", &arguments);
    command.stdin(end()).stdout(end()).stderr(end());
    let mut child = command.spawn().expect("setsid of util-linux");
    drop(command);
    let mut terminal = File::from(pty.master.try_clone().expect("a terminal"));
    let mut shown = Vec::new();
    let mut chunk = [0; 256];
    while !shown.ends_with(b"(not shown): ") && child.try_wait().expect("a child").is_none() {
        if has_more(&pty.master) {
            let count = terminal.read(&mut chunk).expect("what is shown");
            shown.extend_from_slice(&chunk[..count]);
        }
    }
    terminal.write_all(typed).expect("typing");
    let status = child.wait().expect("an end");
    while has_more(&pty.master) {
        let count = terminal.read(&mut chunk).expect("what is shown");
        shown.extend_from_slice(&chunk[..count]);
    }
    let flags = tcgetattr(&pty.slave).expect("a terminal").local_flags;
    let whole = flags.contains(LocalFlags::ECHO | LocalFlags::ICANON | LocalFlags::ISIG);
    (String::from_utf8_lossy(&shown).into_owned(), status, whole)
}

fn has_more(terminal: &OwnedFd) -> bool {
    use nix::poll::{PollFd, PollFlags, poll};
    use std::os::fd::AsFd;
    let mut polled = [PollFd::new(terminal.as_fd(), PollFlags::POLLIN)];
    poll(&mut polled, 20_u8) == Ok(1)
}

#[test]
fn a_typed_value_is_stored_and_not_shown() {
    let fake = Fake::start(Plan::default());
    let (shown, status, whole) = asked(&fake, b"hunter2\n");
    assert!(status.success() && whole, "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
    let expected = [("local://a".to_owned(), b"hunter2".to_vec())];
    assert_eq!(fake.stored(), expected);
}

#[test]
fn an_interrupted_prompt_leaves_the_terminal_whole_and_ends_in_130() {
    let fake = Fake::start(Plan::default());
    let (shown, status, whole) = asked(&fake, b"hunt\x03");
    assert_eq!(status.code(), Some(130), "{shown}");
    assert!(whole, "the terminal has lost its echo: {shown}");
    assert!(fake.stored().is_empty());
}

#[test]
fn nobody_is_asked_for_a_daemon_that_does_not_answer() {
    let (shown, status, _) = asked(&Fake::absent(), b"");
    assert_eq!(status.code(), Some(3), "{shown}");
    assert!(!shown.contains("not shown"), "{shown}");
    assert!(shown.contains("vaultd is not running"), "{shown}");
}
