//! The lines of a configuration file.
//!
//! The grammar is that of Python's `configparser` without interpolation, which Oracle's SDK and command
//! line read these files with: keys in any case, `=` or `:` after them, comments on lines of their own
//! only (`#` and `;` later in a line belong to the value), and indented lines that continue a value.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;

use zeroize::Zeroizing;

use super::error::{SyntaxProblem, SyntaxProblemKind};

/// The sections of a file.
#[derive(Default)]
pub(super) struct Document {
    /// What every section inherits.
    pub(super) defaults: Section,
    /// The others, by name.
    pub(super) sections: BTreeMap<String, Section>,
}

/// Entries by their keys in lower case.
pub(super) type Section = BTreeMap<String, Entry>;

/// A value and where it begins. Some are pass phrases: no `Debug`, and wiped on drop.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) line: usize,
    pub(super) value: Zeroizing<String>,
}

/// Reads a whole file, and finds everything that is wrong with it.
pub(super) fn parse(text: &str) -> Result<Document, Vec<SyntaxProblem>> {
    let mut reader = Reader::default();
    // Editors put it there, and no tool of Oracle's reads past it.
    let text = text.strip_prefix('\u{feff}').map_or(text, |rest| {
        reader.line = 1;
        reader.problem(SyntaxProblemKind::ByteOrderMark);
        rest
    });
    for (index, line) in lines(text).enumerate() {
        reader.line = index + 1;
        reader.read(line);
    }
    if reader.problems.is_empty() {
        Ok(reader.finished())
    } else {
        Err(reader.problems)
    }
}

/// The section that inherits from no other.
pub(super) const DEFAULTS: &str = "DEFAULT";

#[derive(Default)]
struct Reader {
    document: Document,
    /// The section we are in, and the key whose value may go on.
    section: Option<String>,
    key: Option<String>,
    /// How far the line of the last key or section was indented.
    indent: usize,
    line: usize,
    problems: Vec<SyntaxProblem>,
}

impl Reader {
    fn read(&mut self, line: &str) {
        let text = line.trim_matches(is_space);
        if text.starts_with(['#', ';']) {
            return;
        }
        if text.is_empty() {
            return self.continued("");
        }
        let indent = line.chars().take_while(|letter| is_space(*letter)).count();
        if self.key.is_some() && indent > self.indent {
            return self.continued(text);
        }
        self.indent = indent;
        if let Some(name) = section_name(text) {
            self.begins(name);
        } else if self.section.is_none() {
            self.problem(SyntaxProblemKind::BeforeSections);
        } else {
            self.entry(text);
        }
    }

    fn begins(&mut self, name: &str) {
        self.key = None;
        self.section = Some(name.to_owned());
        if name == DEFAULTS {
            return;
        }
        match self.document.sections.entry(name.to_owned()) {
            Slot::Vacant(slot) => drop(slot.insert(Section::new())),
            Slot::Occupied(_) => self.problem(SyntaxProblemKind::SectionAgain),
        }
    }

    fn entry(&mut self, text: &str) {
        let Some((key, value)) = text.split_once(['=', ':']) else {
            return self.problem(SyntaxProblemKind::NoDelimiter);
        };
        let key = key.trim_matches(is_space).to_lowercase();
        if key.is_empty() {
            self.problem(SyntaxProblemKind::NoKey);
        }
        let value = Zeroizing::new(value.trim_matches(is_space).to_owned());
        let line = self.line;
        self.key = Some(key.clone());
        match self.section().entry(key) {
            Slot::Vacant(slot) => drop(slot.insert(Entry { line, value })),
            Slot::Occupied(slot) => {
                let first = slot.get().line;
                self.problem(SyntaxProblemKind::KeyAgain { first });
            }
        }
    }

    /// Another line of the last value.
    fn continued(&mut self, text: &str) {
        let Some(key) = self.key.clone() else {
            return;
        };
        if let Some(entry) = self.section().get_mut(&key) {
            // What grows in place would leave the old letters behind.
            let whole = [entry.value.as_str(), text].join("\n");
            entry.value = Zeroizing::new(whole);
        }
    }

    fn section(&mut self) -> &mut Section {
        let name = self.section.as_deref().unwrap_or(DEFAULTS);
        match self.document.sections.get_mut(name) {
            Some(section) => section,
            None => &mut self.document.defaults,
        }
    }

    fn problem(&mut self, kind: SyntaxProblemKind) {
        let line = self.line;
        self.problems.push(SyntaxProblem { line, kind });
    }

    /// Empty lines after a value are not part of it.
    fn finished(self) -> Document {
        let mut document = self.document;
        let others = document.sections.values_mut();
        for entry in others
            .chain([&mut document.defaults])
            .flat_map(BTreeMap::values_mut)
        {
            let length = entry.value.trim_end_matches(is_space).len();
            entry.value.truncate(length);
        }
        document
    }
}

/// Lines end with LF, CR LF or CR.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive('\n').flat_map(|line| {
        let line = line.strip_suffix('\n').unwrap_or(line);
        line.strip_suffix('\r').unwrap_or(line).split('\r')
    })
}

/// From the first bracket to the last; blanks inside count.
fn section_name(text: &str) -> Option<&str> {
    let end = text.rfind(']')?;
    text.get(..end)?
        .strip_prefix('[')
        .filter(|name| !name.is_empty())
}

/// What Python takes for blank: the separators of ASCII too.
fn is_space(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '\u{1c}'..='\u{1f}')
}
