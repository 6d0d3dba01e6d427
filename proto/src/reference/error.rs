//! The errors of the grammar of references.

/// In bytes. Two OCIDs and a version are below 600; what a caller names stays in memory and in the
/// audit record for longer than its call.
pub(super) const MAX_BYTES: usize = 1024;

/// Why a text is no reference. The text itself is not repeated: it may be a value in the wrong place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// Longer than any secret's name.
    #[error("a reference has at most {MAX_BYTES} bytes")]
    Length,
    /// None of the schemes.
    #[error("a reference begins with oci-vault://, local:// or vault://")]
    Scheme,
    /// Empty container, name or part of a path.
    #[error("a part of the reference is empty")]
    Empty,
    /// More than one slash in a reference to OCI Vault.
    #[error("a reference has at most two parts, CONTAINER/NAME")]
    Parts,
    /// A `vault://` reference of one part.
    #[error(
        "a vault:// reference has at least two parts, MOUNT/PATH; vault://NAME of old wrapper files \
         is written oci-vault://NAME"
    )]
    VaultParts,
    /// `.` or `..` as a part, or `..` in a local name.
    #[error("a name with .. or of dots alone is refused")]
    Dots,
    /// A control character.
    #[error("a reference holds no control characters")]
    Control,
    /// A blank at the edge of a part of a path.
    #[error("a part of the path begins or ends with a blank")]
    Blank,
    /// A backslash in a path.
    #[error("a path has no backslash")]
    Backslash,
    /// A character that local names do not have.
    #[error(
        "a local name is made of letters, digits, '.', '_' and '-', begins with a letter or digit, \
         and has at most 255 bytes"
    )]
    LocalName,
    /// The OCID of something else where a secret is named.
    #[error("that is the OCID of {0}, and a secret's begins with ocid1.vaultsecret.")]
    NotASecret(&'static str),
    /// The OCID of something else where a compartment or vault is named.
    #[error("that is the OCID of {0}; a secret is in a compartment or a vault")]
    NotAContainer(&'static str),
    /// Not a positive whole number in ASCII digits.
    #[error("the version is not a positive whole number")]
    Version,
    /// Not one of the five stages.
    #[error("the stage is none of CURRENT, PENDING, LATEST, PREVIOUS, DEPRECATED")]
    Stage,
    /// A character that versions' names do not have.
    #[error("a version's name is made of 1 to 255 letters, digits, '.', '_' and '-'")]
    VersionName,
    /// Not parts joined by single slashes.
    #[error("a namespace is written a/b, without a slash at its ends")]
    Namespace,
    /// An empty field, a leading slash, or a question mark.
    #[error("a field is one key: not empty, no leading '/', and ?version=N stands before '#'")]
    Field,
    /// Two versions or two namespaces.
    #[error("a reference names one version, in one way, and one namespace")]
    Ambiguous,
    /// A parameter that the scheme does not have, or one without a value.
    #[error("{scheme}:// knows the parameters {known}, each with a value{}", suggestion(*.nearest))]
    Parameter {
        /// The scheme of the reference.
        scheme: &'static str,
        /// The parameters that this scheme has.
        known: &'static str,
        /// The one that was probably meant.
        nearest: Option<&'static str>,
    },
}

impl ReferenceError {
    /// The stable word for tests and metrics.
    pub const fn kind(self) -> &'static str {
        "invalid_reference"
    }

    /// The refusal of a parameter `name` which is none of the `known` of `scheme`.
    pub(super) fn parameter(scheme: &'static str, known: Known, name: &str) -> Self {
        Self::Parameter {
            scheme,
            known: known.listed,
            nearest: nearest(name, known.names),
        }
    }
}

/// The parameters of one scheme.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub(super) names: &'static [&'static str],
    /// The same as a list in a sentence.
    pub(super) listed: &'static str,
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!("; did you mean {name}?"))
}

/// The known name that `name` is a misspelling of: at most two letters differ.
fn nearest(name: &str, known: &'static [&'static str]) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    let distances = known.iter().map(|one| (edit_distance(&name, one), *one));
    let (distance, one) = distances.min()?;
    (distance <= 2).then_some(one)
}

/// The Levenshtein distance: how many letters must be inserted, removed or replaced.
fn edit_distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in right.bytes().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}
