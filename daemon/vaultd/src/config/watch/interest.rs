//! The directories in which a change could mean another configuration, and the names that count.
//!
//! Each path is walked part by part, as the kernel does: a link on the way can be turned elsewhere,
//! and a part that is missing can be made, so the directory that holds it counts.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};

use crate::config::files::{Places, is_service_file};

/// Where everybody opens files all the time. A directory or link that is made here later is found at
/// the next reload only: noticing it would wake the daemon at each start of any program.
const BUSY: [&str; 2] = ["/", "/etc"];
/// How many links may lead on to each other; the kernel's own bound.
const LINKS: usize = 40;

/// Directories by their real paths, and what counts in each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Interest(BTreeMap<PathBuf, Names>);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Names {
    names: BTreeSet<OsString>,
    /// Whether all that could be service files count.
    service_files: bool,
}

impl Interest {
    /// As things are on the disk now.
    pub(super) fn of(places: &Places) -> Self {
        let mut interest = Self::default();
        for file in &places.files {
            // A directory where a file should be can be taken away.
            if let Some(found) = interest.walk(file)
                && let (Some(parent), Some(name)) = (found.parent(), found.file_name())
            {
                interest.add(parent, name);
            }
        }
        for directory in places.service_directories() {
            if let Some(found) = interest.walk(&directory) {
                interest.add_service_files(&found);
            }
        }
        interest
    }

    /// The directories to watch.
    pub(super) fn directories(&self) -> impl Iterator<Item = &Path> {
        self.0.keys().map(PathBuf::as_path)
    }

    /// Whether `directory` is to be watched.
    pub(super) fn names(&self, directory: &Path) -> bool {
        self.0.contains_key(directory)
    }

    /// Whether a change at `path` counts: at a directory that is watched, or at a name in it.
    pub(super) fn concerns(&self, path: &Path) -> bool {
        if self.names(path) {
            return true;
        }
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return false;
        };
        let counts = |here: &Names| {
            here.names.contains(name) || (here.service_files && is_service_file(name))
        };
        self.0.get(parent).is_some_and(counts)
    }

    fn add(&mut self, directory: &Path, name: &OsStr) {
        let here = self.0.entry(directory.to_owned()).or_default();
        here.names.insert(name.to_owned());
    }

    fn add_service_files(&mut self, directory: &Path) {
        self.0
            .entry(directory.to_owned())
            .or_default()
            .service_files = true;
        // One that cannot be read has no files; that it can be read again is told of the directory.
        let entries = std::fs::read_dir(directory).into_iter().flatten();
        for entry in entries.flatten() {
            let linked = entry.file_type().is_ok_and(|kind| kind.is_symlink());
            if linked && is_service_file(&entry.file_name()) {
                self.walk(&entry.path());
            }
        }
    }

    /// Follows `path` to its end and gives the real path of a directory found there.
    fn walk(&mut self, path: &Path) -> Option<PathBuf> {
        let mut here = PathBuf::from("/");
        let mut rest = parts(&std::path::absolute(path).ok()?);
        let mut links = 0;
        while let Some(name) = rest.pop_front() {
            if name == ".." {
                here.pop();
                continue;
            }
            let next = here.join(&name);
            let metadata = next.symlink_metadata().ok();
            if metadata.as_ref().is_some_and(std::fs::Metadata::is_dir) {
                here = next;
                continue;
            }
            if !rest.is_empty() && BUSY.iter().any(|busy| here == Path::new(busy)) {
                // Its directory is not watched; what it leads to is.
            } else {
                self.add(&here, &name);
            }
            if !metadata.is_some_and(|metadata| metadata.is_symlink()) || links == LINKS {
                return None;
            }
            links += 1;
            let target = next.read_link().ok()?;
            if target.is_absolute() {
                here = PathBuf::from("/");
            }
            let mut leads_to = parts(&target);
            leads_to.append(&mut rest);
            rest = leads_to;
        }
        Some(here)
    }
}

