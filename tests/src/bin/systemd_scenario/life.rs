//! The daemon starts when asked, ends when told, and comes back when it must.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{PidfdFlags, pidfd_open};

use crate::installed::{Installed, main_pid, property, systemctl};
use crate::journal::Journal;

/// systemd's line when the daemon has said that it is ready.
const STARTED: &str = "Started vaultd.service";
/// How long ending may take while no change is under way.
const IN_TIME: Timespec = Timespec {
    tv_sec: 5,
    tv_nsec: 0,
};

/// Only the socket is enabled; the first call starts the daemon, which says that it is ready.
pub(crate) fn socket_activation(programs: &Path) -> anyhow::Result<()> {
    let installed = Installed::bare(programs)?;
    expect("ActiveState", "inactive")?;
    let mut journal = Journal::follow("vaultd.service")?;
    installed.ctl(&["list"])?;
    journal.wait_for(STARTED, 1)?;
    expect("ActiveState", "active")?;
    expect("SubState", "running")?;
    expect("NRestarts", "0")?;
    ensure!(!property("StatusText")?.is_empty(), "the status is empty");
    main_pid()?;
    installed.put_token()?;
    installed.launch("bar")?;
    let complaint = |line: &&str| line.contains("WARN") || line.contains("ERROR");
    // A kernel without memfd_secret is worth a warning, and no fault of the unit.
    let of_unit = |line: &&str| complaint(line) && !line.contains("ENOSYS");
    ensure!(
        !journal.text().lines().any(|line| of_unit(&line)),
        "the daemon has something to complain about under its own unit:\n{}",
        journal.text()
    );
    Ok(())
}

/// A stopped daemon leaves the socket; the next launch starts it.
pub(crate) fn stop_and_launch(programs: &Path) -> anyhow::Result<()> {
    let installed = Installed::new(programs)?;
    let first = main_pid()?;
    systemctl(["stop", "vaultd.service"])?;
    expect("ActiveState", "inactive")?;
    expect("Result", "success")?;
    installed.launch("bar")?;
    ensure!(main_pid()? != first, "the old process still serves");
    Ok(())
}

/// SIGTERM ends it with status 0, at once, though a caller stays connected; nothing restarts it.
pub(crate) fn terminate(programs: &Path) -> anyhow::Result<()> {
    let installed = Installed::new(programs)?;
    let socket = std::env::var("XDG_RUNTIME_DIR")? + "/vaultd/vaultd.sock";
    let idle = std::os::unix::net::UnixStream::connect(socket)?;
    let daemon = rustix::process::Pid::from_raw(main_pid()?).context("a process id")?;
    let daemon = pidfd_open(daemon, PidfdFlags::empty())?;
    signal(Signal::SIGTERM)?;
    let mut end = [PollFd::new(&daemon, PollFlags::IN)];
    ensure!(
        poll(&mut end, Some(&IN_TIME))? == 1,
        "the daemon takes longer than its unit allows"
    );
    drop(idle);
    // Returns when the manager has seen the end, too.
    systemctl(["stop", "vaultd.service"])?;
    expect("Result", "success")?;
    expect("ExecMainStatus", "0")?;
    expect("NRestarts", "0")?;
    installed.launch("bar")
}

/// A killed daemon is started again, without a caller.
pub(crate) fn crash(programs: &Path) -> anyhow::Result<()> {
    let installed = Installed::new(programs)?;
    let mut journal = Journal::follow("vaultd.service")?;
    let first = main_pid()?;
    signal(Signal::SIGKILL)?;
    journal.wait_for(STARTED, 2)?;
    ensure!(main_pid()? != first, "the process id is the old one");
    expect("NRestarts", "1")?;
    installed.launch("bar")
}

/// A daemon that hangs is replaced.
pub(crate) fn watchdog(programs: &Path) -> anyhow::Result<()> {
    let installed = Installed::bare(programs)?;
    installed.write_drop_in("WatchdogSec=1s\nTimeoutAbortSec=1s")?;
    installed.put_token()?;
    let mut journal = Journal::follow("vaultd.service")?;
    journal.wait_for(STARTED, 1)?;
    let first = main_pid()?;
    signal(Signal::SIGSTOP)?;
    journal.wait_for("Watchdog timeout", 1)?;
    journal.wait_for(STARTED, 2)?;
    ensure!(main_pid()? != first, "the process id is the old one");
    installed.launch("bar")
}

/// A service that is written is noticed under the unit as shipped; `systemctl --user reload` brings in
/// another; a broken file refuses its own service.
pub(crate) fn reload(programs: &Path) -> anyhow::Result<()> {
    let installed = Installed::new(programs)?;
    let mut journal = Journal::follow("vaultd.service")?;
    let first = main_pid()?;
    installed.write_service("foo")?;
    journal.wait_for("configuration read", 1)?;
    installed.launch("foo")?;
    installed.write_service("baz")?;
    systemctl(["reload", "vaultd.service"])?;
    journal.wait_for("configuration read", 2)?;
    installed.launch("baz")?;
    installed.write(".config/vaultd/configs/broken.json", "{")?;
    systemctl(["reload", "vaultd.service"])?;
    journal.wait_for("service broken is refused", 1)?;
    installed.launch("foo")?;
    ensure!(main_pid()? == first, "a reload started another process");
    Ok(())
}

/// A configuration that cannot be used keeps no unit from starting: a launch says what is wrong, and the
/// one after the mend works.
pub(crate) fn broken_start(programs: &Path) -> anyhow::Result<()> {
    let installed = Installed::new(programs)?;
    let resolver = ".config/vaultd/resolver.yaml";
    systemctl(["stop", "vaultd.service"])?;
    installed.write(resolver, "policy: {}\n")?;
    systemctl(["start", "vaultd.service"])?;
    expect("ActiveState", "active")?;
    let refused = installed.run("bar")?;
    let words = String::from_utf8_lossy(&refused.stderr);
    let says_why = words.contains("resolver.yaml:1") && words.contains("rules: []");
    ensure!(!refused.status.success() && says_why, "{words}");
    installed.write(resolver, "cache: {ttl: 60}\n")?;
    installed.launch("bar")?;
    expect("NRestarts", "0")
}

/// A daemon that was started by hand leaves the socket that the unit has made since, and what it held.
pub(crate) fn by_hand_first(programs: &Path) -> anyhow::Result<()> {
    let installed = Installed::new(programs)?;
    systemctl(["stop", "vaultd.socket", "vaultd.service"])?;
    let mut by_hand = Command::new(installed.home(".local/bin/vaultd"))
        .stderr(Stdio::null())
        .spawn()?;
    installed.launch("bar")?;
    systemctl(["start", "vaultd.socket"])?;
    let pid = Pid::from_raw(i32::try_from(by_hand.id())?);
    kill(pid, Signal::SIGTERM)?;
    by_hand.wait()?;
    let socket = std::env::var("XDG_RUNTIME_DIR")? + "/vaultd/vaultd.sock";
    ensure!(Path::new(&socket).exists(), "the unit's socket is gone");
    installed.launch("bar")?;
    expect("ActiveState", "active")
}

fn signal(signal: Signal) -> anyhow::Result<()> {
    Ok(kill(Pid::from_raw(main_pid()?), signal)?)
}

fn expect(name: &str, value: &str) -> anyhow::Result<()> {
    let is = property(name)?;
    ensure!(is == value, "{name} is {is:?}, not {value:?}");
    Ok(())
}
