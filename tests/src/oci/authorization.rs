//! The claims of an `Authorization` header.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::refusal::Refusal;

/// The parts of `Signature algorithm="…",headers="…",keyId="…",signature="…",version="1"`, in any
/// order. Nothing is escaped in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Authorization {
    pub(super) key_id: String,
    /// What was signed, in the order in which it was.
    pub(super) signed: Vec<String>,
    pub(super) signature: Vec<u8>,
}

impl Authorization {
    /// Reads the header's value.
    pub(super) fn of(header: Option<&str>) -> Result<Self, Refusal> {
        let parameters = header.and_then(|value| value.strip_prefix("Signature "));
        let parameters = parameters.ok_or_else(Refusal::no_credentials)?;
        Self::read(parameters).ok_or_else(Refusal::wrong_credentials)
    }

    fn read(parameters: &str) -> Option<Self> {
        let pairs = pairs(parameters)?;
        let value = |name: &str| {
            let mut found = pairs.iter().filter(|(key, _)| *key == name);
            let (_, value) = found.next()?;
            found.next().is_none().then_some(*value)
        };
        let is_known = value("algorithm")? == "rsa-sha256" && value("version")? == "1";
        (is_known && pairs.len() == 5).then_some(())?;
        Some(Self {
            key_id: value("keyId")?.to_owned(),
            signed: value("headers")?.split(' ').map(str::to_owned).collect(),
            signature: STANDARD.decode(value("signature")?).ok()?,
        })
    }
}

/// `a="1",b="2"`, and nothing else.
fn pairs(mut text: &str) -> Option<Vec<(&str, &str)>> {
    let mut pairs = Vec::new();
    loop {
        let (name, rest) = text.split_once("=\"")?;
        let (value, rest) = rest.split_once('"')?;
        pairs.push((name, value));
        if rest.is_empty() {
            return Some(pairs);
        }
        text = rest.strip_prefix(',')?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "Signature version=\"1\",headers=\"date host\",keyId=\"a/b\",\
                        algorithm=\"rsa-sha256\",signature=\"AQI=\"";

    #[test]
    fn the_parts_are_found_in_any_order() {
        let read = Authorization::of(Some(GOOD)).expect("good");
        assert_eq!(read.key_id, "a/b");
        assert_eq!(read.signed, ["date", "host"]);
        assert_eq!(read.signature, [1, 2]);
    }

    #[test]
    fn what_is_not_whole_is_refused() {
        for (from, to) in [
            ("version=\"1\"", "version=\"2\""),
            ("rsa-sha256", "hmac-sha256"),
            ("AQI=", "AQI"),
            ("keyId", "keyID"),
            ("headers", "keyId"),
            ("\",keyId", "\", keyId"),
            ("a/b\"", "a/b"),
            ("version=\"1\",", ""),
            ("version=\"1\",", "version=\"1\",other=\"\","),
        ] {
            let bad = GOOD.replacen(from, to, 1);
            assert_eq!(
                Authorization::of(Some(&bad)),
                Err(Refusal::wrong_credentials()),
                "{bad}"
            );
        }
        for none in [None, Some("Bearer Oracle"), Some("")] {
            assert_eq!(Authorization::of(none), Err(Refusal::no_credentials()));
        }
    }
}
