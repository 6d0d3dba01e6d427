//! vaultctl: status, storage and control of vaultd.
#![forbid(unsafe_code)]

mod arguments;
mod commands;
mod failure;
#[cfg(test)]
mod man_page;
mod prompt;
mod reader;
mod refusal;
mod report;
mod resolve;
mod terminal;
mod typed;
mod value;

use std::process::ExitCode;

use clap::Parser;

use arguments::Arguments;
use failure::Failure;
use report::Form;
use resolve::old_names::as_meant;

#[global_allocator]
static HEAP: vault_memory::ZeroOnFree = vault_memory::ZeroOnFree;

fn main() -> ExitCode {
    let form = Form::asked_by(std::env::args_os());
    let hardened = vault_memory::harden_process();
    if let Err(error) = hardened {
        let failure = Failure::unexpected(format!("cannot protect this process: {error}"));
        return report::failure(form, &failure);
    }
    let arguments = match Arguments::try_parse_from(as_meant(std::env::args_os())) {
        Ok(arguments) => arguments,
        Err(error) => return refusal::show(form, &error),
    };
    match run(arguments, form) {
        Ok(code) => code,
        Err(failure) => report::failure(form, &failure),
    }
}

fn run(arguments: Arguments, form: Form) -> Result<ExitCode, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(|error| Failure::unexpected(format!("cannot prepare input and output: {error}")))?
        .block_on(commands::carry_out(arguments, form))
}
