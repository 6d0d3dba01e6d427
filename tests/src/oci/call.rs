//! One request to the fake.

use hyper::{HeaderMap, Method};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::refusal::Refusal;

/// One request, its body read.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    /// Path and query as they stood on the request line.
    pub(super) target: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Call {
    /// The parts of the path, unescaped.
    pub(super) fn segments(&self) -> Vec<String> {
        let path = self.target.split('?').next().unwrap_or_default();
        let parts = path.strip_prefix('/').unwrap_or(path).split('/');
        parts
            .map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned())
            .collect()
    }

    /// A parameter of the query, unescaped as a form's is.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        let (_, query) = self.target.split_once('?')?;
        let mut pairs = query
            .split('&')
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let (_, value) = pairs.find(|(key, _)| unescaped(key) == name)?;
        Some(unescaped(value))
    }

    /// A parameter that must be there and not empty.
    pub(super) fn required(&self, name: &str) -> Result<String, Refusal> {
        let value = self.parameter(name).filter(|value| !value.is_empty());
        value.ok_or_else(|| Refusal::missing(name))
    }

    /// A parameter that is a number, if it is there.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Refusal> {
        let value = self.parameter(name).map(|value| value.parse());
        value
            .transpose()
            .map_err(|_| Refusal::invalid(&format!("{name} is not a number")))
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body, which must be a JSON object.
    pub(super) fn object(&self) -> Result<Value, Refusal> {
        let value = serde_json::from_slice(&self.body).ok();
        value
            .filter(Value::is_object)
            .ok_or_else(Refusal::unparsable)
    }
}

fn unescaped(text: &str) -> String {
    let blanks = text.replace('+', " ");
    percent_decode_str(&blanks).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_taken_apart_as_the_service_does() {
        let call = Call {
            method: Method::GET,
            target: "/20180608/secrets/a%2Fb?name=a+b%2B%20c&page=&x".to_owned(),
            headers: HeaderMap::new(),
            body: Vec::new(),
        };
        assert_eq!(call.segments(), ["20180608", "secrets", "a/b"]);
        assert_eq!(call.parameter("name").as_deref(), Some("a b+ c"));
        assert_eq!(call.parameter("page").as_deref(), Some(""));
        assert_eq!(call.parameter("x").as_deref(), Some(""));
        assert_eq!(call.parameter("y"), None);
        assert!(call.required("page").is_err());
        assert!(call.number("name").is_err());
    }
}
