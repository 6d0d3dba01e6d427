//! What does the daemon tell its service manager? Read from a socket of the harness's own.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Said by the harness itself when the process ends: nobody waits for a process that is gone.
const ENDED: &str = "HARNESS_PROCESS_ENDED=1";

/// The receiving end of `NOTIFY_SOCKET`.
#[derive(Debug)]
pub(super) struct Notifications {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Notifications {
    pub(super) fn at(path: PathBuf) -> io::Result<Self> {
        let socket = UnixDatagram::bind(&path)?;
        Ok(Self { socket, path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A function that ends every waiting, for the thread that sees the process end.
    pub(super) fn on_end(&self) -> impl FnOnce() + Send + use<> {
        let path = self.path.clone();
        move || {
            // Nobody may be listening any more.
            let _ =
                UnixDatagram::unbound().and_then(|socket| socket.send_to(ENDED.as_bytes(), path));
        }
    }

    /// Forgets what was said so far.
    pub(super) fn forget(&self) -> io::Result<()> {
        self.socket.set_nonblocking(true)?;
        while self.socket.recv(&mut [0; 8192]).is_ok() {}
        self.socket.set_nonblocking(false)
    }

    /// Waits until a line that begins with `start` is said; else says why that was not waited for.
    pub(super) fn wait_for(&self, start: &str, patience: Duration) -> Result<(), String> {
        let deadline = Instant::now() + patience;
        let mut datagram = [0; 8192];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(format!("nothing said within {patience:?}"));
            }
            let timeout = self.socket.set_read_timeout(Some(left));
            timeout.map_err(|error| format!("no timeout: {error}"))?;
            let length = match self.socket.recv(&mut datagram) {
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(format!("cannot listen: {error}")),
            };
            let said = String::from_utf8_lossy(&datagram[..length]);
            if said.lines().any(|line| line.starts_with(start)) {
                return Ok(());
            }
            if said == ENDED {
                return Err("the process ended".to_owned());
            }
        }
    }
}
