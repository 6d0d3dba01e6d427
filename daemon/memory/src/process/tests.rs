//! A process after hardening: a child of the tests, since there is no way back.

use std::process::Command;

use nix::sys::prctl::get_dumpable;
use nix::sys::resource::getrlimit;

use super::*;
use crate::arena::SLOTS;
use crate::{MAX_SECRET_BYTES, Preference, Protection, Shield};

/// This test binary again, with only the test `name` and told that it is the child.
fn child(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([&format!("process::tests::{name}"), "--exact", "--nocapture"])
        .env(CHILD, "1");
    command
}

fn succeeds_with(mut child: Command, word: &str) {
    let output = child.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success() && text.contains(word),
        "{text}{output:?}"
    );
}

#[test]
fn hardened_process_is_not_dumpable_and_writes_no_core() {
    if std::env::var_os(CHILD).is_none() {
        return succeeds_with(
            child("hardened_process_is_not_dumpable_and_writes_no_core"),
            "checked in the child",
        );
    }
    assert!(
        get_dumpable().unwrap(),
        "control: a process starts dumpable"
    );
    setrlimit(Resource::RLIMIT_CORE, 0, 4096).unwrap();
    hide_process().unwrap();
    assert!(!get_dumpable().unwrap());
    assert_eq!(getrlimit(Resource::RLIMIT_CORE).unwrap(), (0, 4096));
    harden_process().unwrap();
    assert!(!get_dumpable().unwrap());
    assert_eq!(getrlimit(Resource::RLIMIT_CORE).unwrap(), (0, 0));
    println!("checked in the child");
}

#[test]
fn fewer_slots_are_taken_where_the_limit_on_locked_memory_is_low() {
    if std::env::var_os(CHILD).is_none() {
        let mut child = child("fewer_slots_are_taken_where_the_limit_on_locked_memory_is_low");
        without_privilege(&mut child);
        return succeeds_with(child, "checked in the child");
    }
    let slots = |kibibytes: usize| {
        setrlimit(Resource::RLIMIT_MEMLOCK, kibibytes as u64 * 1024, 8 << 20).unwrap();
        let shield = Shield::new(Preference::Mlock).unwrap();
        (shield.protection(), shield.warnings().to_vec(), shield)
    };
    let (protection, warnings, shield) = slots(4 + 2 * MAX_SECRET_BYTES / 1024 + 60);
    assert_eq!(protection, Protection::Mlock);
    assert!(
        warnings[0].contains("2 values at once instead of 8"),
        "{warnings:?}"
    );
    drop(shield);
    let (protection, warnings, shield) = slots(16);
    assert_eq!(protection, Protection::Unprotected);
    assert!(
        warnings[0].starts_with("memory cannot be locked (ENOMEM)"),
        "{warnings:?}"
    );
    assert!(
        shield
            .shield(&mut [1])
            .unwrap()
            .expose_secret(|plain| plain == [1])
            .unwrap()
    );
    let (protection, warnings, _) = slots(4 + SLOTS * MAX_SECRET_BYTES / 1024);
    assert_eq!((protection, warnings), (Protection::Mlock, vec![]));
    println!("checked in the child");
}

/// The limit does not hold for root.
fn without_privilege(child: &mut Command) {
    use std::os::unix::process::CommandExt;
    if nix::unistd::geteuid().is_root() {
        child.uid(65_534).gid(65_534).current_dir("/");
    }
}

const CHILD: &str = "VAULT_MEMORY_TEST_CHILD";
