//! Does the daemon survive being killed at any moment, again and again?
//!
//! Callers launch and store all the while. Whatever they are given must be a value that was stored, and
//! none that is older than one whose storing was acknowledged.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::harness::Home;

/// How many callers launch at once.
const LAUNCHERS: usize = 2;
const SERVICE: &str =
    r#"{"secrets":{"TOKEN":{"secret_name":"local://token"}},"target_command":["env"]}"#;

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
    home.write_service_file("bar.json", SERVICE);
    drop_quietly(&home, b"0");
    let seen = Seen::default();
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
    report.launches = seen.launched.load(Ordering::Acquire);
    report.refused = seen.refused.load(Ordering::Acquire);
    report.stored = seen.acknowledged.load(Ordering::Acquire);
    report.wrong.extend(seen.wrong());
    report.wrong.extend(torn(&home));
    report
}

/// A first value, so that there is always one.
fn drop_quietly(home: &Home, value: &[u8]) {
    let daemon = home.start();
    home.put("token", value);
    daemon.terminate();
}

/// What callers have seen.
#[derive(Debug, Default)]
struct Seen {
    launched: AtomicU64,
    refused: AtomicU64,
    /// The number of the last value whose storing was begun.
    begun: AtomicU64,
    acknowledged: AtomicU64,
    wrong: std::sync::Mutex<Vec<String>>,
}

impl Seen {
    fn done(&self) -> u64 {
        self.launched.load(Ordering::Acquire) + self.acknowledged.load(Ordering::Acquire)
    }

    fn launch(&self, home: &Home) {
        let oldest = self.acknowledged.load(Ordering::Acquire);
        let launched = home.run(&["bar"]);
        let newest = self.begun.load(Ordering::Acquire);
        match launched.code {
            0 => {
                self.launched.fetch_add(1, Ordering::AcqRel);
                let mut lines = launched.stdout.lines();
                let token = lines.find_map(|line| line.strip_prefix("TOKEN="));
                let token: Option<u64> = token.and_then(|token| token.parse().ok());
                if !token.is_some_and(|token| (oldest..=newest).contains(&token)) {
                    self.say(format!(
                        "{token:?} is not in {oldest}..={newest}: {launched}"
                    ));
                }
            }
            3 if launched.stdout.is_empty() => {
                self.refused.fetch_add(1, Ordering::AcqRel);
            }
            _ => self.say(launched.to_string()),
        }
    }

    fn store(&self, home: &Home) {
        let number = self.begun.fetch_add(1, Ordering::AcqRel) + 1;
        let stored = home.ctl_with_input(&["put", "token"], number.to_string().as_bytes());
        match stored.code {
            0 => self.acknowledged.store(number, Ordering::Release),
            // Nobody, or one that died on the way: it may be stored all the same.
            3 => {}
            _ => self.say(stored.to_string()),
        }
    }

    /// The store as it is left behind must open, and hold at least what was acknowledged.
    fn last_word(&self, home: &Home) -> Option<String> {
        let before = self.launched.load(Ordering::Acquire);
        self.launch(home);
        (self.launched.load(Ordering::Acquire) == before)
            .then(|| "the last launch got nothing".to_owned())
    }

    fn say(&self, what: String) {
        self.wrong.lock().expect("nobody panics here").push(what);
    }

    fn wrong(&self) -> Vec<String> {
        self.wrong.lock().expect("nobody panics here").clone()
    }
}

/// Lines of the audit record that are no whole ones.
fn torn(home: &Home) -> Vec<String> {
    let text = std::fs::read_to_string(home.state("audit.jsonl")).unwrap_or_default();
    let torn = text
        .lines()
        .filter(|line| serde_json::from_str::<serde_json::Value>(line).is_err());
    torn.map(|line| format!("a torn line of the record: {line}"))
        .collect()
}
