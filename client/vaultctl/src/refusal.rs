//! Messages about a command line that is not understood, without its words.
//!
//! clap would repeat the word it did not expect. That word may be a secret, typed where none
//! belongs, and terminals and logs remember: no word of the command line is repeated here, but an
//! option whose name is made of small letters and dashes alone, as names of options are.

use std::error::Error as _;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use vault_client::daemons_option;

use crate::failure::Failure;
use crate::report::{self, Form};

/// Names of options are shorter, and most secrets are longer.
const LONGEST_OPTION: usize = 20;
const STRAY_ARGUMENT: &str = "an argument too many or an unknown option (it is not repeated here: \
     a value is never an argument, but typed, piped or in a file)";

/// Help and version go to standard output, the rest to standard error with exit code 2.
pub(crate) fn show(form: Form, error: &clap::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => report::text(&error.to_string()),
        // Without a command there is nothing to do: a script that lost it must notice.
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand if form == Form::Text => {
            report::help_for_want_of_a_command(&error.to_string())
        }
        _ => report::failure(form, &Failure::usage(reason(error))),
    }
}

fn reason(error: &clap::Error) -> String {
    // The name of an option or argument as this program declares it, not as it was written.
    let declared = || match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(name)) => name.clone(),
        Some(ContextValue::Strings(names)) => names.join(" "),
        _ => "an argument".to_owned(),
    };
    match error.kind() {
        ErrorKind::UnknownArgument => match error.get(ContextKind::InvalidArg) {
            Some(ContextValue::String(name)) => daemons_option(name)
                .or_else(|| unknown_option(name, error))
                .unwrap_or_else(|| STRAY_ARGUMENT.to_owned()),
            _ => STRAY_ARGUMENT.to_owned(),
        },
        ErrorKind::InvalidSubcommand => match error.get(ContextKind::SuggestedSubcommand) {
            Some(ContextValue::Strings(names)) if !names.is_empty() => {
                format!("no such command; perhaps `{}`", names.join("` or `"))
            }
            _ => "no such command".to_owned(),
        },
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            "which command?".to_owned()
        }
        ErrorKind::MissingRequiredArgument => format!("missing: {}", declared()),
        ErrorKind::ValueValidation => match error.source() {
            Some(cause) => format!("{}: {cause}", declared()),
            None => format!("{}: not accepted", declared()),
        },
        ErrorKind::InvalidUtf8 => "an argument is not UTF-8".to_owned(),
        ErrorKind::ArgumentConflict => format!("{} is there twice", declared()),
        _ => format!("{}: not accepted", declared()),
    }
}

/// Names an option that is none, where it can be nothing else than the name of one.
fn unknown_option(word: &str, error: &clap::Error) -> Option<String> {
    let name = word.split('=').next().unwrap_or_default();
    let is_name = match name.strip_prefix("--") {
        Some(long) => {
            let mut parts = long.split('-');
            long.len() <= LONGEST_OPTION && parts.all(is_small_letters)
        }
        None => {
            let short = name.strip_prefix('-');
            short.is_some_and(|short| short.len() == 1 && is_small_letters(short))
        }
    };
    let nearest = match error.get(ContextKind::SuggestedArg) {
        Some(ContextValue::String(nearest)) => format!("; perhaps {nearest}"),
        _ => "; a value is never an argument, but typed, piped or in a file".to_owned(),
    };
    is_name.then(|| format!("unknown option {name}{nearest}"))
}

fn is_small_letters(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::Arguments;
    use clap::Parser;

    fn refused(words: &[&str]) -> String {
        let words = std::iter::once("vaultctl").chain(words.iter().copied());
        reason(&Arguments::try_parse_from(words).expect_err("refused"))
    }

    #[test]
    fn no_word_of_the_command_line_is_repeated() {
        for words in [
            &["put", "name", "hunter2"][..],
            &["put", "name", "--hunter2"],
            &["put", "name", "--file=x", "hunter2"],
            &["put", "name", "--exact=hunter2"],
            &["put", "hunter2/../x"],
            &["put", "name", "-hunter2"],
            &["status", "--an-option-that-is-hunter2"],
            &["status", "--verbose=hunter2"],
            &["hunter2"],
            &["--deadline", "hunter2", "status"],
            &["status", "hunter2"],
            &["policy", "hunter2"],
            &["get", "local://hunter2/x"],
            &["put", "name", "--file", "a", "--file", "hunter2"],
            &["schedule-deletion", "name", "--in", "hunter2"],
            &["cancel-deletion", "name", "--version", "hunter2"],
        ] {
            let text = refused(words);
            assert!(!text.contains("hunter2"), "{words:?}: {text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert!(refused(&["staus"]).contains("`status`"));
        assert!(refused(&["put"]).contains("<NAME>"));
        assert!(refused(&["get", "a..b"]).contains(".."));
        assert!(refused(&["delete", "a?version=2"]).contains("without a version"));
        let unknown = refused(&["status", "--wach"]);
        assert_eq!(unknown, "unknown option --wach; perhaps --watch");
        assert!(refused(&["list", "--verbose=x"]).starts_with("unknown option --verbose;"));
        assert!(refused(&["list", "-a"]).starts_with("unknown option -a;"));
        assert!(refused(&["--config=x", "status"]).contains("belongs to vaultd"));
    }
}
