//! A person sees what a configuration says, and a launch gets just that.

use serde_json::{Value, json};
use vault_tests::harness::{Home, Outcome, binaries};

const RESOLVER: &str = "\
cache:
  ttl: 60
secrets:
  TOKEN: local://base
services:
  show:
    command: env
environments:
  production:
    cache: {ttl: 30}
    secrets: {TOKEN: local://prod}
";

fn explained(outcome: &Outcome) -> Value {
    let text = outcome.success();
    serde_json::from_str(text).unwrap_or_else(|_| panic!("no JSON: {outcome}"))
}

fn setting<'a>(config: &'a Value, key: &str) -> (&'a str, &'a str) {
    let all = config["settings"].as_array().expect("a list");
    let found = all.iter().find(|one| one["key"] == key);
    let found = found.unwrap_or_else(|| panic!("{key} is not in {config}"));
    let text = |name: &str| found[name].as_str().expect("a text");
    (text("value"), text("origin"))
}

#[test]
fn explain_config_says_each_value_and_where_it_is_written() {
    let home = Home::new();
    let file = home.write_resolver(RESOLVER);
    let service = json!({"target_command": ["env"], "env_overrides": {"LEVEL": "s3cr3t-level"}});
    let own = home.write_service("bar", &service);
    let _daemon = home.start_with(|command| {
        command.env("OCI_REGION", "eu-zurich-1");
    });
    let plain = home.ctl(&["explain-config", "--json"]);
    let config = explained(&plain);
    assert_eq!(config["configuration_path"], file.display().to_string());
    assert_eq!(setting(&config, "cache.ttl"), ("60", "resolver.yaml:2"));
    assert_eq!(setting(&config, "cache.max_stale"), ("86400", "default"));
    let region = ("eu-zurich-1", "vaultd's variable OCI_REGION");
    assert_eq!(setting(&config, "vault.region"), region);
    assert_eq!(
        setting(&config, "services.show.secrets.TOKEN").0,
        "local://base"
    );
    let origin = own.display().to_string();
    assert_eq!(
        setting(&config, "services.bar.env_overrides.LEVEL"),
        ("(set)", &*origin)
    );
    let all = home.ctl(&["explain-config"]);
    assert!(!plain.stdout.contains("s3cr3t") && !all.success().contains("s3cr3t"));

    let production = explained(&home.ctl(&["explain-config", "--env", "production", "--json"]));
    assert_eq!(production["environment"], "production");
    assert_eq!(
        setting(&production, "cache.ttl"),
        ("30", "resolver.yaml:10")
    );
    assert_eq!(
        setting(&production, "services.show.secrets.TOKEN").0,
        "local://prod"
    );
}

#[test]
fn a_launch_is_in_the_environment_that_the_flag_else_the_variable_names() {
    let home = Home::new();
    home.write_resolver(RESOLVER);
    let _daemon = home.start();
    home.put("base", "v-base");
    home.put("prod", "v-prod");
    let token = |arguments: &[&str], variable: &str| -> String {
        let mut command = home.command(&binaries().vault_run);
        command
            .args(arguments)
            .env("OCI_VAULT_ENVIRONMENT", variable);
        let outcome = home.finish(command, b"");
        let line = outcome
            .success()
            .lines()
            .find(|line| line.starts_with("TOKEN="));
        line.unwrap_or_default().to_owned()
    };
    assert_eq!(token(&["show"], ""), "TOKEN=v-base");
    assert_eq!(token(&["show"], "production"), "TOKEN=v-prod");
    assert_eq!(
        token(&["show", "--env", "production"], "other"),
        "TOKEN=v-prod"
    );
}

#[test]
fn a_profile_that_a_caller_chooses_must_be_listed() {
    let home = Home::new();
    let services = "services:\n  listed: {command: env, profiles: [WORK], secrets: {A: oci-vault://c/a}}\n  \
                    plain: {command: env, secrets: {A: oci-vault://c/a}}\n  \
                    local: {command: env, secrets: {B: local://b}}\n";
    home.write_resolver(services);
    let _daemon = home.start();
    home.put("b", "v");
    let run = |service: &str, profile: &str| {
        let mut command = home.command(&binaries().vault_run);
        command
            .args(["--test", service])
            .env("OCI_CONFIG_PROFILE", profile);
        home.finish(command, b"")
    };
    run("plain", "WORK").refused(2, &["profiles:", "OCI_CONFIG_PROFILE"]);
    let said = run("plain", "WORK").stderr;
    assert!(
        !said.contains("WORK"),
        "what a caller typed is not repeated: {said}"
    );
    let reference = "oci-vault://c/a";
    for (service, profile) in [("plain", "DEFAULT"), ("plain", ""), ("listed", "WORK")] {
        let outcome = run(service, profile);
        assert!(
            outcome.stdout.contains(reference),
            "{service} {profile}: {outcome}"
        );
    }
    run("local", "WORK").success();
}

#[test]
fn check_reads_the_configuration_and_starts_nothing() {
    let home = Home::new();
    home.write_resolver("cache: {tll: 5}\n");
    home.write_service("bar", &json!({"target_command": ["no-such-program"]}));
    let check = |arguments: &[&str]| {
        let mut command = home.command(&binaries().vaultd);
        command.arg("--check").args(arguments);
        home.finish(command, b"")
    };
    let outcome = check(&[]);
    let text = outcome.success();
    for expected in [
        "resolver.yaml:1:9: cache.tll: unknown key, ignored, did you mean ttl?",
        "bar: no-such-program, which is not there",
        "result        good",
    ] {
        assert!(text.contains(expected), "{outcome}");
    }
    assert!(
        !home.socket().exists() && !home.state("").exists(),
        "nothing is started"
    );
    let broken = home.path("broken.yaml");
    std::fs::write(&broken, "cache:\n  ttl: [1]\n").expect("written");
    let name = broken.display().to_string();
    check(&[&name]).refused(2, &[&format!("{name}:2:8: cache.ttl")]);
}
