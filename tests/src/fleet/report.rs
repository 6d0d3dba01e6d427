//! What was it like for the vault?

use std::fmt::{self, Display};
use std::ops::Range;

use super::settings::{MINUTE, Settings, Times};

/// What was noted while it ran, by seconds from the beginning.
pub(super) struct Books {
    /// Calls that came.
    pub(super) came: Vec<u32>,
    /// Of them, those the vault had no time for.
    pub(super) refused: Vec<u32>,
    /// Values that had become stale and were renewed after the outage, by seconds from its end.
    pub(super) stale: Vec<u64>,
    /// The same of those that had not, but were asked for in vain.
    pub(super) fresh: Vec<u64>,
    /// Values that were renewed later than they were fresh, outside of the outage.
    pub(super) late: u64,
}

/// A part of the time.
#[derive(Clone, Debug)]
pub struct Phase {
    /// Which.
    pub name: &'static str,
    /// From when to when, in seconds from the beginning.
    pub seconds: Range<u64>,
    /// Calls in one second, in the mean.
    pub mean: f64,
    /// Calls in the worst second.
    pub peak: u32,
    /// Calls in one second, in the mean of the worst minute.
    pub minute: f64,
    /// Calls the vault had no time for.
    pub refused: u64,
}

/// Everything that was counted.
#[derive(Clone, Debug)]
pub struct Report {
    /// Which fleet it was.
    pub settings: Settings,
    /// The calls in one second of a quiet day, as the settings have it.
    pub steady: f64,
    /// Calls by seconds.
    pub calls: Vec<u32>,
    /// The parts of the time.
    pub phases: Vec<Phase>,
    /// How many values had become stale in the outage.
    pub stale: usize,
    /// By when they were renewed, in seconds from its end: half of them, and all.
    pub stale_renewed: (u64, u64),
    /// The same of those that were overdue and still fresh.
    pub overdue_renewed: (u64, u64),
    /// Values that became stale without an outage.
    pub late: u64,
}

impl Report {
    pub(super) fn of(settings: &Settings, times: Times, steady: f64, mut books: Books) -> Self {
        let halves = |seconds: &mut Vec<u64>| {
            seconds.sort_unstable();
            let half = seconds.get(seconds.len() / 2).copied();
            (half.unwrap_or(0), seconds.last().copied().unwrap_or(0))
        };
        let (stale_renewed, overdue_renewed) = (halves(&mut books.stale), halves(&mut books.fresh));
        let (calls, refused) = (&books.came, &books.refused);
        let ttl = settings.ttl_minutes * MINUTE;
        let first = times.restart + ttl / 2;
        let parts = [
            ("steady", 0..times.outage),
            ("outage", times.outage..times.back),
            ("back", times.back..times.restart),
            ("restart", times.restart..first),
            ("after it", first..times.restart + 3 * ttl / 2),
            ("and later", times.restart + 3 * ttl / 2..times.end),
        ];
        let phase = |(name, seconds)| Phase::of(name, seconds, calls, refused);
        Self {
            settings: *settings,
            steady,
            phases: parts.into_iter().map(phase).collect(),
            calls: calls[..place(times.end)].to_vec(),
            stale: books.stale.len(),
            stale_renewed,
            overdue_renewed,
            late: books.late,
        }
    }

    /// A part of the time by its name.
    ///
    /// # Panics
    /// Where there is none of that name.
    pub fn phase(&self, name: &str) -> &Phase {
        let mut phases = self.phases.iter();
        phases
            .find(|phase| phase.name == name)
            .expect("the phases are these")
    }

    /// What was promised, and is not so.
    pub fn broken(&self) -> Vec<String> {
        let mut broken = Vec::new();
        for (name, times) in [
            ("steady", 1.3),
            ("back", 3.0),
            ("restart", 3.0),
            ("after it", 1.5),
            ("and later", 1.3),
        ] {
            let phase = self.phase(name);
            let most = self.steady * times;
            if phase.minute > most {
                broken.push(format!("{name}: a minute of more than {most:.0} calls/s"));
            }
            // Chance adds to a second: five standard deviations.
            let most = most + 5.0 * most.sqrt();
            if f64::from(phase.peak) > most {
                broken.push(format!("{name}: a second of more than {most:.0} calls"));
            }
        }
        if self.late > 0 {
            broken.push("values turned stale without an outage".to_owned());
        }
        if self.stale_renewed.1 > 90 {
            broken.push("values were stale 90 s after the outage".to_owned());
        }
        if self.stale > 0 && self.stale_renewed.0 >= self.overdue_renewed.0 {
            broken.push("stale ones were not renewed first".to_owned());
        }
        broken
    }
}

fn place(second: u64) -> usize {
    usize::try_from(second).unwrap_or(usize::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "means")]
fn mean(calls: &[u32]) -> f64 {
    let sum: u64 = calls.iter().copied().map(u64::from).sum();
    sum as f64 / calls.len().max(1) as f64
}

impl Phase {
    fn of(name: &'static str, seconds: Range<u64>, calls: &[u32], refused: &[u32]) -> Self {
        let range = place(seconds.start)..place(seconds.end);
        let (calls, refused) = (&calls[range.clone()], &refused[range]);
        let minutes = calls.chunks(60).map(mean);
        Self {
            name,
            seconds,
            mean: mean(calls),
            peak: calls.iter().copied().max().unwrap_or(0),
            minute: minutes.fold(0.0, f64::max),
            refused: refused.iter().copied().map(u64::from).sum(),
        }
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings {
            daemons,
            secrets,
            ttl_minutes,
            limit,
            ..
        } = self.settings;
        writeln!(
            f,
            "{daemons} daemons with {secrets} secrets of {ttl_minutes} min; a quiet second has \
             {:.0} calls, the vault takes {limit} times as many\n",
            self.steady
        )?;
        writeln!(
            f,
            "{:<10} {:>11} {:>9} {:>9} {:>9} {:>11} {:>11} {:>9}",
            "", "minutes", "mean/s", "peak/s", "peak/mean", "peak/steady", "min/steady", "refused"
        )?;
        for phase in &self.phases {
            let minutes = format!("{}-{}", phase.seconds.start / 60, phase.seconds.end / 60);
            let peak = f64::from(phase.peak);
            writeln!(
                f,
                "{:<10} {minutes:>11} {:>9.1} {:>9} {:>9.2} {:>11.2} {:>11.2} {:>9}",
                phase.name,
                phase.mean,
                phase.peak,
                peak / phase.mean.max(f64::MIN_POSITIVE),
                peak / self.steady,
                phase.minute / self.steady,
                phase.refused
            )?;
        }
        let ((half, all), (later, last)) = (self.stale_renewed, self.overdue_renewed);
        writeln!(
            f,
            "\nafter the outage: {} stale values, half renewed after {half} s, all after {all} s;\n\
             what was overdue and still fresh: half after {later} s, all after {last} s\n\
             stale without an outage: {}",
            self.stale, self.late
        )
    }
}
