//! What a watcher is told: changes of the secrets it chose and may see, and that it has missed some.

mod held_changes;

use std::collections::VecDeque;
use std::sync::Arc;

use vault_proto::generated::{Provenance, State};
use vault_proto::reference::SecretRef;

use crate::addresses::address;
use crate::cache::Cache;
use crate::cache::changes::{Change, NewState};
use crate::cache::freshness::{Freshness, Verdict};
use crate::cache::machine::judge;
use crate::clock::{Clock, Moment};
use crate::maintenance::is_meant;
use crate::resolver::{AuthorizedRequest, RequestContext, millis};
use crate::setup::Current;
use held_changes::{HeldChanges, Lost};

/// What a watcher is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// A secret has changed, or its state has.
    Changed {
        /// The secret, as the watcher wrote it; as it was first asked for where the watcher chose none.
        reference: SecretRef,
        /// What is known of it now.
        provenance: Provenance,
    },
    /// The watcher was too slow: some changes before this one are lost to it.
    Lost,
}

/// One watcher's.
pub struct Subscription {
    changes: HeldChanges<Box<dyn Fn() -> Freshness + Send + Sync>>,
    context: RequestContext,
    /// What it chose; empty for all.
    references: Vec<SecretRef>,
    current: Arc<Current>,
    clock: Arc<dyn Clock>,
    ready: VecDeque<Notice>,
}

impl Subscription {
    /// From now on, for whom policy has let through, of what it asked for; of all that it may see where
    /// that is nothing.
    pub fn new(
        cache: Arc<Cache>,
        clock: Arc<dyn Clock>,
        current: Arc<Current>,
        request: &AuthorizedRequest,
    ) -> Self {
        let references = request.secrets().iter();
        let setup = Arc::clone(&current);
        let others = Box::new(move || setup.get().view(None).freshness);
        Self {
            changes: HeldChanges::new(cache, Arc::clone(&clock), others),
            context: RequestContext::clone(request.context()),
            references: references.map(|one| one.reference.clone()).collect(),
            current,
            clock,
            ready: VecDeque::new(),
        }
    }

    /// What comes next; `None` at the end of the cache.
    pub async fn next(&mut self) -> Option<Notice> {
        loop {
            if let Some(notice) = self.ready.pop_front() {
                return Some(notice);
            }
            match self.changes.next().await? {
                Err(Lost) => return Some(Notice::Lost),
                Ok(change) => self.ready = self.notices(change),
            }
        }
    }

    /// What is told of a change, under the policy in force now: a watch outlives the one it began under.
    fn notices(&self, change: Change) -> VecDeque<Notice> {
        let setup = self.current.get();
        let view = setup.view(None);
        let others = view.freshness;
        let chosen: Vec<SecretRef> = if self.references.is_empty() {
            change.reference.parse().into_iter().collect()
        } else {
            let held = (change.reference.as_str(), &change.address);
            let means = |reference: &&SecretRef| {
                is_meant((reference, &address(reference, &view.targets)), held)
            };
            self.references.iter().filter(means).cloned().collect()
        };
        let context = RequestContext {
            targets: Arc::new(view.targets.clone()),
            setup: Arc::clone(&setup),
            ..self.context.clone()
        };
        let provenance = provenance(change, self.clock.now(), others);
        let shown = chosen.into_iter().filter(|one| context.may(Some(one)));
        let notice = |reference| Notice::Changed {
            reference,
            provenance: provenance.clone(),
        };
        shown.map(notice).collect()
    }
}

/// What is known after a change; `others` judges a value that nobody has asked for.
fn provenance(change: Change, now: Moment, others: Freshness) -> Provenance {
    let of = |state: State, why: String| Provenance {
        state: state.into(),
        stale_reason: why,
        ..Provenance::default()
    };
    match change.now {
        NewState::Flushed => of(State::Absent, String::new()),
        NewState::Nothing(why) => of(State::Absent, why),
        NewState::No(why) => of(State::Negative, why),
        NewState::Value {
            version,
            at,
            valid_for,
            is_kept,
            why,
        } => {
            let age = now.since(at);
            let wanted = change.wanted.unwrap_or(others);
            let state = match judge(&wanted, age, valid_for, is_kept) {
                Verdict::Fresh => State::Fresh,
                Verdict::Stale => State::Stale,
                Verdict::Expired => State::Expired,
            };
            let why = why.filter(|_| state != State::Fresh);
            Provenance {
                version,
                age_ms: millis(age),
                ..of(state, why.unwrap_or_default())
            }
        }
    }
}

#[cfg(test)]
mod tests;
