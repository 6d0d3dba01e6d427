//! The daemon's state as text for a person.

use std::fmt::Write;

use vault_client::{
    Cell, Row, Style, Tone, age_in_words, field, seconds_in_words, state_in_words, table,
};
use vault_proto::generated::{
    BackendStatus, BreakerState, Counters, SecretStatus, State, StatusReply, UnlaunchableService,
};

use super::services::cannot_start_in_words;
use super::{held, last};

/// How wide the names before values are.
const NAMES: usize = 15;

/// Whether the paths of files are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paths {
    Shown,
    LeftOut,
}

/// The whole state: what needs somebody comes first.
pub(crate) fn text(status: &StatusReply, paths: Paths, style: Style) -> String {
    let (tone, verdict) = if status.healthy {
        (Tone::Good, "healthy")
    } else {
        (Tone::Bad, "needs attention")
    };
    let about = format!(
        "vaultd {}, pid {}, up {}:",
        status.server_version,
        status.pid,
        seconds_in_words(status.uptime_seconds)
    );
    let fits = |width| about.chars().count() + 1 + verdict.len() <= width;
    let mut text = if style.width().is_none_or(fits) {
        format!("{about} {}\n", style.paint(tone, verdict))
    } else {
        let verdict = field("", 0, &Cell::toned(tone, verdict), style);
        field("", 0, &Cell::plain(&about), style) + &verdict
    };
    let mut line = |name: &str, tone: Tone, value: &str| {
        if !value.is_empty() {
            text += &field(name, NAMES, &Cell::toned(tone, value), style);
        }
    };
    line("configuration", Tone::Bad, &status.configuration_error);
    line("audit", Tone::Bad, &status.audit_error);
    let services = services(status);
    let tone = if status.cannot_start.is_empty() {
        Tone::Plain
    } else {
        Tone::Bad
    };
    line("services", tone, &services);
    if let Some(last) = status.failed_launches.first() {
        line("last failure", Tone::Worse, &last::in_words(last));
    }
    for warning in &status.warnings {
        line("warning", Tone::Worse, warning);
    }
    if paths == Paths::Shown {
        let path = match status.configuration_path.as_str() {
            "" => "no resolver.yaml",
            path => path,
        };
        let configuration = format!("{path} (load {})", status.configuration_generation);
        line("configuration", Tone::Plain, &configuration);
        for directory in &status.service_directories {
            line("  files in", Tone::Plain, directory);
        }
        line("store", Tone::Plain, &status.store_path);
        line("audit", Tone::Plain, &status.audit_path);
        line("socket", Tone::Plain, &status.socket_path);
    }
    line("memory", Tone::Plain, &status.memory_protection);
    if let Some(counters) = &status.counters {
        line("answers", Tone::Plain, &answers(counters));
    }
    if !status.backends.is_empty() {
        text.push('\n');
        text.push_str(&backends(&status.backends, style));
    }
    if !status.secrets.is_empty() {
        text.push('\n');
        text.push_str(&secrets(&status.secrets, style));
    }
    text
}

/// How many there are, and which cannot start.
fn services(status: &StatusReply) -> String {
    let all = status.services;
    let problems: Vec<String> = status.cannot_start.iter().map(in_its_environment).collect();
    let unable = status.cannot_start.iter().zip(&problems);
    let unable: Vec<_> = unable
        .map(|(one, problem)| (one.service.as_str(), problem.as_str()))
        .collect();
    let all_in_words = || match all {
        0 => "none configured".to_owned(),
        1 => "1, which can start".to_owned(),
        all => format!("{all}, all can start"),
    };
    cannot_start_in_words(&unable, all as usize).unwrap_or_else(all_in_words)
}

fn in_its_environment(one: &UnlaunchableService) -> String {
    match one.environment.as_str() {
        "" => one.problem.clone(),
        environment => format!("in {environment}: {}", one.problem),
    }
}

