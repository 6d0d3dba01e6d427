//! Every way of editing a file is noticed, with no signal and no call.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use vault_tests::harness::{Daemon, Home, binaries, until};

fn service(word: &str) -> String {
    json!({"target_command": ["echo", word]}).to_string()
}

fn inline(word: &str) -> String {
    format!("services:\n  bar:\n    command: [echo, {word}]\n")
}

/// Waits until the service says `word`.
#[track_caller]
fn until_said(home: &Home, daemon: &Daemon<'_>, word: &str) {
    let expected = format!("{word}\n");
    until(&format!("{word}; log: {}", daemon.log()), || {
        home.run(&["bar"]).stdout == expected
    });
}

fn status(home: &Home) -> Value {
    let outcome = home.ctl(&["status", "--json"]);
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|_| panic!("no JSON: {outcome}"))
}

/// A file that is complete before it gets its name.
fn rename_over(home: &Home, file: &Path, text: &str) {
    let aside = home.path("aside");
    fs::write(&aside, text).expect("a file");
    fs::set_permissions(&aside, fs::Permissions::from_mode(0o600)).expect("its mode");
    fs::rename(aside, file).expect("it is renamed");
}

#[test]
fn a_file_written_in_place() {
    let home = Home::new();
    let bar = home.write_service_file("bar.json", &service("one"));
    let daemon = home.start();
    for word in ["two", "three"] {
        fs::write(&bar, service(word)).expect("it is written");
        until_said(&home, &daemon, word);
    }
}

#[test]
fn a_file_that_takes_the_old_ones_place() {
    let home = Home::new();
    let resolver = home.write_resolver(&inline("one"));
    let daemon = home.start();
    for word in ["two", "three"] {
        rename_over(&home, &resolver, &inline(word));
        until_said(&home, &daemon, word);
    }
}

#[test]
fn an_editor_that_moves_the_old_file_away_first() {
    let home = Home::new();
    let bar = home.write_service_file("bar.json", &service("one"));
    let daemon = home.start();
    for word in ["two", "three"] {
        fs::rename(&bar, bar.with_extension("json~")).expect("a backup");
        fs::write(&bar, service(word)).expect("it is written");
        until_said(&home, &daemon, word);
    }
}

#[test]
fn a_link_that_is_turned_elsewhere_and_the_file_it_leads_to() {
    let home = Home::new();
    let dotfiles = home.path("home/dotfiles");
    fs::create_dir(&dotfiles).expect("a directory");
    let place = home.write_resolver("");
    fs::remove_file(&place).expect("it goes");
    for (name, word) in [("a.yaml", "one"), ("b.yaml", "two")] {
        fs::write(dotfiles.join(name), inline(word)).expect("a file");
    }
    symlink(dotfiles.join("a.yaml"), &place).expect("a link");
    let daemon = home.start();
    until_said(&home, &daemon, "one");
    let turned = Command::new("ln")
        .arg("-sfn")
        .arg(dotfiles.join("b.yaml"))
        .arg(&place)
        .status();
    assert!(turned.expect("ln starts").success());
    until_said(&home, &daemon, "two");
    fs::write(dotfiles.join("b.yaml"), inline("three")).expect("it is written");
    until_said(&home, &daemon, "three");
    rename_over(&home, &dotfiles.join("b.yaml"), &inline("four"));
    until_said(&home, &daemon, "four");
}

/// As Kubernetes does it: files are links through `..data`, which is turned from one directory to the
/// next by a rename.
#[test]
fn a_mounted_volume_that_changes_all_its_files_at_once() {
    let home = Home::new();
    let configs = home.configuration("configs");
    let publish = |name: &str, word: &str| {
        let volume = configs.join(name);
        fs::create_dir_all(&volume).expect("a directory");
        fs::write(volume.join("bar.json"), service(word)).expect("a file");
        symlink(name, configs.join("..data_tmp")).expect("a link");
        fs::rename(configs.join("..data_tmp"), configs.join("..data")).expect("it is turned");
    };
    publish("..2026_1", "one");
    symlink("..data/bar.json", configs.join("bar.json")).expect("a link");
    let daemon = home.start();
    until_said(&home, &daemon, "one");
    for (old, name, word) in [
        ("..2026_1", "..2026_2", "two"),
        ("..2026_2", "..2026_3", "three"),
    ] {
        publish(name, word);
        fs::remove_dir_all(configs.join(old)).expect("the old one goes");
        until_said(&home, &daemon, word);
    }
}

