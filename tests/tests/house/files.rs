//! The source files, manifests and lists that the repository holds.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::code;
use crate::packages::PACKAGES;

/// One `.rs` file that a person wrote.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// The package's directory: "daemon/vaultd".
    pub(crate) package: String,
    /// The path inside the package: "src/cache/flight.rs".
    pub(crate) path: String,
    /// What stands in it.
    pub(crate) text: String,
    /// Whether it is compiled into tests alone.
    pub(crate) is_test: bool,
}

impl Source {
    /// Where a person finds it.
    pub(crate) fn place(&self) -> String {
        format!("{}/{}", self.package, self.path)
    }

    /// Files that `#[cfg(test)] mod name;` in this one brings in, by the beginning of their path.
    fn brings_in_for_tests(&self) -> Vec<String> {
        let inside = match self.path.rsplit_once('/') {
            Some((directory, "lib.rs" | "main.rs")) => directory,
            _ => self.path.trim_end_matches(".rs"),
        };
        let modules = code::declared_modules(&self.text).into_iter();
        let of_tests = modules.filter(|(_, of_tests)| *of_tests);
        of_tests
            .map(|(name, _)| format!("{inside}/{name}"))
            .collect()
    }
}

/// Finds out which files are compiled into tests alone.
fn mark_tests(sources: &mut [Source]) {
    let mut beginnings = Vec::new();
    for file in sources.iter() {
        let brought_in = file.brings_in_for_tests().into_iter();
        beginnings.extend(brought_in.map(|path| (file.package.clone(), path)));
    }
    for file in sources {
        let brought_in = beginnings.iter().any(|(package, beginning)| {
            let rest = file.path.strip_prefix(beginning.as_str());
            file.package == *package && rest.is_some_and(|rest| rest.starts_with(['.', '/']))
        });
        file.is_test = brought_in || file.path.starts_with("tests/");
    }
}

/// A crate: the modules below one root file.
#[derive(Debug)]
pub(crate) struct Root {
    /// "lib", "main", or a program's name.
    pub(crate) name: String,
    /// Modules by path from the root: "" is the root, "cache::flight" a child of "cache".
    pub(crate) modules: BTreeMap<String, Source>,
}

/// What the checks look at.
#[derive(Debug)]
pub(crate) struct Repository {
    pub(crate) sources: Vec<Source>,
    /// `Cargo.toml` by package directory.
    pub(crate) manifests: BTreeMap<String, String>,
    /// The lines of `tests/expose_secret_files.txt`, comments and empty ones left out.
    pub(crate) expose_secret_files: Vec<String>,
}

impl Repository {
    pub(crate) fn read() -> Self {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = tests.parent().expect("tests is in the repository");
        let mut sources = Vec::new();
        let mut manifests = BTreeMap::new();
        for package in PACKAGES {
            let directory = root.join(package.directory);
            let manifest = read(&directory.join("Cargo.toml"));
            manifests.insert(package.directory.to_owned(), manifest);
            for path in rust_files_under(&directory) {
                let inside = path.strip_prefix(&directory).expect("it is inside");
                sources.push(Source {
                    package: package.directory.to_owned(),
                    path: inside.to_string_lossy().into_owned(),
                    text: read(&path),
                    is_test: false,
                });
            }
        }
        mark_tests(&mut sources);
        let list = read(&tests.join("expose_secret_files.txt"));
        let lines = list.lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self {
            sources,
            manifests,
            expose_secret_files: lines.map(str::to_owned).collect(),
        }
    }

    /// The crates of a package, its integration tests left out.
    pub(crate) fn roots_of(&self, package: &str) -> Vec<Root> {
        let own = || self.sources.iter().filter(|file| file.package == package);
        let mut roots = Vec::new();
        for file in own() {
            let (name, below) = match file.path.strip_prefix("src/") {
                Some("lib.rs") => ("lib", "src/"),
                Some("main.rs") => ("main", "src/"),
                Some(inside) => match inside.strip_prefix("bin/").map(|bin| bin.split_once('/')) {
                    Some(Some((name, "main.rs"))) => (name, &file.path[..file.path.len() - 7]),
                    Some(None) => (file.path[8..].trim_end_matches(".rs"), ""),
                    _ => continue,
                },
                None => continue,
            };
            let modules = modules_below(file, below, own());
            roots.push(Root {
                name: name.to_owned(),
                modules,
            });
        }
        roots
    }
}

/// Modules that `root` declares, and theirs. A file that nobody declares belongs to another root.
fn modules_below<'a>(
    root: &Source,
    below: &str,
    files: impl Iterator<Item = &'a Source>,
) -> BTreeMap<String, Source> {
    let mut by_name = BTreeMap::new();
    for file in files.filter(|file| !below.is_empty() && file.path.starts_with(below)) {
        let name = file.path[below.len()..].trim_end_matches(".rs");
        by_name.insert(name.replace('/', "::"), file);
    }
    let mut modules = BTreeMap::new();
    let mut open = vec![(String::new(), root)];
    while let Some((name, file)) = open.pop() {
        let declared = code::declared_modules(&file.text).into_iter();
        for (child, _) in declared.filter(|(_, of_tests)| !of_tests) {
            let child = if name.is_empty() {
                child
            } else {
                format!("{name}::{child}")
            };
            if let Some(file) = by_name.get(&child) {
                open.push((child, file));
            }
        }
        modules.insert(name, file.clone());
    }
    modules
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All but generated ones.
fn rust_files_under(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let entries = std::fs::read_dir(directory).expect("a package's directory");
    for entry in entries {
        let path = entry.expect("a package's file").path();
        if path.is_dir() && !path.ends_with("src/gen") && !path.ends_with("target") {
            found.extend(rust_files_under(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn modules_of_tests_are_known_by_their_declaration() {
    let source = |path: &str, text: &str| Source {
        package: "planted".to_owned(),
        path: path.to_owned(),
        text: text.to_owned(),
        is_test: false,
    };
    let mut sources = [
        source("src/lib.rs", "mod a; #[cfg(test)] mod fake;"),
        source("src/a.rs", "#[cfg(test)] mod tests;"),
        source("src/a/tests.rs", ""),
        source("src/fake.rs", "mod inner;"),
        source("src/fake/inner.rs", ""),
        source("src/faked.rs", ""),
        source("tests/b.rs", ""),
    ];
    mark_tests(&mut sources);
    let are = sources.map(|file| file.is_test);
    assert_eq!(are, [false, false, true, true, true, false, true]);
}
