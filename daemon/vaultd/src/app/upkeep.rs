//! What is done ahead of time, while nobody asks?

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::upstream::Upstream;

/// How long is waited at most. A timer stands still while the machine sleeps, and tokens do not.
const LONGEST: Duration = Duration::from_secs(20);
/// How long is waited at least, whatever a backend says.
const SHORTEST: Duration = Duration::from_secs(1);

/// Lets the backends renew what they need and logs what is new of them, for as long as it is let.
pub(super) async fn keep(upstream: Arc<Upstream>) {
    let mut told = BTreeSet::new();
    loop {
        let wait = upstream.upkeep().await;
        let notices: BTreeSet<String> = upstream.notices().into_iter().collect();
        for notice in notices.difference(&told) {
            tracing::warn!("{notice}");
        }
        told = notices;
        tokio::time::sleep(wait.clamp(SHORTEST, LONGEST)).await;
    }
}
