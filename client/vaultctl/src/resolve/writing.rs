//! How is a tree written as YAML again, with values where references stood?
//!
//! Block style, two blanks a level, lists at the indentation of their key, as the predecessor wrote
//! it. The writer is ours because no serializer of a library writes a scalar with the letters it was
//! read with, and because a value then goes from where it was opened into this one buffer.

use std::collections::HashMap;

use vault_proto::reference::SecretRef;
use zeroize::Zeroizing;

use super::node::{Entry, Node, Scalar};
use super::spelling;

/// The longest result: many aliases of a long text, or many places of a long value, end here.
const MAX_OUTPUT: usize = 64 << 20;

/// What became of each reference: its value, or why there is none.
pub(crate) type Answers = HashMap<SecretRef, Result<Zeroizing<String>, String>>;

/// The result would be too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the result would have more than 64 MiB")]
pub(crate) struct TooLong;

/// The tree as YAML.
///
/// # Errors
/// [`TooLong`].
pub(crate) fn write(root: &Node, answers: &Answers) -> Result<Zeroizing<Vec<u8>>, TooLong> {
    let mut writing = Writing {
        answers,
        out: Zeroizing::new(Vec::new()),
    };
    match root {
        Node::Scalar { .. } => writing.scalar(root),
        Node::List { tag, .. } | Node::Map { tag, .. } => {
            if let Some(tag) = tag {
                writing.out.extend_from_slice(tag.as_bytes());
                writing.out.push(b'\n');
            }
            writing.collection(root, 0)?;
        }
    }
    if !writing.out.ends_with(b"\n") {
        writing.out.push(b'\n');
    }
    Ok(writing.out)
}

struct Writing<'a> {
    answers: &'a Answers,
    out: Zeroizing<Vec<u8>>,
}

impl Writing<'_> {
    /// A collection from where its first entry begins, with its last line break.
    fn collection(&mut self, node: &Node, indentation: usize) -> Result<(), TooLong> {
        match node {
            Node::Scalar { .. } => {}
            Node::List { items, .. } if items.is_empty() => self.out.extend_from_slice(b"[]\n"),
            Node::Map { entries, .. } if entries.is_empty() => self.out.extend_from_slice(b"{}\n"),
            Node::List { items, .. } => {
                for (number, item) in items.iter().enumerate() {
                    self.indent(number, indentation);
                    self.out.push(b'-');
                    self.item(item, indentation)?;
                }
            }
            Node::Map { entries, .. } => {
                for (number, entry) in entries.iter().enumerate() {
                    self.indent(number, indentation);
                    self.entry(entry, indentation)?;
                }
            }
        }
        if self.out.len() > MAX_OUTPUT {
            return Err(TooLong);
        }
        Ok(())
    }

    /// What stands behind a `-`: a collection begins on the same line.
    fn item(&mut self, node: &Node, indentation: usize) -> Result<(), TooLong> {
        match node {
            Node::Scalar { .. } => self.scalar_on_line(node),
            Node::List { tag: None, .. } | Node::Map { tag: None, .. } => {
                self.out.push(b' ');
                self.collection(node, indentation + 2)
            }
            Node::List { .. } | Node::Map { .. } => self.below(node, indentation + 2),
        }
    }

    fn entry(&mut self, entry: &Entry, indentation: usize) -> Result<(), TooLong> {
        let start = self.out.len();
        self.key(&entry.key);
        if self.out.len() - start > spelling::LONGEST_SIMPLE_KEY {
            self.out.truncate(start);
            self.out.extend_from_slice(b"? ");
            self.key(&entry.key);
            self.out.push(b'\n');
            self.indent(1, indentation);
        }
        self.out.push(b':');
        match &*entry.value {
            Node::Scalar { .. } => self.scalar_on_line(&entry.value),
            Node::List { .. } => self.below(&entry.value, indentation),
            Node::Map { .. } => self.below(&entry.value, indentation + 2),
        }
    }

    /// A key is never a value's place.
    fn key(&mut self, key: &Scalar) {
        spelling::scalar(key, &mut self.out);
        // Else the colon would belong to the tag.
        if key.tag.is_some() && key.text.is_empty() {
            self.out.push(b' ');
        }
    }

    /// A collection on the lines after this one, or on this one where it is empty.
    fn below(&mut self, node: &Node, indentation: usize) -> Result<(), TooLong> {
        let (Node::List { tag, .. } | Node::Map { tag, .. }) = node else {
            return Ok(());
        };
        if let Some(tag) = tag {
            self.out.push(b' ');
            self.out.extend_from_slice(tag.as_bytes());
        }
        if node.is_empty() {
            self.out.push(b' ');
        } else {
            self.out.push(b'\n');
            self.indent(1, indentation);
        }
        self.collection(node, indentation)
    }

    fn scalar_on_line(&mut self, node: &Node) -> Result<(), TooLong> {
        self.out.push(b' ');
        self.scalar(node);
        if self.out.ends_with(b" ") {
            self.out.pop();
        }
        self.out.push(b'\n');
        if self.out.len() > MAX_OUTPUT {
            return Err(TooLong);
        }
        Ok(())
    }

    fn scalar(&mut self, node: &Node) {
        let Node::Scalar {
            scalar, reference, ..
        } = node
        else {
            return;
        };
        let answer = match reference.as_deref() {
            Some(Ok(reference)) => self.answers.get(reference),
            _ => None,
        };
        match answer {
            Some(Ok(value)) => spelling::double(value, &mut self.out),
            _ => spelling::scalar(scalar, &mut self.out),
        }
    }

    /// Blanks before all entries but the first, which stands where the writer is.
    fn indent(&mut self, number: usize, indentation: usize) {
        if number > 0 {
            let length = self.out.len() + indentation;
            self.out.resize(length, b' ');
        }
    }
}
