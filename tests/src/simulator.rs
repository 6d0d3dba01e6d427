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
mod outage;
mod promises;
mod vault;
mod watched;
mod weather;
mod world;

pub use dice::Dice;
pub use director::{Failure, run};
pub use outage::{Afterwards, outage};
pub use weather::Fault;
pub use world::Figures;

/// A runtime whose time goes from one thing that happens to the next.
fn virtual_time() -> Result<tokio::runtime::Runtime, String> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let built = builder.enable_time().start_paused(true).build();
    built.map_err(|error| format!("no runtime: {error}"))
}
