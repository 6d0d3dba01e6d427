//! The command line: its options, and what a run is to do.
//!
//! What does not belong is never repeated in a message: a token typed in the wrong place must not
//! end up in a client's log.

use std::ffi::OsString;
use std::time::Duration;

use lexopt::{Arg, Parser};
use vault_client::{LaunchOptions, daemons_option};
use vault_proto::names::is_service_name;

use crate::failure::Failure;

/// Chooses an environment where the arguments do not.
pub(crate) const ENVIRONMENT_VARIABLE: &str = "OCI_VAULT_ENVIRONMENT";
/// The OCI profile asked for; the daemon gives it only where the service lists it.
pub(crate) const PROFILE_VARIABLE: &str = "OCI_CONFIG_PROFILE";

const DEFAULT_DEADLINE: Duration = Duration::from_secs(8);
const MAX_DEADLINE_SECONDS: u64 = 60;
const UNKNOWN_OPTION: &str = "unknown option";

/// What the command line asks for.
#[derive(Debug)]
pub(crate) enum Invocation {
    Help,
    Version,
    Run(Run),
    TestAll(TestAll),
}

/// Every service to check.
#[derive(Debug)]
pub(crate) struct TestAll {
    pub(crate) environment: String,
    pub(crate) environment_inherited: bool,
    pub(crate) deadline: Duration,
}

/// A server to start or to check.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) launch: LaunchOptions,
    pub(crate) mode: Mode,
    pub(crate) deadline: Duration,
    pub(crate) verbose: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Start,
    Test,
}

/// The arguments as raw.
#[derive(Debug, Default)]
struct RawArguments {
    service: Option<String>,
    environment: Option<String>,
    command: Option<Vec<String>>,
    deadline: Option<Duration>,
    test: bool,
    verbose: bool,
}

/// Whether an MCP client may have started this, and wait for a server: not where it is a test.
pub(crate) fn may_have_a_client(arguments: &[OsString]) -> bool {
    let options = arguments.iter().take_while(|word| *word != "--");
    !options.into_iter().any(|word| word == "--test")
}

/// Reads the arguments; `variable` is the value of [`ENVIRONMENT_VARIABLE`].
pub(crate) fn parse(
    mut arguments: Vec<OsString>,
    variable: Option<OsString>,
) -> Result<Invocation, Failure> {
    // Cut first, so that no option can take a word of the command for its value.
    let mut raw = RawArguments::default();
    if let Some(cut) = arguments.iter().position(|word| word == "--") {
        let words = arguments.split_off(cut).into_iter().skip(1);
        raw.name_command(command_words(words)?)?;
    }
    let mut parser = Parser::from_args(arguments);
    while let Some(argument) = parser.next().map_err(without_values)? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => return Ok(Invocation::Help),
            Arg::Short('V') | Arg::Long("version") => return Ok(Invocation::Version),
            Arg::Long("test") => raw.test = true,
            Arg::Short('v') | Arg::Long("verbose") => raw.verbose = true,
            Arg::Long("deadline") => raw.deadline = Some(seconds(text(&mut parser)?)?),
            Arg::Long("service") => raw.name_service(text(&mut parser)?)?,
            Arg::Long("env" | "environment") => raw.environment = Some(text(&mut parser)?),
            Arg::Long("command") => {
                let words = command_words(parser.values().map_err(without_values)?)?;
                raw.name_command(split_if_alone(words)?)?;
            }
            Arg::Value(word) => raw.name_service(utf8(word, "the service's name")?)?,
            Arg::Long(name) => {
                let words = daemons_option(name).unwrap_or_else(|| UNKNOWN_OPTION.to_owned());
                return Err(wrong(words));
            }
            Arg::Short(_) => return Err(wrong(UNKNOWN_OPTION)),
        }
    }
    if raw.test && raw.service.is_none() && raw.command.is_none() {
        return raw.into_test_of_all(variable).map(Invocation::TestAll);
    }
    raw.into_run(variable).map(Invocation::Run)
}

