//! Is there still a place for this process? Bounded for all together and for each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Who sits where.
#[derive(Clone, Debug)]
pub(crate) struct Seats {
    all: usize,
    of_one: usize,
    taken: Arc<Mutex<HashMap<i32, usize>>>,
}

/// One place, given back on drop.
#[derive(Debug)]
pub(crate) struct Seat {
    seats: Seats,
    pid: i32,
}

impl Seats {
    /// `all` places, of which one process gets at most `of_one`.
    pub(crate) fn new(all: usize, of_one: usize) -> Self {
        Self {
            all,
            of_one,
            taken: Arc::default(),
        }
    }

    /// A place for the process, if there is one.
    pub(crate) fn take(&self, pid: i32) -> Option<Seat> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = taken.values().sum();
        let of_one = taken.get(&pid).copied().unwrap_or_default();
        if all >= self.all || of_one >= self.of_one {
            return None;
        }
        taken.insert(pid, of_one + 1);
        Some(Seat {
            seats: self.clone(),
            pid,
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let taken = self.seats.taken.lock();
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
    fn one_process_cannot_take_all_seats() {
        let seats = Seats::new(16, 4);
        let taken: Vec<Seat> = (0..4).filter_map(|_| seats.take(1)).collect();
        assert!(seats.take(1).is_none());
        assert!(seats.take(2).is_some(), "another process is served");
        drop(taken);
        assert!(seats.take(1).is_some(), "seats come back");
        assert_eq!(
            seats.taken.lock().unwrap().len(),
            0,
            "and leave nothing behind"
        );
    }

    #[test]
    fn seats_are_bounded() {
        let seats = Seats::new(16, 4);
        let taken: Vec<Option<Seat>> = (0..16).map(|pid| seats.take(pid)).collect();
        assert!(taken.iter().all(Option::is_some));
        assert!(seats.take(16).is_none());
    }
}
