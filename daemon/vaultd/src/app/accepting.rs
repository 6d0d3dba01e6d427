//! Accepts connections for as long as callers can find the socket, and makes it anew where it has gone.

use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::net::UnixListener;
use vault_proto::socket::SocketLocation;

use super::service_manager;
use crate::listener::AcceptLoop;
use crate::socket::Listening;

/// How often is looked whether the socket is still there.
const LOOK: Duration = Duration::from_secs(3);

/// Accepts until that is no longer possible; returns why, or `None` where nobody takes connections. The
/// socket is given up with the future.
pub(super) async fn accept(
    mut listening: Listening,
    place: SocketLocation,
    accepting: AcceptLoop,
) -> Option<anyhow::Error> {
    loop {
        let listener = match listener(&listening) {
            Ok(listener) => listener,
            Err(error) => return Some(error),
        };
        let beat = service_manager::watchdog_period().map(|period| period / 3);
        tokio::select! {
            () = accepting.run(&listener, beat, service_manager::alive) => return None,
            () = gone(&listening) => {}
        }
        let path = listening.path.display().to_string();
        if let Err(error) = listening.make_anew(&place) {
            let error = anyhow!(error).context(format!("the socket {path} has gone"));
            return Some(error);
        }
        tracing::warn!(socket = path, "the socket had gone and was made anew");
    }
}

/// Waits until callers no longer find the socket.
async fn gone(listening: &Listening) {
    while listening.is_reachable() {
        tokio::time::sleep(LOOK).await;
    }
}

fn listener(listening: &Listening) -> anyhow::Result<UnixListener> {
    let listener = &listening.listener;
    let listener = listener.try_clone().context("cannot use the socket")?;
    listener
        .set_nonblocking(true)
        .context("cannot use the socket")?;
    UnixListener::from_std(listener).context("cannot use the socket")
}
