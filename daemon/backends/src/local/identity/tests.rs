//! An identity file is written and read as the age tools do it.

use vault_memory::Preference;

use super::*;

/// A key made for this test; it opens nothing.
const KEY: &str = "AGE-SECRET-KEY-1DH4QTZUGXYYWLTJAQ6QZKP57LPCP0EM36D9D4YUHHVDP9R6QXKXSD9CQWP";
const RECIPIENT: &str = "age1h6gh8vj4zsezmtnwcglxm959ga2d4mdpv7yvv2f5f3p4vsg3g52quwl5d2";

#[test]
fn identity_file_looks_as_age_keygen_writes_it() {
    let identity = KEY.parse().unwrap();
    let expected = format!("# created: 2023-11-14T22:13:20Z\n# public key: {RECIPIENT}\n{KEY}\n");
    assert_eq!(*identity_text(&identity, 1_700_000_000), expected);
}

#[test]
fn key_is_found_among_comments_and_blank_lines() {
    let texts = [
        KEY.to_owned(),
        format!("# a comment\r\n\r\n{KEY}\r\n"),
        format!("\n  {KEY}  \n# AGE-SECRET-KEY-1OLD\n"),
    ];
    for text in texts {
        assert_eq!(key_line(text.as_bytes()), Some(KEY.as_bytes()), "{text:?}");
    }
}

#[test]
fn file_without_exactly_one_key_is_refused_without_quoting_it() {
    let shield = Shield::new(Preference::Mlock).unwrap();
    let texts = [
        String::new(),
        "# only a comment\n".to_owned(),
        format!("{KEY}\n{KEY}\n"),
        format!("{KEY}X"),
        KEY[..KEY.len() - 1].to_owned(),
        "age1notasecretkey".to_owned(),
    ];
    for text in texts {
        let refused = shielded("identity.txt".into(), text.as_bytes(), &shield).unwrap_err();
        assert_eq!(refused.kind(), "bad_identity", "{text:?}");
        assert!(
            !format!("{refused} {refused:?}").contains(&KEY[..30]),
            "{refused}"
        );
    }
}
