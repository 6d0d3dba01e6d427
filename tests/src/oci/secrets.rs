//! The secrets of the fake.

use std::collections::HashMap;

use serde_json::Value;

use super::naming::{COMPARTMENT, ENCRYPTION_KEY, VAULT, secret_id};
use super::paging::Paging;
use super::refusal::Refusal;

/// All secrets of the cloud.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    /// In which pieces lists are given.
    pub paging: Paging,
    /// Whether what is not set is left out of replies, and not spelt `null`. Which of them the real
    /// service does is not known.
    pub leaves_nulls_out: bool,
    all: Vec<Secret>,
    /// What a retry token was used for: the request's body, and the secret it made.
    retry_tokens: HashMap<String, (Vec<u8>, String)>,
}

/// One secret with all its versions.
#[derive(Clone, Debug)]
pub struct Secret {
    /// Its OCID.
    pub id: String,
    /// Its name, unique in the vault.
    pub name: String,
    /// The vault it is in.
    pub vault: String,
    /// The compartment it is in.
    pub compartment: String,
    /// The key it is encrypted with.
    pub key: String,
    /// What else was given: description, tags, metadata, rules.
    pub words: Value,
    /// Where it is in its life.
    pub state: State,
    /// When it was made, in seconds since 1970-01-01 UTC.
    pub created: u64,
    /// When it will be gone, as it was given.
    pub deletion: Option<String>,
    /// From when on its content is not given any more, in seconds since 1970-01-01 UTC.
    pub blocked_from: Option<u64>,
    /// Its versions, oldest first.
    pub versions: Vec<Version>,
    /// The number of the version in use.
    pub current: u64,
    /// The number of the one that was in use before.
    pub previous: Option<u64>,
    /// The number of the one that is to come.
    pub pending: Option<u64>,
    /// Goes up with each change.
    pub revision: u64,
}

/// One value of a secret.
#[derive(Clone, Debug)]
pub struct Version {
    /// From 1 on.
    pub number: u64,
    /// Its name, if it was given one.
    pub name: Option<String>,
    /// The value.
    pub content: Vec<u8>,
    /// When it was made, in seconds since 1970-01-01 UTC.
    pub created: u64,
    /// When it will be gone, as it was given.
    pub deletion: Option<String>,
    /// When it ends being good, in seconds since 1970-01-01 UTC.
    pub expiry: Option<u64>,
}

/// Where a secret is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It can be read and changed.
    Active,
    /// It is being made, and not there yet.
    Creating,
    /// It cannot be changed just now.
    Updating,
    /// It is about to be one that waits for its deletion.
    SchedulingDeletion,
    /// It can be had back, and not be read.
    PendingDeletion,
    /// It is about to be had back.
    CancellingDeletion,
    /// It is being deleted.
    Deleting,
    /// It is gone.
    Deleted,
    /// It could not be made.
    Failed,
}

impl State {
    /// Every one.
    pub const ALL: [Self; 9] = [
        Self::Active,
        Self::Creating,
        Self::Updating,
        Self::SchedulingDeletion,
        Self::PendingDeletion,
        Self::CancellingDeletion,
        Self::Deleting,
        Self::Deleted,
        Self::Failed,
    ];

    /// The service's word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Creating => "CREATING",
            Self::Updating => "UPDATING",
            Self::SchedulingDeletion => "SCHEDULING_DELETION",
            Self::PendingDeletion => "PENDING_DELETION",
            Self::CancellingDeletion => "CANCELLING_DELETION",
            Self::Deleting => "DELETING",
            Self::Deleted => "DELETED",
            Self::Failed => "FAILED",
        }
    }
}

impl Secrets {
    /// Stores a value under a name in [`VAULT`], as a new current version where there is one, and
    /// returns the secret's id.
    pub fn put(&mut self, name: &str, content: &[u8], now: u64) -> String {
        let mut named = self.all.iter_mut();
        let named = named.find(|secret| secret.name == name && secret.vault == VAULT);
        if let Some(secret) = named {
            secret.add(content.to_vec(), None, now);
            secret.promote_newest();
            return secret.id.clone();
        }
        let secret = Secret::new(name, VAULT, content.to_vec(), now);
        self.insert(secret)
    }

