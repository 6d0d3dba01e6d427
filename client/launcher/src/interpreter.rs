//! The interpreter that the `#!` line of a program names.
//!
//! The kernel says of a script whose interpreter is missing that the script is, and `env` says what it
//! misses where no MCP client shows it: so it is looked for first. What cannot be told for certain, as with
//! options of `env`, is left to them.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::search_path::{find, is_executable};

/// How much of a file the kernel looks at, `BINPRM_BUF_SIZE`.
const LOOKED_AT: u64 = 256;

/// What a `#!` line asks for.
#[derive(Debug, PartialEq, Eq)]
enum Interpreter {
    File(PathBuf),
    /// By its name, through `env`.
    InPath(PathBuf, String),
    /// By a name that ends with a carriage return, as nothing is called.
    NameWithReturn,
}

/// The interpreter that starts `program`, if it needs one and that can be told.
///
/// # Errors
/// Where there is none, or the program itself is gone.
pub(crate) fn of(program: &str, path: Option<&OsStr>) -> Result<Option<PathBuf>, Failure> {
    let file = Path::new(program);
    if let Err(error) = file.metadata() {
        return Err(Failure::exec(program, &error));
    }
    if !is_executable(file) {
        return Err(Failure::exec(
            program,
            &std::io::ErrorKind::PermissionDenied.into(),
        ));
    }
    let Some(interpreter) = asked_for(file) else {
        return Ok(None);
    };
    let (first, name) = match interpreter {
        Interpreter::File(file) => (file, None),
        Interpreter::InPath(env, name) => (env, Some(name)),
        Interpreter::NameWithReturn => {
            return Err(Failure::no_interpreter(format!(
                "cannot run {program}: its first line ends with a carriage return, which becomes part of \
                 the interpreter's name\nsave it with Unix line ends"
            )));
        }
    };
    if !is_executable(&first) {
        let first = first.display();
        return Err(Failure::no_interpreter(format!(
            "cannot run {program}: its first line asks for {first}, which is not there\n\
             install that, or mend the first line"
        )));
    }
    match name {
        None => Ok(Some(first)),
        Some(name) => match find(OsStr::new(&name), path) {
            Some(found) => Ok(Some(found)),
            None => Err(Failure::no_interpreter(format!(
                "cannot run {program}: its first line asks for {name}, which is not in the PATH \
                 that the server gets\n\
                 write the directory of {name} into a path: list of the service; `vault-run --test` \
                 shows that PATH"
            ))),
        },
    }
}

fn asked_for(program: &Path) -> Option<Interpreter> {
    let mut start = Vec::new();
    let file = File::open(program).ok()?;
    file.take(LOOKED_AT).read_to_end(&mut start).ok()?;
    interpreter(&start)
}

fn interpreter(start: &[u8]) -> Option<Interpreter> {
    let line = start.strip_prefix(b"#!")?;
    // A line that is not at its end here is cut by the kernel.
    let end = line.iter().position(|byte| *byte == b'\n')?;
    let blanks = [' ', '\t'];
    let line = std::str::from_utf8(&line[..end]).ok()?.trim_matches(blanks);
    let (file, argument) = line.split_once(blanks).unwrap_or((line, ""));
    let path = Path::new(file);
    if !path.is_absolute() {
        return None;
    }
    if file.ends_with('\r') {
        return Some(Interpreter::NameWithReturn);
    }
    if path.file_name().map(OsStr::as_bytes) != Some(b"env") {
        return Some(Interpreter::File(path.to_owned()));
    }
    let argument = argument.trim_matches(blanks);
    // With -S, env splits at it.
    let is_one_name = !argument.starts_with('-') && !argument.contains(blanks);
    if is_one_name && argument.ends_with('\r') {
        return Some(Interpreter::NameWithReturn);
    }
    let name = name_for_env(argument)?;
    Some(if name.starts_with('/') {
        Interpreter::File(PathBuf::from(name))
    } else {
        Interpreter::InPath(path.to_owned(), name.to_owned())
    })
}

