//! What does vault-run do, in order?
//!
//! Ask vaultd once, build the environment, become the server. Up to the exec nothing is changed
//! that the server inherits: process group, file descriptors 0, 1 and 2, and the directory unless
//! the service sets one. One thing is, because it cannot be helped: SIGPIPE gets its default action,
//! which the Rust runtime takes away and exec gives back. Until the exec nobody can look into this
//! process; its limits stay as they are, for they would be the server's. Standard input is read
//! only when no server will be.
#![forbid(unsafe_code)]

mod become_server;
mod environment;
mod failure;
mod help;
mod json_request;
mod options;
mod protocol_error;
mod report;
mod table;

use std::ffi::OsString;
use std::process::ExitCode;

use vault_client::{Client, Launched, connect};

use failure::Failure;
use options::{Asked, Mode, Order};

#[global_allocator]
static HEAP: vault_memory::ZeroOnFree = vault_memory::ZeroOnFree;

const AGENT: &str = concat!("vault-run/", env!("CARGO_PKG_VERSION"));

fn main() -> ExitCode {
    let hardened = vault_memory::hide_process();
    let arguments = std::env::args_os().skip(1).collect();
    let outcome = match hardened {
        Ok(()) => run(arguments),
        Err(error) => Err(Failure::unexpected(format!(
            "cannot protect this process: {error}"
        ))),
    };
    match outcome {
        Ok(code) => code,
        Err(failure) => {
            report::failure(&failure);
            if failure.leaves_a_client_waiting() {
                protocol_error::answer(&failure);
            }
            failure.exit_code()
        }
    }
}

fn run(arguments: Vec<OsString>) -> Result<ExitCode, Failure> {
    match options::parse(arguments, std::env::var_os(options::ENVIRONMENT_VARIABLE))? {
        Asked::Help => Ok(report::text(help::HELP)),
        Asked::Version => Ok(report::text(concat!(
            "vault-run ",
            env!("CARGO_PKG_VERSION"),
            "\n"
        ))),
        Asked::Start(mut order) => {
            order.wanted.profile = options::profile(std::env::var_os(options::PROFILE_VARIABLE))?;
            carry_out(order)
        }
    }
}

fn carry_out(order: Order) -> Result<ExitCode, Failure> {
    let subject = order.wanted.service.clone();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(|error| {
            Failure::unexpected(format!("cannot prepare input and output: {error}"))
        })?;
    let of_service = |failure: Failure| failure.about(&subject);
    if order.mode == Mode::Test {
        let reply = runtime.block_on(async { client(&order).await?.check(order.wanted).await });
        let reply = reply.map_err(|error| of_service(Failure::from(error)).without_a_client())?;
        report::text(&table::of(&reply));
        return Ok(failure::code_of_check(reply.launchable));
    }
    let verbose = order.verbose;
    let launched = runtime.block_on(async { client(&order).await?.launch(order.wanted).await });
    drop(runtime);
    let launched = launched.map_err(|error| of_service(error.into()))?;
    start(&subject, launched, verbose).map_err(of_service)
}

async fn client(order: &Order) -> Result<Client, vault_client::Error> {
    connect(AGENT, order.deadline).await
}

/// Returns only where the server could not be started.
fn start(service: &str, launched: Launched, verbose: bool) -> Result<ExitCode, Failure> {
    let variables = environment::build(std::env::vars_os(), &launched)?;
    report::before_start(service, &launched, verbose);
    Err(become_server::exec(
        &launched.argv,
        &launched.cwd,
        variables,
    ))
}
