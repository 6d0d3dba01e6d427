//! Each file means what it says, and each wrong one says where.

use super::*;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::audit::OnFailure;
use crate::command::Command;
use crate::policy::{Action, Question};
use crate::service::VersionPin;

struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let file = self.0.path().join("vaultd").join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, text).unwrap();
        file
    }

    fn load(&self) -> Result<Config, ConfigError> {
        let mut places = Places::usual(self.0.path());
        places.files.retain(|file| file.starts_with(self.0.path()));
        load(
            &places,
            &ProcessInputs::of_tests(),
            nix::unistd::geteuid().as_raw(),
        )
    }

    /// Why the service is refused; nothing else is.
    fn service_refused(&self, name: &str) -> String {
        let setup = self.load().unwrap().setup;
        assert!(!setup.base.services.contains_key(name));
        let refused = setup.refused();
        assert_eq!(refused.len(), 1, "{refused:?}");
        let reason = refused[name].reason.clone();
        assert!(setup.warnings[0].contains(&reason), "{:?}", setup.warnings);
        reason
    }

    fn refused(&self) -> String {
        self.load().map(|_| ()).unwrap_err().to_string()
    }
}

/// The error of a resolver.yaml of this text.
fn refused(text: &str) -> String {
    let home = Home::new();
    home.write("resolver.yaml", text);
    home.refused()
}

/// The error of a service file of this text.
fn service_refused(text: &str) -> String {
    let home = Home::new();
    home.write("configs/bar.yaml", text);
    home.service_refused("bar")
}

fn loaded(text: &str) -> Config {
    let home = Home::new();
    home.write("resolver.yaml", text);
    home.load().unwrap()
}

#[test]
fn no_configuration_is_a_configuration() {
    let config = Home::new().load().unwrap();
    assert!(config.setup.base.services.is_empty() && config.setup.path.is_none());
    assert_eq!(config.setup.base.freshness.ttl, Duration::from_hours(1));
    assert!(config.setup.warnings.is_empty());
}

#[test]
fn a_service_file_of_the_documented_form_is_read() {
    let home = Home::new();
    let text = r#"{"description": "d", "secrets": {"BAR_TOKEN": {"secret_name": "local://bar-token"},
        "PIN": {"secret_name": "oci-vault://n", "version": {"production": 3}, "required": false}},
        "target_command": ["env", "-0"], "env_overrides": {"LEVEL": 1.10, "ON": true}}"#;
    let file = home.write("configs/bar.json", text);
    let config = home.load().unwrap();
    let service = &config.setup.base.services["bar"];
    assert_eq!(service.source, file);
    let Command::Found(words) = &service.command else {
        panic!("env is everywhere")
    };
    assert!(words[0].ends_with("/env") && words[1] == "-0");
    let [bar, pin] = service.secrets.as_slice() else {
        panic!("two secrets")
    };
    assert_eq!(
        bar.default.as_ref().unwrap().to_string(),
        "local://bar-token"
    );
    assert!(bar.required && !pin.required);
    assert!(matches!(&pin.version, VersionPin::ByEnvironment(numbers) if numbers.len() == 1));
    assert_eq!(pin.default.as_ref().unwrap().to_string(), "oci-vault://n");
    let written = [("LEVEL", "1.10"), ("ON", "true")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    assert_eq!(service.settings, written);
}

#[test]
fn a_command_may_be_one_string_and_is_split_as_a_shell_would() {
    let home = Home::new();
    home.write("configs/bar.yaml", "target_command: env 'a b' c\n");
    let config = home.load().unwrap();
    let Command::Found(words) = &config.setup.base.services["bar"].command else {
        panic!("found")
    };
    assert_eq!(words[1..], ["a b", "c"]);
}

#[test]
fn services_of_resolver_yaml_take_what_they_list_or_all_with_a_warning() {
    let config = loaded(
        "secrets: {A: local://a, B: local://b, GONE: ~}\n\
         services:\n  one: {command: env, secrets: [B]}\n  all: {command: env}\n",
    );
    let names = |service: &str| -> Vec<String> {
        let secrets = &config.setup.base.services[service].secrets;
        secrets
            .iter()
            .map(|secret| secret.variable.clone())
            .collect()
    };
    assert_eq!(
        (names("one"), names("all")),
        (vec!["B".into()], vec!["A".into(), "B".into()])
    );
    assert!(config.setup.base.services["one"].warnings.is_empty());
    assert_eq!(config.setup.base.services["all"].warnings.len(), 1);
}

