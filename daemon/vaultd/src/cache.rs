//! The credential cache: fresh values at once, stale ones while the backend cannot be asked.
//!
//! moka bounds how many handles there are and drops the least used. Freshness,
//! one flight per address, flushing and wiping are here. A flush empties slots in place, and a fetch
//! that was under way to one of them is not kept.

pub mod census;
pub mod changes;
pub mod counters;
pub mod freshness;
pub mod held;
pub mod machine;
pub mod single_flight;
mod slots;
mod views;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{Notify, broadcast};
use tokio::time::Instant;
use vault_backends::address::{Address, BackendKind};
use vault_backends::error::{Class, Contact};
use vault_backends::reading::FetchEffect;
use vault_proto::reference::SecretRef;

use crate::clock::Clock;
use crate::upstream::{Upstream, UpstreamError};
use changes::{Change, Changes, NewState};
use counters::Counters;
use freshness::{Freshness, may_serve_stale};
use held::{Held, Known, Offer, Slot};
use machine::FetchReason;
use single_flight::{FetchEnd, FetchHandle, SingleFlight};
use slots::Slots;
pub use views::{CacheEntry, Renewal, Seen, Served};

/// How long a caller waits for one attempt while a stale value is at hand.
const STALE_WAIT: Duration = Duration::from_secs(1);
/// How long one fetch may take, whoever asked first: a hurried caller must not spoil it for those
/// who wait longer.
const FETCH_DEADLINE: Duration = Duration::from_secs(10);

/// The cache.
pub struct Cache {
    slots: Slots,
    fetches: SingleFlight,
    upstream: Arc<Upstream>,
    clock: Arc<dyn Clock>,
    changes: Changes,
    landed: Notify,
    /// What was counted.
    pub counters: Counters,
}

