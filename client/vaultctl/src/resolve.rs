//! Replacing the references in a YAML text by their values.
//!
//! The text is scanned for the places of its references (`scanning`), their values are asked for
//! (`fetching`), and each place is replaced in the original bytes (`replacing`): whatever is no
//! reference stays as it is, comments, layout and anchors too.

pub(crate) mod fetching;
pub(crate) mod files;
pub(crate) mod old_names;
pub(crate) mod options;
pub(crate) mod replacing;
pub(crate) mod scanning;
#[cfg(test)]
mod tests;
