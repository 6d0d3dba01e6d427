//! The JSON-RPC errors for a client that waits for a server that will not come.
//!
//! A client that speaks JSON-RPC on standard input gets the reason in reply to each of its requests, so
//! that a person sees it there and not only in a log. A client of the 2026-07-28 protocol probes before
//! it initializes, and shows what it hears of the second: so requests are answered until the input ends
//! or none comes for two seconds. Whatever else is on standard input gets nothing.

use std::fmt::Write;
use std::fs::File;
use std::io::{ErrorKind, IsTerminal, Read};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::poll::PollFlags;

use crate::failure::Failure;
use crate::json_request::{Asked, asked};
use crate::{ready, report};

/// From one line to the next.
const PATIENCE: Duration = Duration::from_secs(2);
/// For a client that goes on and on: longer than any waits for its server.
const LONGEST: Duration = Duration::from_mins(1);
/// A longer line is skipped.
const LONGEST_LINE: usize = 4 * 1024 * 1024;

/// Answers the requests on standard input.
pub(crate) fn answer(failure: &Failure) {
    let input = std::io::stdin();
    if input.is_terminal() {
        return;
    }
    // A duplicate without a buffer: the terminal state and flags of the original stay as they are.
    let Ok(duplicate) = input.as_fd().try_clone_to_owned() else {
        return;
    };
    let mut lines = Lines::of(duplicate.into());
    while let Some(line) = lines.next_within(PATIENCE) {
        let reply = match asked(&line) {
            Asked::Nothing => continue,
            Asked::One(id) => error_reply(id, failure),
            Asked::Batch(ids) => {
                let replies: Vec<String> = ids.iter().map(|id| error_reply(id, failure)).collect();
                format!("[{}]", replies.join(","))
            }
        };
        if report::protocol_line(&reply, lines.end).is_err() {
            // The client is gone, or reads nothing.
            return;
        }
    }
}

/// Lines that come one after the other.
struct Lines {
    input: File,
    read: Vec<u8>,
    skips: bool,
    ended: bool,
    end: Instant,
}

impl Lines {
    fn of(input: File) -> Self {
        Self {
            input,
            read: Vec::new(),
            skips: false,
            ended: false,
            end: Instant::now() + LONGEST,
        }
    }

    /// The next line, or what there is of it at the end of the input; `None` where nothing comes.
    fn next_within(&mut self, patience: Duration) -> Option<Vec<u8>> {
        let deadline = (Instant::now() + patience).min(self.end);
        let mut looked_at = 0;
        loop {
            let end = self.read[looked_at..]
                .iter()
                .position(|byte| *byte == b'\n');
            if let Some(end) = end {
                let rest = self.read.split_off(looked_at + end + 1);
                let line = std::mem::replace(&mut self.read, rest);
                if !std::mem::take(&mut self.skips) {
                    return Some(line);
                }
                looked_at = 0;
                continue;
            }
            if self.ended {
                let line = std::mem::take(&mut self.read);
                return (!line.is_empty() && !self.skips).then_some(line);
            }
            looked_at = self.read.len();
            if looked_at > LONGEST_LINE {
                self.read.clear();
                self.skips = true;
                looked_at = 0;
            }
            self.read_more(deadline)?;
        }
    }

    fn read_more(&mut self, deadline: Instant) -> Option<()> {
        let mut chunk = [0; 16 * 1024];
        loop {
            ready::until(&self.input, PollFlags::POLLIN, deadline)?;
            match self.input.read(&mut chunk) {
                Ok(count) => {
                    self.ended = count == 0;
                    self.read.extend_from_slice(&chunk[..count]);
                    return Some(());
                }
                // Not every client's pipe blocks.
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                Err(_) => return None,
            }
        }
    }
}

/// The code is what this process ends with: JSON-RPC keeps -32768 to -32000 for itself.
fn error_reply(id: &str, failure: &Failure) -> String {
    let mut message = String::new();
    for letter in format!("vault-run: {}", failure.lines().join("; ")).chars() {
        match letter {
            '"' | '\\' => message.extend(['\\', letter]),
            letter if letter.is_control() => {
                // Writing to a String cannot fail. All control characters are below U+10000.
                let _ = write!(message, "\\u{:04x}", u32::from(letter));
            }
            letter => message.push(letter),
        }
    }
    let code = failure.code();
    format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":{code},"message":"{message}"}}}}"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reply_is_one_line_of_json_with_the_same_id() {
        let failure = Failure::refused("no \"x\" in C:\\\nuse y");
        let reply = error_reply("\"7\"", &failure);
        let parsed: serde_json::Value = serde_json::from_str(&reply).expect("JSON");
        assert_eq!(parsed["id"], "7");
        assert_eq!(parsed["error"]["code"], 3);
        assert_eq!(
            parsed["error"]["message"],
            "vault-run: no \"x\" in C:\\; use y"
        );
        assert!(!reply.contains('\n'));
    }

    #[test]
    fn lines_come_whole_and_one_that_is_too_long_hides_no_other() {
        let mut file = tempfile::tempfile().expect("a file");
        let long = "x".repeat(LONGEST_LINE + 100_000);
        std::io::Write::write_all(&mut file, format!("one\n\n{long}\ntwo\nthree").as_bytes())
            .expect("written");
        std::io::Seek::rewind(&mut file).expect("at its start");
        let mut lines = Lines::of(file);
        let mut next = || {
            lines
                .next_within(PATIENCE)
                .map(|line| line.trim_ascii_end().to_vec())
        };
        assert_eq!(next().as_deref(), Some(&b"one"[..]));
        assert_eq!(next().as_deref(), Some(&b""[..]));
        assert_eq!(next().as_deref(), Some(&b"two"[..]));
        assert_eq!(next().as_deref(), Some(&b"three"[..]));
        assert_eq!(next(), None);
    }
}
