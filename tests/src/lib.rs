//! What is needed to look at vaultd from outside.
//!
//! Real programs in a temporary home, real sockets, a real MCP client. Nothing here knows the
//! inside of the daemon: what it says to its callers, writes into files and tells systemd is all
//! there is to see. The simulator alone is another matter: it takes the daemon's rooms out of
//! their house and lets years of bad days pass in them.
#![forbid(unsafe_code)]

pub mod crashes;
pub mod fleet;
pub mod harness;
pub mod leasing;
pub mod mcp;
pub mod oci;
pub mod rpc;
pub mod rude;
pub mod scan;
pub mod simulator;
