//! vaultd, the program.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use vaultd::backend_kinds::BackendKinds;

#[global_allocator]
static HEAP: vault_memory::ZeroOnFree = vault_memory::ZeroOnFree;

fn main() -> ExitCode {
    vaultd::program::run(BackendKinds::SHIPPED)
}
