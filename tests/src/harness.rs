//! Running the programs as a person would run them.

mod binaries;
mod daemon;
mod home;
mod notify;
mod outcome;
mod until;

pub use binaries::{Binaries, binaries, binaries_with_progress};
pub use daemon::{Daemon, LONG};
pub use home::Home;
pub use outcome::Outcome;
pub use until::until;
