//! What is printed, and where? The only file of this program that prints.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use serde::Serialize;
use zeroize::Zeroizing;

use crate::failure::Failure;

/// How an answer is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    Json,
}

/// How much a line of the log of `resolve` matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Info,
    Warning,
    Error,
}

/// An answer: `text` for people or `json` for programs.
pub(crate) fn answer(
    form: Form,
    text: impl FnOnce() -> String,
    json: &impl Serialize,
) -> Result<ExitCode, Failure> {
    match form {
        Form::Text => bytes(text().as_bytes()),
        Form::Json => {
            let mut line = Zeroizing::new(
                serde_json::to_vec(json)
                    .map_err(|error| Failure::unexpected(format!("cannot write JSON: {error}")))?,
            );
            line.push(b'\n');
            bytes(&line)
        }
    }
}

/// Bytes as they are.
pub(crate) fn bytes(bytes: &[u8]) -> Result<ExitCode, Failure> {
    let mut output = std::io::stdout().lock();
    match output.write_all(bytes).and_then(|()| output.flush()) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        // Whoever reads no further has had enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(error) => Err(Failure::unexpected(format!(
            "cannot write the answer: {error}"
        ))),
    }
}

/// Help and version.
pub(crate) fn text(text: &str) -> ExitCode {
    bytes(text.as_bytes()).unwrap_or_else(|failure| self::failure(&failure))
}

/// Something to know beside the answer.
pub(crate) fn note(text: &str) {
    to_stderr("vaultctl", text.lines());
}

/// What failed, then what to do.
pub(crate) fn failure(failure: &Failure) -> ExitCode {
    to_stderr("vaultctl", failure.lines());
    failure.exit_code()
}

/// The same in a log with levels.
pub(crate) fn failure_at(level: Level, failure: &Failure) -> ExitCode {
    to_stderr(level.as_str(), failure.lines());
    failure.exit_code()
}

/// A line of a log with levels.
pub(crate) fn log(level: Level, text: &str) {
    to_stderr(level.as_str(), text.lines());
}

impl Level {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "INFO",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
        }
    }
}

/// Whether a person looks at standard output.
pub(crate) fn to_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// The word in green or red, where a person looks at it and did not set NO_COLOR (no-color.org).
pub(crate) fn verdict(good: bool, word: &str) -> String {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if plain || !to_terminal() {
        return word.to_owned();
    }
    let colour = if good { 32 } else { 31 };
    format!("\u{1b}[{colour}m{word}\u{1b}[0m")
}

fn to_stderr<'a>(who: &str, lines: impl Iterator<Item = &'a str>) {
    let mut text = String::new();
    for line in lines {
        text.push_str(who);
        text.push_str(": ");
        text.push_str(&line.replace(char::is_control, "\u{fffd}"));
        text.push('\n');
    }
    // Without standard error the exit code alone must do.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