impl RawArguments {
    fn name_service(&mut self, name: String) -> Result<(), Failure> {
        match self.service.replace(name) {
            None => Ok(()),
            Some(_) => Err(wrong(
                "one service at a time; another command goes after --",
            )),
        }
    }

    fn name_command(&mut self, words: Vec<String>) -> Result<(), Failure> {
        if words.is_empty() {
            return Err(wrong("no command after -- or --command"));
        }
        match self.command.replace(words) {
            None => Ok(()),
            Some(_) => Err(wrong("one command at a time, after -- or --command")),
        }
    }

    fn into_test_of_all(self, variable: Option<OsString>) -> Result<TestAll, Failure> {
        let flag = self.environment.filter(|name| !name.is_empty());
        let inherited = utf8(variable.unwrap_or_default(), ENVIRONMENT_VARIABLE)?;
        Ok(TestAll {
            environment_inherited: flag.is_none() && !inherited.is_empty(),
            environment: flag.unwrap_or(inherited),
            deadline: self.deadline.unwrap_or(DEFAULT_DEADLINE),
        })
    }

    fn into_run(self, variable: Option<OsString>) -> Result<Run, Failure> {
        let named = self
            .service
            .ok_or_else(|| wrong("which service? Its name is missing"))?;
        let (service, at) = match named.split_once('@') {
            Some((service, environment)) => (service.to_owned(), Some(environment.to_owned())),
            None => (named, None),
        };
        if !is_service_name(&service) {
            return Err(wrong(
                "the service has no name as services have: letters, digits, . _ and -",
            ));
        }
        if at.as_deref() == Some("") {
            return Err(wrong("there is no environment after the @"));
        }
        // An empty one is none, as people's wrappers have always passed it.
        let flag = self.environment.filter(|name| !name.is_empty());
        let (environment, environment_inherited) = match (at, flag) {
            (Some(at), Some(flag)) if at != flag => {
                return Err(wrong(
                    "SERVICE@ENVIRONMENT and --env name different environments",
                ));
            }
            (Some(name), _) | (None, Some(name)) => (name, false),
            (None, None) => {
                let name = utf8(variable.unwrap_or_default(), ENVIRONMENT_VARIABLE)?;
                let is_there = !name.is_empty();
                (name, is_there)
            }
        };
        Ok(Run {
            launch: LaunchOptions {
                service,
                environment,
                environment_inherited,
                command: self.command.unwrap_or_default(),
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

fn command_words(words: impl Iterator<Item = OsString>) -> Result<Vec<String>, Failure> {
    words
        .map(|word| utf8(word, "a word of the command"))
        .collect()
}

/// A whole command in one word, as people quote it for `--command`; with only blanks it is empty.
fn split_if_alone(words: Vec<String>) -> Result<Vec<String>, Failure> {
    match words.as_slice() {
        [word] if word.contains(char::is_whitespace) => shell_words::split(word)
            .map_err(|_| wrong("the command after --command has a quote without its end")),
        _ => Ok(words),
    }
}

fn text(parser: &mut Parser) -> Result<String, Failure> {
    utf8(parser.value().map_err(without_values)?, "a value")
}

fn utf8(word: OsString, what: &str) -> Result<String, Failure> {
    word.into_string()
        .map_err(|_| wrong(format!("{what} is not UTF-8")))
}

fn seconds(text: String) -> Result<Duration, Failure> {
    text.parse()
        .ok()
        .filter(|seconds| (1..=MAX_DEADLINE_SECONDS).contains(seconds))
        .map(Duration::from_secs)
        .ok_or_else(|| wrong("--deadline takes whole seconds, from 1 to 60"))
}

fn wrong(what: impl Into<String>) -> Failure {
    Failure::configuration(what)
}

/// lexopt's own messages repeat what was raw.
fn without_values(error: lexopt::Error) -> Failure {
    match error {
        lexopt::Error::MissingValue { .. } => wrong("an option lacks its value"),
        lexopt::Error::UnexpectedValue { .. } => wrong("an option has a value and takes none"),
        _ => wrong("the arguments are not understood"),
    }
}

#[cfg(test)]
mod tests;
