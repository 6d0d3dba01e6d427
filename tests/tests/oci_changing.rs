//! Changes of secrets in OCI Vault, against the fake.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    reason = "a test fails by a panic, in its helpers too"
)]

#[path = "oci_changing/cloud.rs"]
mod cloud;
#[path = "oci_changing/commands.rs"]
mod commands;
#[path = "oci_changing/deletions.rs"]
mod deletions;
#[path = "oci_changing/keys.rs"]
mod keys;
#[path = "oci_changing/lost.rs"]
mod lost;
#[path = "oci_changing/storing.rs"]
mod storing;
#[path = "oci_changing/versions.rs"]
mod versions;
