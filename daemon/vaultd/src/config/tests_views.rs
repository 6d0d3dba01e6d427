//! Each service gets what its environment, its own file and its dialect say.

use std::path::{Path, PathBuf};
use std::time::Duration;

use vault_backends::oci::AuthMethod;

use super::compat_cases::{Home, inputs};
use super::process_inputs::ProcessInputs;
use crate::command::Command;
use crate::service::Service;
use crate::setup::Setup;

fn setup(files: &[(&str, &str)], variables: &serde_json::Value) -> Setup {
    let home = Home::new();
    for (name, text) in files {
        home.write(&format!("user/{name}"), text);
    }
    let none = serde_json::json!({"files": {}, "explicit_config": false});
    home.load(&none, &inputs(variables)).unwrap().setup
}

fn quiet(files: &[(&str, &str)]) -> Setup {
    setup(files, &serde_json::Value::Null)
}

fn references(service: &Service, environment: Option<&str>) -> Vec<String> {
    let (chosen, _) = service.choose(environment).unwrap();
    chosen.iter().map(|one| one.reference.to_string()).collect()
}

#[test]
fn a_bare_name_is_in_the_compartment_that_counts_for_its_service() {
    let file = "vault: {compartment_id: C, vault_id: V}\nsecrets: {A: a}\nservices:\n  \
                plain: {command: env}\n  \
                own: {command: env, compartment_id: D, secrets: {A: a, B: oci-vault://X/b}}\n  \
                vault: {command: env, vault: W, secrets: {A: a}}\n  \
                one: {command: env, secrets: {A: {secret_name: a, compartment_id: E}}}\n  \
                who: {command: env, profile: P, vault: {region: r}, secrets: {}}\n";
    let setup = quiet(&[("resolver.yaml", file)]);
    let of = |name: &str| references(&setup.base.services[name], None);
    assert_eq!(of("plain"), ["oci-vault://C/a"]);
    assert_eq!(of("own"), ["oci-vault://D/a", "oci-vault://X/b"]);
    assert_eq!(of("vault"), ["oci-vault://W/a"]);
    assert_eq!(of("one"), ["oci-vault://E/a"]);
    let who = &setup.base.services["who"].targets.oci();
    assert_eq!(
        (who.config_profile.as_str(), who.region.as_deref()),
        ("P", Some("r"))
    );
    let alone = quiet(&[(
        "resolver.yaml",
        "vault: {vault_id: V}\nsecrets: {A: a}\nservices: {s: {command: env}}\n",
    )]);
    assert_eq!(
        references(&alone.base.services["s"], None),
        ["oci-vault://V/a"]
    );
}

#[test]
fn an_environment_is_one_whole_for_files_and_services() {
    let file = "vault: {compartment_id: C}\ncache: {ttl: 10}\nsecrets: {A: a, B: b}\n\
                services: {s: {command: env, secrets: [A, B]}}\n\
                environments:\n  p:\n    vault: {compartment_id: P}\n    cache: {ttl: 20}\n    \
                secrets: {B: ~}\n    services: {s: {command: 'env -i'}}\n";
    let own = r#"{"secrets": {"X": "x"}, "target_command": ["env"]}"#;
    let setup = quiet(&[("resolver.yaml", file), ("configs/f.json", own)]);
    let view = setup.view(Some("p"));
    assert_eq!(
        references(&view.services["s"], Some("p")),
        ["oci-vault://P/a"]
    );
    assert_eq!(view.services["s"].command.words()[1..], ["-i"]);
    assert_eq!(
        references(&view.services["f"], Some("p")),
        ["oci-vault://P/x"]
    );
    assert_eq!(view.services["f"].freshness.ttl, Duration::from_secs(20));
    let base = setup.view(Some("nobody"));
    assert_eq!(
        references(&base.services["s"], None),
        ["oci-vault://C/a", "oci-vault://C/b"]
    );
    assert_eq!(base.freshness.ttl, Duration::from_secs(10));
}

