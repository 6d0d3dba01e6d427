//! Logging: which lines, and where they go.
//!
//! `VAULTD_LOG` (a `tracing` filter such as `debug`), else `--verbose`, else `logging:` of
//! resolver.yaml, which may change while the daemon runs.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::fmt::MakeWriter;
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

/// The log that was started.
#[derive(Clone)]
pub struct Log {
    filter: reload::Handle<EnvFilter, Registry>,
    out: Out,
    /// Whether the command line or the environment says which lines are written.
    fixed: bool,
}

/// Starts to write log lines to standard error.
///
/// # Errors
/// Where the filter cannot be read.
pub fn start(verbose: bool) -> anyhow::Result<Log> {
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
    let lines = fmt::layer().with_writer(out.clone()).with_ansi(false);
    let registry = tracing_subscriber::registry().with(filter);
    // The journal writes its own times.
    if std::env::var_os("JOURNAL_STREAM").is_some() {
        registry.with(lines.without_time()).try_init()?;
    } else {
        registry.with(lines).try_init()?;
    }
    Ok(Log {
        filter: handle,
        out,
        fixed,
    })
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
        match self.out.turn_to(settings.file.as_deref()) {
            Ok(()) => {}
            Err(error) => {
                tracing::warn!(%error, "logging.file cannot be written; lines go to standard error");
            }
        }
    }
}

/// Where lines go. Opened anew at each configuration, so that a file may be moved away.
#[derive(Clone, Debug, Default)]
struct Out(Arc<Mutex<Option<File>>>);

impl Out {
    fn turn_to(&self, file: Option<&Path>) -> io::Result<()> {
        let opened = file.map(|file| {
            let mut options = OpenOptions::new();
            options.append(true).create(true).mode(0o600).open(file)
        });
        let (file, result) = match opened.transpose() {
            Ok(file) => (file, Ok(())),
            Err(error) => (None, Err(error)),
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = file;
        result
    }
}

impl<'a> MakeWriter<'a> for Out {
    type Writer = Self;

    fn make_writer(&'a self) -> Self::Writer {
        self.clone()
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(file) => file.write(bytes),
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
        out.turn_to(Some(&file)).unwrap();
        out.write_all(b"line\n").unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "line\n");
        assert!(out.turn_to(Some(&room.path().join("no/log"))).is_err());
        out.write_all(b"").unwrap();
        assert!(out.0.lock().unwrap().is_none());
    }

    #[test]
    fn levels_have_the_words_of_old_files() {
        let words = ["DEBUG", "INFO", "WARNING", "ERROR", "loud"].map(Level::from_word);
        let levels = [Level::Debug, Level::Info, Level::Warning, Level::Error].map(Some);
        assert_eq!(words[..4], levels);
        assert_eq!(words[4], None);
    }
}
