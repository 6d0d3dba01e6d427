//! The command line.

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use vault_proto::reference::{ReferenceError, SecretRef, Selector, parse_version};

use crate::resolve::options::Resolve;

const AFTER_HELP: &str = "\
Exit codes:
  0  done
  1  unexpected
  2  usage or configuration; `status`: not everything is healthy; `services`: one cannot start
  3  vaultd, a secret or policy failed; `policy test`: denied; `doctor`: something is wrong
  4  `resolve --strict`: a reference has no value
  130  interrupted at the prompt of `put`

`resolve` ends with 1 for a text that is no YAML and without vaultd, with 3 where policy denies.

At the prompt of `put` one line ends with Enter. Several lines, pasted or typed ahead, end with an empty \
line or Ctrl-D, a paste that the terminal marks with Enter, PEM text with its END line.

REF is a reference (local://NAME, oci-vault://...); NAME is one too, a bare name means \
local://NAME, and a bare OCID of a secret oci-vault://OCID. Names of secrets are repeated in messages, no other word of the command line is.

With --json a command prints one JSON object on standard output (`watch`: one per line). No field \
is ever left out or renamed, times are in seconds or milliseconds as the names say, and `state` is \
fresh, stale, expired, negative (the backend has no such value) or absent (nothing is held). A \
failure prints one line on standard error, {\"error\":{\"kind\":\"...\",\"message\":\"...\"}}: `kind` \
is a stable word, `message` is for people. A note beside the answer is {\"note\":\"...\"} there.";

/// Status, storage and control of vaultd, the local secrets daemon.
#[derive(Debug, Parser)]
#[command(name = "vaultctl", version, after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Print JSON for programs
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// How long to wait for vaultd: 1 to 60
    #[arg(long, global = true, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub(crate) deadline: Duration,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show health, backends and the values held; exits 2 when something needs attention
    Status(Status),
    /// Forget one held value, or all
    Flush(MaybeReference),
    /// Ask the backend now, for one reference or all that are held
    Refresh(MaybeReference),
    /// Store a secret: typed without echo, piped, or from a file; never an argument
    Put(Put),
    /// List the stored secrets
    #[command(visible_alias = "ls")]
    List,
    /// Remove a stored secret with all its versions; asks where services use it
    #[command(visible_alias = "rm")]
    Delete(Delete),
    /// Print a value, where policy permits; with --json in base64, and as text if it is UTF-8
    Get(Reference),
    Resolve(Resolve),
    /// List the versions of a stored secret
    Versions(Stored),
    /// Make an existing version the current one
    Promote(Promote),
    /// Have a secret of OCI Vault, or one unused version of it, deleted later
    ScheduleDeletion(ScheduleDeletion),
    /// Keep what was to be deleted
    CancelDeletion(CancelDeletion),
    /// List the configured services; exits 2 when one cannot start
    Services,
    /// Show the last launches that came to nothing: when, whose, and why
    Last,
    /// Read the configuration again; all of it or none
    Reload,
    /// Tell why a launch gets what it gets: who uses a reference and where that is written, the last
    /// calls for it, the next one, and what would be served until when
    #[command(visible_alias = "explain")]
    Why(Reference),
    /// Tell what the configuration says, and where it says so
    ExplainConfig {
        /// What counts in this environment
        #[arg(long, alias = "env", value_name = "NAME", default_value = "")]
        environment: String,
    },
    /// Look at everything a backend needs and say what to do; exits 3 when something is wrong
    Doctor {
        /// What is looked at: "oci"
        #[arg(value_name = "BACKEND", value_parser = ["oci"])]
        backend: String,
    },
    /// Print what is counted and measured, as OpenMetrics text
    Metrics(Metrics),
    /// Control the breakers in front of backends
    #[command(subcommand)]
    Breaker(Breaker),
    /// Ask what policy would say
    #[command(subcommand)]
    Policy(Policy),
    /// Print changes of secrets as they happen: names, versions and states
    Watch(References),
}

/// How to look.
#[derive(Args, Debug)]
pub(crate) struct Status {
    /// Go on looking until interrupted: a live table on a terminal, else a block for each change
    #[arg(long)]
    pub(crate) watch: bool,
    /// With --watch: show the paths of files, too
    #[arg(long, requires = "watch")]
    pub(crate) paths: bool,
}

/// Where metrics go.
#[derive(Args, Debug)]
pub(crate) struct Metrics {
    /// Replace this file with them, readable by all, for node_exporter's textfile collector
    #[arg(long, value_name = "PATH")]
    pub(crate) textfile: Option<PathBuf>,
}

/// One reference, or none for all.
#[derive(Args, Debug)]
pub(crate) struct MaybeReference {
    /// A reference or a local name; all if left out
    #[arg(value_name = "REF", value_parser = SecretRef::parse_or_local)]
    pub(crate) reference: Option<SecretRef>,
}

/// One reference.
#[derive(Args, Debug)]
pub(crate) struct Reference {
    /// A reference or a local name
    #[arg(value_name = "REF", value_parser = SecretRef::parse_or_local)]
    pub(crate) reference: SecretRef,
}

/// Any number of references.
#[derive(Args, Debug)]
pub(crate) struct References {
    /// References or local names; all if left out
    #[arg(value_name = "REF", value_parser = SecretRef::parse_or_local)]
    pub(crate) references: Vec<SecretRef>,
}

/// A secret as a whole.
#[derive(Args, Debug)]
pub(crate) struct Stored {
    /// A local name or a reference, without a version
    #[arg(value_name = "NAME", value_parser = whole_secret)]
    pub(crate) name: SecretRef,
}

/// A secret to remove.
#[derive(Args, Debug)]
pub(crate) struct Delete {
    /// A local name or a reference, without a version
    #[arg(value_name = "NAME", value_parser = whole_secret)]
    pub(crate) name: SecretRef,
    /// Do not ask, though services use it
    #[arg(long, short)]
    pub(crate) yes: bool,
}

/// A secret to store.
#[derive(Args, Debug)]
pub(crate) struct Put {
    /// A local name or a reference, without a version
    #[arg(value_name = "NAME", value_parser = whole_secret)]
    pub(crate) name: SecretRef,
    /// Take the value from this file, exactly as it is
    #[arg(long, value_name = "PATH")]
    pub(crate) file: Option<PathBuf>,
    /// Keep the last line break of what is piped in, or of several lines that are typed
    #[arg(long)]
    pub(crate) exact: bool,
    /// Nothing at all is meant as a value: nobody is asked, and an empty pipe or file is stored
    #[arg(long)]
    pub(crate) empty: bool,
    /// Leave the current version in use; `promote` takes the new one into use
    #[arg(long)]
    pub(crate) pending: bool,
    /// Name the version (OCI Vault)
    #[arg(
        long,
        value_name = "VERSION_NAME",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) version_name: String,
}

