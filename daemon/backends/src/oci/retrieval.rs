//! Reading of secrets: how a value is found.
//!
//! By its OCID and by its name in a vault in one call. By its name in a compartment there is no such
//! call: the secrets of that name are listed, and the one that is found is remembered for a while, so
//! that the next read is one call too. It is forgotten, and looked up again, where it gives no value any
//! more, where a secret is changed here, and where somebody wants to start afresh.

use std::sync::Arc;

use vault_memory::Shield;

use super::conversation::{Answer, Call, Conversation};
use super::endpoint::Service;
use super::error::BadReply;
use super::known_names::KnownNames;
use super::listing::Listed;
use super::region::{Region, Sources};
use super::secret_bundle::{ContentError, Ended, SecretBundle};
use super::secret_list::{SecretSummary, secrets_named};
use super::secret_place::SecretPlace;
use super::signature::Method;
use crate::address::{Address, VersionSelector};
use crate::bundle::Bundle;
use crate::error::{BackendError, Class, Contact};

/// Reads values.
pub struct Retrieval {
    conversation: Arc<Conversation>,
    shield: Arc<Shield>,
    known: Arc<KnownNames>,
}

impl Retrieval {
    /// A reader that asks in this conversation, keeps values under this shield, and remembers names here.
    pub(crate) fn new(
        conversation: Arc<Conversation>,
        shield: Arc<Shield>,
        known: Arc<KnownNames>,
    ) -> Self {
        Self {
            conversation,
            shield,
            known,
        }
    }

    /// Reads one value.
    ///
    /// # Errors
    /// [`BackendError`].
    pub async fn fetch(&self, address: &Address) -> Result<Bundle, BackendError> {
        let place = SecretPlace::of(address)?;
        let about = format!("{}{}", version_of(&address.version), place.described());
        match place {
            SecretPlace::Id(id) => self.by_id(id, &about, &address.version).await,
            SecretPlace::Vault { vault, name } => {
                self.in_vault(vault, name, &about, &address.version).await
            }
            SecretPlace::Compartment { compartment, name } => {
                self.in_compartment(compartment, name, &about, &address.version)
                    .await
            }
        }
    }

    /// Asks for no secret, signed, so that OCI says whether it knows the credential: a request that lacks
    /// what it needs is refused only after that.
    ///
    /// # Errors
    /// [`BackendError`], where it does not, or does not say so.
    pub(crate) async fn sign_in(&self) -> Result<(), BackendError> {
        let call = Call {
            operation: "sign in to",
            method: Method::Post,
            segments: &["secretbundles", "actions", "getByName"],
            ..reading("OCI Vault")
        };
        match self.conversation.call(call).await {
            Err(error) if !is_of_the_request(&error) => Err(error),
            _ => Ok(()),
        }
    }

    async fn by_id(
        &self,
        id: &str,
        about: &str,
        wanted: &VersionSelector,
    ) -> Result<Bundle, BackendError> {
        let selector = Selector::of(wanted);
        let call = Call {
            method: Method::Get,
            segments: &["secretbundles", id],
            parameters: &selector.parameters(),
            ..reading(about)
        };
        match self.conversation.call(call).await {
            Ok(answer) => self.value(answer, Some(id), wanted).await,
            Err(error) if error.kind() == "not_found" => Err(self.with_region_of(id, error).await),
            Err(error) => Err(error),
        }
    }

    async fn in_vault(
        &self,
        vault: &str,
        name: &str,
        about: &str,
        wanted: &VersionSelector,
    ) -> Result<Bundle, BackendError> {
        let selector = Selector::of(wanted);
        let mut parameters = vec![("secretName", name), ("vaultId", vault)];
        parameters.extend(selector.parameters());
        let call = Call {
            // A POST without a body: so the service wants it.
            method: Method::Post,
            segments: &["secretbundles", "actions", "getByName"],
            parameters: &parameters,
            ..reading(about)
        };
        let answer = self.conversation.call(call).await?;
        self.value(answer, None, wanted).await
    }

