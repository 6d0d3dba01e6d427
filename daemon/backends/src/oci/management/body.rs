//! Request bodies that hold a value.
//!
//! It is written once, in base64, into the body of the request, whose room is made beforehand, so that
//! growing leaves no copies; the body is wiped when it was sent. Nothing else gets to own the value.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use vault_memory::{Secret, ShieldError};
use zeroize::Zeroizing;

/// A body of these details and a value with its name and stage, an object whose `secretContent` is last;
/// and where in it the value's base64 is.
pub(super) fn with_content(
    details: Map<String, Value>,
    name: Option<&str>,
    stage: &str,
    value: &Secret,
) -> Result<(Zeroizing<Vec<u8>>, Range<usize>), ShieldError> {
    let mut content = Map::new();
    content.insert("contentType".to_owned(), "BASE64".into());
    content.insert("stage".to_owned(), stage.into());
    content.extend(name.map(|name| ("name".to_owned(), name.into())));
    let head =
        open_object(details) + "\"secretContent\":" + &open_object(content) + "\"content\":\"";
    let encoded = value.len().div_ceil(3) * 4;
    let mut body = Zeroizing::new(Vec::with_capacity(head.len() + encoded + TAIL.len()));
    body.extend_from_slice(head.as_bytes());
    body.resize(head.len() + encoded, 0);
    value.expose_secret(|plain| {
        let written = STANDARD.encode_slice(plain, &mut body[head.len()..]);
        written.expect("the room is that of the value's length in base64");
    })?;
    body.extend_from_slice(TAIL);
    Ok((body, head.len()..head.len() + encoded))
}

/// An object that goes on: without its last brace, and with a comma where something is in it.
fn open_object(object: Map<String, Value>) -> String {
    let is_empty = object.is_empty();
    let mut text = Value::Object(object).to_string();
    text.pop();
    if !is_empty {
        text.push(',');
    }
    text
}

const TAIL: &[u8] = b"\"}}";

#[cfg(test)]
mod tests {
    use serde_json::json;
    use vault_memory::{Preference, Shield};

    use super::*;

    #[test]
    fn any_value_is_in_the_body_once_and_the_body_has_not_grown() {
        let shield = Shield::new(Preference::Auto).expect("a shield");
        let details = json!({"vaultId": "v\"\\", "n": 1});
        for length in [1, 2, 3, 4, 100, 25_600] {
            let mut plain: Vec<u8> = (0..=255).cycle().take(length).collect();
            let encoded = STANDARD.encode(&plain);
            let value = shield.shield(&mut plain).expect("a value");
            for details in [json!({}), details.clone()] {
                let object = details.as_object().cloned().expect("an object");
                let body = with_content(object, Some("blue"), "PENDING", &value);
                let (body, value) = body.expect("a body");
                assert_eq!(body.len(), body.capacity());
                assert_eq!(&body[value], encoded.as_bytes());
                let read: Value = serde_json::from_slice(&body).expect("JSON");
                let mut expected = details;
                expected["secretContent"] = json!({
                    "contentType": "BASE64", "stage": "PENDING", "name": "blue", "content": encoded,
                });
                assert_eq!(read, expected);
            }
        }
    }
}
