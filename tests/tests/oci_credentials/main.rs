//! Do the daemon's credentials hold against a cloud that verifies every signature, as time goes by and
//! things fail?
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    reason = "a test fails by a panic, in its helpers too"
)]

mod instance;
mod lives;
mod profile;
mod replies;
mod resource;
mod scene;
mod session;
mod whole;
mod workload;
