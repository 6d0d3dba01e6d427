//! The changes under way: a bounded number at once, each finished or interrupted before the daemon ends.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Changes under way at once. Each outlives a caller that goes away, so their number is bounded here.
pub(super) const AT_ONCE: u32 = 4;

/// See the module's words.
pub(super) struct ChangesUnderWay {
    permits: Arc<Semaphore>,
    interrupted: watch::Sender<bool>,
}

/// One change under way, until it is dropped.
pub(super) struct ChangePermit {
    _permit: OwnedSemaphorePermit,
    interrupted: watch::Receiver<bool>,
}

impl ChangesUnderWay {
    /// None yet.
    pub(super) fn new() -> Self {
        Self {
            permits: Arc::new(Semaphore::new(AT_ONCE as usize)),
            interrupted: watch::Sender::new(false),
        }
    }

    /// Waits until one more may begin; `None` where the daemon ends.
    pub(super) async fn begin(&self) -> Option<ChangePermit> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.ok()?;
        let interrupted = self.interrupted.subscribe();
        if *interrupted.borrow() {
            return None;
        }
        Some(ChangePermit {
            _permit: permit,
            interrupted,
        })
    }

    /// Lets no other change begin and waits until those under way have ended; `grace` is when they are
    /// interrupted.
    pub(super) async fn finish(&self, grace: impl Future<Output = ()>) {
        // Those that waited for a permit before get theirs first.
        let ended = self.permits.acquire_many(AT_ONCE);
        tokio::pin!(ended);
        let in_time = tokio::select! {
            ended = &mut ended => Some(ended),
            () = grace => None,
        };
        // Held until nobody can begin any more.
        let _all = match in_time {
            Some(all) => all,
            None => {
                self.interrupted.send_replace(true);
                // Each still writes down that it failed.
                ended.await
            }
        };
        self.permits.close();
    }
}

impl ChangePermit {
    /// What `work` brings; `None` where the daemon ends before it does.
    pub(super) async fn until_interrupted<T>(
        &mut self,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        if *self.interrupted.borrow() {
            return None;
        }
        tokio::select! {
            biased;
            done = work => Some(done),
            // A sender that is gone has interrupted nothing.
            Ok(_) = self.interrupted.wait_for(|interrupted| *interrupted) => None,
        }
    }
}
