//! Vaults and encryption keys of the fake.

use serde_json::{Value, json};

use super::call::Call;
use super::clock::json_time;
use super::naming::{COMPARTMENT, ENCRYPTION_KEY, VAULT};
use super::paging::Paging;
use super::refusal::Refusal;
use super::reply::Reply;

/// When all of them were made.
const CREATED: u64 = 1_767_648_700;

/// All vaults and the keys in them.
#[derive(Clone, Debug)]
pub struct Vaults {
    /// The vaults, oldest first.
    pub vaults: Vec<Vault>,
    /// The keys of all of them, oldest first.
    pub keys: Vec<EncryptionKey>,
}

/// One vault.
#[derive(Clone, Debug)]
pub struct Vault {
    /// Its OCID.
    pub id: String,
    /// Its name, which need not be its own alone.
    pub name: String,
    /// The compartment it is in.
    pub compartment: String,
    /// `ACTIVE`, or another of the service's words.
    pub state: String,
}

/// One key that secrets can be encrypted with.
#[derive(Clone, Debug)]
pub struct EncryptionKey {
    /// Its OCID.
    pub id: String,
    /// Its name, which need not be its own alone.
    pub name: String,
    /// The vault it is in.
    pub vault: String,
    /// The compartment it is in.
    pub compartment: String,
    /// `AES`, or another of the service's words.
    pub algorithm: String,
    /// `ENABLED`, or another of the service's words.
    pub state: String,
}

impl Default for Vaults {
    /// One of each.
    fn default() -> Self {
        Self {
            vaults: vec![Vault {
                id: VAULT.to_owned(),
                name: "fake vault".to_owned(),
                compartment: COMPARTMENT.to_owned(),
                state: "ACTIVE".to_owned(),
            }],
            keys: vec![EncryptionKey {
                id: ENCRYPTION_KEY.to_owned(),
                name: "fake key".to_owned(),
                vault: VAULT.to_owned(),
                compartment: COMPARTMENT.to_owned(),
                algorithm: "AES".to_owned(),
                state: "ENABLED".to_owned(),
            }],
        }
    }
}

impl Vaults {
    /// Another key like the first, under this id.
    pub fn add_key(&mut self, id: &str) -> &mut EncryptionKey {
        let mut key = Self::default().keys.remove(0);
        id.clone_into(&mut key.id);
        self.keys.push(key);
        self.keys.last_mut().expect("it was just added")
    }

    /// The key of this id, wherever it is.
    ///
    /// # Panics
    /// If there is none.
    pub fn key(&mut self, id: &str) -> &mut EncryptionKey {
        let found = self.keys.iter_mut().find(|key| key.id == id);
        found.unwrap_or_else(|| panic!("there is no key {id}"))
    }

    /// Refuses a key that cannot encrypt a secret. The statuses are guessed.
    pub(super) fn can_encrypt(&self, vault: &str, key: &str) -> Result<(), Refusal> {
        let mut keys = self.keys.iter();
        let key = keys.find(|known| known.id == key && known.vault == vault);
        let key = key.ok_or_else(Refusal::not_found)?;
        if key.algorithm != "AES" {
            return Err(Refusal::invalid("keyId: the key is not symmetric"));
        }
        self.can_decrypt(&key.id)
    }

    /// Refuses a key that is there and not in use. The status is guessed.
    pub(super) fn can_decrypt(&self, key: &str) -> Result<(), Refusal> {
        let mut keys = self.keys.iter();
        match keys.find(|known| known.id == key) {
            Some(key) if key.state != "ENABLED" => {
                Err(Refusal::wrong_state("The key is not enabled."))
            }
            _ => Ok(()),
        }
    }

    /// The vaults of a compartment. `origin` is where their keys are asked for.
    pub(super) fn list(&self, call: &Call, origin: &str, paging: Paging) -> Result<Reply, Refusal> {
        let compartment = call.required("compartmentId")?;
        let found = self.vaults.iter();
        let found = found.filter(|vault| vault.compartment == compartment);
        let mut items: Vec<Value> = found.map(|vault| vault.described(origin)).collect();
        order(call, &mut items)?;
        paging.page(call, items)
    }

    /// One vault.
    pub(super) fn vault(&self, id: &str, origin: &str) -> Result<Reply, Refusal> {
        let found = self.vaults.iter().find(|vault| vault.id == id);
        let vault = found.ok_or_else(Refusal::not_found)?;
        Ok(Reply::json(&vault.described(origin)).with("etag", "etag-vault"))
    }

    /// The keys of a compartment. Of every vault: all have one endpoint here.
    pub(super) fn list_keys(&self, call: &Call, paging: Paging) -> Result<Reply, Refusal> {
        let compartment = call.required("compartmentId")?;
        let algorithm = call.parameter("algorithm");
        let found = self.keys.iter().filter(|key| {
            let algorithm = algorithm.as_ref();
            key.compartment == compartment
                && algorithm.is_none_or(|algorithm| *algorithm == key.algorithm)
        });
        let mut items: Vec<Value> = found.map(EncryptionKey::summary).collect();
        order(call, &mut items)?;
        paging.page(call, items)
    }

    /// One key.
    pub(super) fn key_of(&self, id: &str) -> Result<Reply, Refusal> {
        let key = self.keys.iter().find(|key| key.id == id);
        let key = key.ok_or_else(Refusal::not_found)?;
        let mut all = key.summary();
        all["currentKeyVersion"] = format!("{}.version", key.id).into();
        all["keyShape"] = json!({"algorithm": key.algorithm, "length": 32, "curveId": null});
        Ok(Reply::json(&all).with("etag", "etag-key"))
    }
}

impl Vault {
    fn described(&self, origin: &str) -> Value {
        json!({
            "id": self.id,
            "displayName": self.name,
            "compartmentId": self.compartment,
            "lifecycleState": self.state,
            "timeCreated": json_time(CREATED),
            "vaultType": "DEFAULT",
            "managementEndpoint": origin,
            "cryptoEndpoint": origin,
            "somethingNew": 1,
        })
    }
}

impl EncryptionKey {
    /// What a list says of it: not which of its versions is in use.
    fn summary(&self) -> Value {
        json!({
            "id": self.id,
            "displayName": self.name,
            "vaultId": self.vault,
            "compartmentId": self.compartment,
            "lifecycleState": self.state,
            "algorithm": self.algorithm,
            "protectionMode": "HSM",
            "timeCreated": json_time(CREATED),
            "somethingNew": 1,
        })
    }
}

/// As a call wants it: the newest first unless told.
fn order(call: &Call, items: &mut [Value]) -> Result<(), Refusal> {
    let by_name = match call.parameter("sortBy").as_deref() {
        None | Some("TIMECREATED") => false,
        Some("DISPLAYNAME") => true,
        Some(_) => return Err(Refusal::invalid("sortBy")),
    };
    if by_name {
        items.sort_by_key(|item| item["displayName"].to_string());
    }
    match call.parameter("sortOrder").as_deref() {
        None if by_name => {}
        Some("ASC") => {}
        None | Some("DESC") => items.reverse(),
        Some(_) => return Err(Refusal::invalid("sortOrder")),
    }
    Ok(())
}
