//! The sample resolver.yaml with every key in it, made from the table of keys.

use std::fmt::Write;

use super::keys::{KEYS, PLAIN, SECTIONS};

/// The sample, every line a comment.
pub fn text() -> String {
    let mut text = String::from(
        "# resolver.yaml of vaultd, with every key and its default. All of it is optional.\n\
         # Where it is read from: vaultd --help. What it says now: vaultctl explain-config.\n",
    );
    // Writing to a String does not fail.
    for key in PLAIN {
        let _ = writeln!(text, "\n# {}\n#{}: {}", key.about, key.name, key.default);
    }
    for section in SECTIONS {
        let _ = writeln!(text, "\n# {}\n#{}:", section.about, section.name);
        for key in KEYS.iter().filter(|key| key.section == section.name) {
            let setting = format!("{}: {}", key.name, key.default);
            let _ = writeln!(text, "#  {setting:<40}  # {}", key.about);
        }
        for line in section.example.lines() {
            let _ = writeln!(text, "#  {line}");
        }
    }
    text
}
