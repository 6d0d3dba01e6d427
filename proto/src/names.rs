//! The grammars of names: of services, of secrets in the local store, of versions.

const MAX_BYTES: usize = 255;
const MAX_SERVICE_BYTES: usize = 64;

/// Whether this is 1 to 255 letters, digits, `.`, `_` and `-`, as OCI Vault names versions.
pub fn is_version_name(name: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=MAX_BYTES).contains(&name.len()) && name.bytes().all(letter)
}

/// Whether a secret of the local store can have this name: the same letters, the first a letter or
/// digit, and no `..`.
pub fn is_local_name(name: &str) -> bool {
    let first = name.bytes().next();
    is_version_name(name)
        && first.is_some_and(|first| first.is_ascii_alphanumeric())
        && !name.contains("..")
}

/// Whether a service can have this name: the same letters, at most 64, and no leading dot.
pub fn is_service_name(name: &str) -> bool {
    is_version_name(name) && name.len() <= MAX_SERVICE_BYTES && !name.starts_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_grammar_has_its_own_beginning_and_length() {
        for (name, version, local, service) in [
            ("git.hub_2-x", true, true, true),
            (".git", true, false, false),
            ("-git", true, false, true),
            ("a..b", true, false, true),
            ("", false, false, false),
            ("a b", false, false, false),
            ("a/b", false, false, false),
            ("ü", false, false, false),
            ("a\n", false, false, false),
            (&"x".repeat(65), true, true, false),
            (&"x".repeat(256), false, false, false),
        ] {
            let seen = (
                is_version_name(name),
                is_local_name(name),
                is_service_name(name),
            );
            assert_eq!(seen, (version, local, service), "{name:?}");
        }
    }
}