#[test]
fn a_services_own_file_stands_for_it_whole() {
    let home = Home::new();
    let shared = "secrets: {A: local://a}\nservices: {bar: {command: env}}\n";
    home.write("resolver.yaml", shared);
    home.write("configs/bar.json", r#"{"target_command": ["true"]}"#);
    let config = home.load().unwrap();
    assert!(config.setup.base.services["bar"].secrets.is_empty());
}

#[test]
fn the_sections_set_what_they_name() {
    let config = loaded(
        "cache: {ttl: '60', max_stale: 120, enable_stale_fallback: no}\n\
         audit: {sync: true, on_failure: serve, max_bytes: 5, keep: 1}\nmemory: mlock\n",
    );
    let setup = &config.setup;
    assert_eq!(setup.base.freshness.ttl, Duration::from_mins(1));
    assert!(!setup.base.freshness.stale_fallback);
    assert!(setup.audit.sync && setup.audit.on_failure == OnFailure::Serve);
    assert_eq!(config.memory, Preference::Mlock);
}

#[test]
fn a_policy_replaces_the_default_and_its_rules_know_their_lines() {
    let config =
        loaded("policy:\n  rules:\n    - allow: [get]\n      references: ['local://a*']\n");
    let uid = nix::unistd::geteuid().as_raw();
    let reference = "local://abc".parse().unwrap();
    let ask = |action| {
        let question = Question {
            uid,
            subject: None,
            action,
            service: None,
            reference: Some(&reference),
            other_name: None,
            written_by_default: true,
        };
        config.setup.policy.decide(&question)
    };
    let get = ask(Action::Get);
    assert_eq!(
        (get.allowed, get.rule.as_str()),
        (true, "rule at resolver.yaml:3")
    );
    assert!(!ask(Action::Status).allowed);
}

#[test]
fn inherited_sections_warn_about_unknown_keys_and_suggest() {
    let config = loaded(
        "cache: {tll: 5}\nvault: {regoin: x}\nmarker: {}\nenvironments: {e: {cache: {tll: 1}}}\n",
    );
    let warnings = config.setup.warnings.join("\n");
    for expected in [
        "resolver.yaml:1:9: cache.tll: unknown key, ignored, did you mean ttl?",
        "resolver.yaml:2:9: vault.regoin: unknown key, ignored, did you mean region?",
        "resolver.yaml:4:28: environments.e.cache.tll: unknown key, ignored, did you mean ttl?",
        "resolver.yaml:3:1: marker: unknown key, ignored",
    ] {
        assert!(warnings.contains(expected), "{expected} in {warnings}");
    }
}

#[test]
fn own_sections_refuse_unknown_keys_and_wrong_values() {
    for (text, expected) in [
        (
            "audit: {snyc: true}",
            "resolver.yaml:1:9: audit.snyc: unknown key",
        ),
        ("policy: {rule: []}", "policy.rule: unknown key"),
        (
            "policy:\n  rules:\n    - {allow: [fly]}",
            "policy.rules[0].allow[0]: unknown action",
        ),
        ("policy: {rules: [{services: [a]}]}", "needs allow or deny"),
        (
            "policy: {rules: [{allow: [get], deny: [get]}]}",
            "either allows or denies",
        ),
        ("memory: plenty", "memory: must be auto, secretmem or mlock"),
        ("audit: {on_failure: maybe}", "must be refuse or serve"),
        ("cache: {ttl: -1}", "cache.ttl: must be a whole number"),
        ("policy:", "policy: has no rules"),
        (
            "local: {path: /x}",
            "local.path: unknown key; local has directory",
        ),
        (
            "environments: {e: {policy: {rules: []}}}",
            "environments.e.policy: counts for all environments",
        ),
        (
            "vault: {auth_method: magic}",
            "vault.auth_method: must be config_file,",
        ),
        (
            "secrets: {A: team/a}\nvault: {compartment_id: C}",
            "resolver.yaml:1:14: secrets.A: a name has no '/'",
        ),
        (
            "logging: {level: loud}",
            "must be DEBUG, INFO, WARNING or ERROR",
        ),
        (
            "resilience: {circuit_breaker_threshold: 0}",
            "of at least 1",
        ),
        ("7", "must be a map of sections"),
        ("- a", "must be a map of sections"),
        (
            "cahce: {}",
            "resolver.yaml:1:1: cahce: unknown key; did you mean cache?",
        ),
        (
            "Policy: {rules: []}",
            "Policy: unknown key; did you mean policy?",
        ),
        (
            "polcy: {rules: []}",
            "polcy: unknown key; did you mean policy?",
        ),
        (
            "POLICY : {rules: []}",
            "POLICY: unknown key; did you mean policy?",
        ),
        (
            "policies: []",
            "policies: unknown key; did you mean policy?",
        ),
        (
            "environments: {e: {Secrets: {A: local://a}}}",
            "environments.e.Secrets: unknown key; did you mean secrets?",
        ),
        (
            "mcpServers: {}",
            "mcpServers: unknown key; this is a block of an MCP client",
        ),
        (
            "cache: {ttl: 10, max_stale: 5}",
            "cache.max_stale: the ttl (10 s) is longer than cache.max_stale (5 s)",
        ),
        ("cache: [1]", "cache: must be a map"),
        (
            "services:\n  bar:\n    command: [env\n",
            "not readable as YAML",
        ),
    ] {
        let error = refused(text);
        assert!(error.contains(expected), "{text}: {error}");
    }
}

/// A policy that is not read must not mean that everything is allowed.
#[test]
fn a_policy_in_a_wrong_place_or_spelling_refuses_the_whole() {
    let elsewhere = "a policy is not read here; write policy: at the top of the file";
    let dot = "a dot leads nowhere: write";
    let rules = "{rules: [{deny: [launch]}]}";
    for (text, expected) in [
        (
            format!("cache:\n  ttl: 60\n  policy: {rules}"),
            "resolver.yaml:3:3: cache.policy: unknown key; did you mean policy, at the top",
        ),
        (
            format!("cache: {{Polcy: {rules}}}"),
            "cache.Polcy: unknown key; did you mean policy",
        ),
        (
            format!("logging: {{policies: {rules}}}"),
            "logging.policies: unknown key; did you mean policy",
        ),
        (
            "vault: {policy.rules: []}".to_owned(),
            "did you mean policy",
        ),
        (
            "resilience: {memory: mlock}".to_owned(),
            "resilience.memory: unknown key; did you mean memory",
        ),
        (
            "cache: {audit: {sync: true}}".to_owned(),
            "did you mean audit",
        ),
        (
            "auth: {local: {directory: /x}}".to_owned(),
            "did you mean local",
        ),
        (
            "environments: {e: {cache: {policy: []}}}".to_owned(),
            "environments.e.cache.policy: unknown key; did you",
        ),
        (
            format!("services:\n  bar: {{command: env}}\n  policy: {rules}"),
            "resolver.yaml:3:3: services.policy: a policy is not read",
        ),
        (format!("services: {{Audit: {rules}}}"), elsewhere),
        (
            format!("services: {{bar: {{command: env, policy: {rules}}}}}"),
            elsewhere,
        ),
        (
            "services: {access: [{deny: [launch]}]}".to_owned(),
            elsewhere,
        ),
        (format!("marker: {rules}"), elsewhere),
        (
            format!("environments: {{policy: {rules}}}"),
            "environments.policy.rules: unknown key; rules stand",
        ),
        (
            format!("environments: {{e: {{services: {{policy: {rules}}}}}}}"),
            elsewhere,
        ),
        (
            "rules: []".to_owned(),
            "rules: unknown key; rules stand in a list below policy:",
        ),
        ("Allow: [get]".to_owned(), "Allow: unknown key; rules stand"),
        (
            "deny: [launch]".to_owned(),
            "deny: unknown key; rules stand",
        ),
        ("policy.rules: []".to_owned(), dot),
        (
            "polcy.rules: []".to_owned(),
            "write policy: and the rest below it",
        ),
        (
            "cache.ttl: 60".to_owned(),
            "write cache: and the rest below it",
        ),
        ("environments: {e: {cache.ttl: 60}}".to_owned(), dot),
    ] {
        let error = refused(&text);
        assert!(error.contains(expected), "{text}: {error}");
    }
    loaded(
        "services: {policy: {command: env}, audit: {command: env}}\nenvironments: {local: {}}\n",
    );
}

#[test]
fn an_empty_list_in_a_rule_is_refused_and_one_of_rules_is_not() {
    for key in ["services", "references", "uids", "subjects"] {
        let error = refused(&format!("policy: {{rules: [{{deny: [all], {key}: []}}]}}"));
        let expected = format!(
            "policy.rules[0].{key}: names nothing, so the rule never counts; leave the key out for all"
        );
        assert!(error.contains(&expected), "{error}");
    }
    for key in ["allow", "deny"] {
        let error = refused(&format!("policy: {{rules: [{{{key}: []}}]}}"));
        let expected = format!("{key}: names nothing, so the rule never counts; name actions");
        assert!(error.contains(&expected), "{error}");
    }
    loaded("policy: {rules: []}");
}

#[test]
fn a_bad_service_file_says_where_and_what() {
    for (text, expected) in [
        (
            "secrets:\n  LD_PRELOAD: local://x\ntarget_command: [env]\n",
            "bar.yaml:2:3: secrets.LD_PRELOAD: no secret may go",
        ),
        (
            "secrets: {A-B: local://x}\ntarget_command: [env]\n",
            "not a name for an environment variable",
        ),
        (
            "secrets: {A: 'local://../x'}\ntarget_command: [env]\n",
            "bar.yaml:1:14: secrets.A: a name with ..",
        ),
        (
            "secrets: {A: {}}\ntarget_command: [env]\n",
            "names no secret",
        ),
        (
            "secrets: {A: {secret_nam: x}}\ntarget_command: [env]\n",
            "secrets.A.secret_nam: unknown key; did you mean secret_name?",
        ),
        (
            "secrets: {A: {secret_name: 'local://x', version: latest}}\ntarget_command: [env]\n",
            "invalid version",
        ),
        (
            "secrets: {A: {secret_name: 'oci-vault://x?version=1', version: 2}}\ntarget_command: [env]\n",
            "given twice",
        ),
        (
            "target_command: ['', x]\n",
            "target_command: names no program",
        ),
        (
            "ttl: 100000\ntarget_command: [env]\n",
            "bar.yaml:1:6: ttl: the ttl",
        ),
        (
            "target_command: [env]\ncwd: relative\n",
            "cwd: must be an absolute path",
        ),
        ("target_command: \"env 'x\"\n", "unclosed quote"),
        (
            "target_command: [env]\nenv_overrides: {A: [1]}\n",
            "env_overrides.A: must be a string, found a list",
        ),
    ] {
        let error = service_refused(text);
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn two_files_for_one_service_in_one_directory_are_refused() {
    let home = Home::new();
    home.write("configs/bar.json", r#"{"target_command": ["env"]}"#);
    home.write("configs/bar.yaml", "target_command: [env]\n");
    let error = home.service_refused("bar");
    assert!(
        error.contains("bar.yaml: defines the same service as"),
        "{error}"
    );
    assert!(error.contains("bar.json; remove one of them"), "{error}");
}

#[test]
fn the_first_place_counts_for_files_and_services() {
    let home = Home::new();
    home.write("resolver.yaml", "cache: {ttl: 1}\n");
    home.write("../oci-vault-mcp/resolver.yaml", "cache: {ttl: 2}\n");
    home.write("configs/bar.yaml", "target_command: [env]\n");
    home.write(
        "../oci-vault-mcp/configs/bar.yaml",
        "target_command: [broken\n",
    );
    home.write(
        "../oci-vault-mcp/configs/old.yaml",
        "target_command: [env]\n",
    );
    let config = home.load().unwrap();
    assert_eq!(
        config.setup.base.freshness.ttl,
        Duration::from_secs(1),
        "no mixture"
    );
    let names: Vec<&String> = config.setup.base.services.keys().collect();
    assert_eq!(names, ["bar", "old"]);
    let bar = &config.setup.base.services["bar"];
    assert!(bar.source.ends_with("vaultd/configs/bar.yaml"));
}

#[test]
fn a_file_that_others_can_write_is_refused_with_the_chmod_to_run() {
    let home = Home::new();
    let file = home.write("configs/bar.yaml", "target_command: [env]\n");
    let directory = file.parent().unwrap().to_owned();
    for (path, mode) in [(file.clone(), 0o646), (directory.clone(), 0o757)] {
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        // In a directory that others can write in, any service may be another one.
        let error = if path == directory {
            home.refused()
        } else {
            home.service_refused("bar")
        };
        assert!(
            error.contains(&format!("chmod o-w {}", path.display())),
            "{error}"
        );
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    }
    assert!(home.load().is_ok());
}

#[test]
fn a_file_of_another_user_is_refused() {
    let home = Home::new();
    let file = home.write("resolver.yaml", "cache: {}\n");
    if nix::unistd::geteuid().is_root() {
        nix::unistd::chown(&file, Some(12345.into()), None).unwrap();
        assert!(home.refused().contains("belongs to uid 12345"));
    }
    assert!(file.exists());
}

#[test]
fn what_is_no_text_is_refused() {
    for bytes in [&b"a\0: 1"[..], &[0xff, 0xfe, b'a']] {
        let home = Home::new();
        let file = home.write("resolver.yaml", "");
        std::fs::write(&file, bytes).unwrap();
        let error = home.refused();
        assert!(error.contains("NUL") || error.contains("UTF-8"), "{error}");
    }
    let home = Home::new();
    home.write("resolver.yaml/not-a-file", "");
    assert!(home.refused().contains("is not a plain file"));
}

#[test]
fn line_breaks_that_yaml_and_json_do_not_know_are_refused_with_their_line() {
    let text = |letter: char| format!("# a\ncache: {{ttl: 60}} # b{letter}policy: {{rules: []}}\n");
    for (letter, name) in [
        ('\u{2028}', "U+2028"),
        ('\u{2029}', "U+2029"),
        ('\u{85}', "U+0085"),
        ('\u{b}', "U+000B"),
        ('\u{c}', "U+000C"),
    ] {
        let error = refused(&text(letter));
        let expected = format!(
            "resolver.yaml:2:21: holds {name}, a line break that YAML and JSON do not know"
        );
        assert!(error.contains(&expected), "{error}");
    }
    let error = service_refused("description: a\u{2028}b\ntarget_command: [env]\n");
    assert!(error.contains("bar.yaml:1:15: holds U+2028"), "{error}");
}

/// What stands in an earlier place counts, and what stands in a later one holds up nothing.
#[test]
fn a_later_directory_of_service_files_that_cannot_be_used_is_a_warning() {
    let home = Home::new();
    home.write("configs/bar.yaml", "target_command: [env]\n");
    let old = home.write(
        "../oci-vault-mcp/configs/old.yaml",
        "target_command: [env]\n",
    );
    let directory = old.parent().unwrap();
    std::fs::set_permissions(directory, PermissionsExt::from_mode(0o757)).unwrap();
    let setup = home.load().unwrap().setup;
    let names: Vec<&String> = setup.base.services.keys().collect();
    assert_eq!(names, ["bar"]);
    assert!(setup.refused().is_empty());
    let warnings = setup.warnings.join("\n");
    assert!(warnings.contains("is writable by everybody"), "{warnings}");
    assert!(warnings.contains("nothing is read from it"), "{warnings}");
}

#[test]
fn a_resolver_yaml_that_says_nothing_any_more_is_lost() {
    let home = Home::new();
    let file = home.write("resolver.yaml", "");
    let places = Places::named(file.clone());
    for (text, how) in [
        ("", Some("is empty now")),
        (" \n", Some("is empty now")),
        ("# c\n", Some("says nothing now")),
        ("\u{feff}", Some("says nothing now")),
        ("---\n", Some("says nothing now")),
        ("null\n", Some("says nothing now")),
        ("{}", Some("says nothing now")),
        ("// c\n{ /* c */ }", Some("says nothing now")),
        ("cache: {}\n", None),
        ("[broken", None),
    ] {
        std::fs::write(&file, text).unwrap();
        let texts = Texts::gather(&places).unwrap();
        assert_eq!(texts.lost(&file, &places), how, "{text:?}");
    }
}

#[test]
fn a_file_named_on_the_command_line_must_exist() {
    let places = Places::named(PathBuf::from("/nonexistent/resolver.yaml"));
    let error = load(&places, &ProcessInputs::of_tests(), 0)
        .map(|_| ())
        .unwrap_err();
    assert!(error.to_string().contains("there is no such file"));
    assert_eq!(
        places.service_directories(),
        [Path::new("/nonexistent/configs")]
    );
}
