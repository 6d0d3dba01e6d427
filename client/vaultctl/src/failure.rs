//! Failures: their words, stable kinds and exit codes.

use std::process::ExitCode;

const UNEXPECTED: u8 = 1;
const USAGE: u8 = 2;
const REFUSED: u8 = 3;
/// As shells report death by SIGINT.
const INTERRUPTED: u8 = 130;

/// What failed, then what to do.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    kind: String,
    text: String,
}

impl Failure {
    /// The command line is wrong.
    pub(crate) fn usage(what: impl std::fmt::Display) -> Self {
        Self::new(
            USAGE,
            "usage",
            format!("{what}\n`vaultctl --help` shows how"),
        )
    }

    /// What was to be read or stored is not fit for it.
    pub(crate) fn input(what: impl Into<String>) -> Self {
        Self::new(USAGE, "input", what.into())
    }

    /// A person ended it before anything was done.
    pub(crate) fn interrupted() -> Self {
        let what = "interrupted, nothing was done".to_owned();
        Self::new(INTERRUPTED, "interrupted", what)
    }

    /// A person said no.
    pub(crate) fn refused(what: impl Into<String>) -> Self {
        Self::new(REFUSED, "refused", what.into())
    }

    /// The same with what to do.
    pub(crate) fn with_remedy(self, remedy: &str) -> Self {
        Self {
            text: format!("{}\n{remedy}", self.text),
            ..self
        }
    }

    /// Nothing that a person did.
    pub(crate) fn unexpected(what: impl Into<String>) -> Self {
        Self::new(UNEXPECTED, "unexpected", what.into())
    }

    /// The same with the exit code of what nobody did.
    pub(crate) fn into_unexpected(self) -> Self {
        Self {
            code: UNEXPECTED,
            ..self
        }
    }

    fn new(code: u8, kind: &str, text: String) -> Self {
        Self {
            code,
            kind: kind.to_owned(),
            text,
        }
    }

    /// A stable word, for programs.
    pub(crate) fn kind(&self) -> &str {
        &self.kind
    }

    /// The words, in one or more lines.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// What this process ends with.
    pub(crate) fn exit_code(&self) -> ExitCode {
        self.code.into()
    }
}

impl From<vault_client::Error> for Failure {
    fn from(error: vault_client::Error) -> Self {
        let code = if error.is_usage() { USAGE } else { REFUSED };
        let kind = match error.kind() {
            "" => "refused",
            kind => kind,
        };
        let text = match error.remedy() {
            Some(remedy) => format!("{error}\n{remedy}"),
            None => error.to_string(),
        };
        Self::new(code, kind, text)
    }
}

/// What `status` ends with.
pub(crate) fn code_of_health(healthy: bool) -> ExitCode {
    if healthy {
        ExitCode::SUCCESS
    } else {
        USAGE.into()
    }
}

/// What a command ends with that could do only some of what was asked, or was told no.
pub(crate) fn code_of_success(all: bool) -> ExitCode {
    if all {
        ExitCode::SUCCESS
    } else {
        REFUSED.into()
    }
}
