//! Bodies of replies as JSON.

use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::error::BadReply;

/// The body. The cause of a failure would quote it, and is dropped.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, BadReply> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(BadReply::Empty);
    }
    serde_json::from_slice(body).map_err(|error| match error.classify() {
        Category::Eof => BadReply::CutOff,
        Category::Data => BadReply::WrongForm,
        Category::Syntax | Category::Io => BadReply::NotJson,
    })
}
