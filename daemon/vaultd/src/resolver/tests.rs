//! Is a record written for its caller, and for nobody who has gone away before?

use std::os::unix::net::UnixStream;

use futures_util::FutureExt;

use super::*;
use crate::clock::{Clock, ScriptedClock};
use crate::config::outside::Outside;
use crate::config::{self, Texts};

#[tokio::test]
async fn who_goes_away_before_its_turn_leaves_no_work_behind() {
    let place = tempfile::tempdir().unwrap();
    let clock: Arc<dyn Clock> = Arc::new(ScriptedClock::default());
    let upstream = Arc::new(Upstream::new([].into_iter().collect(), Arc::clone(&clock)));
    let cache = Cache::new(Arc::clone(&upstream), clock);
    let file = place.path().join("audit.jsonl");
    let audit = Arc::new(Audit::new(file.clone(), false));
    let resolver = Resolver::new(cache, upstream, audit);
    let ask = ask();
    let record = || resolver.record(&ask, Outcome::Allowed, "a rule", vec![], None);
    let turns = resolver.writes.acquire_many(4).await.unwrap();
    for _ in 0..50 {
        assert!(record().now_or_never().is_none(), "it waits, and goes away");
    }
    drop(turns);
    record().await.unwrap();
    let written = std::fs::read_to_string(file).unwrap();
    assert_eq!(written.lines().count(), 1, "{written}");
}

fn ask() -> Ask {
    let (near, _far) = UnixStream::pair().unwrap();
    let uid = nix::unistd::geteuid().as_raw();
    let config = config::read(Texts::default(), &Outside::default(), uid).unwrap();
    Ask {
        peer: Peer::of(&near).unwrap(),
        action: Action::Status,
        service: None,
        environment: None,
        request_id: vec![],
        freshness: Freshness::default(),
        vault: Arc::new(config.setup.base.vault.clone()),
        setup: Arc::new(config.setup),
        time: Duration::from_secs(8),
    }
}
