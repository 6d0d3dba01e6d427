//! What the journal says, and when.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// How long anything may take before a scenario gives up.
const LONG: Duration = Duration::from_mins(1);

/// A unit's journal from its first line on, followed by a thread. Ended on drop.
pub(crate) struct Journal {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Journal {
    pub(crate) fn follow(unit: &str) -> anyhow::Result<Self> {
        let mut child = Command::new("journalctl")
            .args(["--user", "--follow", "--lines=all", "--output=cat"])
            .args(["--unit", unit])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("run journalctl")?;
        let output = child.stdout.take().context("find journalctl's output")?;
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self {
            child,
            lines,
            seen: Vec::new(),
        })
    }

    /// Waits until `count` lines, from the journal's beginning, hold `text`.
    pub(crate) fn wait_for(&mut self, text: &str, count: usize) -> anyhow::Result<()> {
        let deadline = Instant::now() + LONG;
        while self.seen.iter().filter(|line| line.contains(text)).count() < count {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => self.seen.push(line),
                Err(_) => bail!(
                    "the journal does not say {text:?} {count} times:\n{}",
                    self.text()
                ),
            }
        }
        Ok(())
    }

    /// What was read so far.
    pub(crate) fn text(&self) -> String {
        self.seen.join("\n")
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // Both fail only for a process that has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