impl Cache {
    /// An empty cache before `upstream`.
    pub fn new(upstream: Arc<Upstream>, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            slots: Slots::default(),
            fetches: SingleFlight::default(),
            upstream,
            clock,
            changes: Changes::default(),
            landed: Notify::new(),
            counters: Counters::default(),
        })
    }

    /// The value at `address`, within `time`.
    ///
    /// # Errors
    /// The backend's failure where nothing may be served in its place.
    pub async fn get(
        self: &Arc<Self>,
        address: &Address,
        reference: &str,
        freshness: &Freshness,
        time: Duration,
    ) -> Result<Served, Arc<UpstreamError>> {
        let began = Instant::now();
        let slot = self.slots.slot(address, reference);
        slot.uses().asked = Some((self.clock.now(), *freshness));
        let offer = slot.known().offer(self.clock.now(), freshness);
        drop(slot);
        match offer {
            Offer::Fresh(held) => {
                self.counters.hits.count(began.elapsed());
                return Ok(Served::held(held, self.clock.now(), freshness, None));
            }
            Offer::Negative(error) => return Err(error),
            Offer::Stale(_) | Offer::Nothing => {
                self.counters.misses.fetch_add(1, Ordering::Relaxed);
            }
        }
        // What somebody else has changed on this machine is waited for: the old is not an answer.
        let is_remote = self.upstream.is_remote(address.kind);
        if matches!(&offer, Offer::Stale(held) if is_remote || !held.is_kept) {
            drop(offer);
            let fetch = self.fetch(address, reference, Some(freshness));
            if let Ok(landed) = tokio::time::timeout(time.min(STALE_WAIT), fetch).await {
                return self.or_stale(landed, address, reference, freshness);
            }
            if let Offer::Stale(held) = self.look(address, reference, freshness) {
                let slow = "the backend is slow to answer".to_owned();
                return Ok(self.stale(held, freshness, slow));
            }
            // It was flushed or expired meanwhile: from here on like one without a value.
        }
        let fetch = self.fetch(address, reference, Some(freshness));
        match tokio::time::timeout(time.saturating_sub(began.elapsed()), fetch).await {
            Ok(landed) => self.or_stale(landed, address, reference, freshness),
            Err(_) => Err(Arc::new(self.upstream.late(address, time))),
        }
    }

    /// Asks the backend now, whatever is held; a fetch under way may have asked it before what the
    /// caller knows of, and is waited for. Many of these yield to callers that have nothing yet.
    ///
    /// # Errors
    /// The backend's failure; what was held stays, unless the failure ends it.
    /// [`UpstreamError::MadeAnew`] where a fetch would make something new.
    pub async fn refresh(
        self: &Arc<Self>,
        address: &Address,
        reference: &str,
        time: Duration,
    ) -> Result<Arc<Held>, Arc<UpstreamError>> {
        self.is_repeatable(address, reference)?;
        let began = Instant::now();
        let _turn = self.upstream.background_turn(address, time).await?;
        let fetch = async {
            self.fetches.settled(address).await;
            self.fetch(address, reference, None).await
        };
        let landed = tokio::time::timeout(time.saturating_sub(began.elapsed()), fetch).await;
        landed.unwrap_or_else(|_| Err(Arc::new(self.upstream.late(address, time))))
    }

    /// Asks the backend ahead of time, while nobody waits; `wanted` is how fresh it is to be for whom
    /// it is done. What others have under way is joined, and what a flush overtakes is not asked for
    /// again.
    pub async fn renew(
        self: &Arc<Self>,
        address: &Address,
        reference: &str,
        wanted: Freshness,
    ) -> Renewal {
        let turn = async {
            self.is_repeatable(address, reference)?;
            Ok(self
                .upstream
                .background_turn(address, FETCH_DEADLINE)
                .await?)
        };
        let _turn = match turn.await {
            Ok(turn) => turn,
            Err(error) => return Renewal::Done(Err(error)),
        };
        self.slots.slot(address, reference).uses().planned = Some(wanted);
        match self
            .fetch_once(address, reference, None, FetchReason::Ahead)
            .await
        {
            FetchEnd::Done(result) => Renewal::Done(result),
            FetchEnd::Superseded => Renewal::Overtaken,
        }
    }

    /// Refuses what nobody's wish but a caller's is a reason to fetch.
    fn is_repeatable(&self, address: &Address, reference: &str) -> Result<(), Arc<UpstreamError>> {
        match self.upstream.effect(address) {
            FetchEffect::Reads => Ok(()),
            FetchEffect::Creates => Err(Arc::new(UpstreamError::MadeAnew(reference.to_owned()))),
        }
    }

    /// Holds a value from before this start, until the backend is asked for it; a younger one that is
    /// there stays.
    pub fn restore(&self, address: &Address, reference: &str, held: Held) {
        let slot = self.slots.slot(address, reference);
        let is_kept = true;
        slot.known().confirm(Arc::new(Held { is_kept, ..held }));
    }

    /// Somebody else has changed what backends of a kind hold: until they are asked again, values of them
    /// are used only where they cannot be asked, and that there is none is not known any more.
    pub fn doubt(&self, kind: BackendKind) {
        let chosen = |address: &Address| address.kind == kind;
        self.fetches.supersede(chosen);
        for (address, slot) in self.slots.slots() {
            let mut known = slot.known();
            match &mut *known {
                Known::Value(held, _) if chosen(&address) => Arc::make_mut(held).is_kept = true,
                Known::Negative(..) if chosen(&address) => *known = Known::Nothing,
                _ => {}
            }
        }
    }

    /// Forgets the addresses that `chosen` picks; returns how many values that were.
    ///
    /// A fetch under way to one of them is not kept, and its waiters ask again.
    pub fn flush(&self, chosen: impl Fn(&Address) -> bool) -> usize {
        self.flush_at(None, chosen)
    }

    /// The same for addresses at backends of this kind; others keep what they know of names.
    pub fn flush_kind(&self, kind: BackendKind, chosen: impl Fn(&Address) -> bool) -> usize {
        self.flush_at(Some(kind), |address| {
            address.kind == kind && chosen(address)
        })
    }

    fn flush_at(&self, kind: Option<BackendKind>, chosen: impl Fn(&Address) -> bool) -> usize {
        // First, so that whatever begins from here on looks names up anew. What began before is either
        // under way, and superseded now, or in its slot, which is emptied after that; what it has still
        // to say of names its backend does not remember, since it began before this.
        self.upstream.forget(kind);
        self.fetches.supersede(&chosen);
        let mut flushed = 0;
        for (address, slot) in self.slots.slots() {
            if chosen(&address) {
                let mut known = slot.known();
                let was_known = !matches!(*known, Known::Nothing);
                flushed += usize::from(known.forget());
                slot.uses().forget(self.clock.now());
                // Under the slot's lock, so that watchers hear of changes in their order.
                if was_known {
                    self.changes.tell(&address, &slot, NewState::Flushed);
                }
            }
        }
        flushed
    }

    /// The addresses that were first asked for by a reference that `chosen` picks.
    pub fn addresses(&self, chosen: impl Fn(&SecretRef) -> bool) -> HashSet<Address> {
        let asked_by = |slot: &Slot| {
            let found = slot.reference.parse();
            found.is_ok_and(|found| chosen(&found))
        };
        let slots = self.slots.slots().into_iter();
        let slots = slots.filter(|(_, slot)| asked_by(slot));
        slots.map(|(address, _)| address).collect()
    }

    /// What is held, in the order of references.
    pub fn entries(&self) -> Vec<CacheEntry> {
        let now = self.clock.now();
        let mut entries = Vec::new();
        for (address, slot) in self.slots.slots() {
            let known = match &*slot.known() {
                Known::Value(held, why) => {
                    Ok((Arc::clone(held), now.since(held.confirmed), why.clone()))
                }
                Known::Negative(error, until, _) if now < *until => Err(Arc::clone(error)),
                Known::Nothing | Known::Negative(..) => continue,
            };
            entries.push(CacheEntry {
                refreshing: self.fetches.are_under_way(&address),
                wanted: slot.uses().wanted(),
                address,
                reference: slot.reference.clone(),
                known,
            });
        }
        entries.sort_by(|left, right| left.reference.cmp(&right.reference));
        entries
    }

    /// Shows every address there is a slot for, held or not.
    pub fn visit(&self, mut visit: impl FnMut(Seen<'_>)) {
        self.slots.visit(|address, slot| {
            let (held, is_kept) = match &*slot.known() {
                Known::Value(held, _) if held.is_kept => (None, true),
                Known::Value(held, _) => (Some((held.confirmed, held.bundle.valid_for)), false),
                Known::Nothing | Known::Negative(..) => (None, false),
            };
            let uses = *slot.uses();
            visit(Seen {
                address,
                reference: &slot.reference,
                asked: uses.asked,
                held,
                is_kept,
                flushed: uses.flushed,
            });
        });
    }

    /// Waits until the backend's answer or failure has come for any address.
    pub async fn landed(&self) {
        self.landed.notified().await;
    }

    /// Changes from now on.
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    fn age(&self, held: &Held) -> Duration {
        self.clock.now().since(held.confirmed)
    }

    fn look(&self, address: &Address, reference: &str, freshness: &Freshness) -> Offer {
        let slot = self.slots.slot(address, reference);
        slot.known().offer(self.clock.now(), freshness)
    }

    /// What a flight brought, or the stale value in its place. The slot decides, not what it held
    /// before the flight: that may have been flushed.
    fn or_stale(
        &self,
        landed: Result<Arc<Held>, Arc<UpstreamError>>,
        address: &Address,
        reference: &str,
        freshness: &Freshness,
    ) -> Result<Served, Arc<UpstreamError>> {
        match landed {
            Ok(held) => Ok(Served::awaited(held, self.clock.now(), freshness)),
            Err(error) if may_serve_stale(error.class(), error.contact()) => {
                match self.look(address, reference, freshness) {
                    Offer::Stale(held) => Ok(self.stale(held, freshness, error.to_string())),
                    _ => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }

    fn stale(&self, held: Arc<Held>, freshness: &Freshness, why: String) -> Served {
        self.counters.stale.fetch_add(1, Ordering::Relaxed);
        Served::held(held, self.clock.now(), freshness, Some(why))
    }

    /// Whether what is at an address is one thing for all who ask, and not made for who asked.
    pub fn may_be_shared(&self, address: &Address) -> bool {
        self.upstream.effect(address) == FetchEffect::Reads
    }

    /// Whether a value that was served may still leave.
    pub fn may_leave(&self, served: &Served) -> bool {
        self.clock.now() < served.until
    }

    /// Joins the flight to `address`, or starts one; where `enough` says what is fresh, what another
    /// flight has just brought is taken. A caller that goes away does not end the flight.
    async fn fetch(
        self: &Arc<Self>,
        address: &Address,
        reference: &str,
        enough: Option<&Freshness>,
    ) -> Result<Arc<Held>, Arc<UpstreamError>> {
        let mut is_second = false;
        loop {
            let flight = self.fetch_once(address, reference, enough, FetchReason::Caller);
            match flight.await {
                // A flush went by: what was fetched may be what the flush was to get rid of.
                FetchEnd::Superseded => {}
                // The machine slept meanwhile, say: what has come is older than was agreed.
                FetchEnd::Done(Ok(held)) if self.is_late(&held, enough) => {
                    if std::mem::replace(&mut is_second, true) {
                        return Err(Arc::new(self.upstream.late(address, FETCH_DEADLINE)));
                    }
                }
                FetchEnd::Done(result) => return result,
            }
        }
    }

    fn is_late(&self, held: &Held, enough: Option<&Freshness>) -> bool {
        enough.is_some_and(|enough| {
            !enough.takes(self.age(held), held.bundle.valid_for, FETCH_DEADLINE)
        })
    }

    async fn fetch_once(
        self: &Arc<Self>,
        address: &Address,
        reference: &str,
        enough: Option<&Freshness>,
        asked: FetchReason,
    ) -> FetchEnd {
        let landed = || self.brought_already(address, reference, enough?);
        let start = |handle| {
            let (cache, address) = (Arc::clone(self), address.clone());
            let reference = reference.to_owned();
            async move { cache.run_fetch(&address, &reference, &handle, asked).await }
        };
        self.fetches.join(address, landed, start).await
    }

    /// What a flight has left in the slot, if it is enough.
    fn brought_already(
        &self,
        address: &Address,
        reference: &str,
        enough: &Freshness,
    ) -> Option<FetchEnd> {
        match self.look(address, reference, enough) {
            Offer::Fresh(held) => Some(FetchEnd::Done(Ok(held))),
            Offer::Negative(error) => Some(FetchEnd::Done(Err(error))),
            Offer::Stale(_) | Offer::Nothing => None,
        }
    }

    async fn run_fetch(
        &self,
        address: &Address,
        reference: &str,
        handle: &FetchHandle,
        asked: FetchReason,
    ) -> FetchEnd {
        let result = self.upstream.fetch(address, FETCH_DEADLINE).await;
        // Where it is looked for now: the slot of before may have been evicted meanwhile.
        let slot = self.slots.slot(address, reference);
        let mut known = slot.known();
        if handle.is_superseded() {
            return FetchEnd::Superseded;
        }
        let mut is_news = true;
        let result = match result {
            Ok((bundle, confirmed)) => {
                let held = Arc::new(Held {
                    bundle: Arc::new(bundle),
                    confirmed,
                    is_kept: false,
                });
                known.confirm(Arc::clone(&held));
                Ok(held)
            }
            Err(error) => {
                let error = Arc::new(error);
                match (error.class(), error.contact()) {
                    (Class::Answer, Contact::Replied) => {
                        is_news = known.deny(Arc::clone(&error), self.clock.now(), asked);
                    }
                    (class, contact) if may_serve_stale(class, contact) => {
                        known.fail(|| error.to_string());
                    }
                    _ => {}
                }
                Err(error)
            }
        };
        if is_news {
            let why = result.as_ref().err().map(ToString::to_string);
            self.changes
                .tell(address, &slot, NewState::after(&known, why));
        }
        self.landed.notify_one();
        FetchEnd::Done(result)
    }
}

#[cfg(test)]
mod tests;
