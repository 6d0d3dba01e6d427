//! Looks for a value, or a part of it, in any bytes: raw, base64, hex, or as printed numbers.
//!
//! Every 12 bytes of the value are looked for, in each form that code and formats give bytes: as
//! they are, in hex of both cases, in base64 of both alphabets at each of its three alignments, and
//! as `Debug` prints a list of bytes. Twelve random bytes do not come by chance.

use std::collections::HashMap;
use std::fmt::Write;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// The shortest part that counts as a leak, in bytes.
const PART: usize = 12;

/// Looks for one value.
#[derive(Debug)]
pub struct Scanner {
    /// Needles by their first four bytes, with the name of their form.
    needles: HashMap<[u8; 4], Vec<(&'static str, Vec<u8>)>>,
}

/// Where a value was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leak {
    /// In what: a file, a log, an output.
    pub place: String,
    /// "raw", "hex", "HEX", "base64", "numbers".
    pub form: &'static str,
    /// At which byte.
    pub offset: usize,
}

impl Scanner {
    /// A scanner for `value`, which has at least twelve bytes.
    ///
    /// # Panics
    /// Where it has fewer: it could be anywhere by chance.
    pub fn new(value: &[u8]) -> Self {
        assert!(
            value.len() >= PART,
            "a marked value has at least {PART} bytes"
        );
        let mut scanner = Self {
            needles: HashMap::new(),
        };
        for part in value.windows(PART) {
            scanner.add("raw", part.to_vec());
            scanner.add("hex", in_hex(part).into_bytes());
            scanner.add("HEX", in_hex(part).to_uppercase().into_bytes());
            scanner.add("numbers", in_numbers(part).into_bytes());
            for (name, engine) in [("base64", STANDARD_NO_PAD), ("base64url", URL_SAFE_NO_PAD)] {
                for lead in 0..3 {
                    scanner.add(name, in_base64(part, lead, &engine));
                }
            }
        }
        scanner
    }

    fn add(&mut self, form: &'static str, needle: Vec<u8>) {
        let start = [needle[0], needle[1], needle[2], needle[3]];
        self.needles.entry(start).or_default().push((form, needle));
    }

    /// The first leak in `bytes`, which are called `place`.
    pub fn first_in(&self, place: &str, bytes: &[u8]) -> Option<Leak> {
        bytes.windows(4).enumerate().find_map(|(offset, start)| {
            let candidates = self.needles.get(start)?;
            let found = candidates
                .iter()
                .find(|(_, needle)| bytes[offset..].starts_with(needle));
            found.map(|(form, _)| Leak {
                place: place.to_owned(),
                form,
                offset,
            })
        })
    }

    /// The leaks in every file and link below `directory`, and in their names.
    ///
    /// # Panics
    /// Where a file cannot be read: it would not have been looked at.
    pub fn in_files(&self, directory: &Path) -> Vec<Leak> {
        let mut leaks = Vec::new();
        for path in entries(directory) {
            let name = path.display().to_string();
            leaks.extend(self.first_in(&format!("the name {name}"), name.as_bytes()));
            let kind = fs::symlink_metadata(&path)
                .expect("an entry that is there")
                .file_type();
            if kind.is_file() {
                let bytes = fs::read(&path).expect("a readable file");
                leaks.extend(self.first_in(&name, &bytes));
            }
        }
        leaks
    }
}

