//! The note to a count whose call was made twice.

/// Said after a count whose call was made twice.
pub(crate) fn note(repeated: bool) -> &'static str {
    if repeated {
        "; asked twice, and the first count was lost on its way"
    } else {
        ""
    }
}
