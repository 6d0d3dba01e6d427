//! The commands, a module each.

mod breaker;
mod delete;
mod deletion;
mod doctor;
mod explain_config;
mod flush;
mod get;
mod held;
mod last;
mod list;
mod metrics;
mod policy;
mod promote;
mod put;
mod refresh;
mod reload;
mod repeated_call;
mod resolve;
mod services;
mod status;
mod status_table;
mod status_watch;
mod time;
mod usage;
mod versions;
mod watch;
mod why;

use std::process::ExitCode;

use vault_client::connect;

use crate::arguments::{Arguments, Breaker, Command, Policy, Status};
use crate::failure::Failure;
use crate::report::Form;
use status_table::Paths;

/// What this program calls itself.
const AGENT: &str = concat!("vaultctl/", env!("CARGO_PKG_VERSION"));

/// Carries out one command.
pub(crate) async fn carry_out(arguments: Arguments, form: Form) -> Result<ExitCode, Failure> {
    let deadline = arguments.deadline;
    let client = || connect(AGENT, deadline);
    match arguments.command {
        Command::Status(Status { watch: true, paths }) => {
            let paths = if paths { Paths::Shown } else { Paths::LeftOut };
            status_watch::run(AGENT, deadline, paths, form).await
        }
        Command::Status(_) => status::run(client().await?, form).await,
        Command::Flush(on) => flush::run(client().await?, on, form).await,
        Command::Refresh(on) => refresh::run(client().await?, on, form).await,
        // A person may take longer to type than the deadline is: the value comes first. But nobody
        // should type for a daemon that does not answer.
        Command::Put(put) => {
            if put::asks(&put) {
                client().await?;
            }
            let value = put::value(&put, form)?;
            put::run(client().await?, &put, value, form).await
        }
        Command::List => list::run(client().await?, form).await,
        Command::Delete(on) => delete::run(client().await?, on, form).await,
        Command::Get(on) => get::run(client().await?, on, form).await,
        Command::Versions(on) => versions::run(client().await?, on, form).await,
        Command::Promote(on) => promote::run(client().await?, on, form).await,
        Command::ScheduleDeletion(on) => deletion::schedule(client().await?, on, form).await,
        Command::CancelDeletion(on) => deletion::cancel(client().await?, on, form).await,
        Command::Services => services::run(client().await?, form).await,
        Command::Last => last::run(client().await?, form).await,
        Command::Reload => reload::run(client().await?, form).await,
        Command::ExplainConfig { environment } => {
            explain_config::run(client().await?, environment, form).await
        }
        Command::Doctor { backend } => doctor::run(client().await?, &backend, form).await,
        Command::Why(on) => why::run(client().await?, on, form).await,
        Command::Metrics(to) => metrics::run(client().await?, to, form).await,
        Command::Breaker(Breaker::Reset { backend, scope }) => {
            breaker::reset(client().await?, backend, scope, form).await
        }
        Command::Policy(Policy::Test {
            action,
            service,
            reference,
        }) => policy::test(client().await?, action, service, reference, form).await,
        Command::Resolve(options) => resolve::run(AGENT, options, form, deadline).await,
        Command::Watch(on) => watch::run(client().await?, on, form).await,
    }
}
