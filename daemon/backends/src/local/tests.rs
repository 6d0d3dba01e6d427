//! How many use the store at once, and who waits for whom.

use std::pin::{Pin, pin};
use std::sync::{Mutex, mpsc};
use std::task::{Context, Poll, Waker};

use vault_memory::Preference;

use super::*;

/// An open store, and a runtime that nothing is driven by but what a test polls.
fn room() -> (tempfile::TempDir, LocalStore, tokio::runtime::Runtime) {
    let place = tempfile::tempdir().unwrap();
    let settings = LocalSettings::new(place.path().join("vaultd"));
    let store = LocalStore::open(&settings, Shield::new(Preference::Auto).unwrap()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    (place, store, runtime)
}

/// Work that lasts until the sender is dropped.
fn held_up() -> (
    mpsc::Sender<()>,
    impl Fn(&Store) -> Result<(), LocalError> + Clone,
) {
    let (release, held) = mpsc::channel();
    let held = Arc::new(Mutex::new(held));
    let work = move |_: &Store| {
        let _ = held.lock().unwrap().recv();
        Ok(())
    };
    (release, work)
}

fn is_waiting<T>(work: Pin<&mut impl Future<Output = T>>) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    matches!(work.poll(&mut context), Poll::Pending)
}

#[test]
fn a_third_use_is_not_begun_while_two_are_under_way() {
    let (_place, store, runtime) = room();
    let _inside = runtime.enter();
    let (release, work) = held_up();
    let mut uses = [0; USES_AT_ONCE].map(|_| Box::pin(store.blocking(work.clone())));
    for one in &mut uses {
        assert!(is_waiting(one.as_mut()));
    }
    let of_third = Arc::new(());
    {
        let inside = Arc::clone(&of_third);
        let mut third = pin!(store.blocking(move |_| {
            drop(inside);
            Ok(())
        }));
        assert!(is_waiting(third.as_mut()));
        assert_eq!(store.uses.available_permits(), 0);
    }
    // Work that was handed to another thread would still hold its half.
    assert_eq!(Arc::strong_count(&of_third), 1, "it ended with its caller");
    drop(release);
    for one in uses {
        runtime.block_on(one).unwrap();
    }
    assert!(runtime.block_on(store.blocking(|_| Ok(()))).is_ok());
}

#[test]
fn what_was_begun_keeps_its_permit_when_its_caller_goes_away() {
    let (_place, store, runtime) = room();
    let _inside = runtime.enter();
    let (release, work) = held_up();
    let (begin, begun) = mpsc::channel();
    assert!(is_waiting(pin!(store.blocking(move |store| {
        begin.send(()).unwrap();
        work(store)
    }))));
    begun.recv().unwrap();
    assert_eq!(store.uses.available_permits(), USES_AT_ONCE - 1);
    drop(release);
    let all = u32::try_from(USES_AT_ONCE).unwrap();
    assert!(runtime.block_on(store.uses.acquire_many(all)).is_ok());
}

#[test]
fn changes_that_wait_leave_room_for_readers() {
    let (_place, store, runtime) = room();
    let _inside = runtime.enter();
    let (release, work) = held_up();
    let mut changes = [0; 4].map(|_| Box::pin(store.change(work.clone())));
    for one in &mut changes {
        assert!(is_waiting(one.as_mut()));
    }
    assert_eq!(store.uses.available_permits(), USES_AT_ONCE - 1);
    drop(release);
    for one in changes {
        runtime.block_on(one).unwrap();
    }
}
