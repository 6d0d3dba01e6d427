//! What is systemd told? It listens if it started us; nobody else does.

use std::time::Duration;

use sd_notify::NotifyState;

use crate::setup::Current;

/// Requests are served.
pub(super) fn ready(current: &Current) {
    notify(&[
        NotifyState::Ready,
        NotifyState::Status(&status_line(current)),
    ]);
}

/// The line below `systemctl status` has changed.
pub(super) fn status(current: &Current) {
    notify(&[NotifyState::Status(&status_line(current))]);
}

/// The daemon still accepts.
pub(super) fn alive() {
    notify(&[NotifyState::Watchdog]);
}

/// The daemon ends.
pub(super) fn stopping() {
    notify(&[NotifyState::Stopping]);
}

/// How often [`alive`] is expected; `None` where it is not.
pub(super) fn watchdog_period() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}

fn status_line(current: &Current) -> String {
    let services = current.get().view(None).services.len();
    let (generation, refused) = current.history();
    let line = match refused {
        None => format!("serving {services} services, configuration {generation}"),
        Some(why) => format!("serving {services} services by an old configuration: {why}"),
    };
    // A file's name may hold a line's end, and with it anything that systemd understands.
    line.replace(char::is_control, "\u{fffd}")
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "systemd could not be told");
    }
}
