//! Failures of configuration files and profiles.
//!
//! Messages name files, profiles, lines and keys, and never a value: it may be a pass phrase, or a part
//! of one in the wrong line.

use std::fmt;
use std::path::{Path, PathBuf};

/// Why a profile cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// Not a text.
    #[error("read {path}: it is not a text in UTF-8; save it as one", path = path.display())]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// Lines that cannot be understood.
    #[error("read {path}: {problems}", path = path.display(), problems = list(problems))]
    Syntax {
        /// The file.
        path: PathBuf,
        /// All of them.
        problems: Vec<SyntaxProblem>,
    },
    /// No section of this name.
    #[error("find profile {profile:?} in {path}: it has {names}", path = path.display(), names = names.join(", "))]
    NoProfile {
        /// The file.
        path: PathBuf,
        /// The profile that was asked for.
        profile: String,
        /// The profiles that there are.
        names: Vec<String>,
    },
    /// Keys that lack or are wrong.
    #[error("use profile {profile:?} of {path}: {problems}", path = path.display(), problems = list(problems))]
    Problems {
        /// The file.
        path: PathBuf,
        /// The profile.
        profile: String,
        /// All of them.
        problems: Vec<Problem>,
    },
}

impl ProfileError {
    /// The stable word for audit, metrics and tests.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NotText { .. } => "profile_not_text",
            Self::Syntax { .. } => "profile_syntax",
            Self::NoProfile { .. } => "no_profile",
            Self::Problems { .. } => "profile_problems",
        }
    }
}

/// A line that cannot be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyntaxProblem {
    /// Which line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub kind: SyntaxProblemKind,
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyntaxProblemKind {
    /// It begins with a byte order mark, which belongs to no section's name.
    ByteOrderMark,
    /// It stands before the first section.
    BeforeSections,
    /// There is neither `=` nor `:`.
    NoDelimiter,
    /// There is nothing before the `=`.
    NoKey,
    /// Its key is in the section already.
    KeyAgain {
        /// In this line.
        first: usize,
    },
    /// Its section is in the file already.
    SectionAgain,
}

impl fmt::Display for SyntaxProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.line;
        match self.kind {
            SyntaxProblemKind::ByteOrderMark => write!(
                f,
                "line {line} begins with a byte order mark; save the file as UTF-8 without one"
            ),
            SyntaxProblemKind::BeforeSections => {
                write!(f, "line {line} comes before the first [PROFILE]")
            }
            SyntaxProblemKind::NoDelimiter => write!(f, "line {line} has no ="),
            SyntaxProblemKind::NoKey => write!(f, "line {line} has no key before its ="),
            SyntaxProblemKind::KeyAgain { first } => {
                write!(f, "line {line} has the key of line {first} again")
            }
            SyntaxProblemKind::SectionAgain => write!(f, "line {line} begins a profile again"),
        }
    }
}

/// A key that lacks or is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which key.
    pub key: &'static str,
    /// Where it stands, if it does.
    pub line: Option<usize>,
    /// What is wrong with it.
    pub kind: ProblemKind,
    /// The file that was looked for, where it names one.
    pub tried: Option<PathBuf>,
}

/// What is wrong with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    /// It is not there.
    Missing,
    /// Its value has not the form that it must have, in words that fit after "must".
    Malformed(&'static str),
    /// It names no file.
    NoFile,
    /// A key itself does not belong into this file.
    Forbidden,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key)?;
        if let Some(line) = self.line {
            write!(f, " (line {line})")?;
        }
        match self.kind {
            ProblemKind::Missing => f.write_str(" is missing"),
            ProblemKind::Malformed(form) => write!(f, " must {form}"),
            ProblemKind::NoFile => {
                f.write_str(" must be the path of a file that is there")?;
                self.tried.as_deref().map_or(Ok(()), |tried| {
                    write!(f, ", and {} is none{}", tried.display(), hint(tried))
                })
            }
            ProblemKind::Forbidden => f.write_str(
                " must not be in this file; put the key into a file and name it key_file",
            ),
        }
    }
}

/// What a person may have meant by a path that leads nowhere: shells and other formats read more into it.
fn hint(tried: &Path) -> &'static str {
    let text = tried.to_string_lossy();
    if text.contains('"') || text.contains('\'') {
        ": write it without quotes"
    } else if text.contains(" #") || text.contains(" ;") {
        ": a comment needs a line of its own"
    } else if text.contains('$') || text.contains('%') {
        ": variables are not read here; ~ is your home directory"
    } else if text.contains('~') {
        ": only ~/ at its beginning is your home directory"
    } else {
        ""
    }
}

fn list<T: ToString>(problems: &[T]) -> String {
    let all: Vec<String> = problems.iter().map(T::to_string).collect();
    all.join("; ")
}
