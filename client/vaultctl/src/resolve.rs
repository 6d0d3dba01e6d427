//! Replacing the references in a YAML text by their values.
//!
//! A text is read into a tree (`reading`, `merging`, `node`), its references are found by their
//! places in it (`places`) and asked for (`fetching`), and the tree is written again with the values
//! where the references stood (`writing`, `spelling`). Values are never put into the tree.

pub(crate) mod fetching;
pub(crate) mod files;
mod merging;
mod node;
pub(crate) mod old_names;
pub(crate) mod options;
pub(crate) mod places;
pub(crate) mod reading;
mod spelling;
#[cfg(test)]
mod tests;
pub(crate) mod writing;
