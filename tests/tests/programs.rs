//! The program of a service is found where version managers and installers put it, and so is what it needs.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use vault_tests::harness::{Home, Outcome, binaries};

/// Writes a program and returns its path.
fn program(home: &Home, name: &str, text: &str) -> PathBuf {
    let file = home.path("home").join(name);
    std::fs::create_dir_all(file.parent().expect("a directory")).expect("it is made");
    std::fs::write(&file, text).expect("a program");
    std::fs::set_permissions(&file, Permissions::from_mode(0o755)).expect("its mode");
    file
}

/// npx and node as nvm has them, and another node in `other`.
fn with_nvm(home: &Home) {
    program(home, ".nvm/bin/npx", "#!/usr/bin/env node\n");
    program(home, ".nvm/bin/node", "#!/bin/sh\necho node of nvm\n");
    program(home, "other/node", "#!/bin/sh\necho another node\n");
}

/// vault-run as a client with this PATH starts it.
fn run_in(home: &Home, path: &str, arguments: &[&str]) -> Outcome {
    let mut command = home.command(&binaries().vault_run);
    command.args(arguments).env("PATH", path);
    home.finish(command, b"")
}

fn dir(home: &Home, name: &str) -> String {
    home.path("home").join(name).display().to_string()
}

fn with_path(command: &mut Command, path: &str) {
    command.env("PATH", path);
}

#[test]
fn a_path_list_leads_to_the_interpreter_too() {
    let home = Home::new();
    with_nvm(&home);
    for (name, path) in [
        ("list", "[~/.nvm/bin]"),
        ("text", "~/.nvm/bin:/nowhere"),
        ("first", "['~/.nvm/bin', '${PATH}', '/nowhere']"),
        ("variable", "['${HOME}/.nvm/bin']"),
    ] {
        let text = format!("target_command: [npx, -y, some-server]\npath: {path}\n");
        home.write_service_file(&format!("{name}.yaml"), &text);
    }
    home.write_service_file(
        "overridden.yaml",
        "target_command: [npx]\nenv_overrides: {PATH: '~/.nvm/bin:${PATH}'}\n",
    );
    let _daemon = home.start();
    let other = dir(&home, "other");
    for service in ["list", "text", "first", "variable", "overridden"] {
        for path in [
            "/usr/bin".to_owned(),
            format!("{other}:/usr/bin"),
            String::new(),
        ] {
            let outcome = run_in(&home, &path, &[service]);
            assert_eq!(outcome.success(), "node of nvm\n", "{service} {path}");
        }
    }
    let nvm = dir(&home, ".nvm/bin");
    let tested = run_in(&home, "/usr/bin:/bin", &["--test", "list"]);
    let expected = format!(
        "command: {nvm}/npx -y some-server\ninterpreter: {nvm}/node\nPATH: {nvm}:/usr/bin:/bin\n\
         warning: service list has no secrets\nwould start: yes\n"
    );
    assert_eq!(tested.success(), expected);
}

#[test]
fn a_path_setting_is_what_it_says_with_home_and_what_is_inherited() {
    let home = Home::new();
    let env = "target_command: [/usr/bin/env]\n";
    for (name, path) in [
        ("around", "'~/a:${PATH}:$HOME/b'"),
        ("alone", "/x:/y"),
        ("same", "'${PATH}'"),
    ] {
        let text = format!("{env}env_overrides: {{PATH: {path}}}\n");
        home.write_service_file(&format!("{name}.yaml"), &text);
    }
    let _daemon = home.start();
    let path = |service: &str| {
        let outcome = run_in(&home, "/usr/bin", &[service]);
        let line = outcome
            .success()
            .lines()
            .find(|line| line.starts_with("PATH="));
        line.expect("a PATH").to_owned()
    };
    let (a, b) = (dir(&home, "a"), dir(&home, "b"));
    assert_eq!(path("around"), format!("PATH={a}:/usr/bin:{b}"));
    assert_eq!(path("alone"), "PATH=/x:/y");
    assert_eq!(path("same"), "PATH=/usr/bin");
}

#[test]
fn a_variable_that_no_path_understands_is_refused_where_it_stands() {
    let home = Home::new();
    home.write_service_file("nvm.yaml", "target_command: [env]\npath: ['${NVM_BIN}']\n");
    let mut command = home.command(&binaries().vaultd);
    command.arg("--check");
    let checked = home.finish(command, b"");
    let said = checked.to_string();
    assert!(
        said.contains("nvm.yaml:2") && said.contains("${PATH} stands for"),
        "{said}"
    );
}

#[test]
fn what_vaultds_own_path_finds_brings_its_directory_to_a_client_that_lacks_it() {
    let home = Home::new();
    with_nvm(&home);
    home.write_service_file("nvm.yaml", "target_command: [npx]\n");
    let (nvm, other) = (dir(&home, ".nvm/bin"), dir(&home, "other"));
    let _daemon = home.start_with(|command| with_path(command, &format!("{nvm}:/usr/bin:/bin")));
    for path in ["/usr/bin", &other, ""] {
        assert_eq!(
            run_in(&home, path, &["nvm"]).success(),
            "node of nvm\n",
            "{path}"
        );
    }
}

#[test]
fn a_test_says_that_an_interpreter_is_missing_and_so_does_a_launch() {
    let home = Home::new();
    let npx = program(&home, "bin/npx", "#!/usr/bin/env no-such-node\n");
    home.write_service_file("s.yaml", "target_command: [npx]\npath: [~/bin]\n");
    let _daemon = home.start();
    let said = format!(
        "cannot run {}: its first line asks for no-such-node, which is not in the PATH that the server \
         gets",
        npx.display()
    );
    let tested = run_in(&home, "/usr/bin", &["--test", "s"]);
    assert!(
        tested.stdout.contains(&format!("problem: {said}")),
        "{tested}"
    );
    assert!(tested.stdout.ends_with("would start: no\n"), "{tested}");
    assert_eq!(tested.code, 127);
    run_in(&home, "/usr/bin", &["s"]).refused(127, &[&said, "path: list"]);
}

