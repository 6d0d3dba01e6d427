//! Modules that depend on themselves.

use std::collections::BTreeSet;

use crate::graph::Graph;

/// Each cycle once, as the way around it.
pub(crate) fn of(graph: &Graph) -> Vec<String> {
    let mut found = BTreeSet::new();
    let mut settled = BTreeSet::new();
    for start in graph.keys() {
        walk(graph, &mut vec![start], &mut settled, &mut found);
    }
    found.into_iter().collect()
}

/// A module that names the one it is part of; test modules are not in the graph.
pub(crate) fn children_that_import_their_parent(graph: &Graph) -> Vec<String> {
    let mut found = Vec::new();
    for (child, uses) in graph.iter().filter(|(child, _)| !child.is_empty()) {
        let parent = child.rsplit_once("::").map_or("", |(parent, _)| parent);
        if uses.contains(parent) {
            found.push(format!("{child} imports its parent {}", name(parent)));
        }
    }
    found
}

fn walk<'a>(
    graph: &'a Graph,
    way: &mut Vec<&'a String>,
    settled: &mut BTreeSet<&'a String>,
    found: &mut BTreeSet<String>,
) {
    let Some(here) = way.last().copied() else {
        return;
    };
    for next in graph.get(here).into_iter().flatten() {
        if let Some(start) = way.iter().position(|passed| *passed == next) {
            found.insert(described(&way[start..]));
        } else if !settled.contains(next) {
            way.push(next);
            walk(graph, way, settled, found);
            way.pop();
        }
    }
    settled.insert(here);
}

/// The same cycle reads the same wherever it was entered.
fn described(cycle: &[&String]) -> String {
    let first = cycle.iter().enumerate().min_by_key(|(_, module)| **module);
    let first = first.map_or(0, |(index, _)| index);
    let around = cycle[first..].iter().chain(&cycle[..=first]);
    around
        .map(|module| name(module))
        .collect::<Vec<_>>()
        .join(" → ")
}

fn name(module: &str) -> &str {
    if module.is_empty() { "crate" } else { module }
}

#[test]
fn a_planted_cycle_is_found() {
    let graph = crate::graph::planted(&[
        ("", "mod a; mod b; mod c;"),
        ("a", "use crate::b::B;"),
        ("b", "fn f() { crate::c::g(); }"),
        ("c", "use super::a;"),
    ]);
    assert_eq!(of(&graph), ["a → b → c → a"]);
}

#[test]
fn a_planted_child_that_imports_its_parent_is_found() {
    let graph = crate::graph::planted(&[
        ("", "mod a;"),
        ("a", "mod child; pub struct Thing;"),
        (
            "a::child",
            "use super::Thing; #[cfg(test)] mod tests { use super::*; }",
        ),
    ]);
    let found = children_that_import_their_parent(&graph);
    assert_eq!(found, ["a::child imports its parent a"]);
    assert!(
        of(&graph).is_empty(),
        "the parent does not use its child here"
    );
}

#[test]
fn a_parent_may_use_its_child() {
    let graph = crate::graph::planted(&[
        ("", "mod a; pub use a::f;"),
        ("a", "mod child; pub fn f() { child::g() }"),
        (
            "a::child",
            "pub fn g() {} #[cfg(test)] mod tests { use super::*; }",
        ),
    ]);
    assert!(of(&graph).is_empty());
    assert!(children_that_import_their_parent(&graph).is_empty());
}
