//! The PATH that the server gets, and what is found in it.
//!
//! A client that is started from a desktop has a short PATH, and a program that a version manager
//! installed needs what is beside it: the directories of the service's `path:` come first, and where the
//! program was found through vaultd's own PATH alone, its directory does.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use vault_proto::{DEFAULT_PATH, INHERITED_PATH};

/// The server's PATH; `None` where it stays `inherited`. `path` and `directory` are the daemon's words,
/// `program` the absolute path of what is started.
pub(crate) fn of_server(
    inherited: Option<&OsStr>,
    path: &[String],
    directory: &str,
    program: &str,
) -> Option<OsString> {
    let mut directories = Vec::new();
    let stays = [INHERITED_PATH.to_owned()];
    for element in if path.is_empty() { &stays } else { path } {
        if element == INHERITED_PATH {
            directories.extend(split(inherited));
        } else {
            directories.push(PathBuf::from(element));
        }
    }
    let leads_elsewhere = !directory.is_empty() && !leads_to(&directories, Path::new(program));
    if leads_elsewhere {
        directories.insert(0, PathBuf::from(directory));
    }
    (leads_elsewhere || !path.is_empty()).then(|| joined(&directories))
}

/// The program of this name that a shell would start.
pub(crate) fn find(name: &OsStr, path: Option<&OsStr>) -> Option<PathBuf> {
    first(&split(path), name)
}

/// Whether the file is a program.
pub(crate) fn is_executable(file: &Path) -> bool {
    file.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

fn leads_to(directories: &[PathBuf], program: &Path) -> bool {
    let name = program.file_name();
    name.and_then(|name| first(directories, name)).as_deref() == Some(program)
}

fn first(directories: &[PathBuf], name: &OsStr) -> Option<PathBuf> {
    let files = directories.iter().map(|directory| directory.join(name));
    files.into_iter().find(|file| is_executable(file))
}

fn split(path: Option<&OsStr>) -> Vec<PathBuf> {
    let path = path.filter(|path| !path.is_empty());
    std::env::split_paths(path.unwrap_or(OsStr::new(DEFAULT_PATH))).collect()
}

fn joined(directories: &[PathBuf]) -> OsString {
    let mut path = OsString::new();
    for (place, directory) in directories.iter().enumerate() {
        if place > 0 {
            path.push(":");
        }
        path.push(directory);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Room(tempfile::TempDir);

    impl Room {
        /// Directories with an executable `npx` in each.
        fn with(names: &[&str]) -> Self {
            let room = Self(tempfile::tempdir().expect("a directory"));
            for name in names {
                let file = room.path(name) + "/npx";
                std::fs::create_dir(room.path(name)).expect("a directory");
                std::fs::write(&file, "").expect("a file");
                let mode = std::fs::Permissions::from_mode(0o755);
                std::fs::set_permissions(&file, mode).expect("its mode");
            }
            room
        }

        fn path(&self, name: &str) -> String {
            self.0.path().join(name).display().to_string()
        }
    }

    fn of(inherited: Option<&str>, path: &[&str], directory: &str) -> Option<String> {
        let path: Vec<String> = path.iter().map(ToString::to_string).collect();
        let inherited = inherited.map(OsStr::new);
        let path = of_server(inherited, &path, directory, &format!("{directory}/npx"));
        path.map(|path| path.into_string().expect("UTF-8"))
    }

    #[test]
    fn a_path_without_anything_to_add_stays_as_it_is() {
        assert_eq!(of(Some("/a:/b"), &[], ""), None);
        assert_eq!(of(None, &[], ""), None);
    }

    #[test]
    fn the_directories_of_the_service_stand_around_what_is_inherited() {
        let path = ["/first", INHERITED_PATH, "/last"];
        assert_eq!(of(Some("/a:/b"), &path, "").unwrap(), "/first:/a:/b:/last");
        assert_eq!(of(Some("/a"), &["/only"], "").unwrap(), "/only");
        let default = format!("/first:{DEFAULT_PATH}:/last");
        for nothing in [None, Some("")] {
            assert_eq!(of(nothing, &path, "").unwrap(), default);
        }
    }

    #[test]
    fn the_directory_of_the_program_comes_first_where_the_path_leads_elsewhere() {
        let room = Room::with(&["nvm", "other"]);
        let (nvm, other) = (room.path("nvm"), room.path("other"));
        let empty = room.path("empty");
        let inherited = |directories: &[&String]| {
            let words: Vec<&str> = directories.iter().map(|word| word.as_str()).collect();
            words.join(":")
        };
        let none = inherited(&[&empty]);
        assert_eq!(
            of(Some(&none), &[], &nvm).unwrap(),
            format!("{nvm}:{empty}")
        );
        let before = inherited(&[&other, &nvm]);
        assert_eq!(
            of(Some(&before), &[], &nvm).unwrap(),
            format!("{nvm}:{before}")
        );
        let after = inherited(&[&empty, &nvm, &other]);
        assert_eq!(of(Some(&after), &[], &nvm), None, "it leads there");
        let path = of(Some(&other), &[&nvm, INHERITED_PATH], &nvm);
        assert_eq!(path.unwrap(), format!("{nvm}:{other}"), "once");
    }

    #[test]
    fn a_program_is_found_in_the_order_of_the_path() {
        let room = Room::with(&["a", "b"]);
        let path = format!(
            "{}:{}:{}",
            room.path("none"),
            room.path("b"),
            room.path("a")
        );
        let found = find(OsStr::new("npx"), Some(OsStr::new(&path)));
        assert_eq!(found, Some(PathBuf::from(room.path("b") + "/npx")));
        assert_eq!(find(OsStr::new("absent"), Some(OsStr::new(&path))), None);
    }
}
