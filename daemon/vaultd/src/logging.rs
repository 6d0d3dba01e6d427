//! Logging: which lines, and where they go.
//!
//! Lines are written by a thread of their own. Where nobody reads them, a journal that has stalled or a
//! terminal that is stopped, they are lost and counted: they hold up no launch. The record of what was
//! handed out is a file, see [`crate::audit`].
//!
//! `VAULTD_LOG` (a `tracing` filter such as `debug`), else `--verbose`, else `logging:` of
//! resolver.yaml, which may change while the daemon runs.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, fmt, reload};

/// What `logging:` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoggingSettings {
    /// Which lines are written.
    pub level: Level,
    /// The same as the level debug.
    pub verbose: bool,
    /// A file in place of standard error.
    pub file: Option<PathBuf>,
}

/// Which lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// All but the finest.
    Debug,
    /// What happens.
    #[default]
    Info,
    /// What a person should look at.
    Warning,
    /// What went wrong.
    Error,
}

impl Level {
    /// The level of a word, as the predecessor's files have it.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "DEBUG" => Some(Self::Debug),
            "INFO" => Some(Self::Info),
            "WARNING" | "WARN" => Some(Self::Warning),
            "ERROR" => Some(Self::Error),
            _ => None,
        }
    }

    const fn filter(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warning => "warn",
            Self::Error => "error",
        }
    }
}

/// Lines that wait for whoever reads them.
const WAITING: usize = 8192;

/// The log that was started.
#[derive(Clone)]
pub struct Log {
    filter: reload::Handle<EnvFilter, Registry>,
    out: Out,
    lost: ErrorCounter,
    /// Whether the command line or the environment says which lines are written.
    fixed: bool,
}

/// Starts to write log lines to standard error. When the guard goes, what still waits is written, for a
/// second at most.
///
/// # Errors
/// Where the filter cannot be read.
pub fn start(verbose: bool) -> anyhow::Result<(Log, WorkerGuard)> {
    let said = std::env::var("VAULTD_LOG").ok();
    let fixed = said.is_some() || verbose;
    let filter = match said {
        Some(filter) => EnvFilter::try_new(filter).map_err(|_| {
            anyhow::anyhow!("VAULTD_LOG is not a filter such as debug or vaultd=trace")
        })?,
        None => EnvFilter::new(if verbose { "debug" } else { "info" }),
    };
    let (filter, handle) = reload::Layer::new(filter);
    let out = Out::default();
    let (writer, writing) = NonBlockingBuilder::default()
        .buffered_lines_limit(WAITING)
        .lossy(true)
        .thread_name("log")
        .finish(out.clone());
    let lost = writer.error_counter();
    let lines = fmt::layer().with_writer(writer).with_ansi(false);
    let registry = tracing_subscriber::registry().with(filter);
    // The journal writes its own times.
    if std::env::var_os("JOURNAL_STREAM").is_some() {
        registry.with(lines.without_time()).try_init()?;
    } else {
        registry.with(lines).try_init()?;
    }
    let log = Log {
        filter: handle,
        out,
        lost,
        fixed,
    };
    Ok((log, writing))
}

impl Log {
    /// Does what the configuration says. A file that cannot be written leaves the lines on standard
    /// error.
    pub fn configure(&self, settings: &LoggingSettings) {
        if !self.fixed {
            let level = if settings.verbose {
                Level::Debug
            } else {
                settings.level
            };
            let changed = self
                .filter
                .modify(|filter| *filter = EnvFilter::new(level.filter()));
            if let Err(error) = changed {
                tracing::warn!(%error, "the log's level stays");
            }
        }
        say(self.out.turn_to(settings.file.clone()));
    }

    /// Opens the file anew: somebody may have moved it away.
    pub fn reopen(&self) {
        say(self.out.reopen());
    }

    /// What a person should know of it: lines that were lost because nobody read them.
    pub fn notice(&self) -> Option<String> {
        let lost = self.lost.dropped_lines();
        (lost > 0)
            .then(|| format!("{lost} lines of the log were lost: whoever reads it had stopped"))
    }
}

fn say(opened: io::Result<()>) {
    if let Err(error) = opened {
        tracing::warn!(%error, "logging.file cannot be written; lines go to standard error");
    }
}

/// Where lines go.
#[derive(Clone, Debug, Default)]
struct Out(Arc<Mutex<Destination>>);

/// A file, or standard error where there is none.
#[derive(Debug, Default)]
struct Destination {
    path: Option<PathBuf>,
    file: Option<Arc<File>>,
}

impl Out {
    fn turn_to(&self, path: Option<PathBuf>) -> io::Result<()> {
        self.destination().path = path;
        self.reopen()
    }

    fn reopen(&self) -> io::Result<()> {
        let path = self.destination().path.clone();
        let opened = path.as_deref().map(open).transpose();
        let (file, result) = match opened {
            Ok(file) => (file.map(Arc::new), Ok(())),
            Err(error) => (None, Err(error)),
        };
        self.destination().file = file;
        result
    }

    fn destination(&self) -> MutexGuard<'_, Destination> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens without waiting for a reader: a FIFO is no file to write a log to.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let flags = nix::libc::O_NONBLOCK | nix::libc::O_NOCTTY;
    options.append(true).create(true).mode(0o600);
    let file = options.custom_flags(flags).open(path)?;
    let kind = file.metadata()?.file_type();
    if kind.is_file() || kind.is_char_device() {
        Ok(file)
    } else {
        Err(io::Error::other("it is no plain file"))
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Not under the lock: who turns the log elsewhere must not wait for a reader of the old one.
        let file = self.destination().file.clone();
        match file {
            Some(file) => (&*file).write(bytes),
            None => io::stderr().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_go_to_the_file_named_last_and_to_standard_error_where_it_cannot_be_written() {
        let room = tempfile::tempdir().unwrap();
        let file = room.path().join("log");
        let mut out = Out::default();
        out.turn_to(Some(file.clone())).unwrap();
        out.write_all(b"line\n").unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "line\n");
        assert!(out.turn_to(Some(room.path().join("no/log"))).is_err());
        out.write_all(b"").unwrap();
        assert!(out.destination().file.is_none());
    }

    #[test]
    fn a_file_that_was_moved_away_is_made_anew_when_the_log_is_opened_again() {
        let room = tempfile::tempdir().unwrap();
        let (file, moved) = (room.path().join("log"), room.path().join("log.1"));
        let mut out = Out::default();
        out.turn_to(Some(file.clone())).unwrap();
        out.write_all(b"old\n").unwrap();
        std::fs::rename(&file, &moved).unwrap();
        out.reopen().unwrap();
        out.write_all(b"new\n").unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "new\n");
        assert_eq!(std::fs::read_to_string(&moved).unwrap(), "old\n");
    }

    #[test]
    fn a_fifo_is_refused_and_waited_for_by_nobody() {
        let room = tempfile::tempdir().unwrap();
        let fifo = room.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let out = Out::default();
        assert!(out.turn_to(Some(fifo.clone())).is_err(), "without a reader");
        let _reader = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&fifo)
            .unwrap();
        assert!(out.turn_to(Some(fifo)).is_err(), "with one");
    }

    #[test]
    fn levels_have_the_words_of_old_files() {
        let words = ["DEBUG", "INFO", "WARNING", "ERROR", "loud"].map(Level::from_word);
        let levels = [Level::Debug, Level::Info, Level::Warning, Level::Error].map(Some);
        assert_eq!(words[..4], levels);
        assert_eq!(words[4], None);
    }
}
