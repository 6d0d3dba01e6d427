//! A person is asked for a value in a terminal that stays whole.

#[path = "../../lib/tests/fake/daemon.rs"]
mod fake;
#[path = "support/programs.rs"]
mod programs;

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use fake::{Fake, Plan};
use nix::poll::{PollFd, PollFlags, poll};
use nix::pty::{OpenptyResult, openpty};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{LocalFlags, tcgetattr};
use nix::unistd::Pid;
use vault_proto::generated::Use;

const QUESTION: &str = "(not shown): ";
const YES_OR_NO: &str = "[y/N] ";
/// What is not shown by then never will be.
const PATIENCE: Duration = Duration::from_mins(1);

/// A program that a person sees and types into.
struct Terminal {
    pty: OpenptyResult,
    child: Child,
    shown: String,
    deadline: Instant,
}

/// How it ended.
struct Seen {
    shown: String,
    status: ExitStatus,
    /// Whether the terminal has its echo.
    is_whole: bool,
    /// Whether something is left that a shell would read.
    has_left_over: bool,
}

impl Terminal {
    /// In a session of its own, because a person is asked on its terminal.
    fn start(fake: &Fake, words: &[&str]) -> Self {
        let pty = openpty(None, None).expect("a terminal");
        let end = || Stdio::from(pty.slave.try_clone().expect("a terminal"));
        let arguments = [&["--ctty", "--wait"], words].concat();
        let mut command = fake.command("/usr/bin/setsid", &arguments);
        command.stdin(end()).stdout(end()).stderr(end());
        let child = command.spawn().expect("setsid of util-linux");
        Self {
            pty,
            child,
            shown: String::new(),
            deadline: Instant::now() + PATIENCE,
        }
    }

    fn put(fake: &Fake) -> Self {
        Self::start(fake, &[programs::VAULTCTL, "put", "a"])
    }

    /// Waits until `words` stand at the end of what is shown anew, or it has ended.
    fn until(mut self, words: &str) -> Self {
        let before = self.shown.len();
        while !self.shown[before..].trim_end_matches('\r').ends_with(words)
            && self.child.try_wait().expect("a child").is_none()
        {
            self.look();
        }
        self
    }

    fn type_in(self, typed: &[u8]) -> Self {
        let mut terminal = self.master();
        terminal.write_all(typed).expect("typing");
        self
    }

    fn signal(self, signal: Signal) -> Self {
        let pid = i32::try_from(self.child.id()).expect("a process id");
        kill(Pid::from_raw(pid), signal).expect("a signal");
        self
    }

    /// Stops what the shell runs, as somebody else does.
    fn stop_from_elsewhere(mut self) -> Self {
        let shell = self.child.id();
        let children = std::fs::read_to_string(format!("/proc/{shell}/task/{shell}/children"));
        let child = children.expect("children").trim().parse().expect("one");
        kill(Pid::from_raw(child), Signal::SIGSTOP).expect("a signal");
        while !self.shown.contains("Stopped") {
            self.look();
        }
        self
    }

    fn end(mut self) -> Seen {
        let status = loop {
            self.look();
            if let Some(status) = self.child.try_wait().expect("an end") {
                break status;
            }
        };
        while has_more(&self.pty.master) {
            self.look();
        }
        Seen {
            is_whole: self.is_whole(),
            has_left_over: has_more(&self.pty.slave),
            shown: self.shown,
            status,
        }
    }

    fn is_whole(&self) -> bool {
        let flags = tcgetattr(&self.pty.slave).expect("a terminal").local_flags;
        flags.contains(LocalFlags::ECHO | LocalFlags::ICANON | LocalFlags::ISIG)
    }

    fn look(&mut self) {
        if Instant::now() > self.deadline {
            let _ = self.child.kill();
            panic!("nothing more came after: {}", self.shown);
        }
        if has_more(&self.pty.master) {
            let mut chunk = [0; 256];
            let count = self.master().read(&mut chunk).expect("what is shown");
            self.shown += &String::from_utf8_lossy(&chunk[..count]);
        }
    }

