//! Tokens of the fake.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::traits::PublicKeyParts;
use rsa::{BigUint, RsaPublicKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// What only the fake knows; a token under another's is a forgery.
#[derive(Clone, Debug)]
pub(super) struct Mint {
    secret: [u8; 32],
}

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claims {
    /// What it is good for.
    pub(super) kind: String,
    /// The key of whoever uses it.
    pub(super) key: RsaPublicKey,
    /// Until when, in seconds since 1970-01-01 UTC.
    pub(super) expires: u64,
    /// Of how many resources inside of each other, less one.
    pub(super) level: usize,
}

impl Mint {
    pub(super) fn new() -> Self {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).expect("the system has random bytes");
        Self { secret }
    }

    /// A JSON Web Token. Its signature is a keyed hash, which its users do not look at.
    pub(super) fn issue(&self, claims: &Claims, now: u64, tenancy: &str) -> String {
        let encode = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = encode(json!({"kid": "asw", "alg": "RS256"}));
        let payload = encode(json!({
            "sub": "ocid1.fake", "tenant": tenancy, "ptype": claims.kind,
            "iat": now, "exp": claims.expires, "jwk": jwk(&claims.key), "level": claims.level,
            // Two tokens of one second are two.
            "jti": URL_SAFE_NO_PAD.encode(random()),
        }));
        let signed = format!("{header}.{payload}");
        let signature = self.signature(&signed);
        format!("{signed}.{signature}")
    }

    /// What a token of this mint says.
    pub(super) fn read(&self, token: &str) -> Option<Claims> {
        let (signed, signature) = token.rsplit_once('.')?;
        (self.signature(signed) == signature).then_some(())?;
        let (_, payload) = signed.split_once('.')?;
        let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
        let payload: Value = serde_json::from_slice(&payload).ok()?;
        Some(Claims {
            kind: payload["ptype"].as_str()?.to_owned(),
            key: key(payload["jwk"].as_str()?)?,
            expires: payload["exp"].as_u64()?,
            level: payload["level"].as_u64()?.try_into().ok()?,
        })
    }

    fn signature(&self, signed: &str) -> String {
        let hash = Sha256::new().chain_update(self.secret).chain_update(signed);
        // As long as a real one.
        URL_SAFE_NO_PAD.encode(hash.finalize().repeat(8))
    }
}

fn random() -> [u8; 12] {
    let mut bytes = [0; 12];
    getrandom::fill(&mut bytes).expect("the system has random bytes");
    bytes
}

/// A JSON Web Key as a text in the claims, as Oracle's tokens have it.
fn jwk(key: &RsaPublicKey) -> String {
    let number = |number: &BigUint| URL_SAFE_NO_PAD.encode(number.to_bytes_be());
    json!({"kid": "session", "n": number(key.n()), "e": number(key.e()), "kty": "RSA",
        "alg": "RS256", "use": "sig"})
    .to_string()
}

fn key(jwk: &str) -> Option<RsaPublicKey> {
    let jwk: Value = serde_json::from_str(jwk).ok()?;
    let number = |name: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(jwk[name].as_str()?).ok()?;
        Some(BigUint::from_bytes_be(&bytes))
    };
    RsaPublicKey::new(number("n")?, number("e")?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::fixture::public_key_pem;
    use rsa::pkcs8::DecodePublicKey;

    #[test]
    fn a_token_is_read_by_its_own_mint_alone_and_whole() {
        let key = public_key_pem("pubsession2048");
        let claims = Claims {
            kind: "session".to_owned(),
            key: RsaPublicKey::from_public_key_pem(key).expect("a key"),
            expires: 7,
            level: 2,
        };
        let mint = Mint::new();
        let token = mint.issue(&claims, 1, "tenancy");
        assert_eq!(mint.read(&token), Some(claims));
        assert_eq!(Mint::new().read(&token), None);
        let altered = token.replacen("eyJ", "eyK", 2);
        assert_eq!(mint.read(&altered), None);
    }
}
