//! Where in the tree are the references? Places are for people: `servers.p.env.TOKEN`, `list[2]`.

use std::fmt;

use vault_proto::reference::{ReferenceError, SecretRef};

use super::node::Node;

/// The way from the root.
#[derive(Debug)]
pub(crate) struct Place<'a>(Vec<Step<'a>>);

#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    Key(&'a str),
    Item(usize),
}

/// A reference, or what was meant to be one.
#[derive(Debug)]
pub(crate) struct Found<'a> {
    pub(crate) line: usize,
    pub(crate) reference: Result<&'a SecretRef, ReferenceError>,
}

/// Tells `visit` each place with a reference, in the order of the text.
pub(crate) fn visit<'a>(root: &'a Node, mut visit: impl FnMut(&Place<'a>, Found<'a>)) {
    walk(root, &mut Place(Vec::new()), &mut visit);
}

fn walk<'a>(node: &'a Node, place: &mut Place<'a>, visit: &mut impl FnMut(&Place<'a>, Found<'a>)) {
    match node {
        Node::Scalar {
            line, reference, ..
        } => {
            if let Some(reference) = reference {
                let found = Found {
                    line: *line,
                    reference: reference.as_ref().as_ref().map_err(|error| *error),
                };
                visit(place, found);
            }
        }
        Node::List { items, .. } => {
            for (number, item) in items.iter().enumerate() {
                place.0.push(Step::Item(number));
                walk(item, place, visit);
                place.0.pop();
            }
        }
        Node::Map { entries, .. } => {
            for entry in entries {
                place.0.push(Step::Key(&entry.key.text));
                walk(&entry.value, place, visit);
                place.0.pop();
            }
        }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("the whole text");
        }
        for (number, step) in self.0.iter().enumerate() {
            let dot = if number == 0 { "" } else { "." };
            match step {
                Step::Item(item) => write!(f, "[{item}]")?,
                Step::Key(key) if is_word(key) => write!(f, "{dot}{key}")?,
                Step::Key(key) => write!(f, "[{key:?}]")?,
            }
        }
        Ok(())
    }
}

fn is_word(key: &str) -> bool {
    let letter = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-');
    !key.is_empty() && key.chars().all(letter)
}
