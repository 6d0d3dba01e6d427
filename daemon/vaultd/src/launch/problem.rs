//! Why nothing is launched, in words for a person and in a stable one for the audit record.

use std::sync::Arc;

use vault_backends::bundle::FieldError;
use vault_memory::ShieldError;
use vault_proto::sealed::SealError;

use super::reply_size::TooLarge;
use crate::command::Missing;
use crate::resolver::ResolveError;
use crate::service::NothingNamed;
use crate::upstream::UpstreamError;

/// Why nothing is launched.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// No such service.
    #[error("Service config not found: {name}; looked in {searched}{hint}")]
    UnknownService {
        /// The name.
        name: String,
        /// The directories.
        searched: String,
        /// The names there are.
        hint: String,
    },
    /// The service is configured, and cannot be used as it is.
    #[error("service {service} is refused: {reason}")]
    Refused {
        /// The service.
        service: String,
        /// What is wrong, with file, line, column and key.
        reason: String,
    },
    /// The configuration names no such environment for the service.
    #[error("service {service} has no environment {name}{from}{known}")]
    UnknownEnvironment {
        /// The service.
        service: String,
        /// What was asked for, in quotation marks.
        name: String,
        /// Where it was asked for, with its separator.
        from: &'static str,
        /// The names there are, with their separator.
        known: String,
    },
    /// A secret has no name for the environment.
    #[error("{source} ({file})")]
    NothingNamed {
        /// Where it is defined.
        file: String,
        /// Which secret.
        #[source]
        source: NothingNamed,
    },
    /// No command is configured.
    #[error("service {service} has no command; write target_command, as a list, into {file}")]
    NoCommand {
        /// The service.
        service: String,
        /// Where it is defined.
        file: String,
    },
    /// The caller asks for a profile that the service does not list.
    #[error(
        "service {service} does not list the OCI profile that the caller's OCI_CONFIG_PROFILE \
         names; add it to profiles: in {file}, or take the variable out"
    )]
    Profile {
        /// The service.
        service: String,
        /// Where it is defined.
        file: String,
    },
    /// The command is not there.
    #[error(
        "the command {program} is {what}; install it, or write an absolute path \
         or a path: list into {file}, then vaultctl reload"
    )]
    Command {
        /// The word.
        program: String,
        /// What is wrong with it.
        kind: Missing,
        /// The same in words.
        what: &'static str,
        /// Where it is defined.
        file: String,
    },
    /// A required secret cannot be had.
    #[error("{variable}: {error}{hint}")]
    Secret {
        /// The variable.
        variable: String,
        /// Why not; the backends name the secret themselves.
        error: Arc<UpstreamError>,
        /// What to do, with its separator; empty where nothing is known to help.
        hint: String,
    },
    /// A value that no environment variable can hold.
    #[error(
        "the value of {reference} holds a NUL byte and cannot be put into {variable}; \
         store it without"
    )]
    Nul {
        /// The variable.
        variable: String,
        /// The secret.
        reference: String,
    },
    /// The reply would be larger than one may be.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// Policy, audit, or a caller that went away.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// The caller's key is unusable, or sealing failed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The secret has no such field.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// A held value does not open: a fault of the machine's memory or of ours.
    #[error(transparent)]
    Shield(#[from] ShieldError),
}

impl LaunchError {
    /// The stable word, on the wire and in the audit record.
    pub fn kind(&self) -> &'static str {
        use vault_proto::kinds;
        match self {
            Self::UnknownService { .. } => kinds::UNKNOWN_SERVICE,
            Self::UnknownEnvironment { .. } => kinds::UNKNOWN_ENVIRONMENT,
            Self::Refused { .. }
            | Self::NothingNamed { .. }
            | Self::NoCommand { .. }
            | Self::Profile { .. } => kinds::CONFIGURATION,
            Self::Command {
                kind: Missing::NotFound,
                ..
            } => kinds::COMMAND_NOT_FOUND,
            Self::Command {
                kind: Missing::NotExecutable,
                ..
            } => kinds::COMMAND_NOT_EXECUTABLE,
            Self::Secret { error, .. } => error.kind(),
            Self::Nul { .. } => kinds::UNUSABLE_VALUE,
            Self::TooLarge(_) => kinds::VALUES_TOO_LARGE,
            Self::Resolve(error) => error.kind(),
            Self::Seal(error) => error.kind(),
            Self::Field(error) => error.kind(),
            Self::Shield(_) => kinds::INTERNAL,
        }
    }
}
