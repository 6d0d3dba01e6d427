//! Which secret was meant by a name in a compartment, the last time?

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Ids by compartment and name. Not for ever: a name may come to mean another secret while the old one
/// can still be read.
#[derive(Debug, Default)]
pub(crate) struct KnownNames {
    ids: Mutex<HashMap<(String, String), Known>>,
}

#[derive(Debug)]
struct Known {
    id: String,
    since: u64,
}

impl KnownNames {
    /// The id, if it was looked up not long before `now`, in seconds since 1970. A clock that was put
    /// back makes all of them old.
    pub(crate) fn id(&self, compartment: &str, name: &str, now: u64) -> Option<String> {
        let ids = self.ids();
        let known = ids.get(&(compartment.to_owned(), name.to_owned()))?;
        let age = now.checked_sub(known.since)?;
        (age < KEPT_SECONDS).then(|| known.id.clone())
    }

    pub(crate) fn remember(&self, compartment: &str, name: &str, id: &str, now: u64) {
        let mut ids = self.ids();
        if ids.len() >= MOST {
            ids.clear();
        }
        let (id, since) = (id.to_owned(), now);
        let name = (compartment.to_owned(), name.to_owned());
        ids.insert(name, Known { id, since });
    }

    pub(crate) fn forget(&self, compartment: &str, name: &str) {
        self.ids()
            .remove(&(compartment.to_owned(), name.to_owned()));
    }

    /// Forgets all of them. A change is rare, and may be of any name: the secret may be named by its id.
    pub(crate) fn forget_all(&self) {
        self.ids().clear();
    }

    fn ids(&self) -> MutexGuard<'_, HashMap<(String, String), Known>> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
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
        known.remember("c", "n", "id", 1_000);
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
    fn no_number_of_names_fills_the_memory() {
        let known = KnownNames::default();
        for number in 0..=MOST {
            known.remember("c", &number.to_string(), "id", 0);
        }
        assert!(known.ids().len() <= MOST);
        assert!(known.id("c", &MOST.to_string(), 0).is_some());
    }
}