/// "98 % of 51 without a backend, 2 stale; 1 fetched, 80 ms each"; nothing before the first.
fn answers(counters: &Counters) -> String {
    let all = counters.cache_hits + counters.cache_misses;
    let Some(percent) = (counters.cache_hits * 100).checked_div(all) else {
        return String::new();
    };
    let stale = counters.stale_cache_used;
    let mut text = format!("{percent} % of {all} without a backend, {stale} stale");
    let fetched = counters.secrets_fetched;
    if let Some(each) = counters.total_fetch_time_ms.checked_div(fetched) {
        // Writing to a String cannot fail.
        let _ = write!(text, "; {fetched} fetched, {each} ms each");
    }
    text
}

/// Scopes and errors are long: they stand below.
fn backends(backends: &[BackendStatus], style: Style) -> String {
    let row = |backend: &BackendStatus| {
        let notes = [
            (Tone::Plain, &backend.scope),
            (Tone::Bad, &backend.last_error),
        ];
        let notes = notes.into_iter().filter(|(_, note)| !note.is_empty());
        Row {
            cells: [
                Cell::plain(&backend.name),
                breaker(backend),
                Cell::plain(backend.consecutive_failures.to_string()),
            ],
            notes: notes.map(|(tone, note)| Cell::toned(tone, note)).collect(),
        }
    };
    let rows: Vec<_> = backends.iter().map(row).collect();
    table(["BACKEND", "BREAKER", "FAILURES"], &rows, style)
}

fn breaker(backend: &BackendStatus) -> Cell {
    let tone = match backend.breaker() {
        BreakerState::Closed => Tone::Good,
        BreakerState::HalfOpen | BreakerState::Unspecified => Tone::Worse,
        BreakerState::Open => Tone::Bad,
    };
    Cell::toned(tone, breaker_with_time(backend))
}

/// "open, asks again in 1 minute".
pub(crate) fn breaker_with_time(backend: &BackendStatus) -> String {
    let word = breaker_in_words(backend.breaker());
    match backend.next_probe_ms {
        0 => word.to_owned(),
        wait => format!("{word}, asks again in {}", age_in_words(wait)),
    }
}

/// Reasons are long, and the same for many: each stands below the last of its row.
fn secrets(secrets: &[SecretStatus], style: Style) -> String {
    let reason = |secret: &SecretStatus| {
        let held = secret.provenance.clone().unwrap_or_default();
        held.stale_reason
    };
    let next = secrets.iter().skip(1).map(reason).map(Some);
    let next = next.chain([None]);
    let row = |(secret, next): (&SecretStatus, Option<String>)| {
        let held = secret.provenance.clone().unwrap_or_default();
        let of_value = |words: String| {
            let words = if held::is_value(&held) {
                words
            } else {
                "-".to_owned()
            };
            Cell::plain(words)
        };
        let tone = tone(held.state());
        let word = state_in_words(held.state);
        let note = Cell::toned(tone, format!("{word}: {}", held.stale_reason));
        let is_last = next.as_ref() != Some(&held.stale_reason);
        let notes = (!held.stale_reason.is_empty() && is_last).then_some(note);
        Row {
            cells: [
                Cell::plain(&secret.reference),
                of_value(held.version.clone()),
                of_value(age_in_words(held.age_ms)),
                of_value(age_in_words(secret.usable_for_ms)),
                Cell::toned(tone, word),
            ],
            notes: notes.into_iter().collect(),
        }
    };
    let rows: Vec<_> = secrets.iter().zip(next).map(row).collect();
    let headings = ["REFERENCE", "VERSION", "AGE", "USABLE FOR", "STATE"];
    table(headings, &rows, style)
}

/// How bad a state is.
pub(crate) const fn tone(state: State) -> Tone {
    match state {
        State::Fresh => Tone::Good,
        State::Stale => Tone::Worse,
        State::Expired | State::Negative => Tone::Bad,
        State::Absent | State::Unspecified => Tone::Plain,
    }
}

pub(crate) const fn breaker_in_words(breaker: BreakerState) -> &'static str {
    match breaker {
        BreakerState::Closed => "closed",
        BreakerState::Open => "open",
        BreakerState::HalfOpen => "half-open",
        BreakerState::Unspecified => "unknown",
    }
}
