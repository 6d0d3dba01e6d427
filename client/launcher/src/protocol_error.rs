//! The JSON-RPC error for a client that waits for a server that will not come.
//!
//! A client that speaks JSON-RPC on standard input gets one error in reply to its first request, so
//! that a person sees the reason there and not only in a log. Whatever else is on standard input
//! gets nothing.

use std::fmt::Write;
use std::fs::File;
use std::io::{IsTerminal, Read};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::failure::Failure;
use crate::{json_request, report};

const PATIENCE: Duration = Duration::from_secs(2);
const LONGEST_LINE: usize = 64 * 1024;
/// JSON-RPC 2.0 leaves -32000 to -32099 to servers.
const SERVER_ERROR: i32 = -32000;

/// Answers the first request on standard input, if one comes within two seconds.
pub(crate) fn answer(failure: &Failure) {
    let input = std::io::stdin();
    if input.is_terminal() {
        return;
    }
    // A duplicate without a buffer: the terminal state and flags of the original stay as they are.
    let Ok(duplicate) = input.as_fd().try_clone_to_owned() else {
        return;
    };
    let Some(line) = first_line(duplicate.into()) else {
        return;
    };
    if let Some(id) = json_request::request_id(&line) {
        report::protocol_line(&error_reply(id, failure));
    }
}

/// The first line that is not blank, or what there is of it at the end of the input.
fn first_line(mut input: File) -> Option<Vec<u8>> {
    let deadline = Instant::now() + PATIENCE;
    let mut read = Vec::new();
    let mut chunk = [0; 4096];
    while read.len() < LONGEST_LINE {
        wait_for(&input, deadline)?;
        let count = input.read(&mut chunk).ok()?;
        read.extend_from_slice(&chunk[..count]);
        let line = read.trim_ascii_start();
        let end = line.iter().position(|byte| *byte == b'\n');
        if end.is_some() || count == 0 {
            return Some(line[..end.unwrap_or(line.len())].to_vec());
        }
    }
    None
}

fn wait_for(input: &File, deadline: Instant) -> Option<()> {
    let left = deadline.checked_duration_since(Instant::now())?;
    let timeout = PollTimeout::try_from(left).ok()?;
    let mut polled = [PollFd::new(input.as_fd(), PollFlags::POLLIN)];
    match poll(&mut polled, timeout) {
        Ok(count) if count > 0 => Some(()),
        _ => None,
    }
}

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
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":{SERVER_ERROR},"message":"{message}"}}}}"#
    )
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
        assert_eq!(parsed["error"]["code"], -32000);
        assert_eq!(
            parsed["error"]["message"],
            "vault-run: no \"x\" in C:\\; use y"
        );
        assert!(!reply.contains('\n'));
    }
}
