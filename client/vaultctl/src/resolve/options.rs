//! The options of `vaultctl resolve`.

use std::path::PathBuf;

use clap::Args;

const AFTER_HELP: &str = "\
The result is plaintext in another program's file, where vaultd cannot protect it; a service that \
`vault-run` starts needs none. Where a program cannot do without:

  docker mcp config read | vaultctl resolve --strict | docker mcp config write

A pipe starts all of its programs: the last one gets an empty text where nothing is written. With \
--output, and `&&` behind it, it is not started then.

A link to vaultctl that is named oci-vault-resolve or oci_vault_resolver.py does the same.";

/// Replace the references in a YAML or JSON text by their values, where policy permits
///
/// A reference is the whole of a string, never a key or a part of a text. Its value stands in its place
/// in double quotation marks; all else stays as it is, comments, layout and anchors too. A reference
/// without a value stays as it is, with a warning; a denied one ends in 3, and nothing is written.
///
/// One document of at most 16 MiB is read, without maps or lists as keys.
// The options are the predecessor's, less those that are the daemon's own.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Resolve {
    /// Read this file; standard input if left out
    #[arg(short, long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,
    /// Replace this file, with mode 0600, and only on success; standard output if left out
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Write nothing and exit 4 where a reference has no value
    #[arg(long)]
    pub(crate) strict: bool,
    /// Say on standard error what was done
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// Ignored: how long a value is fresh is set in vaultd's own cache.ttl
    #[arg(long, value_name = "SECONDS")]
    pub(crate) ttl: Option<u64>,
    /// Ignored: vaultd keeps no cache in files
    #[arg(long, value_name = "DIR")]
    pub(crate) cache_dir: Option<PathBuf>,
}
