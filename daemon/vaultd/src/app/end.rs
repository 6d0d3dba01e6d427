//! The daemon's end: a signal, or that it can no longer serve; and what is finished before it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::{JoinError, JoinHandle};
use tonic::transport::Error;

use crate::snapshot::Snapshot;
use crate::writer::Writer;

/// How long changes under way may take once the daemon is to end: as long as their callers wait.
const CHANGES: Duration = Duration::from_secs(10);
/// How long accepting and serving may take to end, one after the other.
const TOGETHER: Duration = Duration::from_secs(1);
/// How long their records may take after that.
const RECORDS: Duration = Duration::from_secs(2);
/// How long a disk may take for what is kept over a restart.
const LAST_WRITE: Duration = Duration::from_secs(3);

/// The signals that end the daemon.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Listens for them from now on.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for one of them.
    pub(super) async fn end(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Everything whose end is the daemon's.
pub(super) struct Ending {
    pub(super) signals: Signals,
    /// Why connections can be accepted no more; `None` where nobody takes them.
    pub(super) accepting: JoinHandle<Option<anyhow::Error>>,
    pub(super) serving: JoinHandle<Result<(), Error>>,
}

impl Ending {
    /// Waits for the first of them.
    ///
    /// # Errors
    /// Where it was none of the signals: whoever started the daemon must start it again.
    pub(super) async fn comes(&mut self) -> anyhow::Result<()> {
        tokio::select! {
            () = self.signals.end() => Ok(()),
            accepted = &mut self.accepting => Err(match accepted {
                Ok(None) => of_serving((&mut self.serving).await),
                accepted => of_accepting(accepted),
            }),
            served = &mut self.serving => {
                // One ends with the other: whoever was first has the reason.
                let accepted = tokio::time::timeout(TOGETHER, &mut self.accepting).await;
                Err(match accepted {
                    Ok(accepted @ (Ok(Some(_)) | Err(_))) => of_accepting(accepted),
                    Ok(Ok(None)) | Err(_) => of_serving(served),
                })
            }
        }
    }
}

/// Waits for the changes under way, until their grace or the patience of whoever ends the daemon is over.
/// Those that have not ended by then are written down as failed.
pub(super) async fn finish_changes(writer: &Writer, hurry: impl Future<Output = ()>) {
    let grace = async {
        let _ = tokio::time::timeout(CHANGES, hurry).await;
    };
    let finished = tokio::time::timeout(CHANGES + RECORDS, writer.finish(grace)).await;
    if finished.is_err() {
        tracing::warn!("the disk is slow: an interrupted change is not written down");
    }
}

/// Keeps what is not kept yet, if the disk does so in time.
pub(super) async fn keep(snapshot: &Arc<Snapshot>) {
    let kept = tokio::time::timeout(LAST_WRITE, snapshot.finish()).await;
    if kept.is_err() {
        tracing::warn!("the disk is slow: the last values are not kept over the restart");
    }
}

fn of_accepting(accepted: Result<Option<anyhow::Error>, JoinError>) -> anyhow::Error {
    let error = match accepted {
        Ok(why) => why.unwrap_or_else(|| anyhow!("nobody takes them")),
        Err(error) => anyhow!(error),
    };
    error.context("connections are accepted no more")
}

fn of_serving(served: Result<Result<(), Error>, JoinError>) -> anyhow::Error {
    let error = match served {
        Ok(Ok(())) => return anyhow!("requests are served no more"),
        Ok(Err(error)) => anyhow!(error),
        Err(error) => anyhow!(error),
    };
    error.context("requests are served no more")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A daemon that goes on. Its signals are two that nobody sends.
    fn running() -> Ending {
        Ending {
            signals: Signals {
                terminate: signal(SignalKind::user_defined1()).unwrap(),
                interrupt: signal(SignalKind::user_defined2()).unwrap(),
            },
            accepting: tokio::spawn(std::future::pending()),
            serving: tokio::spawn(std::future::pending()),
        }
    }

    /// Why it ends. The clock runs on where it does not.
    async fn end_of(ending: &mut Ending) -> String {
        let comes = tokio::time::timeout(Duration::from_mins(1), ending.comes());
        comes.await.expect("it ends").unwrap_err().to_string()
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_who_serves_is_an_error_and_no_end_in_peace() {
        let serving = tokio::spawn(async { Ok(()) });
        let mut ending = Ending {
            serving,
            ..running()
        };
        let error = end_of(&mut ending).await;
        assert!(error.contains("served no more"), "{error}");
        assert!(ending.serving.is_finished(), "and nobody waits for it");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_who_accepts_is_an_error_also_after_a_panic() {
        let panicking = tokio::spawn(async { panic!("a fault") });
        let gone = tokio::spawn(async { Some(anyhow!("the socket has gone")) });
        for accepting in [gone, panicking] {
            let mut ending = Ending {
                accepting,
                ..running()
            };
            let error = end_of(&mut ending).await;
            assert!(error.contains("accepted no more"), "{error}");
        }
    }

    /// By which of the two the daemon hears of first.
    #[tokio::test(start_paused = true)]
    async fn where_both_end_the_reason_is_that_of_whoever_was_first() {
        let gone = || tokio::spawn(async { Some(anyhow!("the socket has gone")) });
        let served = || tokio::spawn(async { Ok(()) });
        let nobody = || tokio::spawn(async { None });
        for (accepting, words) in [(gone(), "accepted no more"), (nobody(), "served no more")] {
            let serving = served();
            while !(accepting.is_finished() && serving.is_finished()) {
                tokio::task::yield_now().await;
            }
            let mut ending = Ending {
                accepting,
                serving,
                ..running()
            };
            let error = end_of(&mut ending).await;
            assert!(error.contains(words), "{error}");
        }
    }

    #[tokio::test]
    async fn a_signal_is_an_end_in_peace() {
        let mut ending = Ending {
            signals: Signals {
                terminate: signal(SignalKind::window_change()).unwrap(),
                interrupt: signal(SignalKind::user_defined2()).unwrap(),
            },
            ..running()
        };
        nix::sys::signal::raise(nix::sys::signal::Signal::SIGWINCH).unwrap();
        assert!(ending.comes().await.is_ok());
    }
}
