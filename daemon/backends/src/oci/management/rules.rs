//! The service's rules for values and names, checked before it is asked.

use crate::error::{BackendError, Class};

/// Oracle says "25 KB" (docs.oracle.com, "Updating a Secret to Create a New Version").
const MAX_VALUE_BYTES: usize = 25 * 1024;
const LONGEST_NAME: usize = 255;

/// A value that can be stored, by its length.
pub(super) fn check_value(about: &str, bytes: usize) -> Result<(), BackendError> {
    match bytes {
        0 => Err(refused(
            "empty_value",
            format!("store {about}: the value is empty, and OCI Vault keeps no empty ones"),
        )),
        1..=MAX_VALUE_BYTES => Ok(()),
        _ => Err(refused(
            "value_too_large",
            format!(
                "store {about}: the value has {bytes} bytes, and OCI Vault keeps at most \
                 {MAX_VALUE_BYTES} (25 KB)"
            ),
        )),
    }
}

/// A name that a secret of OCI Vault can have.
pub(super) fn check_secret_name(about: &str, name: &str) -> Result<(), BackendError> {
    if is_name(name) {
        return Ok(());
    }
    let message = format!("store {about}: a secret's name is made of {LETTERS}");
    Err(refused("bad_name", message))
}

/// A name that a version can have. It is not repeated: a person may have typed the value there.
pub(super) fn check_version_name(about: &str, name: &str) -> Result<(), BackendError> {
    if is_name(name) {
        return Ok(());
    }
    let message = format!("store {about}: a version's name is made of {LETTERS}");
    Err(refused("bad_version_name", message))
}

fn is_name(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(is_letter)
}

fn refused(kind: &'static str, message: String) -> BackendError {
    BackendError::not_sent(Class::Request, kind, message)
}

const LETTERS: &str = "1 to 255 letters, digits, '-', '_' and '.'";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_1_byte_to_25_kib_can_be_stored() {
        for (bytes, kind) in [
            (0, Some("empty_value")),
            (1, None),
            (25_600, None),
            (25_601, Some("value_too_large")),
        ] {
            let refused = check_value("it", bytes).err();
            assert_eq!(refused.map(|error| error.kind()), kind, "{bytes}");
        }
    }

    #[test]
    fn names_have_the_letters_that_oracle_says() {
        let longest = "n".repeat(255);
        for name in ["a", "A-b_c.9", "-", "..", &longest] {
            assert!(check_secret_name("it", name).is_ok(), "{name}");
        }
        let too_long = "n".repeat(256);
        for name in ["", "a b", "a/b", "ä", "a\n", "a:b", &too_long] {
            assert!(check_secret_name("it", name).is_err(), "{name}");
            let error = check_version_name("it", name).expect_err("refused");
            assert!(name.len() < 2 || !error.to_string().contains(name));
        }
    }
}
