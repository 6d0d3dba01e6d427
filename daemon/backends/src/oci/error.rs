//! Failures of calls to OCI, with class and remedy.
//!
//! Four ways to fail, a file each: no reply came, a reply that is no answer, a refusal of the
//! credential (401), and any other refusal, for which there is one table.

mod bad_reply;
mod no_reply;
mod not_authenticated;
mod refusal;
mod table;

pub use bad_reply::BadReply;
pub(crate) use bad_reply::is_page;
pub(crate) use no_reply::no_reply;
pub(crate) use not_authenticated::NotAuthenticated;
pub(crate) use refusal::{Quotes, Refusal};

#[cfg(test)]
mod tests;
