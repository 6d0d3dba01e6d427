//! Fetching the values of references, and why one has none.
//!
//! All are fetched in one call, which is answered for all or for none. Where it is not, each is
//! fetched alone, a few at once, to find out which one it is: the others are at hand by then.

use std::time::Duration;

use tokio::task::JoinSet;
use vault_client::{Client, Connector, Error, OpenedSecret};
use vault_proto::kinds;
use vault_proto::reference::SecretRef;
use zeroize::Zeroizing;

use super::replacing::Answers;

/// References of one call: as many of the longest values fit into one reply of gRPC, 4 MiB.
const PER_CALL: usize = 48;

/// Calls at once, as many as the predecessor promised.
const MAX_CALLS: usize = 5;

/// Fetches all `references`, with `timeout` for those of one call. Shows `inspect` what came.
///
/// # Errors
/// What is wrong with the daemon, or that policy denies one of them: nothing is to be written then.
pub(crate) async fn fetch(
    agent: &'static str,
    timeout: Duration,
    references: Vec<SecretRef>,
    mut inspect: impl FnMut(&OpenedSecret),
) -> Result<Answers, Error> {
    let mut answers = Answers::new();
    if references.is_empty() {
        return Ok(answers);
    }
    let connector = Connector::new(agent);
    let mut client = connector.connect(timeout).await?;
    for together in references.chunks(PER_CALL) {
        let found: Vec<Found> = match resolve(&mut client, together).await {
            Ok(secrets) => together
                .iter()
                .cloned()
                .zip(secrets.into_iter().map(Ok))
                .collect(),
            Err(error) if is_of_one(&error) => one_by_one(agent, timeout, together).await?,
            Err(error) => return Err(error),
        };
        for (reference, secret) in found {
            let answer = secret.and_then(|secret| {
                inspect(&secret);
                text(secret)
            });
            answers.insert(reference, answer);
        }
    }
    Ok(answers)
}

/// A secret, or why there is none.
type Found = (SecretRef, Result<OpenedSecret, String>);

async fn one_by_one(
    agent: &'static str,
    timeout: Duration,
    references: &[SecretRef],
) -> Result<Vec<Found>, Error> {
    let mut waiting = references.iter().cloned();
    let mut calls = JoinSet::new();
    let mut found = Vec::with_capacity(references.len());
    loop {
        let free = MAX_CALLS - calls.len();
        for reference in waiting.by_ref().take(free) {
            calls.spawn(one(agent, timeout, reference));
        }
        match calls.join_next().await {
            None => return Ok(found),
            Some(Ok(answer)) => found.push(answer?),
            // A panic has said what is wrong.
            Some(Err(_)) => {
                let what = "a call was lost";
                return Err(Error::Incomplete { what });
            }
        }
    }
}

/// On a connection of its own: the daemon takes two calls at once on each.
async fn one(agent: &'static str, timeout: Duration, reference: SecretRef) -> Result<Found, Error> {
    let mut client = Connector::new(agent).connect(timeout).await?;
    let secret = match resolve(&mut client, std::slice::from_ref(&reference)).await {
        Ok(mut secrets) => secrets
            .pop()
            .ok_or_else(|| "vaultd gave no value".to_owned()),
        Err(error) if is_of_one(&error) => Err(error.to_string()),
        Err(error) => return Err(error),
    };
    Ok((reference, secret))
}

/// One call. Each value must say that it is the one which was asked for.
async fn resolve(
    client: &mut Client,
    references: &[SecretRef],
) -> Result<Vec<OpenedSecret>, Error> {
    let names: Vec<String> = references.iter().map(ToString::to_string).collect();
    let secrets = client.resolve(names.clone()).await?;
    let in_order = secrets.iter().map(|secret| &secret.reference).eq(&names);
    if !in_order {
        let what = "a value is not the one that was asked for";
        return Err(Error::Incomplete { what });
    }
    Ok(secrets)
}

fn text(mut secret: OpenedSecret) -> Result<Zeroizing<String>, String> {
    match String::from_utf8(std::mem::take(&mut *secret.value)) {
        Ok(text) => Ok(Zeroizing::new(text)),
        Err(_) => Err("the value is not text (UTF-8), and YAML has no other strings".to_owned()),
    }
}

/// Whether a refusal is about one of the secrets, so that another may be had.
fn is_of_one(error: &Error) -> bool {
    match error {
        Error::Deadline { .. } => true,
        Error::Refused { kind, .. } => kinds::is_of_one_secret(kind),
        _ => false,
    }
}
