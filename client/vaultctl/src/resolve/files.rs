//! Reading the text and writing the result.
//!
//! A result holds secrets: a file is made beside its target with mode 0600, written, and renamed
//! over it when it is whole, so that a failure leaves the target as it was.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::failure::Failure;

/// The longest text that is read.
const MAX_INPUT: usize = 16 << 20;

/// The text to resolve; it may hold values that stand in it already.
pub(crate) fn read(file: Option<&Path>) -> Result<Zeroizing<String>, Failure> {
    let bytes = match file {
        Some(path) => File::open(path)
            .and_then(all_of)
            .map_err(|error| Failure::input(format!("cannot read {}: {error}", path.display())))?,
        None => all_of(io::stdin().lock())
            .map_err(|error| Failure::input(format!("cannot read standard input: {error}")))?,
    };
    if bytes.len() > MAX_INPUT {
        return Err(Failure::unexpected("the input has more than 16 MiB"));
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err(Failure::unexpected("the input is not UTF-8")),
    }
}

fn all_of(source: impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    source.take(MAX_INPUT as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Makes `text` the content of `target`, or leaves it as it is.
pub(crate) fn write(target: &Path, text: &[u8]) -> Result<(), Failure> {
    let written = match std::fs::metadata(target) {
        // `/dev/stdout`, a named pipe: nothing to be replaced.
        Ok(found) if !found.is_file() => OpenOptions::new()
            .write(true)
            .open(target)
            .and_then(|mut file| file.write_all(text)),
        // A link stays; what it leads to is replaced.
        Ok(_) => std::fs::canonicalize(target).and_then(|target| replace(&target, text)),
        Err(_) => replace(target, text),
    };
    written
        .map_err(|error| Failure::unexpected(format!("cannot write {}: {error}", target.display())))
}

fn replace(target: &Path, text: &[u8]) -> io::Result<()> {
    let directory = match target.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    // Its mode is 0600 from the beginning.
    let mut file = tempfile::Builder::new()
        .prefix(".vaultctl-")
        .tempfile_in(directory)?;
    file.write_all(text)?;
    file.as_file().sync_all()?;
    file.persist(target)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::PermissionsExt;

    fn mode(path: &Path) -> u32 {
        path.metadata().expect("it is there").permissions().mode() & 0o777
    }

    fn names(directory: &Path) -> Vec<std::ffi::OsString> {
        let entries = std::fs::read_dir(directory).expect("a directory");
        entries
            .map(|entry| entry.expect("an entry").file_name())
            .collect()
    }

    #[test]
    fn a_file_is_replaced_whole_and_is_its_owners_alone() {
        let directory = tempfile::tempdir().expect("a directory");
        let target = directory.path().join("out.yaml");
        write(&target, b"a: 1\n").expect("written");
        assert_eq!(mode(&target), 0o600);
        std::fs::set_permissions(&target, PermissionsExt::from_mode(0o644)).expect("its mode");
        write(&target, b"b\n").expect("written");
        assert_eq!(
            (std::fs::read(&target).expect("it"), mode(&target)),
            (b"b\n".to_vec(), 0o600)
        );
        assert_eq!(names(directory.path()), ["out.yaml"]);
    }

    #[test]
    fn a_link_stays_and_a_pipe_is_written_to() {
        let directory = tempfile::tempdir().expect("a directory");
        let (file, link) = (directory.path().join("file"), directory.path().join("link"));
        std::fs::write(&file, "old").expect("a file");
        std::os::unix::fs::symlink(&file, &link).expect("a link");
        write(&link, b"new").expect("written");
        assert!(link.is_symlink());
        assert_eq!(std::fs::read(&file).expect("it"), b"new");
        // No device of this machine: a broken guard would replace it.
        let (mut reader, writer) = io::pipe().expect("a pipe");
        let pipe = format!("/proc/self/fd/{}", writer.as_raw_fd());
        write(Path::new(&pipe), b"passed on").expect("written");
        drop(writer);
        let mut read = Vec::new();
        reader.read_to_end(&mut read).expect("all of it");
        assert_eq!(read, b"passed on");
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing_behind() {
        let directory = tempfile::tempdir().expect("a directory");
        assert!(write(directory.path(), b"x").is_err());
        assert!(write(&directory.path().join("no/such"), b"x").is_err());
        assert!(names(directory.path()).is_empty());
    }
}
