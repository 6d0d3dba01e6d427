//! The report of --test: names, versions, ages and states; never a value.

use std::ffi::OsString;
use std::fmt::Write;
use std::path::PathBuf;

use vault_client::{Row, Style, age_in_words, state_with_reason, table};
use vault_proto::generated::{CheckReply, CheckedSecret};
use vault_proto::printable::printable;

const HEADINGS: [&str; 5] = ["VARIABLE", "REFERENCE", "VERSION", "AGE", "STATE"];

/// What only this side can see.
#[derive(Debug, Default)]
pub(crate) struct SeenHere {
    /// The PATH of the server.
    pub(crate) path: Option<OsString>,
    /// What the `#!` line of the program leads to.
    pub(crate) interpreter: Option<PathBuf>,
    /// Loader variables of this environment.
    pub(crate) dropped: Vec<String>,
    /// Why nothing would start.
    pub(crate) problem: Option<String>,
}

/// The whole report.
pub(crate) fn of(reply: &CheckReply, seen: &SeenHere) -> String {
    let mut text = String::new();
    if !reply.secrets.is_empty() {
        let rows: Vec<_> = reply.secrets.iter().map(row).collect();
        text.push_str(&table(HEADINGS, &rows, Style::PLAIN));
    }
    let mut line = |name: &str, value: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name}: {}", printable(value));
    };
    let argv: Vec<String> = reply.argv.iter().map(|word| quoted(word)).collect();
    line("command", &argv.join(" "));
    if let Some(interpreter) = &seen.interpreter {
        line("interpreter", &interpreter.display().to_string());
    }
    if let Some(path) = &seen.path {
        line("PATH", &path.to_string_lossy());
    }
    if !reply.cwd.is_empty() {
        line("directory", &reply.cwd);
    }
    if !reply.setting_names.is_empty() {
        line("settings", &reply.setting_names.join(", "));
    }
    let kept = |name: &&String| reply.keep_variables.contains(*name);
    let names: Vec<&str> = seen
        .dropped
        .iter()
        .filter(|name| !kept(name))
        .map(String::as_str)
        .collect();
    if !names.is_empty() {
        line("not inherited", &names.join(", "));
    }
    for warning in &reply.warnings {
        line("warning", warning);
    }
    if let Some(problem) = &seen.problem {
        line("problem", problem);
    }
    let starts = reply.launchable && seen.problem.is_none();
    line("would start", if starts { "yes" } else { "no" });
    text
}

fn row(secret: &CheckedSecret) -> Row<5> {
    let (version, age, mut state) = match &secret.provenance {
        Some(held) => (
            held.version.clone(),
            age_in_words(held.age_ms),
            state_with_reason(held),
        ),
        None => ("-".to_owned(), "-".to_owned(), secret.problem.clone()),
    };
    if !secret.required {
        state.push_str(" (optional)");
    }
    [
        secret.variable.clone(),
        secret.reference.clone(),
        version,
        age,
        state,
    ]
    .into()
}

/// A word as a shell would need it, so that spaces and empty words are seen.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "-_./:=@%+,".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vault_proto::generated::Provenance;

    #[test]
    fn a_report_shows_names_ages_and_problems() {
        let secret = |variable: &str, provenance, problem: &str| CheckedSecret {
            variable: variable.to_owned(),
            reference: "local://x".to_owned(),
            required: variable != "B",
            provenance,
            problem: problem.to_owned(),
        };
        let held = Provenance {
            version: "7".to_owned(),
            age_ms: 61_000,
            state: 2,
            stale_reason: "timeout".to_owned(),
        };
        let reply = CheckReply {
            argv: vec!["/bin/x".to_owned(), String::new(), "a b'c".to_owned()],
            cwd: "/srv".to_owned(),
            secrets: vec![secret("A", Some(held), ""), secret("B", None, "not found")],
            setting_names: vec!["S".to_owned()],
            warnings: vec!["mind\u{1b}".to_owned()],
            launchable: false,
            keep_variables: vec!["NODE_OPTIONS".to_owned()],
            path: vec![],
            program_directory: String::new(),
        };
        let expected = "VARIABLE  REFERENCE  VERSION  AGE       STATE\n\
                        A         local://x  7        1 minute  stale: timeout\n\
                        B         local://x  -        -         not found (optional)\n\
                        command: /bin/x '' 'a b'\\''c'\n\
                        interpreter: /usr/bin/node\n\
                        PATH: /opt/bin:/usr/bin\n\
                        directory: /srv\n\
                        settings: S\n\
                        not inherited: LD_PRELOAD, ZDOTDIR\n\
                        warning: mind\u{fffd}\n\
                        problem: cannot start in /srv\n\
                        would start: no\n";
        let seen = SeenHere {
            path: Some("/opt/bin:/usr/bin".into()),
            interpreter: Some("/usr/bin/node".into()),
            dropped: ["LD_PRELOAD", "NODE_OPTIONS", "ZDOTDIR"]
                .map(str::to_owned)
                .to_vec(),
            problem: Some("cannot start in /srv".to_owned()),
        };
        let report = |launchable| {
            let reply = CheckReply {
                launchable,
                ..reply.clone()
            };
            of(&reply, &seen)
        };
        assert_eq!(report(false), expected);
        assert_eq!(report(true), expected, "a problem of this side counts, too");
    }
}
