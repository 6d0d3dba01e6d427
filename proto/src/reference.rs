//! References, which name a secret: their grammar, parsing and printing.
//!
//! A reference is parsed once, where it enters, and never normalised: what is doubtful is refused.
//! Forms: `oci-vault://OCID`, `oci-vault://NAME`, `oci-vault://CONTAINER/NAME`, `local://NAME`,
//! each with `?version=N` or `?stage=STAGE`, those of OCI Vault with `?version_name=NAME` too, and
//! `vault://MOUNT/PATH[?version=N&namespace=N][#FIELD]`. There is no percent-decoding, and a reference
//! inside a longer text is none.

mod error;
mod ocid;

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

pub use error::ReferenceError;
use error::{Known, MAX_BYTES};

use crate::names::{is_local_name, is_version_name};

const OCI: &str = "oci-vault";
const LOCAL: &str = "local";
const VAULT: &str = "vault";
const OCI_PARAMETERS: Known = Known {
    names: &["version", "stage", "version_name"],
    listed: "version, stage and version_name",
};
const LOCAL_PARAMETERS: Known = Known {
    names: &["version", "stage"],
    listed: "version and stage",
};
const VAULT_PARAMETERS: Known = Known {
    names: &["version", "namespace"],
    listed: "version and namespace",
};

/// Which secret is meant, which of its versions, and which field of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SecretRef {
    place: Place,
    selector: Selector,
    field: Option<String>,
}

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// In the encrypted store of this machine.
    Local {
        /// `[A-Za-z0-9][A-Za-z0-9._-]*` without `..`, at most 255 bytes.
        name: String,
    },
    /// In OCI Vault, by the secret's own OCID.
    OciSecret {
        /// `ocid1.vaultsecret.…`
        ocid: String,
    },
    /// In OCI Vault, by name.
    OciName {
        /// A compartment's or a vault's OCID, or compartment text handed on as it is.
        container: Option<String>,
        /// The secret's name.
        name: String,
    },
    /// In HashiCorp Vault or OpenBao.
    Vault {
        /// Mount and path together, at least two parts: where the mount ends is found when fetching.
        path: String,
        /// The namespace, absolute, in place of the configured one.
        namespace: Option<String>,
    },
}

impl Place {
    /// The scheme of references to this place: "local", "oci-vault" or "vault".
    pub const fn scheme(&self) -> &'static str {
        match self {
            Self::Local { .. } => LOCAL,
            Self::OciSecret { .. } | Self::OciName { .. } => OCI,
            Self::Vault { .. } => VAULT,
        }
    }

    /// The compartment or vault of OCI, or the namespace, that a reference names.
    pub fn container(&self) -> Option<&str> {
        match self {
            Self::OciName { container, .. } => container.as_deref(),
            Self::Vault { namespace, .. } => namespace.as_deref(),
            Self::Local { .. } | Self::OciSecret { .. } => None,
        }
    }

    /// The parameter that names the container in references of this scheme; `None` where the path begins
    /// with it.
    pub fn container_parameter(scheme: &str) -> Option<&'static str> {
        (scheme == VAULT).then_some("namespace")
    }

    /// The secret's name, its OCID, or its path.
    pub fn name(&self) -> &str {
        match self {
            Self::Local { name } | Self::OciName { name, .. } => name,
            Self::OciSecret { ocid } => ocid,
            Self::Vault { path, .. } => path,
        }
    }
}

/// Which version of a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Selector {
    /// The current one.
    #[default]
    Current,
    /// One by its number.
    Version(NonZeroU64),
    /// One by its stage.
    Stage(Stage),
    /// One by the name it was given in OCI Vault: `[A-Za-z0-9._-]`, at most 255 bytes.
    VersionName(String),
}

/// The stages of OCI Vault's secret versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// In use.
    Current,
    /// Uploaded, not yet in use.
    Pending,
    /// The newest, whatever its use.
    Latest,
    /// In use before the current one.
    Previous,
    /// Neither current, pending nor previous.
    Deprecated,
}

impl SecretRef {
    /// The secret `name` of the local store.
    ///
    /// # Errors
    /// [`ReferenceError`] where the name is outside the grammar.
    pub fn local(name: &str) -> Result<Self, ReferenceError> {
        check_local_name(name)?;
        let name = name.to_owned();
        Ok(Self::of(Place::Local { name }, Selector::Current))
    }

    /// A reference, or a bare word, which means `local://NAME` or, if it is an OCID, `oci-vault://OCID`.
    ///
    /// # Errors
    /// [`ReferenceError`] where it is none of these, or the OCID of something else than a secret.
    pub fn parse_or_local(text: &str) -> Result<Self, ReferenceError> {
        if text.starts_with(ocid::PREFIX) {
            Self::parse_or(OCI, text)
        } else {
            Self::parse_or(LOCAL, text)
        }
    }

