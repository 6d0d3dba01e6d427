//! What the daemon tells its service manager, read from a socket of the harness's own.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Said by the harness itself when the process ends: nobody waits for a process that is gone.
const ENDED: &str = "HARNESS_PROCESS_ENDED=1";

/// The receiving end of `NOTIFY_SOCKET`.
#[derive(Debug)]
pub(super) struct Notifications {
    said: Mutex<Receiver<String>>,
    path: PathBuf,
}

impl Notifications {
    /// Listens from now on, like a service manager: the daemon never waits for a test to read.
    pub(super) fn at(path: PathBuf) -> io::Result<Self> {
        let socket = UnixDatagram::bind(&path)?;
        let (sender, said) = channel();
        std::thread::spawn(move || {
            let mut datagram = [0; 8192];
            loop {
                let length = match socket.recv(&mut datagram) {
                    Ok(length) => length,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(_) => return,
                };
                let text = String::from_utf8_lossy(&datagram[..length]).into_owned();
                let is_end = text == ENDED;
                if sender.send(text).is_err() || is_end {
                    return;
                }
            }
        });
        let said = Mutex::new(said);
        Ok(Self { said, path })
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
    pub(super) fn forget(&self) {
        while self.said().try_recv().is_ok() {}
    }

    fn said(&self) -> MutexGuard<'_, Receiver<String>> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a line that begins with `start` is said, and returns all that was said with it;
    /// else says why that was not waited for.
    pub(super) fn wait_for(&self, start: &str, patience: Duration) -> Result<String, String> {
        let deadline = Instant::now() + patience;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.said().recv_timeout(left) {
                Ok(said) if said.lines().any(|line| line.starts_with(start)) => return Ok(said),
                Ok(said) if said == ENDED => return Err("the process ended".to_owned()),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => {
                    return Err(format!("nothing said within {patience:?}"));
                }
                Err(RecvTimeoutError::Disconnected) => return Err("the process ended".to_owned()),
            }
        }
    }
}
