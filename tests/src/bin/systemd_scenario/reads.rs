//! No other process of the same user can read the daemon as it is shipped.
//!
//! Each way is first tried on a process that does not protect itself: a read that never works here
//! would prove nothing.

use std::fs::File;
use std::io::{self, IoSliceMut, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, bail, ensure};
use nix::sys::ptrace;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use rustix::process::{PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use crate::installed::{Installed, main_pid};

/// A way to read, and its name.
type Way = (&'static str, fn(&Target) -> io::Result<()>);

const WAYS: [Way; 7] = [
    ("/proc/PID/maps", |target| read(target, "maps")),
    ("/proc/PID/environ", |target| read(target, "environ")),
    ("/proc/PID/fd", fds),
    ("/proc/PID/mem", mem),
    ("process_vm_readv", vm_readv),
    ("pidfd_getfd", getfd),
    ("ptrace", attach),
];

/// All seven ways work on a plain process, and none on vaultd.
pub(crate) fn passive_reads(programs: &Path) -> anyhow::Result<()> {
    let installed = Installed::new(programs)?;
    let plain = Plain::start()?;
    let daemon = main_pid()?;
    for (name, way) in WAYS {
        let open = plain.target()?;
        way(&open).with_context(|| format!("control: {name} on a plain process"))?;
        let closed = Target {
            pid: daemon,
            ..open
        };
        // Denied, and not failed for another reason.
        match way(&closed).map_err(|error| error.kind()) {
            Err(io::ErrorKind::PermissionDenied) => {}
            outcome => bail!("{name} on vaultd: {outcome:?}"),
        }
    }
    installed.launch("bar")?;
    ensure!(main_pid()? == daemon, "the daemon did not survive");
    Ok(())
}

/// Whom to read, and where: an address that is mapped in the plain process. For vaultd any address
/// does: permission is asked before the address is looked at.
struct Target {
    pid: i32,
    address: usize,
}

impl Target {
    fn id(&self) -> Pid {
        Pid::from_raw(self.pid)
    }
}

/// A process that waits for input and protects nothing. Ended on drop.
struct Plain(Child);

impl Plain {
    fn start() -> anyhow::Result<Self> {
        let mut child = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        // One line back means that it has become `cat`, whatever it was before.
        let input = child.stdin.as_mut().context("find its input")?;
        input.write_all(b"\n")?;
        let output = child.stdout.as_mut().context("find its output")?;
        output.read_exact(&mut [0])?;
        Ok(Self(child))
    }

    fn target(&self) -> anyhow::Result<Target> {
        let pid = i32::try_from(self.0.id())?;
        let maps = std::fs::read_to_string(format!("/proc/{pid}/maps"))?;
        let start = maps.split('-').next().unwrap_or_default();
        let address = usize::from_str_radix(start, 16)?;
        Ok(Target { pid, address })
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        // Both fail only for a process that has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn read(target: &Target, name: &str) -> io::Result<()> {
    let text = std::fs::read(format!("/proc/{}/{name}", target.pid))?;
    if text.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

fn fds(target: &Target) -> io::Result<()> {
    let mut listed = std::fs::read_dir(format!("/proc/{}/fd", target.pid))?;
    listed.next().ok_or(io::ErrorKind::NotFound)??;
    Ok(())
}

fn mem(target: &Target) -> io::Result<()> {
    let memory = File::open(format!("/proc/{}/mem", target.pid))?;
    memory.read_exact_at(&mut [0; 16], target.address as u64)
}

fn vm_readv(target: &Target) -> io::Result<()> {
    let mut bytes = [0; 16];
    let len = bytes.len();
    let mut local = [IoSliceMut::new(&mut bytes)];
    let remote = [RemoteIoVec {
        base: target.address,
        len,
    }];
    process_vm_readv(target.id(), &mut local, &remote)?;
    Ok(())
}

fn getfd(target: &Target) -> io::Result<()> {
    let pid = rustix::process::Pid::from_raw(target.pid).ok_or(io::ErrorKind::InvalidInput)?;
    // Opening is allowed in any case: it is the taking that is asked about.
    let pidfd = pidfd_open(pid, PidfdFlags::empty()).map_err(|_| io::ErrorKind::Unsupported)?;
    pidfd_getfd(&pidfd, 0, PidfdGetfdFlags::empty())?;
    Ok(())
}

fn attach(target: &Target) -> io::Result<()> {
    ptrace::attach(target.id())?;
    waitpid(target.id(), None)?;
    ptrace::detach(target.id(), None)?;
    Ok(())
}
