//! The stable words that tell a caller why a call failed.
//!
//! Every error status of vaultd carries one in the metadata [`HEADER`], the same as in the audit record;
//! its message is for a person and says what failed and what to do. A backend's failure has the backend's
//! own word, which is none of these: each backend's page in `docs/` lists its words.

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
/// The daemon cannot do it now; it may soon.
pub const UNAVAILABLE: &str = "unavailable";
/// No backend of that kind is configured.
pub const NO_BACKEND: &str = "no_backend";
/// Services use what was to be removed.
pub const IN_USE: &str = "in_use";
/// Nothing may be written to the backend.
pub const READ_ONLY: &str = "read_only";
/// The backend was not asked, after repeated failures.
pub const BREAKER_OPEN: &str = "breaker_open";
/// The backend was not asked: it has asked for a pause.
pub const PAUSED: &str = "paused";
/// The backend was not asked for this secret, after repeated failures of it alone.
pub const SECRET_BACKOFF: &str = "secret_backoff";
/// The backend was not asked: too many calls wait for it.
pub const BUSY: &str = "busy";
/// The backend did not answer in time.
pub const DEADLINE: &str = "deadline";
/// The daemon was stopped before the backend answered.
pub const STOPPED: &str = "stopped";
/// The value cannot be put into an environment variable.
pub const UNUSABLE_VALUE: &str = "unusable_value";
/// The values do not fit into one reply.
pub const VALUES_TOO_LARGE: &str = "values_too_large";
/// The audit record could not be written, so nothing leaves.
pub const AUDIT: &str = "audit";
/// The caller is no longer the process that connected.
pub const PEER_GONE: &str = "peer_gone";
/// The backend cannot do this.
pub const UNSUPPORTED: &str = "unsupported";
/// A fault of the daemon's own.
pub const INTERNAL: &str = "internal";

/// Whether the request or the configuration is at fault, as the daemon itself says: programs end with 2.
/// They end with 3 for all else.
pub fn is_usage(word: &str) -> bool {
    let words = [
        INVALID_REQUEST,
        INVALID_REFERENCE,
        UNKNOWN_SERVICE,
        UNKNOWN_ENVIRONMENT,
        CONFIGURATION,
    ];
    words.contains(&word)
}

/// Whether the failure may be one of the secret that was asked for alone, so that another may be had.
pub fn is_of_one_secret(word: &str) -> bool {
    // Whatever a backend says is about what it was asked for.
    let of_all = [
        "",
        PROTOCOL,
        UNKNOWN_SERVICE,
        UNKNOWN_ENVIRONMENT,
        CONFIGURATION,
        COMMAND_NOT_FOUND,
        COMMAND_NOT_EXECUTABLE,
        DENIED,
        AUDIT,
        PEER_GONE,
        INTERNAL,
    ];
    !of_all.contains(&word)
}
