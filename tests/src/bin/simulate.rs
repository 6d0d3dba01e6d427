//! Years of bad days for the daemon: `simulate --seeds 100000`.
//!
//! Prints what was counted, or the first promise that was broken and how to see it again.
#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::time::Instant;

use vault_tests::simulator::{Failure, Figures, run};

const USAGE: &str = "usage: simulate [--seeds N] [--first SEED]";

fn main() -> ExitCode {
    let (seeds, first) = match arguments(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(why) => {
            tell(&format!("{why}\n{USAGE}"));
            return ExitCode::from(2);
        }
    };
    let began = Instant::now();
    let mut all = Figures::default();
    for seed in first..first.saturating_add(seeds) {
        match run(seed) {
            Ok(figures) => all.add(&figures),
            Err(failure) => {
                report(&failure);
                return ExitCode::FAILURE;
            }
        }
    }
    summary(seeds, first, &all, began.elapsed().as_secs_f64());
    ExitCode::SUCCESS
}

fn arguments(mut words: impl Iterator<Item = String>) -> Result<(u64, u64), String> {
    let (mut seeds, mut first) = (200, 0);
    while let Some(word) = words.next() {
        let number = words.next().and_then(|number| number.parse().ok());
        let number = number.ok_or_else(|| format!("{word} wants a number"))?;
        match word.as_str() {
            "--seeds" => seeds = number,
            "--first" => first = number,
            _ => return Err(format!("{word} is not known")),
        }
    }
    Ok((seeds, first))
}

fn report(failure: &Failure) {
    let seed = failure.seed;
    tell(&format!("seed {seed}: {}", failure.story));
    tell(&format!(
        "\nonce more: cargo run -p vault-tests --bin simulate -- --first {seed} --seeds 1"
    ));
}

fn summary(seeds: u64, first: u64, all: &Figures, took: f64) {
    let days = all.time.as_secs() / 86_400;
    tell(&format!(
        "{seeds} seeds from {first}: no promise was broken\n\
         {days} days on the boot clock in {took:.1} s, mark {:016x}\n\
         asked {}, served {} (at once {}, stale {}), callers that left {}\n\
         flushes {}, new versions {}, reloads {}, sleeps {}\n\
         calls {}, of which:",
        all.mark,
        all.asked,
        all.served,
        all.hits,
        all.stale,
        all.left,
        all.flushes,
        all.rotations,
        all.reloads,
        all.sleeps,
        all.calls,
    ));
    for (fault, count) in &all.faults {
        tell(&format!("  {count:>10} {fault:?}"));
    }
}

#[expect(clippy::print_stdout, reason = "telling is this program's purpose")]
fn tell(text: &str) {
    println!("{text}");
}
