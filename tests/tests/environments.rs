//! An environment that a person writes is one that the configuration names, or nothing starts.

use serde_json::json;
use vault_tests::harness::{Home, Outcome, binaries};

/// `plain` names no environments, `own` names one itself.
fn prepared() -> Home {
    let home = Home::new();
    home.write_service(
        "plain",
        &json!({"secrets": {"TOKEN": "local://base"}, "target_command": ["env"]}),
    );
    let secret =
        json!({"secret_name": "local://base", "environment": {"production": "local://prod"}});
    home.write_service(
        "own",
        &json!({"secrets": {"TOKEN": secret}, "target_command": ["env"]}),
    );
    home
}

fn stored(home: &Home) {
    home.put("base", "v-base");
    home.put("prod", "v-prod");
}

/// What vault-run does for these words, with this in OCI_VAULT_ENVIRONMENT.
fn run(home: &Home, arguments: &[&str], variable: &str) -> Outcome {
    let mut command = home.command(&binaries().vault_run);
    command
        .args(arguments)
        .env("OCI_VAULT_ENVIRONMENT", variable);
    home.finish(command, b"")
}

fn token(outcome: &Outcome) -> &str {
    let mut lines = outcome.success().lines();
    lines
        .find(|line| line.starts_with("TOKEN="))
        .unwrap_or_default()
}

#[test]
fn an_environment_that_nothing_names_is_refused_with_those_there_are() {
    let home = prepared();
    let _daemon = home.start();
    stored(&home);
    for arguments in [
        &["own@prd"][..],
        &["own", "--env", "prd"],
        &["own", "--environment=prd"],
    ] {
        let said = "vault-run: own: service own has no environment 'prd'; known are: production\n";
        run(&home, arguments, "").refused(2, &[said]);
        let tested: Vec<&str> = arguments.iter().copied().chain(["--test"]).collect();
        run(&home, &tested, "").refused(2, &[said]);
    }
    let file = home
        .configuration("configs/plain.json")
        .display()
        .to_string();
    let said = format!(
        "vault-run: plain: service plain has no environment 'production'; neither resolver.yaml nor \
         {file} names any\n"
    );
    run(&home, &["plain@production"], "").refused(2, &[&said]);
    assert_eq!(token(&run(&home, &["own@production"], "")), "TOKEN=v-prod");
    let record = home.audit_of("launch");
    let refused = record
        .iter()
        .filter(|one| one["error"] == "unknown_environment")
        .count();
    assert_eq!(refused, 4, "what is not launched is in the record");
    let text = format!("{record:?}");
    assert!(!text.contains("prd"), "what a caller typed is not: {text}");
}

#[test]
fn an_inherited_variable_counts_only_where_environments_are_named() {
    let home = prepared();
    let _daemon = home.start();
    stored(&home);
    let plain = run(&home, &["plain"], "staging");
    assert_eq!((token(&plain), plain.stderr.as_str()), ("TOKEN=v-base", ""));
    assert_eq!(token(&run(&home, &["own"], "production")), "TOKEN=v-prod");
    let said = "vault-run: own: service own has no environment 'staging', which the inherited \
                variable OCI_VAULT_ENVIRONMENT names; known are: production\n";
    run(&home, &["own"], "staging").refused(2, &[said]);
    run(&home, &["own", "--test"], "staging").refused(2, &[said]);
    assert_eq!(
        token(&run(&home, &["own@production"], "staging")),
        "TOKEN=v-prod"
    );
}

#[test]
fn environments_of_resolver_yaml_are_every_services() {
    let home = prepared();
    home.write_resolver("environments: {staging: {cache: {ttl: 5}}}\n");
    let _daemon = home.start();
    stored(&home);
    assert_eq!(token(&run(&home, &["plain@staging"], "")), "TOKEN=v-base");
    run(&home, &["plain"], "prd").refused(2, &["OCI_VAULT_ENVIRONMENT", "known are: staging\n"]);
    run(&home, &["own@prd"], "").refused(2, &["known are: production, staging\n"]);
    let unknown = home.ctl(&["explain-config", "--environment", "prd"]);
    unknown.refused(2, &["no such environment; known are: production, staging"]);
    home.ctl(&["explain-config", "--environment", "staging"])
        .success();
}

#[test]
fn the_daemons_own_variable_is_refused_where_it_names_nothing_that_is_known() {
    let home = prepared();
    let daemon = home.start_with(|command| {
        command.env("OCI_VAULT_ENVIRONMENT", "prd");
    });
    stored(&home);
    let said = "which vaultd's own variable OCI_VAULT_ENVIRONMENT names; known are: production";
    run(&home, &["own"], "").refused(2, &[said]);
    assert_eq!(token(&run(&home, &["plain"], "")), "TOKEN=v-base");
    assert_eq!(token(&run(&home, &["own@production"], "")), "TOKEN=v-prod");
    assert!(
        daemon.log().contains("names the environment 'prd'"),
        "{}",
        daemon.log()
    );
}

#[test]
fn the_fallback_of_before_can_be_had_with_a_warning() {
    let home = prepared();
    home.write_resolver("environment_fallback: warn\n");
    let _daemon = home.start();
    stored(&home);
    for service in ["own@prd", "plain@prd"] {
        let outcome = run(&home, &[service], "");
        assert_eq!(token(&outcome), "TOKEN=v-base");
        let said = "Environment 'prd' not found, using default";
        assert!(outcome.stderr.contains(said), "{outcome}");
    }
    home.ctl(&["explain-config", "--environment", "prd"])
        .success();
    let explained = home.ctl(&["explain-config"]);
    let line = |line: &str| line.starts_with("environment_fallback  ") && line.contains("  warn  ");
    assert!(explained.success().lines().any(line), "{explained}");
    home.write_resolver("environment_fallback: perhaps\n");
    home.ctl(&["reload"])
        .refused(2, &["environment_fallback", "must be refuse or warn"]);
}
