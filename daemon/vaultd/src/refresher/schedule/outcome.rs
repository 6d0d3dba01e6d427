//! What can come of a renewal?

use std::time::Duration;

use crate::clock::Moment;

/// What came of a renewal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A value: when the backend was asked, and how long it may be used.
    Confirmed(Moment, Option<Duration>),
    /// The backend says that there is none.
    Gone,
    /// It was asked wrongly; what is held stays.
    Refused,
    /// The backend could not be asked, and the pause it wants.
    Failed(Option<Duration>),
    /// Nobody was asked: the breaker is open, or too much is under way.
    NotAsked,
    /// A flush went by.
    Overtaken,
}