#[test]
fn directories_that_are_made_after_the_start() {
    let home = Home::new();
    let daemon = home.start();
    assert!(!home.path("home/.config").exists());
    home.write_resolver(&inline("one"));
    until_said(&home, &daemon, "one");
    home.write_service_file("bar.json", &service("two"));
    until_said(&home, &daemon, "two");
    home.write_service_file("bar.json", &service("three"));
    until_said(&home, &daemon, "three");
}

#[test]
fn directories_that_go_and_come_back() {
    let home = Home::new();
    home.write_service_file("bar.json", &service("one"));
    let daemon = home.start();
    let gone = |daemon: &Daemon<'_>| {
        until(&format!("it goes; log: {}", daemon.log()), || {
            home.run(&["bar"]).code == 2
        });
    };
    fs::remove_dir_all(home.path("home/.config")).expect("they go");
    gone(&daemon);
    home.write_service_file("bar.json", &service("two"));
    until_said(&home, &daemon, "two");
    // Another directory in the same place.
    let configs = home.configuration("configs");
    fs::rename(&configs, home.configuration("old")).expect("it is moved");
    fs::create_dir(&configs).expect("a new one");
    gone(&daemon);
    fs::write(configs.join("bar.json"), service("three")).expect("a file");
    until_said(&home, &daemon, "three");
}

#[test]
fn files_that_the_command_line_names() {
    let home = Home::new();
    let bar = home.path("elsewhere/bar.yaml");
    fs::create_dir(home.path("elsewhere")).expect("a directory");
    fs::write(&bar, service("one")).expect("a file");
    let daemon = home.start_with(|command| {
        command.arg("--config-dir").arg(home.path("elsewhere"));
    });
    until_said(&home, &daemon, "one");
    rename_over(&home, &bar, &service("two"));
    until_said(&home, &daemon, "two");
}

#[test]
fn a_broken_edit_is_refused_and_said_until_it_is_mended_by_an_edit() {
    let home = Home::new();
    let resolver = home.write_resolver(&inline("one"));
    let daemon = home.start();
    let generation = |status: &Value| status["configuration_generation"].clone();
    for (broken, mended, word) in [
        ("services: 7\n", inline("two"), "two"),
        // The bytes that are in force.
        ("services: [\n", inline("two"), "two"),
    ] {
        let log_before = daemon.log().len();
        rename_over(&home, &resolver, broken);
        until(&format!("it is said; log: {}", daemon.log()), || {
            status(&home)["configuration_error"] != ""
        });
        let place = format!("{}:", resolver.display());
        let for_people = home.ctl(&["status"]);
        assert_eq!(for_people.code, 2, "{for_people}");
        assert!(for_people.stdout.contains(&place), "{for_people}");
        assert!(daemon.notified("STATUS=serving 1 services by an old configuration"));
        until("the log says so", || {
            daemon.log()[log_before..].contains(&place)
        });
        let log = &daemon.log()[log_before..];
        assert_eq!(log.matches(&place).count(), 1, "{log}");
        let before = status(&home);
        home.run(&["bar"]).success();
        rename_over(&home, &resolver, &mended);
        until_said(&home, &daemon, word);
        until(&format!("it is forgotten; log: {}", daemon.log()), || {
            status(&home)["configuration_error"] == ""
        });
        assert!(daemon.notified("STATUS=serving 1 services, configuration"));
        assert_eq!(home.ctl(&["status"]).code, 0);
        let changed = !broken.contains('[');
        assert_eq!(generation(&status(&home)) != generation(&before), changed);
    }
}

#[test]
fn a_mode_that_is_put_right_is_noticed() {
    let home = Home::new();
    let bar = home.write_service_file("bar.json", &service("one"));
    let daemon = home.start();
    let mode = |mode| fs::set_permissions(&bar, fs::Permissions::from_mode(mode)).expect("a mode");
    mode(0o666);
    until(&format!("it is refused; log: {}", daemon.log()), || {
        home.run(&["bar"]).stderr.contains("writable by everybody")
    });
    mode(0o600);
    until_said(&home, &daemon, "one");
}

