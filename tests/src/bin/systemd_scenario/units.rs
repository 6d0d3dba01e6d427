//! systemd understands every line of the units; how exposed it finds them.

use std::path::Path;

use anyhow::ensure;

use crate::installed::{Installed, output, said};

const UNITS: [&str; 2] = ["vaultd.socket", "vaultd.service"];

/// The unit files, read by systemd's own tools.
pub(crate) fn units(programs: &Path) -> anyhow::Result<()> {
    let installed = Installed::bare(programs)?;
    let unit_directory = installed.home(".config/systemd/user");
    understood(&["--user"], &unit_directory)?;
    for unit in UNITS {
        copy_runnable(&installed, unit)?;
    }
    understood(&[], &installed.home("system"))?;
    // In tenths. More in the user unit would need a user namespace; see systemd/README.md.
    exposed_at_most(65, &["--user"], &unit_directory.join("vaultd.service"))?;
    exposed_at_most(10, &[], &installed.shipped("system/vaultd.service"))
}

/// Unknown keys are no failure for `systemd-analyze`; it only complains.
fn understood(options: &[&str], directory: &Path) -> anyhow::Result<()> {
    let units = UNITS.map(|unit| directory.join(unit).to_string_lossy().into_owned());
    let arguments = ["verify", "--man=no"].iter().chain(options).copied();
    let arguments = arguments.chain(units.iter().map(String::as_str));
    let outcome = output(Path::new("systemd-analyze"), arguments)?;
    let complaints = String::from_utf8_lossy(&outcome.stderr);
    ensure!(
        outcome.status.success() && complaints.is_empty(),
        "{}: {complaints}",
        directory.display()
    );
    Ok(())
}

fn exposed_at_most(tenths: u32, options: &[&str], unit: &Path) -> anyhow::Result<()> {
    let threshold = format!("--threshold={tenths}");
    let mut arguments = vec!["security", "--offline=yes", "--no-pager", &threshold];
    arguments.extend(options);
    let path = unit.to_string_lossy();
    arguments.push(&path);
    said(&output(Path::new("systemd-analyze"), arguments)?)?;
    Ok(())
}

/// Copies the system variant's unit with a program that exists here: a missing one is a complaint.
fn copy_runnable(installed: &Installed, unit: &str) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(installed.shipped("system").join(unit))?;
    let program = installed.home(".local/bin/vaultd");
    let text = text.replace("/usr/local/bin/vaultd", &program.to_string_lossy());
    installed.write(&format!("system/{unit}"), &text)
}
