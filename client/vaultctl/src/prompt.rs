//! Asking a person for a secret, so that the terminal is whole afterwards.
//!
//! The terminal is silent before the question is there, and gives every byte as it was typed. Whatever
//! ends the question, also a signal, puts the terminal back first, and nothing that was typed meanwhile
//! is left for the shell.

use std::fs::File;
use std::io::{Error, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, raise};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::termios::{
    InputFlags, LocalFlags, SetArg, SpecialCharacterIndices, Termios, tcgetattr, tcsetattr,
};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::typed::{Step, Taken, Typed};

/// Where nothing comes for so long, whoever typed or pasted has ended.
const QUIET: u16 = 150;
/// More than this is not read away after the end.
const MOST_READ_AWAY: usize = 16 * 1024 * 1024;
/// Asks the terminal to mark what is pasted, and to do so no more.
const MARK_PASTES: &[u8] = b"\x1b[?2004h";
const DO_NOT_MARK_PASTES: &[u8] = b"\x1b[?2004l";
const SEVERAL_LINES: &[u8] = b"\r\n(several lines: an empty line or Ctrl-D ends them) ";

/// What would end or stop this process, and leave a silent terminal behind; and what says that it was
/// stopped unasked, after which a shell may have given the terminal its echo back.
const SIGNALS: [Signal; 6] = [
    Signal::SIGINT,
    Signal::SIGTERM,
    Signal::SIGHUP,
    Signal::SIGQUIT,
    Signal::SIGTSTP,
    Signal::SIGCONT,
];

/// What is typed, up to its end.
pub(crate) fn answer_to(question: &str, keeps_last_line_break: bool) -> Result<Taken, Failure> {
    let ended = ask(question)
        .map_err(|error| Failure::input(format!("cannot read from the terminal: {error}")))?;
    match ended {
        Ended::Whole(typed) => typed
            .finish(keeps_last_line_break)
            .map_err(|why| Failure::input(why.to_string())),
        Ended::Interrupted => Err(Failure::interrupted()),
        Ended::By(signal) => {
            // The terminal is whole: now it may do what it does.
            let _ = raise(signal);
            Err(Failure::interrupted())
        }
    }
}

/// Whether a person says yes to a question; anything but a clear yes is a no.
pub(crate) fn is_confirmed(question: &str) -> Result<bool, Failure> {
    let cannot = |error| Failure::input(format!("cannot read from the terminal: {error}"));
    let ask = || -> Result<String, Error> {
        let mut terminal = File::options().read(true).write(true).open("/dev/tty")?;
        terminal.write_all(question.as_bytes())?;
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(terminal), &mut line)?;
        Ok(line)
    };
    let line = ask().map_err(cannot)?;
    Ok(matches!(line.trim().to_lowercase().as_str(), "y" | "yes"))
}

enum Ended {
    Whole(Typed),
    Interrupted,
    By(Signal),
}

fn ask(question: &str) -> Result<Ended, Error> {
    let signals = HeldSignals::begin()?;
    loop {
        let mut silent = SilentTerminal::begin()?;
        let ended = read(&mut silent, &signals, question);
        drop(silent);
        match ended? {
            // Back in the foreground, it is asked anew.
            Ended::By(Signal::SIGTSTP) => signals.stop()?,
            Ended::By(Signal::SIGCONT) => {}
            ended => return Ok(ended),
        }
    }
}

fn read(
    terminal: &mut SilentTerminal,
    signals: &HeldSignals,
    question: &str,
) -> Result<Ended, Error> {
    terminal.say(MARK_PASTES)?;
    terminal.say(question.as_bytes())?;
    let mut typed = Typed::new();
    let mut is_told = false;
    let mut chunk = Zeroizing::new([0; 512]);
    let ended = 'read: loop {
        if let Some(signal) = signals.or_readable(terminal.as_fd())? {
            break Ended::By(signal);
        }
        let count = terminal.read(&mut *chunk)?;
        if count == 0 {
            break Ended::Interrupted;
        }
        for (place, byte) in chunk[..count].iter().enumerate() {
            match typed.push(*byte) {
                Step::More => {}
                Step::EndUnlessMore => {
                    if place + 1 == count && !terminal.has_more(QUIET)? {
                        break 'read Ended::Whole(typed);
                    }
                    typed.go_on();
                }
                Step::End => break 'read Ended::Whole(typed),
                Step::Interrupt => break 'read Ended::Interrupted,
                Step::Suspend => break 'read Ended::By(Signal::SIGTSTP),
            }
        }
        if typed.has_several_lines() && !is_told {
            is_told = true;
            terminal.say(SEVERAL_LINES)?;
        }
    };
    terminal.read_away(&mut *chunk)?;
    terminal.say(b"\r\n")?;
    Ok(ended)
}

