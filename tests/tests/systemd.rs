//! The daemon under a real `systemd --user`.
//!
//! Each scenario of the program `systemd_scenario` is one test, run by `with-systemd-user.sh` in a
//! user manager of its own. Where a machine cannot run one, the tests count as ignored and the
//! reason stands beside each name.
#![forbid(unsafe_code)]

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output, Stdio};
use std::sync::{Arc, OnceLock};

use libtest_mimic::{Arguments, Failed, Trial};
use vault_tests::harness::binaries;

/// The script's word for "not on this machine".
const CANNOT: i32 = 77;

/// What each test claims, and the scenario that shows it.
const SCENARIOS: [(&str, &str); 13] = [
    ("first_call_starts_the_daemon", "socket_activation"),
    ("launch_starts_a_stopped_daemon", "stop_and_launch"),
    ("sigterm_ends_the_daemon_well_and_at_once", "terminate"),
    ("killed_daemon_comes_back", "crash"),
    ("hanging_daemon_is_replaced_by_the_watchdog", "watchdog"),
    ("reload_and_a_written_file_bring_in_a_service", "reload"),
    (
        "what_is_broken_at_a_start_is_said_at_the_launch",
        "broken_start",
    ),
    (
        "a_daemon_started_by_hand_leaves_the_socket_of_the_unit",
        "by_hand_first",
    ),
    (
        "no_launch_fails_while_the_daemon_restarts",
        "restart_under_load",
    ),
    (
        "systemd_understands_the_units_and_finds_them_tight",
        "units",
    ),
    (
        "uninstall_leaves_configuration_and_store",
        "install_and_uninstall",
    ),
    ("upgrade_replaces_the_running_daemon", "upgrade"),
    (
        "processes_of_the_same_user_cannot_read_the_daemon",
        "passive_reads",
    ),
];

#[expect(
    clippy::print_stderr,
    reason = "whoever runs the tests must see why some did not run"
)]
fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let refused = why_not();
    if let Some(why) = &refused {
        eprintln!("{} tests are ignored: {why}", SCENARIOS.len());
    }
    let stage = Arc::new(OnceLock::new());
    let trials = SCENARIOS.map(|(claim, scenario)| {
        let stage = Arc::clone(&stage);
        Trial::test(claim, move || stage.get_or_init(Stage::set).play(scenario))
            .with_kind(refused.clone().unwrap_or_default())
            .with_ignored_flag(refused.is_some())
    });
    libtest_mimic::run(&arguments, trials.into()).exit_code()
}

/// Why there can be no user manager on this machine.
fn why_not() -> Option<String> {
    let outcome = run(&mut in_user_manager(
        &repository().join(SCRIPT),
        Path::new("true"),
    ));
    (outcome.status.code() == Some(CANNOT))
        .then(|| String::from_utf8_lossy(&outcome.stderr).trim().to_owned())
}

const SCRIPT: &str = "tests/with-systemd-user.sh";

/// What the installer takes besides programs and units.
const MANUAL: [&str; 3] = [
    "client/launcher/vault-run.1",
    "client/vaultctl/vaultctl.1",
    "daemon/vaultd/vaultd.8",
];

/// A directory that everybody can read, with the programs and what the installer needs: the
/// repository itself may be in a home that the scenario's user cannot enter.
struct Stage(tempfile::TempDir);

impl Stage {
    fn set() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let stage = Self(directory);
        make_readable(stage.0.path());
        let programs = binaries();
        let scenario = PathBuf::from(env!("CARGO_BIN_EXE_systemd_scenario"));
        for program in [
            &programs.vaultd,
            &programs.vault_run,
            &programs.vaultctl,
            &scenario,
        ] {
            let name = program.file_name().expect("a program has a name");
            copy(program, &stage.path(&name.to_string_lossy()));
        }
        let repository = repository();
        let pages = MANUAL.map(|page| repository.join(page));
        for file in files_under(&repository.join("systemd"))
            .into_iter()
            .chain(pages)
        {
            let name = file.strip_prefix(&repository).expect("it is inside");
            copy(&file, &stage.path("repository").join(name));
        }
        stage
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn play(&self, scenario: &str) -> Result<(), Failed> {
        let script = repository().join(SCRIPT);
        let mut command = in_user_manager(&script, &self.path("systemd_scenario"));
        let outcome = run(command.arg(self.0.path()).arg(scenario));
        if outcome.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&outcome.stderr);
        Err(format!("{}\n{said}", outcome.status).into())
    }
}

fn in_user_manager(script: &Path, program: &Path) -> Command {
    let mut command = Command::new("bash");
    command.arg(script).arg(program);
    command
}

fn run(command: &mut Command) -> Output {
    let outcome = command.stdin(Stdio::null()).output();
    outcome.expect("bash is installed")
}

fn repository() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests
        .parent()
        .expect("tests is in the repository")
        .to_owned()
}

fn files_under(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).expect("a directory of the repository");
    let paths = entries.map(|entry| entry.expect("a file of the repository").path());
    let (directories, mut files): (Vec<_>, Vec<_>) = paths.partition(|path| path.is_dir());
    files.extend(directories.iter().flat_map(|path| files_under(path)));
    files
}

/// Copies a file with its mode, and makes the directories above it readable.
fn copy(from: &Path, to: &Path) {
    let parent = to.parent().expect("a file is in a directory");
    std::fs::create_dir_all(parent).expect("the stage is ours");
    make_readable(parent);
    std::fs::copy(from, to).expect("the stage is ours");
}

fn make_readable(directory: &Path) {
    std::fs::set_permissions(directory, Permissions::from_mode(0o755)).expect("it is ours");
}
