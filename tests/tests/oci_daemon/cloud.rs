//! A home whose daemon asks a fake of OCI.

use std::path::PathBuf;

use serde_json::{Value, json};
use vault_tests::harness::Home;
use vault_tests::oci::{COMPARTMENT, Credentials, FakeOci, VAULT, write_credentials};

/// A home whose configuration leads to a fake.
pub(crate) struct Cloud {
    pub(crate) fake: FakeOci,
    pub(crate) home: Home,
    pub(crate) credentials: Credentials,
}

impl Cloud {
    /// With an API key, the fake's authority, and bare names in its compartment.
    pub(crate) fn new() -> Self {
        let (fake, home) = (FakeOci::start(), Home::new());
        let directory = home.path("credentials");
        std::fs::create_dir(&directory).expect("a directory");
        let credentials = write_credentials(&fake, &directory).expect("credentials");
        let cloud = Self {
            fake,
            home,
            credentials,
        };
        cloud.configure(&json!({}));
        cloud
    }

    /// Writes resolver.yaml, with more sections than the one for the vault.
    pub(crate) fn configure(&self, more: &Value) -> PathBuf {
        let mut whole = json!({
            "vault": self.vault(),
            "resilience": {"max_retries": 0},
        });
        merge(&mut whole, more);
        // JSON is YAML.
        self.home.write_resolver(&whole.to_string())
    }

    /// `vault:` as it leads to the fake.
    pub(crate) fn vault(&self) -> Value {
        let url = self.fake.https_url();
        json!({
            "config_file": self.credentials.config_file,
            "endpoint": url,
            "management_endpoint": url,
            "auth_endpoint": url,
            "key_management_endpoint": url,
            "ca_file": self.credentials.ca_file,
            "compartment_id": COMPARTMENT,
            "vault_id": VAULT,
        })
    }

    /// A service that prints its environment, with this reference in `TOKEN`.
    pub(crate) fn service(&self, name: &str, reference: &str, more: &Value) {
        let mut content = json!({
            "secrets": {"TOKEN": {"secret_name": reference}},
            "target_command": ["env"],
        });
        merge(&mut content, more);
        self.home.write_service(name, &content);
    }

    /// What the service got.
    #[track_caller]
    pub(crate) fn token(&self, service: &str) -> String {
        let launched = self.home.run(&[service]);
        let mut lines = launched.success().lines();
        let token = lines.find_map(|line| line.strip_prefix("TOKEN="));
        token
            .unwrap_or_else(|| panic!("no token: {launched}"))
            .to_owned()
    }

    /// The names of the keys that calls were signed with, in their order.
    pub(crate) fn keys(&self) -> Vec<String> {
        let key = |header: &str| {
            let (_, rest) = header.split_once("keyId=\"")?;
            rest.split('"').next().map(str::to_owned)
        };
        self.fake.with(|world| {
            let seen = world.journal.seen().iter();
            let headers = seen.filter_map(|seen| seen.headers.get("authorization")?.to_str().ok());
            headers.filter_map(key).collect()
        })
    }

    /// The name of the key that the last call was signed with.
    pub(crate) fn last_key(&self) -> String {
        self.keys().pop().expect("a call")
    }
}

/// Joins maps key by key; everything else is replaced.
fn merge(below: &mut Value, above: &Value) {
    match (below, above) {
        (Value::Object(below), Value::Object(above)) => {
            for (key, value) in above {
                merge(below.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (below, above) => *below = above.clone(),
    }
}
