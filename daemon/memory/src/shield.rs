//! Turns plaintext into ciphertext, and lends it out in a protected slot while it is used.
//!
//! Invariants: the process key is in its protected block and, for the length of one call, inside
//! the cipher, which wipes itself. Plaintext is in a slot; a slot is wiped before it is free again,
//! whatever ends its use. The key is made once per process and never written anywhere: with it end
//! all values.

use std::cell::Cell;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, Key, KeyInit};
use nix::errno::Errno;
use zeroize::Zeroize;

use crate::arena::{Arena, MAX_SECRET_BYTES};
use crate::pages::Block;
use crate::protection::{Preference, Protection};

/// The process key and the scratch slots, in protected memory. One per process.
pub struct Shield {
    key: Block,
    slots: Mutex<Vec<Block>>,
    slot_freed: Condvar,
    protection: Protection,
    warnings: Vec<String>,
}

impl Shield {
    /// Takes protected memory and makes a process key in it.
    ///
    /// A kernel that refuses the preferred protection is no error: see [`Shield::protection`] for
    /// what was given and [`Shield::warnings`] for what was not.
    ///
    /// # Errors
    /// [`ShieldError::Map`] without any memory, [`ShieldError::Random`] without random bytes.
    pub fn new(preference: Preference) -> Result<Arc<Self>, ShieldError> {
        Self::over(Arena::reserve(preference).map_err(ShieldError::Map)?)
    }

    /// The same with exactly this protection, for tests of the fallbacks.
    #[cfg(test)]
    pub(crate) fn with_protection(protection: Protection) -> Result<Arc<Self>, ShieldError> {
        Self::over(Arena::first_given(&[protection]).map_err(ShieldError::Map)?)
    }

    fn over(mut arena: Arena) -> Result<Arc<Self>, ShieldError> {
        getrandom::fill(&mut arena.key[..KEY_BYTES]).map_err(ShieldError::Random)?;
        Ok(Arc::new(Self {
            key: arena.key,
            slots: Mutex::new(arena.slots),
            slot_freed: Condvar::new(),
            protection: arena.protection,
            warnings: arena.warnings,
        }))
    }

    /// What the kernel gave.
    pub fn protection(&self) -> Protection {
        self.protection
    }

    /// What the kernel refused and what to do about it, each in one line.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Lends `fill` a slot of `capacity` bytes and seals as many of them as it returns.
    pub(crate) fn seal_with<E: From<ShieldError>>(
        &self,
        capacity: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<Sealed, E> {
        let mut slot = self.slot(capacity)?;
        let filled = fill(slot.bytes())?;
        let sealed = slot
            .bytes()
            .get_mut(..filled)
            .ok_or(ShieldError::Overfilled { filled, capacity })
            .and_then(|plaintext| self.seal(plaintext))?;
        Ok(sealed)
    }

    /// Lends `f` the plaintext of `sealed` in a slot, which is wiped afterwards.
    pub(crate) fn expose<R>(
        &self,
        sealed: &Sealed,
        f: impl FnOnce(&mut [u8]) -> R,
    ) -> Result<R, ShieldError> {
        let mut slot = self.slot(sealed.ciphertext.len())?;
        slot.bytes().copy_from_slice(&sealed.ciphertext);
        self.cipher()
            .decrypt_inout_detached(
                &sealed.nonce.into(),
                &[],
                slot.bytes().into(),
                &sealed.tag.into(),
            )
            .map_err(|_| ShieldError::Damaged)?;
        Ok(f(slot.bytes()))
    }

    /// Encrypts in place, so that only ciphertext is copied out of the slot.
    ///
    /// Nonces are random: 96 bits under a key that one process uses far fewer than 2³² times
    /// (NIST SP 800-38D, section 8.3, allows that many).
    fn seal(&self, plaintext: &mut [u8]) -> Result<Sealed, ShieldError> {
        let mut nonce = [0; 12];
        getrandom::fill(&mut nonce).map_err(ShieldError::Random)?;
        let tag = self
            .cipher()
            .encrypt_inout_detached(&nonce.into(), &[], (&mut *plaintext).into())
            .expect("a slot is far smaller than what one nonce can encrypt");
        Ok(Sealed {
            nonce,
            ciphertext: Box::from(&*plaintext),
            tag: tag.into(),
        })
    }

    fn cipher(&self) -> ChaCha20Poly1305 {
        let key: &Key = self.key[..KEY_BYTES]
            .try_into()
            .expect("the key block has room for the key");
        ChaCha20Poly1305::new(key)
    }

    fn slot(&self, bytes: usize) -> Result<Slot<'_>, ShieldError> {
        if bytes > MAX_SECRET_BYTES {
            return Err(ShieldError::TooLarge { bytes });
        }
        if IN_USE.get() {
            return Err(ShieldError::Nested);
        }
        // A poisoned lock guards nothing half done: blocks are only taken and put back.
        let free = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = self
            .slot_freed
            .wait_while(free, |free| free.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        let block = free.pop().expect("the wait ended because a slot is free");
        IN_USE.set(true);
        Ok(Slot {
            shield: self,
            block: Some(block),
            bytes,
        })
    }
}

impl std::fmt::Debug for Shield {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shield")
            .field("protection", &self.protection)
            .finish_non_exhaustive()
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

/// A slot in use. Its drop wipes the bytes that were lent and frees the slot.
struct Slot<'a> {
    shield: &'a Shield,
    block: Option<Block>,
    bytes: usize,
}

impl Slot<'_> {
    fn bytes(&mut self) -> &mut [u8] {
        let block = self
            .block
            .as_mut()
            .expect("a slot has its block until it is dropped");
        &mut block[..self.bytes]
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.bytes().zeroize();
        IN_USE.set(false);
        let free = self.shield.slots.lock();
        free.unwrap_or_else(PoisonError::into_inner)
            .extend(self.block.take());
        self.shield.slot_freed.notify_one();
    }
}

thread_local! {
    /// Whether this thread holds a slot.
    static IN_USE: Cell<bool> = const { Cell::new(false) };
}

/// Why a value could not be shielded or used.
#[derive(Debug, thiserror::Error)]
pub enum ShieldError {
    /// The value is larger than a slot.
    #[error("hold a value of {bytes} bytes: at most {MAX_SECRET_BYTES} are allowed")]
    TooLarge {
        /// The size that was asked for.
        bytes: usize,
    },
    /// The kernel gave no random bytes.
    #[error("get random bytes from the kernel")]
    Random(#[source] getrandom::Error),
    /// The kernel gave no pages at all.
    #[error("get memory for values in use")]
    Map(#[source] Errno),
    /// The ciphertext is not what was shielded.
    #[error("use a shielded value: it was altered in memory")]
    Damaged,
    /// A secret was used while this thread was using one.
    #[error("use a secret while using another one in the same thread")]
    Nested,
    /// The filling function counted more bytes than it was lent.
    #[error("shield {filled} bytes of a slot of {capacity}")]
    Overfilled {
        /// What it counted.
        filled: usize,
        /// What it was lent.
        capacity: usize,
    },
}

impl ShieldError {
    /// The stable word for audit, metrics and tests.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "value_too_large",
            Self::Random(_) => "no_random",
            Self::Map(_) => "no_memory",
            Self::Damaged => "shield_damaged",
            Self::Nested => "nested_use",
            Self::Overfilled { .. } => "overfilled",
        }
    }
}

const KEY_BYTES: usize = 32;

#[cfg(test)]
mod tests;
