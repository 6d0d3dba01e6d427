//! What can be said on vaultd's command line?

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

    /// Ask on the terminal for the passphrase of the local store's identity
    #[arg(long)]
    pub ask_passphrase: bool,

    /// Log at debug level
    #[arg(long, short)]
    pub verbose: bool,
}

const AFTER_HELP: &str = "\
Files:
  $XDG_CONFIG_HOME/vaultd/resolver.yaml    configuration; then oci-vault-mcp/resolver.yaml, then
                                           both under /etc; the first that exists, none is fine
  configs/<service>.json|yaml              one service each, beside each of those places
  $XDG_STATE_HOME/vaultd/                  store.age, identity.txt, audit.jsonl
  $XDG_RUNTIME_DIR/vaultd/vaultd.sock      the socket, else /run/user/<uid>/vaultd/vaultd.sock

Credentials (systemd LoadCredential=):
  vaultd.identity      the store's age identity, in place of identity.txt
  vaultd.passphrase    the passphrase of identity.age

Variables:
  VAULTD_LOG           which log lines: error, warn, info, debug, trace, or a tracing filter

Signals:
  SIGHUP               read the configuration again, all of it or none
  SIGTERM, SIGINT      finish what is under way, wipe, end

Exit status:
  0 ended by a signal; 1 unexpected failure; 2 wrong command line or configuration; 3 the socket,
  the store or the state directory cannot be used";
