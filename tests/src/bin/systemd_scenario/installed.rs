//! vaultd installed, asked and looked at, as its user would.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context, ensure};

/// What [`Installed::new`] stores, and what a launch must show.
const TOKEN: &str = "BAR_TOKEN=v";

/// vaultd, installed, with the service `bar` and its secret.
pub(crate) struct Installed {
    home: PathBuf,
    programs: PathBuf,
}

impl Installed {
    /// Installs; nothing has been started but the socket.
    pub(crate) fn bare(programs: &Path) -> anyhow::Result<Self> {
        let installed = Self {
            home: PathBuf::from(std::env::var_os("HOME").context("find HOME")?),
            programs: programs.to_owned(),
        };
        installed.install()?;
        installed.write_service("bar")?;
        Ok(installed)
    }

    /// Installs and stores the secret, which starts the daemon.
    pub(crate) fn new(programs: &Path) -> anyhow::Result<Self> {
        let installed = Self::bare(programs)?;
        installed.put_token()?;
        Ok(installed)
    }

    /// A place in the home.
    pub(crate) fn home(&self, name: &str) -> PathBuf {
        self.home.join(name)
    }

    /// The copy of the repository's `systemd` directory.
    pub(crate) fn shipped(&self, name: &str) -> PathBuf {
        self.programs.join("repository/systemd").join(name)
    }

    /// Runs the installer.
    pub(crate) fn install(&self) -> anyhow::Result<String> {
        let from = self.programs.as_os_str();
        said(&output(
            &self.shipped("install.sh"),
            [OsStr::new("--from"), from],
        )?)
    }

    /// Runs the installer to undo what it did.
    pub(crate) fn uninstall(&self) -> anyhow::Result<String> {
        said(&output(&self.shipped("install.sh"), ["--uninstall"])?)
    }

    /// Writes a service that shows its environment.
    pub(crate) fn write_service(&self, name: &str) -> anyhow::Result<()> {
        self.write(
            &format!(".config/vaultd/configs/{name}.json"),
            r#"{"secrets":{"BAR_TOKEN":{"secret_name":"local://bar-token"}},"target_command":["env"]}"#,
        )
    }

    /// Adds lines to the unit's `[Service]` section.
    pub(crate) fn write_drop_in(&self, lines: &str) -> anyhow::Result<()> {
        let file = ".config/systemd/user/vaultd.service.d/scenario.conf";
        self.write(file, &format!("[Service]\n{lines}\n"))?;
        systemctl(["daemon-reload"])?;
        Ok(())
    }

    /// Writes a file in the home.
    pub(crate) fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let path = self.home(name);
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory)?;
        }
        std::fs::write(&path, text).with_context(|| format!("write {}", path.display()))
    }

    /// `vaultctl`, which must succeed.
    pub(crate) fn ctl(&self, arguments: &[&str]) -> anyhow::Result<String> {
        said(&output(&self.home(".local/bin/vaultctl"), arguments)?)
    }

    /// Stores the secret of the service `bar`.
    pub(crate) fn put_token(&self) -> anyhow::Result<()> {
        let mut child = Command::new(self.home(".local/bin/vaultctl"))
            .args(["put", "bar-token"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        child
            .stdin
            .take()
            .context("find the child's input")?
            .write_all(b"v")?;
        let status = child.wait()?;
        ensure!(status.success(), "vaultctl put: {status}");
        Ok(())
    }

    /// What `vault-run SERVICE` does.
    pub(crate) fn run(&self, service: &str) -> anyhow::Result<Output> {
        output(&self.home(".local/bin/vault-run"), [service])
    }

    /// Launches `service`, which must show its secret.
    pub(crate) fn launch(&self, service: &str) -> anyhow::Result<()> {
        let environment = said(&self.run(service)?)?;
        ensure!(
            environment.lines().any(|line| line == TOKEN),
            "vault-run {service} did not give {TOKEN}: {environment}"
        );
        Ok(())
    }
}

/// `systemctl --user`, which must succeed.
pub(crate) fn systemctl<'a>(
    arguments: impl IntoIterator<Item = &'a str>,
) -> anyhow::Result<String> {
    let arguments = ["--user"].into_iter().chain(arguments);
    said(&output(Path::new("systemctl"), arguments)?)
}

/// A property of the service.
pub(crate) fn property(name: &str) -> anyhow::Result<String> {
    let value = systemctl(["show", "vaultd.service", "--value", "--property", name])?;
    Ok(value.trim().to_owned())
}

/// The daemon's process id; an error where it does not run.
pub(crate) fn main_pid() -> anyhow::Result<i32> {
    let pid = property("MainPID")?.parse()?;
    ensure!(pid > 0, "vaultd does not run");
    Ok(pid)
}

/// Runs a program without input, to its end.
pub(crate) fn output<A: AsRef<OsStr>>(
    program: &Path,
    arguments: impl IntoIterator<Item = A>,
) -> anyhow::Result<Output> {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("run {}", program.display()))
}

/// What a program wrote; an error with all its words where it failed.
pub(crate) fn said(output: &Output) -> anyhow::Result<String> {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}: {text}{errors}", output.status);
    Ok(text)
}
