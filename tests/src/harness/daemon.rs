//! Starting vaultd, telling it things, and ending it.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;

use super::notify::Notifications;

/// How long anything may take before a test gives up; no test measures time.
pub const LONG: Duration = Duration::from_mins(1);

/// A running daemon. Killed on drop.
#[derive(Debug)]
pub struct Daemon<'a> {
    /// Where its log is.
    directory: &'a Path,
    child: Child,
    notifications: Notifications,
    ended: Receiver<()>,
}

impl<'a> Daemon<'a> {
    #[track_caller]
    pub(super) fn start(directory: &'a Path, mut command: Command) -> Self {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let notifications = Notifications::at(directory.join(format!("notify-{number}")));
        let notifications = notifications.expect("a socket for notifications");
        let log = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(log_path(directory));
        command
            .env("NOTIFY_SOCKET", notifications.path())
            .stderr(log.expect("a log file"));
        let child = command.spawn().expect("vaultd starts");
        let ended = when_ended(&child, notifications.on_end());
        let mut daemon = Self {
            directory,
            child,
            notifications,
            ended,
        };
        if let Err(why) = daemon.notifications.wait_for("READY=1", LONG) {
            let status = daemon.child.try_wait();
            panic!("vaultd is not ready: {why} ({status:?}): {}", daemon.log());
        }
        daemon
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What this daemon, and those before it in the same home, wrote to standard error.
    pub fn log(&self) -> String {
        std::fs::read_to_string(log_path(self.directory)).unwrap_or_default()
    }

    /// Waits for a line of what it tells its service manager: "STATUS=", "STOPPING=1".
    pub fn notified(&self, start: &str) -> bool {
        self.notifications.wait_for(start, LONG).is_ok()
    }

    /// Forgets what it has told its service manager so far.
    pub fn forget_notifications(&self) {
        self.notifications.forget();
    }

    /// The line below `systemctl status` the next time that it begins like this.
    ///
    /// # Panics
    /// Where none does.
    #[track_caller]
    pub fn status_line(&self, start: &str) -> String {
        let said = self
            .notifications
            .wait_for(&format!("STATUS={start}"), LONG);
        let said = said.unwrap_or_else(|why| panic!("no line {start:?}: {why}: {}", self.log()));
        let line = said.lines().find_map(|line| line.strip_prefix("STATUS="));
        line.expect("it was found").to_owned()
    }

    /// Sends a signal. The process is not reaped before its end was waited for: the number is its own.
    ///
    /// # Panics
    /// Where the system refuses.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).expect("process ids are small");
        kill(Pid::from_raw(pid), signal).expect("the process is ours");
    }

    /// Sends SIGHUP and waits until the daemon says what came of it.
    ///
    /// # Panics
    /// Where it does not say so.
    #[track_caller]
    pub fn reload(&self) {
        // The daemon also speaks when it has noticed a changed file by itself.
        self.forget_notifications();
        // What is said first may be about a reading that began before.
        for _ in 0..2 {
            self.signal(Signal::SIGHUP);
            assert!(
                self.notified("X_VAULTD_RELOADED="),
                "nothing came of SIGHUP: {}",
                self.log()
            );
        }
    }

    /// Sends SIGTERM and waits for the end, at most five seconds.
    ///
    /// # Panics
    /// Where it does not end.
    #[track_caller]
    pub fn terminate(self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        self.wait()
    }

    /// Sends SIGKILL and waits for the end.
    pub fn kill(self) -> ExitStatus {
        self.signal(Signal::SIGKILL);
        self.wait()
    }

    /// Waits for the end, at most five seconds.
    ///
    /// # Panics
    /// Where it does not end.
    #[track_caller]
    pub fn wait(mut self) -> ExitStatus {
        let ended = self.ended.recv_timeout(Duration::from_secs(5));
        assert!(ended.is_ok(), "vaultd does not end: {}", self.log());
        self.child.wait().expect("the process has ended")
    }
}

impl Drop for Daemon<'_> {
    fn drop(&mut self) {
        // Both fail only for a process that has been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn log_path(directory: &Path) -> PathBuf {
    directory.join("vaultd.log")
}

/// Waits for the end in a thread of its own, without reaping: the number stays the process's until
/// its owner lets it go.
pub(super) fn when_ended(child: &Child, tell: impl FnOnce() + Send + 'static) -> Receiver<()> {
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("process ids are small"));
    let (sender, ended) = channel();
    std::thread::spawn(move || {
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
        while waitid(Id::Pid(pid), flags) == Err(Errno::EINTR) {}
        tell();
        // Nobody may be waiting.
        let _ = sender.send(());
    });
    ended
}
