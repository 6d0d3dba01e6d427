//! Reading a value to be stored: from the terminal, a pipe or a file; never an argument.

use std::fs::File;
use std::io::{IsTerminal, Read};
use std::path::Path;

use vault_proto::MAX_SECRET_BYTES;
use vault_proto::reference::SecretRef;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::prompt;
use crate::report::{self, Form};
use crate::typed::Refused;

/// What to do with the last line break of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LastLineBreak {
    Drop,
    Keep,
}

/// Whether nothing at all is a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Empty {
    IsAnAccident,
    IsMeant,
}

/// Whether a person is asked for it.
pub(crate) fn is_typed(file: Option<&Path>, empty: Empty) -> bool {
    file.is_none() && empty == Empty::IsAnAccident && std::io::stdin().is_terminal()
}

/// The value for `reference`.
pub(crate) fn read(
    reference: &SecretRef,
    file: Option<&Path>,
    last_line_break: LastLineBreak,
    empty: Empty,
    form: Form,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let value = match file {
        Some(path) => from_file(path)?,
        None if is_typed(file, empty) => typed(reference, last_line_break, form)?,
        // Nobody types nothing.
        None if std::io::stdin().is_terminal() => Zeroizing::default(),
        None => piped(last_line_break, form)?,
    };
    if value.is_empty() && empty == Empty::IsAnAccident {
        let (whence, why) = match file {
            Some(_) => ("what --file names is empty", ""),
            None => ("nothing came in", "the command before it may have failed; "),
        };
        return Err(Failure::input(format!(
            "{whence}, nothing is stored\n{why}an empty value can be stored with --empty"
        )));
    }
    if value.len() > MAX_SECRET_BYTES {
        return Err(Failure::input(Refused::TooMuch.to_string()));
    }
    Ok(value)
}

fn from_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    // Its name is not repeated: it may be the value itself, given to the wrong option.
    let unreadable = |error| Failure::input(format!("cannot read what --file names: {error}"));
    all_of(File::open(path).map_err(unreadable)?).map_err(unreadable)
}

fn piped(last_line_break: LastLineBreak, form: Form) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut value = all_of(std::io::stdin().lock())
        .map_err(|error| Failure::input(format!("cannot read standard input: {error}")))?;
    let length = last_line_break_of_text(&value);
    if last_line_break == LastLineBreak::Drop && length > 0 {
        let rest = value.len() - length;
        value.truncate(rest);
        report::note(form, "the last line break was dropped; --exact keeps it");
    }
    Ok(value)
}

/// How long it is: LF or CRLF.
fn last_line_break_of_text(value: &[u8]) -> usize {
    match value {
        _ if std::str::from_utf8(value).is_err() => 0,
        [.., b'\r', b'\n'] => 2,
        [.., b'\n'] => 1,
        _ => 0,
    }
}

fn typed(
    reference: &SecretRef,
    last_line_break: LastLineBreak,
    form: Form,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let prompt = format!("Value for {reference} (not shown): ");
    let taken = prompt::answer_to(&prompt, last_line_break == LastLineBreak::Keep)?;
    if taken.lines > 1 {
        report::note(form, &format!("{} lines were taken", taken.lines));
    }
    Ok(taken.value)
}

/// Reads a little more than is allowed, so that too much is noticed; the room is made once, so that
/// growing leaves no copies.
fn all_of(source: impl Read) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let room = MAX_SECRET_BYTES + 3;
    let mut value = Zeroizing::new(Vec::with_capacity(room));
    source.take(room as u64).read_to_end(&mut value)?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_text_loses_its_last_line_break() {
        assert_eq!(last_line_break_of_text(b"v\n"), 1);
        assert_eq!(last_line_break_of_text(b"v\r\n"), 2);
        assert_eq!(last_line_break_of_text(b"\n"), 1);
        assert_eq!(last_line_break_of_text(b"v"), 0);
        assert_eq!(last_line_break_of_text(b"v\r"), 0);
        assert_eq!(last_line_break_of_text(b"\xff\n"), 0);
    }
}
