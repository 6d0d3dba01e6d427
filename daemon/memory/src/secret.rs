//! What is a value while nobody uses it?

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroize;

use crate::shield::{Shield, ShieldError};

/// A value at rest: ciphertext under the process key.
///
/// Deliberately absent: `Clone` (share an `Arc`), `Serialize`, `Display`, comparison. Dropping it
/// wipes the ciphertext too, so that a key found later opens nothing.
pub struct Secret {
    sealed: Sealed,
    shield: Arc<Shield>,
}

impl Secret {
    pub(crate) fn new(sealed: Sealed, shield: Arc<Shield>) -> Self {
        Self { sealed, shield }
    }

    /// How many bytes the value has.
    pub fn len(&self) -> usize {
        self.sealed.ciphertext.len()
    }

    /// Whether the value is the empty one, which is a value.
    pub fn is_empty(&self) -> bool {
        self.sealed.ciphertext.is_empty()
    }

    /// Lends `f` the plaintext in a protected slot, which is wiped afterwards, also when `f` panics.
    ///
    /// The slot is lent mutably, so that a caller can seal in place there; what `f` leaves in it
    /// does not change the secret. Waits while all slots are in use; `f` must not use another
    /// secret, and should do nothing that takes long.
    ///
    /// # Errors
    /// [`ShieldError::Damaged`] if the ciphertext was altered; [`ShieldError::Nested`] inside
    /// another use.
    pub fn expose_secret<R>(&self, f: impl FnOnce(&mut [u8]) -> R) -> Result<R, ShieldError> {
        self.shield.expose(&self.sealed, f)
    }

    /// The ciphertext, for tests that alter it.
    #[cfg(test)]
    pub(crate) fn sealed(&mut self) -> &mut Sealed {
        &mut self.sealed
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret([redacted])")
    }
}

/// What the shield makes of plaintext.
pub(crate) struct Sealed {
    pub(crate) nonce: [u8; 12],
    pub(crate) ciphertext: Box<[u8]>,
    pub(crate) tag: [u8; 16],
}

impl Drop for Sealed {
    fn drop(&mut self) {
        self.ciphertext.zeroize();
        self.tag.zeroize();
    }
}
