//! The environment of the server.
//!
//! Inherited < settings < secrets. Inherited loader variables stay out unless the service keeps
//! them: whoever sets one of those chooses code that would run with the secrets. `PWD` is where the
//! server starts. Names and values that are not UTF-8 pass as they are.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use vault_client::Launched;
use vault_proto::loader_variables::is_loader_variable;

use crate::failure::Failure;
use crate::search_path;

/// The server's whole environment.
pub(crate) type Variables = BTreeMap<OsString, OsString>;

const PATH: &str = "PATH";

/// Puts the environment together, and names what the server does without for it. Copies of values are wiped by
/// the allocator when they are freed, and go with this process's memory when it becomes the server.
pub(crate) fn build(
    inherited: impl Iterator<Item = (OsString, OsString)>,
    launched: &Launched,
) -> Result<(Variables, Vec<String>), Failure> {
    let (mut variables, mut dropped) = (Variables::new(), Vec::new());
    for (name, value) in inherited {
        match loader_variable(&name) {
            Some(loader) if !launched.keep_variables.contains(&loader) => {
                if !is_set(launched, &loader) {
                    dropped.push(loader);
                }
            }
            _ => {
                variables.insert(name, value);
            }
        }
    }
    if !launched.cwd.is_empty() {
        variables.insert("PWD".into(), launched.cwd.clone().into());
        variables.remove(OsStr::new("OLDPWD"));
    }
    for setting in &launched.settings {
        let name = checked_name(&setting.variable)?;
        let value = checked_value(&setting.variable, setting.value.as_bytes())?;
        variables.insert(name, value);
    }
    let inherited = variables.get(OsStr::new(PATH)).map(OsString::as_os_str);
    let program = launched.argv.first().map_or("", String::as_str);
    let directory = &launched.program_directory;
    if let Some(path) = search_path::of_server(inherited, &launched.path, directory, program) {
        variables.insert(PATH.into(), path);
    }
    for secret in &launched.secrets {
        let name = checked_name(&secret.variable)?;
        let value = checked_value(&secret.variable, &secret.value)?;
        variables.insert(name, value);
    }
    Ok((variables, dropped))
}

/// Whether the service sets the variable itself.
fn is_set(launched: &Launched, name: &str) -> bool {
    let settings = launched.settings.iter().map(|setting| &setting.variable);
    let secrets = launched.secrets.iter().map(|secret| &secret.variable);
    settings.chain(secrets).any(|variable| variable == name)
}

/// The name of a variable that no server inherits unless its service keeps it.
pub(crate) fn loader_variable(name: &OsStr) -> Option<String> {
    let name = name.to_string_lossy();
    is_loader_variable(&name).then(|| name.into_owned())
}

fn checked_name(name: &str) -> Result<OsString, Failure> {
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err(Failure::refused("vaultd named an impossible variable"));
    }
    Ok(name.into())
}

