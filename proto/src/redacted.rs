//! `Debug` of messages that hold values or their ciphertext, without these.
//!
//! prost requires `Debug` and would print every byte; the generator is told to leave these out.

use std::fmt;

use crate::generated::{PutRequest, SealedValue};

impl fmt::Debug for SealedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedValue")
            .field("variable", &self.variable)
            .field("reference", &self.reference)
            .field("provenance", &self.provenance)
            .field("ciphertext", &"[redacted]")
            .finish()
    }
}

impl fmt::Debug for PutRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PutRequest")
            .field("reference", &self.reference)
            .field("ciphertext", &"[redacted]")
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ciphertext_is_not_printed() {
        let sealed = SealedValue {
            ciphertext: vec![171; 40],
            ..SealedValue::default()
        };
        let put = PutRequest {
            ciphertext: vec![171; 40],
            ..PutRequest::default()
        };
        for text in [format!("{sealed:?}"), format!("{put:#?}")] {
            assert!(
                text.contains("[redacted]") && !text.contains("171"),
                "{text}"
            );
        }
    }
}
