//! Every launch succeeds, and with one configuration alone, while files are swapped.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use tokio::sync::{Notify, Semaphore};
use vault_proto::generated::{LaunchRequest, ReloadRequest, StatusRequest};
use vault_tests::harness::{Daemon, Home, binaries};
use vault_tests::rpc::{Envelope, Rpc};

const LAUNCHES: usize = 1000;
const SWAPS: usize = 100;
/// Launches in each round: a swap and what happens meanwhile.
const ROUND: usize = LAUNCHES / SWAPS;
/// Callers at once. One process may have eight connections, and the daemon may not have noticed yet
/// that the one before was closed: with the one that reloads that makes six.
const CALLERS: usize = 2;
/// Calls on one connection, which the daemon ends after twelve seconds.
const ON_ONE_CONNECTION: usize = 10;
/// Launches by the real vault-run, beside.
const PROGRAMS: usize = 100;
const SERVICES: [&str; 3] = ["bar", "one", "two"];

/// A service that says its version in its command and in two settings.
fn service(command: &str, version: usize) -> String {
    format!(
        "{{{command}: [sh, -c, 'echo $0 $A $B', '{version}'], secrets: {{T: local://t}}, \
         env_overrides: {{A: '{version}', B: '{version}'}}}}"
    )
}

/// Two services far from each other: the one would be there where the other is cut off.
fn resolver(version: usize) -> String {
    let service = service("command", version);
    let between = "# between\n".repeat(500);
    format!("services:\n  one: {service}\n{between}  two: {service}\n")
}

/// A new file in the old one's place.
fn put(home: &Home, name: &str, text: &str) {
    let aside = home.path("aside");
    fs::write(&aside, text).expect("a file");
    fs::rename(aside, home.configuration(name)).expect("it is renamed");
}

/// What all who take part see.
struct Load<'a> {
    home: &'a Home,
    daemon: &'a Daemon<'a>,
    /// Launches that may begin.
    begin: Semaphore,
    done: AtomicUsize,
    more_done: Notify,
}

impl Load<'_> {
    /// Launches one service after the other, and sees that no old version comes back.
    async fn call(&self) {
        let mut newest = [0; SERVICES.len()];
        loop {
            let mut rpc = Rpc::connect(&self.home.socket()).await;
            for number in 0..ON_ONE_CONNECTION {
                let Ok(permit) = self.begin.acquire().await else {
                    return;
                };
                permit.forget();
                let which = number % SERVICES.len();
                let version = launched(&mut rpc, SERVICES[which]).await;
                assert!(version >= newest[which], "{version} after {newest:?}");
                newest[which] = version;
                self.done.fetch_add(1, Ordering::SeqCst);
                self.more_done.notify_one();
            }
        }
    }

    /// Swaps files while the launches of a round are under way. Every other swap breaks one.
    async fn swap(&self) {
        let mut rpc = Rpc::connect(&self.home.socket()).await;
        for swap in 1..=SWAPS {
            if swap % ON_ONE_CONNECTION == 0 {
                rpc = Rpc::connect(&self.home.socket()).await;
            }
            self.begin.add_permits(ROUND);
            let (whole, good) = (resolver(swap), swap % 2 == 0);
            match swap % 4 {
                1 => put(self.home, "resolver.yaml", &whole[..whole.len() - 3]),
                3 => put(self.home, "resolver.yaml", "cache: 7\n"),
                _ => {
                    put(self.home, "resolver.yaml", &whole);
                    let bar = service("target_command", swap);
                    put(self.home, "configs/bar.yaml", &bar);
                }
            }
            // The daemon may have noticed by itself; the answer is the same.
            let reloaded = rpc.admin.reload(ReloadRequest {}).await;
            assert_eq!(reloaded.is_ok(), good, "{swap}: {reloaded:?}");
            self.daemon.forget_notifications();
            while self.done.load(Ordering::SeqCst) < swap * ROUND {
                self.more_done.notified().await;
            }
        }
        self.begin.close();
    }

    /// The same with whole processes, until the swaps are over.
    async fn run(&self) {
        for _ in 0..PROGRAMS {
            let mut command = self.home.command(&binaries().vault_run);
            command.arg("one");
            let output = tokio::process::Command::from(command).output().await;
            let output = output.expect("vault-run starts");
            let said = String::from_utf8_lossy(&output.stdout);
            let complaint = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{complaint}");
            let words: Vec<&str> = said.split_whitespace().collect();
            assert!(
                words.len() == 3 && words.iter().all(|word| *word == words[0]),
                "a mixture: {said}"
            );
        }
    }
}

/// The version of a launch: the same in every part of the answer.
async fn launched(rpc: &mut Rpc, service: &str) -> usize {
    let envelope = Envelope::default();
    let request = LaunchRequest {
        service: service.to_owned(),
        public_key: envelope.public_key.clone(),
        request_id: envelope.request_id.clone(),
        ..LaunchRequest::default()
    };
    let reply = rpc.secrets.launch(request).await;
    let reply = reply.unwrap_or_else(|error| panic!("{service}: {error}"));
    let reply = reply.into_inner();
    assert_eq!(envelope.open(&reply), [b"held"]);
    let version = reply.argv.last().expect("a command");
    let agree = |setting: &vault_proto::generated::Setting| setting.value == *version;
    assert!(reply.settings.len() == 2, "two settings: {reply:?}");
    assert!(reply.settings.iter().all(agree), "a mixture: {reply:?}");
    version.parse().expect("a version")
}

#[tokio::test]
async fn a_thousand_launches_while_files_are_swapped_a_hundred_times() {
    let home = Home::new();
    home.write_resolver(&resolver(0));
    home.write_service_file("bar.yaml", &service("target_command", 0));
    let daemon = home.start();
    home.put("t", "held");
    let load = Load {
        home: &home,
        daemon: &daemon,
        begin: Semaphore::new(0),
        done: AtomicUsize::new(0),
        more_done: Notify::new(),
    };
    let callers = join_all((0..CALLERS).map(|_| load.call()));
    tokio::join!(load.swap(), callers, load.run());
    assert_eq!(load.done.load(Ordering::SeqCst), LAUNCHES);
    let mut rpc = Rpc::connect(&home.socket()).await;
    for service in SERVICES {
        assert_eq!(
            launched(&mut rpc, service).await,
            SWAPS,
            "the last one counts"
        );
    }
    let status = rpc.admin.status(StatusRequest {}).await.expect("a status");
    assert_eq!(status.into_inner().configuration_error, "");
}
