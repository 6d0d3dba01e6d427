//! Which secret is meant: the grammar of references.
//!
//! A reference is parsed once, where it enters, and never normalised: what is doubtful is refused.
//! Forms: `oci-vault://OCID`, `oci-vault://NAME`, `oci-vault://CONTAINER/NAME`, `local://NAME`,
//! each with `?version=N` or `?stage=STAGE`, those of OCI Vault with `?version_name=NAME` too. There is
//! no percent-decoding, and a reference inside a longer text is none.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

const OCI_SCHEME: &str = "oci-vault://";
const LOCAL_SCHEME: &str = "local://";
const SECRET_OCID: &str = "ocid1.vaultsecret.";
const LONGEST_NAME: usize = 255;
/// In bytes. Two OCIDs and a version are below 600; what a caller names stays in memory and in the
/// audit record for longer than its call.
const LONGEST: usize = 1024;

/// Which secret is meant, and which of its versions.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SecretRef {
    place: Place,
    selector: Selector,
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

/// Why a text is no reference. The text itself is not repeated: it may be a value in the wrong place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// Longer than any secret's name.
    #[error("a reference has at most {LONGEST} bytes")]
    Length,
    /// Neither of the schemes.
    #[error("a reference begins with oci-vault:// or local://")]
    Scheme,
    /// Empty container or name.
    #[error("a part of the reference is empty")]
    Empty,
    /// More than one slash.
    #[error("a reference has at most two parts, CONTAINER/NAME")]
    Parts,
    /// `.` or `..` as a part, or `..` in a local name.
    #[error("a name with .. or of dots alone is refused")]
    Dots,
    /// A control character.
    #[error("a reference holds no control characters")]
    Control,
    /// A character that local names do not have.
    #[error(
        "a local name is made of letters, digits, '.', '_' and '-', begins with a letter or digit, \
         and has at most 255 bytes"
    )]
    LocalName,
    /// Not a positive whole number in ASCII digits.
    #[error("the version is not a positive whole number")]
    Version,
    /// Not one of the five stages.
    #[error("the stage is none of CURRENT, PENDING, LATEST, PREVIOUS, DEPRECATED")]
    Stage,
    /// A character that versions' names do not have.
    #[error("a version's name is made of 1 to 255 letters, digits, '.', '_' and '-'")]
    VersionName,
    /// More than one of version, stage and version name.
    #[error("a reference names a version in one way: version, stage or version_name")]
    Ambiguous,
    /// A parameter that `local://` does not have.
    #[error("local:// knows no parameter but version and stage")]
    Parameter,
}

impl ReferenceError {
    /// The stable word for tests and metrics.
    pub const fn kind(self) -> &'static str {
        "invalid_reference"
    }
}

impl SecretRef {
    /// The secret `name` of the local store.
    ///
    /// # Errors
    /// [`ReferenceError`] where the name is outside the grammar.
    pub fn local(name: &str) -> Result<Self, ReferenceError> {
        check_local_name(name)?;
        Ok(Self {
            place: Place::Local {
                name: name.to_owned(),
            },
            selector: Selector::Current,
        })
    }

    /// A reference, or a bare NAME, which means `local://NAME` on a person's command line.
    ///
    /// # Errors
    /// [`ReferenceError`] where it is neither.
    pub fn parse_or_local(text: &str) -> Result<Self, ReferenceError> {
        if text.contains("://") {
            text.parse()
        } else {
            format!("{LOCAL_SCHEME}{text}").parse()
        }
    }

