//! The command line of vaultd.

use std::path::PathBuf;

use clap::Parser;

/// A local secrets daemon for people who run MCP servers.
///
/// vaultd fetches secrets, holds them in protected memory and serves them over gRPC on a Unix
/// socket of this user alone. Programs ask through vault-run and vaultctl. Usually systemd starts
/// it when the first of them connects; started by hand it makes the socket itself.
#[derive(Debug, Parser)]
#[command(name = "vaultd", version, after_help = AFTER_HELP)]
pub struct Arguments {
    /// Read this file in place of the usual resolver.yaml, and service files from configs/ beside it
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Read service files from this directory alone
    #[arg(long, value_name = "DIR")]
    pub config_dir: Option<PathBuf>,

    /// Read the configuration, say what is wrong with it, and end
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    pub check: Option<Option<PathBuf>>,

    /// OCI's configuration file, in place of vault.config_file
    #[arg(long, value_name = "FILE")]
    pub config_file: Option<String>,

    /// The profile in it, in place of vault.config_profile
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,

    /// Be the instance this runs on, in place of vault.auth_method
    #[arg(long)]
    pub instance_principals: bool,

    /// Ask on the terminal for the passphrase of the local store's identity
    #[arg(long)]
    pub ask_passphrase: bool,

    /// Log at debug level
    #[arg(long, short)]
    pub verbose: bool,
}

const AFTER_HELP: &str = "\
Files:
  $XDG_CONFIG_HOME/vaultd/resolver.yaml   configuration, optional; else
                       oci-vault-mcp/resolver.yaml, else both in /etc;
                       read again when it changes
  configs/NAME.json    one service each, or NAME.yaml, beside those
  $XDG_STATE_HOME/vaultd/   store.age, identity.txt, audit.jsonl;
                       snapshot.age, with cache.persist: sealed;
                       vaultd.lock: who uses the directory
  $XDG_RUNTIME_DIR/vaultd/vaultd.sock     the socket; without it
                       /run/user/UID/vaultd/vaultd.sock; where there is
                       no such directory,
                       ~/.local/state/vaultd/run/vaultd.sock

Credentials (systemd LoadCredential=):
  vaultd.identity      the store's identity, in place of identity.txt
  vaultd.passphrase    the passphrase of identity.age

Variables:
  VAULTD_LOG           error, warn, info, debug, trace, or a filter
  OCI_VAULT_ENVIRONMENT      the environment where vault-run names none
  OCI_VAULT_ID, OCI_VAULT_COMPARTMENT_ID, OCI_REGION, OCI_CONFIG_FILE,
  OCI_CONFIG_PROFILE, OCI_USE_INSTANCE_PRINCIPALS, OCI_VAULT_CACHE_DIR,
  OCI_VAULT_CACHE_TTL        count instead of what resolver.yaml says

Signals:
  SIGHUP               read the configuration now
  SIGTERM, SIGINT      finish what is under way, wipe, end

Exit status:
  0                    ended by a signal
  1                    unexpected failure
  2                    wrong command line; with --check, configuration
  3                    no socket, or another daemon has the directory

What is wrong with configuration, store or identity does not end it:
callers are told, and it serves as soon as that is mended.";