/// The names on the way.
fn parts(path: &Path) -> VecDeque<OsString> {
    let name = |part: Component<'_>| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsString::from("..")),
        Component::CurDir | Component::RootDir | Component::Prefix(_) => None,
    };
    path.components().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    /// A directory whose own path has no links.
    struct Room(tempfile::TempDir);

    impl Room {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().canonicalize().unwrap().join(name)
        }

        fn directory(&self, name: &str) -> PathBuf {
            fs::create_dir_all(self.path(name)).unwrap();
            self.path(name)
        }

        /// What counts for `vaultd/resolver.yaml` and `vaultd/configs`.
        fn interest(&self) -> Interest {
            Interest::of(&Places::named(self.path("vaultd/resolver.yaml")))
        }

        /// The watched directories.
        fn watched(&self) -> Vec<String> {
            let interest = self.interest();
            let root = self.path("");
            let below = |path: &Path| path.strip_prefix(&root).unwrap().display().to_string();
            interest.directories().map(below).collect()
        }
    }

    #[test]
    fn directories_are_watched_and_only_names_of_configuration_count() {
        let room = Room::new();
        room.directory("vaultd/configs");
        fs::write(room.path("vaultd/resolver.yaml"), "").unwrap();
        assert_eq!(room.watched(), ["vaultd", "vaultd/configs"]);
        for (path, counts) in [
            ("vaultd", true),
            ("vaultd/resolver.yaml", true),
            ("vaultd/configs", true),
            ("vaultd/configs/bar.json", true),
            ("vaultd/configs/new.yml", true),
            ("vaultd/.resolver.yaml.swp", false),
            ("vaultd/resolver.yaml~", false),
            ("vaultd/configs/.bar.json.swp", false),
            ("vaultd/configs/4913", false),
            ("vaultd/configs/bar.json/deeper", false),
            ("elsewhere", false),
        ] {
            assert_eq!(room.interest().concerns(&room.path(path)), counts, "{path}");
        }
    }

    #[test]
    fn what_is_missing_is_waited_for_in_the_nearest_directory_that_exists() {
        let room = Room::new();
        assert_eq!(room.watched(), [""]);
        assert!(room.interest().concerns(&room.path("vaultd")));
        assert!(!room.interest().concerns(&room.path("other")));
        room.directory("vaultd");
        assert_eq!(room.watched(), ["vaultd"]);
        assert!(room.interest().concerns(&room.path("vaultd/configs")));
    }

    #[test]
    fn a_links_own_directory_counts_and_so_does_where_it_leads() {
        let room = Room::new();
        room.directory("vaultd");
        room.directory("dotfiles/configs");
        fs::write(room.path("dotfiles/v.yaml"), "").unwrap();
        symlink("../dotfiles/v.yaml", room.path("vaultd/resolver.yaml")).unwrap();
        symlink(room.path("dotfiles/configs"), room.path("vaultd/configs")).unwrap();
        assert_eq!(room.watched(), ["dotfiles", "dotfiles/configs", "vaultd"]);
        for path in ["vaultd/resolver.yaml", "vaultd/configs", "dotfiles/v.yaml"] {
            assert!(room.interest().concerns(&room.path(path)), "{path}");
        }
    }

    #[test]
    fn every_link_of_a_mounted_volume_counts() {
        let room = Room::new();
        let configs = room.directory("vaultd/configs");
        room.directory("vaultd/configs/..2026_1");
        fs::write(configs.join("..2026_1/bar.json"), "").unwrap();
        symlink("..2026_1", configs.join("..data")).unwrap();
        symlink("..data/bar.json", configs.join("bar.json")).unwrap();
        let watched = ["vaultd", "vaultd/configs", "vaultd/configs/..2026_1"];
        assert_eq!(room.watched(), watched);
        assert!(room.interest().concerns(&configs.join("..data")));
        assert!(room.interest().concerns(&configs.join("..2026_1/bar.json")));
    }

    #[test]
    fn links_that_lead_nowhere_come_to_an_end() {
        let room = Room::new();
        room.directory("vaultd");
        symlink("configs", room.path("vaultd/configs")).unwrap();
        symlink("gone/resolver.yaml", room.path("vaultd/resolver.yaml")).unwrap();
        assert_eq!(room.watched(), ["vaultd"]);
        for path in ["vaultd/configs", "vaultd/gone"] {
            assert!(room.interest().concerns(&room.path(path)), "{path}");
        }
    }

    #[test]
    fn a_directory_in_a_files_place_is_seen_going() {
        let room = Room::new();
        room.directory("vaultd/resolver.yaml");
        assert!(room.watched().contains(&"vaultd".to_owned()));
        assert!(room.interest().concerns(&room.path("vaultd/resolver.yaml")));
    }

    #[test]
    fn busy_directories_are_watched_for_the_files_named_in_them_alone() {
        let of = |file: &str| Interest::of(&Places::named(PathBuf::from(file)));
        let later = of("/etc/vaultd-that-is-not-there/resolver.yaml");
        assert!(!later.names(Path::new("/etc")), "{later:?}");
        assert!(of("/etc/vaultd-not-there.yaml").names(Path::new("/etc")));
    }
}
