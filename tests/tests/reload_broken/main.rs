//! The daemon serves on, and says what is wrong in one line, whatever is wrong with a file.
//!
//! Five hundred broken configurations, each in the place of a good file at one stroke. What happens
//! to be good is no broken one and is drawn again; how often is said.
#![forbid(unsafe_code)]

mod generator;

use std::fs;
use std::path::{Path, PathBuf};

use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use tonic::Code;
use vault_proto::generated::{LaunchRequest, ReloadRequest, StatusReply, StatusRequest};
use vault_proto::kinds;
use vault_tests::harness::{Daemon, Home, binaries, until};
use vault_tests::rpc::{Envelope, Rpc, kind_of};

use generator::{Broken, CONTENT, Dice, Kind, RESOLVER, SERVICE, Target};

const CONFIGURATIONS: usize = 500;
const SEED: u64 = 20_261_121;

fn prepared() -> Home {
    let home = Home::new();
    home.write_resolver(RESOLVER);
    home.write_service_file("foo.json", SERVICE);
    home
}

/// Root reads every file, unless it has given up that it may. `None` where it cannot give that up.
fn start_without_privilege(home: &Home) -> Option<Daemon<'_>> {
    let dropped = "--bounding-set=-dac_override,-dac_read_search";
    if !nix::unistd::geteuid().is_root() {
        return Some(home.start());
    }
    let mut possible = home.command(Path::new("setpriv"));
    if !possible
        .args([dropped, "true"])
        .status()
        .is_ok_and(|status| status.success())
    {
        return None;
    }
    Some(home.start_with(|command| {
        *command = home.command(Path::new("setpriv"));
        command.arg(dropped).arg(&binaries().vaultd);
    }))
}

/// Two files change places; nobody sees either place empty.
fn exchange(one: &Path, other: &Path) {
    renameat2(AT_FDCWD, one, AT_FDCWD, other, RenameFlags::RENAME_EXCHANGE).expect("exchanged");
}

fn remove(path: &Path) {
    if path.is_dir() && !path.is_symlink() {
        fs::remove_dir(path).expect("it goes");
    } else {
        fs::remove_file(path).expect("it goes");
    }
}

/// Whether the daemon itself would start with it.
fn is_good(home: &Home, broken: &Broken) -> bool {
    let room = home.path("drawn");
    fs::create_dir_all(room.join("configs")).expect("a directory");
    for target in [Target::Resolver, Target::Service] {
        let path = room.join(target.name());
        let _ = fs::remove_file(&path);
        if target == broken.target {
            broken.make(&path);
        } else {
            fs::write(&path, target.good()).expect("a file");
        }
    }
    let mut check = home.command(&binaries().vaultd);
    check.arg("--check").arg(room.join("resolver.yaml"));
    home.finish(check, b"").code == 0
}

async fn status(rpc: &mut Rpc) -> StatusReply {
    let reply = rpc.admin.status(StatusRequest {}).await;
    reply.expect("a status").into_inner()
}

/// What a launch gets in the variable MARK.
async fn mark(rpc: &mut Rpc) -> String {
    let envelope = Envelope::default();
    let request = LaunchRequest {
        service: "bar".to_owned(),
        public_key: envelope.public_key.clone(),
        request_id: envelope.request_id.clone(),
        ..LaunchRequest::default()
    };
    let reply = rpc.secrets.launch(request).await.expect("it is launched");
    let mut settings = reply.into_inner().settings.into_iter();
    let found = settings.find(|setting| setting.variable == "MARK");
    found.expect("the variable").value
}

/// The log's lines since it was `seen` bytes long.
fn log_since(daemon: &Daemon<'_>, seen: &mut usize) -> String {
    let log = daemon.log();
    let fresh = log[*seen..].to_owned();
    *seen = log.len();
    fresh
}

#[tokio::test]
async fn five_hundred_broken_configurations_leave_the_old_one_in_force() {
    let home = prepared();
    let unprivileged = start_without_privilege(&home);
    let unreadable = unprivileged.is_some();
    let daemon = unprivileged.unwrap_or_else(|| home.start());
    let mut dice = Dice::new(SEED);
    let (mut redrawn, mut skipped, mut seen) = (0, 0, daemon.log().len());
    for number in 0..CONFIGURATIONS {
        let mut broken = dice.broken(number);
        while broken.kind == Kind::Truncated && is_good(&home, &broken) {
            redrawn += 1;
            broken = dice.broken(number);
        }
        if broken.kind == Kind::Unreadable && !unreadable {
            skipped += 1;
            continue;
        }
        let aside = home.path("aside");
        let place: PathBuf = home.configuration(broken.target.name());
        broken.make(&aside);
        exchange(&aside, &place);
        let shown = format!("{number}: {:?} {:?}", broken.kind, broken.target);
        is_refused(&home, &daemon, &broken, &place, &mut seen, &shown).await;
        exchange(&aside, &place);
        remove(&aside);
    }
    println!("{redrawn} truncated files were good ones and were drawn again");
    if skipped > 0 {
        println!("skipped: {skipped} unreadable files, since root without setpriv reads them all");
    }
    let mut rpc = Rpc::connect(&home.socket()).await;
    rpc.admin
        .reload(ReloadRequest {})
        .await
        .expect("it is good");
    let status = status(&mut rpc).await;
    assert_eq!(status.configuration_error, "");
    assert_eq!(status.configuration_generation, 1, "and the same as before");
}

async fn is_refused(
    home: &Home,
    daemon: &Daemon<'_>,
    broken: &Broken,
    place: &Path,
    seen: &mut usize,
    shown: &str,
) {
    let mut rpc = Rpc::connect(&home.socket()).await;
    let refusal = rpc.admin.reload(ReloadRequest {}).await.expect_err(shown);
    assert_eq!(
        refusal.code(),
        Code::FailedPrecondition,
        "{shown}: {refusal}"
    );
    assert_eq!(
        kind_of(&refusal),
        kinds::CONFIGURATION,
        "{shown}: {refusal}"
    );
    let status = status(&mut rpc).await;
    let error = &status.configuration_error;
    let place = place.display().to_string();
    assert!(error.starts_with(&place), "{shown}: {error}");
    assert!(
        refusal.message().starts_with(error.as_str()),
        "{shown}: {refusal}"
    );
    let after = error[place.len()..].trim_start_matches(':');
    let has_a_line = after.starts_with(|letter: char| letter.is_ascii_digit());
    assert!(has_a_line || !broken.has_a_line(), "{shown}: {error}");
    assert!(
        !error.contains('\n') && error.len() < 400,
        "{shown}: {error}"
    );
    assert!(!error.contains(CONTENT), "{shown}: {error}");
    assert_eq!(status.configuration_generation, 1, "{shown}");
    // Its service manager hears of it, too.
    assert!(
        daemon.notified("STATUS=serving 2 services by an old configuration"),
        "{shown}"
    );
    assert_eq!(mark(&mut rpc).await, "one", "{shown}");
    until("the log says so", || {
        daemon.log()[*seen..].contains(" ERROR ")
    });
    let log = log_since(daemon, seen);
    let errors: Vec<&str> = log
        .lines()
        .filter(|line| line.contains(" ERROR "))
        .collect();
    assert_eq!(errors.len(), 1, "{shown}: {log}");
    assert!(errors[0].contains(error.as_str()), "{shown}: {log}");
    assert!(!log.contains(CONTENT), "{shown}: {log}");
}
