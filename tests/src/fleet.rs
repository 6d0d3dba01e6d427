//! Do many daemons together leave their vault in peace?
//!
//! What each of them decides by is the daemon's own: its schedule, its breaker, its retries. Around
//! them is a queue of events in place of tasks, so that a hundred thousand fit into one process.

mod member;
mod plot;
mod report;
mod run;
mod settings;
mod vault;

pub use plot::svg;
pub use report::{Phase, Report};
pub use run::run;
pub use settings::Settings;
