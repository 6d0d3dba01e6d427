//! Protected memory for the key and the scratch slots, as strong and as much as the kernel gives.

use std::num::NonZeroUsize;

use nix::errno::Errno;

use crate::pages::{self, Block};
use crate::protection::{Preference, Protection};

/// Protected memory, cut for its uses.
pub(crate) struct Arena {
    /// Room for the process key.
    pub(crate) key: Block,
    /// Room for plaintext while it is used.
    pub(crate) slots: Vec<Block>,
    /// What the kernel gave.
    pub(crate) protection: Protection,
    /// What it refused, in words for a person.
    pub(crate) warnings: Vec<String>,
}

impl Arena {
    /// The strongest protection that `preference` allows and the kernel gives.
    ///
    /// # Errors
    /// Only if the process cannot get even ordinary pages.
    pub(crate) fn reserve(preference: Preference) -> Result<Self, Errno> {
        let strongest_first: &[Protection] = match preference {
            Preference::Auto | Preference::Secretmem => &[
                Protection::Secretmem,
                Protection::Mlock,
                Protection::Unprotected,
            ],
            Preference::Mlock => &[Protection::Mlock, Protection::Unprotected],
        };
        Self::first_given(strongest_first)
    }

    /// The first of `protections` that the kernel gives, with a warning for each that it refused.
    ///
    /// # Errors
    /// If the kernel refused them all.
    pub(crate) fn first_given(protections: &[Protection]) -> Result<Self, Errno> {
        let mut warnings = Vec::new();
        let mut refused = Errno::EINVAL;
        for &protection in protections {
            match cut_as_many_as_fit(protection) {
                Ok((key, slots)) => {
                    warnings.extend(fewer_slots(slots.len()));
                    return Ok(Self {
                        key,
                        slots,
                        protection,
                        warnings,
                    });
                }
                Err(errno) => {
                    warnings.push(refusal(protection, errno));
                    refused = errno;
                }
            }
        }
        Err(refused)
    }
}

fn cut_as_many_as_fit(protection: Protection) -> Result<(Block, Vec<Block>), Errno> {
    let mut slots = SLOTS;
    loop {
        let mut sizes = vec![KEY_PAGE];
        sizes.resize(1 + slots, SLOT);
        match pages::map(protection, &sizes) {
            Ok(mut blocks) => return Ok((blocks.remove(0), blocks)),
            // What a used-up limit on locked memory looks like: EAGAIN from memfd_secret's mmap,
            // ENOMEM or EAGAIN from mlock.
            Err(Errno::EAGAIN | Errno::ENOMEM) if slots > 1 => slots /= 2,
            Err(errno) => return Err(errno),
        }
    }
}

fn refusal(protection: Protection, errno: Errno) -> String {
    let name = format!("{errno:?}");
    let limit = needed_kibibytes(1);
    match (protection, errno) {
        (Protection::Secretmem, Errno::EAGAIN | Errno::ENOMEM) => format!(
            "memfd_secret got no memory ({name}): using mlock; raise the limit on locked memory \
             (LimitMEMLOCK=, ulimit -l) to at least {limit} KiB"
        ),
        (Protection::Secretmem, _) => format!(
            "memfd_secret is not available ({name}): using mlock; start the kernel with \
             secretmem.enable=1, or set memory: mlock to accept this"
        ),
        (Protection::Mlock, _) => format!(
            "memory cannot be locked ({name}): values in use may be swapped out; raise the limit on \
             locked memory (LimitMEMLOCK=, ulimit -l) to at least {limit} KiB"
        ),
        (Protection::Unprotected, _) => format!("no memory for values in use ({name})"),
    }
}

fn fewer_slots(given: usize) -> Option<String> {
    (given < SLOTS).then(|| {
        format!(
            "the limit on locked memory leaves room to use {given} values at once instead of \
             {SLOTS}: raise it (LimitMEMLOCK=, ulimit -l) to at least {} KiB",
            needed_kibibytes(SLOTS)
        )
    })
}

const fn needed_kibibytes(slots: usize) -> usize {
    (KEY_PAGE.get() + slots * SLOT.get()).div_ceil(1024)
}

/// The largest value a [`Secret`](crate::Secret) can hold, in bytes.
pub const MAX_SECRET_BYTES: usize = 64 * 1024;

/// As many values can be used at once. With the key 516 KiB, far below the 8 MiB of locked memory
/// that a user unit gets and cannot raise.
pub(crate) const SLOTS: usize = 8;

const KEY_PAGE: NonZeroUsize = NonZeroUsize::new(4096).expect("a page is not empty");
const SLOT: NonZeroUsize = NonZeroUsize::new(MAX_SECRET_BYTES).expect("a slot is not empty");
