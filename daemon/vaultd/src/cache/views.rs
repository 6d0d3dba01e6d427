//! What the cache shows others of what it holds.

use std::sync::Arc;
use std::time::Duration;

use vault_backends::address::Address;
use vault_backends::bundle::FieldError;
use vault_memory::Secret;

use super::freshness::Freshness;
use super::held::Held;
use crate::clock::Moment;
use crate::upstream::UpstreamError;

/// How long a call takes at most.
const AT_MOST: Duration = Duration::from_secs(10);

/// A value that may be served.
#[derive(Clone, Debug)]
pub struct Served {
    /// What holds it.
    pub held: Arc<Held>,
    /// The field that was asked for.
    field: Option<String>,
    /// Its age.
    pub age: Duration,
    /// Why it is stale; `None` where it is fresh.
    pub stale: Option<String>,
    /// From when on it may not leave any more, however long it took to write down that it does.
    pub until: Moment,
}

impl Served {
    /// What was held already, for somebody who wants it so fresh.
    pub fn held(
        held: Arc<Held>,
        now: Moment,
        freshness: &Freshness,
        stale: Option<String>,
    ) -> Self {
        Self {
            until: held.confirmed + freshness.usable(held.bundle.valid_for),
            age: now.since(held.confirmed),
            held,
            field: None,
            stale,
        }
    }

    /// The same with this field in place of the plain value.
    ///
    /// # Errors
    /// [`FieldError`] where the bundle has none of the name, or no plain value.
    pub fn pick(self, field: Option<&str>) -> Result<Self, FieldError> {
        self.held.bundle.field(field)?;
        let field = field.map(str::to_owned);
        Ok(Self { field, ..self })
    }

    /// The value of the field that was picked.
    ///
    /// # Errors
    /// [`FieldError`] where none was, and the bundle has no plain value.
    pub fn secret(&self) -> Result<&Secret, FieldError> {
        self.held.bundle.field(self.field.as_deref())
    }

    /// What was waited for: it is taken at any age, and has the time that a call may take, if its
    /// backend gives it so long.
    pub fn awaited(held: Arc<Held>, now: Moment, freshness: &Freshness) -> Self {
        let bound = held.bundle.valid_for.map(|bound| held.confirmed + bound);
        let served = Self::held(held, now, freshness, None);
        let until = served.until.max(now + AT_MOST);
        Self {
            until: bound.map_or(until, |bound| until.min(bound)),
            ..served
        }
    }
}

/// One held address, for status.
#[derive(Clone, Debug)]
pub struct CacheEntry {
    /// Its address.
    pub address: Address,
    /// The reference it was first asked for by.
    pub reference: String,
    /// The value, its age, and why it could not be renewed; or the backend's no.
    pub known: Result<(Arc<Held>, Duration, Option<String>), Arc<UpstreamError>>,
    /// How fresh whoever asked last wants it, or else for whom it was fetched ahead.
    pub wanted: Option<Freshness>,
    /// Whether the backend is being asked now.
    pub refreshing: bool,
}

/// One address, for whoever renews values ahead of time.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The address.
    pub address: &'a Address,
    /// The reference it was first asked for by.
    pub reference: &'a str,
    /// When a caller last asked for it, and how fresh it was to be; `None` since the last flush.
    pub asked: Option<(Moment, Freshness)>,
    /// When the value that is held was confirmed since this start, and the backend's own bound.
    pub held: Option<(Moment, Option<Duration>)>,
    /// Whether a value from before this start is held.
    pub is_kept: bool,
    /// When it was last flushed.
    pub flushed: Option<Moment>,
}

/// What came of asking ahead of time.
#[derive(Clone, Debug)]
pub enum Renewal {
    /// The backend's answer or failure.
    Done(Result<Arc<Held>, Arc<UpstreamError>>),
    /// A flush went by: nothing was kept, and nobody asks again.
    Overtaken,
}

#[cfg(test)]
mod tests {
    use vault_backends::bundle::Bundle;
    use vault_memory::{Preference, Shield};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn held(confirmed: Moment, valid_for: Option<Duration>) -> Arc<Held> {
        let shield = Shield::new(Preference::Auto).unwrap();
        Arc::new(Held {
            bundle: Arc::new(
                Bundle::plain(shield.shield(&mut b"v".to_vec()).unwrap(), "1").valid_for(valid_for),
            ),
            confirmed,
            is_kept: false,
        })
    }

    #[test]
    fn what_is_held_leaves_until_its_end_and_what_was_waited_for_while_a_call_may_take() {
        let then = Moment::default() + SECOND * 1_000;
        let now = then + SECOND * 5;
        let short = Freshness {
            ttl: SECOND * 6,
            stale_fallback: false,
            ..Freshness::default()
        };
        let none = Freshness {
            ttl: Duration::ZERO,
            ..short
        };
        let until = |served: Served| served.until.since(then).as_secs();
        for (freshness, bound, if_held, if_awaited) in [
            (short, None, 6, 15),
            (none, None, 0, 15),
            (none, Some(7), 0, 7),
            (short, Some(3), 3, 3),
            (Freshness::default(), None, 86_400, 86_400),
        ] {
            let held = || held(then, bound.map(Duration::from_secs));
            assert_eq!(until(Served::held(held(), now, &freshness, None)), if_held);
            assert_eq!(until(Served::awaited(held(), now, &freshness)), if_awaited);
        }
    }
}
