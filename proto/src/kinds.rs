//! The stable words that tell a caller why a call failed.
//!
//! Every error status of vaultd carries one in the metadata [`HEADER`]; its message is for a person
//! and says what failed and what to do.

/// The metadata key.
pub const HEADER: &str = "vaultd-error";

/// The two sides have no protocol in common.
pub const PROTOCOL: &str = "protocol";
/// The request is malformed.
pub const INVALID_REQUEST: &str = "invalid_request";
/// A text is no reference.
pub const INVALID_REFERENCE: &str = "invalid_reference";
/// No service of that name is configured.
pub const UNKNOWN_SERVICE: &str = "unknown_service";
/// The configuration names no such environment.
pub const UNKNOWN_ENVIRONMENT: &str = "unknown_environment";
/// The configuration is at fault.
pub const CONFIGURATION: &str = "configuration";
/// The service's command is not on this machine.
pub const COMMAND_NOT_FOUND: &str = "command_not_found";
/// The service's command is there and cannot be run.
pub const COMMAND_NOT_EXECUTABLE: &str = "command_not_executable";
/// Policy says no.
pub const DENIED: &str = "denied";
/// The backend says that there is no such secret or version.
pub const NOT_FOUND: &str = "not_found";
/// The value cannot be had now, and none that may be served is held.
pub const UNAVAILABLE: &str = "unavailable";
/// The value cannot be put into an environment variable.
pub const UNUSABLE_VALUE: &str = "unusable_value";
/// The audit record could not be written, so nothing leaves.
pub const AUDIT: &str = "audit";
/// The caller is no longer the process that connected.
pub const PEER_GONE: &str = "peer_gone";
/// The backend cannot do this.
pub const UNSUPPORTED: &str = "unsupported";
/// A fault of the daemon's own.
pub const INTERNAL: &str = "internal";
