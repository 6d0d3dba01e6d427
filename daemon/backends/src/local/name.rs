//! The names that a secret may have.

use crate::address::{Address, BackendKind};
use crate::error::{BackendError, Class};

/// The name in `address`, if this store can have such a secret.
///
/// Names are refused, not normalised. The grammar is the one of references, which callers check as
/// well; here the name becomes part of a file, so it is checked where it matters. The two packages do
/// not know each other: a test of vaultd, which knows both, holds the grammars together.
///
/// # Errors
/// Class [`Class::Request`].
pub(super) fn checked_name(address: &Address) -> Result<String, BackendError> {
    if address.kind != BackendKind::LOCAL || address.container.is_some() {
        return Err(BackendError::not_sent(
            Class::Request,
            "wrong_backend",
            "use the local store for an address of another vault: write local://NAME",
        ));
    }
    if is_name(&address.name) {
        return Ok(address.name.clone());
    }
    Err(BackendError::not_sent(
        Class::Request,
        "invalid_name",
        "use this name in the local store: allowed are 1 to 255 letters, digits, '.', '_' and '-', \
         the first a letter or digit, without '..'",
    ))
}

/// Whether `name` fits `[A-Za-z0-9][A-Za-z0-9._-]{0,254}` and has no `..`.
pub(super) fn is_name(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    name.len() <= MAX_NAME_BYTES
        && name
            .bytes()
            .next()
            .is_some_and(|first| first.is_ascii_alphanumeric())
        && name.bytes().all(inner)
        && !name.contains("..")
}

const MAX_NAME_BYTES: usize = 255;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_outside_the_grammar_are_refused() {
        let long = "a".repeat(256);
        let bad = [
            "", ".", "..", "a..b", ".a", "-a", "_a", "a/b", "../a", "a\0", "a\n", "a b", "ä",
            "a\u{7f}", "a%2f", &long,
        ];
        for name in bad {
            assert!(!is_name(name), "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn names_inside_the_grammar_are_taken(name in "[A-Za-z0-9](\\.?[A-Za-z0-9_-]){0,126}\\.?") {
            prop_assert!(is_name(&name));
        }

        #[test]
        fn a_foreign_character_anywhere_is_refused(
            before in "[a-z]{1,9}", foreign in "[^A-Za-z0-9._-]", after in "[a-z]{0,9}",
        ) {
            let name = [before, foreign, after].concat();
            prop_assert!(!is_name(&name));
        }
    }
}
