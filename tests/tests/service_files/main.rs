//! A service file that cannot be used stops its own service, at a start as at a reload, and its launches
//! say what is wrong; everything else goes on.
#![forbid(unsafe_code)]

mod shapes;
mod table;

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use vault_tests::harness::{Home, Outcome, binaries};

use table::{Made, TABLE};

const GOOD: &str = r#"{"target_command": ["echo", "started"]}"#;

fn remove(path: &Path) {
    let _ = fs::remove_file(path);
    let _ = fs::remove_dir(path);
}

fn write(path: &Path, bytes: &[u8], mode: u32) {
    fs::write(path, bytes).expect("a file");
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("its mode");
}

fn make(made: Made, path: &Path) {
    remove(path);
    match made {
        Made::Of(bytes) => write(path, bytes, 0o600),
        Made::WithMode(bytes, mode) => write(path, bytes, mode),
        Made::Link(target) => symlink(target, path).expect("a link"),
        Made::Directory => fs::create_dir(path).expect("a directory"),
        Made::Long(length) => write(path, &vec![b' '; length], 0o600),
        Made::Beside(bytes, other) => {
            write(&path.with_file_name(other), bytes, 0o600);
            write(path, bytes, 0o600);
        }
    }
}

fn prepared() -> Home {
    let home = Home::new();
    home.write_service_file("good.json", GOOD);
    home
}

/// The services of the table have names of their own; those of one stem but another ending come second.
fn place(home: &Home, name: &str) -> (String, PathBuf) {
    let (stem, ending) = name.rsplit_once('.').expect("an extension");
    let service = if name.starts_with("twice") {
        stem.to_owned()
    } else {
        format!("{stem}-{ending}")
    };
    let file = home
        .configuration("configs")
        .join(format!("{service}.{ending}"));
    (service, file)
}

fn says_what_is_wrong(home: &Home, when: &str) {
    assert_eq!(home.run(&["good"]).success(), "started\n", "{when}");
    let mut wrong = Vec::new();
    for (name, _, expected) in TABLE {
        let (service, file) = place(home, name);
        let outcome = home.run(&[&service]);
        let file = file.display();
        let reason = format!("vault-run: {service}: service {service} is refused: {file}");
        let said = outcome.stderr.strip_prefix(&reason);
        // What the parser of YAML says has a place of its own.
        let is_said = said.is_some_and(|said| {
            said.starts_with(expected) || (!expected.starts_with(':') && said.contains(expected))
        });
        let is_one_line = outcome.stderr.lines().count() == 1;
        let is_quiet = !outcome.stderr.contains("TOKEN") && outcome.stdout.is_empty();
        if !(outcome.code == 2 && is_said && is_one_line && is_quiet) {
            wrong.push(format!("{name}: {expected}: {outcome}"));
        }
    }
    assert!(wrong.is_empty(), "{when}: {}", wrong.join("\n"));
}

fn status(home: &Home) -> (Outcome, Value) {
    let outcome = home.ctl(&["status", "--json"]);
    let parsed = serde_json::from_str(&outcome.stdout);
    let parsed = parsed.unwrap_or_else(|_| panic!("no JSON: {outcome}"));
    (outcome, parsed)
}

#[test]
fn a_file_that_cannot_be_used_stops_its_own_service_at_the_start() {
    assert!(TABLE.len() >= 60, "{}", TABLE.len());
    let home = prepared();
    for (name, made, _) in TABLE {
        make(*made, &place(&home, name).1);
    }
    let daemon = home.start();
    says_what_is_wrong(&home, "start");
    assert!(!daemon.log().contains("TOKEN"), "{}", daemon.log());
    let everything = format!("{:?}", home.audit());
    assert!(!everything.contains("TOKEN"), "{everything}");
    for command in [&["explain-config"][..], &["services"], &["status"]] {
        let outcome = home.ctl(command);
        assert!(!outcome.stdout.contains("TOKEN"), "{outcome}");
    }
}

