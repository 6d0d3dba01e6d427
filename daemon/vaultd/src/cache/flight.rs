//! Who else is waiting for this address? One fetch at a time for each, whoever asks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use vault_backends::backend::Address;

use super::held::Held;
use crate::upstream::UpstreamError;

/// How a flight ended.
#[derive(Clone, Debug)]
pub(crate) enum Landed {
    /// With the backend's answer or failure.
    Done(Result<Arc<Held>, Arc<UpstreamError>>),
    /// With something a flush has overtaken.
    Superseded,
}

type Seat = watch::Receiver<Option<Landed>>;

/// The flights under way.
#[derive(Default)]
pub(crate) struct Flights(Arc<Mutex<HashMap<Address, Seat>>>);

impl Flights {
    /// Waits for the flight to `address`. Where there is none, `landed` is asked whether one has
    /// landed since the caller looked; if not, the one that `take_off` makes is started. It is a
    /// task of its own and lands whether or not anybody waits.
    pub(crate) async fn join<F>(
        &self,
        address: &Address,
        landed: impl FnOnce() -> Option<Landed>,
        take_off: impl FnOnce() -> F,
    ) -> Landed
    where
        F: Future<Output = Landed> + Send + 'static,
    {
        let mut seat = {
            let mut flights = lock(&self.0);
            match flights.get(address) {
                Some(seat) => seat.clone(),
                None => {
                    // A flight leaves the board only after its result is in the slot, so under the
                    // board's lock nothing is missed.
                    if let Some(landed) = landed() {
                        return landed;
                    }
                    let (gate, seat) = watch::channel(None);
                    flights.insert(address.clone(), seat.clone());
                    let entry = Entry {
                        flights: Arc::clone(&self.0),
                        address: address.clone(),
                    };
                    let flight = take_off();
                    tokio::spawn(async move {
                        let landed = flight.await;
                        // Off the board first: who comes after this result asks anew.
                        drop(entry);
                        let _ = gate.send(Some(landed));
                    });
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
}

/// A flight's line on the board; gone also when the flight panics.
struct Entry {
    flights: Arc<Mutex<HashMap<Address, Seat>>>,
    address: Address,
}

impl Drop for Entry {
    fn drop(&mut self) {
        lock(&self.flights).remove(&self.address);
    }
}

fn lock(flights: &Mutex<HashMap<Address, Seat>>) -> MutexGuard<'_, HashMap<Address, Seat>> {
    flights.lock().unwrap_or_else(PoisonError::into_inner)
}
