//! The names that OCI knows signing keys by.

use zeroize::Zeroizing;

use super::certificate::Certificate;
use super::fingerprint::Fingerprint;

/// The parameter `keyId` of a signature. It may be a token, so it is wiped on drop and has no `Debug`.
pub struct KeyId(Zeroizing<String>);

impl KeyId {
    /// An API key of a user.
    ///
    /// # Errors
    /// [`BadKeyId`].
    pub fn api_key(tenancy: &str, user: &str, fingerprint: Fingerprint) -> Result<Self, BadKeyId> {
        Self::new(format!("{tenancy}/{user}/{fingerprint}"))
    }

    /// The key that belongs to a token: of a session, an instance, a resource, a pod.
    ///
    /// # Errors
    /// [`BadKeyId`].
    pub fn token(token: &str) -> Result<Self, BadKeyId> {
        Self::new(format!("ST${token}"))
    }

    /// The key of an instance's certificate, for the request that gets a token; its body then says
    /// `"fingerprintAlgorithm": "SHA256"`, as the SDKs for Go and Java do.
    ///
    /// # Errors
    /// [`BadKeyId`].
    pub fn certificate(tenancy: &str, certificate: &Certificate) -> Result<Self, BadKeyId> {
        let fingerprint = certificate.sha256_fingerprint();
        Self::new(format!("{tenancy}/fed-x509-sha256/{fingerprint}"))
    }

    /// The key of a resource of version 2.1, for the request that gets a token.
    ///
    /// # Errors
    /// [`BadKeyId`].
    pub fn resource(resource: &str) -> Result<Self, BadKeyId> {
        Self::new(format!("resource/v2.1/{resource}"))
    }

    /// The same for versions that name the tenancy too: `2.1.1`, `2.1.2`.
    ///
    /// # Errors
    /// [`BadKeyId`].
    pub fn resource_of_tenancy(
        version: &str,
        tenancy: &str,
        resource: &str,
    ) -> Result<Self, BadKeyId> {
        Self::new(format!("resource/v{version}/{tenancy}/{resource}"))
    }

    /// A name that came as a whole. Nothing can be escaped in a header parameter of this scheme, so
    /// what would end it is refused.
    ///
    /// # Errors
    /// [`BadKeyId`].
    pub fn new(text: String) -> Result<Self, BadKeyId> {
        let text = Zeroizing::new(text);
        let visible = text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'"');
        if visible && !text.is_empty() {
            Ok(Self(text))
        } else {
            Err(BadKeyId)
        }
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Letters that cannot be in a signature's `keyId`. Which ones is not said: it may be a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "name the key: tenancy, user or token is empty or has blanks, quotation marks or other letters that no OCI name has"
)]
pub struct BadKeyId;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_the_parameter_is_refused() {
        for text in ["", "ST$a\"b", "ST$a b", "ST$a\n", "ST$\u{e4}"] {
            let refused = KeyId::new(text.to_owned()).err();
            assert_eq!(refused, Some(BadKeyId), "{text:?}");
        }
    }

    #[test]
    fn first_requests_of_resources_have_names_of_their_own() {
        let resource = KeyId::resource("ocid1.x").expect("a name");
        assert_eq!(resource.as_str(), "resource/v2.1/ocid1.x");
        let resource = KeyId::resource_of_tenancy("2.1.2", "ocid1.t", "ocid1.x").expect("a name");
        assert_eq!(resource.as_str(), "resource/v2.1.2/ocid1.t/ocid1.x");
    }
}
