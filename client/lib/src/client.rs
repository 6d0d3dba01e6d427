//! How is one call made: deadline, repetition, and when is it given up?
//!
//! The deadline counts from [`connect`] and covers everything: finding the daemon, saying hello,
//! and every call. What loses its connection before the reply, and may be repeated, is repeated on
//! a new one after a pause, so that a restarting daemon fails no launch.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};
use tonic::transport::Channel;
use tonic::{Request, Response, Status};
use vault_proto::generated::secrets_client::SecretsClient;
use vault_proto::generated::{HelloReply, HelloRequest};
use vault_proto::{PROTOCOL, kinds};

use crate::connection;
use crate::error::Error;
use crate::pauses::Pauses;
use crate::status::{failure, printable};

/// Between attempts that lost their connection: about ten, over what a restart takes under load.
const AFTER_A_LOSS: Pauses = Pauses::new(
    Duration::from_millis(10),
    Duration::from_millis(400),
    Duration::from_secs(2),
);
/// The daemon hears of a deadline, and may be the first to notice that it has passed.
const SAME_MOMENT: Duration = Duration::from_millis(500);

/// Whether a call may be made again when it is not known if the daemon carried it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat<'a> {
    /// It asks, or asking twice leaves the same state.
    Allowed,
    /// It changes the secret of this reference.
    Never(&'a str),
}

/// A conversation with vaultd.
#[derive(Debug)]
pub struct Client {
    terms: Terms,
    channel: Channel,
    hello: HelloReply,
    repeated: bool,
}

/// What holds for the whole conversation.
#[derive(Debug)]
struct Terms {
    agent: &'static str,
    begun: Instant,
    patience: Duration,
    pauses: Pauses,
}

/// Finds the daemon, checks that it runs as it must, and says hello; all calls of the client
/// together have `patience`. `agent` is the program and its version: "vault-run/0.1.0".
///
/// # Errors
/// [`Error`], each kind in words for a person.
pub async fn connect(agent: &'static str, patience: Duration) -> Result<Client, Error> {
    let mut terms = Terms {
        agent,
        begun: Instant::now(),
        patience,
        pauses: AFTER_A_LOSS,
    };
    let (channel, hello) = meet(&mut terms).await?;
    Ok(Client {
        terms,
        channel,
        hello,
        repeated: false,
    })
}

async fn meet(terms: &mut Terms) -> Result<(Channel, HelloReply), Error> {
    loop {
        let met = match timeout_at(terms.deadline(), greet(terms)).await {
            Ok(met) => met,
            Err(_) => Err(terms.out_of_time()),
        };
        match met {
            Err(Error::Lost { .. }) if terms.pause().await => {}
            other => return other,
        }
    }
}

async fn greet(terms: &Terms) -> Result<(Channel, HelloReply), Error> {
    let channel = connection::open(terms.agent, terms.deadline()).await?;
    let mut request = Request::new(HelloRequest {
        protocol: PROTOCOL,
        oldest_protocol: PROTOCOL,
        client: terms.agent.to_owned(),
    });
    request.set_timeout(terms.left());
    let hello = SecretsClient::new(channel.clone())
        .hello(request)
        .await
        .map_err(|status| match terms.failure(status) {
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

    /// Whether a call was made again because its first reply was lost: then the daemon may have
    /// carried it out twice, and the reply tells of the second time alone.
    pub fn has_repeated(&self) -> bool {
        self.repeated
    }

    /// The daemon's key of this boot, for values on their way to it.
    pub(crate) fn daemon_key(&self) -> &[u8] {
        &self.hello.public_key
    }

    /// One call and its reply.
    pub(crate) async fn ask<M, R, F>(
        &mut self,
        repeat: Repeat<'_>,
        message: M,
        call: impl Fn(Channel, Request<M>) -> F,
    ) -> Result<R, Error>
    where
        M: Clone,
        F: Future<Output = Result<Response<R>, Status>>,
    {
        loop {
            let mut request = Request::new(message.clone());
            request.set_timeout(self.terms.left());
            let error = match self.answer(call(self.channel.clone(), request)).await {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            if let Repeat::Never(reference) = repeat {
                return Err(error.of_a_change(reference));
            }
            if !matches!(error, Error::Lost { .. }) || !self.terms.pause().await {
                return Err(error);
            }
            (self.channel, self.hello) = meet(&mut self.terms).await?;
            self.repeated = true;
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
        self.answer(call(self.channel.clone(), Request::new(message)))
            .await
    }

    async fn answer<R>(
        &self,
        call: impl Future<Output = Result<Response<R>, Status>>,
    ) -> Result<R, Error> {
        match timeout_at(self.terms.deadline(), call).await {
            Ok(Ok(response)) => Ok(response.into_inner()),
            Ok(Err(status)) => Err(self.terms.failure(status)),
            Err(_) => Err(self.terms.out_of_time()),
        }
    }
}

impl Terms {
    fn deadline(&self) -> Instant {
        self.begun + self.patience
    }

    fn left(&self) -> Duration {
        self.deadline().saturating_duration_since(Instant::now())
    }

    /// Waits before the next attempt; `false` where there must be none.
    async fn pause(&mut self) -> bool {
        match self.pauses.next() {
            Some(pause) if pause < self.left() => {
                sleep(pause).await;
                true
            }
            _ => false,
        }
    }

    fn failure(&self, status: Status) -> Error {
        failure(status).unwrap_or_else(|| self.out_of_time())
    }

    fn out_of_time(&self) -> Error {
        late(self.begun.elapsed(), self.patience)
    }
}

/// The deadline that a person knows, or the daemon's own, which is shorter than they asked for.
fn late(waited: Duration, patience: Duration) -> Error {
    if waited + SAME_MOMENT >= patience {
        Error::Deadline { patience }
    } else {
        Error::GaveUp { waited }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_that_is_told_is_the_time_that_was_waited() {
        let seconds = Duration::from_secs;
        let text = |waited, patience| late(waited, patience).to_string();
        let own = "vaultd did not answer within 8 seconds";
        assert_eq!(text(seconds(8), seconds(8)), own);
        assert_eq!(text(Duration::from_millis(7990), seconds(8)), own);
        assert_eq!(
            text(Duration::from_millis(9980), seconds(60)),
            "vaultd gave up after 10 seconds"
        );
    }
}
