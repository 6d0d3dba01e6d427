//! What is done ahead of time, while nobody asks?

use std::sync::Arc;
use std::time::Duration;

use crate::upstream::Upstream;

/// How long is waited at most. A timer stands still while the machine sleeps, and tokens do not.
const LONGEST: Duration = Duration::from_secs(20);
/// How long is waited at least, whatever a backend says.
const SHORTEST: Duration = Duration::from_secs(1);

/// Lets the backends renew what they need, for as long as it is let.
pub(super) async fn keep(upstream: Arc<Upstream>) {
    loop {
        let wait = upstream.upkeep().await;
        tokio::time::sleep(wait.clamp(SHORTEST, LONGEST)).await;
    }
}
