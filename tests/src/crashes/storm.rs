//! The daemon survives being killed at any moment.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::seen::{LAUNCHERS, Seen, torn};
use crate::harness::Home;

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How often the daemon was killed.
    pub kills: u64,
    /// Launches that got a value.
    pub launches: u64,
    /// Launches that were told that there is no daemon.
    pub refused: u64,
    /// Values whose storing was acknowledged.
    pub stored: u64,
    /// From the start of each daemon until it was ready, in order of length.
    pub ready: Vec<Duration>,
    /// What must not be.
    pub wrong: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |part: usize| self.ready.get(self.ready.len() * part / 100);
        let ready =
            [at(50), at(99), self.ready.last()].map(|time| time.copied().unwrap_or_default());
        writeln!(
            f,
            "{} kills, {} launches, {} refused, {} values stored, {} wrong answers",
            self.kills,
            self.launches,
            self.refused,
            self.stored,
            self.wrong.len()
        )?;
        write!(
            f,
            "ready after (median, 99 %, longest): {:?}, {:?}, {:?}",
            ready[0], ready[1], ready[2]
        )
    }
}

/// Kills the daemon so many times, each time at another moment of its work.
///
/// # Panics
/// Where it does not start again.
pub fn storm(kills: u64, seed: u64) -> Report {
    let home = Home::new();
    let seen = Seen::at(&home);
    let over = AtomicBool::new(false);
    let mut report = Report::default();
    thread::scope(|scope| {
        for _ in 0..LAUNCHERS {
            scope.spawn(|| {
                while !over.load(Ordering::Acquire) {
                    seen.launch(&home);
                }
            });
        }
        scope.spawn(|| {
            while !over.load(Ordering::Acquire) {
                seen.store(&home);
            }
        });
        let mut random = seed | 1;
        for _ in 0..kills {
            let began = Instant::now();
            let daemon = home.start();
            report.ready.push(began.elapsed());
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            // Sometimes at once, sometimes after some work.
            let work = (random >> 33) % 6;
            let until = seen.done() + work;
            let patience = Instant::now() + Duration::from_secs(20);
            while seen.done() < until && Instant::now() < patience {
                thread::yield_now();
            }
            daemon.signal(Signal::SIGKILL);
            daemon.kill();
            report.kills += 1;
        }
        over.store(true, Ordering::Release);
        // Callers that wait for a daemon get one.
        let last = home.start();
        report.wrong.extend(seen.last_word(&home));
        last.terminate();
    });
    report.ready.sort_unstable();
    report.launches = seen.launched();
    report.refused = seen.refused();
    report.stored = seen.stored();
    report.wrong.extend(seen.wrong());
    report.wrong.extend(torn(&home));
    report
}
