//! Asking a person for a secret, so that the terminal is whole afterwards.
//!
//! The terminal is silent before the question is there, and Ctrl-C is a byte like any other then:
//! rpassword raises SIGINT for it before it has put the terminal back. The signal is held back
//! until that is done, and does nothing then: this process ends by itself.

use std::fs::File;
use std::io::{Error, ErrorKind};

use nix::sys::signal::{SigSet, Signal};
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};

use crate::failure::Failure;

/// What is typed, up to the end of the line.
pub(crate) fn answer_to(question: &str) -> Result<String, Failure> {
    ask(question).map_err(|error| match error.kind() {
        ErrorKind::Interrupted => Failure::interrupted(),
        _ => Failure::input(format!("cannot read from the terminal: {error}")),
    })
}

fn ask(question: &str) -> Result<String, Error> {
    let _hidden = HiddenInput::begin()?;
    let interrupt = SigSet::from(Signal::SIGINT);
    interrupt.thread_block()?;
    let line = rpassword::prompt_password(question)?;
    interrupt.thread_unblock()?;
    Ok(line)
}

/// A terminal that shows nothing of what is typed, until this is dropped.
struct HiddenInput {
    terminal: File,
    before: Termios,
}

impl HiddenInput {
    fn begin() -> Result<Self, Error> {
        let terminal = File::open("/dev/tty")?;
        let before = tcgetattr(&terminal)?;
        let mut silent = before.clone();
        silent.local_flags -=
            LocalFlags::ECHO | LocalFlags::ECHONL | LocalFlags::ICANON | LocalFlags::ISIG;
        tcsetattr(&terminal, SetArg::TCSANOW, &silent)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for HiddenInput {
    fn drop(&mut self) {
        // Fails only for a terminal that is gone.
        let _ = tcsetattr(&self.terminal, SetArg::TCSANOW, &self.before);
    }
}
