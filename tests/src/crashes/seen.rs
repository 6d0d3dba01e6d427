//! What do callers see who launch and store, while something is done to the daemon?

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::harness::Home;

/// How many callers launch at once.
pub(super) const LAUNCHERS: usize = 2;
const SERVICE: &str =
    r#"{"secrets":{"TOKEN":{"secret_name":"local://token"}},"target_command":["env"]}"#;

/// How a launch ended that nothing is wrong with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// With a value.
    Value,
    /// With the word that there is none to be had.
    Refusal,
}

/// What callers have seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    launched: AtomicU64,
    refused: AtomicU64,
    /// The number of the last value whose storing was begun.
    begun: AtomicU64,
    acknowledged: AtomicU64,
    wrong: Mutex<Vec<String>>,
}

impl Seen {
    /// Of a home with a service, and with a first value, so that there is always one.
    pub(super) fn at(home: &Home) -> Self {
        home.write_service_file("bar.json", SERVICE);
        let daemon = home.start();
        home.put("token", b"0");
        daemon.terminate();
        Self::default()
    }

    pub(super) fn launched(&self) -> u64 {
        self.launched.load(Ordering::Acquire)
    }

    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Acquire)
    }

    pub(super) fn stored(&self) -> u64 {
        self.acknowledged.load(Ordering::Acquire)
    }

    /// What was launched and stored.
    pub(super) fn done(&self) -> u64 {
        self.launched() + self.stored()
    }

    /// Launches; `None` where something was wrong with it.
    pub(super) fn launch(&self, home: &Home) -> Option<Answer> {
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
                    return None;
                }
                Some(Answer::Value)
            }
            3 if launched.stdout.is_empty() => {
                self.refused.fetch_add(1, Ordering::AcqRel);
                Some(Answer::Refusal)
            }
            _ => {
                self.say(launched.to_string());
                None
            }
        }
    }

    /// Stores the next number.
    pub(super) fn store(&self, home: &Home) {
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
    pub(super) fn last_word(&self, home: &Home) -> Option<String> {
        let answer = self.launch(home);
        (answer != Some(Answer::Value)).then(|| "the last launch got nothing".to_owned())
    }

    fn say(&self, what: String) {
        self.wrong.lock().expect("nobody panics here").push(what);
    }

    /// What must not be.
    pub(super) fn wrong(&self) -> Vec<String> {
        self.wrong.lock().expect("nobody panics here").clone()
    }
}

/// Lines of the audit record that are no whole ones.
pub(super) fn torn(home: &Home) -> Vec<String> {
    let text = std::fs::read_to_string(home.state("audit.jsonl")).unwrap_or_default();
    let torn = text
        .lines()
        .filter(|line| serde_json::from_str::<serde_json::Value>(line).is_err());
    torn.map(|line| format!("a torn line of the record: {line}"))
        .collect()
}
