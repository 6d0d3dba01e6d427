//! Where plaintext may be.
//!
//! In protected pages while it is used, and nowhere else: at rest a value is ciphertext under a key
//! that lives in such a page too. This is the only crate of the workspace with unsafe code.
#![deny(unsafe_op_in_unsafe_fn)]

mod allocator;
mod arena;
mod pages;
mod process;
mod protection;
mod secret;
mod shield;
mod thread_wipe;

pub use allocator::ZeroOnFree;
pub use arena::MAX_SECRET_BYTES;
pub use process::{ProcessError, harden_process, hide_process};
pub use protection::{Preference, Protection, UnknownPreference};
pub use secret::Secret;
pub use shield::{Shield, ShieldError};
pub use thread_wipe::wipe_parked_thread;
