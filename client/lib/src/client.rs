//! Calls under one deadline, repeated where a connection is lost and that does no harm.
//!
//! The deadline covers everything: finding the daemon, saying hello, and every call. What loses its
//! connection before the reply is repeated on a new one after a pause, so that a restarting daemon
//! fails no launch; a change is repeated only where it is certain that it was never sent.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tonic::{Request, Response, Status};

use crate::backoff::Backoff;
use crate::connector::{Connector, Session};
use crate::deadline::Deadline;
use crate::error::Error;
use crate::rpc::Rpc;
use crate::status::failure;

/// Between attempts that lost their connection: about ten, over what a restart takes under load.
const AFTER_A_LOSS: Backoff = Backoff::new(
    Duration::from_millis(10),
    Duration::from_millis(400),
    Duration::from_secs(2),
);

/// Calls vaultd, within one deadline.
#[derive(Debug)]
pub struct Client {
    connector: Connector,
    deadline: Deadline,
    backoff: Backoff,
    repeated: bool,
}

/// The client of a program that calls once and ends: connected, with `timeout` for all of its calls
/// together. `agent` is the program and its version: "vault-run/0.1.0".
///
/// # Errors
/// [`Error`], each kind in words for a person.
pub async fn connect(agent: &'static str, timeout: Duration) -> Result<Client, Error> {
    Connector::new(agent).connect(timeout).await
}

impl Connector {
    /// A client all of whose calls together have `timeout`, from now on.
    pub fn client(&self, timeout: Duration) -> Client {
        Client::new(self.clone(), Deadline::after(timeout))
    }

    /// The same, connected already.
    ///
    /// # Errors
    /// [`Error`], each kind in words for a person.
    pub async fn connect(&self, timeout: Duration) -> Result<Client, Error> {
        let mut client = self.client(timeout);
        client.session().await?;
        Ok(client)
    }
}

impl Client {
    fn new(connector: Connector, deadline: Deadline) -> Self {
        Self {
            connector,
            deadline,
            backoff: AFTER_A_LOSS,
            repeated: false,
        }
    }

    /// Whether a call was made again because its first reply was lost: then the daemon may have
    /// carried it out twice, and the reply tells of the second time alone.
    pub fn has_repeated(&self) -> bool {
        self.repeated
    }

    /// One call and its reply.
    ///
    /// # Errors
    /// [`Error`]; [`Error::Unconfirmed`] for a change whose reply did not come.
    pub async fn call<M: Rpc>(&mut self, message: M) -> Result<M::Reply, Error> {
        self.call_with(|_| Ok(message.clone())).await
    }

    /// The same with a message that depends on the connection it is sent over.
    pub(crate) async fn call_with<M: Rpc>(
        &mut self,
        message: impl Fn(&Session) -> Result<M, Error> + Send + Sync,
    ) -> Result<M::Reply, Error> {
        loop {
            let session = self.session().await?;
            let message = message(&session)?;
            let changes = message.changes().map(str::to_owned);
            let mut request = Request::new(message);
            request.set_timeout(self.deadline.remaining());
            let reply = M::send(request, session.channel.clone());
            let error = match self.finished(reply).await {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            let Error::Lost { sent, .. } = error else {
                return Err(error.of_change(changes));
            };
            self.connector.discard(&session).await;
            if sent && changes.is_some() || !self.pause().await {
                return Err(error.of_change(changes));
            }
            self.repeated |= sent;
        }
    }

    /// A call whose replies come as they happen: the deadline is for its beginning alone.
    pub(crate) async fn stream<M, R, F>(
        &mut self,
        message: M,
        call: impl FnOnce(Arc<Session>, Request<M>) -> F,
    ) -> Result<R, Error>
    where
        F: Future<Output = Result<Response<R>, Status>>,
    {
        let session = self.session().await?;
        let begun = call(Arc::clone(&session), Request::new(message));
        let begun = self.finished(begun).await;
        if matches!(begun, Err(Error::Lost { .. })) {
            // The next one gets another connection.
            self.connector.discard(&session).await;
        }
        begun
    }

    async fn session(&mut self) -> Result<Arc<Session>, Error> {
        loop {
            let opened = self.deadline.bound(self.connector.session(self.deadline));
            match opened.await {
                Err(Error::Lost { .. }) if self.pause().await => {}
                session => return session,
            }
        }
    }

    async fn finished<R>(
        &self,
        call: impl Future<Output = Result<Response<R>, Status>>,
    ) -> Result<R, Error> {
        let call = async {
            let replied = call.await;
            replied.map_err(|status| failure(status, self.deadline))
        };
        self.deadline.bound(call).await.map(Response::into_inner)
    }

    /// Waits before the next attempt; `false` where there must be none.
    async fn pause(&mut self) -> bool {
        match self.backoff.next() {
            Some(pause) if pause < self.deadline.remaining() => {
                sleep(pause).await;
                true
            }
            _ => false,
        }
    }
}
