//! The client of vaultd: connections, calls, and sealed replies opened.
//!
//! [`connect`] is for a program that calls once and ends; a [`Connector`] for one that lives long and
//! makes many calls, many at once, each with a deadline of its own. Both give a [`Client`], which
//! repeats what may be repeated when the daemon restarts under it. Programs of this workspace use
//! nothing else to reach the daemon.
#![forbid(unsafe_code)]

mod admin;
mod age;
mod backoff;
mod client;
mod connection;
mod connector;
mod daemon_options;
mod deadline;
mod error;
mod rpc;
mod sealing;
mod secrets;
mod state;
mod status;
mod style;
mod table;

pub use admin::NewVersion;
pub use age::{age_in_words, seconds_in_words};
pub use client::{Client, connect};
pub use connector::Connector;
pub use daemon_options::daemons_option;
pub use error::Error;
pub use rpc::Rpc;
pub use sealing::OpenedSecret;
pub use secrets::{Events, LaunchOptions, Launched};
pub use state::{state_in_words, state_with_reason, state_word};
pub use style::{Style, Tone};
pub use table::{Cell, Row, field, table};
