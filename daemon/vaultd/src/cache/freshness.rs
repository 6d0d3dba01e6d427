//! How usable is a value of this age, and when is it renewed ahead of its end? Pure arithmetic.

use std::time::Duration;

use vault_backends::error::{Class, Contact};

/// How much sooner or later than written a value is renewed, in shares of its ttl: what many hosts
/// have fetched at once must not be fetched at once for ever.
const SPREAD: f64 = 0.1;
/// Nothing that is fresh for less is renewed ahead: it would be asked for all day, wanted or not.
const SHORTEST: Duration = Duration::from_secs(10);
/// Where the backend's own bound is near, no sooner than this: it comes nearer with each renewal.
const BEFORE_THE_BOUND: Duration = Duration::from_mins(1);
/// How long the first authoritative no is remembered, and how long any is.
const NEGATIVE_TTL: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(30));

/// How long a no is remembered that was said so many times in a row.
pub fn negative_ttl(times: u32) -> Duration {
    let doubled = 2u32.saturating_pow(times.saturating_sub(1));
    let (first, longest) = NEGATIVE_TTL;
    first.saturating_mul(doubled).min(longest)
}

/// Whether a value past its ttl may be served in place of this failure (RFC 5861, stale-if-error): only
/// the vault's own word, that there is none or that it was asked wrongly, is not to be covered up.
pub fn may_serve_stale(class: Class, contact: Contact) -> bool {
    let is_its_word = matches!(class, Class::Answer | Class::Request);
    !(is_its_word && contact == Contact::Replied)
}

/// How long a value is fresh, and how long it may be served at all. Ages count from the moment the
/// backend last confirmed the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// Younger is fresh. Zero asks the backend each time.
    pub ttl: Duration,
    /// From this age on it is never served.
    pub max_stale: Duration,
    /// Whether a value past its `ttl` may be served at all.
    pub stale_fallback: bool,
    /// When it is renewed while nobody waits for it.
    pub refresh_ahead: Ahead,
}

/// When a value is renewed ahead of the end of its ttl.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ahead {
    /// Not at all: only when somebody asks.
    Never,
    /// At so many thousandths of the ttl.
    AtThousandths(u16),
    /// So long before its end.
    Before(Duration),
}

/// What is written for one secret or service in place of what holds around it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ages {
    /// In place of [`Freshness::ttl`].
    pub ttl: Option<Duration>,
    /// In place of [`Freshness::max_stale`].
    pub max_stale: Option<Duration>,
    /// In place of [`Freshness::refresh_ahead`].
    pub refresh_ahead: Option<Ahead>,
}

impl Default for Freshness {
    fn default() -> Self {
        Self {
            ttl: Duration::from_hours(1),
            max_stale: Duration::from_hours(24),
            stale_fallback: true,
            refresh_ahead: Ahead::AtThousandths(750),
        }
    }
}

/// How usable a value is.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// To be served.
    Fresh,
    /// To be served only while the backend cannot be asked.
    Stale,
    /// Not to be served.
    Expired,
}

impl Freshness {
    /// Judges `age`; `valid_for` is the bound the backend itself gave, if it did.
    pub fn judge(&self, age: Duration, valid_for: Option<Duration>) -> Verdict {
        if age >= self.usable(valid_for) {
            Verdict::Expired
        } else if age < self.ttl {
            Verdict::Fresh
        } else {
            Verdict::Stale
        }
    }

    /// Whether a caller takes a value of this age that it has waited for itself, for so long at most:
    /// what is older by its own wait alone is not too old, for it will get no younger one.
    pub fn takes(&self, age: Duration, valid_for: Option<Duration>, waited: Duration) -> bool {
        match self.judge(age, valid_for) {
            Verdict::Fresh => true,
            _ => age <= waited && valid_for.is_none_or(|valid_for| age < valid_for),
        }
    }

    /// How long a value may be served.
    pub fn usable(&self, valid_for: Option<Duration>) -> Duration {
        let bound = if self.stale_fallback {
            self.max_stale.max(self.ttl)
        } else {
            self.ttl
        };
        valid_for.map_or(bound, |valid_for| valid_for.min(bound))
    }

    /// At which age a value is renewed, though nobody waits for it; `None` where it never is.
    /// `jitter` in 0..=1 spreads it around what is written.
    pub fn renewed_at(&self, valid_for: Option<Duration>, jitter: f64) -> Option<Duration> {
        let ahead = |ttl: Duration| {
            let spread = ttl.mul_f64(SPREAD * 2.0 * jitter.clamp(0.0, 1.0));
            let middle = match self.refresh_ahead {
                Ahead::Never => return None,
                Ahead::AtThousandths(share) => ttl.mul_f64(f64::from(share.min(1000)) / 1000.0),
                Ahead::Before(time) => ttl.saturating_sub(time),
            };
            let sooner = (middle + spread).saturating_sub(ttl.mul_f64(SPREAD));
            // Neither so soon that it is asked for all the time, nor past the end.
            Some(sooner.clamp(ttl.mul_f64(SPREAD), ttl.mul_f64(1.0 - SPREAD / 2.0)))
        };
        if self.ttl < SHORTEST {
            return None;
        }
        let usual = ahead(self.ttl)?;
        let bound = valid_for.and_then(ahead);
        let bound = bound.map(|bound| bound.max(BEFORE_THE_BOUND));
        Some(bound.map_or(usual, |bound| bound.min(usual)))
    }

    /// The same with what is written for one service or secret.
    #[must_use]
    pub fn with(self, ages: Ages) -> Self {
        Self {
            ttl: ages.ttl.unwrap_or(self.ttl),
            max_stale: ages.max_stale.unwrap_or(self.max_stale),
            refresh_ahead: ages.refresh_ahead.unwrap_or(self.refresh_ahead),
            ..self
        }
    }
}

#[cfg(test)]
mod tests;
