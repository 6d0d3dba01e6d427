//! An address in, a secret out.
//!
//! This crate is the hand that reaches into vaults. It knows nothing of callers, policies or caches.
#![forbid(unsafe_code)]

pub mod backend;
pub mod calendar;
pub mod http;
pub mod local;
pub mod oci;
pub mod registry;
pub mod wall_clock;
