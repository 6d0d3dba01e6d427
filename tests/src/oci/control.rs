//! The command lines that steer the fake.

use std::io::{self, BufRead, Write};
use std::str::FromStr;

use serde_json::{Value, json};

use super::fake::FakeOci;
use super::fault_words::WORDS;
use super::faults::{Fault, Times};
use super::paging::Paging;
use super::route::Route;
use super::secrets::{Secret, State};
use super::workload::Cluster;

const COMMANDS: &str = "\
  put NAME VALUE         store a value; a new version where there is one
  secrets                name, id and version of each secret
  fault ROUTE TIMES FAULT
                         the next TIMES calls of the route (or `always`) fail like this
  heal                   forget all planned faults
  calls [ROUTE]          how often a route was called, or each
  clock SECONDS          move the service's clock
  pages SIZE [sparse]    cut lists like this; sparse puts an empty page before each
  state NAME STATE       put a secret where it is in its life, such as PENDING_DELETION
  expire NAME SECONDS    the current version ends being good then
  block NAME SECONDS     the secret's content is not given any more from then on
  key ID [STATE]         there is such a key, in this state: ENABLED unless told
  cluster KIND           enhanced, or basic: without identities of pods
  parents COUNT          the resource is inside of so many others
  on-behalf [TOKEN]      every request about secrets must bear this token, or need none
  hang-up WORD           yes: connections are closed at once; no: they are not
  away                   end all connections and listen no more
  back                   listen again, on the same ports
  rotate                 give the instance another certificate
  revoke                 take back all tokens
  quit                   end; so does the end of the input
";

/// What can be said, and the names of routes and faults.
pub fn help() -> String {
    let routes = Route::ALL.map(|route| format!("  {route:?}\n")).concat();
    format!("Commands:\n{COMMANDS}\nFaults:\n{WORDS}\nRoutes:\n{routes}")
}

/// Obeys each line of `input`, and answers each with a line of JSON.
///
/// # Errors
/// Where input or output fail.
pub fn run(fake: &FakeOci, input: impl BufRead, mut output: impl Write) -> io::Result<()> {
    for line in input.lines() {
        let line = line?;
        if line.trim() == "quit" {
            break;
        }
        let answer = obey(fake, &line).unwrap_or_else(|wrong| json!({"error": wrong}));
        writeln!(output, "{answer}")?;
        output.flush()?;
    }
    Ok(())
}

