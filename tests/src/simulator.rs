//! Does the daemon hold its promises on days as bad as nobody has seen?
//!
//! The real cache, upstream and refresher stand before a vault that does what a seed says. Time is
//! virtual and there is one thread, so that an hour takes milliseconds. Whatever the vault answers,
//! carries the number of the call that it was an answer to: what a caller is served can be traced to
//! the moment the vault was asked, and every promise is a comparison of such numbers.

mod caller;
mod daemon;
mod dice;
mod director;
mod expectation;
mod faults;
mod outage;
mod promises;
mod vault;
mod virtual_time;
mod world;

pub use dice::Dice;
pub use director::{Failure, run};
pub use faults::Fault;
pub use outage::{Afterwards, outage};
pub use world::Figures;
