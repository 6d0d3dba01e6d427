//! The files of vectors.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The whole file.
pub(crate) struct Vectors(Value);

impl Vectors {
    /// Reads the file that everybody has, or the one that the variable names.
    pub(crate) fn read() -> Self {
        let named = std::env::var_os("OCI_VECTORS").map(PathBuf::from);
        Self::of(&named.unwrap_or_else(|| committed("oci-vectors.json")))
    }

    /// Reads those that were made for this project: signatures, keys, configuration files and regions
    /// at the edges of the rules.
    pub(crate) fn more() -> Self {
        Self::of(&committed("oci-vectors-more.json"))
    }

    fn of(path: &Path) -> Self {
        let text = std::fs::read_to_string(path);
        let text = text.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self(serde_json::from_str(&text).expect("JSON"))
    }

    /// The value in a section that has this name.
    pub(crate) fn named(&self, section: &str, name: &str) -> &Value {
        let value = &self.0[section][name];
        assert!(!value.is_null(), "{section} has no {name}");
        value
    }

    /// The entries of a section, each known by its id, its name or its number.
    pub(crate) fn section(&self, section: &str) -> Vec<(String, &Value)> {
        match &self.0[section] {
            Value::Array(all) => all.iter().enumerate().map(numbered).collect(),
            Value::Object(all) => all.iter().map(|(name, one)| (name.clone(), one)).collect(),
            _ => Vec::new(),
        }
    }

    /// Holds the check against every entry of a section; says how many there are, and fails with all
    /// that are wrong, or where there is none.
    pub(crate) fn hold(&self, section: &str, check: impl Fn(&str, &Value)) {
        let entries = self.section(section);
        assert!(!entries.is_empty(), "no vectors of {section} were found");
        let mut wrong = Vec::new();
        for (id, entry) in &entries {
            let held = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(id, entry)));
            if held.is_err() {
                wrong.push(id.as_str());
            }
        }
        let held = entries.len() - wrong.len();
        // Past the harness, which shows what is printed of failed tests alone.
        let count = format!("OCI vectors, {section}: {held} of {} hold\n", entries.len());
        std::io::stderr().write_all(count.as_bytes()).unwrap();
        assert!(
            wrong.is_empty(),
            "{section}: {} do not hold",
            wrong.join(", ")
        );
    }
}

fn committed(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/cases")
        .join(name)
}

fn numbered((number, entry): (usize, &Value)) -> (String, &Value) {
    let id = ["id", "key"].iter().find_map(|field| entry[field].as_str());
    let id = id.map_or_else(|| format!("number {number}"), str::to_owned);
    (id, entry)
}

/// What is expected of us.
pub(crate) enum Expected {
    /// The SDK's result, or ours where we differ.
    Result(Value),
    /// That we refuse.
    Refusal,
}

/// What we do with an entry whose result stands in `field`.
pub(crate) fn expected(entry: &Value, field: &str) -> Expected {
    if entry["divergence"] != Value::Bool(true) {
        return Expected::Result(entry[field].clone());
    }
    match &entry["ours"] {
        Value::String(text) if text.starts_with("error") => Expected::Refusal,
        Value::Object(_) => Expected::Result(entry["ours"].clone()),
        other => panic!("what we do instead is not understood: {other}"),
    }
}

/// A text of the entry, which must be there.
pub(crate) fn text<'a>(entry: &'a Value, field: &str) -> &'a str {
    let text = entry[field].as_str();
    text.unwrap_or_else(|| panic!("{field} is not a text"))
}

/// The home that `${HOME}` stands for.
pub(crate) const HOME: &str = "/home/vectors";

/// The text with that home in it.
pub(crate) fn at_home(text: &str) -> String {
    text.replace("${HOME}", HOME)
}

/// Files by their paths. Those that are not absolute are in the home.
pub(crate) fn files(entry: &Value) -> Vec<(PathBuf, String)> {
    let files = entry["files"].as_object().into_iter().flatten();
    files
        .map(|(path, content)| {
            let content = content.as_str().expect("the content of a file");
            (path_at_home(path), at_home(content))
        })
        .collect()
}

/// A path, below the home where it is not absolute.
pub(crate) fn path_at_home(path: &str) -> PathBuf {
    let path = at_home(path);
    Path::new(HOME).join(path.trim_start_matches("~/"))
}

/// A variable of the entry's environment.
pub(crate) fn variable(entry: &Value, name: &str) -> Option<String> {
    entry["env"][name].as_str().map(at_home)
}
