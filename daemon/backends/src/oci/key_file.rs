//! Owner and mode of files that hold a key or a token.
//!
//! A decision over what the system says of the opened file; nothing here opens one.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Who may read a key besides its owner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Readers {
    /// Nobody.
    #[default]
    Owner,
    /// Whoever the mode lets: a setting that somebody must have made.
    Anybody,
}

/// What the system says of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Whether it is a file, and not a pipe or a directory.
    pub is_file: bool,
    /// The owner's uid.
    pub owner: u32,
    /// The mode.
    pub mode: u32,
}

impl From<&Metadata> for Facts {
    fn from(metadata: &Metadata) -> Self {
        Self {
            is_file: metadata.is_file(),
            owner: metadata.uid(),
            mode: metadata.mode(),
        }
    }
}

impl Facts {
    /// Whether the user `euid` may rely on the file at `path`: it is theirs or root's, nobody else can
    /// write to it, and nobody else can read it unless `readers` allows that.
    ///
    /// # Errors
    /// [`BadKeyFile`], which says what to do.
    pub fn check(self, path: &Path, euid: u32, readers: Readers) -> Result<(), BadKeyFile> {
        let path = path.to_owned();
        let (owner, mode) = (self.owner, self.mode & 0o7777);
        if !self.is_file {
            return Err(BadKeyFile::Type { path });
        }
        if owner != euid && owner != 0 {
            return Err(BadKeyFile::Owner { path, owner, euid });
        }
        let open_to_others = match readers {
            Readers::Owner => mode & 0o077,
            Readers::Anybody => mode & 0o022,
        };
        if open_to_others == 0 {
            return Ok(());
        }
        Err(BadKeyFile::Mode { path, mode })
    }
}

/// Why a file with a key is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKeyFile {
    /// A pipe, a directory.
    #[error("use {path}: it is not a file", path = path.display())]
    Type {
        /// Which.
        path: PathBuf,
    },
    /// Somebody else's.
    #[error("use {path}: it belongs to uid {owner}, not to {euid}; give it over with chown {euid} {path}", path = path.display())]
    Owner {
        /// Which.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who we are.
        euid: u32,
    },
    /// Open to others.
    #[error("use {path}: its mode {mode:04o} lets others use it; close it with chmod 600 {path}", path = path.display())]
    Mode {
        /// Which.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
}

impl BadKeyFile {
    /// The stable word for audit, metrics and tests.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Type { .. } => "wrong_type",
            Self::Owner { .. } => "wrong_owner",
            Self::Mode { .. } => "wrong_mode",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(owner: u32, mode: u32, readers: Readers) -> &'static str {
        let facts = Facts {
            is_file: true,
            owner,
            mode: 0o100_000 | mode,
        };
        let checked = facts.check(Path::new("/k"), 1000, readers);
        checked.map_or_else(|error| error.kind(), |()| "used")
    }

    #[test]
    fn only_its_owner_may_read_a_key() {
        for (mode, expected) in [
            (0o600, "used"),
            (0o400, "used"),
            (0o700, "used"),
            (0o640, "wrong_mode"),
            (0o604, "wrong_mode"),
            (0o610, "wrong_mode"),
            (0o620, "wrong_mode"),
        ] {
            assert_eq!(verdict(1000, mode, Readers::Owner), expected, "{mode:o}");
            assert_eq!(verdict(0, mode, Readers::Owner), expected, "{mode:o}");
        }
    }

    #[test]
    fn a_setting_lets_others_read_and_never_write() {
        for (mode, expected) in [
            (0o600, "used"),
            (0o640, "used"),
            (0o644, "used"),
            (0o660, "wrong_mode"),
            (0o602, "wrong_mode"),
        ] {
            assert_eq!(verdict(1000, mode, Readers::Anybody), expected, "{mode:o}");
        }
    }

    #[test]
    fn somebody_elses_key_is_not_used() {
        assert_eq!(verdict(1001, 0o600, Readers::Owner), "wrong_owner");
        assert_eq!(verdict(1001, 0o600, Readers::Anybody), "wrong_owner");
    }

    #[test]
    fn what_is_no_file_is_not_used() {
        let metadata = std::fs::metadata("/dev/null").expect("a device");
        let checked = Facts::from(&metadata).check(Path::new("/dev/null"), 0, Readers::Owner);
        assert_eq!(checked.expect_err("refused").kind(), "wrong_type");
    }

    #[test]
    fn the_message_is_the_command_to_run() {
        let facts = Facts {
            is_file: true,
            owner: 1000,
            mode: 0o100_644,
        };
        let error = facts.check(Path::new("/h/k.pem"), 1000, Readers::Owner);
        assert_eq!(
            error.expect_err("refused").to_string(),
            "use /h/k.pem: its mode 0644 lets others use it; close it with chmod 600 /h/k.pem"
        );
    }
}
