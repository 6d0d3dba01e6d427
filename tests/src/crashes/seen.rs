//! What callers see who launch and store, while something is done to the daemon.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;

use crate::harness::{Home, Outcome};
use crate::oci::{COMPARTMENT, FakeOci, VAULT, write_credentials};

/// How many callers launch at once.
pub(super) const LAUNCHERS: usize = 2;
/// Words of a caller that found no daemon, or lost it on the way.
const NOBODY: [&str; 2] = ["vaultd", "daemon"];

/// How a launch ended that nothing is wrong with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// With a value.
    Value,
    /// With the word that there is none to be had.
    Refusal,
}

/// What callers have seen.
pub(super) struct Seen {
    launched: AtomicU64,
    refused: AtomicU64,
    /// The number of the last value whose storing was begun.
    begun: AtomicU64,
    acknowledged: AtomicU64,
    /// A vault elsewhere, whose secret has the number of the last value that was to be stored.
    vault: FakeOci,
    /// The newest of them that any launch has got.
    got: AtomicU64,
    wrong: Mutex<Vec<String>>,
}

impl Seen {
    /// Of a home with a service that has a secret of the store and one of a vault elsewhere, which
    /// the daemon keeps sealed; and with first values, so that there is always one.
    pub(super) fn at(home: &Home) -> Self {
        let vault = FakeOci::start();
        vault.put("remote", "0");
        let directory = home.path("credentials");
        std::fs::create_dir(&directory).expect("a directory");
        let credentials = write_credentials(&vault, &directory).expect("credentials");
        let url = vault.https_url();
        let resolver = json!({
            "vault": {
                "config_file": credentials.config_file, "ca_file": credentials.ca_file,
                "endpoint": url, "auth_endpoint": url,
                "compartment_id": COMPARTMENT, "vault_id": VAULT,
            },
            "cache": {"ttl": 1, "persist": "sealed"},
        });
        // JSON is YAML.
        home.write_resolver(&resolver.to_string());
        let service = json!({
            "secrets": {
                "TOKEN": {"secret_name": "local://token"},
                "REMOTE": {"secret_name": format!("oci-vault://{VAULT}/remote")},
            },
            "target_command": ["env"],
        });
        home.write_service("bar", &service);
        let daemon = home.start();
        home.put("token", b"0");
        home.run(&["bar"]).success();
        daemon.terminate();
        Self {
            launched: AtomicU64::default(),
            refused: AtomicU64::default(),
            begun: AtomicU64::default(),
            acknowledged: AtomicU64::default(),
            vault,
            got: AtomicU64::default(),
            wrong: Mutex::default(),
        }
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
        let got = self.got.load(Ordering::Acquire);
        let launched = home.run(&["bar"]);
        let newest = self.begun.load(Ordering::Acquire);
        let is_nobody = || NOBODY.iter().any(|word| launched.stderr.contains(word));
        match launched.code {
            0 => {
                self.launched.fetch_add(1, Ordering::AcqRel);
                let (token, remote) = (number(&launched, "TOKEN="), number(&launched, "REMOTE="));
                let is_one = |number: Option<u64>, least: u64| {
                    number.is_some_and(|number| (least..=newest).contains(&number))
                };
                let remote_is_right = is_one(remote, got)
                    || is_one(remote, 0) && was_stale(home, remote.unwrap_or_default());
                if !is_one(token, oldest) || !remote_is_right {
                    self.say(format!(
                        "{token:?} is not in {oldest}..={newest}, or {remote:?} not in \
                         {got}..={newest}: {launched}"
                    ));
                    return None;
                }
                self.got
                    .fetch_max(remote.unwrap_or_default(), Ordering::AcqRel);
                Some(Answer::Value)
            }
            3 if launched.stdout.is_empty() && is_nobody() => {
                self.refused.fetch_add(1, Ordering::AcqRel);
                Some(Answer::Refusal)
            }
            _ => {
                self.say(launched.to_string());
                None
            }
        }
    }

    /// Stores the next number, here and there.
    pub(super) fn store(&self, home: &Home) {
        let number = self.begun.fetch_add(1, Ordering::AcqRel) + 1;
        self.vault.put("remote", number.to_string());
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

/// Whether the record knows a launch that got this number marked stale, as a vault that takes longer
/// than a second makes it. Its versions count from 1.
fn was_stale(home: &Home, remote: u64) -> bool {
    let version = (remote + 1).to_string();
    let launches = home.audit_of("launch");
    let mut values = launches
        .iter()
        .flat_map(|launch| launch["values"].as_array().into_iter().flatten());
    values.any(|value| {
        value["variable"] == "REMOTE" && value["version"] == *version && value["state"] == "stale"
    })
}

/// What a variable of the server was.
fn number(launched: &Outcome, variable: &str) -> Option<u64> {
    let mut lines = launched.stdout.lines();
    let value = lines.find_map(|line| line.strip_prefix(variable))?;
    value.parse().ok()
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
