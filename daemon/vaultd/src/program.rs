//! The program's whole run: hardened first, then configured, then served.

use std::process::ExitCode;

use clap::Parser;

use crate::app::{self, Fatal};
use crate::arguments::Arguments;
use crate::backend_kinds::BackendKinds;

/// Runs the daemon over these kinds of vaults, by the process's own arguments and environment.
pub fn run(kinds: BackendKinds) -> ExitCode {
    // Before anything else: from here on no process of the same user can look inside.
    let hardened = vault_memory::harden_process();
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
    let arguments = Arguments::parse();
    let outcome = crate::logging::start(arguments.verbose)
        .map_err(Fatal::Configuration)
        .and_then(|(log, _writing)| {
            if let Err(error) = hardened {
                tracing::warn!(%error, "this process can be read by others of the same user");
            }
            app::run(&arguments, &log, kinds)
        });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(fatal) => {
            complain(&fatal);
            ExitCode::from(fatal.exit_status())
        }
    }
}

/// The last words go to standard error whatever the log's filter says.
#[expect(
    clippy::print_stderr,
    reason = "the one place where the program speaks for itself"
)]
fn complain(fatal: &Fatal) {
    eprintln!("vaultd: {:#}", fatal.error());
}
