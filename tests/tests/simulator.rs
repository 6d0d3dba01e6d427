//! Does the daemon hold its promises on 500 bad days, and in the outage that everybody fears?

use std::thread;
use std::time::Duration;

use vault_tests::simulator::{Fault, Figures, outage, run};

/// As many as the machine of whoever changes something has, or more.
const THREADS: u64 = 4;
const SEEDS: u64 = 500;

#[test]
fn no_promise_is_broken_by_five_hundred_seeds() {
    let part = |part: u64| {
        let mut all = Figures::default();
        for seed in (0..SEEDS).filter(|seed| seed % THREADS == part) {
            match run(seed) {
                Ok(figures) => all.add(&figures),
                Err(failure) => panic!(
                    "seed {seed}: {}\nonce more: cargo run -p vault-tests --bin simulate -- \
                     --first {seed} --seeds 1",
                    failure.story
                ),
            }
        }
        all
    };
    let mut all = Figures::default();
    thread::scope(|scope| {
        let parts = (0..THREADS).map(|number| scope.spawn(move || part(number)));
        let parts: Vec<_> = parts.collect();
        for part in parts {
            match part.join() {
                Ok(figures) => all.add(&figures),
                Err(why) => std::panic::resume_unwind(why),
            }
        }
    });
    // Or the seeds say nothing.
    assert_eq!(all.faults.len(), 18, "every fault occurs: {:?}", all.faults);
    let happened = [all.hits, all.stale, all.left, all.flushes, all.rotations];
    assert!(happened.iter().all(|count| *count > 300), "{all:?}");
    assert!(all.reloads > 100 && all.sleeps > 50, "{all:?}");
}

#[test]
fn a_seed_is_the_same_run_each_time() {
    let [first, second] =
        [run(3), run(3)].map(|run| run.unwrap_or_else(|failure| panic!("{}", failure.story)));
    assert_eq!(first, second);
}

#[test]
fn an_outage_of_half_an_hour_costs_forty_calls_and_nobody_goes_without() {
    let faults = [
        Fault::Refused,
        Fault::Timeout,
        Fault::Reset,
        Fault::ServerError,
        Fault::TooMany,
        Fault::Garbage,
    ];
    for fault in faults {
        for seed in 0..2 {
            let cost = outage(seed, fault).unwrap_or_else(|why| panic!("{fault:?}: {why}"));
            assert!(cost.failed <= 40, "{fault:?}, seed {seed}: {cost:?}");
            assert!(
                cost.asked > 100 && cost.served == cost.asked,
                "{fault:?}: {cost:?}"
            );
            assert!(
                cost.fresh_after <= Duration::from_secs(90),
                "{fault:?}, seed {seed}: {cost:?}"
            );
        }
    }
}
