//! What is needed to look at vaultd from outside?
//!
//! Real programs in a temporary home, real sockets, a real MCP client. Nothing here knows the
//! inside of the daemon: what it says to its callers, writes into files and tells systemd is all
//! there is to see.
#![forbid(unsafe_code)]

pub mod crashes;
pub mod harness;
pub mod mcp;
pub mod oci;
pub mod openmetrics;
pub mod rpc;
pub mod rude;
pub mod scan;
