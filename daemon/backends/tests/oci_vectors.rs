//! Everything that is computed for OCI, compared with Oracle's own SDK.
//!
//! The vectors were made with that SDK. `OCI_VECTORS` names another file of the same form. Where an
//! entry has `divergence`, what we do instead stands in its `ours`.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    reason = "a test fails by a panic, in its helpers too"
)]

#[path = "oci/configs.rs"]
mod configs;
#[path = "oci/endpoints.rs"]
mod endpoints;
#[path = "oci/keys.rs"]
mod keys;
#[path = "oci/signing.rs"]
mod signing;
#[path = "oci/vectors.rs"]
mod vectors;
