//! Failures before there is a server: their words and exit codes.

use std::borrow::Cow;
use std::io::ErrorKind;
use std::process::ExitCode;

use vault_proto::kinds;
use vault_proto::printable::printable;

/// The most lines that go to standard error.
pub(crate) const MAX_LINES: usize = 3;

const UNEXPECTED: u8 = 1;
const USAGE: u8 = 2;
const REFUSED: u8 = 3;
const NOT_EXECUTABLE: u8 = 126;
const NOT_FOUND: u8 = 127;

/// Why there is no server.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    lines: Vec<String>,
    client_waits: bool,
}

impl Failure {
    /// The arguments, or the configuration of the service, do not fit. The text repeats no argument.
    pub(crate) fn configuration(what: impl Into<String>) -> Self {
        Self::new(USAGE, &what.into())
    }

    /// The secrets cannot be used.
    pub(crate) fn refused(what: impl Into<String>) -> Self {
        Self::new(REFUSED, &what.into())
    }

    /// Nothing that a person did.
    pub(crate) fn unexpected(what: impl Into<String>) -> Self {
        Self::new(UNEXPECTED, &what.into())
    }

    /// The server's program needs another one, which is not there.
    pub(crate) fn no_interpreter(what: impl Into<String>) -> Self {
        Self::new(NOT_FOUND, &what.into())
    }

    /// The system does not hand that much to a program.
    pub(crate) fn too_large(what: impl Into<String>) -> Self {
        Self::new(NOT_EXECUTABLE, &what.into())
    }

    /// The server's program cannot be run; 127 and 126 as shells have them.
    pub(crate) fn exec(program: &str, error: &std::io::Error) -> Self {
        let why = match error.kind() {
            ErrorKind::NotFound => {
                return Self::new(NOT_FOUND, &format!("cannot run {program}: {error}"));
            }
            ErrorKind::ArgumentListTooLong => {
                "its arguments and environment are larger than this system permits".to_owned()
            }
            _ => error.to_string(),
        };
        Self::new(NOT_EXECUTABLE, &format!("cannot run {program}: {why}"))
    }

    fn new(code: u8, text: &str) -> Self {
        let mut lines: Vec<String> = text
            .lines()
            .map(str::trim_end)
            .filter(|line| !line.is_empty())
            .map(printable)
            .collect();
        if lines.is_empty() {
            lines.push("no reason was given".to_owned());
        }
        Self {
            code,
            lines,
            client_waits: true,
        }
    }

    /// Says which service it is about.
    pub(crate) fn about(mut self, service: &str) -> Self {
        self.lines[0] = format!("{service}: {}", self.lines[0]);
        self
    }

    /// Says what to do as well.
    pub(crate) fn hint(mut self, what: String) -> Self {
        self.lines.push(what);
        self
    }

    /// Leaves out what must not be repeated.
    pub(crate) fn redacted(mut self, redact: impl Fn(&str) -> String) -> Self {
        for line in &mut self.lines {
            *line = redact(line);
        }
        self
    }

    /// Nobody speaks to a server: it was only a test.
    pub(crate) fn without_a_client(mut self) -> Self {
        self.client_waits = false;
        self
    }

    /// One to three lines without a line break: what failed, then what to do. A person who tests
    /// gets all there are.
    pub(crate) fn lines(&self) -> Vec<&str> {
        let mut lines: Vec<&str> = self.lines.iter().map(String::as_str).collect();
        if self.client_waits && lines.len() > MAX_LINES {
            lines.truncate(MAX_LINES - 1);
            lines.push("`vault-run --test` with the same arguments shows the rest");
        }
        lines
    }

    /// The code as a number.
    pub(crate) fn code(&self) -> u8 {
        self.code
    }

    /// What this process ends with.
    pub(crate) fn exit_code(&self) -> ExitCode {
        self.code.into()
    }
}

impl From<vault_client::Error> for Failure {
    fn from(error: vault_client::Error) -> Self {
        let code = match error.kind() {
            kinds::COMMAND_NOT_FOUND => NOT_FOUND,
            kinds::COMMAND_NOT_EXECUTABLE => NOT_EXECUTABLE,
            _ if error.is_usage() => USAGE,
            _ => REFUSED,
        };
        let mut failure = Self::new(code, &error.to_string());
        failure.lines.extend(error.remedy().map(Cow::into_owned));
        failure
    }
}

/// What `--test` ends with where the daemon has answered.
pub(crate) fn code_of_check(launchable: bool, problem: Option<&Failure>) -> ExitCode {
    match problem {
        _ if !launchable => REFUSED.into(),
        Some(problem) => problem.exit_code(),
        None => ExitCode::SUCCESS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vault_client::Error;

    fn code_of(kind: &str) -> u8 {
        Failure::from(Error::Refused {
            kind: kind.to_owned(),
            message: "m".to_owned(),
        })
        .code
    }

    #[test]
    fn each_kind_has_its_exit_code() {
        for (kind, code) in [
            (kinds::UNKNOWN_SERVICE, 2),
            (kinds::UNKNOWN_ENVIRONMENT, 2),
            (kinds::CONFIGURATION, 2),
            (kinds::INVALID_REQUEST, 2),
            (kinds::COMMAND_NOT_FOUND, 127),
            (kinds::COMMAND_NOT_EXECUTABLE, 126),
            (kinds::DENIED, 3),
            (kinds::NOT_FOUND, 3),
            (kinds::UNAVAILABLE, 3),
            (kinds::AUDIT, 3),
            ("a word of tomorrow", 3),
        ] {
            assert_eq!(code_of(kind), code, "{kind}");
        }
    }

    #[test]
    fn a_long_message_is_cut_to_three_lines() {
        let failure = Failure::refused("one\n\ntwo\u{7}\nthree\nfour").about("svc");
        let hint = "`vault-run --test` with the same arguments shows the rest";
        assert_eq!(failure.lines(), ["svc: one", "two\u{fffd}", hint]);
        assert_eq!(failure.without_a_client().lines().len(), 4);
    }

    #[test]
    fn an_environment_that_is_too_large_is_said_in_one_line() {
        let error = std::io::Error::from(ErrorKind::ArgumentListTooLong);
        let failure = Failure::exec("/bin/x", &error);
        let expected = "cannot run /bin/x: its arguments and environment are larger than this \
                        system permits";
        assert_eq!((failure.lines(), failure.code), (vec![expected], 126));
    }
}