#[test]
fn a_program_that_has_moved_since_the_configuration_was_read_is_found_again() {
    let home = Home::new();
    let first = program(&home, ".cargo/bin/uvx", "#!/bin/sh\necho started\n");
    let second = home.path("home/.local/bin/uvx");
    std::fs::create_dir_all(second.parent().expect("bin")).expect("a directory");
    home.write_service_file("s.json", r#"{"target_command":["uvx","server"]}"#);
    home.write_service_file("later.json", r#"{"target_command":["comes-later"]}"#);
    let path = format!(
        "{}:{}:/usr/bin:/bin",
        dir(&home, ".local/bin"),
        dir(&home, ".cargo/bin")
    );
    let _daemon = home.start_with(|command| with_path(command, &path));
    assert_eq!(home.run(&["s"]).success(), "started\n");
    std::fs::rename(&first, &second).expect("it moves");
    assert_eq!(home.run(&["s"]).success(), "started\n");
    let services = home.ctl(&["services"]);
    let is_ready = |line: &str| line.starts_with("s ") && line.ends_with("ready");
    assert!(services.stdout.lines().any(is_ready), "{services}");
    std::fs::remove_file(&second).expect("it goes");
    let tested = home.run(&["--test", "s"]);
    assert!(tested.stdout.ends_with("would start: no\n"), "{tested}");
    assert!(
        tested.stdout.contains("the command uvx is not found"),
        "{tested}"
    );
    assert_eq!(tested.code, 3);
    home.run(&["s"])
        .refused(127, &["the command uvx is not found"]);
    home.run(&["later"])
        .refused(127, &["comes-later is not found"]);
    program(&home, ".local/bin/comes-later", "#!/bin/sh\necho here\n");
    assert_eq!(home.run(&["later"]).success(), "here\n");
}

#[test]
fn a_tilde_is_the_home_directory_in_the_program_of_a_command() {
    let home = Home::new();
    program(&home, "bin/server", "#!/bin/sh\necho \"$0 $1\"\n");
    home.write_service_file("list.yaml", "target_command: [~/bin/server, \"~\"]\n");
    home.write_service_file("text.yaml", "target_command: ~/bin/server x\n");
    home.write_service_file(
        "wrapper.json",
        r#"{"command":"~/bin/server","args":["x"],"env":{}}"#,
    );
    home.write_resolver("services: {section: {command: [~/bin/server, x]}}\n");
    let _daemon = home.start();
    let server = dir(&home, "bin/server");
    for (service, argument) in [
        ("list", "~"),
        ("text", "x"),
        ("wrapper", "x"),
        ("section", "x"),
    ] {
        let expected = format!("{server} {argument}\n");
        assert_eq!(home.run(&[service]).success(), expected, "{service}");
    }
}

#[test]
fn the_variables_for_the_directory_follow_a_configured_one_alone() {
    let home = Home::new();
    let directory = home.path("home/srv");
    std::fs::create_dir(&directory).expect("a directory");
    let cwd = directory.display();
    home.write_service_file(
        "moved.json",
        &format!(r#"{{"target_command":["/usr/bin/env"],"cwd":"{cwd}"}}"#),
    );
    home.write_service_file("stays.json", r#"{"target_command":["/usr/bin/env"]}"#);
    let _daemon = home.start();
    let variables = |service: &str| {
        let mut command = home.command(&binaries().vault_run);
        command
            .arg(service)
            .envs([("PWD", "/tmp"), ("OLDPWD", "/")]);
        let outcome = home.finish(command, b"");
        let lines = outcome
            .success()
            .lines()
            .filter(|line| line.contains("PWD="));
        let mut lines: Vec<String> = lines.map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(variables("moved"), [format!("PWD={cwd}")]);
    assert_eq!(variables("stays"), ["OLDPWD=/", "PWD=/tmp"]);
}

#[test]
fn an_override_that_no_environment_can_hold_is_refused_where_it_is_written() {
    let home = Home::new();
    let long = "x".repeat(128 * 1024);
    home.write_service_file(
        "s.yaml",
        &format!("target_command: [env]\nenv_overrides:\n  LONG: {long}\n"),
    );
    let mut command = home.command(&binaries().vaultd);
    command.arg("--check");
    let said = home.finish(command, b"").to_string();
    assert!(said.contains("s.yaml:3") && said.contains("LONG"), "{said}");
    assert!(said.contains("128 KiB") && !said.contains("xxx"), "{said}");
}

#[test]
fn thousands_of_services_are_explained() {
    let home = Home::new();
    for number in 0..3000 {
        let name = format!("service-number-{number}-with-a-rather-long-name.json");
        let text = format!(
            r#"{{"secrets":{{"X_T":"local://tok{number}"}},"target_command":["/bin/true"]}}"#
        );
        home.write_service_file(&name, &text);
    }
    let _daemon = home.start();
    let explained = home.ctl(&["explain-config"]);
    assert!(explained.success().len() > 1024 * 1024, "more than a MiB");
    let last = "services.service-number-2999-with-a-rather-long-name.secrets.X_T";
    assert!(explained.stdout.contains(last));
    let services = home.ctl(&["services"]);
    let last = "service-number-2999-with-a-rather-long-name";
    assert!(services.stdout.contains(last), "{services}");
}
