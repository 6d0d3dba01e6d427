//! `vaultctl resolve`: a YAML text with the values that its references stand for.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::Duration;

use vault_client::{Error, OpenedSecret, state_with_reason};
use vault_proto::generated::State;
use vault_proto::kinds;
use vault_proto::reference::SecretRef;

use crate::failure::Failure;
use crate::report::{self, Form, Level};
use crate::resolve::options::Resolve;
use crate::resolve::replacing::{self, Answers};
use crate::resolve::scanning::Document;
use crate::resolve::{fetching, files};

/// `--strict`: a reference has no value.
const UNRESOLVED: u8 = 4;

/// Reports its own failures: with the level in front, as the predecessor did.
pub(crate) async fn run(
    agent: &'static str,
    options: Resolve,
    form: Form,
    timeout: Duration,
) -> Result<ExitCode, Failure> {
    if form == Form::Json {
        return Err(Failure::usage(
            "resolve writes YAML: --json does not go with it",
        ));
    }
    let code = resolve(agent, &options, timeout).await;
    Ok(code.unwrap_or_else(|failure| report::failure_at(Level::Error, &failure)))
}

async fn resolve(
    agent: &'static str,
    options: &Resolve,
    timeout: Duration,
) -> Result<ExitCode, Failure> {
    say_what_is_ignored(options);
    let text = files::read(options.input.as_deref())?;
    let document = Document::scan(&text).map_err(|error| Failure::unexpected(error.to_string()))?;
    for line in &document.repeated {
        let what = format!(
            "line {line}: the key stood in this map before; most readers take the last value"
        );
        report::log(Level::Warning, &what);
    }
    let answers = fetching::fetch(agent, timeout, distinct(&document), say_if_stale)
        .await
        .map_err(failure)?;
    let unresolved = say_what_is_unresolved(&document, &answers, options.verbose);
    if options.strict && unresolved > 0 {
        let what = format!("{unresolved} unresolved, nothing was written (--strict)");
        report::log(Level::Error, &what);
        return Ok(UNRESOLVED.into());
    }
    let result = replacing::resolved(&text, &document, &answers)
        .map_err(|error| Failure::unexpected(error.to_string()))?;
    match &options.output {
        Some(target) => files::write(target, &result).map(|()| ExitCode::SUCCESS),
        None => report::bytes(&result).map(|_| ExitCode::SUCCESS),
    }
}

fn say_what_is_ignored(options: &Resolve) {
    if options.ttl.is_some() {
        let what = "--ttl is ignored: how long a value is fresh is set in vaultd's own cache.ttl";
        report::log(Level::Warning, what);
    }
    if options.cache_dir.is_some() {
        let what = "--cache-dir is ignored: vaultd keeps no cache in files";
        report::log(Level::Warning, what);
    }
}

fn say_if_stale(secret: &OpenedSecret) {
    if secret.provenance.state() == State::Stale {
        let state = state_with_reason(&secret.provenance);
        report::log(Level::Warning, &format!("{} is {state}", secret.reference));
    }
}

fn distinct(document: &Document) -> Vec<SecretRef> {
    let references = document.references.iter();
    let references = references.filter_map(|found| found.reference.as_ref().ok());
    let distinct: BTreeSet<_> = references.cloned().collect();
    distinct.into_iter().collect()
}

/// A line for each reference that stays as it is; how many there are.
fn say_what_is_unresolved(document: &Document, answers: &Answers, verbose: bool) -> usize {
    let (mut all, mut unresolved) = (0, 0);
    for found in &document.references {
        all += found.count;
        let why = match &found.reference {
            Ok(reference) => match answers.get(reference) {
                Some(Ok(_)) => continue,
                Some(Err(why)) => format!("{reference} has no value: {why}"),
                None => format!("{reference} was not answered"),
            },
            Err(error) => format!("this is no reference: {error}"),
        };
        unresolved += found.count;
        let what = format!("{} (line {}) stays as it is: {why}", found.path, found.line);
        report::log(Level::Warning, &what);
    }
    if verbose {
        let distinct = answers.len();
        let what = format!(
            "{} of {all} references resolved, {distinct} asked for",
            all - unresolved
        );
        report::log(Level::Info, &what);
    }
    unresolved
}

/// A no of policy is told with the rule to add and ends in 3; without a daemon nothing can be done,
/// which was 1 for the predecessor, too.
fn failure(error: Error) -> Failure {
    let denied = error.kind() == kinds::DENIED;
    let failure = Failure::from(error);
    if denied {
        failure
    } else {
        failure.into_unexpected()
    }
}
