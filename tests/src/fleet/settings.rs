//! Which fleet is it, and what happens to it when?

pub(super) const MINUTE: u64 = 60;

/// Which fleet.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How many daemons there are.
    pub daemons: usize,
    /// How many secrets each has.
    pub secrets: usize,
    /// How long a value is fresh, in minutes.
    pub ttl_minutes: u64,
    /// How many times the calls of a quiet day the vault takes in one second.
    pub limit: f64,
    /// What is drawn.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            daemons: 100_000,
            secrets: 20,
            ttl_minutes: 60,
            limit: 4.0,
            seed: 0,
        }
    }
}

/// When what happens, in seconds from the beginning.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) outage: u64,
    pub(super) back: u64,
    pub(super) restart: u64,
    pub(super) end: u64,
}

impl Times {
    pub(super) fn of(settings: &Settings) -> Self {
        let ttl = settings.ttl_minutes * MINUTE;
        let outage = ttl;
        let back = outage + 10 * MINUTE;
        let restart = back + ttl;
        Self {
            outage,
            back,
            restart,
            end: restart + 3 * ttl,
        }
    }
}
