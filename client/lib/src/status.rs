//! The meaning of the status of a failed call.

use tonic::{Code, Status};
use vault_proto::kinds;
use vault_proto::printable::printable_lines;

use crate::connection::NotConnected;
use crate::deadline::Deadline;
use crate::error::Error;

/// The failure that the status of a call within `deadline` means.
///
/// The daemon's own word comes first: a backend that was too slow for it is its refusal, with a
/// message, and no deadline of this side. A status with a cause was made on this side, by the
/// transport; one without came from the server.
pub(crate) fn failure(status: Status, deadline: Deadline) -> Error {
    if let Some(refused) = refusal(&status) {
        return refused;
    }
    if is_timeout(&status) {
        return deadline.passed();
    }
    let sent = !has_cause::<NotConnected>(&status);
    Error::Lost {
        sent,
        source: Box::new(status),
    }
}

/// What the daemon refused, in its words; `None` where the transport made the status or time was up.
pub(crate) fn refusal(status: &Status) -> Option<Error> {
    let kind = kind(status).to_owned();
    if kind.is_empty() && (is_timeout(status) || causes(status).next().is_some()) {
        return None;
    }
    let message = match printable_lines(status.message()) {
        words if words.is_empty() => format!("vaultd refused: {}", status.code()),
        words => words,
    };
    Some(Error::Refused { kind, message })
}

fn has_cause<E: std::error::Error + 'static>(status: &Status) -> bool {
    causes(status).any(<dyn std::error::Error>::is::<E>)
}

fn causes(status: &Status) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(std::error::Error::source(status), |error| error.source())
}

fn kind(status: &Status) -> &str {
    let word = status.metadata().get(kinds::HEADER);
    word.and_then(|word| word.to_str().ok()).unwrap_or_default()
}

/// Either side may notice first; tonic says it as CANCELLED with this cause or these words.
fn is_timeout(status: &Status) -> bool {
    has_cause::<tonic::TimeoutExpired>(status)
        || status.code() == Code::DeadlineExceeded
        || (status.code() == Code::Cancelled && status.message() == "Timeout expired")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn with_kind(mut status: Status, kind: &str) -> Status {
        let word = kind.parse().expect("ASCII");
        status.metadata_mut().insert(kinds::HEADER, word);
        status
    }

    fn seen(status: Status) -> Error {
        failure(status, Deadline::after(Duration::from_mins(1)))
    }

    #[test]
    fn the_daemons_words_and_kind_are_carried_without_what_steers_a_terminal() {
        let status = Status::not_found("no service \u{1b}[2Jgit\nadd it");
        let Error::Refused { kind, message } = seen(with_kind(status, kinds::UNKNOWN_SERVICE))
        else {
            panic!("a refusal");
        };
        assert_eq!(kind, kinds::UNKNOWN_SERVICE);
        assert_eq!(message, "no service \u{fffd}[2Jgit\nadd it");
    }

    #[test]
    fn a_status_of_the_transport_is_a_lost_connection() {
        let broken = std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        let status = Status::from_error(Box::new(broken));
        assert!(matches!(seen(status), Error::Lost { sent: true, .. }));
        let status = Status::from_error(Box::new(NotConnected));
        assert!(matches!(seen(status), Error::Lost { sent: false, .. }));
    }

    #[test]
    fn a_timeout_is_known_on_either_side() {
        for status in [
            Status::deadline_exceeded("late"),
            Status::cancelled("Timeout expired"),
        ] {
            assert!(matches!(seen(status), Error::GaveUp { .. }));
        }
    }

    #[test]
    fn a_backend_that_was_too_slow_for_the_daemon_is_a_refusal_in_its_words() {
        let late = Status::deadline_exceeded("oci did not answer within 5 seconds");
        let Error::Refused { kind, message } = seen(with_kind(late, kinds::UNAVAILABLE)) else {
            panic!("a refusal");
        };
        assert_eq!(kind, kinds::UNAVAILABLE);
        assert_eq!(message, "oci did not answer within 5 seconds");
    }
}
