//! vaultd, the program: hardened first, then configured, then served.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use vaultd::app::{self, Fatal};
use vaultd::arguments::Arguments;
use vaultd::backend_kinds::BackendKinds;

#[global_allocator]
static HEAP: vault_memory::ZeroOnFree = vault_memory::ZeroOnFree;

fn main() -> ExitCode {
    // Before anything else: from here on no process of the same user can look inside.
    let hardened = vault_memory::harden_process();
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
    let arguments = Arguments::parse();
    let outcome = vaultd::logging::start(arguments.verbose)
        .map_err(Fatal::Configuration)
        .and_then(|log| {
            if let Err(error) = hardened {
                tracing::warn!(%error, "this process can be read by others of the same user");
            }
            app::run(&arguments, &log, BackendKinds::SHIPPED)
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
