//! How often can the daemon be killed under load before anything is wrong, and how long stopped?
//!
//! `cargo run --release -p vault-tests --bin crashes -- 10000 [SEED]`
//! `cargo run --release -p vault-tests --bin crashes -- --stopped SECONDS`
#![forbid(unsafe_code)]

use std::fmt::Display;
use std::io::{Write, stdout};
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use vault_tests::crashes::{stop, storm};

/// A daemon that was killed is ready again after so long.
const READY: Duration = Duration::from_secs(1);
const USAGE: &str = "usage: crashes [KILLS [SEED]] | crashes --stopped SECONDS";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *arguments.as_slice() {
        ["--stopped", seconds] => {
            let report = stop(Duration::from_secs(number("SECONDS", seconds)?));
            tell(&report, &report.wrong)?;
            ensure!(report.hung == 0, "a launch took too long");
            Ok(())
        }
        [] => kill("30", "1"),
        [kills] if !kills.starts_with('-') => kill(kills, "1"),
        [kills, seed] if !kills.starts_with('-') => kill(kills, seed),
        _ => bail!("{USAGE}"),
    }
}

fn kill(kills: &str, seed: &str) -> Result<()> {
    let report = storm(number("KILLS", kills)?, number("SEED", seed)?);
    tell(&report, &report.wrong)?;
    let late = report.ready.iter().filter(|ready| **ready > READY).count();
    ensure!(late == 0, "{late} times it took longer than {READY:?}");
    Ok(())
}

fn number<N: FromStr>(name: &str, word: &str) -> Result<N> {
    let number = word.parse().ok();
    number.with_context(|| format!("{name} is a number; {USAGE}"))
}

fn tell(report: &impl Display, wrong: &[String]) -> Result<()> {
    writeln!(stdout(), "{report}")?;
    for wrong in wrong {
        writeln!(stdout(), "WRONG: {wrong}")?;
    }
    ensure!(wrong.is_empty(), "something was wrong");
    Ok(())
}
