//! How is one call made: deadline, repetition, and what a failure means?
//!
//! The deadline counts from [`connect`] and covers everything: finding the daemon, saying hello,
//! and every call. A call that may be repeated is repeated on a fresh connection when the old one
//! ends before the reply, so that a restarting daemon fails no launch.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status};
use vault_proto::generated::secrets_client::SecretsClient;
use vault_proto::generated::{HelloReply, HelloRequest};
use vault_proto::{PROTOCOL, kinds};

use crate::connection;
use crate::error::Error;

/// How often a call may lose its connection before that is an error.
const ATTEMPTS: usize = 3;

/// Whether a call may be made again when it is not known if the daemon carried it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// It asks, or asking twice leaves the same state.
    Allowed,
    /// It changes something each time.
    Never,
}

/// A conversation with vaultd.
#[derive(Debug)]
pub struct Client {
    agent: &'static str,
    patience: Duration,
    deadline: Instant,
    channel: Channel,
    hello: HelloReply,
}

/// Finds the daemon, checks that it runs as it must, and says hello; all calls of the client
/// together have `patience`. `agent` is the program and its version: "vault-run/0.1.0".
///
/// # Errors
/// [`Error`], each kind in words for a person.
pub async fn connect(agent: &'static str, patience: Duration) -> Result<Client, Error> {
    let deadline = Instant::now() + patience;
    let mut attempt = 1;
    loop {
        let greeted = match timeout_at(deadline, greet(agent, deadline)).await {
            Ok(greeted) => greeted,
            Err(_) => Err(Error::Deadline { patience }),
        };
        match greeted {
            Err(Error::Lost { .. }) if attempt < ATTEMPTS => attempt += 1,
            Err(Error::Deadline { .. }) => return Err(Error::Deadline { patience }),
            Err(error) => return Err(error),
            Ok((channel, hello)) => {
                return Ok(Client {
                    agent,
                    patience,
                    deadline,
                    channel,
                    hello,
                });
            }
        }
    }
}

async fn greet(agent: &'static str, deadline: Instant) -> Result<(Channel, HelloReply), Error> {
    let channel = connection::open(agent, deadline).await?;
    let mut request = Request::new(HelloRequest {
        protocol: PROTOCOL,
        oldest_protocol: PROTOCOL,
        client: agent.to_owned(),
    });
    request.set_timeout(deadline.saturating_duration_since(Instant::now()));
    let hello = SecretsClient::new(channel.clone())
        .hello(request)
        .await
        .map_err(|status| match failure(status) {
            Error::Refused { kind, message } if kind == kinds::PROTOCOL => {
                Error::Protocol { words: message }
            }
            Error::Refused { kind, .. } if kind.is_empty() => Error::Protocol {
                words: "whatever answers at the socket is not a vaultd this client understands"
                    .to_owned(),
            },
            other => other,
        })?
        .into_inner();
    if hello.protocol != PROTOCOL {
        return Err(Error::Protocol {
            words: format!(
                "vaultd {} speaks protocol {}, this client protocol {PROTOCOL}",
                printable(&hello.server_version),
                hello.protocol
            ),
        });
    }
    Ok((channel, hello))
}

impl Client {
    /// The daemon's version.
    pub fn server_version(&self) -> &str {
        &self.hello.server_version
    }

    /// The daemon's key of this boot, for values on their way to it.
    pub(crate) fn daemon_key(&self) -> &[u8] {
        &self.hello.public_key
    }

    /// One call and its reply.
    pub(crate) async fn ask<M, R, F>(
        &mut self,
        repeat: Repeat,
        message: M,
        call: impl Fn(Channel, Request<M>) -> F,
    ) -> Result<R, Error>
    where
        M: Clone,
        F: Future<Output = Result<Response<R>, Status>>,
    {
        let mut attempt = 1;
        loop {
            let mut request = Request::new(message.clone());
            request.set_timeout(self.deadline.saturating_duration_since(Instant::now()));
            let answer = timeout_at(self.deadline, call(self.channel.clone(), request)).await;
            let error = match answer {
                Ok(Ok(response)) => return Ok(response.into_inner()),
                Ok(Err(status)) => self.after(failure(status)),
                Err(_) => self.out_of_time(),
            };
            let lost = matches!(error, Error::Lost { .. });
            if !lost || repeat == Repeat::Never || attempt == ATTEMPTS {
                return Err(error);
            }
            attempt += 1;
            let remaining = self.deadline.saturating_duration_since(Instant::now());
            let fresh = Box::pin(connect(self.agent, remaining)).await;
            let fresh = fresh.map_err(|error| self.after(error))?;
            (self.channel, self.hello) = (fresh.channel, fresh.hello);
        }
    }

    /// A call whose replies come as they happen, without a deadline.
    pub(crate) async fn follow<M, R, F>(
        &mut self,
        message: M,
        call: impl Fn(Channel, Request<M>) -> F,
    ) -> Result<R, Error>
    where
        F: Future<Output = Result<Response<R>, Status>>,
    {
        let request = Request::new(message);
        let answer = timeout_at(self.deadline, call(self.channel.clone(), request)).await;
        match answer {
            Ok(Ok(response)) => Ok(response.into_inner()),
            Ok(Err(status)) => Err(self.after(failure(status))),
            Err(_) => Err(self.out_of_time()),
        }
    }

    /// The deadline a person knows is the whole conversation's.
    fn after(&self, error: Error) -> Error {
        match error {
            Error::Deadline { .. } => self.out_of_time(),
            other => other,
        }
    }

    fn out_of_time(&self) -> Error {
        Error::Deadline {
            patience: self.patience,
        }
    }
}

/// What a status means. One with a cause was made on this side, by the transport; one without came
/// from the server.
pub(crate) fn failure(status: Status) -> Error {
    if is_timeout(&status) {
        return Error::Deadline {
            patience: Duration::ZERO,
        };
    }
    let kind = status
        .metadata()
        .get(kinds::HEADER)
        .and_then(|word| word.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    if kind.is_empty() && std::error::Error::source(&status).is_some() {
        return Error::Lost {
            source: Box::new(status),
        };
    }
    let message = match printable(status.message()) {
        words if words.is_empty() => format!("vaultd refused: {}", status.code()),
        words => words,
    };
    Error::Refused { kind, message }
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
fn printable(text: &str) -> String {
    let plain = |letter: char| letter == '\n' || !letter.is_control();
    text.chars()
        .map(|letter| if plain(letter) { letter } else { '\u{fffd}' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_daemons_words_and_kind_are_carried_without_what_steers_a_terminal() {
        let mut status = Status::not_found("no service \u{1b}[2Jgit\nadd it");
        let word = kinds::UNKNOWN_SERVICE.parse().expect("ASCII");
        status.metadata_mut().insert(kinds::HEADER, word);
        let Error::Refused { kind, message } = failure(status) else {
            panic!("a refusal");
        };
        assert_eq!(kind, kinds::UNKNOWN_SERVICE);
        assert_eq!(message, "no service \u{fffd}[2Jgit\nadd it");
    }

    #[test]
    fn a_status_of_the_transport_is_a_lost_connection() {
        let broken = std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        let status = Status::from_error(Box::new(broken));
        assert!(matches!(failure(status), Error::Lost { .. }));
    }

    #[test]
    fn a_timeout_is_known_on_either_side() {
        for status in [
            Status::deadline_exceeded("late"),
            Status::cancelled("Timeout expired"),
        ] {
            assert!(matches!(failure(status), Error::Deadline { .. }));
        }
    }
}
