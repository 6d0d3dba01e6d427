//! Tests of the fake of Oracle's cloud: it is as strict and complete as it must be to stand in for it.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    reason = "a test fails by a panic, in its helpers too"
)]

#[path = "fake_oci/changes.rs"]
mod changes;
#[path = "fake_oci/client.rs"]
mod client;
#[path = "fake_oci/faults.rs"]
mod faults;
#[path = "fake_oci/principals.rs"]
mod principals;
#[path = "fake_oci/program.rs"]
mod program;
#[path = "fake_oci/reads.rs"]
mod reads;
#[path = "fake_oci/resources.rs"]
mod resources;
#[path = "fake_oci/signatures.rs"]
mod signatures;
#[path = "fake_oci/signer.rs"]
mod signer;
#[path = "fake_oci/vectors.rs"]
mod vectors;
#[path = "fake_oci/wire.rs"]
mod wire;
