//! Printing. The only file of this program that prints.
//!
//! Standard error gets three lines at most in a whole run: up to two before the exec, one if the
//! exec then fails; all else that can fail does so before them. Standard output belongs to the
//! server.

use std::fs::File;
use std::io::{Error, ErrorKind, Write};
use std::os::fd::AsFd;
use std::time::Instant;

use nix::poll::PollFlags;
use vault_client::{Launched, OpenedSecret, state_in_words};

use crate::failure::{Failure, MAX_LINES};
use crate::ready;

/// Lines before the start; the last of all is kept for an exec that fails.
const MAX_LINES_BEFORE_START: usize = MAX_LINES - 1;
/// Variables that are named in one line.
const MAX_NAMES: usize = 12;

/// Text that was asked for, to standard output.
pub(crate) fn text(text: &str) -> Result<(), Failure> {
    let mut output = std::io::stdout().lock();
    match output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush())
    {
        Ok(()) => Ok(()),
        // Whoever reads no further has had enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::unexpected(format!(
            "cannot write to standard output: {error}"
        ))),
    }
}

/// One answer to the waiting client, to standard output, unless it is not read by then.
pub(crate) fn protocol_line(line: &str, deadline: Instant) -> Result<(), Error> {
    // Without the buffer of the original.
    let output = File::from(std::io::stdout().as_fd().try_clone_to_owned()?);
    write_by(&output, format!("{line}\n").as_bytes(), deadline)
}

/// So much at a time that what has room for any of it does not block.
fn write_by(mut output: &File, mut bytes: &[u8], deadline: Instant) -> Result<(), Error> {
    while !bytes.is_empty() {
        ready::until(output, PollFlags::POLLOUT, deadline).ok_or(ErrorKind::TimedOut)?;
        match output.write(&bytes[..bytes.len().min(nix::libc::PIPE_BUF)]) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => bytes = &bytes[count..],
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// What failed, then what to do.
pub(crate) fn failure(failure: &Failure) {
    to_stderr(&failure.lines());
}

/// Warnings of the daemon, after what was resolved or not inherited.
pub(crate) fn before_start(first: Option<String>, launched: &Launched) {
    let mut lines: Vec<String> = first.into_iter().collect();
    let room = MAX_LINES_BEFORE_START - lines.len();
    let warnings = launched.warnings.iter().map(|warning| one_line(warning));
    if launched.warnings.len() <= room {
        lines.extend(warnings);
    } else {
        lines.extend(warnings.take(room - 1));
        let hidden = launched.warnings.len() + 1 - room;
        lines.push(format!("{hidden} warnings: `vault-run --test` shows them"));
    }
    to_stderr(&lines.iter().map(String::as_str).collect::<Vec<_>>());
}

/// What --verbose says: names alone.
pub(crate) fn resolved(service: &str, launched: &Launched, dropped: &[String]) -> String {
    let secret = |secret: &OpenedSecret| {
        format!(
            "{} ({} version {}, {})",
            secret.variable,
            secret.reference,
            secret.provenance.version,
            state_in_words(secret.provenance.state),
        )
    };
    let secrets: Vec<String> = launched.secrets.iter().map(secret).collect();
    let secrets = if secrets.is_empty() {
        "no secrets".to_owned()
    } else {
        secrets.join(", ")
    };
    let left_out = match dropped {
        [] => String::new(),
        names => format!("; not inherited: {}", names.join(", ")),
    };
    one_line(&format!(
        "{service}: {} with {secrets}{left_out}",
        launched.argv[0]
    ))
}

/// What is said of variables that the server would have had without this launcher; names alone.
pub(crate) fn not_inherited(service: &str, dropped: &[String]) -> Option<String> {
    let more = dropped.len().saturating_sub(MAX_NAMES);
    let mut names = dropped[..dropped.len() - more].join(", ");
    if more > 0 {
        names = format!("{names} and {more} more");
    }
    (!dropped.is_empty()).then(|| {
        one_line(&format!(
            "{service}: not inherited, since they choose code that would get the secrets: {names}; \
             keep_variables of the service keeps them"
        ))
    })
}

fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

fn to_stderr(lines: &[&str]) {
    let mut text = String::new();
    for line in lines {
        text.push_str("vault-run: ");
        text.push_str(line);
        text.push('\n');
    }
    // Without standard error the exit code alone must do.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::OwnedFd;
    use std::time::Duration;

    #[test]
    fn a_client_that_does_not_read_is_given_up_at_the_deadline() {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        let output = File::from(OwnedFd::from(writer));
        let deadline = Instant::now() + Duration::from_millis(100);
        let written = write_by(&output, &vec![b'x'; 4 * 1024 * 1024], deadline);
        assert_eq!(
            written.map_err(|error| error.kind()),
            Err(ErrorKind::TimedOut)
        );
        drop(reader);
    }
}