#[test]
fn a_service_file_that_breaks_and_is_mended_by_an_edit() {
    let home = Home::new();
    let bar = home.write_service_file("bar.json", &service("one"));
    let daemon = home.start();
    rename_over(&home, &bar, "{\"target_command\": 7}");
    let place = format!("{}:1:20", bar.display());
    until(&format!("it is refused; log: {}", daemon.log()), || {
        home.run(&["bar"]).stderr.contains(&place)
    });
    rename_over(&home, &bar, &service("two"));
    until_said(&home, &daemon, "two");
}

const POLICY: &str = "policy: {rules: [{allow: [status, reload, put]}]}\n";

/// Without it, the default policy would let everything be launched.
#[test]
fn a_resolver_yaml_that_is_gone_or_empty_counts_until_it_is_back_or_a_person_reloads() {
    let home = Home::new();
    home.write_service_file("bar.json", &service("one"));
    let resolver = home.write_resolver(POLICY);
    let daemon = home.start();
    let error = || {
        status(&home)["configuration_error"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let denied = || home.run(&["bar"]).refused(3, &["policy denies launch"]);
    let hidden = home.configuration("aside");
    for (text, said) in [
        (None, "is gone; what it said"),
        (Some(""), "is empty now; what it said"),
        (Some("# soon\n"), "says nothing now; what it said"),
        (Some("cache: {}\n"), "policy: is gone; it"),
    ] {
        fs::copy(&resolver, &hidden).expect("a copy");
        match text {
            None => fs::remove_file(&resolver).expect("it goes"),
            Some(text) => fs::write(&resolver, text).expect("it is written"),
        }
        let expected = format!("{}: {said} counts until it is back", resolver.display());
        until(&format!("it is said; log: {}", daemon.log()), || {
            error().starts_with(&expected)
        });
        denied();
        fs::rename(&hidden, &resolver).expect("it is back");
        until(&format!("it is good again; log: {}", daemon.log()), || {
            error().is_empty()
        });
        denied();
    }
    fs::remove_file(&resolver).expect("it goes");
    until(&format!("it is said; log: {}", daemon.log()), || {
        error().contains("is gone")
    });
    home.ctl(&["reload"]).success();
    assert_eq!(home.run(&["bar"]).success(), "one\n");
}

/// In a user namespace of its own, whose limit is nought.
#[test]
fn without_inotify_a_person_is_told_once_and_the_rest_works() {
    let home = Home::new();
    let bar = home.write_service_file("bar.json", &service("one"));
    let limit = "/proc/sys/user/max_inotify_instances";
    let script = format!("echo 0 > {limit} && exec \"$@\"");
    let namespace = [
        "--user",
        "--map-current-user",
        "--keep-caps",
        "/bin/sh",
        "-c",
    ];
    let possible = Command::new("unshare")
        .args(namespace)
        .args([&script, "sh", "true"])
        .status();
    if !possible.is_ok_and(|status| status.success()) {
        return println!("skipped: no user namespace can be made here");
    }
    let daemon = home.start_with(|command| {
        let mut inside = home.command(Path::new("unshare"));
        inside.args(namespace).args([&script, "sh"]);
        inside.arg(&binaries().vaultd);
        *command = inside;
    });
    let warned = "changes of files are not noticed";
    until(&format!("it is said; log: {}", daemon.log()), || {
        status(&home)["warnings"].to_string().contains(warned)
    });
    for word in ["two", "three"] {
        rename_over(&home, &bar, &service(word));
        home.ctl(&["reload"]).success();
        assert_eq!(home.run(&["bar"]).success(), format!("{word}\n"));
    }
    daemon.reload();
    until("the log says so", || daemon.log().contains(warned));
    let log = daemon.log();
    assert_eq!(log.matches(warned).count(), 1, "{log}");
    assert!(log.contains("max_user_instances"), "{log}");
    assert!(home.ctl(&["status"]).success().contains(warned));
}
