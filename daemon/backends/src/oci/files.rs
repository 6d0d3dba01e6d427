//! Files that the settings lead to, and their changes.
//!
//! A file is looked at before it is read, so that a change meanwhile is one. A file that is missed is
//! remembered too, since somebody may put it there.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::fcntl::OFlag;
use zeroize::Zeroizing;

use crate::error::{BackendError, Class};
use crate::oci::key_file::{BadKeyFile, Facts, Readers};

/// Who else may have to do with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// It holds a key or something as good as one: these may read it, and nobody else may write it.
    Key(Readers),
    /// It is of no use without a key: whoever the mode lets may read it, and nobody else write it.
    Token,
    /// People keep it in an editor: a group of theirs may write it too.
    Configuration,
    /// The same for certificates, of which there may be many.
    Authorities,
}

impl Access {
    /// Configurations with a hundred profiles have some ten KiB, all authorities of the world some
    /// hundred.
    fn most_bytes(self) -> usize {
        match self {
            Self::Authorities => 1024 * 1024,
            _ => 256 * 1024,
        }
    }
}

/// The files that were looked at.
#[derive(Default)]
pub(super) struct Files {
    seen: Mutex<BTreeMap<PathBuf, Option<Stamp>>>,
}

/// What tells a file from its successor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    place: (u64, u64),
    size: u64,
    modified: (i64, i64),
    /// The mode and the owner change this one.
    changed: (i64, i64),
}