#[test]
fn a_file_that_breaks_stops_its_own_service_at_a_reload_and_is_mended_by_another() {
    let home = prepared();
    for (name, ..) in TABLE {
        write(&place(&home, name).1, GOOD.as_bytes(), 0o600);
    }
    let _daemon = home.start();
    let (service, _) = place(&home, TABLE[0].0);
    assert_eq!(home.run(&[&service]).success(), "started\n");
    for (name, made, _) in TABLE {
        make(*made, &place(&home, name).1);
    }
    let reload = home.ctl(&["reload"]);
    assert_eq!(reload.code, 2, "{reload}");
    let count = format!("{} of them refused", TABLE.len());
    assert!(reload.stdout.contains(&count), "{reload}");
    says_what_is_wrong(&home, "reload");
    for (name, made, _) in TABLE {
        let (_, file) = place(&home, name);
        remove(&file);
        if let Made::Beside(_, other) = made {
            remove(&file.with_file_name(other));
        }
        write(&file, GOOD.as_bytes(), 0o600);
    }
    home.ctl(&["reload"]).success();
    for (name, ..) in TABLE {
        let (service, _) = place(&home, name);
        assert_eq!(home.run(&[&service]).success(), "started\n", "{name}");
    }
    assert_eq!(status(&home).0.code, 0);
}

