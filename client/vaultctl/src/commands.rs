//! Which command does what was asked?

mod breaker;
mod caller;
mod delete;
mod deletion;
mod doctor;
mod explain;
mod explain_config;
mod flush;
mod get;
mod held;
mod list;
mod metrics;
mod policy;
mod promote;
mod put;
mod refresh;
mod reload;
mod repeated;
mod resolve;
mod services;
mod status;
mod status_table;
mod status_watch;
mod time;
mod versions;
mod watch;
mod why;

use std::process::ExitCode;

use crate::arguments::{Arguments, Breaker, Command, Policy, Status};
use crate::failure::Failure;
use crate::report::Form;
use caller::{AGENT, Caller};

/// Carries out one command.
pub(crate) async fn carry_out(arguments: Arguments, form: Form) -> Result<ExitCode, Failure> {
    let caller = Caller::new(arguments.deadline);
    match arguments.command {
        Command::Status(Status { watch: true }) => status_watch::run(&caller, form).await,
        Command::Status(_) => status::run(caller.client().await?, form).await,
        Command::Flush(on) => flush::run(caller.client().await?, on, form).await,
        Command::Refresh(on) => refresh::run(caller.client().await?, on, form).await,
        // A person may take longer to type than the deadline is: the value comes first. But nobody
        // should type for a daemon that does not answer.
        Command::Put(put) => {
            if put::asks(&put) {
                caller.client().await?;
            }
            let value = put::value(&put, form)?;
            put::run(caller.client().await?, &put, value, form).await
        }
        Command::List => list::run(caller.client().await?, form).await,
        Command::Delete(on) => delete::run(caller.client().await?, on, form).await,
        Command::Get(on) => get::run(caller.client().await?, on, form).await,
        Command::Versions(on) => versions::run(caller.client().await?, on, form).await,
        Command::Promote(on) => promote::run(caller.client().await?, on, form).await,
        Command::ScheduleDeletion(on) => deletion::schedule(caller.client().await?, on, form).await,
        Command::CancelDeletion(on) => deletion::cancel(caller.client().await?, on, form).await,
        Command::Services => services::run(caller.client().await?, form).await,
        Command::Reload => reload::run(caller.client().await?, form).await,
        Command::Explain(on) => explain::run(caller.client().await?, on, form).await,
        Command::ExplainConfig { environment } => {
            explain_config::run(caller.client().await?, environment, form).await
        }
        Command::Doctor { backend } => doctor::run(caller.client().await?, &backend, form).await,
        Command::Why(on) => why::run(caller.client().await?, on, form).await,
        Command::Metrics(to) => metrics::run(caller.client().await?, to, form).await,
        Command::Breaker(Breaker::Reset { backend, scope }) => {
            breaker::reset(caller.client().await?, backend, scope, form).await
        }
        Command::Policy(Policy::Test {
            action,
            service,
            reference,
        }) => policy::test(caller.client().await?, action, service, reference, form).await,
        Command::Resolve(options) => resolve::run(AGENT, options, form, arguments.deadline).await,
        Command::Watch(on) => watch::run(caller.client().await?, on, form).await,
    }
}
