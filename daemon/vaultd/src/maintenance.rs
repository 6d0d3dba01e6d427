//! What a flush and a refresh cover, and how they are done.

mod usage;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use tokio::time::Instant;
use vault_backends::address::Address;
use vault_proto::reference::SecretRef;

use crate::addresses::{is_same_secret, reference_of};
use crate::cache::{Cache, Served};
use crate::clock::Clock;
use crate::policy::Action;
use crate::resolver::{RequestContext, Resolver};
use crate::snapshot::Snapshot;

/// How many secrets are asked for again at once, of all vaults.
const REFRESHES_AT_ONCE: usize = 8;
/// With less time than this left nothing is asked any more.
const SHORTEST: Duration = Duration::from_millis(500);

/// What has been asked for again.
#[derive(Debug)]
pub struct Refreshed {
    /// The secret, as it was first asked for.
    pub reference: SecretRef,
    /// What came of it, or why nothing did.
    pub outcome: Result<Served, String>,
}

/// Flush and refresh.
pub struct Maintenance {
    /// Says whether a backend serves an address.
    pub resolver: Arc<Resolver>,
    /// What is flushed and refreshed.
    pub cache: Arc<Cache>,
    /// What a flush must reach, too.
    pub snapshot: Arc<Snapshot>,
    /// The clock of ages.
    pub clock: Arc<dyn Clock>,
}

/// Whether somebody for whom `reference` leads to `own` means what is held at `held` and was first asked
/// for by `spelling`: the same version of the same secret, whoever's credentials it was read with, or what
/// an environment or a service means by the same words.
pub(crate) fn is_meant(
    (reference, own): (&SecretRef, &Address),
    (spelling, held): (&str, &Address),
) -> bool {
    let same_words = || {
        spelling
            .parse::<SecretRef>()
            .is_ok_and(|text| text == *reference)
    };
    (is_same_secret(own, held) && own.version == held.version) || same_words()
}

impl Maintenance {
    /// Forgets all versions of one secret, or all that policy shows, here and on the disk, and returns how
    /// many values that were.
    ///
    /// # Errors
    /// What is still on the disk, in words for a person.
    pub async fn flush(
        &self,
        context: &RequestContext,
        reference: Option<&SecretRef>,
    ) -> Result<usize, String> {
        // By its own words, too: an environment or a service may mean another place by them.
        let named = self.cache.addresses(|held| match reference {
            Some(reference) => held.place() == reference.place(),
            None => context.may(Some(held)),
        });
        let own = reference.map(|reference| context.address(reference));
        let kinds = context.setup.kinds();
        let flushed = self.cache.flush(|held| {
            named.contains(held)
                || match &own {
                    Some(own) => is_same_secret(own, held),
                    None => reference_of(held, kinds)
                        .is_some_and(|reference| context.may(Some(&reference))),
                }
        });
        self.snapshot.forgotten().await?;
        Ok(flushed)
    }

    /// Asks again for one secret wherever it is held, or for all that is held and policy shows.
    pub async fn refresh(
        &self,
        context: &RequestContext,
        reference: Option<&SecretRef>,
    ) -> Vec<Refreshed> {
        let entries = self.cache.entries().into_iter();
        let held = entries.map(|entry| (entry.reference, entry.address));
        let Some(reference) = reference else {
            let shown = held.filter_map(|(spelling, address)| {
                let reference: SecretRef = spelling.parse().ok()?;
                context
                    .may(Some(&reference))
                    .then_some((reference, address))
            });
            return self.refresh_each(context, shown).await;
        };
        let own = context.address(reference);
        let meant =
            held.filter(|(spelling, address)| is_meant((reference, &own), (spelling, address)));
        let mut addresses: Vec<Address> = meant.map(|(_, address)| address).collect();
        if addresses.is_empty() {
            if !is_due_a_place(context, reference) {
                let why = "nothing is held of it, and no service uses it";
                return vec![Refreshed {
                    reference: reference.clone(),
                    outcome: Err(why.to_owned()),
                }];
            }
            addresses.push(own);
        }
        let each = addresses.into_iter();
        let each = each.map(|address| (reference.clone(), address));
        self.refresh_each(context, each).await
    }

    /// A few at a time, for callers want the rest of what there is to fetch with, and all within the time
    /// of the one call.
    async fn refresh_each(
        &self,
        context: &RequestContext,
        each: impl Iterator<Item = (SecretRef, Address)>,
    ) -> Vec<Refreshed> {
        let end = Instant::now() + context.time;
        let one = |(place, (reference, address))| async move {
            let refreshed = self.refresh_one(context, reference, address, end).await;
            (place, refreshed)
        };
        // In the order in which they end: one that hangs must not hold up the others.
        let refreshed = stream::iter(each.enumerate().map(one)).buffer_unordered(REFRESHES_AT_ONCE);
        let mut refreshed: Vec<(usize, Refreshed)> = refreshed.collect().await;
        refreshed.sort_by_key(|(place, _)| *place);
        refreshed.into_iter().map(|(_, one)| one).collect()
    }

    async fn refresh_one(
        &self,
        context: &RequestContext,
        reference: SecretRef,
        address: Address,
        end: Instant,
    ) -> Refreshed {
        let left = end.saturating_duration_since(Instant::now());
        if left < SHORTEST {
            return Refreshed {
                reference,
                outcome: Err("not asked: the time was over before its turn; ask again".to_owned()),
            };
        }
        let refreshed = match self.resolver.check_backend(&address) {
            Err(error) => Err(error),
            Ok(()) => {
                let label = reference.to_string();
                self.cache.refresh(&address, &label, left).await
            }
        };
        let outcome = match refreshed {
            Ok(held) => Ok(Served::awaited(held, self.clock.now(), &context.freshness)),
            Err(error) => Err(error.to_string()),
        };
        Refreshed { reference, outcome }
    }
}

/// Whether what is not held may take a place in the cache: a service uses it, or the caller may read it.
/// Otherwise a list of made-up names would push out what is in use.
fn is_due_a_place(context: &RequestContext, reference: &SecretRef) -> bool {
    let reading = RequestContext {
        action: Action::Get,
        ..context.clone()
    };
    reading.may(Some(reference)) || usage::is_used(&context.setup, reference)
}

#[cfg(test)]
mod tests;
