//! When a failed call is made again. Pure arithmetic.

use std::time::Duration;

/// How often, and how long between.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BackoffSettings {
    /// Repetitions after the first call.
    pub max_retries: u32,
    /// The first pause; each following one is twice as long.
    pub base: Duration,
    /// Whether pauses vary, so that many hosts do not come back at once.
    pub jitter: bool,
}

impl Default for BackoffSettings {
    fn default() -> Self {
        Self {
            max_retries: 3,
            base: Duration::from_secs(2),
            jitter: true,
        }
    }
}

/// The pause before repetition `attempt` (from 0), or `None` where there is none any more.
///
/// `base`·2ⁿ times 0.75 to 1.25, as `jitter` in 0..=1 says; at least what the backend asked for;
/// none that would outlast `left`, the time until the caller's deadline.
pub fn pause(
    settings: &BackoffSettings,
    attempt: u32,
    asked_for: Option<Duration>,
    jitter: f64,
    left: Duration,
) -> Option<Duration> {
    if attempt >= settings.max_retries {
        return None;
    }
    let doubled = settings.base.saturating_mul(2u32.saturating_pow(attempt));
    let jitter = if settings.jitter {
        jitter.clamp(0.0, 1.0)
    } else {
        0.5
    };
    let spread = doubled.mul_f64(0.75 + 0.5 * jitter);
    let pause = asked_for.map_or(spread, |asked_for| asked_for.max(spread));
    (pause < left).then_some(pause)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(1000);

    fn seconds(attempt: u32, jitter: f64) -> Option<f64> {
        pause(&BackoffSettings::default(), attempt, None, jitter, LONG)
            .map(|pause| pause.as_secs_f64())
    }

    #[test]
    fn pauses_double_and_end_after_the_last_repetition() {
        assert_eq!(
            [0, 1, 2, 3].map(|attempt| seconds(attempt, 0.5)),
            [Some(2.0), Some(4.0), Some(8.0), None]
        );
    }

    #[test]
    fn jitter_spreads_from_three_quarters_to_five_quarters() {
        assert_eq!((seconds(0, 0.0), seconds(0, 1.0)), (Some(1.5), Some(2.5)));
    }

    #[test]
    fn what_the_backend_asks_for_is_honoured() {
        let asked = Some(Duration::from_secs(30));
        assert_eq!(
            pause(&BackoffSettings::default(), 0, asked, 0.5, LONG),
            asked
        );
        let less = Some(Duration::from_millis(1));
        assert_eq!(
            pause(&BackoffSettings::default(), 0, less, 0.5, LONG),
            Some(Duration::from_secs(2))
        );
    }

    #[test]
    fn no_pause_outlasts_the_callers_deadline() {
        let left = Duration::from_secs(2);
        assert_eq!(pause(&BackoffSettings::default(), 0, None, 0.5, left), None);
    }
}
