//! A fake daemon whose every answer the test chose.
//!
//! A real gRPC server on a real Unix socket in a private runtime directory. Included by the tests
//! of vault-run and vaultctl with `#[path]`; each uses a part of it.
#![allow(dead_code, reason = "each test program uses a part")]

mod admin;
mod secrets;

use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard};

use tempfile::TempDir;
use tokio::sync::oneshot;
use tonic::codegen::tokio_stream::StreamExt;
use tonic::codegen::tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::Server;
use tonic::{Code, Status};
use vault_proto::generated::admin_server::AdminServer;
use vault_proto::generated::secrets_server::SecretsServer;
use vault_proto::generated::{
    CheckReply, OtherMeaning, Route, RunningServer, StatusReply, Use, WatchEvent,
};
use vault_proto::kinds;
use vault_proto::sealed::OpeningKey;

/// What the daemon does; a test sets what matters to it.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Given by Launch.
    pub(crate) argv: Vec<String>,
    pub(crate) cwd: String,
    pub(crate) settings: Vec<(String, String)>,
    /// Variable and value; also the values that Resolve gives, in order.
    pub(crate) secrets: Vec<(String, Vec<u8>)>,
    /// Where it is there, Resolve gives these by reference and knows no others.
    pub(crate) values: Option<BTreeMap<String, Vec<u8>>>,
    /// Values are stale, for this reason; empty where they are fresh.
    pub(crate) stale: String,
    pub(crate) keep_variables: Vec<String>,
    pub(crate) warnings: Vec<String>,
    pub(crate) path: Vec<String>,
    pub(crate) program_directory: String,
    /// Given by Check and Status.
    pub(crate) check: CheckReply,
    pub(crate) status: StatusReply,
    /// Given by Why.
    pub(crate) routes: Vec<Route>,
    /// Given by Put; where there are some, Delete refuses.
    pub(crate) used_by: Vec<Use>,
    /// Given by Put and Promote.
    pub(crate) with_old_value: Vec<RunningServer>,
    /// Given by Put and Why.
    pub(crate) other_meanings: Vec<OtherMeaning>,
    /// Given by List for its one service; empty where it can start.
    pub(crate) problem: String,
    /// Reload finds no resolver.yaml.
    pub(crate) has_no_resolver_file: bool,
    /// Sent by Watch; two fresh values where there are none here.
    pub(crate) events: Vec<WatchEvent>,
    /// Watch does not end after its events.
    pub(crate) watches_on: bool,
    /// Every call but Hello fails with this kind and message.
    pub(crate) refusal: Option<(&'static str, String)>,
    /// Hello fails with this message.
    pub(crate) protocol_refusal: Option<String>,
    /// Hello gets no answer.
    pub(crate) stalled: bool,
    /// So many connections end before the first word.
    pub(crate) slam: usize,
    /// So many calls other than Hello lose their connection unanswered.
    pub(crate) lose: usize,
    /// This call gets no answer.
    pub(crate) holds: &'static str,
    /// A value is sealed to somebody else's key.
    pub(crate) sealed_for_another: bool,
}

impl Plan {
    /// A service whose command is `argv`.
    pub(crate) fn of(argv: &[&str]) -> Self {
        Self {
            argv: argv.iter().map(ToString::to_string).collect(),
            ..Self::default()
        }
    }

    /// A service whose command is a shell script.
    pub(crate) fn script(script: &str) -> Self {
        Self::of(&["/bin/sh", "-c", script])
    }

    /// With a secret in its environment.
    pub(crate) fn secret(mut self, variable: &str, value: &[u8]) -> Self {
        self.secrets.push((variable.to_owned(), value.to_vec()));
        self
    }

    /// Refuses all but Hello.
    pub(crate) fn refusing(kind: &'static str, message: &str) -> Self {
        Self {
            refusal: Some((kind, message.to_owned())),
            ..Self::default()
        }
    }
}

/// The state behind the socket.
#[derive(Debug, Default)]
pub(crate) struct State {
    plan: Mutex<Plan>,
    /// What was asked, as `Debug` text: no message of ours prints a value.
    asked: Mutex<Vec<String>>,
    /// What Put stored, opened.
    stored: Mutex<Vec<(String, Vec<u8>)>>,
    connections: Mutex<Vec<std::os::unix::net::UnixStream>>,
    accepted: Mutex<usize>,
    key: Mutex<Option<OpeningKey>>,
}

