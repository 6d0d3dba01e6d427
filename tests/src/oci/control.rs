//! How does a person steer the fake? Line by line.

use std::io::{self, BufRead, Write};

use serde_json::{Value, json};

use super::fake::FakeOci;
use super::fault_words::WORDS;
use super::faults::{Fault, Times};
use super::paging::Paging;
use super::route::Route;

const COMMANDS: &str = "\
  put NAME VALUE         store a value; a new version where there is one
  secrets                name, id and version of each secret
  fault ROUTE TIMES FAULT
                         the next TIMES calls of the route (or `always`) fail like this
  heal                   forget all planned faults
  calls [ROUTE]          how often a route was called, or each
  clock SECONDS          move the service's clock
  pages SIZE [sparse]    cut lists like this; sparse puts an empty page before each
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
            let seconds = seconds
                .parse()
                .map_err(|_| format!("not seconds: {seconds}"))?;
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
