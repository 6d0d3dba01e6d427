//! What do the configured services need to be at hand? Pure.

use std::collections::HashMap;
use std::time::Duration;

use vault_backends::address::Address;

use crate::addresses::address;
use crate::cache::freshness::Freshness;
use crate::service::Service;
use crate::setup::Setup;

/// So many of them at most: the cache holds more, and callers need room in it, too.
const MOST: usize = 512;
/// Over how long the first fetches are spread at the start of a session.
const SESSION: Duration = Duration::from_secs(10);
/// And else: this part of the ttl, within bounds.
const PART: u32 = 2;
const LONGEST: Duration = Duration::from_mins(30);

/// A secret that is to be at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Where it is.
    pub address: Address,
    /// What people call it.
    pub reference: String,
    /// How fresh it is to be.
    pub freshness: Freshness,
    /// Whether many machines may ask the same vault for it.
    pub is_remote: bool,
}

/// What is kept fresh, whoever asks.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The secrets.
    pub items: Vec<Item>,
    /// How those are fetched that were not in the plan before.
    pub start: Start,
}

/// How much of a hurry there is to have what is new.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// Somebody has just sat down, and will want it.
    #[default]
    Session,
    /// The daemon was restarted or its configuration changed: perhaps on many machines at once.
    Restart,
}

impl Start {
    /// Over how long the first fetches are spread.
    pub(super) fn spread(self, freshness: &Freshness) -> Duration {
        match self {
            Self::Session => SESSION,
            Self::Restart => (freshness.ttl / PART).min(LONGEST),
        }
    }
}

impl Plan {
    /// What all services need, in all environments.
    pub fn of(setup: &Setup, start: Start) -> Self {
        let mut wanted = PlanBuilder::default();
        for (environment, view) in setup.named_views() {
            for service in view.services.values() {
                wanted.add(service, environment);
                for named in service.environments() {
                    wanted.add(service, Some(&named));
                }
            }
        }
        Self {
            items: wanted.items,
            start,
        }
    }
}

/// Items so far, each address once.
#[derive(Default)]
struct PlanBuilder {
    items: Vec<Item>,
    places: HashMap<Address, usize>,
}

impl PlanBuilder {
    fn add(&mut self, service: &Service, environment: Option<&str>) {
        // A service that names nothing for this environment is said so where it is launched.
        let Ok((chosen, _)) = service.choose(environment) else {
            return;
        };
        for chosen in chosen {
            let address = address(&chosen.reference, &service.targets);
            let item = Item {
                is_remote: service.targets.kinds().policy(address.kind).is_remote,
                address,
                reference: chosen.reference.to_string(),
                freshness: service.freshness.with(chosen.ages),
            };
            match self.places.get(&item.address) {
                Some(&place) => {
                    let known = &mut self.items[place];
                    known.freshness = sooner(known.freshness, item.freshness);
                }
                None if self.items.len() < MOST => {
                    self.places.insert(item.address.clone(), self.items.len());
                    self.items.push(item);
                }
                None => {}
            }
        }
    }
}

/// Of two ways to keep one secret fresh, the one that renews it first.
fn sooner(left: Freshness, right: Freshness) -> Freshness {
    let at = |freshness: &Freshness| freshness.renewed_at(None, 0.5).unwrap_or(Duration::MAX);
    if at(&right) < at(&left) { right } else { left }
}
