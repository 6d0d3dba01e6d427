//! The local store keeps what it is given, and refuses what it cannot trust.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    reason = "a test fails by a panic, in its helpers too"
)]

#[path = "local/child.rs"]
mod child;
#[path = "local/concurrent.rs"]
mod concurrent;
#[path = "local/damaged.rs"]
mod damaged;
#[path = "local/home.rs"]
mod home;
#[path = "local/identities.rs"]
mod identities;
#[path = "local/killed.rs"]
mod killed;
#[path = "local/private.rs"]
mod private;
#[path = "local/values.rs"]
mod values;
