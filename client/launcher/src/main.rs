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
mod called;
mod discretion;
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

use vault_client::{Client, Launched, Wanted, connect};
use vault_proto::generated::CheckReply;

use discretion::Unspoken;
use failure::Failure;
use options::{Asked, Mode, Order};

#[global_allocator]
static HEAP: vault_memory::ZeroOnFree = vault_memory::ZeroOnFree;

const AGENT: &str = concat!("vault-run/", env!("CARGO_PKG_VERSION"));

fn main() -> ExitCode {
    let hardened = vault_memory::hide_process();
    let mut words = std::env::args_os();
    let name = called::name(words.next());
    let arguments: Vec<OsString> = words.collect();
    let has_client = options::may_have_a_client(&arguments);
    let outcome = match hardened {
        Ok(()) => run(name, arguments),
        Err(error) => Err(Failure::unexpected(format!(
            "cannot protect this process: {error}"
        ))),
    };
    match outcome {
        Ok(code) => code,
        Err(failure) if has_client => {
            report::failure(&failure);
            protocol_error::answer(&failure);
            failure.exit_code()
        }
        Err(failure) => {
            let failure = failure.without_a_client();
            report::failure(&failure);
            failure.exit_code()
        }
    }
}

fn run(name: &str, arguments: Vec<OsString>) -> Result<ExitCode, Failure> {
    let variable = std::env::var_os(options::ENVIRONMENT_VARIABLE);
    let asked = options::parse(arguments, variable)
        .map_err(|failure| failure.hint(format!("`{name} --help` shows how")))?;
    match asked {
        Asked::Help => report::text(&help::text(name))?,
        Asked::Version => {
            report::text(concat!("vault-run ", env!("CARGO_PKG_VERSION"), "\n"))?;
        }
        Asked::Start(mut order) => {
            order.wanted.profile = options::profile(std::env::var_os(options::PROFILE_VARIABLE))?;
            return carry_out(order);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn carry_out(order: Order) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(|error| {
            Failure::unexpected(format!("cannot prepare input and output: {error}"))
        })?;
    let wanted = order.wanted.clone();
    if order.mode == Mode::Test {
        let reply = runtime.block_on(async { client(&order).await?.check(order.wanted).await });
        return show(&wanted, &reply.map_err(|error| of_service(&wanted, error))?);
    }
    let verbose = order.verbose;
    let launched = runtime.block_on(async { client(&order).await?.launch(order.wanted).await });
    drop(runtime);
    let launched = launched.map_err(|error| of_service(&wanted, error))?;
    start(&wanted, launched, verbose).map_err(|failure| failure.about(&wanted.service))
}

async fn client(order: &Order) -> Result<Client, vault_client::Error> {
    connect(AGENT, order.deadline).await
}

/// A failure with the service's name, where that may be said.
fn of_service(wanted: &Wanted, error: vault_client::Error) -> Failure {
    let unspoken = Unspoken::in_failure(wanted, &error);
    Failure::from(error)
        .about(&wanted.service)
        .without(&unspoken)
}

/// What `--test` shows, and ends with.
fn show(wanted: &Wanted, reply: &CheckReply) -> Result<ExitCode, Failure> {
    let dropped: Vec<String> = std::env::vars_os()
        .filter_map(|(name, _)| environment::loader_variable(&name))
        .collect();
    let problem = become_server::enter(&reply.cwd).err();
    let problem_text = problem.as_ref().map(|problem| problem.lines().join("; "));
    let unspoken = Unspoken::in_answer(wanted, &reply.argv);
    let table = table::of(reply, &dropped, problem_text.as_deref());
    report::text(&unspoken.taken_out_of(&table))?;
    Ok(failure::code_of_check(reply.launchable, problem.as_ref()))
}

/// Returns only where the server could not be started.
fn start(wanted: &Wanted, mut launched: Launched, verbose: bool) -> Result<ExitCode, Failure> {
    let unspoken = Unspoken::in_answer(wanted, &launched.argv);
    for warning in &mut launched.warnings {
        *warning = unspoken.taken_out_of(warning);
    }
    let (variables, dropped) = environment::build(std::env::vars_os(), &launched)?;
    become_server::enter(&launched.cwd)?;
    let resolved = verbose.then(|| report::resolved(&wanted.service, &launched, &dropped));
    report::before_start(resolved, &launched);
    Err(become_server::exec(&launched.argv, variables))
}