#[test]
fn the_daemons_environment_counts_where_a_caller_names_none() {
    let file = "cache: {ttl: 1}\nenvironments: {p: {cache: {ttl: 2}}, q: {cache: {ttl: 3}}}\n";
    let variables = serde_json::json!({"OCI_VAULT_ENVIRONMENT": "p"});
    let setup = setup(&[("resolver.yaml", file)], &variables);
    let ttl = |asked| setup.view(asked).freshness.ttl.as_secs();
    assert_eq!((ttl(None), ttl(Some("q")), ttl(Some("x"))), (2, 3, 1));
}

#[test]
fn a_service_may_have_its_own_ttl_and_profiles() {
    let file = "{ttl: 0.5, profiles: [A, B], target_command: [env]}";
    let setup = quiet(&[("configs/s.yaml", file)]);
    let service = &setup.base.services["s"];
    assert_eq!(service.freshness.ttl, Duration::from_millis(500));
    assert_eq!(service.profiles, ["A", "B"]);
}

#[test]
fn a_file_of_the_old_wrappers_is_a_service() {
    let file = "command: env\nargs: [\"${FLAG:-x}\", $HOME]\nenv:\n  TOKEN: vault://t?version=2\n  \
                URL: https://${HOST}/api\n  PORT: 80\n  EMPTY: ${UNSET}\n  KEEP: ${not a name}\n\
                vault: {vaultId: V, compartmentId: C, region: r, useInstancePrincipal: yes, profile: P}\n";
    let variables = serde_json::json!({"HOST": "h", "FLAG": "-0"});
    let setup = setup(&[("configs/old.yaml", file)], &variables);
    let service = &setup.base.services["old"];
    assert_eq!(service.command.words()[1..], ["-0", "$HOME"]);
    assert_eq!(references(service, None), ["oci-vault://C/t?version=2"]);
    let settings: Vec<String> = service
        .settings
        .iter()
        .map(|(k, v)| format!("{k}={v}"))
        .collect();
    let expected = [
        "URL=https://h/api",
        "PORT=80",
        "EMPTY=",
        "KEEP=${not a name}",
    ];
    assert_eq!(settings, expected);
    assert_eq!(
        service.targets.oci().auth_method,
        AuthMethod::InstancePrincipal
    );
    assert_eq!(service.targets.oci().config_profile, "P");
    assert!(
        setup
            .warnings
            .iter()
            .any(|warning| warning.contains("read as true"))
    );
}

#[test]
fn a_file_is_trusted_with_the_directory_that_it_is_really_in() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    home.write("open/resolver.yaml", "cache: {ttl: 5}\n");
    let open = home.file("open");
    let link = home.file("user");
    std::fs::create_dir_all(link.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(&open, &link).unwrap();
    let none = serde_json::json!({"files": {}, "explicit_config": false});
    let load = || home.load(&none, &ProcessInputs::of_tests());
    assert_eq!(
        load().unwrap().setup.base.freshness.ttl,
        Duration::from_secs(5)
    );
    let mode = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(open.parent().unwrap(), mode).unwrap();
    let error = load().unwrap_err().to_string();
    assert!(error.contains("is writable by everybody"), "{error}");
}

#[test]
fn what_can_never_be_meant_is_refused() {
    for (text, expected) in [
        (
            "ttl: 18446744073709551615\ntarget_command: [env]\n",
            "must be less than ten years",
        ),
        (
            "secrets: {A: ~}\ntarget_command: [env]\n",
            "secrets.A: names no secret",
        ),
    ] {
        let home = Home::new();
        home.write("user/configs/s.yaml", text);
        let none = serde_json::json!({"files": {}, "explicit_config": false});
        let config = home.load(&none, &ProcessInputs::of_tests()).unwrap();
        let error = &config.setup.base.refused["s"].reason;
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn what_a_secret_says_of_no_environment_counts_in_all() {
    let file = r#"{"secrets": {"A": {"secret_name": "local://a", "comment": "c",
        "environment": {"p": null}, "version": {"p": null}}}, "target_command": ["env"],
        "env_overrides": {"GONE": null}}"#;
    let setup = quiet(&[("configs/s.json", file)]);
    let service = &setup.base.services["s"];
    assert_eq!(references(service, Some("p")), ["local://a"]);
    assert!(service.settings.is_empty());
    assert!(
        setup.warnings[0].contains("secrets.A.comment: unknown key"),
        "{:?}",
        setup.warnings
    );
}