/// Signals that wait until the terminal is whole.
struct HeldSignals {
    held: SigSet,
    before: SigSet,
    arrived: SignalFd,
}

impl HeldSignals {
    fn begin() -> Result<Self, Error> {
        let held = SIGNALS.into_iter().collect::<SigSet>();
        let before = SigSet::thread_get_mask()?;
        let arrived = SignalFd::with_flags(&held, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
        held.thread_block()?;
        Ok(Self {
            held,
            before,
            arrived,
        })
    }

    /// Waits until `file` can be read; a signal comes first.
    fn or_readable(&self, file: BorrowedFd<'_>) -> Result<Option<Signal>, Error> {
        loop {
            let mut polled = [
                PollFd::new(self.arrived.as_fd(), PollFlags::POLLIN),
                PollFd::new(file, PollFlags::POLLIN),
            ];
            match poll(&mut polled, PollTimeout::NONE) {
                Err(Errno::EINTR) => continue,
                polled => polled?,
            };
            match self.arrived.read_signal()? {
                Some(arrived) => {
                    let number = i32::try_from(arrived.ssi_signo).unwrap_or_default();
                    return Ok(Signal::try_from(number).ok());
                }
                None => return Ok(None),
            }
        }
    }

    /// Stops this process as the key for it does, until it goes on.
    fn stop(&self) -> Result<(), Error> {
        let stop = SigSet::from(Signal::SIGTSTP);
        stop.thread_unblock()?;
        raise(Signal::SIGTSTP)?;
        self.held.thread_block()?;
        // What woke it is known.
        let woken = SigSet::from(Signal::SIGCONT);
        SignalFd::with_flags(&woken, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?
            .read_signal()?;
        Ok(())
    }
}

impl Drop for HeldSignals {
    fn drop(&mut self) {
        // Fails only for a mask that is none.
        let _ = self.before.thread_set_mask();
    }
}

/// A terminal that shows nothing of what is typed and changes nothing of it, until this is dropped.
struct SilentTerminal {
    terminal: File,
    before: Termios,
}

impl SilentTerminal {
    fn begin() -> Result<Self, Error> {
        let terminal = File::options().read(true).write(true).open("/dev/tty")?;
        let before = tcgetattr(&terminal)?;
        let mut silent = before.clone();
        silent.local_flags -= LocalFlags::ECHO
            | LocalFlags::ECHONL
            | LocalFlags::ICANON
            | LocalFlags::IEXTEN
            | LocalFlags::ISIG;
        silent.input_flags -= InputFlags::ICRNL
            | InputFlags::IGNCR
            | InputFlags::INLCR
            | InputFlags::ISTRIP
            | InputFlags::IXOFF
            | InputFlags::IXON;
        silent.control_chars[SpecialCharacterIndices::VMIN as usize] = 1;
        silent.control_chars[SpecialCharacterIndices::VTIME as usize] = 0;
        // What was typed already belongs to the value.
        tcsetattr(&terminal, SetArg::TCSANOW, &silent)?;
        Ok(Self { terminal, before })
    }

    fn say(&mut self, words: &[u8]) -> Result<(), Error> {
        self.terminal.write_all(words)
    }

    fn as_fd(&self) -> BorrowedFd<'_> {
        self.terminal.as_fd()
    }

    fn read(&mut self, chunk: &mut [u8]) -> Result<usize, Error> {
        loop {
            match self.terminal.read(chunk) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // The other end of a terminal that is gone.
                Err(error) if error.raw_os_error() == Some(Errno::EIO as i32) => return Ok(0),
                read => return read,
            }
        }
    }

    /// Whether more comes within so many milliseconds.
    fn has_more(&self, milliseconds: u16) -> Result<bool, Error> {
        loop {
            let mut polled = [PollFd::new(self.as_fd(), PollFlags::POLLIN)];
            match poll(&mut polled, milliseconds) {
                Err(Errno::EINTR) => {}
                polled => return Ok(polled? > 0),
            }
        }
    }

    /// Until nothing more comes: the rest of a paste is not for the shell.
    fn read_away(&mut self, chunk: &mut [u8]) -> Result<(), Error> {
        let mut left = MOST_READ_AWAY;
        while left > 0 && self.has_more(QUIET)? {
            match self.read(chunk)? {
                0 => break,
                count => left = left.saturating_sub(count),
            }
        }
        Ok(())
    }
}

impl Drop for SilentTerminal {
    fn drop(&mut self) {
        // Both fail only for a terminal that is gone.
        let _ = self.terminal.write_all(DO_NOT_MARK_PASTES);
        let _ = tcsetattr(&self.terminal, SetArg::TCSAFLUSH, &self.before);
    }
}