    /// A reference, or a bare name or OCID, which means OCI Vault where a service file says
    /// `secret_name`.
    ///
    /// # Errors
    /// [`ReferenceError`] where it is neither.
    pub fn parse_or_oci(text: &str) -> Result<Self, ReferenceError> {
        Self::parse_or(OCI, text)
    }

    fn parse_or(scheme: &str, text: &str) -> Result<Self, ReferenceError> {
        if text.contains("://") {
            text.parse()
        } else {
            format!("{scheme}://{text}").parse()
        }
    }

    fn of(place: Place, selector: Selector) -> Self {
        Self {
            place,
            selector,
            field: None,
        }
    }

    /// Where the secret is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Which version is meant.
    pub fn selector(&self) -> &Selector {
        &self.selector
    }

    /// The one field that is meant; `None` for the whole secret.
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// The same secret, in `container` where it is a bare name of OCI Vault.
    #[must_use]
    pub fn within(mut self, container: &str) -> Self {
        if let Place::OciName {
            container: empty @ None,
            ..
        } = &mut self.place
        {
            *empty = Some(container.to_owned());
        }
        self
    }

    /// The whole secret that this is about, in its current version: no field, no version, and the
    /// namespace left to the configuration.
    #[must_use]
    pub fn whole(&self) -> Self {
        let mut place = self.place.clone();
        if let Place::Vault { namespace, .. } = &mut place {
            *namespace = None;
        }
        Self::of(place, Selector::Current)
    }

    /// The same secret with another version.
    #[must_use]
    pub fn with_selector(mut self, selector: Selector) -> Self {
        self.selector = selector;
        self
    }
}

impl FromStr for SecretRef {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // A YAML block scalar ends in one newline; files that worked before have it.
        let text = text.strip_suffix('\n').unwrap_or(text);
        if text.len() > MAX_BYTES {
            return Err(ReferenceError::Length);
        }
        if text.chars().any(char::is_control) {
            return Err(ReferenceError::Control);
        }
        match text.split_once("://") {
            Some((OCI, rest)) => parse_oci(rest),
            Some((LOCAL, rest)) => parse_local(rest),
            Some((VAULT, rest)) => parse_vault(rest),
            _ => Err(ReferenceError::Scheme),
        }
    }
}

fn parse_oci(rest: &str) -> Result<SecretRef, ReferenceError> {
    let (path, query) = split_query(rest);
    let selector = parse_selector(query, OCI, OCI_PARAMETERS)?;
    let parts: Vec<&str> = path.split('/').collect();
    check_parts(&parts)?;
    let place = match parts.as_slice() {
        [name] => match ocid::kind(name) {
            Some(kind) if ocid::is_secret(kind) => Place::OciSecret {
                ocid: (*name).to_owned(),
            },
            Some(kind) => return Err(ReferenceError::NotASecret(ocid::described(kind))),
            None => Place::OciName {
                container: None,
                name: (*name).to_owned(),
            },
        },
        [container, name] => match ocid::kind(container) {
            Some(kind) if !ocid::is_container(kind) => {
                return Err(ReferenceError::NotAContainer(ocid::described(kind)));
            }
            _ => Place::OciName {
                container: Some((*container).to_owned()),
                name: (*name).to_owned(),
            },
        },
        _ => return Err(ReferenceError::Parts),
    };
    Ok(SecretRef::of(place, selector))
}

fn parse_local(rest: &str) -> Result<SecretRef, ReferenceError> {
    let (name, query) = split_query(rest);
    let selector = parse_selector(query, LOCAL, LOCAL_PARAMETERS)?;
    Ok(SecretRef::local(name)?.with_selector(selector))
}

fn parse_vault(rest: &str) -> Result<SecretRef, ReferenceError> {
    let (rest, field) = match rest.split_once('#') {
        Some((rest, field)) => (rest, Some(field)),
        None => (rest, None),
    };
    if field.is_some_and(|key| key.is_empty() || key.starts_with('/') || key.contains('?')) {
        return Err(ReferenceError::Field);
    }
    let (path, query) = split_query(rest);
    let parts: Vec<&str> = path.split('/').collect();
    check_parts(&parts)?;
    check_path_letters(&parts)?;
    if parts.len() < 2 {
        return Err(ReferenceError::VaultParts);
    }
    let (mut version, mut namespace) = (None, None);
    for parameter in query.into_iter().flat_map(|query| query.split('&')) {
        let first = match split_parameter(parameter) {
            ("version", Some(number)) => version.replace(parse_version(number)?).is_none(),
            ("namespace", Some(name)) => {
                let parts: Vec<&str> = name.split('/').collect();
                let checked = check_parts(&parts).and_then(|()| check_path_letters(&parts));
                checked.map_err(|_| ReferenceError::Namespace)?;
                namespace.replace(name.to_owned()).is_none()
            }
            (name, _) => return Err(ReferenceError::parameter(VAULT, VAULT_PARAMETERS, name)),
        };
        if !first {
            return Err(ReferenceError::Ambiguous);
        }
    }
    let path = path.to_owned();
    Ok(SecretRef {
        place: Place::Vault { path, namespace },
        selector: version.map_or(Selector::Current, Selector::Version),
        field: field.map(str::to_owned),
    })
}

