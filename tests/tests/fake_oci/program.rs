//! The fake as a program of its own.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_fake_oci");

struct Program {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Program {
    fn start(directory: &std::path::Path) -> (Self, Value) {
        let mut child = Command::new(PROGRAM)
            .arg(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut program = Self {
            input: child.stdin.take(),
            output: BufReader::new(child.stdout.take().unwrap()),
            child,
        };
        let told = program.line();
        (program, told)
    }

    fn line(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    fn say(&mut self, command: &str) -> Value {
        writeln!(self.input.as_mut().unwrap(), "{command}").unwrap();
        self.line()
    }
}

#[test]
fn it_obeys_its_input_and_ends_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let (mut program, told) = Program::start(directory.path());
    assert!(
        told["https"]
            .as_str()
            .unwrap()
            .starts_with("https://localhost:")
    );
    assert!(directory.path().join("ca.pem").is_file());
    assert_eq!(
        told["config_file"],
        directory.path().join("config").to_str().unwrap()
    );
    let id = program.say("put db a value of words")["id"].clone();
    assert!(program.say("put db another")["id"] == id);
    let secrets = program.say("secrets");
    assert_eq!(secrets[0]["version"], 2);
    assert_eq!(secrets[0]["id"], id);
    for command in [
        "fault GetSecretBundle 2 status 503 ServiceUnavailable",
        "fault ListSecrets always hang",
        "heal",
        "pages 2 sparse",
        "rotate",
        "revoke",
        "fault GetSecretBundle 1 json [1, 2]",
        "key ocid1.key.oc1..other",
        "key ocid1.key.oc1..other DISABLED",
        "cluster basic",
        "parents 2",
        "on-behalf token",
        "on-behalf",
        "hang-up yes",
        "hang-up no",
        "away",
        "back",
    ] {
        assert_eq!(program.say(command), json!({}), "{command}");
    }
    for command in ["state db PENDING_DELETION", "expire db 60", "block db -1"] {
        assert_eq!(program.say(command), json!({"id": id}), "{command}");
    }
    assert_eq!(program.say("secrets")[0]["state"], "PENDING_DELETION");
    let now = program.say("clock 0")["now"].as_u64().unwrap();
    assert!(program.say("clock 1000")["now"].as_u64().unwrap() >= now + 1000);
    assert_eq!(program.say("calls"), json!({}));
    assert_eq!(program.say("calls ListSecrets"), json!({"ListSecrets": 0}));
    for wrong in [
        "",
        "explode",
        "fault Nowhere 1 hang",
        "fault ListSecrets x hang",
        "pages 0",
        "state other ACTIVE",
        "state db ASLEEP",
        "expire db soon",
        "cluster other",
        "parents -1",
        "hang-up perhaps",
    ] {
        assert!(program.say(wrong)["error"].is_string(), "{wrong}");
    }
    drop(program.input.take());
    assert!(program.child.wait().unwrap().success());
}

#[test]
fn its_help_names_every_command_fault_and_route() {
    let help = Command::new(PROGRAM).arg("--help").output().unwrap();
    assert!(help.status.success());
    let help = String::from_utf8(help.stdout).unwrap();
    for word in [
        "usage: fake_oci DIRECTORY",
        "  heal ",
        "  state NAME ",
        "  drip BYTES ",
        "  ListKeys\n",
        "  wrong-id ",
        "  GetSecretBundleByName\n",
    ] {
        assert!(help.contains(word), "{word}\n{help}");
    }
    let wrong = Command::new(PROGRAM)
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(!wrong.success());
}
