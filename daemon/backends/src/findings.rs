//! What a backend finds when it examines everything it needs.

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What: "configuration", "key", "clock".
    pub what: String,
    /// Whether it is as it should be.
    pub is_well: bool,
    /// What was found, in words that hold no value.
    pub detail: String,
    /// What to do where it is not; empty where it is.
    pub remedy: String,
}
