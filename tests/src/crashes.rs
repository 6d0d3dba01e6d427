//! What a machine does to a daemon, again and again.
//!
//! Callers launch and store all the while. Whatever they are given must be a value that was stored, and
//! none that is older than one whose storing was acknowledged.

mod seen;
mod stop;
mod storm;

pub use stop::{Stopped, stop};
pub use storm::{Report, storm};
