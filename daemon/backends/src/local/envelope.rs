//! Reads and writes the age format as a stream.
//!
//! The `age` crate decrypts and encrypts chunks of 64 KiB, and has one of them in ordinary memory
//! while it does. That is the most of a file that is plaintext at once. It wipes what it decrypted,
//! and frees as it is what it encrypts: the daemon's allocator zeroes that; a program without that
//! allocator has no business with this store.
//!
//! Its errors end here and are never printed: in debug builds the crate reads their texts from its
//! source directory and panics where that cannot be read, as under Landlock.

use std::io::{self, BufRead, Read, Write};
use std::iter;

use age::stream::{StreamReader, StreamWriter};
use age::{DecryptError, Decryptor, Encryptor, Identity, Recipient};
use zeroize::Zeroizing;

/// Decrypts `file` as it is read. Each chunk is authentic, and its end is the end of what was
/// written: what is read before that may be only a part.
///
/// # Errors
/// [`NotOpened`].
pub(super) fn reader<R: BufRead>(
    file: R,
    identity: &dyn Identity,
) -> Result<StreamReader<R>, NotOpened> {
    Decryptor::new_buffered(file)
        .and_then(|decryptor| decryptor.decrypt(iter::once(identity)))
        .map_err(NotOpened::from)
}

/// Decrypts a small age file. The plaintext is complete and authentic, or there is none.
///
/// # Errors
/// [`NotOpened`].
pub(super) fn open(file: &[u8], identity: &dyn Identity) -> Result<Zeroizing<Vec<u8>>, NotOpened> {
    // The plaintext is shorter than the file, so the buffer never grows and leaves nothing behind.
    let mut plaintext = Zeroizing::new(Vec::with_capacity(file.len()));
    reader(file, identity)?.read_to_end(&mut plaintext)?;
    Ok(plaintext)
}

/// Encrypts to one recipient, as it is written. Without `finish` it is no whole file.
///
/// # Errors
/// What `file` or the `age` crate refused; the crate has no reason to.
pub(super) fn writer<W: Write>(file: W, recipient: &dyn Recipient) -> io::Result<StreamWriter<W>> {
    Encryptor::with_recipients(iter::once(recipient))
        .map_err(|_| io::Error::other("the recipient was refused"))?
        .wrap_output(file)
}

/// Why there is no plaintext.
#[derive(Debug)]
pub(super) enum NotOpened {
    /// The file is for another key.
    OtherKey,
    /// The file is for a passphrase, and not for this one.
    OtherPassphrase,
    /// The file is not what was written, for this reason.
    Damaged(&'static str),
    /// The operating system did not give it.
    Unread(io::Error),
}

impl From<DecryptError> for NotOpened {
    fn from(error: DecryptError) -> Self {
        match error {
            DecryptError::NoMatchingKeys => Self::OtherKey,
            DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed => {
                Self::OtherPassphrase
            }
            DecryptError::InvalidHeader => Self::Damaged("its head is malformed"),
            DecryptError::InvalidMac => Self::Damaged("its head was altered"),
            DecryptError::UnknownFormat => Self::Damaged("it is not an age file of version 1"),
            DecryptError::ExcessiveWork { .. } => {
                Self::Damaged("its passphrase would take too long to check")
            }
            DecryptError::Io(error) => error.into(),
            _ => Self::Damaged(ALTERED),
        }
    }
}

impl From<io::Error> for NotOpened {
    /// Of an error while the plaintext is read: the crate's own ones are of two kinds.
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Damaged("it ends too early"),
            io::ErrorKind::InvalidData => Self::Damaged(ALTERED),
            _ => Self::Unread(error),
        }
    }
}

const ALTERED: &str = "its content was altered";