impl From<&Metadata> for Stamp {
    fn from(metadata: &Metadata) -> Self {
        Self {
            place: (metadata.dev(), metadata.ino()),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl Files {
    /// Whether there is such a file.
    pub(super) fn is_file(&self, path: &Path) -> bool {
        let metadata = fs::metadata(path).ok();
        self.saw(path, metadata.as_ref());
        metadata.is_some_and(|metadata| metadata.is_file())
    }

    /// The content of a file that `euid` may rely on.
    pub(super) fn read(
        &self,
        path: &Path,
        access: Access,
        euid: u32,
    ) -> Result<Zeroizing<Vec<u8>>, BackendError> {
        let unreadable = |error: io::Error| {
            let message = format!("read {}: {error}", path.display());
            BackendError::not_sent(Class::Credentials, "unreadable_file", message)
        };
        let opened = open(path);
        let metadata = opened.as_ref().ok().and_then(|file| file.metadata().ok());
        self.saw(path, metadata.as_ref());
        let file = opened.map_err(unreadable)?;
        let facts = Facts::from(&file.metadata().map_err(unreadable)?);
        check(facts, path, access, euid).map_err(|error| {
            BackendError::not_sent(Class::Credentials, error.kind(), error.to_string())
        })?;
        // One piece of memory that does not move.
        let most_bytes = access.most_bytes();
        let mut content = Zeroizing::new(Vec::with_capacity(most_bytes + 1));
        let most = u64::try_from(most_bytes).unwrap_or(u64::MAX);
        let read = file.take(most + 1).read_to_end(&mut content);
        read.map_err(unreadable)?;
        if content.len() > most_bytes {
            let message = format!(
                "read {}: it is longer than {most_bytes} bytes",
                path.display()
            );
            return Err(BackendError::not_sent(
                Class::Credentials,
                "file_too_large",
                message,
            ));
        }
        Ok(content)
    }

    /// The content of a file that is a text, without blanks around it.
    pub(super) fn read_text(
        &self,
        path: &Path,
        access: Access,
        euid: u32,
    ) -> Result<Zeroizing<String>, BackendError> {
        let content = self.read(path, access, euid)?;
        let text = std::str::from_utf8(&content).map(str::trim);
        let text = text.ok().filter(|text| !text.is_empty());
        text.map(|text| Zeroizing::new(text.to_owned()))
            .ok_or_else(|| {
                let message = format!("read {}: it is empty or not a text", path.display());
                BackendError::not_sent(Class::Credentials, "not_text", message)
            })
    }

    /// Whether one of them is not what it was.
    pub(super) fn have_changed(&self) -> bool {
        self.seen().iter().any(|(path, stamp)| {
            let now = fs::metadata(path).ok();
            now.as_ref().map(Stamp::from) != *stamp
        })
    }

    /// Whether no file was looked at.
    pub(super) fn are_none(&self) -> bool {
        self.seen().is_empty()
    }

    /// The first look counts: what came later may have been read already.
    fn saw(&self, path: &Path, metadata: Option<&Metadata>) {
        let stamp = metadata.map(Stamp::from);
        self.seen().entry(path.to_owned()).or_insert(stamp);
    }

    fn seen(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Option<Stamp>>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A pipe that nobody writes to is opened without waiting, and refused.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let options = options.read(true).custom_flags(OFlag::O_NONBLOCK.bits());
    options.open(path)
}

fn check(facts: Facts, path: &Path, access: Access, euid: u32) -> Result<(), BadKeyFile> {
    const GROUP: u32 = 0o070;
    const OTHERS_WRITE: u32 = 0o002;
    match access {
        Access::Key(readers) => facts.check(path, euid, readers),
        Access::Configuration | Access::Authorities if facts.mode & OTHERS_WRITE == 0 => {
            let mode = facts.mode & !GROUP;
            Facts { mode, ..facts }.check(path, euid, Readers::Anybody)
        }
        Access::Configuration | Access::Authorities | Access::Token => {
            facts.check(path, euid, Readers::Anybody)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    type Change = fn(&Path);

    fn euid() -> u32 {
        nix::unistd::geteuid().as_raw()
    }

    #[test]
    fn every_change_of_a_file_is_one() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("f");
        let changes: [(&str, Change); 5] = [
            ("made", |path| fs::write(path, "a").expect("written")),
            ("written", |path| fs::write(path, "ab").expect("written")),
            ("closed", |path| {
                fs::set_permissions(path, fs::Permissions::from_mode(0o400)).expect("a mode");
            }),
            ("replaced", |path| {
                let next = path.with_extension("next");
                fs::write(&next, "ab").expect("written");
                fs::rename(next, path).expect("renamed");
            }),
            ("removed", |path| fs::remove_file(path).expect("removed")),
        ];
        for (what, change) in changes {
            let files = Files::default();
            files.is_file(&path);
            assert!(!files.have_changed(), "before it is {what}");
            change(&path);
            assert!(files.have_changed(), "{what}");
        }
    }

    #[test]
    fn keys_are_private_and_configurations_are_not_for_everybody_to_write() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("f");
        fs::write(&path, " text\n").expect("written");
        let strict = Access::Key(Readers::Owner);
        for (mode, access, is_read) in [
            (0o600, strict, true),
            (0o640, strict, false),
            (0o640, Access::Key(Readers::Anybody), true),
            (0o644, Access::Token, true),
            (0o664, Access::Token, false),
            (0o664, Access::Configuration, true),
            (0o646, Access::Configuration, false),
        ] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("a mode");
            let read = Files::default().read_text(&path, access, euid());
            assert_eq!(read.is_ok(), is_read, "{mode:o} {access:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_said_with_its_path() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("f");
        let error = |path: &Path| {
            let read = Files::default().read_text(path, Access::Token, euid());
            read.expect_err("unreadable").to_string()
        };
        assert!(error(&path).starts_with(&format!("read {}: ", path.display())));
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
        assert!(error(&path).ends_with("is not a file"));
        fs::remove_file(&path).expect("removed");
        fs::write(&path, " \n").expect("written");
        assert!(error(&path).ends_with("is empty or not a text"));
        fs::write(&path, vec![b'a'; 256 * 1024 + 1]).expect("written");
        assert!(error(&path).ends_with("is longer than 262144 bytes"));
    }
}
