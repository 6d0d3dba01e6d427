//! The gRPC code of each error. Its stable word is the error's own, the same as in the audit record.

use std::fmt::Display;
use std::sync::Arc;

use tonic::metadata::MetadataValue;
use tonic::{Code, Status};
use vault_backends::error::{Class, UNSUPPORTED};
use vault_proto::kinds;
use vault_proto::sealed::SealError;

use crate::launch::problem::LaunchError;
use crate::launch::reply_size::TooLarge;
use crate::resolver::ResolveError;
use crate::upstream::UpstreamError;
use crate::writer::WriteError;

/// An error status with its stable word.
pub(super) fn refuse(code: Code, kind: &'static str, message: impl Into<String>) -> Status {
    let mut status = Status::new(code, message);
    status
        .metadata_mut()
        .insert(kinds::HEADER, MetadataValue::from_static(kind));
    status
}

/// An error of the rooms below, as a caller is told of it.
pub(super) trait Failure: Display {
    /// How gRPC has it.
    fn code(&self) -> Code;
    /// Its stable word.
    fn word(&self) -> &'static str;

    /// The status with code, word and text.
    fn status(&self) -> Status {
        refuse(self.code(), self.word(), self.to_string())
    }
}

impl Failure for LaunchError {
    fn code(&self) -> Code {
        match self {
            Self::Resolve(error) => error.code(),
            Self::Secret { error, .. } => error.code(),
            Self::Seal(error) => code_of_sealing(*error),
            Self::UnknownService { .. } | Self::UnknownEnvironment { .. } | Self::Field(_) => {
                Code::NotFound
            }
            Self::Refused { .. }
            | Self::NothingNamed { .. }
            | Self::NoCommand { .. }
            | Self::Profile { .. }
            | Self::Command { .. }
            | Self::Nul { .. }
            | Self::TooLarge(_) => Code::FailedPrecondition,
            Self::Shield(_) => Code::Internal,
        }
    }

    fn word(&self) -> &'static str {
        self.kind()
    }
}

impl Failure for ResolveError {
    fn code(&self) -> Code {
        match self {
            Self::Denied { .. } => Code::PermissionDenied,
            Self::Audit(_) => Code::FailedPrecondition,
            Self::PeerGone => Code::Cancelled,
            Self::Ended => Code::Unavailable,
        }
    }

    fn word(&self) -> &'static str {
        self.kind()
    }
}

impl Failure for WriteError {
    fn code(&self) -> Code {
        match self {
            Self::Resolve(error) => error.code(),
            Self::Seal(error) => code_of_sealing(*error),
            Self::Upstream(error) | Self::Unrecorded { failure: error, .. } => error.code(),
            Self::StaysOnDisk(_) => Code::Internal,
            Self::Shield(_) | Self::Pinned(_) => Code::InvalidArgument,
            Self::Stopping => Code::Unavailable,
        }
    }

    fn word(&self) -> &'static str {
        self.kind()
    }
}

impl Failure for UpstreamError {
    fn code(&self) -> Code {
        match self {
            Self::NoBackend(_) | Self::ReadOnly(_) => Code::Unimplemented,
            Self::Deadline { .. } => Code::DeadlineExceeded,
            Self::Lost => Code::Internal,
            _ if self.kind() == UNSUPPORTED => Code::Unimplemented,
            _ => match self.class() {
                Class::Answer => Code::NotFound,
                Class::Outage | Class::Credentials => Code::Unavailable,
                Class::Request => Code::InvalidArgument,
            },
        }
    }

    fn word(&self) -> &'static str {
        self.kind()
    }
}

impl<F: Failure> Failure for Arc<F> {
    fn code(&self) -> Code {
        F::code(self)
    }

    fn word(&self) -> &'static str {
        F::word(self)
    }
}

impl Failure for TooLarge {
    fn code(&self) -> Code {
        Code::FailedPrecondition
    }

    fn word(&self) -> &'static str {
        kinds::VALUES_TOO_LARGE
    }
}

impl Failure for SealError {
    fn code(&self) -> Code {
        code_of_sealing(*self)
    }

    fn word(&self) -> &'static str {
        self.kind()
    }
}

fn code_of_sealing(error: SealError) -> Code {
    match error {
        SealError::PublicKey | SealError::RequestId | SealError::Open => Code::InvalidArgument,
        SealError::Seal => Code::Internal,
    }
}

#[cfg(test)]
mod tests {
    use vault_backends::address::Address;
    use vault_backends::error::BackendError;

    use super::*;
    use crate::upstream::Name;

    /// One of each; a new variant belongs in here.
    fn upstream_errors() -> Vec<UpstreamError> {
        let name = || Name::of(&Address::local("x"));
        let backend = |class, word| BackendError::replied(class, word, "words").into();
        vec![
            UpstreamError::NoBackend(name()),
            UpstreamError::ReadOnly(name()),
            UpstreamError::Busy(name()),
            UpstreamError::BreakerOpen {
                name: name(),
                last: "words".to_owned(),
            },
            UpstreamError::Deadline {
                about: "read local://x".to_owned(),
                seconds: 8,
                is_remote: false,
            },
            UpstreamError::stopped(&Address::local("x")),
            UpstreamError::Lost,
            BackendError::unsupported("words").into(),
            backend(Class::Answer, "not_allowed"),
            backend(Class::Outage, "too_many_requests"),
            backend(Class::Credentials, "not_authenticated"),
            backend(Class::Request, "no_container"),
        ]
    }

    #[test]
    fn an_error_has_one_word_on_the_wire_and_in_the_record_whatever_it_is_wrapped_in() {
        for (error, again) in upstream_errors().into_iter().zip(upstream_errors()) {
            let (word, code) = (error.kind(), error.code());
            let refused = LaunchError::Secret {
                variable: "T".to_owned(),
                error: Arc::new(error),
                hint: String::new(),
            };
            let written = WriteError::Upstream(again);
            for (recorded, status) in [
                (refused.kind(), refused.status()),
                (written.kind(), written.status()),
            ] {
                assert_eq!(recorded, word);
                assert_eq!(status.metadata().get(kinds::HEADER).unwrap(), word);
                assert_eq!(status.code(), code, "{word}");
                assert!(!kinds::is_usage(word), "{word}: one exit code");
            }
        }
    }

    #[test]
    fn the_class_of_a_failure_is_its_grpc_code() {
        let code = |class| UpstreamError::from(BackendError::replied(class, "w", "words")).code();
        assert_eq!(code(Class::Answer), Code::NotFound);
        assert_eq!(code(Class::Outage), Code::Unavailable);
        assert_eq!(code(Class::Credentials), Code::Unavailable);
        assert_eq!(code(Class::Request), Code::InvalidArgument);
        let cannot = UpstreamError::from(BackendError::unsupported("words"));
        assert_eq!(cannot.code(), Code::Unimplemented);
    }
}
