//! Noticing that whoever reads standard output has gone away.

use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::sync::oneshot;

/// Ends when whoever reads standard output goes away, also while nothing is written; never, where
/// that cannot be known.
///
/// A thread waits for it, because no event queue takes every kind of file. It ends with the process.
pub(crate) async fn is_gone() {
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        if wait() {
            // Nobody listens any more where the watch has ended meanwhile.
            let _ = sender.send(());
        }
    });
    if receiver.await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Without asking for anything, poll(2) reports errors and the reader's end alone.
fn wait() -> bool {
    let output = std::io::stdout();
    let mut polled = [PollFd::new(output.as_fd(), PollFlags::empty())];
    loop {
        match poll(&mut polled, PollTimeout::NONE) {
            Err(Errno::EINTR) => {}
            ended => return ended.is_ok(),
        }
    }
}
