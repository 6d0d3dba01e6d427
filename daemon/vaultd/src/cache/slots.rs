//! The slots, one for each address: moka bounds them and drops the least used; the index knows all that are
//! still alive.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use vault_backends::address::Address;

use super::held::{Known, Slot};

/// How many addresses are held at most.
pub(crate) const CAPACITY: u64 = 1024;

/// The slots.
pub(crate) struct Slots {
    pub(crate) handles: moka::sync::Cache<Address, Arc<Slot>>,
    /// Every slot that is still alive: what a flush must empty, whatever moka has forgotten.
    index: Mutex<HashMap<Address, Weak<Slot>>>,
}

impl Default for Slots {
    fn default() -> Self {
        let handles = moka::sync::Cache::builder()
            .max_capacity(CAPACITY)
            .eviction_policy(moka::policy::EvictionPolicy::lru())
            // moka frees what it evicts when it likes, and others may point at it.
            .eviction_listener(|_, slot: Arc<Slot>, _| *slot.known() = Known::Nothing)
            .build();
        Self {
            handles,
            index: Mutex::default(),
        }
    }
}

impl Slots {
    /// The slot of an address; a new one has this reference.
    pub(crate) fn slot(&self, address: &Address, reference: &str) -> Arc<Slot> {
        self.handles.get_with_by_ref(address, || {
            let slot = Arc::new(Slot::new(reference.to_owned()));
            let mut index = self.index();
            index.retain(|_, slot| slot.strong_count() > 0);
            index.insert(address.clone(), Arc::downgrade(&slot));
            slot
        })
    }

    /// Shows all slots that are alive, without a copy.
    pub(crate) fn visit(&self, mut visit: impl FnMut(&Address, &Slot)) {
        for (address, slot) in self.index().iter() {
            if let Some(slot) = slot.upgrade() {
                visit(address, &slot);
            }
        }
    }

    /// All slots that are alive.
    pub(crate) fn slots(&self) -> Vec<(Address, Arc<Slot>)> {
        let alive =
            |(address, slot): (&Address, &Weak<Slot>)| Some((address.clone(), slot.upgrade()?));
        self.index().iter().filter_map(alive).collect()
    }

    fn index(&self) -> MutexGuard<'_, HashMap<Address, Weak<Slot>>> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
