//! Printing. The only file of this program that prints.
//!
//! Answers go to standard output, failures and notes to standard error: as lines for people, or, with
//! `--json`, as one object each.

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use serde::Serialize;
use vault_client::Tone;
use vault_proto::printable::printable;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::terminal::style_of_output;

/// How things are printed.
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

impl Form {
    /// What a command line asks for, also one that is not understood.
    pub(crate) fn asked_by(mut words: impl Iterator<Item = OsString>) -> Self {
        if words.any(|word| word == "--json") {
            Self::Json
        } else {
            Self::Text
        }
    }
}

/// Whether anybody reads what is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    There,
    Gone,
}

/// The only answer: `text` for people or `json` for programs.
pub(crate) fn answer(
    form: Form,
    text: impl FnOnce() -> String,
    json: &impl Serialize,
) -> Result<ExitCode, Failure> {
    // Whoever reads no further has had enough.
    one_of_many(form, text, json).map(|_| ExitCode::SUCCESS)
}

/// One of many answers: tells when there should be no more.
pub(crate) fn one_of_many(
    form: Form,
    text: impl FnOnce() -> String,
    json: &impl Serialize,
) -> Result<Reader, Failure> {
    match form {
        Form::Text => bytes(text().as_bytes()),
        Form::Json => bytes(&line_of(json)?),
    }
}

/// Bytes as they are.
pub(crate) fn bytes(bytes: &[u8]) -> Result<Reader, Failure> {
    let mut output = std::io::stdout().lock();
    match output.write_all(bytes).and_then(|()| output.flush()) {
        Ok(()) => Ok(Reader::There),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(error) => Err(Failure::unexpected(format!(
            "cannot write the answer: {error}"
        ))),
    }
}

/// Help and version.
pub(crate) fn text(text: &str) -> ExitCode {
    match bytes(text.as_bytes()) {
        Ok(_) => ExitCode::SUCCESS,
        Err(failure) => self::failure(Form::Text, &failure),
    }
}

/// Help that was not asked for, where a command is missing.
pub(crate) fn help_for_want_of_a_command(text: &str) -> ExitCode {
    to_stderr(text);
    Failure::usage("").exit_code()
}

/// Something to know beside the answer.
pub(crate) fn note(form: Form, text: &str) {
    to_stderr(&match form {
        Form::Text => lines("vaultctl", text),
        Form::Json => format!("{}\n", serde_json::json!({ "note": text })),
    });
}

/// What failed, then what to do.
pub(crate) fn failure(form: Form, failure: &Failure) -> ExitCode {
    let error = serde_json::json!({ "kind": failure.kind(), "message": failure.text() });
    to_stderr(&match form {
        Form::Text => lines("vaultctl", failure.text()),
        Form::Json => format!("{}\n", serde_json::json!({ "error": error })),
    });
    failure.exit_code()
}

/// The same in a log with levels.
pub(crate) fn failure_at(level: Level, failure: &Failure) -> ExitCode {
    to_stderr(&lines(level.as_str(), failure.text()));
    failure.exit_code()
}

/// A line of a log with levels.
pub(crate) fn log(level: Level, text: &str) {
    to_stderr(&lines(level.as_str(), text));
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

/// The word in green or red, where a person looks at it.
pub(crate) fn verdict(good: bool, word: &str) -> String {
    let tone = if good { Tone::Good } else { Tone::Bad };
    style_of_output().paint(tone, word)
}

fn line_of(json: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let line = serde_json::to_vec(json)
        .map_err(|error| Failure::unexpected(format!("cannot write JSON: {error}")))?;
    let mut line = Zeroizing::new(line);
    line.push(b'\n');
    Ok(line)
}

/// Each line with `who` before it, and no control character in it.
fn lines(who: &str, text: &str) -> String {
    let line = |line: &str| format!("{who}: {}\n", printable(line));
    text.lines().map(line).collect()
}

fn to_stderr(text: &str) {
    // Without standard error the exit code alone must do.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_that_is_not_understood_may_ask_for_json() {
        let form = |words: &[&str]| Form::asked_by(words.iter().map(OsString::from));
        assert_eq!(form(&["nonsense", "--json"]), Form::Json);
        assert_eq!(form(&["status"]), Form::Text);
    }
}
