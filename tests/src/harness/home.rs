//! A temporary home in which the programs run, with an environment of the harness's own.

use std::fs::{DirBuilder, Permissions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

use super::binaries::binaries;
use super::daemon::{Daemon, LONG, when_ended};
use super::notify::Notifications;
use super::outcome::Outcome;

/// Where programs of the system are found; the caller's own `PATH` stays out of the tests.
const SYSTEM_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How many daemons were expected to serve nothing.
static REFUSED: AtomicU32 = AtomicU32::new(0);

/// A person's home directory, with a runtime directory beside it. Removed on drop.
#[derive(Debug)]
pub struct Home {
    root: tempfile::TempDir,
    /// Everything that the programs run here wrote to standard error.
    said: Mutex<String>,
}

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}

impl Home {
    /// An empty home.
    ///
    /// # Panics
    /// Where no temporary directory can be made.
    pub fn new() -> Self {
        let root = tempfile::Builder::new()
            .prefix("vault-")
            .tempdir()
            .expect("a temporary home");
        let home = Self {
            root,
            said: Mutex::default(),
        };
        make_private(&home.path("home"));
        make_private(&home.path("run"));
        home
    }

    /// A place beside the home and the runtime directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// The directory over everything that is written.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// `XDG_RUNTIME_DIR`.
    pub fn runtime(&self) -> PathBuf {
        self.path("run")
    }

    /// The daemon's socket.
    pub fn socket(&self) -> PathBuf {
        self.runtime().join("vaultd/vaultd.sock")
    }

    /// A file of the daemon's configuration.
    pub fn configuration(&self, name: &str) -> PathBuf {
        self.path("home/.config/vaultd").join(name)
    }

    /// A file of the daemon's state.
    pub fn state(&self, name: &str) -> PathBuf {
        self.path("home/.local/state/vaultd").join(name)
    }

    /// Writes `configs/NAME`, as it is, and returns its path.
    pub fn write_service_file(&self, name: &str, text: &str) -> PathBuf {
        write(&self.configuration("configs").join(name), text)
    }

    /// Writes `configs/SERVICE.json`.
    pub fn write_service(&self, service: &str, content: &Value) -> PathBuf {
        self.write_service_file(&format!("{service}.json"), &content.to_string())
    }

    /// Writes `resolver.yaml` and returns its path.
    pub fn write_resolver(&self, text: &str) -> PathBuf {
        write(&self.configuration("resolver.yaml"), text)
    }

