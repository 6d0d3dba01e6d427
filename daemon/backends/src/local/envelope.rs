//! How does plaintext get into the age format and out of it again?
//!
//! The `age` crate keeps up to 64 KiB of plaintext in a buffer of its own while it encrypts, and
//! frees it as it is. The daemon's allocator zeroes it then; a program without that allocator has
//! no business with this store.

use std::io::{self, Read, Write};
use std::iter;

use age::{DecryptError, Decryptor, Encryptor, Identity, Recipient};
use zeroize::Zeroizing;

/// Decrypts a whole age file. The plaintext is complete and authentic, or there is none.
///
/// # Errors
/// [`DecryptError`].
pub(super) fn open(
    file: &[u8],
    identity: &dyn Identity,
) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
    // The plaintext is shorter than the file, so the buffer never grows and leaves nothing behind.
    let mut plaintext = Zeroizing::new(Vec::with_capacity(file.len()));
    Decryptor::new_buffered(file)?
        .decrypt(iter::once(identity))?
        .read_to_end(&mut plaintext)?;
    Ok(plaintext)
}

/// Encrypts to one recipient.
///
/// # Errors
/// What the `age` crate refused; it has no reason to.
pub(super) fn seal(plaintext: &[u8], recipient: &dyn Recipient) -> io::Result<Vec<u8>> {
    let encryptor = Encryptor::with_recipients(iter::once(recipient)).map_err(io::Error::other)?;
    let mut writer = encryptor.wrap_output(Vec::with_capacity(plaintext.len() + HEADER_BYTES))?;
    writer.write_all(plaintext)?;
    writer.finish()
}

/// More than the header, nonce and tags of a small file take.
const HEADER_BYTES: usize = 512;
