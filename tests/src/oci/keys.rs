//! The keys that keyIds name.

use std::collections::HashMap;

use rsa::RsaPublicKey;
use rsa::pkcs8::DecodePublicKey;

use super::fixture::{public_key_pem, tenancy};
use super::token::{Claims, Mint};

/// Before the token in a keyId.
const TOKEN: &str = "ST$";

/// The keys the service knows.
#[derive(Debug)]
pub struct Keys {
    /// How long new tokens are good for.
    pub token_seconds: u64,
    by_id: HashMap<String, RsaPublicKey>,
    trusted: HashMap<String, Claims>,
    mint: Mint,
}

/// Whoever has signed a request.
#[derive(Clone, Debug)]
pub(super) struct Signer {
    pub(super) key: RsaPublicKey,
    /// Whether it is an instance, a resource or a pod, by a token.
    pub(super) is_principal: bool,
    /// Of how many resources inside of each other, less one.
    pub(super) level: usize,
}

/// For what a token is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A person's session, which can be refreshed.
    Session,
    /// An instance, a resource or a pod.
    Principal,
    /// The intermediate tokens of resource principals.
    Resource,
    /// A Kubernetes service account, to get a pod's token with.
    ServiceAccount,
}

impl Keys {
    pub(super) fn new() -> Self {
        Self {
            token_seconds: 3600,
            by_id: HashMap::new(),
            trusted: HashMap::new(),
            mint: Mint::new(),
        }
    }

    /// Makes the key with this keyId known: an API key's, or a resource's own.
    ///
    /// # Panics
    /// If the text is no public key in PEM.
    pub fn register(&mut self, key_id: &str, public_key: &str) {
        let key = RsaPublicKey::from_public_key_pem(public_key);
        let key = key.expect("a public key in PEM");
        self.by_id.insert(key_id.to_owned(), key);
    }

    /// Forgets it again.
    pub fn forget(&mut self, key_id: &str) {
        self.by_id.remove(key_id);
    }

    /// Takes a token that was made elsewhere, until `expires`, whatever it says itself.
    ///
    /// # Panics
    /// If the text is no public key in PEM.
    pub fn trust_session(&mut self, token: &str, public_key: &str, expires: u64) {
        let key = RsaPublicKey::from_public_key_pem(public_key);
        let claims = Claims {
            kind: Purpose::Session.word().to_owned(),
            key: key.expect("a public key in PEM"),
            expires,
            level: 0,
        };
        self.trusted.insert(token.to_owned(), claims);
    }

    /// The token of a person's session, as `oci session authenticate` gets it.
    ///
    /// # Panics
    /// If the text is no public key in PEM.
    pub fn session_token(&self, public_key: &str, now: u64) -> String {
        let key = RsaPublicKey::from_public_key_pem(public_key);
        self.issue(Purpose::Session, key.expect("a public key in PEM"), now)
    }

    /// The token of a resource principal 2.2, as a function finds it beside its key.
    ///
    /// # Panics
    /// If the text is no public key in PEM.
    pub fn resource_token(&self, public_key: &str, now: u64) -> String {
        let key = RsaPublicKey::from_public_key_pem(public_key);
        self.issue(Purpose::Principal, key.expect("a public key in PEM"), now)
    }

    /// The token of a Kubernetes service account, as a pod finds it.
    ///
    /// # Panics
    /// Never: the key of the vectors is one.
    pub fn service_account_token(&self, now: u64) -> String {
        // Nobody signs with it; it is a bearer's.
        let key = RsaPublicKey::from_public_key_pem(public_key_pem("pubsession2048"));
        self.issue(
            Purpose::ServiceAccount,
            key.expect("a key of the vectors"),
            now,
        )
    }

    /// No token that was issued so far is taken any more.
    pub fn revoke_tokens(&mut self) {
        self.mint = Mint::new();
        self.trusted.clear();
    }

    pub(super) fn issue(&self, purpose: Purpose, key: RsaPublicKey, now: u64) -> String {
        self.issue_for(0, purpose, key, now)
    }

    /// The same for a resource that has so many others inside of it.
    pub(super) fn issue_for(
        &self,
        level: usize,
        purpose: Purpose,
        key: RsaPublicKey,
        now: u64,
    ) -> String {
        let claims = Claims {
            kind: purpose.word().to_owned(),
            key,
            expires: now + self.token_seconds,
            level,
        };
        self.mint.issue(&claims, now, tenancy())
    }

    /// The key of a token that is good for `purpose` now.
    pub(super) fn of_token(&self, token: &str, purpose: Purpose, now: u64) -> Option<RsaPublicKey> {
        self.claims(token, purpose, now).map(|claims| claims.key)
    }

    /// What a token says, if it is good for `purpose` now.
    pub(super) fn claims(&self, token: &str, purpose: Purpose, now: u64) -> Option<Claims> {
        let claims = self.trusted.get(token).cloned();
        let claims = claims.or_else(|| self.mint.read(token))?;
        let is_good = claims.kind == purpose.word() && now < claims.expires;
        is_good.then_some(claims)
    }

    /// Who must have signed a request with this keyId, if there is anybody now.
    pub(super) fn of(&self, key_id: &str, now: u64) -> Option<Signer> {
        let Some(token) = key_id.strip_prefix(TOKEN) else {
            let key = self.by_id.get(key_id).cloned()?;
            return Some(Signer {
                key,
                is_principal: false,
                level: 0,
            });
        };
        let mut purposes = [Purpose::Session, Purpose::Principal].into_iter();
        purposes.find_map(|purpose| {
            let claims = self.claims(token, purpose, now)?;
            Some(Signer {
                key: claims.key,
                is_principal: purpose == Purpose::Principal,
                level: claims.level,
            })
        })
    }
}

impl Purpose {
    fn word(self) -> &'static str {
        match self {
            Self::Session => "user",
            Self::Principal => "principal",
            Self::Resource => "resource",
            Self::ServiceAccount => "serviceaccount",
        }
    }
}
