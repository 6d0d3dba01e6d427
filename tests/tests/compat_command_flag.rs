//! Words on the launcher's command line start what they started with the predecessor.
//!
//! The cases of kind `service_command` that have such words; the others are about the daemon's
//! configuration alone, and its own tests run them.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use serde_json::Value;
use vault_tests::harness::{Home, binaries};

/// The cases with words, of this project or of another file of the same form.
fn cases() -> Vec<Value> {
    let path = std::env::var_os("COMPAT_CASES").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("cases/compat-cases.json"),
        PathBuf::from,
    );
    let text = std::fs::read_to_string(&path).expect("the cases are there");
    let document: Value = serde_json::from_str(&text).expect("the cases are JSON");
    let all = document["cases"].as_array().expect("a list of cases");
    let of_kind = all.iter().filter(|case| case["kind"] == "service_command");
    let with_words = of_kind.filter(|case| !case["input"]["command_flag"].is_null());
    let chosen: Vec<Value> = with_words.cloned().collect();
    assert!(!chosen.is_empty(), "no case with words");
    chosen
}

fn words(list: &Value) -> Vec<&str> {
    let list = list.as_array().expect("a list of words");
    list.iter()
        .map(|word| word.as_str().expect("a word"))
        .collect()
}

#[test]
fn compat_service_command_with_words() {
    let cases = cases();
    println!("{} cases of kind service_command with words", cases.len());
    for case in cases {
        let home = Home::new();
        let name = case["input"]["service"].as_str().expect("a name");
        let expected = words(&case["expected"]["argv"]);
        // Words in place of the configured command need a rule, and a configured service.
        home.write_resolver(&format!(
            "services: {{{name}: {{command: env}}}}\n\
             policy: {{rules: [{{allow: [default, launch-command]}}]}}\n"
        ));
        let programs = home.path("programs");
        std::fs::create_dir(&programs).expect("a directory");
        let program = programs.join(expected[0].rsplit('/').next().expect("a name"));
        std::fs::write(&program, "#!/bin/sh\necho \"$@\"\n").expect("a program");
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&program, mode).expect("its mode");
        let path = format!("{}:/usr/bin:/bin", programs.display());
        let _daemon = home.start_with(|command| {
            command.env("PATH", path);
        });
        let mut command = home.command(&binaries().vault_run);
        command.args(["--service", name, "--command"]);
        command.args(words(&case["input"]["command_flag"]));
        let outcome = home.finish(command, b"");
        if expected[0].contains('/') {
            // A program by its path is on no other machine; that it is asked for is what can be seen.
            outcome.refused(127, &[expected[0]]);
        } else {
            let said = format!("{}\n", expected[1..].join(" "));
            assert_eq!(outcome.success(), said, "{}", case["id"]);
        }
    }
}
