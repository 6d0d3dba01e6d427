//! How the last calls for a secret ended. A few for each address, and a bound on addresses.
//!
//! Calls that were not made, because a breaker is open or others are under way, are no attempts.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use vault_backends::address::Address;
use vault_backends::bundle::Bundle;

use super::error::UpstreamError;
use crate::clock::Moment;

/// How many are kept for one address.
const KEPT: usize = 5;
/// Of how many addresses; as many as the cache holds values of.
const ADDRESSES: usize = 1024;

/// One call to a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// When it began.
    pub began: Moment,
    /// How long it took.
    pub took: Duration,
    /// The version it brought, or why it brought none.
    pub outcome: Result<String, Failure>,
}

/// Why an attempt failed, in words that hold no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The stable word.
    pub kind: &'static str,
    /// For people.
    pub words: String,
    /// The backend's own name for the call, where it said one.
    pub request_id: Option<String>,
}

impl Attempt {
    pub(super) fn of(
        began: Moment,
        took: Duration,
        result: &Result<Bundle, UpstreamError>,
    ) -> Self {
        let failure = |error: &UpstreamError| Failure {
            kind: error.kind(),
            words: error.to_string(),
            request_id: error.request_id().map(str::to_owned),
        };
        Self {
            began,
            took,
            outcome: result
                .as_ref()
                .map(|fetched| fetched.version.clone())
                .map_err(failure),
        }
    }
}

/// The last attempts for each address.
#[derive(Debug, Default)]
pub(super) struct Attempts(Mutex<HashMap<Address, VecDeque<Attempt>>>);

impl Attempts {
    /// Remembers one more, and forgets the oldest of the address, or the address that was asked for
    /// the longest time ago.
    pub(super) fn remember(&self, address: &Address, attempt: Attempt) {
        let mut all = self.all();
        if !all.contains_key(address) && all.len() >= ADDRESSES {
            let last = |attempts: &VecDeque<Attempt>| attempts.front().map(|last| last.began);
            let oldest = all.iter().min_by_key(|(_, attempts)| last(attempts));
            if let Some(oldest) = oldest.map(|(address, _)| address.clone()) {
                all.remove(&oldest);
            }
        }
        let attempts = all.entry(address.clone()).or_default();
        attempts.push_front(attempt);
        attempts.truncate(KEPT);
    }

    /// Those of one address, newest first.
    pub(super) fn of(&self, address: &Address) -> Vec<Attempt> {
        let all = self.all();
        all.get(address).into_iter().flatten().cloned().collect()
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Address, VecDeque<Attempt>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Attempt {
        Attempt {
            began: Moment::default() + Duration::from_secs(second),
            took: Duration::ZERO,
            outcome: Ok(second.to_string()),
        }
    }

    #[test]
    fn the_last_five_of_an_address_are_kept_newest_first() {
        let (attempts, address) = (Attempts::default(), Address::local("a"));
        for second in 0..8 {
            attempts.remember(&address, at(second));
        }
        assert_eq!(attempts.of(&address), [7, 6, 5, 4, 3].map(at));
        assert!(attempts.of(&Address::local("b")).is_empty());
    }

    #[test]
    fn among_too_many_addresses_the_one_longest_ago_is_forgotten() {
        let attempts = Attempts::default();
        let address = |number: usize| Address::local(&number.to_string());
        for number in 0..ADDRESSES {
            attempts.remember(&address(number), at(number as u64));
        }
        attempts.remember(&address(0), at(5000));
        attempts.remember(&address(ADDRESSES), at(5001));
        assert!(attempts.of(&address(1)).is_empty());
        assert_eq!(attempts.of(&address(0)).len(), 2);
        assert_eq!(attempts.all().len(), ADDRESSES);
    }
}
