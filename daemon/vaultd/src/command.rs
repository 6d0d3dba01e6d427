//! Finding the program of a service's command: when the configuration is loaded, and again where it is
//! not there any more.

pub mod catalogue;

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A part of a `path:`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathElement {
    /// A directory.
    Directory(PathBuf),
    /// What is inherited, `${PATH}`: vaultd's own where a program is looked for, the caller's in the PATH
    /// that the server gets.
    Inherited,
}

impl PathElement {
    /// Where a program is looked for: `path`, and in any case the directories of `own`.
    pub fn directories(path: &[Self], own: &[PathBuf]) -> Vec<PathBuf> {
        let mut directories = Vec::new();
        for element in path {
            match element {
                // A relative one would mean whatever directory this process is in.
                Self::Directory(directory) if directory.is_absolute() => {
                    directories.push(directory.clone());
                }
                Self::Directory(_) => {}
                Self::Inherited => directories.extend_from_slice(own),
            }
        }
        if !path.contains(&Self::Inherited) {
            directories.extend_from_slice(own);
        }
        directories
    }
}

/// A service's command, found or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// The words, the first one an absolute path.
    Found(Vec<String>),
    /// None is configured.
    Absent,
    /// No such program; said at each launch, since it may be installed later.
    Missing {
        /// The words as they are configured.
        words: Vec<String>,
        /// What is wrong with it.
        kind: Missing,
    },
}

/// What is wrong with a program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missing {
    /// There is no such file.
    #[default]
    NotFound,
    /// There is one, and it cannot be run.
    NotExecutable,
}

impl Command {
    /// The words, the first one absolute where it was found.
    pub fn words(&self) -> &[String] {
        match self {
            Self::Found(words) | Self::Missing { words, .. } => words,
            Self::Absent => &[],
        }
    }

    /// What is to be started, for people.
    pub fn program(&self) -> &str {
        self.words().first().map_or("", String::as_str)
    }

    /// Finds `words`' program: absolute as it is; with a slash, below `cwd`; else in `path`, the
    /// service's own list first.
    pub fn find(words: &[String], cwd: Option<&Path>, path: &[PathBuf]) -> Self {
        let Some((program, arguments)) = words.split_first() else {
            return Self::Absent;
        };
        let candidates: Vec<PathBuf> = if program.starts_with('/') {
            vec![PathBuf::from(program)]
        } else if program.contains('/') {
            cwd.map(|cwd| cwd.join(program)).into_iter().collect()
        } else {
            path.iter()
                .map(|directory| directory.join(program))
                .collect()
        };
        let found = candidates.iter().find(|file| is_executable(file));
        match found.and_then(|file| file.to_str()) {
            Some(file) => {
                let first = std::iter::once(file.to_owned());
                Self::Found(first.chain(arguments.iter().cloned()).collect())
            }
            None => {
                let there = candidates.iter().any(|file| file.is_file());
                let kind = if there {
                    Missing::NotExecutable
                } else {
                    Missing::NotFound
                };
                Self::Missing {
                    words: words.to_vec(),
                    kind,
                }
            }
        }
    }
}

/// The directories in which this process looks for programs.
pub fn own_directories() -> Vec<PathBuf> {
    directories(std::env::var_os("PATH").as_deref())
}

/// The absolute directories of a `PATH`; a relative one would mean the caller's directory.
pub fn directories(path: Option<&OsStr>) -> Vec<PathBuf> {
    let path = path.unwrap_or(OsStr::new(vault_proto::DEFAULT_PATH));
    std::env::split_paths(path)
        .filter(|directory| directory.is_absolute())
        .collect()
}

pub(crate) fn is_executable(file: &Path) -> bool {
    file.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    fn room() -> tempfile::TempDir {
        let room = tempfile::tempdir().unwrap();
        for (name, mode) in [("tool", 0o755), ("plain", 0o644)] {
            let file = room.path().join(name);
            std::fs::write(&file, "").unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        room
    }

    #[test]
    fn a_program_is_made_absolute_and_its_arguments_stay() {
        let room = room();
        let path = [PathBuf::from("/nowhere"), room.path().to_owned()];
        let expected = vec![
            room.path().join("tool").to_str().unwrap().to_owned(),
            "-a".to_owned(),
        ];
        assert_eq!(
            Command::find(&words("tool -a"), None, &path),
            Command::Found(expected.clone())
        );
        assert_eq!(
            Command::find(&words("./tool -a"), Some(room.path()), &[]),
            Command::Found(vec![
                room.path().join("./tool").to_str().unwrap().to_owned(),
                "-a".to_owned()
            ])
        );
        assert_eq!(
            Command::find(&expected, None, &[]),
            Command::Found(expected)
        );
    }

    #[test]
    fn what_is_missing_or_cannot_be_run_is_told_apart() {
        let room = room();
        let path = [room.path().to_owned()];
        let kind = |text: &str| match Command::find(&words(text), None, &path) {
            Command::Missing { kind, .. } => Some(kind),
            Command::Found(_) | Command::Absent => None,
        };
        assert_eq!(kind("plain"), Some(Missing::NotExecutable));
        assert_eq!(kind("absent"), Some(Missing::NotFound));
        assert_eq!(
            kind("./tool"),
            Some(Missing::NotFound),
            "no cwd: no relative program"
        );
    }

    #[test]
    fn the_directories_of_a_path_stand_around_the_own_ones() {
        let directory = |name: &str| PathElement::Directory(PathBuf::from(name));
        let own = [PathBuf::from("/usr/bin")];
        let of = |path: &[PathElement]| -> Vec<String> {
            let directories = PathElement::directories(path, &own).into_iter();
            directories.map(|path| path.display().to_string()).collect()
        };
        assert_eq!(of(&[]), ["/usr/bin"]);
        assert_eq!(of(&[directory("/a")]), ["/a", "/usr/bin"]);
        let around = [directory("/a"), PathElement::Inherited, directory("/b")];
        assert_eq!(of(&around), ["/a", "/usr/bin", "/b"]);
    }

    #[test]
    fn relative_directories_of_a_path_are_left_out() {
        let path = directories(Some(OsStr::new("/a:.::b:/c")));
        assert_eq!(path, [PathBuf::from("/a"), PathBuf::from("/c")]);
        assert!(!directories(None).is_empty());
    }
}
