//! What is the tree of a YAML text that is to be written again?
//!
//! Nothing is interpreted: a scalar keeps its letters and its quotation marks, so that whoever reads
//! the result takes `1.10`, `0o17`, `yes` or `2024-01-01` for what it took them before. Shared parts
//! are those that an anchor named; the reader bounds what the tree amounts to when it is walked.

use std::rc::Rc;

use vault_proto::reference::{ReferenceError, SecretRef};

/// One place of the tree with everything below it.
#[derive(Debug)]
pub(crate) enum Node {
    Scalar {
        scalar: Rc<Scalar>,
        line: usize,
        /// Where the whole text is a reference, or was meant to be one.
        reference: Option<Box<Result<SecretRef, ReferenceError>>>,
    },
    List {
        tag: Option<String>,
        items: Vec<Rc<Node>>,
    },
    Map {
        tag: Option<String>,
        entries: Vec<Entry>,
    },
}

/// A key with its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: Rc<Scalar>,
    pub(crate) line: usize,
    pub(crate) value: Rc<Node>,
}

/// A text and how it was written.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Scalar {
    /// As it was written: `!!binary`.
    pub(crate) tag: Option<String>,
    pub(crate) text: String,
    pub(crate) form: Form,
}

/// How a scalar was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Without quotation marks: it may be a number, a date or null.
    Plain,
    /// A string in single quotation marks.
    Single,
    /// Any other string.
    Double,
}

impl Scalar {
    /// Whether it is no string and stands for nothing.
    pub(crate) fn is_null(&self) -> bool {
        let null = matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL");
        self.form == Form::Plain && self.tag.is_none() && null
    }

    /// Whether, as a key, it stands for the entries of other maps.
    pub(crate) fn is_merge(&self) -> bool {
        self.form == Form::Plain && self.tag.is_none() && self.text == "<<"
    }
}

impl Node {
    /// Whether nothing is there that could hold a reference or be one.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Scalar { scalar, .. } => scalar.is_null() || scalar.text.is_empty(),
            Self::List { items, .. } => items.is_empty(),
            Self::Map { entries, .. } => entries.is_empty(),
        }
    }
}

/// The reference that a string is, or was meant to be: one that begins like a reference and is none
/// must not be passed over in silence.
pub(crate) fn reference_in(text: &str) -> Option<Result<SecretRef, ReferenceError>> {
    let line = text.strip_suffix('\n').unwrap_or(text);
    let beginning = line.split(char::is_control).next().unwrap_or_default();
    let other = beginning.parse::<SecretRef>() == Err(ReferenceError::Scheme);
    // No daemon serves vault:// yet, and files of other programs hold such texts.
    let other = other || line.starts_with("vault://");
    (!other && !line.contains('\n')).then(|| line.parse())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_text_is_a_reference_or_none() {
        for text in ["local://a", "local://a\n", "oci-vault://c/n?version=2"] {
            assert!(matches!(reference_in(text), Some(Ok(_))), "{text:?}");
        }
        for text in [
            "local://",
            "local://a/b",
            "oci-vault://a\tb",
            "local://a?x=1",
        ] {
            assert!(matches!(reference_in(text), Some(Err(_))), "{text:?}");
        }
        for text in [
            "",
            "a",
            "see local://a",
            " local://a",
            "LOCAL://a",
            "https://a",
            "local://a\nb",
            "local://a\n\n",
            "a\tlocal://a",
        ] {
            assert!(reference_in(text).is_none(), "{text:?}");
        }
    }
}
