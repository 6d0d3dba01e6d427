//! What a program that ended said, and how it ended.

use std::os::unix::process::ExitStatusExt;
use std::process::Output;

/// A program's end: exit code and both streams.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The command line, for messages.
    pub command: String,
    /// The exit code; 128 + N for signal N, as shells count.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Outcome {
    /// What `output` of `command` was.
    pub fn new(command: String, output: Output) -> Self {
        let status = output.status;
        Self {
            command,
            code: status
                .code()
                .unwrap_or_else(|| 128 + status.signal().unwrap_or(127)),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Standard output of a program that succeeded.
    ///
    /// # Panics
    /// Where it did not.
    #[track_caller]
    pub fn success(&self) -> &str {
        assert_eq!(self.code, 0, "{self}");
        &self.stdout
    }

    /// Checks a refusal: the exit code, nothing on standard output, and all the `words` on standard
    /// error.
    ///
    /// # Panics
    /// Where one of these is not so.
    #[track_caller]
    pub fn refused(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, code, "{self}");
        assert_eq!(
            self.stdout, "",
            "a refusal writes nothing to standard output: {self}"
        );
        for word in words {
            assert!(self.stderr.contains(word), "{word:?} is not said: {self}");
        }
    }

    /// The lines of standard output, sorted.
    pub fn sorted_lines(&self) -> Vec<&str> {
        let mut lines: Vec<&str> = self.stdout.lines().collect();
        lines.sort_unstable();
        lines
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "`{}` ended with {}", self.command, self.code)?;
        writeln!(f, "stdout: {}", self.stdout)?;
        write!(f, "stderr: {}", self.stderr)
    }
}
