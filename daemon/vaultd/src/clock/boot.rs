//! Waiting by the boot clock, with a timer of the kernel's that counts sleep.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use futures_util::future::BoxFuture;
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{self, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use nix::time::{ClockId, clock_gettime};
use tokio::io::unix::AsyncFd;

use super::moment::{Clock, Moment};

/// Shorter waits are left to tokio, which needs no file descriptor for each: where the machine sleeps
/// meanwhile, they end late by no more than this.
const SHORT: Duration = Duration::from_secs(10);
/// To wait until the machine's start itself would mean to the kernel not to wait at all, for ever.
const SOONEST: Duration = Duration::from_nanos(1);

/// The machine's boot clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct BootClock;

impl Clock for BootClock {
    fn now(&self) -> Moment {
        let time = clock_gettime(ClockId::CLOCK_BOOTTIME)
            .expect("Linux has had CLOCK_BOOTTIME since 2.6.39");
        Moment::after_start(Duration::from(time))
    }

    fn sleep_until(&self, moment: Moment) -> BoxFuture<'static, ()> {
        let clock = *self;
        Box::pin(async move {
            if moment.since(clock.now()) > SHORT {
                match wait(moment).await {
                    Ok(()) => return,
                    Err(error) => tracing::debug!(%error, "no timer of the kernel's to wait by"),
                }
            }
            loop {
                match moment.since(clock.now()) {
                    Duration::ZERO => return,
                    left => tokio::time::sleep(left.min(SHORT)).await,
                }
            }
        })
    }
}

/// Waits by a timer of its own.
async fn wait(moment: Moment) -> io::Result<()> {
    let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
    let timer = TimerFd::new(timerfd::ClockId::CLOCK_BOOTTIME, flags)?;
    timer.set(
        Expiration::OneShot(TimeSpec::from_duration(
            moment.time_since_start().max(SOONEST),
        )),
        TimerSetTimeFlags::TFD_TIMER_ABSTIME,
    )?;
    // One that has run out stays readable, and each waits for its own alone.
    #[expect(
        deprecated,
        reason = "its successor is unsafe for descriptors that change hands; an OwnedFd does not"
    )]
    let timer = AsyncFd::new(OwnedFd::from(timer))?;
    timer.readable().await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_timer_of_the_kernel_ends_after_its_moment_and_not_before() {
        let moment = BootClock.now() + Duration::from_millis(20);
        wait(moment).await.unwrap();
        assert!(BootClock.now() >= moment);
        wait(Moment::default()).await.unwrap();
    }

    #[tokio::test]
    async fn a_moment_that_has_passed_needs_no_waiting_and_a_short_wait_ends_after_its_moment() {
        BootClock.sleep_until(Moment::default()).await;
        let moment = BootClock.now() + Duration::from_millis(5);
        BootClock.sleep_until(moment).await;
        assert!(BootClock.now() >= moment);
    }
}
