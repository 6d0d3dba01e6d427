//! Launches while the vault goes away and comes back.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use serde_json::{Value, json};
use vault_tests::harness::{Home, until};
use vault_tests::oci::{FakeOci, Fault, Route, Times};

use super::cloud::Cloud;

const SECRETS: [&str; 3] = ["ONE", "TWO", "THREE"];
const LAUNCHERS: u64 = 3;

#[test]
fn a_vault_that_is_not_there_is_outlived_and_noticed_when_it_is_back() {
    outlived(FakeOci::go_away, FakeOci::come_back, "refused");
}

#[test]
fn a_vault_that_is_out_of_order_is_outlived_and_noticed_when_it_is_back() {
    let out = Fault::Status {
        status: 503,
        code: "ServiceUnavailable".to_owned(),
        message: "out".to_owned(),
    };
    outlived(always(out), FakeOci::heal, "503");
}

#[test]
fn a_vault_that_hangs_is_outlived_and_noticed_when_it_is_back() {
    outlived(always(Fault::Hang), FakeOci::heal, "none came in time");
}

fn always(fault: Fault) -> impl Fn(&FakeOci) {
    move |fake| fake.fail(Route::GetSecretBundle, fault.clone(), Times::Always)
}

/// The vault goes away and comes back with other values; `reason` is what status says meanwhile.
fn outlived(go_away: impl Fn(&FakeOci), come_back: impl Fn(&FakeOci), reason: &str) {
    let cloud = cloud();
    let daemon = cloud.home.start();
    let load = Load::default();
    thread::scope(|scope| {
        let _over = Over(&load);
        for _ in 0..LAUNCHERS {
            scope.spawn(|| load.run(&cloud.home));
        }
        load.goes_on();
        assert_eq!(cloud.home.ctl(&["status"]).code, 0);

        go_away(&cloud.fake);
        until("status says of all values that they are stale", || {
            let secrets = secrets(&cloud.home);
            secrets.iter().filter(|one| is_stale(one, reason)).count() == SECRETS.len()
        });
        load.goes_on();
        let status = cloud.home.ctl(&["status"]);
        assert_eq!(status.code, 2, "{status}");
        for word in ["stale", reason] {
            assert!(status.stdout.contains(word), "{word}: {status}");
        }
        let records = cloud.home.audit_of("launch");
        let last = records.last().expect("a record");
        assert_eq!(last["values"][0]["state"], "stale", "{last}");

        store(&cloud.fake, "new");
        load.is_back.store(true, Ordering::Release);
        come_back(&cloud.fake);
        until("launches get what is new", || {
            load.has_none_wrong();
            load.new.iter().all(|new| new.load(Ordering::Acquire))
        });
        until("status says that all is well", || {
            cloud.home.ctl(&["status"]).code == 0
        });
        load.goes_on();
    });
    load.has_none_wrong();
    assert!(daemon.terminate().success(), "it is the same daemon");
}

/// Values are old soon, and a breaker lets a probe through soon.
fn cloud() -> Cloud {
    let cloud = Cloud::new();
    cloud.configure(&json!({
        "cache": {"ttl": 0.5},
        "resilience": {"circuit_breaker_threshold": 3, "circuit_breaker_recovery": 0.2},
    }));
    let ids = store(&cloud.fake, "old");
    let references = ids.map(|id| format!("oci-vault://{id}"));
    let secrets: serde_json::Map<_, _> = SECRETS
        .into_iter()
        .zip(references)
        .map(|(variable, reference)| (variable.to_owned(), Value::from(reference)))
        .collect();
    let service = json!({"secrets": secrets, "target_command": ["env"]});
    cloud.home.write_service("bar", &service);
    cloud
}

fn store(fake: &FakeOci, age: &str) -> [String; 3] {
    SECRETS.map(|name| fake.put(name, format!("{age} {name}")))
}

fn secrets(home: &Home) -> Vec<Value> {
    let status = home.ctl(&["status", "--json"]);
    let status: Value = serde_json::from_str(&status.stdout).expect("JSON");
    status["secrets"].as_array().cloned().unwrap_or_default()
}

fn is_stale(secret: &Value, reason: &str) -> bool {
    let why = secret["stale_reason"].as_str().unwrap_or_default();
    secret["state"] == "stale" && why.contains(reason)
}

/// Callers that launch without a pause, and what came of it.
#[derive(Debug, Default)]
struct Load {
    is_over: AtomicBool,
    /// Whether the vault may have given anybody what is new.
    is_back: AtomicBool,
    /// Of each secret, whether a launch has ended that got what is new.
    new: [AtomicBool; 3],
    launches: AtomicU64,
    wrong: Mutex<Vec<String>>,
}

/// Ends the load, also where a test fails: its threads are waited for.
struct Over<'a>(&'a Load);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::Release);
    }
}

impl Load {
    fn run(&self, home: &Home) {
        while !self.is_over.load(Ordering::Acquire) {
            self.launch(home);
        }
    }

    /// One launch: it succeeds, and gets nothing older than what another had before it began.
    fn launch(&self, home: &Home) {
        let new_before = self.new.each_ref().map(|new| new.load(Ordering::Acquire));
        let launched = home.run(&["bar"]);
        let is_back = self.is_back.load(Ordering::Acquire);
        for (index, name) in SECRETS.into_iter().enumerate() {
            let got = |age: &str| {
                let line = format!("{name}={age} {name}");
                launched.stdout.lines().any(|found| found == line)
            };
            let (old, new) = (got("old"), got("new"));
            if launched.code != 0 || old == new || (old && new_before[index]) || (new && !is_back) {
                let mut wrong = self.wrong.lock().expect("nobody panics here");
                wrong.push(format!("{name}, new before: {new_before:?}: {launched}"));
            }
            if new {
                self.new[index].store(true, Ordering::Release);
            }
        }
        self.launches.fetch_add(1, Ordering::AcqRel);
    }

    /// Waits until launches have begun and ended since.
    #[track_caller]
    fn goes_on(&self) {
        let enough = self.launches.load(Ordering::Acquire) + 3 * LAUNCHERS;
        until("launches go on", || {
            self.has_none_wrong();
            self.launches.load(Ordering::Acquire) >= enough
        });
    }

    #[track_caller]
    fn has_none_wrong(&self) {
        let wrong = self.wrong.lock().expect("nobody panics here").clone();
        assert_eq!(wrong, Vec::<String>::new());
    }
}