fn obey(fake: &FakeOci, line: &str) -> Result<Value, String> {
    let words: Vec<&str> = line.splitn(4, ' ').collect();
    Ok(match *words.as_slice() {
        ["put", name, ..] => {
            let value = line.splitn(3, ' ').nth(2).unwrap_or_default();
            json!({"id": fake.put(name, value)})
        }
        ["secrets"] => fake.with(|world| {
            let secrets = world.secrets.iter();
            let told = secrets.map(|secret| {
                json!({"name": secret.name, "id": secret.id, "version": secret.current,
                    "state": secret.state.word()})
            });
            told.collect()
        }),
        ["fault", route, times, fault] => {
            fake.fail(route_of(route)?, fault.parse::<Fault>()?, times_of(times)?);
            json!({})
        }
        ["heal"] => {
            fake.heal();
            json!({})
        }
        ["calls"] => {
            let called = Route::ALL
                .into_iter()
                .map(|route| (route, fake.calls(route)));
            let called = called.filter(|(_, calls)| *calls > 0);
            called
                .map(|(route, calls)| (format!("{route:?}"), json!(calls)))
                .collect()
        }
        ["calls", route] => json!({ route: fake.calls(route_of(route)?) }),
        ["clock", seconds] => {
            let seconds = number(seconds)?;
            let now = fake.with(|world| {
                world.clock.advance(seconds);
                world.clock.now()
            });
            json!({"now": now})
        }
        ["pages", size, ref rest @ ..] => {
            let paging = paging_of(size, rest)?;
            fake.with(|world| world.secrets.paging = paging);
            json!({})
        }
        ["state", name, word] => {
            let mut states = State::ALL.into_iter();
            let state = states.find(|state| state.word() == word);
            let state = state.ok_or_else(|| format!("no such state: {word}"))?;
            change(fake, name, |secret, _| secret.state = state)?
        }
        ["expire", name, seconds] => {
            let seconds: i64 = number(seconds)?;
            change(fake, name, |secret, now| {
                let current = secret.current;
                let mut versions = secret.versions.iter_mut();
                if let Some(version) = versions.find(|version| version.number == current) {
                    version.expiry = Some(now.saturating_add_signed(seconds));
                }
            })?
        }
        ["block", name, seconds] => {
            let seconds: i64 = number(seconds)?;
            change(fake, name, |secret, now| {
                secret.blocked_from = Some(now.saturating_add_signed(seconds));
            })?
        }
        ["key", id, ref state @ ..] if state.len() < 2 => {
            let state = state.first().map_or("ENABLED", |state| *state);
            fake.with(|world| {
                if world.vaults.keys.iter().all(|key| key.id != id) {
                    world.vaults.add_key(id);
                }
                state.clone_into(&mut world.vaults.key(id).state);
            });
            json!({})
        }
        ["cluster", kind] => {
            let cluster = match kind {
                "enhanced" => Cluster::Enhanced,
                "basic" => Cluster::Basic,
                _ => return Err(format!("neither enhanced nor basic: {kind}")),
            };
            fake.with(|world| world.cluster = cluster);
            json!({})
        }
        ["parents", count] => {
            let count = number(count)?;
            fake.with(|world| world.resources.parents = count);
            json!({})
        }
        ["on-behalf", ref token @ ..] if token.len() < 2 => {
            let token = token.first().map(|token| (*token).to_owned());
            fake.with(|world| world.on_behalf = token);
            json!({})
        }
        ["hang-up", word] => {
            let hangs_up = match word {
                "yes" => true,
                "no" => false,
                _ => return Err(format!("neither yes nor no: {word}")),
            };
            fake.with(|world| world.hangs_up = hangs_up);
            json!({})
        }
        ["away"] => {
            fake.go_away();
            json!({})
        }
        ["back"] => {
            fake.come_back();
            json!({})
        }
        ["rotate"] => {
            fake.with(|world| world.instance.rotate());
            json!({})
        }
        ["revoke"] => {
            fake.with(|world| world.keys.revoke_tokens());
            json!({})
        }
        _ => return Err(format!("no such command: {line}")),
    })
}

/// Changes the secret of a name; `change` is told the time.
fn change(
    fake: &FakeOci,
    name: &str,
    change: impl FnOnce(&mut Secret, u64),
) -> Result<Value, String> {
    fake.with(|world| {
        let now = world.clock.now();
        let named = world.secrets.iter().find(|secret| secret.name == name);
        let id = named.map(|secret| secret.id.clone());
        let id = id.ok_or_else(|| format!("no such secret: {name}"))?;
        change(world.secrets.secret(&id), now);
        Ok(json!({"id": id}))
    })
}

fn number<N: FromStr>(word: &str) -> Result<N, String> {
    word.parse()
        .map_err(|_| format!("not a number that fits here: {word}"))
}

fn route_of(name: &str) -> Result<Route, String> {
    Route::named(name).ok_or_else(|| format!("no such route: {name}"))
}

fn times_of(word: &str) -> Result<Times, String> {
    if word == "always" {
        return Ok(Times::Always);
    }
    let times = word.parse().map(Times::Next);
    times.map_err(|_| format!("neither a number nor always: {word}"))
}

fn paging_of(size: &str, rest: &[&str]) -> Result<Paging, String> {
    let page_size = size.parse().ok().filter(|size| *size > 0);
    match rest {
        [] | ["sparse"] => Ok(Paging {
            page_size: page_size.ok_or_else(|| format!("not a size: {size}"))?,
            has_empty_pages: !rest.is_empty(),
        }),
        _ => Err(format!("not a way to cut lists: {}", rest.join(" "))),
    }
}
