//! What are the entries of a map once its keys are looked at together?
//!
//! A key that stands twice keeps its first place and gets its last value, as with the predecessor;
//! YAML forbids it, so it is said. A merge key (`<<`, <https://yaml.org/type/merge.html>) is replaced
//! by the entries that it stands for: an anchor does not outlive the reading, and a reader of YAML
//! 1.2 would take `<<` for a key like any other.

use std::collections::{HashMap, HashSet};

use super::node::{Entry, Form, Node, Scalar};

/// What `<<` points at is neither a map nor a list of maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoMap {
    pub(crate) line: usize,
}

/// Two keys are the same when they would be written the same: `1` and `'1'` are not.
type Identity<'a> = (Option<&'a str>, &'a str, bool);

fn identity(key: &Scalar) -> Identity<'_> {
    (key.tag.as_deref(), &key.text, key.form == Form::Plain)
}

/// Leaves each key once; tells `repeated` the lines of those that stood again.
pub(crate) fn without_repeated(entries: Vec<Entry>, repeated: &mut Vec<usize>) -> Vec<Entry> {
    let mut places = HashMap::new();
    let mut winners: Vec<usize> = Vec::with_capacity(entries.len());
    for (number, entry) in entries.iter().enumerate() {
        match places.entry(identity(&entry.key)) {
            std::collections::hash_map::Entry::Vacant(place) => {
                place.insert(winners.len());
                winners.push(number);
            }
            std::collections::hash_map::Entry::Occupied(place) => {
                winners[*place.get()] = number;
                repeated.push(entry.line);
            }
        }
    }
    if winners.len() == entries.len() {
        return entries;
    }
    winners
        .iter()
        .map(|winner| entries[*winner].clone())
        .collect()
}

/// Puts in place of `<<` what it stands for. The map's own keys win, then those of earlier maps.
///
/// # Errors
/// [`NoMap`] where it stands for something else.
pub(crate) fn merged(entries: Vec<Entry>) -> Result<Vec<Entry>, NoMap> {
    let Some(place) = entries.iter().position(|entry| entry.key.is_merge()) else {
        return Ok(entries);
    };
    // `<<` is among them, and no map that is merged has one: each was merged when it ended.
    let mut known: HashSet<Identity<'_>> = entries.iter().map(|own| identity(&own.key)).collect();
    let mut all = entries[..place].to_vec();
    for map in maps(&entries[place])? {
        let new = map
            .iter()
            .filter(|entry| known.insert(identity(&entry.key)));
        all.extend(new.cloned());
    }
    all.extend_from_slice(&entries[place + 1..]);
    Ok(all)
}

/// The maps that a merge key names.
fn maps(merge: &Entry) -> Result<Vec<&[Entry]>, NoMap> {
    let none = NoMap { line: merge.line };
    match &*merge.value {
        Node::Map { entries, .. } => Ok(vec![entries]),
        Node::List { items, .. } => items
            .iter()
            .map(|item| entries_of(item).ok_or(none))
            .collect(),
        Node::Scalar { .. } => Err(none),
    }
}

fn entries_of(node: &Node) -> Option<&[Entry]> {
    match node {
        Node::Map { entries, .. } => Some(entries),
        _ => None,
    }
}
