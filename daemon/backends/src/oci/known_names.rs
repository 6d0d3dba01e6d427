//! The names that were looked up: which OCID each meant the last time.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Ids by compartment and name. Not for ever: a name may come to mean another secret while the old one
/// can still be read.
#[derive(Debug, Default)]
pub(crate) struct KnownNames {
    lookups: Mutex<Lookups>,
}

#[derive(Debug, Default)]
struct Lookups {
    ids: HashMap<(String, String), Lookup>,
    generation: Generation,
}

#[derive(Debug)]
struct Lookup {
    id: String,
    since: u64,
}

/// Between which two times that all was forgotten something began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Generation(u64);

impl KnownNames {
    /// The id, if it was looked up not long before `now`, in seconds since 1970. A clock that was put
    /// back makes all of them old.
    pub(crate) fn id(&self, compartment: &str, name: &str, now: u64) -> Option<String> {
        let lookups = self.lookups();
        let known = lookups
            .ids
            .get(&(compartment.to_owned(), name.to_owned()))?;
        let age = now.checked_sub(known.since)?;
        (age < KEPT_SECONDS).then(|| known.id.clone())
    }

    /// To be asked before a lookup begins.
    pub(crate) fn generation(&self) -> Generation {
        self.lookups().generation
    }

    /// Remembers what a lookup found that began in this generation, at `now`. What began before all was
    /// forgotten may have seen what was before a change, and is not remembered.
    pub(crate) fn remember(
        &self,
        began: Generation,
        (compartment, name): (&str, &str),
        id: &str,
        now: u64,
    ) {
        let mut lookups = self.lookups();
        if began != lookups.generation {
            return;
        }
        if lookups.ids.len() >= MOST {
            lookups.ids.clear();
        }
        let (id, since) = (id.to_owned(), now);
        let name = (compartment.to_owned(), name.to_owned());
        lookups.ids.insert(name, Lookup { id, since });
    }

    pub(crate) fn forget(&self, compartment: &str, name: &str) {
        let name = (compartment.to_owned(), name.to_owned());
        self.lookups().ids.remove(&name);
    }

    /// Forgets all of them. A change is rare, and may be of any name: the secret may be named by its id.
    pub(crate) fn forget_all(&self) {
        let mut lookups = self.lookups();
        lookups.ids.clear();
        lookups.generation.0 += 1;
    }

    fn lookups(&self) -> MutexGuard<'_, Lookups> {
        self.lookups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const KEPT_SECONDS: u64 = 600;
/// More than anybody configures; each costs two hundred bytes.
const MOST: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_known_for_ten_minutes_in_its_compartment() {
        let known = KnownNames::default();
        known.remember(known.generation(), ("c", "n"), "id", 1_000);
        let id = Some("id".to_owned());
        assert_eq!(known.id("c", "n", 1_000), id);
        assert_eq!(known.id("c", "n", 1_599), id);
        for (compartment, name, now) in [
            ("c", "n", 1_600),
            ("c", "n", 999),
            ("d", "n", 1_000),
            ("c", "m", 1_000),
        ] {
            assert_eq!(
                known.id(compartment, name, now),
                None,
                "{compartment} {name} {now}"
            );
        }
        known.forget("c", "n");
        assert_eq!(known.id("c", "n", 1_000), None);
    }

    #[test]
    fn what_began_before_all_was_forgotten_is_not_remembered() {
        let known = KnownNames::default();
        let began = known.generation();
        known.forget_all();
        known.remember(began, ("c", "n"), "old", 1_000);
        assert_eq!(known.id("c", "n", 1_000), None);
        known.remember(known.generation(), ("c", "n"), "new", 1_000);
        assert_eq!(known.id("c", "n", 1_000), Some("new".to_owned()));
    }

    #[test]
    fn no_number_of_names_fills_the_memory() {
        let known = KnownNames::default();
        for number in 0..=MOST {
            known.remember(known.generation(), ("c", &number.to_string()), "id", 0);
        }
        assert!(known.lookups().ids.len() <= MOST);
        assert!(known.id("c", &MOST.to_string(), 0).is_some());
    }
}
