//! The keys of resolver.yaml, and what each means where it is not written.
//!
//! The table says it once: the sample file, warnings about unknown keys and `explain-config` are made
//! from it, and a test holds the defaults against what the daemon does without a file.

/// One key below a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its section.
    pub section: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Its value where nothing is written, as YAML.
    pub default: &'static str,
    /// What it is, for people.
    pub about: &'static str,
}

/// A top-level section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its name.
    pub name: &'static str,
    /// What it is, for people.
    pub about: &'static str,
    /// Whose keys people have in files of other programs: unknown ones are warned about, not refused.
    pub inherited: bool,
    /// Whether an environment may say otherwise.
    pub by_environment: bool,
    /// An example for the sample, where keys are people's own.
    pub example: &'static str,
}

const fn section(name: &'static str, about: &'static str) -> Section {
    Section {
        name,
        about,
        inherited: true,
        by_environment: true,
        example: "",
    }
}

const fn own(name: &'static str, about: &'static str) -> Section {
    Section {
        inherited: false,
        by_environment: false,
        ..section(name, about)
    }
}

/// The sections, in the sample's order.
pub const SECTIONS: &[Section] = &[
    section("vault", "OCI Vault: whom to be, and what bare names mean"),
    section(
        "cache",
        "how long values are good; they are held in memory, but for persist",
    ),
    section("resilience", "what happens while a vault cannot be asked"),
    section(
        "logging",
        "log lines; VAULTD_LOG and --verbose come before it",
    ),
    Section {
        example: "GITHUB_PERSONAL_ACCESS_TOKEN: mcp-github-token  # a name in vault.compartment_id\n\
                  API_KEY: ocid1.vaultsecret.oc1..example?version=3\n\
                  LOCAL_KEY: local://api-key              # the encrypted store of this machine\n",
        ..section(
            "secrets",
            "variables and what goes into them; services take them by name",
        )
    },
    Section {
        example: "github:\n  \
                  command: [npx, -y, \"@modelcontextprotocol/server-github\"]\n  \
                  secrets: [GITHUB_PERSONAL_ACCESS_TOKEN]  # without a list: all of secrets:\n",
        ..section(
            "services",
            "what may be launched; a file configs/NAME.json or NAME.yaml comes before it",
        )
    },
    Section {
        by_environment: false,
        example: "production:\n  \
                  vault: {compartment_id: ocid1.compartment.oc1..production}\n  \
                  secrets: {GITHUB_PERSONAL_ACCESS_TOKEN: mcp-github-token-prod}\n",
        ..section(
            "environments",
            "sections that count instead where vault-run NAME@ENVIRONMENT chooses them",
        )
    },
    Section {
        example: "rules:\n  \
                  - allow: [default]                    # launch, status, list, flush, put, ...\n  \
                  - allow: [get]\n    references: [\"local://demo-*\"]\n",
        ..own(
            "policy",
            "who may do what; the first rule that matches decides, and without one the answer is no",
        )
    },
    own(
        "audit",
        "the record of every request, audit.jsonl in the state directory",
    ),
    own(
        "local",
        "the encrypted store of this machine; a change needs a restart",
    ),
];

const fn key(
    section: &'static str,
    name: &'static str,
    default: &'static str,
    about: &'static str,
) -> Key {
    Key {
        section,
        name,
        default,
        about,
    }
}

