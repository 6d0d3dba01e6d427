//! Opens the store's directory and files, once it is clear that they are ours alone.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use nix::unistd::geteuid;
use zeroize::Zeroizing;

use super::error::LocalError;

/// Makes the directory with mode 0700 if it is missing, and checks it.
///
/// # Errors
/// As [`check_directory`], and [`LocalError::Io`].
pub(super) fn make_directory(path: &Path) -> Result<(), LocalError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(failed("make", path))?;
    check_directory(path)
}

/// Whether nobody else can reach into the directory.
///
/// # Errors
/// [`LocalError::WrongOwner`], [`LocalError::WrongMode`], [`LocalError::WrongType`],
/// [`LocalError::Io`].
pub(super) fn check_directory(path: &Path) -> Result<(), LocalError> {
    let link = fs::symlink_metadata(path).map_err(failed("look at", path))?;
    if link.is_symlink() && link.uid() != 0 {
        check_owner(path, &link)?;
    }
    let target = fs::metadata(path).map_err(failed("look at", path))?;
    if !target.is_dir() {
        return Err(wrong_type(path, "directory"));
    }
    check_owner(path, &target)?;
    check_mode(path, &target, 0o077, 0o700)
}

/// A private file: regular, ours, nothing for others, at most `limit` bytes long. `None` if there is
/// none.
///
/// # Errors
/// As [`check_directory`], and [`LocalError::TooLarge`].
pub(super) fn open_private(path: &Path, limit: u64) -> Result<Option<File>, LocalError> {
    let Some((file, metadata)) = open(path)? else {
        return Ok(None);
    };
    check_owner(path, &metadata)?;
    check_mode(path, &metadata, 0o077, 0o600)?;
    if metadata.len() > limit {
        return Err(too_large(path, limit));
    }
    Ok(Some(file))
}

/// The whole of a small private file, like [`open_private`].
///
/// # Errors
/// As [`open_private`].
pub(super) fn read_private(path: &Path, limit: u64) -> Result<Option<Bytes>, LocalError> {
    let file = open_private(path, limit)?;
    file.map(|file| read(&file, path, limit)).transpose()
}

/// The whole of a credential: as systemd places them, so it may be root's and readable by a group.
///
/// # Errors
/// As [`read_private`].
pub(super) fn read_credential(path: &Path, limit: u64) -> Result<Option<Bytes>, LocalError> {
    let Some((file, metadata)) = open(path)? else {
        return Ok(None);
    };
    if metadata.uid() != 0 {
        check_owner(path, &metadata)?;
    }
    check_mode(path, &metadata, 0o037, 0o400)?;
    read(&file, path, limit).map(Some)
}

/// Bytes of a file, wiped when dropped.
pub(super) type Bytes = Zeroizing<Vec<u8>>;

/// Without following a link, and without waiting for the other end of a pipe.
fn open(path: &Path) -> Result<Option<(File, Metadata)>, LocalError> {
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits())
        .open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(nix::errno::Errno::ELOOP as i32) => {
            return Err(wrong_type(path, "regular file"));
        }
        Err(error) => return Err(failed("open", path)(error)),
    };
    let metadata = file.metadata().map_err(failed("look at", path))?;
    if !metadata.is_file() {
        return Err(wrong_type(path, "regular file"));
    }
    Ok(Some((file, metadata)))
}

fn read(file: &File, path: &Path, limit: u64) -> Result<Bytes, LocalError> {
    let size = file.metadata().map_err(failed("look at", path))?.len();
    // Some room beyond the size, so that the buffer does not grow to notice the end.
    let capacity = usize::try_from(size.min(limit)).map_err(|_| too_large(path, limit))? + 64;
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
    file.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(failed("read", path))?;
    if bytes.len() as u64 > limit {
        return Err(too_large(path, limit));
    }
    Ok(bytes)
}

fn too_large(path: &Path, limit: u64) -> LocalError {
    LocalError::TooLarge {
        path: path.to_owned(),
        limit,
    }
}

fn check_owner(path: &Path, metadata: &Metadata) -> Result<(), LocalError> {
    let euid = geteuid().as_raw();
    if metadata.uid() == euid {
        return Ok(());
    }
    Err(LocalError::WrongOwner {
        path: path.to_owned(),
        owner: metadata.uid(),
        euid,
    })
}

fn check_mode(
    path: &Path,
    metadata: &Metadata,
    forbidden: u32,
    wanted: u32,
) -> Result<(), LocalError> {
    let mode = metadata.mode() & 0o7777;
    if mode & forbidden == 0 {
        return Ok(());
    }
    Err(LocalError::WrongMode {
        path: path.to_owned(),
        mode,
        wanted,
    })
}

fn wrong_type(path: &Path, expected: &'static str) -> LocalError {
    LocalError::WrongType {
        path: path.to_owned(),
        expected,
    }
}

/// Adds to an I/O error what was tried with which file.
pub(super) fn failed(
    doing: &'static str,
    path: impl Into<PathBuf>,
) -> impl FnOnce(io::Error) -> LocalError {
    let path = path.into();
    move |source| LocalError::Io {
        doing,
        path,
        source,
    }
}
