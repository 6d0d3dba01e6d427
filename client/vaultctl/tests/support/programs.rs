//! How do the tests run vaultctl?
#![allow(dead_code, reason = "each test program uses a part")]

use std::io::Write;
use std::process::{Output, Stdio};

use crate::fake::Fake;

pub(crate) const VAULTCTL: &str = env!("CARGO_BIN_EXE_vaultctl");

/// Runs it to its end, with nothing to read.
pub(crate) fn run(fake: &Fake, arguments: &[&str]) -> Output {
    run_with(fake, arguments, b"")
}

/// Runs it to its end with something to read.
pub(crate) fn run_with(fake: &Fake, arguments: &[&str], input: &[u8]) -> Output {
    let mut command = fake.command(VAULTCTL, arguments);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("vaultctl");
    // One that reads nothing may be gone before all is written.
    let _ = child.stdin.take().expect("a pipe").write_all(input);
    child.wait_with_output().expect("vaultctl")
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8 on standard output")
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8 on standard error")
}

pub(crate) fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).expect("JSON on standard output")
}

pub(crate) fn code(output: &Output) -> Option<i32> {
    output.status.code()
}