/// A version to make current.
#[derive(Args, Debug)]
pub(crate) struct Promote {
    /// A local name or a reference, without a version
    #[arg(value_name = "NAME", value_parser = whole_secret)]
    pub(crate) name: SecretRef,
    /// One of those that `versions` lists
    #[arg(value_name = "VERSION")]
    pub(crate) version: String,
}

/// What to delete, and when.
#[derive(Args, Debug)]
pub(crate) struct ScheduleDeletion {
    /// A reference, without a version
    #[arg(value_name = "NAME", value_parser = whole_secret)]
    pub(crate) name: SecretRef,
    /// This version alone: one whose stage is DEPRECATED
    #[arg(long, value_name = "NUMBER", value_parser = version)]
    pub(crate) version: Option<NonZeroU64>,
    /// So many days from now, 1 to 30; what OCI Vault does by itself if left out, which is 30
    #[arg(long = "in", value_name = "DAYS", value_parser = days)]
    pub(crate) days: Option<u32>,
}

/// What to keep.
#[derive(Args, Debug)]
pub(crate) struct CancelDeletion {
    /// A reference, without a version
    #[arg(value_name = "NAME", value_parser = whole_secret)]
    pub(crate) name: SecretRef,
    /// This version, and not the whole secret
    #[arg(long, value_name = "NUMBER", value_parser = version)]
    pub(crate) version: Option<NonZeroU64>,
}

/// What to do with breakers.
#[derive(Debug, Subcommand)]
pub(crate) enum Breaker {
    /// Close the breaker of one backend, or all
    Reset {
        /// "local", "oci"; all if left out
        #[arg(value_name = "BACKEND")]
        backend: Option<String>,
        /// Which of its kind, as `status` says it, or a part of that
        #[arg(value_name = "SCOPE")]
        scope: Option<String>,
    },
}

/// What to do with policy.
#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    /// Say whether an action is allowed, and by which rule; exits 3 when it is denied
    Test {
        /// launch, get, put, ...
        #[arg(value_name = "ACTION")]
        action: String,
        /// For this service
        #[arg(long, value_name = "SERVICE")]
        service: Option<String>,
        /// For this reference
        #[arg(long, value_name = "REF", value_parser = SecretRef::parse_or_local)]
        reference: Option<SecretRef>,
    },
}

/// Why an argument is not taken. The argument itself is not repeated.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArgumentError {
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    #[error("name the secret without a version or stage")]
    Selector,
    #[error("whole seconds, from 1 to 60")]
    Seconds,
    #[error("whole days, from 1 to 30")]
    Days,
}

fn whole_secret(text: &str) -> Result<SecretRef, ArgumentError> {
    let reference = SecretRef::parse_or_local(text)?;
    match reference.selector() {
        Selector::Current => Ok(reference),
        _ => Err(ArgumentError::Selector),
    }
}

fn version(text: &str) -> Result<NonZeroU64, ArgumentError> {
    Ok(parse_version(text)?)
}

fn days(text: &str) -> Result<u32, ArgumentError> {
    let days = text.parse().ok();
    days.filter(|days| (1..=30).contains(days))
        .ok_or(ArgumentError::Days)
}

fn seconds(text: &str) -> Result<Duration, ArgumentError> {
    text.parse()
        .ok()
        .filter(|seconds| (1..=60).contains(seconds))
        .map(Duration::from_secs)
        .ok_or(ArgumentError::Seconds)
}
