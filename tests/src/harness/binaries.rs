//! The programs under test, built once per process: `cargo test` builds no other package's programs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// The programs, as Cargo built them.
#[derive(Debug)]
pub struct Binaries {
    /// The daemon.
    pub vaultd: PathBuf,
    /// The launcher.
    pub vault_run: PathBuf,
    /// The person's tool.
    pub vaultctl: PathBuf,
    /// The bundled MCP server.
    pub report_server: PathBuf,
    /// Connects for somebody else; see its own file.
    pub stand_in: PathBuf,
}

impl Binaries {
    /// The directory with `vaultd`, `vault-run` and `vaultctl`, for a `PATH`.
    pub fn directory(&self) -> &Path {
        self.vaultd.parent().expect("a program is in a directory")
    }
}

/// The programs, built on the first call.
///
/// # Panics
/// Where they cannot be built: there is nothing to test then.
pub fn binaries() -> &'static Binaries {
    built(&["--quiet"])
}

/// The same, while Cargo says what it builds: the first time takes minutes.
///
/// # Panics
/// Where they cannot be built.
pub fn binaries_with_progress() -> &'static Binaries {
    built(&[])
}

fn built(options: &[&str]) -> &'static Binaries {
    static BUILT: OnceLock<Binaries> = OnceLock::new();
    BUILT.get_or_init(|| match build(options) {
        Ok(binaries) => binaries,
        Err(why) => panic!("the programs under test cannot be built: {why}"),
    })
}

fn build(options: &[&str]) -> Result<Binaries, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    let mut command = Command::new(cargo);
    // They are about the package under test, and some build scripts run again when they change.
    let about_us = std::env::vars_os().map(|(name, _)| name).filter(|name| {
        let name = name.to_string_lossy();
        ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"]
            .iter()
            .any(|start| name.starts_with(start))
    });
    for name in about_us {
        command.env_remove(name);
    }
    let output = command
        .args(["build", "--message-format=json-render-diagnostics"])
        .args(options)
        .arg("--manifest-path")
        .arg(manifest)
        .args([
            "-p",
            "vaultd",
            "-p",
            "vault-run",
            "-p",
            "vaultctl",
            "-p",
            "vault-tests",
            "--bins",
        ])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cargo does not start: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "cargo build ended with {}; its words are above",
            output.status
        ));
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let program = |name: &str| {
        let mut programs = messages.lines().filter_map(|line| executable(line, name));
        programs
            .next()
            .ok_or_else(|| format!("cargo build gave no program {name}"))
    };
    Ok(Binaries {
        vaultd: program("vaultd")?,
        vault_run: program("vault-run")?,
        vaultctl: program("vaultctl")?,
        report_server: program("report_server")?,
        stand_in: program("stand_in")?,
    })
}

/// The path in one of Cargo's messages, if it is about the program `name`.
fn executable(message: &str, name: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    (message["target"]["name"] == name && message["target"]["kind"][0] == "bin")
        .then(|| message["executable"].as_str().map(PathBuf::from))
        .flatten()
}
