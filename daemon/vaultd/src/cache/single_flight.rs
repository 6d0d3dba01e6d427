//! Single-fetch: one fetch at a time for each address, whoever asks, and all wait for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use vault_backends::address::Address;

use super::held::Held;
use crate::upstream::{Name, UpstreamError};

/// How a fetch ended.
#[derive(Clone, Debug)]
pub(crate) enum FetchEnd {
    /// With the backend's answer or failure.
    Done(Result<Arc<Held>, Arc<UpstreamError>>),
    /// With something a flush has overtaken.
    Superseded,
}

/// Where those who wait for a fetch hear how it ended.
type Announcement = Arc<watch::Sender<Option<FetchEnd>>>;
type UnderWay = Mutex<HashMap<Address, Announcement>>;

/// How many may be under way, those that a flush has overtaken included: a fetch outlives who asked
/// for it, so callers that ask and go away would make any number.
const AT_ONCE: usize = 512;

/// The fetches under way.
pub(crate) struct SingleFlight {
    under_way: Arc<UnderWay>,
    permits: Arc<Semaphore>,
}

impl Default for SingleFlight {
    fn default() -> Self {
        Self {
            under_way: Arc::default(),
            permits: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }
}

impl SingleFlight {
    /// Waits for the fetch to `address`. Where there is none, `ended` is asked whether one has
    /// ended since the caller looked; if not, the one that `start` makes is started. It is a
    /// task of its own and ends whether or not anybody waits.
    pub(crate) async fn join<F>(
        &self,
        address: &Address,
        ended: impl FnOnce() -> Option<FetchEnd>,
        start: impl FnOnce(FetchHandle) -> F,
    ) -> FetchEnd
    where
        F: Future<Output = FetchEnd> + Send + 'static,
    {
        let mut waiter = {
            let mut fetches = lock(&self.under_way);
            match fetches.get(address) {
                Some(announcement) => announcement.subscribe(),
                None => {
                    // A fetch is under way until its result is in the slot, so under the lock
                    // nothing is missed.
                    if let Some(ended) = ended() {
                        return ended;
                    }
                    let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else {
                        let busy = UpstreamError::Busy(Name::of(address));
                        return FetchEnd::Done(Err(Arc::new(busy)));
                    };
                    let (announcement, waiter) = watch::channel(None);
                    let announcement = Arc::new(announcement);
                    fetches.insert(address.clone(), Arc::clone(&announcement));
                    let fetch = start(FetchHandle(Arc::clone(&announcement)));
                    let registration = Registration {
                        under_way: Arc::clone(&self.under_way),
                        address: address.clone(),
                        announcement,
                        _permit: permit,
                    };
                    tokio::spawn(async move { registration.end(fetch.await) });
                    waiter
                }
            }
        };
        // One that panicked says nothing.
        match waiter.wait_for(Option::is_some).await {
            Ok(ended) => ended.clone().unwrap_or(FetchEnd::Superseded),
            Err(_) => FetchEnd::Done(Err(Arc::new(UpstreamError::Lost))),
        }
    }

    /// Whether there is one to `address`.
    pub(crate) fn are_under_way(&self, address: &Address) -> bool {
        lock(&self.under_way).contains_key(address)
    }

    /// Waits until the fetch to `address` that is under way now, if there is one, has ended.
    pub(crate) async fn settled(&self, address: &Address) {
        let waiter = lock(&self.under_way)
            .get(address)
            .map(|announcement| announcement.subscribe());
        if let Some(mut waiter) = waiter {
            // How it ended does not matter.
            let _ = waiter.wait_for(Option::is_some).await;
        }
    }

    /// Lets nobody wait any longer for fetches to the addresses that `chosen` picks: what they bring
    /// may be what is to be forgotten.
    pub(crate) fn supersede(&self, chosen: impl Fn(&Address) -> bool) {
        lock(&self.under_way).retain(|address, announcement| {
            let stays = !chosen(address);
            if !stays {
                announcement.send_replace(Some(FetchEnd::Superseded));
            }
            stays
        });
    }
}

/// What a fetch knows of itself.
pub(crate) struct FetchHandle(Announcement);

impl FetchHandle {
    /// Whether a flush has overtaken the fetch.
    pub(crate) fn is_superseded(&self) -> bool {
        self.0.borrow().is_some()
    }
}

/// A fetch among those under way; gone also when it panics.
struct Registration {
    under_way: Arc<UnderWay>,
    address: Address,
    announcement: Announcement,
    _permit: OwnedSemaphorePermit,
}

impl Registration {
    /// Tells the result and is under way no more, at once: who comes after it asks anew, and a flush comes
    /// either before it or after it.
    fn end(self, ended: FetchEnd) {
        let mut fetches = lock(&self.under_way);
        self.leave(&mut fetches);
        self.announcement.send_if_modified(|known| {
            let first = known.is_none();
            if first {
                *known = Some(ended);
            }
            first
        });
    }

    /// A superseded fetch has left already, and another may be in its place.
    fn leave(&self, fetches: &mut HashMap<Address, Announcement>) {
        let there = fetches.get(&self.address);
        if there.is_some_and(|announcement| Arc::ptr_eq(announcement, &self.announcement)) {
            fetches.remove(&self.address);
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.leave(&mut lock(&self.under_way));
    }
}

fn lock(under_way: &UnderWay) -> MutexGuard<'_, HashMap<Address, Announcement>> {
    under_way.lock().unwrap_or_else(PoisonError::into_inner)
}
