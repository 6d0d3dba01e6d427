//! How does a program talk to vaultd?
//!
//! [`connect`] finds the daemon and checks whose it is; the [`Client`] it gives carries every call
//! of the API under one deadline, repeats what may be repeated when the daemon restarts under it,
//! and opens sealed replies. Programs of this house use nothing else to reach the daemon.
#![forbid(unsafe_code)]

mod admin;
mod age;
mod client;
mod columns;
mod connection;
mod elsewhere;
mod error;
mod opening;
mod pauses;
mod secrets;
mod state;
mod status;

pub use admin::NewVersion;
pub use age::{age_in_words, seconds_in_words};
pub use client::{Client, connect};
pub use columns::in_columns;
pub use elsewhere::daemons_option;
pub use error::Error;
pub use opening::OpenedSecret;
pub use secrets::{Events, Launched, Wanted};
pub use state::{state_in_words, state_word};
