//! What does the status of a failed call mean?

use tonic::{Code, Status};
use vault_proto::kinds;

use crate::error::Error;

/// The failure that a status tells of; `None` where the time was up, on either side.
///
/// The daemon's own word comes first: a backend that was too slow for it is its refusal, with a
/// message, and no deadline of this side. A status with a cause was made on this side, by the
/// transport; one without came from the server.
pub(crate) fn failure(status: Status) -> Option<Error> {
    let kind = kind(&status).to_owned();
    if kind.is_empty() && is_timeout(&status) {
        return None;
    }
    if kind.is_empty() && std::error::Error::source(&status).is_some() {
        return Some(Error::Lost {
            source: Box::new(status),
        });
    }
    let message = match printable(status.message()) {
        words if words.is_empty() => format!("vaultd refused: {}", status.code()),
        words => words,
    };
    Some(Error::Refused { kind, message })
}

fn kind(status: &Status) -> &str {
    let word = status.metadata().get(kinds::HEADER);
    word.and_then(|word| word.to_str().ok()).unwrap_or_default()
}

/// Either side may notice first; tonic says it as CANCELLED with this cause or these words.
fn is_timeout(status: &Status) -> bool {
    let mut cause = std::error::Error::source(status);
    while let Some(error) = cause {
        if error.is::<tonic::TimeoutExpired>() {
            return true;
        }
        cause = error.source();
    }
    status.code() == Code::DeadlineExceeded
        || (status.code() == Code::Cancelled && status.message() == "Timeout expired")
}

/// Text from the daemon without what steers a terminal; its line breaks stay.
pub(crate) fn printable(text: &str) -> String {
    let plain = |letter: char| letter == '\n' || !letter.is_control();
    text.chars()
        .map(|letter| if plain(letter) { letter } else { '\u{fffd}' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_kind(mut status: Status, kind: &str) -> Status {
        let word = kind.parse().expect("ASCII");
        status.metadata_mut().insert(kinds::HEADER, word);
        status
    }

    #[test]
    fn the_daemons_words_and_kind_are_carried_without_what_steers_a_terminal() {
        let status = Status::not_found("no service \u{1b}[2Jgit\nadd it");
        let Some(Error::Refused { kind, message }) =
            failure(with_kind(status, kinds::UNKNOWN_SERVICE))
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
        assert!(matches!(failure(status), Some(Error::Lost { .. })));
    }

    #[test]
    fn a_timeout_is_known_on_either_side() {
        for status in [
            Status::deadline_exceeded("late"),
            Status::cancelled("Timeout expired"),
        ] {
            assert!(failure(status).is_none());
        }
    }

    #[test]
    fn a_backend_that_was_too_slow_for_the_daemon_is_a_refusal_in_its_words() {
        let late = Status::deadline_exceeded("oci did not answer within 5 seconds");
        let Some(Error::Refused { kind, message }) = failure(with_kind(late, kinds::UNAVAILABLE))
        else {
            panic!("a refusal");
        };
        assert_eq!(kind, kinds::UNAVAILABLE);
        assert_eq!(message, "oci did not answer within 5 seconds");
    }
}
