//! How does plaintext get into the age format and out of it again?
//!
//! The `age` crate keeps up to 64 KiB of plaintext in a buffer of its own while it encrypts, and
//! frees it as it is. The daemon's allocator zeroes it then; a program without that allocator has
//! no business with this store.
//!
//! Its errors end here and are never printed: in debug builds the crate reads their texts from its
//! source directory and panics where that cannot be read, as under Landlock.

use std::io::{self, Read, Write};
use std::iter;

use age::{DecryptError, Decryptor, Encryptor, Identity, Recipient};
use zeroize::Zeroizing;

/// Decrypts a whole age file. The plaintext is complete and authentic, or there is none.
///
/// # Errors
/// [`NotOpened`].
pub(super) fn open(file: &[u8], identity: &dyn Identity) -> Result<Zeroizing<Vec<u8>>, NotOpened> {
    // The plaintext is shorter than the file, so the buffer never grows and leaves nothing behind.
    let mut plaintext = Zeroizing::new(Vec::with_capacity(file.len()));
    Decryptor::new_buffered(file)
        .and_then(|decryptor| decryptor.decrypt(iter::once(identity)))
        .and_then(|mut reader| Ok(reader.read_to_end(&mut plaintext)?))
        .map_err(NotOpened::from)?;
    Ok(plaintext)
}

/// Why there is no plaintext.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotOpened {
    /// The file is for another key.
    OtherKey,
    /// The file is for a passphrase, and not for this one.
    OtherPassphrase,
    /// The file is not what was written, for this reason.
    Damaged(&'static str),
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
            DecryptError::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Self::Damaged("it ends too early")
            }
            _ => Self::Damaged("its content was altered"),
        }
    }
}

/// Encrypts to one recipient.
///
/// # Errors
/// What the `age` crate refused; it has no reason to.
pub(super) fn seal(plaintext: &[u8], recipient: &dyn Recipient) -> io::Result<Vec<u8>> {
    let encryptor = Encryptor::with_recipients(iter::once(recipient))
        .map_err(|_| io::Error::other("the recipient was refused"))?;
    let mut writer = encryptor.wrap_output(Vec::with_capacity(plaintext.len() + HEADER_BYTES))?;
    writer.write_all(plaintext)?;
    writer.finish()
}

/// More than the header, nonce and tags of a small file take.
const HEADER_BYTES: usize = 512;