/// The keys of the sections that have fixed ones, in the sample's order.
pub const KEYS: &[Key] = &[
    key(
        "vault",
        "auth_method",
        "config_file",
        "config_file, session_token, instance_principal, resource_principal, workload_identity",
    ),
    key(
        "vault",
        "config_file",
        "~/.oci/config",
        "the OCI configuration file",
    ),
    key("vault", "config_profile", "DEFAULT", "the profile in it"),
    key("vault", "region", "null", "in place of the profile's own"),
    key(
        "vault",
        "compartment_id",
        "null",
        "the compartment that bare names are in",
    ),
    key(
        "vault",
        "vault_id",
        "null",
        "the vault that bare names are in, without a compartment",
    ),
    key(
        "vault",
        "delegation_token_file",
        "null",
        "the token of the user for whom an instance or resource acts",
    ),
    key(
        "vault",
        "key_id",
        "null",
        "the key that new secrets are encrypted with; found where it is left out",
    ),
    key(
        "vault",
        "endpoint",
        "null",
        "where secrets are read, https://HOST, in place of the region's",
    ),
    key(
        "vault",
        "management_endpoint",
        "null",
        "where secrets are listed and changed",
    ),
    key(
        "vault",
        "auth_endpoint",
        "null",
        "where tokens are had and refreshed",
    ),
    key(
        "vault",
        "key_management_endpoint",
        "null",
        "where the keys of the vault are listed",
    ),
    key(
        "vault",
        "ca_file",
        "null",
        "the only certificate authorities that are believed, in PEM",
    ),
    key(
        "vault",
        "proxy",
        "null",
        "http://HOST:PORT, through which OCI is called; variables are not read",
    ),
    key(
        "vault",
        "allow_readable_keys",
        "false",
        "whether key files may be readable by others",
    ),
    key(
        "cache",
        "ttl",
        "3600",
        "seconds that a value is fresh; 0 asks each time",
    ),
    key(
        "cache",
        "max_stale",
        "86400",
        "seconds after which a value is never served",
    ),
    key(
        "cache",
        "refresh_ahead",
        "0.75",
        "when a value is renewed ahead: at this share of its ttl, or seconds before its end; 0 never",
    ),
    key(
        "cache",
        "enable_stale_fallback",
        "true",
        "whether an old value is served while the vault is out",
    ),
    key(
        "cache",
        "persist",
        "off",
        "sealed: an encrypted file in the state directory keeps values of OCI over a restart",
    ),
    key(
        "cache",
        "directory",
        "~/.cache/oci-vault-mcp",
        "where the predecessor kept values; nothing is written there",
    ),
    key(
        "resilience",
        "enable_circuit_breaker",
        "true",
        "whether failures in a row end the asking for a while",
    ),
    key(
        "resilience",
        "circuit_breaker_threshold",
        "5",
        "failures in a row that do",
    ),
    key(
        "resilience",
        "circuit_breaker_recovery",
        "60",
        "seconds to the next attempt",
    ),
    key(
        "resilience",
        "circuit_breaker_success_threshold",
        "2",
        "successes that end it",
    ),
    key(
        "resilience",
        "max_retries",
        "3",
        "repetitions after a first failed call",
    ),
    key(
        "resilience",
        "retry_backoff_base",
        "2",
        "seconds before the first of them, doubled each time",
    ),
    key(
        "resilience",
        "retry_jitter",
        "true",
        "whether pauses vary by a quarter",
    ),
    key("logging", "level", "INFO", "DEBUG, INFO, WARNING or ERROR"),
    key("logging", "verbose", "false", "the same as level DEBUG"),
    key(
        "logging",
        "file",
        "null",
        "a file in place of standard error",
    ),
    key(
        "logging",
        "audit_secret_access",
        "true",
        "the audit record is always written",
    ),
    key(
        "audit",
        "sync",
        "false",
        "whether each record is on the disk before the value leaves",
    ),
    key(
        "audit",
        "on_failure",
        "refuse",
        "refuse or serve, where a record cannot be written",
    ),
    key(
        "audit",
        "max_bytes",
        "8388608",
        "the size that starts a new file",
    ),
    key("audit", "keep", "4", "old files that are kept"),
    key(
        "local",
        "directory",
        "null",
        "where store.age and its identity are; null for the state directory",
    ),
];

/// Keys that count for all environments, though their section may be below one.
pub const EVERYWHERE: &[(&str, &str)] = &[("cache", "persist")];

/// Top-level keys that are no sections.
pub const PLAIN: &[Key] = &[
    key("", "version", "\"1.0\"", "the version of this file's form"),
    key(
        "",
        "environment_fallback",
        "refuse",
        "refuse, or warn: an environment that nothing names then means what counts without one",
    ),
    key(
        "",
        "memory",
        "auto",
        "auto, secretmem or mlock: how secrets are protected; a change needs a restart",
    ),
];

/// Other spellings, which the predecessor's installer writes, and the keys they mean.
pub const ALIASES: &[(&str, &str, &str, &str)] = &[
    ("vault", "vault_ocid", "vault", "vault_id"),
    ("vault", "compartment_ocid", "vault", "compartment_id"),
    ("auth", "config_file", "vault", "config_file"),
    ("auth", "profile", "vault", "config_profile"),
    (
        "resilience",
        "circuit_breaker_timeout",
        "resilience",
        "circuit_breaker_recovery",
    ),
];

/// The section of this name.
pub fn find(name: &str) -> Option<&'static Section> {
    SECTIONS.iter().find(|section| section.name == name)
}
