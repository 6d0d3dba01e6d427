//! A value at rest.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroize;

use crate::shield::{Sealed, Shield, ShieldError};

/// A value at rest: ciphertext under the process key.
///
/// Deliberately absent: `Clone` (share an `Arc`), `Serialize`, `Display`, comparison. Dropping it
/// wipes the ciphertext too, so that a key found later opens nothing.
pub struct Secret {
    sealed: Sealed,
    shield: Arc<Shield>,
}

impl Shield {
    /// Shields a copy of `plaintext` and wipes `plaintext`, also on error.
    ///
    /// # Errors
    /// [`ShieldError::TooLarge`] above [`MAX_SECRET_BYTES`](crate::MAX_SECRET_BYTES); otherwise as [`Shield::shield_with`].
    pub fn shield(self: &Arc<Self>, plaintext: &mut [u8]) -> Result<Secret, ShieldError> {
        let shielded = self.shield_with(plaintext.len(), |room| {
            room.copy_from_slice(plaintext);
            Ok(room.len())
        });
        plaintext.zeroize();
        shielded
    }

    /// Lends `fill` a zeroed slot of `capacity` bytes and shields as many of them as it returns.
    ///
    /// Waits while all slots are in use. `fill` must not use another secret: with every slot taken
    /// by a thread that waits for a second one, none would ever go on.
    ///
    /// # Errors
    /// What `fill` returned; [`ShieldError::TooLarge`] for a capacity above [`MAX_SECRET_BYTES`](crate::MAX_SECRET_BYTES);
    /// [`ShieldError::Overfilled`] if `fill` counts more than it was lent; [`ShieldError::Nested`]
    /// inside another use; [`ShieldError::Random`] without random bytes.
    pub fn shield_with<E: From<ShieldError>>(
        self: &Arc<Self>,
        capacity: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<Secret, E> {
        let sealed = self.seal_with(capacity, fill)?;
        Ok(Secret {
            sealed,
            shield: Arc::clone(self),
        })
    }
}

impl Secret {
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
