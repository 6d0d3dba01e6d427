//! The daemon serves on, and says what is wrong in one line, whatever is wrong with a file.
//!
//! Five hundred broken files, each in the place of a good one at one stroke: of resolver.yaml, after which
//! the old configuration stays in force, or of a service, which is refused alone. What happens
//! to be good is no broken one and is drawn again; how often is said.
#![forbid(unsafe_code)]

mod generator;

use std::fs;
use std::path::{Path, PathBuf};

use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use tonic::{Code, Status};
use vault_proto::generated::{
    LaunchReply, LaunchRequest, ReloadRequest, StatusReply, StatusRequest,
};
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
    let outcome = home.finish(check, b"");
    match broken.target {
        // A service may be refused by what is left of it.
        Target::Resolver => outcome.stdout.contains("result "),
        Target::Service => outcome.code == 0,
    }
}

async fn status(rpc: &mut Rpc) -> StatusReply {
    let reply = rpc.admin.status(StatusRequest {}).await;
    reply.expect("a status").into_inner()
}

async fn launch(rpc: &mut Rpc, service: &str) -> Result<LaunchReply, Status> {
    let envelope = Envelope::default();
    let request = LaunchRequest {
        service: service.to_owned(),
        public_key: envelope.public_key.clone(),
        request_id: envelope.request_id.clone(),
        ..LaunchRequest::default()
    };
    let reply = rpc.secrets.launch(request).await?;
    Ok(reply.into_inner())
}

/// What a launch gets in the variable MARK.
async fn mark(rpc: &mut Rpc) -> String {
    let reply = launch(rpc, "bar").await.expect("it is launched");
    let mut settings = reply.settings.into_iter();
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
async fn five_hundred_broken_files_leave_the_old_configuration_or_all_other_services_in_force() {
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
        match broken.target {
            Target::Resolver => {
                is_refused(&home, &daemon, &broken, &place, &mut seen, &shown).await;
            }
            Target::Service => {
                is_refused_alone(&home, &daemon, &broken, &place, &mut seen, &shown).await;
            }
        }
        exchange(&aside, &place);
        remove(&aside);
        let mut rpc = Rpc::connect(&home.socket()).await;
        let reply = rpc.admin.reload(ReloadRequest {}).await;
        assert_eq!(
            reply.expect("it is good").into_inner().refused,
            0,
            "{shown}"
        );
        log_since(&daemon, &mut seen);
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
}

/// What is wrong with one service's file.
async fn is_refused_alone(
    home: &Home,
    daemon: &Daemon<'_>,
    broken: &Broken,
    place: &Path,
    seen: &mut usize,
    shown: &str,
) {
    let mut rpc = Rpc::connect(&home.socket()).await;
    let reply = rpc.admin.reload(ReloadRequest {}).await.expect(shown);
    let reply = reply.into_inner();
    assert_eq!(reply.refused, 1, "{shown}: {reply:?}");
    let said = reply
        .warnings
        .first()
        .map(String::as_str)
        .unwrap_or_default();
    let error = said.strip_prefix("service foo is refused: ").expect(shown);
    is_a_good_error(error, broken, place, shown);
    let launch = launch(&mut rpc, "foo").await.expect_err(shown);
    assert_eq!(kind_of(&launch), kinds::CONFIGURATION, "{shown}: {launch}");
    assert_eq!(launch.message(), said, "{shown}");
    assert_eq!(mark(&mut rpc).await, "one", "{shown}");
    let status = status(&mut rpc).await;
    assert_eq!(status.configuration_error, "", "{shown}");
    assert!(!status.healthy, "{shown}");
    until("the log says so", || daemon.log()[*seen..].contains(error));
    let log = log_since(daemon, seen);
    assert_eq!(log.matches(error).count(), 1, "{shown}: {log}");
    assert!(!log.contains(CONTENT), "{shown}: {log}");
}

/// One line with the file and, where that can be known, the line; nothing of what stands there.
fn is_a_good_error(error: &str, broken: &Broken, place: &Path, shown: &str) {
    let place = place.display().to_string();
    assert!(error.starts_with(&place), "{shown}: {error}");
    let after = error[place.len()..].trim_start_matches(':');
    let has_a_line = after.starts_with(|letter: char| letter.is_ascii_digit());
    assert!(has_a_line || !broken.has_a_line(), "{shown}: {error}");
    assert!(
        !error.contains('\n') && error.len() < 400,
        "{shown}: {error}"
    );
    assert!(!error.contains(CONTENT), "{shown}: {error}");
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
    is_a_good_error(error, broken, place, shown);
    assert!(
        refusal.message().starts_with(error.as_str()),
        "{shown}: {refusal}"
    );
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
