//! vaultd under a real `systemd --user`.
//!
//! Run by `tests/tests/systemd.rs` inside `tests/with-systemd-user.sh`, as the user: the directory
//! with the three programs and `repository/systemd`, then the scenario's name. Every scenario
//! starts from an empty home and installs with `systemd/install.sh`. Nothing here sleeps: it waits
//! for lines of the journal, or for programs that end.
#![forbid(unsafe_code)]

mod files;
mod installed;
mod journal;
mod life;
mod load;
mod reads;
mod units;

use std::path::PathBuf;

use anyhow::{Context, bail};

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(programs), Some(name)) = (arguments.next(), arguments.next()) else {
        bail!("usage: systemd_scenario DIRECTORY SCENARIO");
    };
    let programs = PathBuf::from(programs);
    let name = name.into_string().unwrap_or_default();
    let scenario = match name.as_str() {
        "socket_activation" => life::socket_activation,
        "stop_and_launch" => life::stop_and_launch,
        "terminate" => life::terminate,
        "crash" => life::crash,
        "watchdog" => life::watchdog,
        "reload" => life::reload,
        "broken_start" => life::broken_start,
        "by_hand_first" => life::by_hand_first,
        "restart_under_load" => load::restart_under_load,
        "units" => units::units,
        "install_and_uninstall" => files::install_and_uninstall,
        "upgrade" => files::upgrade,
        "passive_reads" => reads::passive_reads,
        _ => bail!("there is no scenario {name}"),
    };
    scenario(&programs).with_context(|| format!("scenario {name}"))
}
