//! What do the arguments ask for?
//!
//! What does not belong is never repeated in a message: a token typed in the wrong place must not
//! end up in a client's log.

use std::ffi::OsString;
use std::time::Duration;

use lexopt::{Arg, Parser};
use vault_client::Wanted;

use crate::failure::Failure;

/// Chooses an environment where the arguments do not.
pub(crate) const ENVIRONMENT_VARIABLE: &str = "OCI_VAULT_ENVIRONMENT";
/// The OCI profile asked for; the daemon gives it only where the service lists it.
pub(crate) const PROFILE_VARIABLE: &str = "OCI_CONFIG_PROFILE";

const DEFAULT_DEADLINE: Duration = Duration::from_secs(8);
const LONGEST_DEADLINE_SECONDS: u64 = 60;
/// These choose what a service gets: the daemon's business, not a client's.
const DAEMONS_OPTIONS: [&str; 3] = ["config", "config-file", "instance-principals"];

/// What is wanted of this run.
#[derive(Debug)]
pub(crate) enum Asked {
    Help,
    Version,
    Start(Order),
}

/// A server to start or to check.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) wanted: Wanted,
    pub(crate) mode: Mode,
    pub(crate) deadline: Duration,
    pub(crate) verbose: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Start,
    Test,
}

/// The arguments as written.
#[derive(Debug, Default)]
struct Written {
    service: Option<String>,
    environment: Option<String>,
    deadline: Option<Duration>,
    test: bool,
    verbose: bool,
}

/// Reads the arguments; `variable` is the value of [`ENVIRONMENT_VARIABLE`].
pub(crate) fn parse(
    mut arguments: Vec<OsString>,
    variable: Option<OsString>,
) -> Result<Asked, Failure> {
    // Cut first, so that no option can take a word of the command for its value.
    let command = match arguments.iter().position(|word| word == "--") {
        Some(cut) => command_words(arguments.split_off(cut))?,
        None => Vec::new(),
    };
    let mut written = Written::default();
    let mut parser = Parser::from_args(arguments);
    while let Some(argument) = parser.next().map_err(without_values)? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => return Ok(Asked::Help),
            Arg::Short('V') | Arg::Long("version") => return Ok(Asked::Version),
            Arg::Long("test") => written.test = true,
            Arg::Short('v') | Arg::Long("verbose") => written.verbose = true,
            Arg::Long("deadline") => written.deadline = Some(seconds(text(&mut parser)?)?),
            Arg::Long("service") => written.name_service(text(&mut parser)?)?,
            Arg::Long("env" | "environment") => written.environment = Some(text(&mut parser)?),
            Arg::Value(word) => written.name_service(utf8(word, "the service's name")?)?,
            Arg::Long(name) => return Err(unknown(name)),
            Arg::Short(_) => return Err(Failure::usage("unknown option")),
        }
    }
    written.meant(command, variable).map(Asked::Start)
}

impl Written {
    fn name_service(&mut self, name: String) -> Result<(), Failure> {
        match self.service.replace(name) {
            None => Ok(()),
            Some(_) => Err(Failure::usage(
                "one service at a time; another command goes after --",
            )),
        }
    }

    fn meant(self, command: Vec<String>, variable: Option<OsString>) -> Result<Order, Failure> {
        let named = self
            .service
            .ok_or_else(|| Failure::usage("which service? vault-run SERVICE"))?;
        let (service, at) = match named.split_once('@') {
            Some((service, environment)) => (service.to_owned(), Some(environment.to_owned())),
            None => (named, None),
        };
        if service.is_empty()
            || at.as_deref() == Some("")
            || self.environment.as_deref() == Some("")
        {
            return Err(Failure::usage("a service or environment has an empty name"));
        }
        let environment = match (at, self.environment) {
            (Some(at), Some(flag)) if at != flag => {
                return Err(Failure::usage(
                    "SERVICE@ENVIRONMENT and --env name different environments",
                ));
            }
            (Some(name), _) | (None, Some(name)) => name,
            (None, None) => utf8(variable.unwrap_or_default(), ENVIRONMENT_VARIABLE)?,
        };
        Ok(Order {
            wanted: Wanted {
                service,
                environment,
                command,
                // Chosen in a client's configuration, and never on a command line.
                profile: String::new(),
            },
            mode: if self.test { Mode::Test } else { Mode::Start },
            deadline: self.deadline.unwrap_or(DEFAULT_DEADLINE),
            verbose: self.verbose,
        })
    }
}

/// The OCI profile asked for, empty for none; `variable` is the value of [`PROFILE_VARIABLE`].
pub(crate) fn profile(variable: Option<OsString>) -> Result<String, Failure> {
    utf8(variable.unwrap_or_default(), PROFILE_VARIABLE)
}

fn command_words(with_dashes: Vec<OsString>) -> Result<Vec<String>, Failure> {
    let words: Vec<String> = with_dashes
        .into_iter()
        .skip(1)
        .map(|word| utf8(word, "a word of the command"))
        .collect::<Result<_, _>>()?;
    if words.is_empty() {
        return Err(Failure::usage("no command after --"));
    }
    Ok(words)
}

fn text(parser: &mut Parser) -> Result<String, Failure> {
    utf8(parser.value().map_err(without_values)?, "a value")
}

fn utf8(word: OsString, what: &str) -> Result<String, Failure> {
    word.into_string()
        .map_err(|_| Failure::usage(format!("{what} is not UTF-8")))
}

fn seconds(text: String) -> Result<Duration, Failure> {
    text.parse()
        .ok()
        .filter(|seconds| (1..=LONGEST_DEADLINE_SECONDS).contains(seconds))
        .map(Duration::from_secs)
        .ok_or_else(|| Failure::usage("--deadline takes whole seconds, from 1 to 60"))
}

fn unknown(name: &str) -> Failure {
    if DAEMONS_OPTIONS.contains(&name) {
        return Failure::usage(format!(
            "--{name} belongs to vaultd, which owns the configuration; give it there"
        ));
    }
    Failure::usage("unknown option")
}

/// lexopt's own messages repeat what was written.
fn without_values(error: lexopt::Error) -> Failure {
    match error {
        lexopt::Error::MissingValue { .. } => Failure::usage("an option lacks its value"),
        lexopt::Error::UnexpectedValue { .. } => {
            Failure::usage("an option has a value and takes none")
        }
        _ => Failure::usage("the arguments are not understood"),
    }
}

#[cfg(test)]
mod tests;