#[test]
fn a_wrappers_secret_may_have_a_variable_in_its_name() {
    let file = "command: env\nenv: {T: 'vault://${STAGE:-dev}-token'}\nvault: {useInstancePrincipal: false}\n";
    let base = "vault: {auth_method: instance_principal}\n";
    let files = [("configs/s.yaml", file), ("resolver.yaml", base)];
    let setup = setup(&files, &serde_json::json!({"STAGE": "prod"}));
    let service = &setup.base.services["s"];
    assert_eq!(references(service, None), ["oci-vault://prod-token"]);
    assert_eq!(service.targets.oci().auth_method, AuthMethod::ConfigFile);
}

#[test]
fn a_command_is_the_files_then_resolver_yamls_then_the_catalogues() {
    let file = "services: {github: {}, s: {command: env -a}, mine: {}}\n";
    let setup = quiet(&[
        ("resolver.yaml", file),
        ("configs/s.yaml", "description: no command here\n"),
        ("configs/t.yaml", "target_command: [env, -b]\n"),
    ]);
    let service = |name: &str| &setup.base.services[name];
    assert_eq!(service("s").command.words()[1..], ["-a"]);
    assert_eq!(service("t").command.words()[1..], ["-b"]);
    let github = service("github");
    assert_eq!(
        github.command.words()[1..],
        ["-y", "@modelcontextprotocol/server-github"]
    );
    assert!(github.warnings[0].contains("of the catalogue"));
    let home = directories::BaseDirs::new().unwrap();
    assert_eq!(
        github.cwd.as_deref(),
        Some(home.home_dir()),
        "not where a caller is"
    );
    assert_eq!(service("mine").command, Command::Absent);
    let said = |warning: &String| warning.contains("services.mine: has no command");
    assert!(setup.warnings.iter().any(said), "{:?}", setup.warnings);
}

#[test]
fn what_old_files_have_and_nobody_needs_is_no_error() {
    let room = tempfile::tempdir().unwrap();
    std::fs::write(room.path().join("0123456789abcdef.json"), "{}").unwrap();
    let file = format!(
        "version: '3'\nvault: {{config_file: x}}\ncache: {{directory: {}, ttl: 172800}}\n\
         logging: {{verbose: on, audit_secret_access: no}}\n",
        room.path().display()
    );
    let setup = quiet(&[("resolver.yaml", &file)]);
    let home = directories::BaseDirs::new().unwrap();
    assert_eq!(
        setup.base.targets.oci().config_file,
        home.home_dir().join("x")
    );
    assert!(setup.logging.verbose);
    assert_eq!(
        setup.base.freshness.max_stale,
        Duration::from_hours(48),
        "as long as the ttl"
    );
    for expected in [
        "resolver.yaml:1:10: version: unknown version",
        "logging.verbose: read as true; write true",
        "the audit record is written all the same",
        "holds values of secrets in plaintext",
    ] {
        let said = |warning: &String| warning.contains(expected);
        assert!(
            setup.warnings.iter().any(said),
            "{expected}: {:?}",
            setup.warnings
        );
    }
}

#[test]
fn every_way_to_ask_has_a_scope() {
    let of = |text: &str| quiet(&[("resolver.yaml", text)]).keys();
    let old = of("vault: {region: a}\n");
    assert_eq!(of("vault: {region: a, compartment_id: c}\n"), old);
    let more = of("vault: {region: a}\nenvironments: {p: {vault: {region: b}}}\n");
    assert!(more.is_superset(&old) && more.len() == 2, "{more:?}");
    assert!(of("vault: {region: b}\n").is_disjoint(&old));
}

#[test]
fn a_delegation_that_would_not_count_is_refused() {
    let home = Home::new();
    home.write("user/resolver.yaml", "vault: {delegation_token_file: /t}\n");
    let none = serde_json::json!({"files": {}, "explicit_config": false});
    let error = home
        .load(&none, &ProcessInputs::of_tests())
        .unwrap_err()
        .to_string();
    for word in ["delegation_token_file", "instance_principal"] {
        assert!(error.contains(word), "{error}");
    }
    quiet(&[(
        "resolver.yaml",
        "vault: {auth_method: instance_principal, delegation_token_file: /t}\n",
    )]);
}

