//! The kinds of resources that an OCID can name.

/// The beginning of every OCID.
pub(super) const PREFIX: &str = "ocid1.";

const CONTAINERS: [&str; 3] = ["compartment", "tenancy", "vault"];

/// The kind of an OCID, its second part; `None` for a text that is no OCID.
pub(super) fn kind(text: &str) -> Option<&str> {
    text.strip_prefix(PREFIX)?.split('.').next()
}

/// Whether an OCID of this kind names a secret.
pub(super) fn is_secret(kind: &str) -> bool {
    kind == "vaultsecret"
}

/// Whether an OCID of this kind names what secrets are in.
pub(super) fn is_container(kind: &str) -> bool {
    CONTAINERS.contains(&kind)
}

/// What an OCID of this kind names, with its article. Words of ours only: the text may be a value in
/// the wrong place.
pub(super) fn described(kind: &str) -> &'static str {
    match kind {
        "vaultsecret" => "a secret",
        "user" => "a user",
        "group" => "a group",
        "key" => "a key",
        "keyversion" => "a version of a key",
        "vault" => "a vault",
        "compartment" => "a compartment",
        "tenancy" => "a tenancy",
        "instance" => "an instance",
        "policy" => "a policy",
        _ => "another kind of resource",
    }
}