fn checked_value(name: &str, value: &[u8]) -> Result<OsString, Failure> {
    let value = OsString::from_vec(value.to_vec());
    if value.as_bytes().contains(&0) {
        return Err(Failure::refused(format!(
            "the value for {name} holds a NUL byte, which no environment variable can\n\
             store the secret again without it"
        )));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use vault_client::OpenedSecret;
    use vault_proto::generated::{Provenance, Setting};

    fn launched(settings: &[(&str, &str)], secrets: &[(&str, &[u8])]) -> Launched {
        let setting = |&(variable, value): &(&str, &str)| Setting {
            variable: variable.to_owned(),
            value: value.to_owned(),
        };
        let secret = |&(variable, value): &(&str, &[u8])| OpenedSecret {
            variable: variable.to_owned(),
            reference: "local://x".to_owned(),
            provenance: Provenance::default(),
            value: value.to_vec().into(),
        };
        Launched {
            argv: vec!["/bin/true".to_owned()],
            cwd: String::new(),
            settings: settings.iter().map(setting).collect(),
            secrets: secrets.iter().map(secret).collect(),
            keep_variables: vec!["PYTHONPATH".to_owned()],
            warnings: Vec::new(),
            path: Vec::new(),
            program_directory: String::new(),
        }
    }

    fn built(inherited: &[(&[u8], &[u8])], launched: &Launched) -> Vec<(Vec<u8>, Vec<u8>)> {
        let os = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
        let inherited = inherited.iter().map(|(name, value)| (os(name), os(value)));
        build(inherited, launched)
            .expect("an environment")
            .0
            .into_iter()
            .map(|(name, value)| (name.into_vec(), value.into_vec()))
            .collect()
    }

    #[test]
    fn secrets_win_over_settings_and_settings_over_what_is_inherited() {
        let launched = launched(&[("A", "set"), ("B", "set")], &[("A", b"secret")]);
        let inherited: [(&[u8], &[u8]); 3] = [(b"A", b"old"), (b"B", b"old"), (b"C", b"old")];
        let expected = [("A", "secret"), ("B", "set"), ("C", "old")];
        let expected = expected.map(|(name, value)| (name.into(), value.into()));
        assert_eq!(built(&inherited, &launched), expected);
    }

    #[test]
    fn loader_variables_stay_out_unless_the_service_keeps_them() {
        let inherited: [(&[u8], &[u8]); 3] = [
            (b"LD_PRELOAD", b"x"),
            (b"PYTHONPATH", b"p"),
            (b"PYTHONHOME", b"h"),
        ];
        let expected = [(b"PYTHONPATH".to_vec(), b"p".to_vec())];
        assert_eq!(built(&inherited, &launched(&[], &[])), expected);
        let inherited = inherited.map(|(name, value)| {
            let os = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
            (os(name), os(value))
        });
        let (_, dropped) = build(inherited.into_iter(), &launched(&[], &[])).expect("built");
        assert_eq!(dropped, ["LD_PRELOAD", "PYTHONHOME"]);
    }

    #[test]
    fn a_loader_variable_that_the_service_sets_itself_is_not_missed() {
        let launched = launched(&[("NODE_OPTIONS", "--max-old-space-size=99")], &[]);
        let inherited = [("NODE_OPTIONS".into(), "--require=/tmp/x".into())];
        let (variables, dropped) = build(inherited.into_iter(), &launched).expect("built");
        assert_eq!(dropped, [""; 0]);
        let expected = OsStr::new("--max-old-space-size=99");
        assert_eq!(variables[OsStr::new("NODE_OPTIONS")], expected);
    }

    #[test]
    fn the_variable_for_the_directory_follows_the_directory() {
        let inherited: [(&[u8], &[u8]); 2] = [(b"OLDPWD", b"/"), (b"PWD", b"/tmp")];
        let pairs = |expected: &[(&str, &str)]| {
            let pair = |(name, value): &(&str, &str)| ((*name).into(), (*value).into());
            expected
                .iter()
                .map(pair)
                .collect::<Vec<(Vec<u8>, Vec<u8>)>>()
        };
        let stays = launched(&[], &[]);
        assert_eq!(
            built(&inherited, &stays),
            pairs(&[("OLDPWD", "/"), ("PWD", "/tmp")])
        );
        let mut moves = launched(&[], &[]);
        moves.cwd = "/srv".to_owned();
        assert_eq!(built(&inherited, &moves), pairs(&[("PWD", "/srv")]));
    }

    #[test]
    fn the_path_begins_with_the_directories_of_the_service() {
        let mut launched = launched(&[], &[]);
        launched.path = vec!["/nvm/bin".to_owned(), "${PATH}".to_owned()];
        let inherited: [(&[u8], &[u8]); 1] = [(b"PATH", b"/usr/bin")];
        let expected = (b"PATH".to_vec(), b"/nvm/bin:/usr/bin".to_vec());
        assert_eq!(built(&inherited, &launched), [expected]);
    }

    #[test]
    fn what_is_not_utf8_passes_and_hides_no_loader_variable() {
        let inherited: [(&[u8], &[u8]); 2] = [(b"N\xff", b"\xfe\n"), (b"LD_\xff", b"x")];
        let expected = [(b"N\xff".to_vec(), b"\xfe\n".to_vec())];
        assert_eq!(built(&inherited, &launched(&[], &[])), expected);
    }

    #[test]
    fn a_value_with_nul_is_refused_by_its_variables_name_alone() {
        let launched = launched(&[], &[("TOKEN", b"hunter2\0")]);
        let failure = build(std::iter::empty(), &launched).expect_err("refused");
        let text = failure.lines().join("\n");
        assert!(
            text.contains("TOKEN") && !text.contains("hunter2"),
            "{text}"
        );
        assert_eq!(failure.code(), 3);
    }

    #[test]
    fn an_impossible_variable_is_refused() {
        for name in ["", "A=B", "A\0"] {
            let launched = launched(&[], &[(name, b"v")]);
            assert!(build(std::iter::empty(), &launched).is_err(), "{name:?}");
        }
    }
}
