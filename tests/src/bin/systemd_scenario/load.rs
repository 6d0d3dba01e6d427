//! Nobody notices when the daemon is restarted.

use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use anyhow::Context;

use crate::installed::{Installed, systemctl};

const THREADS: usize = 4;
const LAUNCHES_OF_ONE: usize = 25;
const RESTARTS: usize = 5;

/// Four callers launch without a pause while the daemon is restarted under them.
pub(crate) fn restart_under_load(programs: &Path) -> anyhow::Result<()> {
    let installed = Installed::new(programs)?;
    let (done, launched) = channel();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            let (installed, done) = (&installed, done.clone());
            scope.spawn(move || launch_many(installed, &done));
        }
        drop(done);
        let all = THREADS * LAUNCHES_OF_ONE;
        for number in 0..all {
            let outcome = launched.recv_timeout(Duration::from_mins(1));
            outcome
                .context("wait for a launch")?
                .with_context(|| format!("launch {number} of {all}"))?;
            // Spread over the whole: the others go on launching meanwhile.
            if number % (all / (RESTARTS + 1)) == 1 && number / (all / (RESTARTS + 1)) < RESTARTS {
                systemctl(["restart", "vaultd.service"])?;
            }
        }
        Ok(())
    })
}

fn launch_many(installed: &Installed, done: &Sender<anyhow::Result<()>>) {
    for _ in 0..LAUNCHES_OF_ONE {
        if done.send(installed.launch("bar")).is_err() {
            break;
        }
    }
}
