//! Who else is waiting for this address? One fetch at a time for each, whoever asks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use vault_backends::address::Address;

use super::held::Held;
use crate::upstream::{Name, UpstreamError};

/// How a flight ended.
#[derive(Clone, Debug)]
pub(crate) enum Landed {
    /// With the backend's answer or failure.
    Done(Result<Arc<Held>, Arc<UpstreamError>>),
    /// With something a flush has overtaken.
    Superseded,
}

/// What those who wait for a flight are told.
type Gate = Arc<watch::Sender<Option<Landed>>>;
type Board = Mutex<HashMap<Address, Gate>>;

/// How many may be under way, those that a flush has overtaken included: a flight outlives who asked
/// for it, so callers that ask and go away would make any number.
const AT_ONCE: usize = 512;

/// The flights under way.
pub(crate) struct Flights {
    board: Arc<Board>,
    permits: Arc<Semaphore>,
}

impl Default for Flights {
    fn default() -> Self {
        Self {
            board: Arc::default(),
            permits: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }
}

impl Flights {
    /// Waits for the flight to `address`. Where there is none, `landed` is asked whether one has
    /// landed since the caller looked; if not, the one that `take_off` makes is started. It is a
    /// task of its own and lands whether or not anybody waits.
    pub(crate) async fn join<F>(
        &self,
        address: &Address,
        landed: impl FnOnce() -> Option<Landed>,
        take_off: impl FnOnce(Ticket) -> F,
    ) -> Landed
    where
        F: Future<Output = Landed> + Send + 'static,
    {
        let mut seat = {
            let mut flights = lock(&self.board);
            match flights.get(address) {
                Some(gate) => gate.subscribe(),
                None => {
                    // A flight leaves the board only after its result is in the slot, so under the
                    // board's lock nothing is missed.
                    if let Some(landed) = landed() {
                        return landed;
                    }
                    let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else {
                        let busy = UpstreamError::Busy(Name::of(address));
                        return Landed::Done(Err(Arc::new(busy)));
                    };
                    let (gate, seat) = watch::channel(None);
                    let gate = Arc::new(gate);
                    flights.insert(address.clone(), Arc::clone(&gate));
                    let flight = take_off(Ticket(Arc::clone(&gate)));
                    let entry = Entry {
                        board: Arc::clone(&self.board),
                        address: address.clone(),
                        gate,
                        _permit: permit,
                    };
                    tokio::spawn(async move { entry.land(flight.await) });
                    seat
                }
            }
        };
        // A flight that panicked drops its gate without a word.
        match seat.wait_for(Option::is_some).await {
            Ok(landed) => landed.clone().unwrap_or(Landed::Superseded),
            Err(_) => Landed::Done(Err(Arc::new(UpstreamError::Lost))),
        }
    }

    /// Whether there is one to `address`.
    pub(crate) fn are_under_way(&self, address: &Address) -> bool {
        lock(&self.board).contains_key(address)
    }

    /// Waits until the flight to `address` that is under way now, if there is one, has ended.
    pub(crate) async fn settled(&self, address: &Address) {
        let seat = lock(&self.board).get(address).map(|gate| gate.subscribe());
        if let Some(mut seat) = seat {
            // How it ended does not matter.
            let _ = seat.wait_for(Option::is_some).await;
        }
    }

    /// Lets nobody wait any longer for flights to the addresses that `chosen` picks: what they bring
    /// may be what is to be forgotten.
    pub(crate) fn supersede(&self, chosen: impl Fn(&Address) -> bool) {
        lock(&self.board).retain(|address, gate| {
            let stays = !chosen(address);
            if !stays {
                gate.send_replace(Some(Landed::Superseded));
            }
            stays
        });
    }
}

/// A flight's own look at the board.
pub(crate) struct Ticket(Gate);

impl Ticket {
    /// Whether a flush has overtaken the flight.
    pub(crate) fn is_superseded(&self) -> bool {
        self.0.borrow().is_some()
    }
}

/// A flight's line on the board; gone also when the flight panics.
struct Entry {
    board: Arc<Board>,
    address: Address,
    gate: Gate,
    _permit: OwnedSemaphorePermit,
}

impl Entry {
    /// Tells the result and leaves the board at once: who comes after it asks anew, and a flush comes
    /// either before it or after it.
    fn land(self, landed: Landed) {
        let mut flights = lock(&self.board);
        self.leave(&mut flights);
        self.gate.send_if_modified(|told| {
            let first = told.is_none();
            if first {
                *told = Some(landed);
            }
            first
        });
    }

    /// A superseded flight has left already, and another may be in its place.
    fn leave(&self, flights: &mut HashMap<Address, Gate>) {
        let there = flights.get(&self.address);
        if there.is_some_and(|gate| Arc::ptr_eq(gate, &self.gate)) {
            flights.remove(&self.address);
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.leave(&mut lock(&self.board));
    }
}

fn lock(board: &Board) -> MutexGuard<'_, HashMap<Address, Gate>> {
    board.lock().unwrap_or_else(PoisonError::into_inner)
}
