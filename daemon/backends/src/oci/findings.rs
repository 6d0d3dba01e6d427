//! Findings about one thing that an examination looked at.

use crate::error::BackendError;
use crate::findings::Finding;

/// It is as it should be.
pub(super) fn good(what: &str, detail: String) -> Finding {
    Finding {
        what: what.to_owned(),
        is_well: true,
        detail,
        remedy: String::new(),
    }
}

/// It is not. The error's own text ends with what to do, where more is known than what the kind says.
pub(super) fn bad(what: &str, error: &BackendError) -> Finding {
    Finding {
        what: what.to_owned(),
        is_well: false,
        detail: error.to_string(),
        remedy: remedy(error.kind()).to_owned(),
    }
}

fn remedy(kind: &str) -> &'static str {
    match kind {
        "no_config_file" => "make the file with `oci setup config`, or set vault.config_file",
        "no_profile" => "set vault.config_profile to one of the profiles",
        "profile_problems" | "profile_syntax" | "profile_not_text" => {
            "put the configuration file in order"
        }
        "wrong_mode" => "close the file with chmod 600, or set vault.allow_readable_keys",
        "wrong_owner" => "give the file to the user that vaultd runs as",
        "wrong_fingerprint" => {
            "put the key's own fingerprint into the profile, or name the key that was uploaded"
        }
        "no_passphrase" | "wrong_passphrase" => {
            "set pass_phrase in the profile, or the variable that the text names"
        }
        "unknown_key" | "wrong_signature" | "not_authenticated" => {
            "check tenancy, user, fingerprint and key, and that the key is registered in OCI"
        }
        "unreadable_file" | "not_text" | "file_too_large" | "wrong_type" => {
            "check the path in the configuration"
        }
        "session_over" => "sign in again with `oci session authenticate`",
        "clock_skew" | "expired_token" => "set the clock: `timedatectl set-ntp true`",
        "token_refused" => "check who may sign in, and from where",
        "no_variable" | "bad_variable" => "set the variable where vaultd is started",
        "dns" | "connect" | "timeout_connect" | "timeout_first_byte" | "timeout_whole"
        | "token_timeout" => "check the network, the region and vault.auth_endpoint",
        "tls" => "if a private authority signs, name its file in vault.ca_file",
        "no_metadata" => "check that this is an instance of OCI and its metadata service is on",
        _ => "see the text, and docs/oci.md",
    }
}
