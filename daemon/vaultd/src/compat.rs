//! What are the cases of the contract with what was before, and how is each tried?
//!
//! `COMPAT_CASES` names another file of the same form.

use std::path::PathBuf;

use serde_json::Value;
use vault_backends::error::{BackendError, Class};

use crate::scripted::{ScriptedBackend, outage};

/// Runs `check` on every case of `kind` and says how many there were; none is a failure.
pub(crate) fn each(kind: &str, check: impl Fn(&Value, &Value)) {
    let file = std::env::var_os("COMPAT_CASES").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases/compat-cases.json"),
        PathBuf::from,
    );
    let text = std::fs::read_to_string(&file).unwrap();
    let all: Value = serde_json::from_str(&text).unwrap();
    let cases = all["cases"].as_array().unwrap();
    let cases: Vec<&Value> = cases.iter().filter(|case| case["kind"] == kind).collect();
    assert!(
        !cases.is_empty(),
        "no case of kind {kind} in {}",
        file.display()
    );
    for case in &cases {
        let id = case["id"].as_str().unwrap();
        let run = std::panic::AssertUnwindSafe(|| check(&case["input"], &case["expected"]));
        assert!(std::panic::catch_unwind(run).is_ok(), "case {id}: {case}");
    }
    println!("{kind}: {} cases", cases.len());
}

/// Runs `future` to its end, with a clock that runs on while everybody waits.
pub(crate) fn in_time<T>(future: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(future)
}

/// Lets the next call to `backend` end as a case says: a status of HTTP, or a word.
///
/// Which status is which class is what the backends' own tests are about; here they are as DESIGN's
/// table of freshness has them.
pub(crate) fn answers(backend: &ScriptedBackend, reply: &Value) {
    let fails = |class, status| {
        let error = BackendError::replied(class, "status", format!("status {status}"));
        backend.then(error)
    };
    match (reply.as_u64(), reply.as_str()) {
        (Some(200..=299), _) | (_, Some("ok")) => backend.then_value("new"),
        (Some(status @ (403 | 404 | 410)), _) => fails(Class::Answer, status),
        (Some(status @ 401), _) => fails(Class::Credentials, status),
        (Some(status @ (300..=399 | 408 | 409 | 429 | 500..=599)), _) => {
            fails(Class::Outage, status)
        }
        (Some(status), _) => fails(Class::Request, status),
        (_, Some("timeout")) => backend.then_hang(),
        (_, Some("empty")) => backend.then_value(""),
        (_, Some("binary")) => backend.then_bytes(&[0xff, 0xfe, 0x80]),
        // Whatever else keeps a question from being answered.
        (_, Some(_)) => backend.then(outage()),
        (None, None) => panic!("no reply: {reply}"),
    };
}