    fn master(&self) -> File {
        File::from(self.pty.master.try_clone().expect("a terminal"))
    }
}

/// Soon, that is.
fn has_more(terminal: &OwnedFd) -> bool {
    let mut polled = [PollFd::new(terminal.as_fd(), PollFlags::POLLIN)];
    poll(&mut polled, 20_u8) == Ok(1)
}

/// What `put a` does with what a person types as soon as they are asked.
fn asked(fake: &Fake, typed: &[u8]) -> Seen {
    let seen = Terminal::put(fake).until(QUESTION).type_in(typed).end();
    assert!(seen.is_whole, "the terminal has no echo: {}", seen.shown);
    assert!(!seen.has_left_over, "the shell would read: {}", seen.shown);
    seen
}

/// The value that is stored for it.
fn stored(typed: &[u8]) -> (Vec<u8>, String) {
    let fake = Fake::start(Plan::default());
    let Seen { shown, status, .. } = asked(&fake, typed);
    assert!(status.success(), "{shown}");
    let (reference, value) = fake.stored().remove(0);
    assert_eq!(reference, "local://a");
    (value, shown)
}

#[test]
fn a_typed_value_is_stored_as_it_is_and_not_shown() {
    for typed in [&b"hunter2\n"[..], b"hun\tter2\n", "hünter2\r".as_bytes()] {
        let (value, shown) = stored(typed);
        assert_eq!(value, typed[..typed.len() - 1], "{shown}");
        assert!(!shown.contains("ter2"), "{shown}");
        assert!(shown.contains(&format!("version 1: {} bytes", value.len())));
    }
}

#[test]
fn lines_that_are_pasted_are_one_value_and_none_is_left_for_the_shell() {
    let pem = "-----BEGIN KEY-----\nhunter2\n\ntouch x\n-----END KEY-----";
    let marked = |text: &str| format!("\x1b[200~{text}\x1b[201~\r");
    for (typed, expected, lines) in [
        ("hunter2\nls\n\n".to_owned(), "hunter2\nls", 2),
        ("hunter2\n\nls\n\x04".to_owned(), "hunter2\n\nls", 3),
        (format!("{pem}\n"), pem, 5),
        (marked(pem), pem, 5),
        (marked("hunter2\rls\r"), "hunter2\nls", 2),
    ] {
        let (value, shown) = stored(typed.as_bytes());
        assert_eq!(String::from_utf8_lossy(&value), expected, "{shown}");
        assert!(
            shown.contains(&format!("{lines} lines were taken")),
            "{shown}"
        );
        assert!(
            !shown.contains("hunter2") && !shown.contains("ls\r"),
            "{shown}"
        );
        assert!(shown.contains("\x1b[?2004h") && shown.contains("\x1b[?2004l"));
    }
}

#[test]
fn what_a_terminal_may_have_changed_is_refused() {
    for (typed, why) in [
        (&b"hunter2\xff\n"[..], "not UTF-8"),
        (b"hunter2\x1b[D\n", "a key that is no letter"),
        (b"hunter2\x01\n", "a control character"),
        (b"\n", "nothing was typed"),
    ] {
        let fake = Fake::start(Plan::default());
        let Seen { shown, status, .. } = asked(&fake, typed);
        assert_eq!(status.code(), Some(2), "{shown}");
        assert!(shown.contains(why) && !shown.contains("hunter2"), "{shown}");
        assert!(fake.stored().is_empty());
    }
}

#[test]
fn an_interrupted_prompt_leaves_the_terminal_whole_and_ends_in_130() {
    let fake = Fake::start(Plan::default());
    let seen = asked(&fake, b"hunt\x03");
    assert_eq!(seen.status.code(), Some(130), "{}", seen.shown);
    assert!(fake.stored().is_empty());
}

