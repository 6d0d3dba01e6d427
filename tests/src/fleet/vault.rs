//! What does the one vault do with the calls of all, and how many are they?

use std::time::Duration;

use crate::simulator::Dice;

/// What it says to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The value.
    Value,
    /// Too many in this second: come again after this pause.
    TooMany(Duration),
    /// Nobody is there.
    Nothing,
}

/// A vault with a limit, and its books.
#[derive(Debug)]
pub(super) struct Vault {
    /// Calls in one second at most.
    limit: u32,
    /// From when to when it is out, in milliseconds.
    outage: (u64, u64),
    /// Calls that came, by seconds.
    pub(super) came: Vec<u32>,
    /// Of them, those it had no time for.
    pub(super) refused: Vec<u32>,
    dice: Dice,
}

impl Vault {
    pub(super) fn new(limit: u32, outage: (u64, u64), seconds: u64, seed: u64) -> Self {
        let seconds = usize::try_from(seconds).unwrap_or_default() + 1;
        Self {
            limit,
            outage,
            came: vec![0; seconds],
            refused: vec![0; seconds],
            dice: Dice::of(seed, "vault"),
        }
    }

    /// Takes a call at `now`, and says how long its answer is on its way.
    pub(super) fn call(&mut self, now: u64) -> (Answer, u64) {
        let millis = 50 + u64::try_from(self.dice.below(250)).unwrap_or_default();
        let second = usize::try_from(now / 1000).unwrap_or(usize::MAX);
        let Some(came) = self.came.get_mut(second) else {
            return (Answer::Nothing, millis);
        };
        *came += 1;
        let answer = if (self.outage.0..self.outage.1).contains(&now) {
            Answer::Nothing
        } else if *came > self.limit {
            self.refused[second] += 1;
            Answer::TooMany(Duration::from_secs(2))
        } else {
            Answer::Value
        };
        (answer, millis)
    }
}
