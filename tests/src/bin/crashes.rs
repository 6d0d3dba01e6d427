//! How often can the daemon be killed under load before anything is wrong?
//!
//! `cargo run --release -p vault-tests --bin crashes -- 10000 [SEED]`
#![forbid(unsafe_code)]

use std::io::{Write, stdout};

use anyhow::{Context, Result, ensure};
use vault_tests::crashes::storm;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |name: &str, default: u64| match arguments.next() {
        Some(word) => word.parse().with_context(|| format!("{name} is a number")),
        None => Ok(default),
    };
    let (kills, seed) = (number("KILLS", 30)?, number("SEED", 1)?);
    let report = storm(kills, seed);
    writeln!(stdout(), "{report}")?;
    for wrong in &report.wrong {
        writeln!(stdout(), "WRONG: {wrong}")?;
    }
    ensure!(report.wrong.is_empty(), "something was wrong");
    Ok(())
}
