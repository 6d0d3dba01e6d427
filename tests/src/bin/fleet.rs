//! A hundred thousand daemons before one vault: `fleet --daemons 100000 --svg fleet.svg`.
//!
//! Prints a table, and draws the calls of each second if a path is given.
#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use vault_tests::fleet::{Settings, run, svg};

const USAGE: &str = "usage: fleet [--daemons N] [--secrets N] [--ttl-minutes N] [--limit TIMES] \
                     [--seed SEED] [--svg PATH]";

fn main() -> ExitCode {
    let (settings, path) = match arguments(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(why) => {
            tell(&format!("{why}\n{USAGE}"));
            return ExitCode::from(2);
        }
    };
    let report = run(&settings);
    tell(&report.to_string());
    let mut wrong = report.broken();
    if let Some(path) = path
        && let Err(error) = std::fs::write(&path, svg(&report))
    {
        wrong.push(format!("{} is not written: {error}", path.display()));
    }
    for wrong in &wrong {
        tell(&format!("WRONG: {wrong}"));
    }
    ExitCode::from(u8::from(!wrong.is_empty()))
}

fn arguments(
    mut words: impl Iterator<Item = String>,
) -> Result<(Settings, Option<PathBuf>), String> {
    let (mut settings, mut path) = (Settings::default(), None);
    while let Some(word) = words.next() {
        let value = words
            .next()
            .ok_or_else(|| format!("{word} wants a value"))?;
        match word.as_str() {
            "--daemons" => settings.daemons = number(&word, &value)?,
            "--secrets" => settings.secrets = number(&word, &value)?,
            "--ttl-minutes" => settings.ttl_minutes = number(&word, &value)?,
            "--limit" => settings.limit = number(&word, &value)?,
            "--seed" => settings.seed = number(&word, &value)?,
            "--svg" => path = Some(PathBuf::from(value)),
            _ => return Err(format!("{word} is not known")),
        }
    }
    Ok((settings, path))
}

fn number<T: FromStr>(word: &str, value: &str) -> Result<T, String> {
    let parsed = value.parse();
    parsed.map_err(|_| format!("{word} wants a number, not {value}"))
}

#[expect(clippy::print_stdout, reason = "telling is this program's purpose")]
fn tell(text: &str) {
    println!("{text}");
}
