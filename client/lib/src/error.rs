//! The reasons why a call was not made or answered, and what a person can do.

use std::borrow::Cow;
use std::path::PathBuf;
use std::time::Duration;

use vault_proto::kinds;
use vault_proto::sealed::SealError;

/// Why a call failed. The text never holds a value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nobody listens.
    #[error("vaultd is not running: nothing answers at {}", listed(searched))]
    NotRunning {
        /// The sockets that were looked for.
        searched: Vec<PathBuf>,
        /// Whether `XDG_RUNTIME_DIR` is set and was not used.
        distrusts_variable: bool,
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
    /// The queue of connections stayed full.
    #[error("vaultd does not get to this call: too many callers wait at {}", path.display())]
    Busy {
        /// The socket.
        path: PathBuf,
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
        /// Whether the call may have reached the daemon.
        sent: bool,
        /// What the transport said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A change was asked for, and the reply did not come.
    #[error("{source}; the change may have been made all the same")]
    Unconfirmed {
        /// The secret that was to be changed.
        reference: String,
        /// Why there was no reply.
        source: Box<Error>,
    },
    /// The daemon tells of no more changes.
    #[error("vaultd ended the watch")]
    Ended,
    /// No protocol in common.
    #[error("{message}")]
    Protocol {
        /// What does not fit, in the daemon's words where it has any.
        message: String,
    },
    /// The time was up.
    #[error("vaultd did not answer within {}", seconds(*timeout))]
    Deadline {
        /// How long it was given.
        timeout: Duration,
    },
    /// The daemon's own time was up, and not the caller's.
    #[error("vaultd gave up after {}", seconds(*waited))]
    GaveUp {
        /// How long it took.
        waited: Duration,
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
            Self::Busy { .. } => "busy",
            Self::Lost { .. } => "lost",
            Self::Unconfirmed { .. } => "unconfirmed",
            Self::Ended => "ended",
            Self::Protocol { .. } => kinds::PROTOCOL,
            Self::Deadline { .. } | Self::GaveUp { .. } => "deadline",
            Self::Refused { kind, .. } => kind,
            Self::Seal(_) => "seal",
            Self::Incomplete { .. } => "incomplete",
            Self::Random(_) => "random",
        }
    }

    /// What a person can do, as a sentence; `None` where the message says it already.
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        let fixed = match self {
            Self::NotRunning {
                distrusts_variable: true,
                ..
            } => {
                "XDG_RUNTIME_DIR was not used: it is no directory of yours with mode 0700; mend that, \
                 or start vaultd with `systemctl --user start vaultd.socket`, or `vaultd &`"
            }
            Self::NotRunning { .. } => {
                "start it with `systemctl --user start vaultd.socket`, or `vaultd &`"
            }
            Self::ForeignServer { .. } => {
                "find out who put that socket there, and stop that server"
            }
            Self::SocketDenied { .. } => {
                "the socket must be yours with mode 0600, in a directory of yours with mode 0700"
            }
            Self::Busy { .. } => "try again later; `journalctl --user -u vaultd` may say why",
            Self::Lost { .. } => "try again; `journalctl --user -u vaultd` may say why",
            Self::Unconfirmed { reference, .. } => {
                return Some(
                    format!("`vaultctl versions {reference}` shows whether it was").into(),
                );
            }
            Self::Ended => "watch again once it is back",
            Self::Protocol { .. } => "install vaultd and its clients from the same release",
            Self::Deadline { .. } => {
                "`vaultctl status` shows what it waits for; --deadline gives it more time"
            }
            Self::GaveUp { .. } => "`vaultctl status` shows what it waits for",
            Self::Seal(_) => "restart vaultd and try again",
            Self::Socket { .. }
            | Self::Refused { .. }
            | Self::Incomplete { .. }
            | Self::Random(_) => return None,
        };
        Some(fixed.into())
    }

    /// The same for a call that was to change the secret of this reference, if any: where the reply is
    /// missing, nobody knows whether it was changed.
    pub(crate) fn of_change(self, reference: Option<String>) -> Self {
        match (self, reference) {
            (
                error @ (Self::Lost { sent: true, .. }
                | Self::Deadline { .. }
                | Self::GaveUp { .. }),
                Some(reference),
            ) => Self::Unconfirmed {
                reference,
                source: Box::new(error),
            },
            (certain, _) => certain,
        }
    }

    /// Whether the person's input or the configuration is at fault: exit code 2, not 3.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Refused { kind, .. } if kinds::is_usage(kind))
    }
}

fn listed(places: &[PathBuf]) -> String {
    let places: Vec<String> = places
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    match places.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{} or {last}", before.join(", ")),
        _ => places.concat(),
    }
}

/// To the nearest second.
fn seconds(time: Duration) -> String {
    crate::age::seconds_in_words((time + Duration::from_millis(500)).as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_that_is_not_running_is_named_with_its_socket_and_how_to_start_it() {
        for distrusts_variable in [false, true] {
            let error = Error::NotRunning {
                searched: ["/a/s", "/run/user/7/vaultd/vaultd.sock", "/home/s"]
                    .map(PathBuf::from)
                    .to_vec(),
                distrusts_variable,
                source: std::io::ErrorKind::ConnectionRefused.into(),
            };
            let expected = "vaultd is not running: nothing answers at /a/s, \
                            /run/user/7/vaultd/vaultd.sock or /home/s";
            assert_eq!(error.to_string(), expected);
            let remedy = error.remedy().expect("a remedy");
            assert!(remedy.contains("systemctl --user start vaultd.socket"));
            assert!(remedy.contains("vaultd &"));
            assert_eq!(remedy.contains("XDG_RUNTIME_DIR"), distrusts_variable);
        }
    }

    #[test]
    fn a_change_without_a_reply_says_where_to_look_and_a_refused_one_does_not() {
        let late = Error::GaveUp {
            waited: Duration::from_secs(10),
        };
        let error = late.of_change(Some("local://a".to_owned()));
        assert_eq!(error.kind(), "unconfirmed");
        assert!(error.to_string().contains("may have been made"));
        let remedy = error.remedy().expect("a remedy");
        assert!(remedy.contains("vaultctl versions local://a"));
        let refused = Error::Refused {
            kind: kinds::DENIED.to_owned(),
            message: "no".to_owned(),
        };
        assert_eq!(
            refused.of_change(Some("local://a".to_owned())).kind(),
            kinds::DENIED
        );
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
