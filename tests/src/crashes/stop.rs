//! What callers get while the daemon is stopped, and once it goes on.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::seen::{Answer, LAUNCHERS, Seen, torn};
use crate::harness::{Daemon, Home, until};

/// The strictest of the programs that start servers gives them so long; vault-run's own 8 s are
/// inside of it.
const PATIENCE: Duration = Duration::from_secs(10);
/// So much is launched and stored before, and again after.
const WORK: u64 = 20;

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Stopped {
    /// How long the daemon was stopped.
    pub stopped: Duration,
    /// Launches that were told meanwhile that it does not answer.
    pub refused: u64,
    /// The longest that any launch took.
    pub longest: Duration,
    /// Launches that took longer than a program waits that starts a server.
    pub hung: u64,
    /// From the daemon's going on to the end of the first launch that got a value.
    pub first_good: Duration,
    /// Launches that got a value, before, meanwhile and after.
    pub launches: u64,
    /// Values whose storing was acknowledged.
    pub stored: u64,
    /// What must not be.
    pub wrong: Vec<String>,
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "stopped for {:?}: {} launches refused meanwhile, {} longer than {PATIENCE:?}, the longest {:?}",
            self.stopped, self.refused, self.hung, self.longest
        )?;
        write!(
            f,
            "first good answer {:?} after it went on; {} launches, {} values stored, {} wrong answers",
            self.first_good,
            self.launches,
            self.stored,
            self.wrong.len()
        )
    }
}

/// Stops the daemon under load for so long, and until each caller was told that it does not answer;
/// then lets it go on.
///
/// # Panics
/// Where it does not, or does not end well.
pub fn stop(how_long: Duration) -> Stopped {
    let home = Home::new();
    let seen = Seen::at(&home);
    let daemon = home.start();
    let over = Over::default();
    let times = Times::default();
    let mut report = Stopped::default();
    thread::scope(|scope| {
        let end = End {
            over: &over,
            daemon: &daemon,
        };
        for _ in 0..LAUNCHERS {
            scope.spawn(|| {
                while !over.is_so() {
                    times.launch(&seen, &home);
                }
            });
        }
        scope.spawn(|| {
            while !over.is_so() {
                seen.store(&home);
            }
        });
        let work = || {
            let enough = seen.done() + WORK;
            until("launches and storing go on", || seen.done() >= enough);
        };
        work();
        let (before, stopped) = (seen.refused(), Instant::now());
        daemon.signal(Signal::SIGSTOP);
        thread::sleep(how_long);
        until("each caller is told", || {
            seen.refused() >= before + LAUNCHERS as u64
        });
        report.refused = seen.refused() - before;
        let continued = Instant::now();
        report.stopped = continued - stopped;
        times.all().continued = Some(continued);
        daemon.signal(Signal::SIGCONT);
        until("a launch gets a value", || {
            times.all().good.is_some() || !seen.wrong().is_empty()
        });
        work();
        drop(end);
    });
    report.wrong.extend(seen.last_word(&home));
    if !daemon.terminate().success() {
        report.wrong.push("the daemon did not end well".to_owned());
    }
    let times = times.all();
    report.longest = times.longest;
    report.hung = times.hung;
    report.first_good = times.good.unwrap_or_default();
    report.launches = seen.launched();
    report.stored = seen.stored();
    report.wrong.extend(seen.wrong());
    report.wrong.extend(torn(&home));
    report
}

/// Whether callers are to end.
#[derive(Debug, Default)]
struct Over(AtomicBool);

impl Over {
    fn is_so(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Ends the callers, who are waited for also where something panics: none is to wait for a daemon
/// that is stopped.
struct End<'a> {
    over: &'a Over,
    daemon: &'a Daemon<'a>,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.over.0.store(true, Ordering::Release);
        self.daemon.signal(Signal::SIGCONT);
    }
}

/// How long launches take.
#[derive(Debug, Default)]
struct Times(Mutex<Measured>);

#[derive(Debug, Default)]
struct Measured {
    longest: Duration,
    hung: u64,
    continued: Option<Instant>,
    /// From then to the end of the first launch with a value.
    good: Option<Duration>,
}

impl Times {
    fn launch(&self, seen: &Seen, home: &Home) {
        let began = Instant::now();
        let answer = seen.launch(home);
        let ended = Instant::now();
        let mut all = self.all();
        let took = ended - began;
        all.longest = all.longest.max(took);
        all.hung += u64::from(took > PATIENCE);
        if let (Some(Answer::Value), Some(continued), None) = (answer, all.continued, all.good) {
            // One that was answered before is no sign of life.
            all.good = ended.checked_duration_since(continued);
        }
    }

    fn all(&self) -> MutexGuard<'_, Measured> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
