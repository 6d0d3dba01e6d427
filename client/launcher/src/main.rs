//! vault-run: the launcher that becomes an MCP server with its secrets in the environment.
//!
//! Ask vaultd once, build the environment, become the server. Up to the exec nothing is changed
//! that the server inherits: process group, file descriptors 0, 1 and 2, and the directory unless
//! the service sets one. One thing is, because it cannot be helped: SIGPIPE gets its default action,
//! which the Rust runtime takes away and exec gives back. Until the exec nobody can look into this
//! process; its limits stay as they are, for they would be the server's. Standard input is read
//! only when no server will be.
#![forbid(unsafe_code)]

mod environment;
mod exec;
mod failure;
mod help;
mod interpreter;
mod json_request;
mod limits;
mod options;
mod program_name;
mod protocol_error;
mod ready;
mod redaction;
mod report;
mod search_path;
mod table;

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::ExitCode;

use tokio::runtime::Runtime;
use vault_client::{Client, LaunchOptions, Launched, connect};
use vault_proto::generated::{CheckReply, ListRequest};

use failure::Failure;
use options::{Invocation, Mode, Run, TestAll};
use redaction::Redaction;

#[global_allocator]
static HEAP: vault_memory::ZeroOnFree = vault_memory::ZeroOnFree;

const AGENT: &str = concat!("vault-run/", env!("CARGO_PKG_VERSION"));

fn main() -> ExitCode {
    let hardened = vault_memory::hide_process();
    let mut words = std::env::args_os();
    let name = program_name::known(words.next());
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
    let invocation = options::parse(arguments, variable)
        .map_err(|failure| failure.hint(format!("`{name} --help` shows how")))?;
    match invocation {
        Invocation::Help => report::text(&help::text(name))?,
        Invocation::Version => {
            report::text(concat!("vault-run ", env!("CARGO_PKG_VERSION"), "\n"))?;
        }
        Invocation::Run(mut run) => {
            run.launch.profile = options::profile(std::env::var_os(options::PROFILE_VARIABLE))?;
            return carry_out(run);
        }
        Invocation::TestAll(all) => return test_all(all),
    }
    Ok(ExitCode::SUCCESS)
}

fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(|error| Failure::unexpected(format!("cannot prepare input and output: {error}")))
}

/// Checks every service that may be listed, and ends with what the first that would not start ends with.
fn test_all(all: TestAll) -> Result<ExitCode, Failure> {
    let profile = options::profile(std::env::var_os(options::PROFILE_VARIABLE))?;
    let runtime = runtime()?;
    let client = || connect(AGENT, all.deadline);
    let listed = runtime.block_on(async { client().await?.call(ListRequest {}).await });
    let services = listed.map_err(Failure::from)?.services;
    if services.is_empty() {
        report::text("no services are configured\n")?;
    }
    let mut worst = ExitCode::SUCCESS;
    for (place, service) in services.into_iter().enumerate() {
        let launch = LaunchOptions {
            service: service.name,
            environment: all.environment.clone(),
            environment_inherited: all.environment_inherited,
            profile: profile.clone(),
            ..LaunchOptions::default()
        };
        let before = if place == 0 { "" } else { "\n" };
        report::text(&format!("{before}{}:\n", launch.service))?;
        let check = launch.clone();
        let reply = runtime.block_on(async { client().await?.check(check).await });
        let code = match reply {
            Ok(reply) => show(&launch, &reply)?,
            Err(error) => {
                let failure = of_service(&launch, error).without_a_client();
                report::failure(&failure);
                failure.exit_code()
            }
        };
        if worst == ExitCode::SUCCESS {
            worst = code;
        }
    }
    Ok(worst)
}

fn carry_out(run: Run) -> Result<ExitCode, Failure> {
    let runtime = runtime()?;
    let launch = run.launch.clone();
    if run.mode == Mode::Test {
        let reply = runtime.block_on(async { client(&run).await?.check(run.launch).await });
        return show(&launch, &reply.map_err(|error| of_service(&launch, error))?);
    }
    let verbose = run.verbose;
    let launched = runtime.block_on(async { client(&run).await?.launch(run.launch).await });
    drop(runtime);
    let launched = launched.map_err(|error| of_service(&launch, error))?;
    start(&launch, launched, verbose).map_err(|failure| failure.about(&launch.service))
}

async fn client(run: &Run) -> Result<Client, vault_client::Error> {
    connect(AGENT, run.deadline).await
}

/// A failure with the service's name, where that may be said.
fn of_service(launch: &LaunchOptions, error: vault_client::Error) -> Failure {
    let redaction = Redaction::of_failure(launch, &error);
    Failure::from(error)
        .about(&launch.service)
        .redacted(|text| redaction.apply(text))
}

/// What `--test` shows, and ends with.
fn show(launch: &LaunchOptions, reply: &CheckReply) -> Result<ExitCode, Failure> {
    let dropped: Vec<String> = std::env::vars_os()
        .filter_map(|(name, _)| environment::loader_variable(&name))
        .collect();
    let inherited = std::env::var_os("PATH");
    let program = reply.argv.first().map_or("", String::as_str);
    let directory = &reply.program_directory;
    let path = search_path::of_server(inherited.as_deref(), &reply.path, directory, program);
    let path = path.or(inherited);
    let (interpreter, problem) = match started_with(reply, path.as_ref()) {
        Ok(interpreter) => (interpreter, None),
        // A person who tests sees all of it.
        Err(problem) => (None, Some(problem.without_a_client())),
    };
    let seen = table::SeenHere {
        path,
        interpreter,
        dropped,
        problem: problem.as_ref().map(|problem| problem.lines().join("; ")),
    };
    let redaction = Redaction::of_answer(launch, &reply.argv);
    report::text(&redaction.apply(&table::of(reply, &seen)))?;
    Ok(failure::code_of_check(reply.launchable, problem.as_ref()))
}

/// The interpreter that the command would be started with, if it needs one.
fn started_with(reply: &CheckReply, path: Option<&OsString>) -> Result<Option<PathBuf>, Failure> {
    exec::enter(&reply.cwd)?;
    match reply.argv.first() {
        Some(program) => interpreter::of(program, path.map(OsString::as_os_str)),
        None => Ok(None),
    }
}

/// Returns only where the server could not be started.
fn start(
    launch: &LaunchOptions,
    mut launched: Launched,
    verbose: bool,
) -> Result<ExitCode, Failure> {
    let redaction = Redaction::of_answer(launch, &launched.argv);
    for warning in &mut launched.warnings {
        *warning = redaction.apply(warning);
    }
    let (variables, dropped) = environment::build(std::env::vars_os(), &launched)?;
    exec::enter(&launched.cwd)?;
    interpreter::of(
        &launched.argv[0],
        variables.get(OsStr::new("PATH")).map(OsString::as_os_str),
    )?;
    limits::check(&launched.argv, &variables)?;
    let first = if verbose {
        Some(report::resolved(&launch.service, &launched, &dropped))
    } else {
        report::not_inherited(&launch.service, &dropped)
    };
    report::before_start(first, &launched);
    Err(exec::replace_process(&launched.argv, variables))
}
