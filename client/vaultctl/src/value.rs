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

/// What to do with the last line break of a pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LastLineBreak {
    Drop,
    Keep,
}

/// Whether a person is asked for it.
pub(crate) fn is_typed(file: Option<&Path>) -> bool {
    file.is_none() && std::io::stdin().is_terminal()
}

/// The value for `reference`.
pub(crate) fn read(
    reference: &SecretRef,
    file: Option<&Path>,
    last_line_break: LastLineBreak,
    form: Form,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let value = match file {
        Some(path) => from_file(path)?,
        None if is_typed(file) => typed(reference)?,
        None => piped(last_line_break, form)?,
    };
    if value.len() > MAX_SECRET_BYTES {
        return Err(Failure::input(format!(
            "the value has more than {MAX_SECRET_BYTES} bytes\nstore what it opens, not the thing itself"
        )));
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
    if last_line_break == LastLineBreak::Drop && ends_text_with_line_break(&value) {
        value.pop();
        report::note(form, "the last line break was dropped; --exact keeps it");
    }
    Ok(value)
}

fn ends_text_with_line_break(value: &[u8]) -> bool {
    value.ends_with(b"\n") && std::str::from_utf8(value).is_ok()
}

fn typed(reference: &SecretRef) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let prompt = format!("Value for {reference} (not shown): ");
    let line = prompt::answer_to(&prompt)?;
    if line.is_empty() {
        return Err(Failure::input(
            "nothing was typed, nothing is stored\nan empty value can be stored with --file /dev/null",
        ));
    }
    Ok(Zeroizing::new(line.into_bytes()))
}

/// Reads a little more than is allowed, so that too much is noticed; the room is made once, so that
/// growing leaves no copies.
fn all_of(source: impl Read) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let room = MAX_SECRET_BYTES + 2;
    let mut value = Zeroizing::new(Vec::with_capacity(room));
    source.take(room as u64).read_to_end(&mut value)?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_text_loses_its_last_line_break() {
        assert!(ends_text_with_line_break(b"v\n"));
        assert!(ends_text_with_line_break(b"\n"));
        assert!(!ends_text_with_line_break(b"v"));
        assert!(!ends_text_with_line_break(b"\xff\n"));
    }
}