/// The program that `env` starts for this one argument of the kernel's: `node`, or `-S node --flag`.
fn name_for_env(argument: &str) -> Option<&str> {
    let split = argument.strip_prefix("-S");
    let mut words = split.unwrap_or(argument).split_ascii_whitespace();
    let name = words.next()?;
    // Several words without -S are one name with blanks, which is for env to complain of.
    let is_one = split.is_some() || words.next().is_none();
    let is_plain = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_.+/".contains(&byte));
    let has_place = name.contains('/') && !name.starts_with('/');
    (is_one && is_plain && !has_place && !name.starts_with('-')).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn in_path(name: &str) -> Interpreter {
        let env = PathBuf::from("/usr/bin/env");
        Interpreter::InPath(env, name.to_owned())
    }

    #[test]
    fn what_a_first_line_asks_for_is_told_where_it_is_certain() {
        for (start, expected) in [
            ("#!/bin/sh\nx", Some(Interpreter::File("/bin/sh".into()))),
            ("#! /bin/sh -e\n", Some(Interpreter::File("/bin/sh".into()))),
            ("#!/usr/bin/env node\n", Some(in_path("node"))),
            ("#!/usr/bin/env  python3.12\n", Some(in_path("python3.12"))),
            (
                "#!/usr/bin/env python3\r\n",
                Some(Interpreter::NameWithReturn),
            ),
            ("#!/bin/sh\r\n", Some(Interpreter::NameWithReturn)),
            ("#!/usr/bin/env -S node\r\n", Some(in_path("node"))),
            (
                "#!/bin/perl -w\r\n",
                Some(Interpreter::File("/bin/perl".into())),
            ),
            (
                "#!/usr/bin/env -S node --no-warnings\n",
                Some(in_path("node")),
            ),
            ("#!/usr/bin/env -Suv run\n", Some(in_path("uv"))),
            (
                "#!/usr/bin/env /bin/sh\n",
                Some(Interpreter::File("/bin/sh".into())),
            ),
            ("#!/usr/bin/env -S A=b node\n", None),
            ("#!/usr/bin/env -i node\n", None),
            ("#!/usr/bin/env node --no-warnings\n", None),
            ("#!/usr/bin/env -S -i node\n", None),
            ("#!/usr/bin/env\n", None),
            ("#!/usr/bin/env node", None),
            ("#!node\n", None),
            ("\x7fELF", None),
            ("", None),
        ] {
            assert_eq!(interpreter(start.as_bytes()), expected, "{start:?}");
        }
    }

    #[test]
    fn a_missing_interpreter_is_named_with_what_to_do() {
        let room = tempfile::tempdir().expect("a directory");
        let write = |name: &str, text: &str| {
            let file = room.path().join(name);
            std::fs::write(&file, text).expect("a file");
            let mode = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(&file, mode).expect("its mode");
            file.display().to_string()
        };
        let path = room.path().as_os_str();
        let npx = write("npx", "#!/usr/bin/env node\n");
        let failure = of(&npx, Some(path)).expect_err("no node");
        assert_eq!(failure.code(), 127);
        let said = format!(
            "cannot run {npx}: its first line asks for node, which is not in the PATH that the \
             server gets"
        );
        assert_eq!(failure.lines()[0], said);
        assert!(failure.lines()[1].contains("path: list"));
        let node = write("node", "#!/bin/sh\n");
        assert_eq!(
            of(&npx, Some(path)).expect("node"),
            Some(PathBuf::from(&node))
        );
        let gone = write("gone", "#!/nonexistent/python\n");
        let failure = of(&gone, Some(path)).expect_err("no python");
        assert!(failure.lines()[0].contains("/nonexistent/python, which is not there"));
        let foreign = write("foreign", "#!/bin/sh\r\n");
        let failure = of(&foreign, Some(path)).expect_err("no such name");
        assert!(failure.lines()[0].contains("ends with a carriage return"));
        assert_eq!(
            (failure.code(), failure.lines()[1]),
            (127, "save it with Unix line ends")
        );
        let nothing = room.path().join("nothing").display().to_string();
        assert_eq!(of(&nothing, None).expect_err("gone").code(), 127);
        assert_eq!(of("/etc/passwd", None).expect_err("no program").code(), 126);
    }
}