    /// A reference, or a bare name or OCID, which means OCI Vault where a service file says
    /// `secret_name`.
    ///
    /// # Errors
    /// [`ReferenceError`] where it is neither.
    pub fn parse_or_oci(text: &str) -> Result<Self, ReferenceError> {
        if text.contains("://") {
            text.parse()
        } else {
            format!("{OCI_SCHEME}{text}").parse()
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
        if text.len() > LONGEST {
            return Err(ReferenceError::Length);
        }
        if text.chars().any(char::is_control) {
            return Err(ReferenceError::Control);
        }
        if let Some(rest) = text.strip_prefix(OCI_SCHEME) {
            parse_oci(rest)
        } else if let Some(rest) = text.strip_prefix(LOCAL_SCHEME) {
            parse_local(rest)
        } else {
            Err(ReferenceError::Scheme)
        }
    }
}

fn parse_oci(rest: &str) -> Result<SecretRef, ReferenceError> {
    let (path, query) = split_query(rest);
    let selector = parse_query(query, |_| Ok(()))?;
    let parts: Vec<&str> = path.split('/').collect();
    if parts.iter().any(|part| part.is_empty()) {
        return Err(ReferenceError::Empty);
    }
    if parts.iter().any(|part| matches!(*part, "." | "..")) {
        return Err(ReferenceError::Dots);
    }
    let place = match parts.as_slice() {
        [ocid] if ocid.starts_with(SECRET_OCID) => Place::OciSecret {
            ocid: (*ocid).to_owned(),
        },
        [name] => Place::OciName {
            container: None,
            name: (*name).to_owned(),
        },
        [container, name] => Place::OciName {
            container: Some((*container).to_owned()),
            name: (*name).to_owned(),
        },
        _ => return Err(ReferenceError::Parts),
    };
    Ok(SecretRef { place, selector })
}

fn parse_local(rest: &str) -> Result<SecretRef, ReferenceError> {
    let (name, query) = split_query(rest);
    let selector = parse_query(query, |_| Err(ReferenceError::Parameter))?;
    Ok(SecretRef::local(name)?.with_selector(selector))
}

fn split_query(rest: &str) -> (&str, Option<&str>) {
    match rest.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (rest, None),
    }
}

/// Reads `version=N`, `stage=S` and `version_name=NAME`, the last of each winning; a parameter without
/// `=` says nothing.
fn parse_query(
    query: Option<&str>,
    other: impl Fn(&str) -> Result<(), ReferenceError>,
) -> Result<Selector, ReferenceError> {
    let (mut version, mut stage, mut version_name) = (None, None, None);
    for parameter in query.unwrap_or_default().split('&') {
        match parameter.split_once('=') {
            Some(("version", number)) => version = Some(number),
            Some(("stage", word)) => stage = Some(word),
            Some((name @ "version_name", word)) => {
                other(name)?;
                version_name = Some(word);
            }
            Some((name, _)) => other(name)?,
            None => {}
        }
    }
    match (version, stage, version_name) {
        (None, None, None) => Ok(Selector::Current),
        (Some(number), None, None) => Ok(Selector::Version(parse_version(number)?)),
        (None, Some(word), None) => Ok(Selector::Stage(word.parse()?)),
        (None, None, Some(name)) if is_name(name) => Ok(Selector::VersionName(name.to_owned())),
        (None, None, Some(_)) => Err(ReferenceError::VersionName),
        _ => Err(ReferenceError::Ambiguous),
    }
}

fn is_name(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(is_letter)
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
    if is_name(name) && name.as_bytes()[0].is_ascii_alphanumeric() {
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
        match &self.place {
            Place::Local { name } => write!(f, "{LOCAL_SCHEME}{name}")?,
            Place::OciSecret { ocid } => write!(f, "{OCI_SCHEME}{ocid}")?,
            Place::OciName {
                container: None,
                name,
            } => write!(f, "{OCI_SCHEME}{name}")?,
            Place::OciName {
                container: Some(container),
                name,
            } => {
                write!(f, "{OCI_SCHEME}{container}/{name}")?;
            }
        }
        match &self.selector {
            Selector::Current => Ok(()),
            Selector::Version(number) => write!(f, "?version={number}"),
            Selector::Stage(stage) => write!(f, "?stage={}", stage.as_str()),
            Selector::VersionName(name) => write!(f, "?version_name={name}"),
        }
    }
}
