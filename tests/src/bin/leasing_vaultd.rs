//! The daemon, with one more kind of vault than it is shipped with.
#![forbid(unsafe_code)]

use std::process::ExitCode;

#[global_allocator]
static HEAP: vault_memory::ZeroOnFree = vault_memory::ZeroOnFree;

fn main() -> ExitCode {
    vaultd::program::run(vault_tests::leasing::KINDS)
}