#[test]
fn a_refused_service_hides_behind_no_other_file_and_not_behind_the_catalogue() {
    let home = prepared();
    home.write_resolver("services: {bar: {command: [echo, inline]}, github: {}}\n");
    let bar = home.write_service_file("bar.json", r#"{"secret": {}}"#);
    home.write_service_file("github.json", "{");
    let old = home.path(".config/oci-vault-mcp/configs");
    fs::create_dir_all(&old).expect("a directory");
    fs::write(old.join("bar.json"), GOOD).expect("a file");
    let _daemon = home.start();
    home.run(&["bar"])
        .refused(2, &[&format!("{}:1:2: secret: unknown key", bar.display())]);
    home.run(&["github"])
        .refused(2, &["service github is refused: "]);
    let test = home.run(&["--test", "bar"]);
    test.refused(2, &["service bar is refused: "]);
}

#[test]
fn a_service_of_resolver_yaml_is_refused_alone_too() {
    let home = prepared();
    let file = home.write_resolver(
        "cache: {ttl: 60}\nservices:\n  bad: {command: env, secrt: [A]}\n  fine: {command: [echo, fine]}\n",
    );
    let _daemon = home.start();
    assert_eq!(home.run(&["good"]).success(), "started\n");
    assert_eq!(home.run(&["fine"]).success(), "fine\n");
    let reason = format!(
        "service bad is refused: {}:3:23: services.bad.secrt: unknown key; did you mean secrets?",
        file.display()
    );
    home.run(&["bad"]).refused(2, &[&reason]);
}

#[test]
fn names_that_no_service_can_have_are_a_warning_that_names_the_file() {
    let home = prepared();
    let names = [
        "good copy.json",
        "good (copy).json",
        "good (conflicted copy 2026-11-29).json",
        "Kopie von good.yaml",
        "gööd.json",
    ];
    for name in names {
        home.write_service_file(name, "{ \"secrets\": {");
    }
    let _daemon = home.start();
    assert_eq!(home.run(&["good"]).success(), "started\n");
    let (outcome, parsed) = status(&home);
    assert_eq!(outcome.code, 0, "{outcome}");
    let warnings = parsed["warnings"].to_string();
    for name in names {
        let said = format!("{name}: this is no name that a service can have");
        assert!(warnings.contains(&said), "{outcome}");
    }
}

#[test]
fn everybody_who_asks_is_told_of_a_refused_service() {
    let home = prepared();
    let file = home.write_service_file("bar.json", r#"{"secret": {}}"#);
    let _daemon = home.start();
    let reason = format!(
        "{}:1:2: secret: unknown key; did you mean secrets?",
        file.display()
    );
    let services = home.ctl(&["services", "--json"]);
    let services: Value = serde_json::from_str(&services.stdout).expect("JSON");
    let all = services["services"].as_array().expect("a list");
    let bar = all.iter().find(|one| one["name"] == "bar").expect("bar");
    assert_eq!(bar["problem"], reason.as_str());
    let (outcome, parsed) = status(&home);
    assert_eq!(outcome.code, 2, "{outcome}");
    let warning = format!("service bar is refused: {reason}");
    assert_eq!(parsed["warnings"][0], warning.as_str());
    let explained = home.ctl(&["explain-config"]);
    assert!(explained.success().contains(&reason), "{explained}");
    let mut check = home.command(&binaries().vaultd);
    check.arg("--check");
    let check = home.finish(check, b"");
    assert_eq!(check.code, 2, "{check}");
    assert!(check.stdout.contains(&warning), "{check}");
    assert!(
        check
            .stdout
            .ends_with("result        1 service is refused\n"),
        "{check}"
    );
}

#[test]
fn a_service_without_secrets_says_so_where_somebody_looks() {
    let home = prepared();
    let _daemon = home.start();
    let test = home.run(&["--test", "good"]);
    assert!(
        test.success().contains("service good has no secrets")
            || test.stderr.contains("service good has no secrets"),
        "{test}"
    );
    let services = home.ctl(&["services"]);
    let line = services
        .success()
        .lines()
        .find(|line| line.starts_with("good"));
    assert!(line.expect("a line").contains(" none "), "{services}");
    let launch = home.run(&["good"]);
    assert_eq!(launch.stderr, "", "{launch}");
}

#[test]
fn a_file_under_another_name_is_said() {
    let home = prepared();
    let other = home.write_service_file("m.jsonc", GOOD);
    let _daemon = home.start();
    let reason = format!("there is {}, which is not read", other.display());
    home.run(&["m"]).refused(2, &[&reason]);
    home.run(&["m"]).refused(2, &[".json, .yaml or .yml"]);
}

#[test]
fn a_launch_says_that_a_newer_configuration_was_refused() {
    let home = prepared();
    home.write_resolver("cache: {ttl: 60}\n");
    let _daemon = home.start();
    let file = home.write_resolver("services:\n  new: {command: env}\ncache: [1]\n");
    home.ctl(&["reload"]).refused(2, &["cache: must be a map"]);
    let said = format!(
        "an older configuration is in force; the newer one was refused: {}:3:8: cache: must be a map",
        file.display()
    );
    home.run(&["new"]).refused(2, &[&said]);
    let launch = home.run(&["good"]);
    assert_eq!(launch.success(), "started\n");
    assert!(launch.stderr.contains(&said), "{launch}");
}

#[test]
fn a_token_in_the_clear_is_said_by_its_place_and_never_repeated() {
    let token = "ghp_TOKEN0TOKEN0TOKEN0TOKEN0TOKEN0TOKE";
    let home = prepared();
    let content = json!({"command": "echo", "args": ["--token", token], "env": {"A": token, "B_PASSWORD": "TOKEN0-pass"}});
    home.write_service("bar", &content);
    let daemon = home.start();
    let (outcome, parsed) = status(&home);
    let warnings = parsed["warnings"].to_string();
    for place in [
        "args: looks like a secret",
        "env.A: looks like a secret",
        "env.B_PASSWORD: looks like a secret",
    ] {
        assert!(warnings.contains(place), "{outcome}");
    }
    for outcome in [
        home.ctl(&["explain-config"]),
        home.ctl(&["services"]),
        home.run(&["bar"]),
    ] {
        assert!(!outcome.stderr.contains("TOKEN0"), "{outcome}");
    }
    assert!(!warnings.contains("TOKEN0") && !daemon.log().contains("TOKEN0"));
    home.run(&["bar"]).success();
}
