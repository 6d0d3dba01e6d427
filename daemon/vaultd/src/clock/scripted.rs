//! How do tests and simulators move time?

use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio::time::Instant;

use super::moment::{Clock, Moment};

/// A clock that stands still until it is moved, or that moves along with tokio's.
#[derive(Debug)]
pub struct ScriptedClock {
    /// How far it was moved.
    moved: watch::Sender<Duration>,
    /// Since when it moves along.
    flows: Option<Instant>,
}

impl Default for ScriptedClock {
    fn default() -> Self {
        Self {
            moved: watch::Sender::new(Duration::ZERO),
            flows: None,
        }
    }
}

impl ScriptedClock {
    /// A clock that moves along with tokio's, which tests pause.
    pub fn flowing() -> Self {
        Self {
            flows: Some(Instant::now()),
            ..Self::default()
        }
    }

    /// Moves the clock on and wakes whoever slept until then.
    pub fn advance(&self, by: Duration) {
        self.moved
            .send_modify(|moved| *moved = moved.saturating_add(by));
    }
}

impl Clock for ScriptedClock {
    fn now(&self) -> Moment {
        now(*self.moved.borrow(), self.flows)
    }

    fn sleep_until(&self, moment: Moment) -> BoxFuture<'static, ()> {
        let (mut moved, flows) = (self.moved.subscribe(), self.flows);
        Box::pin(async move {
            loop {
                let left = moment.since(now(*moved.borrow_and_update(), flows));
                if left.is_zero() {
                    return;
                }
                let flow = flow_on(flows.is_some(), left);
                let gone = tokio::select! {
                    () = flow => false,
                    changed = moved.changed() => changed.is_err(),
                };
                if gone {
                    // Nobody moves it any more.
                    flow_on(flows.is_some(), left).await;
                }
            }
        })
    }
}

/// Waits by tokio's time where the clock moves along with it.
async fn flow_on(flows: bool, left: Duration) {
    if flows {
        tokio::time::sleep(left).await;
    } else {
        std::future::pending::<()>().await;
    }
}

fn now(moved: Duration, flows: Option<Instant>) -> Moment {
    let flowed = flows.map_or(Duration::ZERO, |began| began.elapsed());
    Moment::after_start(flowed) + moved
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    const MINUTE: Duration = Duration::from_mins(1);

    #[tokio::test]
    async fn who_sleeps_is_woken_when_the_clock_has_been_moved_far_enough() {
        let clock = ScriptedClock::default();
        let mut sleep = clock.sleep(MINUTE);
        assert!((&mut sleep).now_or_never().is_none());
        clock.advance(Duration::from_secs(59));
        assert!((&mut sleep).now_or_never().is_none());
        clock.advance(Duration::from_secs(1));
        sleep.await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_flowing_clock_moves_along_with_tokios_and_can_be_moved_besides() {
        let clock = ScriptedClock::flowing();
        let start = Instant::now();
        clock.sleep(MINUTE).await;
        assert!(start.elapsed() >= MINUTE);
        let until = clock.now() + MINUTE;
        let sleep = clock.sleep_until(until);
        clock.advance(MINUTE * 2);
        sleep.await;
        assert!(start.elapsed() < MINUTE * 2, "the machine slept");
        assert!(clock.now() >= until);
    }
}
