//! How do the tests run vault-run?
#![allow(dead_code, reason = "each test program uses a part")]

use std::process::{Output, Stdio};

use crate::fake::Fake;

pub(crate) const VAULT_RUN: &str = env!("CARGO_BIN_EXE_vault-run");

/// Runs it to its end, with nothing to read.
pub(crate) fn run(fake: &Fake, arguments: &[&str]) -> Output {
    let mut command = fake.command(VAULT_RUN, arguments);
    command.stdin(Stdio::null()).output().expect("vault-run")
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8 on standard output")
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8 on standard error")
}
