//! Why could a call not be made or answered, and what can a person do?

use std::path::PathBuf;
use std::time::Duration;

use vault_proto::kinds;
use vault_proto::sealed::SealError;

/// Why a call failed. The text never holds a value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nobody listens.
    #[error("vaultd is not running: nothing answers at {}", path.display())]
    NotRunning {
        /// The socket.
        path: PathBuf,
        /// What the last attempt said.
        #[source]
        source: std::io::Error,
    },
    /// Whoever listens is not who must.
    #[error(
        "the server at {} runs as uid {found}, and must run as uid {expected}; nothing was asked of it",
        path.display()
    )]
    ForeignServer {
        /// The socket.
        path: PathBuf,
        /// The server's uid.
        found: u32,
        /// The uid it must have.
        expected: u32,
    },
    /// The socket, or a directory above it, does not admit this user.
    #[error("no permission to use the socket {}", path.display())]
    SocketDenied {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The socket could not be used for another reason.
    #[error("the socket {} cannot be used: {source}", path.display())]
    Socket {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The connection ended before the reply.
    #[error("vaultd closed the connection before it answered")]
    Lost {
        /// What the transport said.
        #[source]
        source: Box<tonic::Status>,
    },
    /// No protocol in common; the words are the daemon's where it has any.
    #[error("{words}")]
    Protocol {
        /// What does not fit.
        words: String,
    },
    /// The time was up.
    #[error("vaultd did not answer within {}", seconds(*patience))]
    Deadline {
        /// How long it was given.
        patience: Duration,
    },
    /// The daemon said no.
    #[error("{message}")]
    Refused {
        /// One of the words in `vault_proto::kinds`.
        kind: String,
        /// The daemon's words: what failed and what to do.
        message: String,
    },
    /// A sealed value does not open, or cannot be sealed.
    #[error("{0}")]
    Seal(#[from] SealError),
    /// The reply lacks what the protocol says it has.
    #[error("the reply of vaultd is incomplete: {what}")]
    Incomplete {
        /// What is missing.
        what: &'static str,
    },
    /// The system gave no random bytes.
    #[error("the system gives no random bytes")]
    Random(#[source] getrandom::Error),
}

impl Error {
    /// A stable word: the daemon's own for what it refused, else one of this side.
    pub fn kind(&self) -> &str {
        match self {
            Self::NotRunning { .. } => "not_running",
            Self::ForeignServer { .. } => "foreign_server",
            Self::SocketDenied { .. } => "socket_denied",
            Self::Socket { .. } => "socket",
            Self::Lost { .. } => "lost",
            Self::Protocol { .. } => kinds::PROTOCOL,
            Self::Deadline { .. } => "deadline",
            Self::Refused { kind, .. } => kind,
            Self::Seal(_) => "seal",
            Self::Incomplete { .. } => "incomplete",
            Self::Random(_) => "random",
        }
    }

    /// What a person can do, as a sentence; `None` where the message says it already.
    pub fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::NotRunning { .. } => {
                Some("start it with `systemctl --user start vaultd.socket`, or `vaultd &`")
            }
            Self::ForeignServer { .. } => {
                Some("find out who put that socket there, and stop that server")
            }
            Self::SocketDenied { .. } => Some(
                "the socket must be yours with mode 0600, in a directory of yours with mode 0700",
            ),
            Self::Lost { .. } => Some("try again; `journalctl --user -u vaultd` may say why"),
            Self::Protocol { .. } => Some("install vaultd and its clients from the same release"),
            Self::Deadline { .. } => {
                Some("`vaultctl status` shows what it waits for; --deadline gives it more time")
            }
            Self::Seal(_) => Some("restart vaultd and try again"),
            Self::Socket { .. }
            | Self::Refused { .. }
            | Self::Incomplete { .. }
            | Self::Random(_) => None,
        }
    }

    /// Whether the person's input or the configuration is at fault: exit code 2, not 3.
    pub fn is_usage(&self) -> bool {
        let Self::Refused { kind, .. } = self else {
            return false;
        };
        matches!(
            kind.as_str(),
            kinds::INVALID_REQUEST
                | kinds::INVALID_REFERENCE
                | kinds::UNKNOWN_SERVICE
                | kinds::UNKNOWN_ENVIRONMENT
                | kinds::CONFIGURATION
        )
    }
}

fn seconds(patience: Duration) -> String {
    crate::age::seconds_in_words(patience.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_that_is_not_running_is_named_with_its_socket_and_how_to_start_it() {
        let error = Error::NotRunning {
            path: PathBuf::from("/run/user/7/vaultd/vaultd.sock"),
            source: std::io::ErrorKind::ConnectionRefused.into(),
        };
        assert!(error.to_string().contains("/run/user/7/vaultd/vaultd.sock"));
        let remedy = error.remedy().expect("a remedy");
        assert!(remedy.contains("systemctl --user start vaultd.socket"));
        assert!(remedy.contains("vaultd &"));
    }

    #[test]
    fn the_daemons_own_word_is_the_kind_of_a_refusal() {
        let refused = |kind: &str| Error::Refused {
            kind: kind.to_owned(),
            message: String::new(),
        };
        assert_eq!(refused(kinds::DENIED).kind(), "denied");
        assert!(refused(kinds::UNKNOWN_SERVICE).is_usage());
        assert!(!refused(kinds::UNAVAILABLE).is_usage());
    }
}
