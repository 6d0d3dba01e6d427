//! What a caller gets while OCI Vault fails: ways to fail × what is held.
//!
//! The daemon's own cache and upstream before its own reader of OCI Vault, which asks the fake over TLS.
//! Their clock is moved by the tests; nobody waits.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    reason = "a test fails by a panic, in its helpers too"
)]

mod conditions;
mod contract;
mod fixture;
mod identity;
mod refusals;
mod replies;
mod row;
mod table;
mod times;
mod tokens;
