//! Redaction of messages: words of the command line that may be secrets are replaced.
//!
//! A token typed in the wrong place, or pasted there in a client's configuration, must not end up in
//! a log, and the daemon repeats what it does not know. What looks like a name stays: letters, digits,
//! `.`, `_` and `-`, twenty at most; tokens have more. What is too short or too common to be a secret
//! stays too, for it would be replaced in our own words.

use vault_client::{Error, LaunchOptions};
use vault_proto::kinds;
use vault_proto::names::is_service_name;

use crate::options::{ENVIRONMENT_VARIABLE, PROFILE_VARIABLE};

const MAX_NAME_LETTERS: usize = 20;
const MIN_SECRET_LETTERS: usize = 4;

const MAX_COMMON_WORDS: usize = 3;
const MAX_COMMON_LETTERS: usize = 12;
/// What our messages say and is no name by the rule above.
const OWN_WORDS: [&str; 4] = [
    ENVIRONMENT_VARIABLE,
    PROFILE_VARIABLE,
    "local://",
    "oci-vault://",
];

/// The words of one command line that messages must not repeat, with what stands for them.
#[derive(Debug)]
pub(crate) struct Redaction(Vec<(String, &'static str)>);

impl Redaction {
    /// For what is said of this failure.
    pub(crate) fn of_failure(options: &LaunchOptions, error: &Error) -> Self {
        // A daemon that refuses for another reason has found the service, which is a name then.
        let knows_service = matches!(error, Error::Refused { kind, .. }
            if !["", kinds::UNKNOWN_SERVICE, kinds::INVALID_REQUEST].contains(&kind.as_str()));
        Self::of([
            (!knows_service).then_some((&options.service, "SERVICE")),
            Some((&options.environment, "ENVIRONMENT")),
            program(options),
        ])
    }

    /// For what is said of a service that there is, with the command that it would have.
    pub(crate) fn of_answer(options: &LaunchOptions, argv: &[String]) -> Self {
        Self::of([
            Some((&options.environment, "ENVIRONMENT")),
            program(options).filter(|_| argv.is_empty()),
            None,
        ])
    }

    fn of(words: [Option<(&String, &'static str)>; 3]) -> Self {
        let words = words.into_iter().flatten();
        let words = words.filter(|(word, _)| may_be_secret(word));
        Self(
            words
                .map(|(word, name)| (word.trim().to_owned(), name))
                .collect(),
        )
    }

    /// The text without these words.
    pub(crate) fn apply(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (word, name) in &self.0 {
            text = text.replace(word, name);
        }
        text
    }
}

fn may_be_secret(text: &str) -> bool {
    let text = text.trim();
    let letters = text.chars().count();
    let looks_like_name = letters <= MAX_NAME_LETTERS && is_service_name(text);
    letters >= MIN_SECRET_LETTERS && !looks_like_name && !is_common(text)
}

/// Up to three plain words with their punctuation, as they stand in any message; a pass phrase has more.
fn is_common(text: &str) -> bool {
    let is_plain = |word: &str| {
        let word = word.trim_matches(['`', ':', ';', ',', '.', '(', ')']);
        word.len() <= MAX_COMMON_LETTERS && word.bytes().all(|byte| byte.is_ascii_lowercase())
    };
    let is_own = OWN_WORDS.contains(&text);
    is_own
        || text.split_whitespace().count() <= MAX_COMMON_WORDS
            && text.split_whitespace().all(is_plain)
}

/// The first word of the command; one with a slash is a path and stays.
fn program(options: &LaunchOptions) -> Option<(&String, &'static str)> {
    let word = options.command.first()?;
    (!word.contains('/')).then_some((word, "COMMAND"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "ghp_0123456789abcdefghijklmnopqrstuvwxyz";

    fn options(service: &str, environment: &str, program: &str) -> LaunchOptions {
        LaunchOptions {
            service: service.to_owned(),
            environment: environment.to_owned(),
            command: vec![program.to_owned()],
            ..LaunchOptions::default()
        }
    }

    fn refused(kind: &str) -> Error {
        Error::Refused {
            kind: kind.to_owned(),
            message: String::new(),
        }
    }

    #[test]
    fn what_may_be_a_token_is_replaced_wherever_it_stands() {
        let redaction = Redaction::of_failure(
            &options(TOKEN, "p@ss", TOKEN),
            &refused(kinds::UNKNOWN_SERVICE),
        );
        let text = format!("not found: {TOKEN}; p@ss; {TOKEN}");
        assert_eq!(
            redaction.apply(&text),
            "not found: SERVICE; ENVIRONMENT; SERVICE"
        );
    }

    #[test]
    fn what_is_too_short_or_too_common_to_be_a_secret_garbles_nothing() {
        let text = "github: no such environment: ``; `OCI_VAULT_ENVIRONMENT` names it, and \
                    local://x is not found\nvaultd did not answer within 8 seconds; a/b";
        for word in [
            "",
            " ",
            "\t",
            "   ",
            "      ",
            "\n",
            "e",
            "/",
            ":",
            "a b",
            "`",
            "``",
            ": ",
            "; `",
            "not found",
            "no such environment:",
            "OCI_VAULT_ENVIRONMENT",
            "local://",
            "did not answer",
            " is ",
        ] {
            let options = options("github", word, word);
            let of_failure = Redaction::of_failure(&options, &refused(kinds::UNKNOWN_SERVICE));
            assert_eq!(of_failure.apply(text), text, "{word:?}");
        }
    }

    #[test]
    fn a_secret_between_blanks_or_of_several_words_is_replaced() {
        for word in [
            " tok@n ",
            "correct horse battery staple",
            "no such p@ssword",
        ] {
            let options = options("github", word, "");
            let redaction = Redaction::of_failure(&options, &refused(kinds::UNKNOWN_ENVIRONMENT));
            let text = format!("no environment `{}`", word.trim());
            assert_eq!(redaction.apply(&text), "no environment `ENVIRONMENT`");
        }
    }

    #[test]
    fn names_and_paths_stay() {
        let options = options("github", "production", "/opt/a/very/long/path/to/a/program");
        let redaction = Redaction::of_failure(&options, &refused(kinds::UNKNOWN_SERVICE));
        let text = "github production /opt/a/very/long/path/to/a/program";
        assert_eq!(redaction.apply(text), text);
    }

    #[test]
    fn a_service_that_there_is_has_a_name_however_long() {
        let long = "atlassian-jira-and-confluence";
        let options = options(long, "", "");
        let text = |error| Redaction::of_failure(&options, &error).apply(long);
        assert_eq!(text(refused(kinds::NOT_FOUND)), long);
        assert_eq!(text(refused(kinds::UNKNOWN_SERVICE)), "SERVICE");
        assert_eq!(text(Error::Ended), "SERVICE");
        assert_eq!(Redaction::of_answer(&options, &[]).apply(long), long);
    }

    #[test]
    fn a_command_that_there_is_is_shown_and_another_is_not() {
        let options = options("git", "", TOKEN);
        let text = |argv: &[String]| Redaction::of_answer(&options, argv).apply(TOKEN);
        assert_eq!(text(&[]), "COMMAND");
        assert_eq!(text(&["/bin/x".to_owned()]), TOKEN);
    }
}