#[test]
fn a_small_file_that_means_very_much_is_refused() {
    use std::fmt::Write;
    let mut many = "secrets:\n".to_owned();
    for number in 0..1500 {
        writeln!(many, "  K{number}: local://k").unwrap();
    }
    let mut services = many.clone();
    services.push_str("services:\n");
    for number in 0..70 {
        writeln!(services, "  s{number}: {{command: env}}").unwrap();
    }
    many.push_str(&many.clone().replace("secrets:\n", "").replace('K', "L"));
    let mut environments = "environments:\n".to_owned();
    for number in 0..65 {
        writeln!(environments, "  e{number}: ~").unwrap();
    }
    for (text, expected) in [
        (services, "get more than 100000 secrets"),
        (many, "secrets: more than 2000 secrets"),
        (environments, "more than 64 environments"),
    ] {
        let home = Home::new();
        home.write("user/resolver.yaml", &text);
        let none = serde_json::json!({"files": {}, "explicit_config": false});
        let error = home
            .load(&none, &ProcessInputs::of_tests())
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn every_value_has_its_origin() {
    let file = "cache:\n  ttl: 5\nsecrets:\n  A: local://a\nenvironments: {p: {cache: {ttl: 6}}}\n";
    let variables = serde_json::json!({"OCI_REGION": "r"});
    let mut inputs = inputs(&variables);
    inputs.config_profile = Some("P".to_owned());
    let home = Home::new();
    home.write("user/resolver.yaml", file);
    let none = serde_json::json!({"files": {}, "explicit_config": false});
    let setup = home.load(&none, &inputs).unwrap().setup;
    let said = |environment: Option<&str>, key: &str| {
        let entries = &setup.view(environment).effective;
        let entry = entries.iter().find(|entry| entry.key == key).unwrap();
        format!("{} {}", entry.value, entry.origin)
    };
    assert_eq!(said(None, "cache.ttl"), "5 resolver.yaml:2");
    assert_eq!(said(Some("p"), "cache.ttl"), "6 resolver.yaml:5");
    assert_eq!(said(None, "cache.max_stale"), "86400 default");
    assert_eq!(said(None, "vault.region"), "r vaultd's variable OCI_REGION");
    assert_eq!(
        said(None, "vault.config_profile"),
        "P vaultd's argument --profile"
    );
    assert_eq!(said(None, "secrets.A"), "local://a resolver.yaml:4");
}

#[test]
fn a_wrong_variable_is_named_in_place_of_a_file() {
    let home = Home::new();
    let none = serde_json::json!({"files": {}, "explicit_config": false});
    let inputs = inputs(&serde_json::json!({"OCI_VAULT_CACHE_TTL": "s3cr3t"}));
    let error = home.load(&none, &inputs).unwrap_err().to_string();
    let expected = "vaultd's variable OCI_VAULT_CACHE_TTL: cache.ttl: must be a whole number";
    assert!(error.starts_with(expected), "{error}");
    assert!(!error.contains("s3cr3t"));
}

#[test]
fn a_directory_on_the_command_line_is_the_only_one() {
    let home = Home::new();
    home.write("other/s.yaml", "target_command: [env]\n");
    home.write("user/configs/t.yaml", "target_command: [env]\n");
    let places = super::Places {
        files: vec![home.file("user")],
        required: false,
        services: None,
    };
    let other: PathBuf = home.file("x").parent().unwrap().with_file_name("other");
    let places = places.with_services(Some(other));
    let config = super::load(
        &places,
        &ProcessInputs::of_tests(),
        nix::unistd::geteuid().as_raw(),
    );
    let setup = config.unwrap().setup;
    assert_eq!(setup.base.services.keys().collect::<Vec<_>>(), ["s"]);
    let text = super::check::report(&setup, &places);
    assert!(
        text.contains("service       s: ") && text.ends_with("result        good\n"),
        "{text}"
    );
    assert!(Path::new(&setup.searched[0]).ends_with("other"));
}