    async fn in_compartment(
        &self,
        compartment: &str,
        name: &str,
        about: &str,
        wanted: &VersionSelector,
    ) -> Result<Bundle, BackendError> {
        let now = self.conversation.clock().unix_seconds();
        let generation = self.known.generation();
        let mut gone = None;
        if let Some(id) = self.known.id(compartment, name, now) {
            let about = format!("{about} ({id})");
            match self.by_id(&id, &about, wanted).await {
                Err(error) if error.class() == Class::Answer => gone = Some((id, error)),
                fetched => return fetched,
            }
            self.known.forget(compartment, name);
        }
        let list = secrets_named(&self.conversation, compartment, name).await?;
        let secret = the_one(list)?;
        if let Some((_, error)) = gone.filter(|(id, _)| *id == secret.id) {
            return Err(error);
        }
        let about = format!("{about} ({})", secret.id);
        let fetched = self.by_id(&secret.id, &about, wanted).await?;
        self.known
            .remember(generation, (compartment, name), &secret.id, now);
        Ok(fetched)
    }

    /// The value of an answer. Decoded off the serving threads: it may have to wait for protected
    /// memory, and what it leaves on the stack is wiped.
    async fn value(
        &self,
        mut answer: Answer,
        id: Option<&str>,
        wanted: &VersionSelector,
    ) -> Result<Bundle, BackendError> {
        if answer.status != 200 {
            return Err(answer.bad(BadReply::WrongForm));
        }
        let (body, shield) = (std::mem::take(&mut answer.body), Arc::clone(&self.shield));
        let (id, wanted) = (id.map(str::to_owned), wanted.clone());
        let now = self.conversation.clock().unix_seconds();
        let work = tokio::task::spawn_blocking(move || {
            let fetched = fetched(&body, id.as_deref(), &wanted, now, &shield);
            drop(body);
            vault_memory::wipe_parked_thread();
            fetched
        });
        match work.await {
            Ok(fetched) => fetched.map_err(|unusable| unusable.error(&answer)),
            Err(_) => Err(answer
                .error(Class::Outage, "stopped", "reading was stopped")
                .before_the_call()),
        }
    }

    /// A 404 may just mean another region, which an OCID tells.
    async fn with_region_of(&self, id: &str, error: BackendError) -> BackendError {
        let Some(theirs) = region_of(id) else {
            return error;
        };
        let Ok(identity) = self.conversation.identities().current().await else {
            return error;
        };
        let Ok(ours) = self.conversation.region(Some(&identity)) else {
            return error;
        };
        if ours.region == theirs {
            return error;
        }
        error.adding(&format!(
            "the OCID is one of region {theirs}, and {} was asked: set vault.region",
            ours.region
        ))
    }
}

/// Whether the service has read the request, and has only that against it what is asked.
fn is_of_the_request(error: &BackendError) -> bool {
    let is_refusal = matches!(error.class(), Class::Answer | Class::Request);
    let is_elsewhere = matches!(error.kind(), "no_such_path" | "method_not_allowed");
    error.contact() == Contact::Replied && is_refusal && !is_elsewhere
}

/// What all reads have in common.
fn reading(about: &str) -> Call<'_> {
    Call {
        operation: "read",
        about,
        service: Service::Secrets,
        method: Method::Get,
        segments: &[],
        parameters: &[],
        body: None,
        headers: Vec::new(),
        max_reply_bytes: MAX_BUNDLE_BYTES,
    }
}

/// "version 7 of ", in an error about it.
fn version_of(wanted: &VersionSelector) -> String {
    match wanted {
        VersionSelector::Current => String::new(),
        VersionSelector::Version(number) => format!("version {number} of "),
        VersionSelector::Stage(stage) => format!("the {stage} version of "),
        VersionSelector::Named(name) => format!("version {name:?} of "),
    }
}

