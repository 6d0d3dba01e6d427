//! Upkeep of the backends, while nobody asks.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::upstream::Upstream;

/// How long is waited at most: a vault that is opened meanwhile may have a token to renew.
const LONGEST: Duration = Duration::from_secs(20);
/// How long is waited at least, whatever a backend says.
const SHORTEST: Duration = Duration::from_secs(1);

/// Lets the backends renew what they need and logs what is new of them, for as long as it is let.
pub(super) async fn keep(upstream: Arc<Upstream>, clock: Arc<dyn Clock>) {
    let mut logged = BTreeSet::new();
    loop {
        let wait = upstream.upkeep().await;
        let notices: BTreeSet<String> = upstream.notices().into_iter().collect();
        for notice in notices.difference(&logged) {
            tracing::warn!("{notice}");
        }
        logged = notices;
        clock.sleep(wait.clamp(SHORTEST, LONGEST)).await;
    }
}
