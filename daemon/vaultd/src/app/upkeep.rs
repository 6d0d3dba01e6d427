//! What backends do ahead of time while nobody asks, such as renewing a token: each by itself, so that one
//! that hangs keeps no other from it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use vault_backends::reading::Backend;

use crate::clock::{Clock, Moment};
use crate::upstream::{Name, Upstream};

/// How often it is looked what is due: a vault that is opened meanwhile may have a token to renew.
const LOOK: Duration = Duration::from_secs(20);
/// How long is waited at least, whatever a backend says.
const SHORTEST: Duration = Duration::from_secs(1);
/// How long one upkeep may take.
const DEADLINE: Duration = Duration::from_mins(1);
/// The longest pause after some that hung: each may have left a thread that waits for a file.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// Lets the backends renew what they need and logs what is new of them, for as long as it is let.
pub(super) async fn keep(upstream: Arc<Upstream>, clock: Arc<dyn Clock>) {
    let mut told = BTreeSet::new();
    let mut under_way = FuturesUnordered::new();
    let mut next: HashMap<Name, Next> = HashMap::new();
    let mut look = clock.now();
    loop {
        let now = clock.now();
        if look <= now {
            look = now + LOOK;
            let open = upstream.settled();
            next.retain(|name, next| next.due.is_none() || open.iter().any(|(key, _)| key == name));
            for (name, backend) in open {
                let known = next.entry(name);
                let known = known.or_insert_with(|| Next::new(Arc::clone(&backend), now));
                known.backend = backend;
            }
        }
        for (name, next) in &mut next {
            if next.due.is_some_and(|due| due <= now) {
                next.due = None;
                under_way.push(upkeep(name.clone(), Arc::clone(&next.backend)));
            }
        }
        let of_secrets = upstream.notices_of_secrets().into_iter();
        let of_secrets = of_secrets.map(|(_, notice)| notice);
        let notices = upstream.notices().into_iter().chain(of_secrets);
        told = tell(told, notices.collect());
        let due = next.values().filter_map(|next| next.due);
        let wake = due.chain([look]).min();
        tokio::select! {
            Some((name, wait)) = under_way.next() => {
                if let Some(next) = next.get_mut(&name) {
                    next.ended(&name, wait, clock.now());
                }
            }
            () = clock.sleep_until_any(wake) => {}
        }
    }
}

/// When a backend is to be kept up next.
struct Next {
    backend: Arc<dyn Backend>,
    /// `None` while it is being kept up.
    due: Option<Moment>,
    /// How often in a row it did not end.
    hung: u32,
}

impl Next {
    fn new(backend: Arc<dyn Backend>, now: Moment) -> Self {
        Self {
            backend,
            due: Some(now),
            hung: 0,
        }
    }

    /// After an upkeep that wants to be called again after `wait`, or did not end.
    fn ended(&mut self, name: &Name, wait: Option<Duration>, now: Moment) {
        let wait = wait.map(|wait| wait.clamp(SHORTEST, LOOK));
        let hung = || {
            tracing::warn!(backend = %name, "upkeep did not end within {} s", DEADLINE.as_secs());
            let doubled = DEADLINE.saturating_mul(2u32.saturating_pow(self.hung));
            doubled.min(LONGEST_PAUSE)
        };
        self.due = Some(now + wait.unwrap_or_else(hung));
        self.hung = match wait {
            Some(_) => 0,
            None => self.hung.saturating_add(1),
        };
    }
}

async fn upkeep(name: Name, backend: Arc<dyn Backend>) -> (Name, Option<Duration>) {
    let wait = tokio::time::timeout(DEADLINE, backend.upkeep()).await;
    (name, wait.ok())
}

/// Logs what is new, and says what is known then.
fn tell(told: BTreeSet<String>, notices: Vec<String>) -> BTreeSet<String> {
    let notices: BTreeSet<String> = notices.into_iter().collect();
    for notice in notices.difference(&told) {
        tracing::warn!("{notice}");
    }
    notices
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use vault_backends::address::BackendKind;

    use super::*;
    use crate::clock::ScriptedClock;
    use crate::scripted::ScriptedBackend;

    #[tokio::test(start_paused = true)]
    async fn a_vault_that_hangs_keeps_no_other_from_its_upkeep() {
        let (hung, well) = (
            ScriptedBackend::new(BackendKind::OCI),
            ScriptedBackend::new(BackendKind::LOCAL),
        );
        hung.hangs_in_upkeep.store(true, Ordering::SeqCst);
        let backends = [&hung, &well].map(|one| Arc::clone(one) as Arc<dyn Backend>);
        let clock: Arc<dyn Clock> = Arc::new(ScriptedClock::flowing());
        let upstream = Upstream::new(backends.into_iter().collect(), Arc::clone(&clock));
        let keeping = keep(Arc::new(upstream), clock);
        let hour = Duration::from_hours(1);
        assert!(tokio::time::timeout(hour, keeping).await.is_err());
        assert!(well.upkeeps() >= 179, "{}", well.upkeeps());
        let tries = hung.upkeeps();
        assert!((4..=6).contains(&tries), "seldom: {tries}");
    }
}
