//! The identity of this start of the machine.

use std::sync::Arc;

use vault_backends::wall_clock::SystemWallClock;

use crate::snapshot::Machine;

/// Another one after each start.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// This machine since its start. A unit with `ProcSubset=pid` hides which that is.
pub(super) fn machine() -> Machine {
    let boot = std::fs::read_to_string(BOOT_ID).ok();
    let boot = boot.map(|text| text.trim().to_owned());
    Machine {
        boot: boot.filter(|boot| !boot.is_empty()),
        wall: Arc::new(SystemWallClock),
    }
}
