//! Which module uses which.

use std::collections::{BTreeMap, BTreeSet};

use crate::code::{self, Look, Path};
use crate::files::Root;

/// Whom each module names: "" is the crate's root, "cache::flight" a child of "cache".
pub(crate) type Graph = BTreeMap<String, BTreeSet<String>>;

/// Every file is a node. A declaration (`mod child;`) is no use; a path or an import is.
pub(crate) fn of(root: &Root) -> Graph {
    let names: BTreeSet<&str> = root.modules.keys().map(String::as_str).collect();
    let mut graph = Graph::new();
    for (name, file) in &root.modules {
        let seen = code::seen(&file.text, Look::WithoutTests);
        let targets = seen
            .paths
            .iter()
            .filter_map(|path| target(name, path, &names));
        let others = targets.filter(|target| target != name);
        graph.insert(name.clone(), others.collect());
    }
    graph
}

/// The module in which what `path` names is to be found: the longest beginning that is one.
fn target(from: &str, path: &Path, names: &BTreeSet<&str>) -> Option<String> {
    let mut parts: Vec<&str> = from.split("::").filter(|part| !part.is_empty()).collect();
    let mut segments = path.segments.iter().map(String::as_str).peekable();
    match *segments.peek()? {
        "crate" => {
            segments.next();
            parts.clear();
        }
        "self" => {
            segments.next();
            if path.depth > 0 {
                return None;
            }
        }
        "super" => {
            let mut inside = path.depth;
            while segments.next_if_eq(&"super").is_some() {
                if inside > 0 {
                    inside -= 1;
                } else {
                    parts.pop()?;
                }
            }
            if inside > 0 {
                return None;
            }
        }
        // A child's name without `self::`; all else is another crate's or was imported.
        first => {
            let child = join(&parts, first);
            if path.depth > 0 || path.segments.len() < 2 || !names.contains(child.as_str()) {
                return None;
            }
        }
    }
    for segment in segments {
        let longer = join(&parts, segment);
        if !names.contains(longer.as_str()) {
            break;
        }
        parts.push(segment);
    }
    Some(parts.join("::"))
}

fn join(parts: &[&str], last: &str) -> String {
    [parts, &[last]].concat().join("::")
}

/// A crate of the given files, for the checks' own tests.
#[cfg(test)]
pub(crate) fn planted(files: &[(&str, &str)]) -> Graph {
    use crate::files::Source;
    let modules = files.iter().map(|(name, text)| {
        let source = Source {
            package: "planted".to_owned(),
            path: format!("src/{name}.rs"),
            text: (*text).to_owned(),
            is_test: false,
        };
        ((*name).to_owned(), source)
    });
    of(&Root {
        name: "lib".to_owned(),
        modules: modules.collect(),
    })
}

#[test]
fn paths_lead_to_the_deepest_module_they_name() {
    let graph = planted(&[
        ("", "mod a; mod b; pub use a::Thing;"),
        (
            "a",
            "mod c; use c::Inner; use std::fmt; fn f() { crate::b::g() }",
        ),
        (
            "a::c",
            "use super::super::b::Other; fn f(x: self::Local) {}",
        ),
        (
            "b",
            "mod inline { use super::X; use super::super::a::c::Inner; }",
        ),
    ]);
    let uses = |name: &str| graph[name].iter().map(String::as_str).collect::<Vec<_>>();
    assert_eq!(uses(""), ["a"]);
    assert_eq!(uses("a"), ["a::c", "b"]);
    assert_eq!(uses("a::c"), ["b"]);
    assert_eq!(uses("b"), ["a::c"]);
}
