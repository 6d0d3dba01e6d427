//! `vaultctl metrics`: what is counted and measured.

use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde::Serialize;
use vault_client::Client;
use vault_proto::generated::MetricsRequest;

use crate::arguments::Metrics;
use crate::failure::Failure;
use crate::report::{self, Form};

#[derive(Debug, Serialize)]
struct MetricsJson {
    openmetrics: String,
    /// Where they were written; null where they were not.
    textfile: Option<PathBuf>,
}

pub(crate) async fn run(mut client: Client, to: Metrics, form: Form) -> Result<ExitCode, Failure> {
    let json = MetricsJson {
        openmetrics: client.call(MetricsRequest {}).await?.text,
        textfile: to.textfile,
    };
    if let Some(path) = &json.textfile {
        replace(path, json.openmetrics.as_bytes()).map_err(|error| {
            Failure::unexpected(format!("cannot write {}: {error}", path.display()))
        })?;
    }
    let text = || match &json.textfile {
        // A timer has nobody to tell.
        Some(_) => String::new(),
        None => json.openmetrics.clone(),
    };
    report::answer(form, text, &json)
}

/// Whoever reads finds the old file or the new one, whole: a collector reads when it likes, and as
/// somebody else.
fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut file = tempfile::Builder::new()
        .prefix(".vaultctl-")
        .tempfile_in(directory)?;
    file.write_all(text)?;
    // The umask has no say in it.
    file.as_file()
        .set_permissions(Permissions::from_mode(0o644))?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_readable_by_all() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("vaultd.prom");
        std::fs::write(&path, "old").expect("a file");
        let before = std::fs::File::open(&path).expect("a file");
        replace(&path, b"new").expect("it is replaced");
        assert_eq!(std::fs::read(&path).expect("a file"), b"new");
        let mode = path.metadata().expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o644);
        assert_eq!(io::read_to_string(before).expect("the old file"), "old");
        let names = std::fs::read_dir(directory.path()).expect("a directory");
        assert_eq!(names.count(), 1, "nothing is left beside it");
    }
}