/// What a process can write in its memory, in pieces, each with its mapping's line of `/proc/PID/maps`.
///
/// What the kernel lets nobody read, like pages of `memfd_secret`, is left out, and so are pages of
/// zeroes: most of what is reserved for threads is never touched.
///
/// # Errors
/// What the kernel said where this process may not look.
///
/// # Panics
/// Where a line of `/proc/PID/maps` is not as proc(5) says.
pub fn writable_memory(pid: u32) -> io::Result<Vec<(String, Vec<u8>)>> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps"))?;
    let memory = File::open(format!("/proc/{pid}/mem"))?;
    let mut found = Vec::new();
    for line in maps.lines() {
        let (range, rest) = line.split_once(' ').expect("a range and more");
        if !rest.starts_with("rw") {
            continue;
        }
        let (start, end) = range.split_once('-').expect("two ends");
        let number = |text| u64::from_str_radix(text, 16).expect("a number");
        let (start, end) = (number(start), number(end));
        let size = usize::try_from(end - start).expect("a size");
        let mut bytes = vec![0; size];
        if memory.read_exact_at(&mut bytes, start).is_ok() {
            let is_used = |page: &[u8]| page.iter().any(|&byte| byte != 0);
            let pages: Vec<_> = bytes.chunks(4096).collect();
            let runs = pages.chunk_by(|page, next| is_used(page) == is_used(next));
            let used = runs.filter(|run| is_used(run[0]));
            found.extend(used.map(|run| (line.to_owned(), run.concat())));
        }
    }
    Ok(found)
}

/// Everything below `directory`, at any depth.
fn entries(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a readable directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(entries(&path));
        }
        found.push(path);
    }
    found
}

fn in_hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn in_numbers(bytes: &[u8]) -> String {
    let printed = format!("{bytes:?}");
    printed.trim_matches(['[', ']']).to_owned()
}

/// The characters that depend on `bytes` alone where `lead` other bytes stand before them.
fn in_base64(bytes: &[u8], lead: usize, engine: &impl Engine) -> Vec<u8> {
    let mut padded = vec![0; lead];
    padded.extend_from_slice(bytes);
    let text = engine.encode(&padded).into_bytes();
    let first = (lead * 8).div_ceil(6);
    let last = padded.len() * 8 / 6;
    text[first..last].to_vec()
}

/// A random value that no text holds by chance, of letters and digits.
///
/// # Panics
/// Where the system has no randomness.
pub fn marked_value() -> String {
    let mut bytes = [0; 36];
    getrandom::fill(&mut bytes).expect("randomness");
    let letters = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
    bytes
        .iter()
        .map(|byte| char::from(letters[usize::from(*byte) % letters.len()]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forms(text: &[u8]) -> Option<&'static str> {
        let scanner = Scanner::new(b"Tr0ub4dor&3-correct-horse");
        scanner.first_in("here", text).map(|leak| leak.form)
    }

    #[test]
    fn a_part_is_found_in_each_form() {
        assert_eq!(forms(b"x dor&3-correct y"), Some("raw"));
        assert_eq!(forms(in_hex(b"--dor&3-correct").as_bytes()), Some("hex"));
        assert_eq!(
            forms(in_hex(b"-dor&3-correct").to_uppercase().as_bytes()),
            Some("HEX")
        );
        assert_eq!(
            forms(format!("{:?}", b"__dor&3-correct").as_bytes()),
            Some("numbers")
        );
        for lead in ["", "a", "ab", "abc"] {
            let text = STANDARD_NO_PAD.encode(format!("{lead}dor&3-correct-"));
            assert_eq!(forms(text.as_bytes()), Some("base64"), "{lead}");
        }
    }

    #[test]
    fn what_is_shorter_or_other_is_not_found() {
        assert_eq!(forms(b"r0ub4dor-r&3-correct"), None);
        assert_eq!(forms(b""), None);
        assert_eq!(
            forms(
                STANDARD_NO_PAD
                    .encode("something quite different")
                    .as_bytes()
            ),
            None
        );
    }

    #[test]
    fn planted_files_are_found_and_named() {
        let directory = tempfile::tempdir().expect("a directory");
        let deep = directory.path().join("a/b");
        fs::create_dir_all(&deep).expect("a directory");
        fs::write(deep.join("plain"), "nothing").expect("a file");
        fs::write(deep.join("leak"), "v=Tr0ub4dor&3-correct-horse").expect("a file");
        let scanner = Scanner::new(b"Tr0ub4dor&3-correct-horse");
        let leaks = scanner.in_files(directory.path());
        assert_eq!(leaks.len(), 1, "{leaks:?}");
        assert!(leaks[0].place.ends_with("a/b/leak"));
        fs::remove_file(deep.join("leak")).expect("a file");
        assert_eq!(scanner.in_files(directory.path()), []);
    }
}
