//! Settings and words of a command: what stands in them in the clear, and what is not read in them.
//!
//! References to secrets are read below `secrets:` alone. Anywhere else they would reach the server as
//! text, and a server that has a reference for a password fails somewhere else.

use super::document::{At, ConfigError};
use super::warnings::Warnings;
use crate::backend_kinds::BackendKinds;
use crate::secret_patterns;

/// Programs whose argument behind `-c` is a script with variables of its own.
const SHELLS: [&str; 7] = ["sh", "bash", "dash", "zsh", "ash", "ksh", "fish"];

/// Refuses references and variables that nobody replaces in the value of a variable.
pub(super) fn check_setting(
    variable: &str,
    value: &str,
    at: &At<'_>,
    kinds: BackendKinds,
) -> Result<(), ConfigError> {
    if holds_reference(value, kinds) {
        return Err(at.error(format!(
            "holds a reference, which is read below secrets: alone; a whole value can stand there, \
             as in secrets: {{{variable}: local://NAME}}"
        )));
    }
    // What is put before the PATH that counts.
    let is_path = variable == "PATH";
    let value = if is_path {
        value.replace("${PATH}", "")
    } else {
        value.to_owned()
    };
    if holds_variable(&value) {
        return Err(at.error(format!(
            "holds a variable in ${{...}}, which nobody replaces here; a secret stands below \
             secrets: {{{variable}: local://NAME}}, anything else is written out"
        )));
    }
    Ok(())
}

/// Refuses the same in the words of a command.
pub(super) fn check_words(
    words: &[String],
    at: &At<'_>,
    kinds: BackendKinds,
) -> Result<(), ConfigError> {
    for (number, word) in words.iter().enumerate() {
        if holds_reference(word, kinds) {
            return Err(at.error(
                "holds a reference, which is read below secrets: alone; a command line is for \
                 everybody to read: give the server a variable, by secrets:",
            ));
        }
        if holds_variable(word) && !is_script(words, number) {
            return Err(at.error(
                "holds a variable in ${...}, which nobody replaces here; write it out, or give the \
                 server a variable, by secrets: or env_overrides:",
            ));
        }
    }
    Ok(())
}

/// Says that a secret stands in the clear in the value of a variable, or in a word of a command where none
/// is named, and where; never what it is.
pub(super) fn warn(
    variable: Option<&str>,
    text: &str,
    at: &At<'_>,
    warnings: &mut Warnings,
) -> Option<String> {
    let is_named =
        variable.is_some_and(|variable| secret_patterns::is_secret_setting(variable, text));
    (is_named || secret_patterns::holds_secret(text)).then(|| {
        let warning = at.error(
            "looks like a secret in the clear; store it with 'vaultctl put NAME', and write \
             local://NAME below secrets:",
        );
        let warning = warning.to_string();
        warnings.push(warning.clone());
        warning
    })
}

/// Whether a word is the script of a shell before it.
fn is_script(words: &[String], number: usize) -> bool {
    let before = &words[..number];
    let program = |word: &String| word.rsplit('/').next().unwrap_or_default().to_owned();
    let has_shell = before
        .iter()
        .any(|word| SHELLS.contains(&program(word).as_str()));
    let is_option = |word: &String| word.starts_with('-') && word.ends_with('c');
    has_shell && before.iter().skip(1).any(is_option)
}

fn holds_reference(text: &str, kinds: BackendKinds) -> bool {
    let schemes = kinds.all().map(|kind| kind.scheme).chain(["vault"]);
    schemes.map(|scheme| format!("{scheme}://")).any(|scheme| {
        // `oci-vault://` is no `vault://`, nor is `ref+vault://` of other programs.
        let mut places = text.match_indices(&scheme);
        places.any(|(place, _)| {
            let before = text[..place].chars().next_back();
            before.is_none_or(|letter| !letter.is_alphanumeric() && !"+-.".contains(letter))
        })
    })
}

/// Whether `${NAME}` stands in a text, with whatever a client has for it (`${env:NAME}`).
fn holds_variable(text: &str) -> bool {
    let mut rests = text
        .match_indices("${")
        .map(|(place, _)| &text[place + 2..]);
    rests.any(|rest| {
        let begins = rest.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_');
        let is_of_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        let behind = rest.trim_start_matches(is_of_name);
        begins && behind.starts_with(['}', ':']) && behind.contains('}')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        shell_words::split(text).unwrap()
    }

    #[test]
    fn references_and_variables_are_found_and_other_texts_are_none() {
        let kinds = BackendKinds::default();
        for (text, expected) in [
            ("local://x", true),
            ("Bearer vault://x", true),
            ("oci-vault://c/x", true),
            ("ref+vault://x", false),
            ("https://local/x", false),
            ("local:/x", false),
        ] {
            assert_eq!(holds_reference(text, kinds), expected, "{text}");
        }
        for (text, expected) in [
            ("${A}", true),
            ("x${env:A}y", true),
            ("${A:-b}", true),
            ("$A", false),
            ("${not a name}", false),
            ("${A", false),
            ("${}", false),
        ] {
            assert_eq!(holds_variable(text), expected, "{text}");
        }
    }

    #[test]
    fn the_script_of_a_shell_has_variables_of_its_own() {
        assert!(is_script(&words("/bin/sh -c 'echo ${A}'"), 2));
        assert!(is_script(&words("env bash -lc 'echo ${A}'"), 3));
        assert!(!is_script(&words("node -c '${A}'"), 2));
        assert!(!is_script(&words("sh '${A}'"), 1));
    }
}
