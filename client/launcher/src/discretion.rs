//! Which words of the command line may a message repeat?
//!
//! A token typed in the wrong place, or pasted there in a client's configuration, must not end up in
//! a log. Only what looks like a name is repeated: letters, digits, `.`, `_` and `-`, twenty at most;
//! tokens have more. The daemon repeats what it does not know: that is taken out of its words.

use vault_client::{Error, Wanted};
use vault_proto::kinds;

const LONGEST: usize = 20;

/// Whether this could be the name of a service.
pub(crate) fn is_name(word: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !word.is_empty() && !word.starts_with('.') && word.bytes().all(plain)
}

/// The words of one command line that messages must not repeat, with what stands for them.
#[derive(Debug)]
pub(crate) struct Unspoken(Vec<(String, &'static str)>);

impl Unspoken {
    /// For what is said of this failure.
    pub(crate) fn in_failure(wanted: &Wanted, error: &Error) -> Self {
        // A daemon that refuses for another reason has found the service, which is a name then.
        let knows_service = matches!(error, Error::Refused { kind, .. }
            if !["", kinds::UNKNOWN_SERVICE, kinds::INVALID_REQUEST].contains(&kind.as_str()));
        Self::of([
            (!knows_service).then_some((&wanted.service, "SERVICE")),
            Some((&wanted.environment, "ENVIRONMENT")),
            program(wanted),
        ])
    }

    /// For what is said of a service that there is, with the command that it would have.
    pub(crate) fn in_answer(wanted: &Wanted, argv: &[String]) -> Self {
        Self::of([
            Some((&wanted.environment, "ENVIRONMENT")),
            program(wanted).filter(|_| argv.is_empty()),
            None,
        ])
    }

    fn of(words: [Option<(&String, &'static str)>; 3]) -> Self {
        let may_be_secret = |word: &str| word.len() > LONGEST || !is_name(word);
        let words = words.into_iter().flatten();
        let words = words.filter(|(word, _)| !word.is_empty() && may_be_secret(word));
        Self(words.map(|(word, named)| (word.clone(), named)).collect())
    }

    /// The text without these words.
    pub(crate) fn taken_out_of(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (word, named) in &self.0 {
            text = text.replace(word, named);
        }
        text
    }
}

/// The first word of the command; one with a slash is a path and stays.
fn program(wanted: &Wanted) -> Option<(&String, &'static str)> {
    let word = wanted.command.first()?;
    (!word.contains('/')).then_some((word, "COMMAND"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "ghp_0123456789abcdefghijklmnopqrstuvwxyz";

    fn wanted(service: &str, environment: &str, program: &str) -> Wanted {
        Wanted {
            service: service.to_owned(),
            environment: environment.to_owned(),
            command: vec![program.to_owned()],
            ..Wanted::default()
        }
    }

    fn refused(kind: &str) -> Error {
        Error::Refused {
            kind: kind.to_owned(),
            message: String::new(),
        }
    }

    #[test]
    fn what_may_be_a_token_is_taken_out_wherever_it_stands() {
        let unspoken = Unspoken::in_failure(
            &wanted(TOKEN, "p@ss", TOKEN),
            &refused(kinds::UNKNOWN_SERVICE),
        );
        let text = format!("not found: {TOKEN}; p@ss; {TOKEN}");
        assert_eq!(
            unspoken.taken_out_of(&text),
            "not found: SERVICE; ENVIRONMENT; SERVICE"
        );
    }

    #[test]
    fn names_and_paths_stay() {
        let wanted = wanted("github", "production", "/opt/a/very/long/path/to/a/program");
        let unspoken = Unspoken::in_failure(&wanted, &refused(kinds::UNKNOWN_SERVICE));
        let text = "github production /opt/a/very/long/path/to/a/program";
        assert_eq!(unspoken.taken_out_of(text), text);
    }

    #[test]
    fn a_service_that_there_is_has_a_name_however_long() {
        let long = "atlassian-jira-and-confluence";
        let wanted = wanted(long, "", "");
        let text = |error| Unspoken::in_failure(&wanted, &error).taken_out_of(long);
        assert_eq!(text(refused(kinds::NOT_FOUND)), long);
        assert_eq!(text(refused(kinds::UNKNOWN_SERVICE)), "SERVICE");
        assert_eq!(text(Error::Ended), "SERVICE");
        assert_eq!(Unspoken::in_answer(&wanted, &[]).taken_out_of(long), long);
    }

    #[test]
    fn a_command_that_there_is_is_shown_and_another_is_not() {
        let wanted = wanted("git", "", TOKEN);
        let text = |argv: &[String]| Unspoken::in_answer(&wanted, argv).taken_out_of(TOKEN);
        assert_eq!(text(&[]), "COMMAND");
        assert_eq!(text(&["/bin/x".to_owned()]), TOKEN);
    }

    #[test]
    fn names_are_told_from_everything_else() {
        assert!(is_name("git.hub_2-x"));
        for word in ["", ".git", "a b", "a/b", "a@b", "ü", "a\n"] {
            assert!(!is_name(word), "{word:?}");
        }
    }
}