    /// `program` in this home: no variable but `PATH`, `HOME` and `XDG_RUNTIME_DIR`, no input.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .current_dir(self.path("home"))
            .stdin(Stdio::null());
        command.env("PATH", SYSTEM_PATH);
        command.env("HOME", self.path("home"));
        command.env("XDG_RUNTIME_DIR", self.runtime());
        command
    }

    /// A command of a shell that finds the programs under test.
    pub fn shell(&self, script: &str) -> Outcome {
        let mut command = self.command(Path::new("/bin/sh"));
        let programs = binaries().directory().display();
        command
            .env("PATH", format!("{programs}:{SYSTEM_PATH}"))
            .args(["-c", script]);
        self.finish(command, b"")
    }

    /// `vault-run` with these arguments.
    pub fn run(&self, arguments: &[&str]) -> Outcome {
        let mut command = self.command(&binaries().vault_run);
        command.args(arguments);
        self.finish(command, b"")
    }

    /// `vaultctl` with these arguments.
    pub fn ctl(&self, arguments: &[&str]) -> Outcome {
        self.ctl_with_input(arguments, b"")
    }

    /// `vaultctl` with these arguments and `input` on a pipe.
    pub fn ctl_with_input(&self, arguments: &[&str], input: &[u8]) -> Outcome {
        let mut command = self.command(&binaries().vaultctl);
        command.args(arguments);
        self.finish(command, input)
    }

    /// Stores a secret.
    ///
    /// # Panics
    /// Where it cannot be stored.
    #[track_caller]
    pub fn put(&self, name: &str, value: impl AsRef<[u8]>) {
        self.ctl_with_input(&["put", name], value.as_ref())
            .success();
    }

    /// Runs `command` to its end, with `input` on a pipe where there is any.
    ///
    /// # Panics
    /// Where it does not start.
    pub fn finish(&self, mut command: Command, input: &[u8]) -> Outcome {
        if !input.is_empty() {
            command.stdin(Stdio::piped());
        }
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let line = format!("{command:?}");
        let mut child = command.spawn().expect("the program starts");
        if let Some(mut pipe) = child.stdin.take() {
            // A program that does not want its input may close it.
            let _ = pipe.write_all(input);
        }
        let output = child.wait_with_output().expect("the program ends");
        let outcome = Outcome::new(line, output);
        self.remember(&outcome);
        outcome
    }

    fn remember(&self, outcome: &Outcome) {
        let mut said = self.said.lock().expect("no test panics in here");
        said.push_str(&outcome.stderr);
    }

    /// All that programs run to their end here wrote to standard error.
    pub fn said(&self) -> String {
        self.said.lock().expect("no test panics in here").clone()
    }

    /// Starts the daemon and waits until it is ready.
    ///
    /// # Panics
    /// Where it does not get ready.
    #[track_caller]
    pub fn start(&self) -> Daemon<'_> {
        self.start_with(|_| ())
    }

    /// The same, with a change to its command.
    ///
    /// # Panics
    /// Where it does not get ready.
    #[track_caller]
    pub fn start_with(&self, change: impl FnOnce(&mut Command)) -> Daemon<'_> {
        let mut command = self.command(&binaries().vaultd);
        change(&mut command);
        Daemon::start(self.root(), command)
    }

    /// Starts the daemon where it is expected to serve nothing: how it ended, or how it answered a caller
    /// while it waits for a person to mend what is wrong.
    ///
    /// # Panics
    /// Where it serves.
    #[track_caller]
    pub fn start_refused(&self) -> Outcome {
        self.start_refused_with(|_| ())
    }

    /// The same, with a change to its command.
    ///
    /// # Panics
    /// Where it serves.
    #[track_caller]
    pub fn start_refused_with(&self, change: impl FnOnce(&mut Command)) -> Outcome {
        let mut command = self.command(&binaries().vaultd);
        change(&mut command);
        let line = format!("{command:?}");
        let number = REFUSED.fetch_add(1, Ordering::Relaxed);
        let notifications = Notifications::at(self.path(&format!("notify-refused-{number}")));
        let notifications = notifications.expect("a socket for notifications");
        command
            .env("NOTIFY_SOCKET", notifications.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("vaultd starts");
        let ended = when_ended(&child, notifications.on_end());
        let is_up = notifications.wait_for("READY=1", LONG).is_ok();
        let answer = is_up.then(|| self.ctl(&["status"]));
        if is_up {
            let _ = child.kill();
        }
        let gone = ended.recv_timeout(LONG);
        let outcome = Outcome::new(line, child.wait_with_output().expect("the program ends"));
        self.remember(&outcome);
        assert!(gone.is_ok(), "vaultd was expected to end: {outcome}");
        let Some(answer) = answer else {
            return outcome;
        };
        assert!(
            answer.stderr.contains("vaultd cannot serve"),
            "vaultd was expected not to serve: {answer}"
        );
        answer
    }

    /// The audit record, oldest first.
    ///
    /// # Panics
    /// Where a line is no JSON.
    pub fn audit(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.state("audit.jsonl")).unwrap_or_default();
        text.lines()
            .map(|line| serde_json::from_str(line).expect("a line of JSON"))
            .collect()
    }

    /// The records of one event.
    pub fn audit_of(&self, event: &str) -> Vec<Value> {
        self.audit()
            .into_iter()
            .filter(|record| record["event"] == event)
            .collect()
    }

    /// How often the daemon asked its local store for a value.
    ///
    /// # Panics
    /// Where the counter is not there.
    #[track_caller]
    pub fn local_calls(&self) -> u64 {
        let metrics = self.ctl(&["metrics"]);
        let line = |line: &str| {
            let rest = line.strip_prefix("vaultd_backend_calls_total{backend=\"local\"}")?;
            rest.trim().parse().ok()
        };
        metrics
            .success()
            .lines()
            .find_map(line)
            .unwrap_or_else(|| panic!("no counter: {metrics}"))
    }
}

fn make_private(directory: &Path) {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .expect("a directory");
}

fn write(path: &Path, text: &str) -> PathBuf {
    make_private(path.parent().expect("a file is in a directory"));
    std::fs::write(path, text).expect("a configuration file");
    std::fs::set_permissions(path, Permissions::from_mode(0o600)).expect("its mode");
    path.to_owned()
}