/// How a version is asked for. None for the current one: that is what no word means.
struct Selector(Option<(&'static str, String)>);

impl Selector {
    fn of(wanted: &VersionSelector) -> Self {
        Self(match wanted {
            VersionSelector::Current => None,
            VersionSelector::Version(number) => Some(("versionNumber", number.to_string())),
            VersionSelector::Stage(stage) => Some(("stage", stage.clone())),
            VersionSelector::Named(name) => Some(("secretVersionName", name.clone())),
        })
    }

    fn parameters(&self) -> Vec<(&str, &str)> {
        let parameter = self.0.iter();
        parameter
            .map(|(name, value)| (*name, value.as_str()))
            .collect()
    }
}

/// Why a reply gave no value.
enum Unusable {
    Content(ContentError),
    Ended(Ended),
}

impl From<BadReply> for Unusable {
    fn from(bad: BadReply) -> Self {
        Self::Content(bad.into())
    }
}

impl Unusable {
    fn error(self, answer: &Answer) -> BackendError {
        match self {
            Self::Content(ContentError::Reply(bad)) => answer.bad(bad),
            Self::Content(ContentError::Shield(error)) => {
                // Nothing that the service had a part in.
                let error = answer.error(Class::Outage, error.kind(), &error);
                error.before_the_call()
            }
            Self::Ended(Ended::Expired) => answer.error(
                Class::Answer,
                "expired",
                "its version is expired; add a new version",
            ),
            Self::Ended(Ended::Deleted) => answer.error(
                Class::Answer,
                "deleted",
                "its version is past its deletion; ask for another one",
            ),
        }
    }
}

fn fetched(
    body: &[u8],
    id: Option<&str>,
    wanted: &VersionSelector,
    now: u64,
    shield: &Arc<Shield>,
) -> Result<Bundle, Unusable> {
    let bundle = SecretBundle::read(body)?;
    bundle.check(id, wanted)?;
    let valid_for = bundle.valid_for(now).map_err(Unusable::Ended)?;
    let version = bundle.version_number.to_string();
    let secret = bundle.shield(shield).map_err(Unusable::Content)?;
    Ok(Bundle::plain(secret, version).valid_for(valid_for))
}

/// The only secret of the name that is there to be read.
fn the_one(list: Listed<SecretSummary>) -> Result<SecretSummary, BackendError> {
    let (ending, mut there): (Vec<_>, Vec<_>) =
        list.items.into_iter().partition(SecretSummary::is_ending);
    let ending = ending.first();
    let until = ending.and_then(|ending| ending.time_of_deletion.as_deref());
    match (there.len(), ending) {
        (1, _) => Ok(there.remove(0)),
        (0, None) => Err(list.last.error(
            Class::Answer,
            "not_found",
            format_args!(
                "there is none; check name, compartment (those inside of it are not searched) \
                 and region, or have the policy `Allow group GROUP to read secret-family in \
                 compartment COMPARTMENT` added (`dynamic-group` in place of `group` for instances, \
                 functions and pods)"
            ),
        )),
        (0, Some(ending)) => Err(list.last.error(
            Class::Answer,
            "pending_deletion",
            format_args!(
                "it cannot be read: {} is {}{}; cancel its deletion",
                shown(&ending.id),
                shown(ending.lifecycle_state.as_deref().unwrap_or("gone")),
                until.map(|time| format!(" until {}", shown(time))).unwrap_or_default(),
            ),
        )),
        _ => Err(list.last.error(
            Class::Request,
            "ambiguous",
            format_args!(
                "{} secrets have this name: {}; name the vault, oci-vault://VAULT/NAME, or the secret \
                 by its OCID",
                there.len(),
                candidates(&there)
            ),
        )),
    }
}

fn candidates(secrets: &[SecretSummary]) -> String {
    let each = secrets.iter().take(MOST_CANDIDATES).map(|secret| {
        let vault = secret.vault_id.as_deref().unwrap_or("no known vault");
        format!("{} in {}", shown(&secret.id), shown(vault))
    });
    let mut each: Vec<String> = each.collect();
    if secrets.len() > each.len() {
        each.push("and others".to_owned());
    }
    each.join(", ")
}

/// A foreign text as a part of ours.
fn shown(text: &str) -> String {
    text.chars()
        .take(255)
        .flat_map(char::escape_debug)
        .collect()
}

/// The region that an OCID says, where it is a known one.
fn region_of(ocid: &str) -> Option<Region> {
    let word = ocid.split('.').nth(3).filter(|word| !word.is_empty())?;
    let resolved = Region::resolve(word, &Sources::default()).ok()?;
    resolved.warning.is_none().then_some(resolved.region)
}

/// A value has at most 25 KB, which is 34 KB in base64. Several times that is no value.
const MAX_BUNDLE_BYTES: usize = 256 * 1024;
/// A name is unique in a vault.
const MOST_CANDIDATES: usize = 10;
