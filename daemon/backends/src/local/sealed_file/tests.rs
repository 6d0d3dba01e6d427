//! Such a file is private, whole, and of use to its own store alone.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use vault_memory::{Preference, Shield};

use super::*;
use crate::local::writing::sync_directory;
use crate::local::{LocalSettings, LocalStore};

const LIMIT: u64 = 64 * 1024;

/// A directory, and the file of a store in it.
fn room() -> (tempfile::TempDir, SealedFile) {
    let place = tempfile::tempdir().unwrap();
    let file = file_in(place.path());
    (place, file)
}

fn file_in(place: &Path) -> SealedFile {
    let shield = Shield::new(Preference::Auto).unwrap();
    let directory = place.join("vaultd");
    let store = LocalStore::open(&LocalSettings::new(&directory), shield).unwrap();
    store.sealed_file(&directory, "file.age")
}

/// What it holds, if it can be read to its end.
fn read(file: &SealedFile, limit: u64) -> Result<Option<Vec<u8>>, LocalError> {
    let Some(mut reader) = file.open(limit)? else {
        return Ok(None);
    };
    let mut held = Vec::new();
    match reader.read_to_end(&mut held) {
        Ok(_) => Ok(Some(held)),
        Err(error) => Err(error.downcast().unwrap()),
    }
}

fn replace(file: &SealedFile, plaintext: &[u8]) -> Result<(), LocalError> {
    file.replace(|writer| {
        let written = writer.write_all(plaintext);
        written.map_err(failed("write", file.path()))
    })
}

fn kind<T: std::fmt::Debug>(result: Result<T, LocalError>) -> &'static str {
    result.unwrap_err().kind()
}

#[test]
fn what_was_written_is_read_and_nobody_else_can_read_it() {
    let (place, file) = room();
    assert!(read(&file, LIMIT).unwrap().is_none());
    replace(&file, b"the first, which is longer").unwrap();
    replace(&file, b"the second").unwrap();
    // A store that is opened later.
    let held = read(&file_in(place.path()), LIMIT).unwrap().unwrap();
    assert_eq!(held, b"the second");
    let metadata = fs::metadata(file.path()).unwrap();
    assert_eq!(metadata.mode() & 0o7777, 0o600);
    let bytes = fs::read(file.path()).unwrap();
    assert!(!bytes.windows(6).any(|window| window == b"second"));
}

#[test]
fn an_identity_made_for_it_is_the_stores() {
    let (_place, file) = room();
    replace(&file, b"x").unwrap();
    let identity = file.directory.join("identity.txt");
    assert_eq!(fs::metadata(&identity).unwrap().mode() & 0o7777, 0o600);
    fs::remove_file(&identity).unwrap();
    assert_eq!(kind(read(&file, LIMIT)), "no_identity");
    replace(&file, b"y").unwrap();
    assert_eq!(read(&file, LIMIT).unwrap().unwrap(), b"y");
}

#[test]
fn no_identity_is_made_beside_a_store_that_it_would_not_open() {
    let (_place, file) = room();
    fs::write(file.directory.join("store.age"), "a store").unwrap();
    let mode = fs::Permissions::from_mode(0o600);
    fs::set_permissions(file.directory.join("store.age"), mode).unwrap();
    assert_eq!(kind(replace(&file, b"x")), "no_identity");
    assert!(!file.path().exists());
}

#[test]
fn a_torn_foreign_or_open_file_is_refused_and_stays() {
    let (_place, file) = room();
    replace(&file, b"0123456789").unwrap();
    let whole = fs::read(file.path()).unwrap();
    for length in [0, 10, whole.len() - 1] {
        fs::write(file.path(), &whole[..length]).unwrap();
        assert_eq!(kind(read(&file, LIMIT)), "store_damaged", "{length}");
        assert_eq!(fs::read(file.path()).unwrap().len(), length);
    }
    let (_elsewhere, other) = room();
    replace(&other, b"x").unwrap();
    fs::copy(other.path(), file.path()).unwrap();
    assert_eq!(kind(read(&file, LIMIT)), "wrong_identity");
    fs::set_permissions(file.path(), fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(kind(read(&file, LIMIT)), "wrong_mode");
}

#[test]
fn a_file_above_the_limit_is_not_read() {
    let (_place, file) = room();
    replace(&file, &[7; 2000]).unwrap();
    assert_eq!(kind(read(&file, 1000)), "store_too_large");
}

#[test]
fn what_a_killed_writer_left_goes_with_it() {
    let (_place, file) = room();
    replace(&file, b"x").unwrap();
    let left = file.directory.join(".new.left.tmp");
    let leave = || fs::copy(file.path(), &left).unwrap();
    leave();
    file.remove_leftovers().unwrap();
    assert!(!left.exists() && file.path().exists());
    leave();
    file.remove().unwrap();
    assert!(!left.exists() && !file.path().exists());
    // Also where the writer was the first.
    fs::write(&left, "x").unwrap();
    file.remove().unwrap();
    assert!(!left.exists());
}

#[test]
fn another_writer_is_waited_for_only_where_it_may_have_left_something() {
    let (_place, file) = room();
    replace(&file, b"x").unwrap();
    let lock = WriteLock::take(&file.directory).unwrap();
    file.remove().unwrap();
    let under_way = file.directory.join(".new.under-way.tmp");
    fs::write(&under_way, "x").unwrap();
    assert_eq!(kind(file.remove()), "store_locked");
    assert!(under_way.exists());
    drop(lock);
    file.remove().unwrap();
    assert!(!under_way.exists());
}

#[test]
fn it_is_gone_only_when_the_disk_has_confirmed_it() {
    let (_place, mut file) = room();
    replace(&file, b"x").unwrap();
    let store = Arc::get_mut(&mut file.store).unwrap();
    store.sync = |_| Err(io::Error::other("the disk is gone"));
    for _ in 0..2 {
        assert_eq!(kind(file.remove()), "io");
    }
    Arc::get_mut(&mut file.store).unwrap().sync = sync_directory;
    file.remove().unwrap();
}

#[test]
fn it_can_be_removed_more_than_once() {
    let (_place, file) = room();
    replace(&file, b"x").unwrap();
    file.remove().unwrap();
    file.remove().unwrap();
    assert!(read(&file, LIMIT).unwrap().is_none());
}
