//! The audit record: a file of JSON lines, written before a value leaves.
//!
//! One record is one write to a file opened for appending, so records of several daemons do not
//! mix. The record is made from named fields only: nothing a backend or a caller says gets in whole.
//! The journal gets a copy where there is one; it acknowledges nothing and may drop it.

mod journal;

use std::fmt::Display;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use vault_backends::calendar::date_time;

use crate::peer::PeerRecord;

/// How records are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditSettings {
    /// Whether each record is on the disk before the value leaves.
    pub sync: bool,
    /// What happens where a record cannot be written.
    pub on_failure: OnFailure,
    /// The size that starts a new file, in bytes.
    pub max_bytes: u64,
    /// How many old files are kept.
    pub keep: u32,
}

impl Default for AuditSettings {
    fn default() -> Self {
        Self {
            sync: false,
            on_failure: OnFailure::Refuse,
            max_bytes: 8 * 1024 * 1024,
            keep: 4,
        }
    }
}

/// What happens to a value whose record cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// It does not leave.
    Refuse,
    /// It leaves, and status says so.
    Serve,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It was done, or is about to be.
    Allowed,
    /// Policy said no.
    Denied,
    /// It could not be done.
    Failed,
}

/// One request, as it is remembered.
#[derive(Clone, Debug, Serialize)]
pub struct Record<'a> {
    /// When, by the wall clock: RFC 3339, UTC.
    pub time: String,
    /// The action's word.
    pub event: &'static str,
    /// How it ended.
    pub outcome: Outcome,
    /// The policy rule that decided.
    pub rule: &'a str,
    /// The service, if one was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<&'a str>,
    /// The environment, if one was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<&'a str>,
    /// On whose behalf, where the peer speaks for others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<&'a str>,
    /// The secrets it was about.
    pub values: Vec<ValueRecord>,
    /// Who asked.
    pub peer: PeerRecord,
    /// The caller's id for the request, in hex.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub request_id: String,
    /// The stable word of the failure, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'a str>,
}

/// One secret in a record.
#[derive(Clone, Debug, Serialize)]
pub struct ValueRecord {
    /// The variable it goes into.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub variable: String,
    /// Which secret.
    pub reference: String,
    /// The version handed out, made current, to be deleted, or kept.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// "fresh" or "stale"; "withheld" where it was had and is not handed out; else empty.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub state: &'static str,
    /// Its age.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_seconds: Option<u64>,
    /// The stable word of why it is not handed out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<&'static str>,
}

impl ValueRecord {
    /// A secret that was asked for, of which no value was had. `variable` is empty where there is none.
    pub fn requested(variable: impl Into<String>, reference: impl Display) -> Self {
        Self {
            variable: variable.into(),
            reference: reference.to_string(),
            version: String::new(),
            state: "",
            age_seconds: None,
            problem: None,
        }
    }

    /// The same, about a version.
    #[must_use]
    pub fn of_version(self, version: impl Into<String>) -> Self {
        let version = version.into();
        Self { version, ..self }
    }

    /// The same, with the stable word of why no value leaves.
    #[must_use]
    pub fn because(self, problem: Option<&'static str>) -> Self {
        Self { problem, ..self }
    }

    /// The same with a value that was had and does not leave.
    #[must_use]
    pub fn withheld(self, version: impl Into<String>, age: Duration) -> Self {
        Self {
            state: "withheld",
            age_seconds: Some(age.as_secs()),
            ..self.of_version(version)
        }
    }

    /// The same with a value that leaves.
    #[must_use]
    pub fn released(self, version: impl Into<String>, age: Duration, is_stale: bool) -> Self {
        Self {
            state: if is_stale { "stale" } else { "fresh" },
            age_seconds: Some(age.as_secs()),
            ..self.of_version(version)
        }
    }
}