#[test]
fn a_signal_at_the_prompt_leaves_the_terminal_whole() {
    let fake = Fake::start(Plan::default());
    for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT] {
        let terminal = Terminal::put(&fake).until(QUESTION).type_in(b"hunt");
        let seen = terminal.signal(signal).end();
        // Whoever started the tests may ignore the hangup, as nohup does.
        let interrupted = seen.status.code() == Some(130);
        let is_end = seen.status.signal() == Some(signal as i32);
        assert!(is_end || interrupted, "{:?}: {}", seen.status, seen.shown);
        assert!(seen.is_whole && !seen.has_left_over, "{}", seen.shown);
    }
    assert!(fake.stored().is_empty());
}

#[test]
fn a_stopped_prompt_gives_the_terminal_back_and_asks_anew() {
    let fake = Fake::start(Plan::default());
    let shell = ["/bin/bash", "--norc", "--noprofile", "-i"];
    let command = format!("{} put a\n", programs::VAULTCTL);
    let mut terminal = Terminal::start(&fake, &shell).type_in(command.as_bytes());
    terminal = terminal.until(QUESTION).type_in(b"hunt\x1a");
    while !terminal.shown.contains("Stopped") {
        terminal.look();
    }
    terminal = terminal.type_in(b"stty -a | tr -d '\\n' | grep -c ' echo '; fg\n");
    let seen = terminal
        .until(QUESTION)
        .type_in(b"er2\n")
        .until("no service\r\n")
        .type_in(b"exit\n")
        .end();
    assert!(seen.shown.contains("\r\n1\r\n"), "no echo: {}", seen.shown);
    let expected = [("local://a".to_owned(), b"er2".to_vec())];
    assert_eq!(fake.stored(), expected, "{}", seen.shown);
}

#[test]
fn a_prompt_that_was_stopped_from_elsewhere_shows_nothing_afterwards() {
    let fake = Fake::start(Plan::default());
    let shell = ["/bin/bash", "--norc", "--noprofile", "-i"];
    let command = format!("{} put a\n", programs::VAULTCTL);
    let seen = Terminal::start(&fake, &shell)
        .type_in(command.as_bytes())
        .until(QUESTION)
        .stop_from_elsewhere()
        .type_in(b"fg\n")
        .until(QUESTION)
        .type_in(b"hunter2\n")
        .until("no service\r\n")
        .type_in(b"exit\n")
        .end();
    assert!(!seen.shown.contains("hunter2"), "{}", seen.shown);
    let expected = [("local://a".to_owned(), b"hunter2".to_vec())];
    assert_eq!(fake.stored(), expected, "{}", seen.shown);
}

#[test]
fn nobody_is_asked_for_a_daemon_that_does_not_answer() {
    let Seen { shown, status, .. } = Terminal::put(&Fake::absent()).end();
    assert_eq!(status.code(), Some(3), "{shown}");
    assert!(!shown.contains("not shown"), "{shown}");
    assert!(shown.contains("vaultd is not running"), "{shown}");
}

#[test]
fn a_secret_in_use_is_removed_after_a_yes() {
    for (typed, code, asked) in [
        (&b"y\n"[..], 0, 2),
        (b"Yes\n", 0, 2),
        (b"\n", 3, 1),
        (b"maybe\n", 3, 1),
    ] {
        let fake = Fake::start(Plan {
            used_by: vec![Use {
                service: "git".to_owned(),
                variable: "TOKEN".to_owned(),
                ..Use::default()
            }],
            ..Plan::default()
        });
        let terminal = Terminal::start(&fake, &[programs::VAULTCTL, "rm", "a"]);
        let seen = terminal.until(YES_OR_NO).type_in(typed).end();
        assert_eq!(seen.status.code(), Some(code), "{}", seen.shown);
        assert!(seen.shown.contains("used by git (TOKEN)"), "{}", seen.shown);
        assert_eq!(fake.asked().len(), asked);
    }
}
