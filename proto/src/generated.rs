//! The bindings of `vaultd/v1`, committed so that nobody needs a compiler for them.
//!
//! `UPDATE_BINDINGS=1 cargo test -p vault-proto --test bindings` writes them anew.
#![allow(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    clippy::pedantic
)]

include!("gen/vaultd.v1.rs");
