//! `vaultctl doctor` says what is wrong, and what to do.

#[path = "../../lib/tests/fake/daemon.rs"]
mod fake;
#[path = "support/programs.rs"]
mod programs;

use fake::{Fake, Plan};
use programs::{code, run, stdout};

/// Runs one command against a fresh fake: what it asked, printed, and ended with.
fn shown(arguments: &[&str]) -> (Vec<String>, String, Option<i32>) {
    let fake = Fake::start(Plan::default());
    let output = run(&fake, arguments);
    (fake.asked(), stdout(&output), code(&output))
}

#[test]
fn doctor_says_what_is_wrong_and_what_to_do_and_ends_in_3() {
    let (asked, text, code) = shown(&["doctor", "oci"]);
    assert_eq!(asked, [r#"doctor "oci""#]);
    for line in [
        "ok    oci (profile DEFAULT): configuration: as found\n",
        "WRONG oci (profile DEFAULT): key: as found\n      to do: mend it\n",
    ] {
        assert!(text.contains(line), "{line:?} in {text}");
    }
    assert_eq!(code, Some(3));
    let (_, text, code) = shown(&["--json", "doctor", "oci"]);
    assert!(
        text.starts_with(
            r#"{"well":false,"backends":[{"name":"oci","scope":"profile DEFAULT","used_by":[],"findings":[{"what":"configuration","well":true,"#
        ),
        "{text}"
    );
    assert_eq!(code, Some(3));
    assert_eq!(shown(&["doctor", "cellar"]).2, Some(2));
}