    /// The secret with this id.
    ///
    /// # Panics
    /// If there is none.
    pub fn secret(&mut self, id: &str) -> &mut Secret {
        let found = self.find(id).ok();
        found.unwrap_or_else(|| panic!("there is no secret {id}"))
    }

    /// Every secret, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Secret> {
        self.all.iter()
    }

    pub(super) fn find(&mut self, id: &str) -> Result<&mut Secret, Refusal> {
        let found = self.all.iter_mut().find(|secret| secret.id == id);
        found.ok_or_else(Refusal::not_found)
    }

    /// A name stays taken while its secret can be had back, and after.
    pub(super) fn has_name(&self, vault: &str, name: &str) -> bool {
        let mut all = self.iter();
        all.any(|secret| secret.vault == vault && secret.name == name)
    }

    /// Gives a new secret its id.
    pub(super) fn insert(&mut self, mut secret: Secret) -> String {
        secret.id = secret_id(self.all.len() as u64 + 1);
        let id = secret.id.clone();
        self.all.push(secret);
        id
    }

    /// What a retry token made, if it was used for this body.
    pub(super) fn made_by(&self, token: &str, body: &[u8]) -> Result<Option<String>, Refusal> {
        match self.retry_tokens.get(token) {
            None => Ok(None),
            Some((used_for, id)) if used_for == body => Ok(Some(id.clone())),
            Some(_) => Err(Refusal::used_retry_token()),
        }
    }

    pub(super) fn remember(&mut self, token: &str, body: &[u8], id: &str) {
        let used = (body.to_vec(), id.to_owned());
        self.retry_tokens.insert(token.to_owned(), used);
    }
}

impl Secret {
    /// A secret with one version, which is current. It has no id yet.
    pub(super) fn new(name: &str, vault: &str, content: Vec<u8>, now: u64) -> Self {
        let mut secret = Self {
            id: String::new(),
            name: name.to_owned(),
            vault: vault.to_owned(),
            compartment: COMPARTMENT.to_owned(),
            key: ENCRYPTION_KEY.to_owned(),
            words: Value::Null,
            state: State::Active,
            created: now,
            deletion: None,
            blocked_from: None,
            versions: Vec::new(),
            current: 1,
            previous: None,
            pending: None,
            revision: 0,
        };
        secret.add(content, None, now);
        secret
    }

    /// Adds a version that is not in use, and returns its number.
    pub fn add(&mut self, content: Vec<u8>, name: Option<String>, now: u64) -> u64 {
        let number = self.newest() + 1;
        self.versions.push(Version {
            number,
            name,
            content,
            created: now,
            deletion: None,
            expiry: None,
        });
        self.revision += 1;
        number
    }

    /// Takes the newest version into use.
    pub(super) fn promote_newest(&mut self) {
        self.promote(self.newest());
    }

    /// Takes a version into use.
    pub fn promote(&mut self, number: u64) {
        if number != self.current {
            self.previous = Some(self.current);
            self.current = number;
        }
        self.pending = self.pending.filter(|pending| *pending != number);
        self.revision += 1;
    }

    /// The version with this number.
    pub(super) fn version(&mut self, number: u64) -> Result<&mut Version, Refusal> {
        let mut versions = self.versions.iter_mut();
        let found = versions.find(|version| version.number == number);
        found.ok_or_else(Refusal::not_found)
    }

    /// What a version is called by its place among the others.
    pub fn stages(&self, number: u64) -> Vec<&'static str> {
        let stages = [
            ("CURRENT", Some(self.current)),
            ("PENDING", self.pending),
            ("LATEST", Some(self.newest())),
            ("PREVIOUS", self.previous),
        ];
        let of_version = stages.into_iter().filter(|(_, at)| *at == Some(number));
        let names: Vec<&str> = of_version.map(|(name, _)| name).collect();
        if names.is_empty() {
            vec!["DEPRECATED"]
        } else {
            names
        }
    }

    /// Names this state of the secret.
    pub fn etag(&self) -> String {
        let (_, number) = self.id.split_at(self.id.len().saturating_sub(4));
        format!("etag-{number}-{}", self.revision)
    }

    fn newest(&self) -> u64 {
        self.versions.last().map_or(0, |version| version.number)
    }
}
