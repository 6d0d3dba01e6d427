//! Blocking work off the serving threads.

use crate::error::{BackendError, Class};

/// Does `work`, which computes or reads files, on a thread of its own. It is finished even where nobody
/// waits for it any more.
pub(super) async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BackendError> + Send + 'static,
) -> Result<T, BackendError> {
    let done = tokio::task::spawn_blocking(move || {
        let done = work();
        vault_memory::wipe_parked_thread();
        done
    });
    done.await.unwrap_or_else(|_| {
        let words = "read or compute what a credential needs: it was stopped";
        Err(BackendError::not_sent(Class::Outage, "stopped", words))
    })
}