fn split_query(rest: &str) -> (&str, Option<&str>) {
    match rest.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (rest, None),
    }
}

fn split_parameter(parameter: &str) -> (&str, Option<&str>) {
    match parameter.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (parameter, None),
    }
}

fn check_parts(parts: &[&str]) -> Result<(), ReferenceError> {
    if parts.iter().any(|part| part.is_empty()) {
        return Err(ReferenceError::Empty);
    }
    if parts.iter().any(|part| matches!(*part, "." | "..")) {
        return Err(ReferenceError::Dots);
    }
    Ok(())
}

fn check_path_letters(parts: &[&str]) -> Result<(), ReferenceError> {
    if parts.iter().any(|part| part.trim() != *part) {
        return Err(ReferenceError::Blank);
    }
    if parts.iter().any(|part| part.contains('\\')) {
        return Err(ReferenceError::Backslash);
    }
    Ok(())
}

/// Reads `version=N`, `stage=S` and `version_name=NAME`, the last of each winning. One of these words
/// without `=` says nothing, as it did in the files that are inherited.
fn parse_selector(
    query: Option<&str>,
    scheme: &'static str,
    known: Known,
) -> Result<Selector, ReferenceError> {
    let (mut version, mut stage, mut version_name) = (None, None, None);
    for parameter in query.unwrap_or_default().split('&') {
        match split_parameter(parameter) {
            ("", None) => {}
            (name, _) if !known.names.contains(&name) => {
                return Err(ReferenceError::parameter(scheme, known, name));
            }
            (_, None) => {}
            ("version", number) => version = number,
            ("stage", word) => stage = word,
            (_, name) => version_name = name,
        }
    }
    match (version, stage, version_name) {
        (None, None, None) => Ok(Selector::Current),
        (Some(number), None, None) => Ok(Selector::Version(parse_version(number)?)),
        (None, Some(word), None) => Ok(Selector::Stage(word.parse()?)),
        (None, None, Some(name)) if is_version_name(name) => {
            Ok(Selector::VersionName(name.to_owned()))
        }
        (None, None, Some(_)) => Err(ReferenceError::VersionName),
        _ => Err(ReferenceError::Ambiguous),
    }
}

/// A version number as references and service files write it.
///
/// # Errors
/// [`ReferenceError::Version`] for anything but ASCII digits of a number from 1 to 2⁶³−1.
pub fn parse_version(digits: &str) -> Result<NonZeroU64, ReferenceError> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ReferenceError::Version);
    }
    let number: i64 = digits.parse().map_err(|_| ReferenceError::Version)?;
    NonZeroU64::new(number.unsigned_abs()).ok_or(ReferenceError::Version)
}

fn check_local_name(name: &str) -> Result<(), ReferenceError> {
    if name.is_empty() {
        return Err(ReferenceError::Empty);
    }
    if name.contains("..") || name == "." {
        return Err(ReferenceError::Dots);
    }
    if is_local_name(name) {
        Ok(())
    } else {
        Err(ReferenceError::LocalName)
    }
}

impl FromStr for Stage {
    type Err = ReferenceError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Ok(match word {
            "CURRENT" => Self::Current,
            "PENDING" => Self::Pending,
            "LATEST" => Self::Latest,
            "PREVIOUS" => Self::Previous,
            "DEPRECATED" => Self::Deprecated,
            _ => return Err(ReferenceError::Stage),
        })
    }
}

impl Stage {
    /// The stage's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Current => "CURRENT",
            Self::Pending => "PENDING",
            Self::Latest => "LATEST",
            Self::Previous => "PREVIOUS",
            Self::Deprecated => "DEPRECATED",
        }
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, name) = (self.place.scheme(), self.place.name());
        let mut separator = '?';
        match (self.place.container(), Place::container_parameter(scheme)) {
            (None, _) => write!(f, "{scheme}://{name}")?,
            (Some(container), None) => write!(f, "{scheme}://{container}/{name}")?,
            (Some(container), Some(parameter)) => {
                write!(f, "{scheme}://{name}?{parameter}={container}")?;
                separator = '&';
            }
        }
        match &self.selector {
            Selector::Current => {}
            Selector::Version(number) => write!(f, "{separator}version={number}")?,
            Selector::Stage(stage) => write!(f, "{separator}stage={}", stage.as_str())?,
            Selector::VersionName(name) => write!(f, "{separator}version_name={name}")?,
        }
        self.field().map_or(Ok(()), |field| write!(f, "#{field}"))
    }
}
