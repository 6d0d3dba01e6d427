//! What vaultd and its clients must agree on.
//!
//! The only crate that both sides know: messages, references, sealing, where the socket is, and which
//! variables steer a program loader. Nothing here does I/O but looking at a directory's owner.
#![forbid(unsafe_code)]

pub mod delivery;
pub mod generated;
pub mod kinds;
pub mod loader_variables;
pub mod names;
pub mod printable;
pub mod redacted;
pub mod reference;
pub mod sealed;
pub mod socket;

/// The protocol that `proto/vaultd/v1` describes.
pub const PROTOCOL: u32 = 1;

/// What stands for the inherited directories in the PATH of a reply, and in `path` and
/// `env_overrides.PATH` of a configuration.
pub const INHERITED_PATH: &str = "${PATH}";

/// The directories of a process without a PATH.
pub const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The most bytes of a reply to a person: more than the largest configuration that is read can fill.
pub const LARGEST_ADMIN_REPLY: usize = 32 * 1024 * 1024;

/// The most bytes a secret may have.
pub const MAX_SECRET_BYTES: usize = 64 * 1024;
