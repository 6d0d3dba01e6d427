//! Where do log lines go, and which?

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

/// Writes log lines to standard error: `VAULTD_LOG` (a `tracing` filter such as `debug`) says
/// which, else `info`, or `debug` where `verbose`.
///
/// # Errors
/// Where the filter cannot be read.
pub fn start(verbose: bool) -> anyhow::Result<()> {
    let filter = match std::env::var("VAULTD_LOG") {
        Ok(filter) => EnvFilter::try_new(filter).map_err(|_| {
            anyhow::anyhow!("VAULTD_LOG is not a filter such as debug or vaultd=trace")
        })?,
        Err(_) => EnvFilter::new(if verbose { "debug" } else { "info" }),
    };
    let lines = fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false);
    // The journal writes its own times.
    if std::env::var_os("JOURNAL_STREAM").is_some() {
        lines.without_time().init();
    } else {
        lines.init();
    }
    Ok(())
}
