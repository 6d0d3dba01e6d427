//! `vaultctl status --watch`: the state as it changes.
//!
//! On a terminal the table is drawn anew every two seconds, and when a secret changes. Elsewhere
//! there is one block, or with `--json` one line, for each change: of anything but times and counters.

use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout_at};
use vault_client::{Client, Connector, Style};
use vault_proto::generated::{StatusReply, StatusRequest};

use super::status::StatusJson;
use super::status_table::{Paths, text};
use crate::failure::Failure;
use crate::reader;
use crate::report::{self, Form, Reader};
use crate::terminal::style_of_output;

/// Between two calls, where nothing changes.
const INTERVAL: Duration = Duration::from_secs(2);
/// Between two calls at least: many secrets change at once.
const MIN_INTERVAL: Duration = Duration::from_millis(200);

/// Cursor home, and long lines are cut; what stands there is erased line by line, so that nothing
/// flickers.
const BEGIN: &str = "\u{1b}[H\u{1b}[?7l";
const REST_OF_LINE: &str = "\u{1b}[K\n";
/// Nothing below, and long lines go on in the next.
const END: &str = "\u{1b}[J\u{1b}[?7h";

/// Ends when it is interrupted, with the reader, or with the daemon.
pub(super) async fn run(
    agent: &'static str,
    timeout: Duration,
    paths: Paths,
    form: Form,
) -> Result<ExitCode, Failure> {
    let cannot = |error| Failure::unexpected(format!("cannot listen to signals: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(cannot)?;
    tokio::select! {
        failure = follow(agent, timeout, paths, form) => failure,
        _ = interrupt.recv() => Ok(ExitCode::SUCCESS),
        _ = terminate.recv() => Ok(ExitCode::SUCCESS),
        () = pin!(reader::is_gone()) => Ok(ExitCode::SUCCESS),
    }
}

async fn follow(
    agent: &'static str,
    timeout: Duration,
    paths: Paths,
    form: Form,
) -> Result<ExitCode, Failure> {
    let connector = Connector::new(agent);
    let client = || connector.client(timeout);
    let changed = Arc::new(Notify::new());
    let mut watch = notify_of_changes(client(), Arc::clone(&changed)).await;
    let mut shown = None;
    loop {
        let start = Instant::now();
        let status = client().call(StatusRequest {}).await?;
        if show(status, paths, form, &mut shown)? == Reader::Gone {
            return Ok(ExitCode::SUCCESS);
        }
        // Changed or not, it is time to call again.
        let _ = timeout_at(start + INTERVAL, changed.notified()).await;
        sleep_until(start + MIN_INTERVAL).await;
        if watch.is_finished() {
            watch = notify_of_changes(client(), Arc::clone(&changed)).await;
        }
    }
}

/// Notes each change of a secret, until the daemon ends the stream. Who may not watch still sees
/// changes at the next call.
async fn notify_of_changes(mut client: Client, changed: Arc<Notify>) -> JoinHandle<()> {
    let events = client.watch(vec![]).await.ok();
    tokio::spawn(async move {
        let Some(mut events) = events else {
            return std::future::pending().await;
        };
        while events.next().await.is_ok() {
            changed.notify_one();
        }
    })
}

fn show(
    status: StatusReply,
    paths: Paths,
    form: Form,
    shown: &mut Option<StatusReply>,
) -> Result<Reader, Failure> {
    let style = style_of_output();
    if report::to_terminal() && form == Form::Text {
        return report::bytes(screen(&text(&status, paths, style), style).as_bytes());
    }
    let essence = essence(status.clone());
    if shown.as_ref() == Some(&essence) {
        return Ok(Reader::There);
    }
    let before = if shown.is_some() { "\n" } else { "" };
    *shown = Some(essence);
    let text = || format!("{before}{}", text(&status, paths, style));
    report::one_of_many(form, text, &StatusJson::from(status.clone()))
}

/// What fits on the terminal, and how much does not.
fn screen(text: &str, style: Style) -> String {
    let rows = style.height().unwrap_or(usize::MAX).max(2) - 1;
    let count = text.lines().count();
    let kept = if count > rows { rows - 1 } else { rows };
    let more = match count - kept.min(count) {
        0 => None,
        more => Some(format!("({more} more lines)")),
    };
    let lines = text.lines().take(kept).chain(more.as_deref());
    let lines: String = lines.flat_map(|line| [line, REST_OF_LINE]).collect();
    format!("{BEGIN}{lines}{END}")
}

/// The same without what changes by itself.
fn essence(mut status: StatusReply) -> StatusReply {
    status.uptime_seconds = 0;
    status.counters = None;
    for backend in &mut status.backends {
        backend.next_probe_ms = 0;
    }
    for secret in &mut status.secrets {
        secret.fresh_for_ms = 0;
        secret.usable_for_ms = 0;
        if let Some(held) = &mut secret.provenance {
            held.age_ms = 0;
        }
    }
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_takes_what_fits_and_counts_the_rest() {
        let style = Style {
            colour: true,
            size: Some((80, 24)),
        };
        let lines = |count: usize| "x\n".repeat(count);
        let shown = |count| screen(&lines(count), style);
        assert_eq!(shown(23).matches('x').count(), 23);
        assert!(!shown(23).contains("more"));
        assert_eq!(shown(30).matches('x').count(), 22);
        assert!(shown(30).contains("(8 more lines)"));
        assert_eq!(shown(30).lines().count(), 24);
    }
}
