//! An address in, a secret out.
//!
//! This crate is the hand that reaches into vaults. It knows nothing of callers, policies or caches.
#![forbid(unsafe_code)]

pub mod address;
pub mod bundle;
pub mod calendar;
pub mod changing;
pub mod error;
pub mod findings;
pub mod http;
pub mod local;
pub mod oci;
pub mod process_context;
pub mod reading;
pub mod registry;
pub mod target;
pub mod wall_clock;
