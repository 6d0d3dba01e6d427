//! The files that come and go with an installation.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::ensure;

use crate::installed::{Installed, main_pid, output, property, systemctl};

/// Uninstalling leaves the configuration and the store, says where they are, and nothing else.
pub(crate) fn install_and_uninstall(programs: &Path) -> anyhow::Result<()> {
    let installed = Installed::new(programs)?;
    for program in ["vaultd", "vault-run", "vaultctl"] {
        let path = installed.home(".local/bin").join(program);
        let mode = std::fs::metadata(path)?.permissions().mode() & 0o7777;
        ensure!(mode == 0o755, "{program} has mode {mode:o}");
    }
    for page in ["man1/vault-run.1", "man1/vaultctl.1", "man8/vaultd.8"] {
        let path = installed.home(".local/share/man").join(page);
        ensure!(path.exists(), "the page {page} was not installed");
    }
    let store = installed.home(".local/state/vaultd/store.age");
    ensure!(store.exists(), "there is no store to keep");
    let said = installed.uninstall()?;
    for kept in [".config/vaultd", ".local/state/vaultd"] {
        let path = installed.home(kept);
        ensure!(
            said.contains(&*path.to_string_lossy()),
            "the script does not say where {kept} is: {said}"
        );
    }
    let left = files_under(&installed.home(""))?;
    let unexpected: Vec<&PathBuf> = left
        .iter()
        .filter(|path| !path.starts_with(installed.home(".config/vaultd")))
        .filter(|path| !path.starts_with(installed.home(".local/state/vaultd")))
        .collect();
    ensure!(unexpected.is_empty(), "left behind: {unexpected:?}");
    ensure!(store.exists(), "the store is gone");
    let loaded = property("LoadState")?;
    ensure!(loaded == "not-found", "the unit is still {loaded}");
    let socket = PathBuf::from(std::env::var("XDG_RUNTIME_DIR")?).join("vaultd/vaultd.sock");
    ensure!(!socket.exists(), "the socket is still there");
    // Once more changes nothing, and is no failure.
    installed.uninstall()?;
    Ok(())
}

/// Installing again replaces the daemon that runs and leaves what the person wrote.
pub(crate) fn upgrade(programs: &Path) -> anyhow::Result<()> {
    let installed = Installed::bare(programs)?;
    installed.write_drop_in("Environment=VAULTD_LOG=debug")?;
    installed.put_token()?;
    let before = files_under(&installed.home(""))?;
    let first = main_pid()?;
    installed.install()?;
    ensure!(main_pid()? != first, "the old daemon still runs");
    ensure!(
        files_under(&installed.home(""))? == before,
        "a second installation made or removed files"
    );
    let environment = property("Environment")?;
    ensure!(environment.contains("debug"), "the drop-in is gone");
    installed.launch("bar")?;
    systemctl(["is-enabled", "vaultd.socket"])?;
    refuses_without_programs(&installed)
}

/// A wrong directory is refused before anything is replaced.
fn refuses_without_programs(installed: &Installed) -> anyhow::Result<()> {
    let outcome = output(&installed.shipped("install.sh"), ["--from", "/nowhere"])?;
    let complaint = String::from_utf8_lossy(&outcome.stderr);
    ensure!(
        outcome.status.code() == Some(1) && complaint.contains("/nowhere"),
        "{}: {complaint}",
        outcome.status
    );
    installed.launch("bar")
}

/// Files, links and sockets, not directories.
fn files_under(directory: &Path) -> anyhow::Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.extend(files_under(&entry.path())?);
        } else {
            found.insert(entry.path());
        }
    }
    Ok(found)
}
