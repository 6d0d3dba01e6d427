//! How many of a thing there may be at once: bounded for all processes together and for each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The bound, and who has how many.
#[derive(Clone, Debug)]
pub(crate) struct ConcurrencyLimit {
    all: usize,
    taken: Arc<Mutex<HashMap<i32, usize>>>,
}

/// One of them, given back on drop.
#[derive(Debug)]
pub(crate) struct ConcurrencyPermit {
    limit: ConcurrencyLimit,
    pid: i32,
}

impl ConcurrencyLimit {
    /// At most `all`.
    pub(crate) fn new(all: usize) -> Self {
        Self {
            all,
            taken: Arc::default(),
        }
    }

    /// One more for a process that may have `of_one`, if there is room for it.
    pub(crate) fn acquire(&self, pid: i32, of_one: usize) -> Option<ConcurrencyPermit> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = taken.values().sum();
        let own = taken.get(&pid).copied().unwrap_or_default();
        if all >= self.all || own >= of_one {
            return None;
        }
        taken.insert(pid, own + 1);
        Some(ConcurrencyPermit {
            limit: self.clone(),
            pid,
        })
    }
}

impl Drop for ConcurrencyPermit {
    fn drop(&mut self) {
        let taken = self.limit.taken.lock();
        let mut taken = taken.unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.pid) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.pid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_cannot_take_all() {
        let limit = ConcurrencyLimit::new(16);
        let taken: Vec<_> = (0..4).filter_map(|_| limit.acquire(1, 4)).collect();
        assert!(limit.acquire(1, 4).is_none());
        assert!(limit.acquire(2, 4).is_some(), "another process is served");
        drop(taken);
        assert!(limit.acquire(1, 4).is_some(), "permits come back");
        let left = limit.taken.lock().unwrap().len();
        assert_eq!(left, 0, "and leave nothing behind");
    }

    #[test]
    fn all_together_are_bounded() {
        let limit = ConcurrencyLimit::new(16);
        let taken: Vec<_> = (0..16).map(|pid| limit.acquire(pid, 4)).collect();
        assert!(taken.iter().all(Option::is_some));
        assert!(limit.acquire(16, 4).is_none());
    }
}