impl State {
    pub(crate) fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().expect("no test panics while it plans")
    }

    /// Notes a connection, or ends it as planned.
    fn accept(&self, connection: std::os::unix::net::UnixStream) {
        let mut plan = self.plan();
        let slams = plan.slam > 0;
        plan.slam = plan.slam.saturating_sub(1);
        let mut connections = self.connections.lock().expect("connections");
        connections.push(connection);
        *self.accepted.lock().expect("a count") += 1;
        drop((plan, connections));
        if slams {
            self.hang_up();
        }
    }

    /// Notes the call, then fails as planned.
    async fn enter(&self, call: &str, asked: impl std::fmt::Debug) -> Result<(), Status> {
        self.asked
            .lock()
            .expect("the list of calls")
            .push(format!("{call} {asked:?}"));
        let loses = {
            let mut plan = self.plan();
            let loses = plan.lose > 0;
            plan.lose = plan.lose.saturating_sub(1);
            loses
        };
        if loses {
            self.hang_up();
        }
        if loses || self.plan().holds == call {
            std::future::pending::<()>().await;
        }
        match &self.plan().refusal {
            Some((kind, message)) => Err(refused(kind, message)),
            None => Ok(()),
        }
    }

    /// Ends every connection there is, as a dying daemon does.
    pub(crate) fn hang_up(&self) {
        for connection in self.connections.lock().expect("connections").drain(..) {
            // One that the client has closed already cannot be ended.
            let _ = connection.shutdown(std::net::Shutdown::Both);
        }
    }
}

fn refused(kind: &str, message: &str) -> Status {
    let mut status = Status::new(Code::FailedPrecondition, message);
    let word = kind.parse().expect("kinds are ASCII");
    status.metadata_mut().insert(kinds::HEADER, word);
    status
}

/// A running fake. Ends with its value.
pub(crate) struct Fake {
    pub(crate) state: Arc<State>,
    home: TempDir,
    runtime_directory: PathBuf,
    stop: Option<oneshot::Sender<()>>,
    serving: Option<std::thread::JoinHandle<()>>,
}

impl Fake {
    /// Serves `plan` in a new private runtime directory.
    pub(crate) fn start(plan: Plan) -> Self {
        let mut fake = Self::absent();
        fake.serve(plan);
        fake
    }

    /// A runtime directory in which nobody serves.
    pub(crate) fn absent() -> Self {
        let home = tempfile::tempdir().expect("a temporary directory");
        let runtime_directory = home.path().join("run");
        std::fs::create_dir(&runtime_directory).expect("a runtime directory");
        Self::in_directory(home, runtime_directory)
    }

    /// The same in a runtime directory that exists.
    pub(crate) fn in_directory(home: TempDir, runtime_directory: PathBuf) -> Self {
        let private = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(&runtime_directory, private).expect("mode 0700");
        Self {
            state: Arc::default(),
            home,
            runtime_directory,
            stop: None,
            serving: None,
        }
    }

    /// Begins to serve.
    pub(crate) fn serve(&mut self, plan: Plan) {
        *self.state.plan() = plan;
        let socket = self.socket();
        std::fs::create_dir_all(socket.parent().expect("vaultd/")).expect("the socket's directory");
        let listener = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
        listener.set_nonblocking(true).expect("non-blocking");
        let (stop, stopped) = oneshot::channel();
        let state = Arc::clone(&self.state);
        self.stop = Some(stop);
        self.serving = Some(std::thread::spawn(move || serve(listener, state, stopped)));
    }

    /// The socket's path, whether or not it is there.
    pub(crate) fn socket(&self) -> PathBuf {
        self.runtime_directory.join("vaultd/vaultd.sock")
    }

    /// A place for files.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// `program` in an environment that holds the runtime directory and nothing else.
    pub(crate) fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .env("XDG_RUNTIME_DIR", &self.runtime_directory);
        command
    }

    /// Changes what the daemon does from now on.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Plan)) {
        change(&mut self.state.plan());
    }

    /// What was asked, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.state.asked.lock().expect("the list of calls").clone()
    }

    /// How many connections there were.
    pub(crate) fn accepted(&self) -> usize {
        *self.state.accepted.lock().expect("a count")
    }

    /// Ends as a daemon does that is stopped: its connections end, its socket goes.
    pub(crate) fn stop(&mut self) {
        self.state.hang_up();
        if let Some(stop) = self.stop.take() {
            // The thread may have ended by a panic that its own test reports.
            let _ = stop.send(());
        }
        if let Some(serving) = self.serving.take() {
            let _ = serving.join();
        }
        // Nobody may have served.
        let _ = std::fs::remove_file(self.socket());
    }

    /// What was stored, in order.
    pub(crate) fn stored(&self) -> Vec<(String, Vec<u8>)> {
        self.state.stored.lock().expect("the store").clone()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.stop();
    }
}

fn serve(
    listener: std::os::unix::net::UnixListener,
    state: Arc<State>,
    stopped: oneshot::Receiver<()>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::UnixListener::from_std(listener).expect("a listener");
        let noted = Arc::clone(&state);
        let incoming = UnixListenerStream::new(listener).map(move |stream| {
            let stream = stream?;
            let second = stream
                .as_fd()
                .try_clone_to_owned()
                .expect("a second handle");
            noted.accept(second.into());
            Ok::<_, std::io::Error>(stream)
        });
        let server = Server::builder()
            .add_service(SecretsServer::from_arc(Arc::clone(&state)))
            .add_service(AdminServer::from_arc(Arc::clone(&state)))
            .serve_with_incoming(incoming);
        tokio::select! {
            served = server => served.expect("serving"),
            _ = stopped => {}
        }
    });
}