/// Why a record could not be written.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The file cannot be opened.
    #[error("cannot open the audit record {0}")]
    Open(PathBuf, #[source] io::Error),
    /// The file is not one of this user's alone.
    #[error("the audit record {0} is not a plain file of this user with mode 0600")]
    Foreign(PathBuf),
    /// The record cannot be written.
    #[error("cannot write the audit record {0}")]
    Write(PathBuf, #[source] io::Error),
}

impl AuditError {
    /// The error with its cause, in one line for a person.
    pub fn in_full(&self) -> String {
        match std::error::Error::source(self) {
            Some(source) => format!("{self}: {source}"),
            None => self.to_string(),
        }
    }
}

/// The audit record.
#[derive(Debug)]
pub struct Audit {
    path: PathBuf,
    to_journal: bool,
    /// Held for as long as the disk takes.
    file: Mutex<Option<File>>,
    /// Apart from the file: who asks for it must not wait for the disk.
    last_error: Mutex<Option<String>>,
}

impl Audit {
    /// The record at `path`, opened when first written.
    pub fn new(path: PathBuf, to_journal: bool) -> Self {
        Self {
            path,
            to_journal,
            file: Mutex::default(),
            last_error: Mutex::default(),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Why the last record could not be written, if it could not.
    pub fn last_error(&self) -> Option<String> {
        lock(&self.last_error).clone()
    }

    /// Writes one record. May wait for the disk: not for a thread that serves.
    ///
    /// # Errors
    /// [`AuditError`], but under [`OnFailure::Serve`], where the failure is kept for status.
    pub fn write(&self, record: &Record<'_>, settings: &AuditSettings) -> Result<(), AuditError> {
        let mut line = serde_json::to_string(record).expect("a record is made of plain fields");
        if self.to_journal
            && let Ok(record) = serde_json::from_str(&line)
            && let Err(error) = journal::send(&record)
        {
            tracing::debug!(%error, "the journal did not take a record");
        }
        line.push('\n');
        let mut file = lock(&self.file);
        let written = self.append(&mut file, line.as_bytes(), settings);
        // Under the file's lock, so that it is the last write's.
        *lock(&self.last_error) = written.as_ref().err().map(AuditError::in_full);
        drop(file);
        match (written, settings.on_failure) {
            (Err(error), OnFailure::Refuse) => Err(error),
            _ => Ok(()),
        }
    }

    fn append(
        &self,
        open: &mut Option<File>,
        line: &[u8],
        settings: &AuditSettings,
    ) -> Result<(), AuditError> {
        let failed = |source| AuditError::Write(self.path.clone(), source);
        let mut file = match open.take() {
            // A file that was moved away or deleted is not written on.
            Some(file) if self.is_current(&file) => file,
            _ => self.open()?,
        };
        if file.metadata().map_err(failed)?.len() + line.len() as u64 > settings.max_bytes {
            self.rotate(settings.keep).map_err(failed)?;
            file = self.open()?;
        }
        let before = file.metadata().map_err(failed)?.len();
        if let Err(error) = file.write_all(line) {
            // A torn record is worse than none: whoever reads expects whole lines.
            let _ = file.set_len(before);
            return Err(failed(error));
        }
        if settings.sync {
            file.sync_data().map_err(failed)?;
        }
        *open = Some(file);
        Ok(())
    }

    fn open(&self) -> Result<File, AuditError> {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_CLOEXEC | nix::libc::O_NONBLOCK)
            .open(&self.path)
            .map_err(|source| AuditError::Open(self.path.clone(), source))?;
        let own = nix::unistd::geteuid().as_raw();
        let private = file.metadata().is_ok_and(|metadata| {
            metadata.is_file() && metadata.uid() == own && metadata.mode() & 0o077 == 0
        });
        if private {
            Ok(file)
        } else {
            Err(AuditError::Foreign(self.path.clone()))
        }
    }

    fn is_current(&self, file: &File) -> bool {
        match (file.metadata(), self.path.symlink_metadata()) {
            (Ok(open), Ok(there)) => (open.dev(), open.ino()) == (there.dev(), there.ino()),
            _ => false,
        }
    }

    /// `audit.jsonl` becomes `audit.jsonl.1`, that one `.2`, and so on; the last one goes.
    fn rotate(&self, keep: u32) -> io::Result<()> {
        let numbered = |number: u32| {
            let mut name = self.path.clone().into_os_string();
            name.push(format!(".{number}"));
            PathBuf::from(name)
        };
        if keep == 0 {
            return std::fs::remove_file(&self.path);
        }
        for number in (1..keep).rev() {
            match std::fs::rename(numbered(number), numbered(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        std::fs::rename(&self.path, numbered(1))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A time since 1970 as RFC 3339 in UTC.
pub fn rfc3339(unix: Duration) -> String {
    format!("{}.{:03}Z", date_time(unix.as_secs()), unix.subsec_millis())
}

#[cfg(test)]
mod tests;
