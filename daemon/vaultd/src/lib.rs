//! vaultd: the body between the hand held out to callers and the hand that reaches into vaults.
//!
//! `daemon/README.md` shows the floors and the way of a secret through them.
#![forbid(unsafe_code)]

pub mod addresses;
pub mod app;
pub mod arguments;
pub mod audit;
pub mod backend_kinds;
pub mod cache;
pub mod clock;
pub mod command;
#[cfg(test)]
mod compat;
pub mod config;
pub mod grpc;
pub mod health;
pub mod histogram;
pub mod launch;
pub mod limits;
pub mod listener;
pub mod logging;
pub mod maintenance;
pub mod peer;
pub mod policy;
pub mod program;
pub mod refresher;
pub mod resolver;
#[cfg(test)]
mod scripted;
mod secret_patterns;
pub mod service;
pub mod setup;
pub mod snapshot;
pub mod socket;
pub mod subscription;
pub mod targets;
pub mod upstream;
pub mod writer;
