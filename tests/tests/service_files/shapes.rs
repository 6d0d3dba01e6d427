//! Files as editors and clients write them, whole.

use serde_json::json;
use vault_tests::harness::Home;

/// What a service was started with: its words, and the variables that begin with `X_`.
const SHOW: &str = "for a; do echo \"arg=$a\"; done; env | grep ^X_ | sort; true";

fn show(home: &Home) -> String {
    let script = home.path("show.sh");
    std::fs::write(&script, format!("#!/bin/sh\n{SHOW}\n")).expect("a program");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&script, mode).expect("its mode");
    script.display().to_string()
}

/// What each of these files starts; `SHOW` stands for the program.
const FILES: &[(&str, &str, &str)] = &[
    (
        "args.json",
        r#"{"command": "SHOW", "args": ["run", "-i"], "secrets": {"X_T": "local://tok"}}"#,
        "arg=run\narg=-i\nX_T=v\n",
    ),
    (
        "client.json",
        r#"{"type": "stdio", "command": "SHOW", "args": ["run"], "env": {"X_MODE": "ro", "X_N": 1.10},
            "disabled": false, "autoApprove": [], "timeout": 60, "secrets": {"X_T": "local://tok"}}"#,
        "arg=run\nX_MODE=ro\nX_N=1.10\nX_T=v\n",
    ),
    (
        "target.json",
        r#"{"target_command": ["SHOW", "a"], "args": ["run"], "env": {"X_MODE": "ro"}}"#,
        "arg=a\narg=run\nX_MODE=ro\n",
    ),
    (
        "list.yaml",
        "command: [SHOW, a]\nargs: [b]\nenv: {X_A: env, X_B: env}\nenv_overrides: {X_B: ours}\n",
        "arg=a\narg=b\nX_A=env\nX_B=ours\n",
    ),
    (
        "both.json",
        r#"{"target_command": ["SHOW"], "secrets": {"X_T": "local://tok"}, "env_overrides": {"X_T": "w"}}"#,
        "X_T=v\n",
    ),
    (
        "comments.json",
        "\u{feff}// my server\n{\n  /* the\n bot */\n  \"secrets\": {\"X_T\": \"local://tok\",},\n  \
         // what\n  \"target_command\": [\"SHOW\",\n    // \"--debug\",\n    \"--stdio\", /* last */\n  ],\n}\n",
        "arg=--stdio\nX_T=v\n",
    ),
    (
        "comments.yaml",
        "# JSON in a file of YAML\n{\n  // the bot\n  \"secrets\": {\"X_T\": \"local://tok\"},\n  \
         \"target_command\": [\"SHOW\", \"http://x//y\", \"/* z\"]\n}\n",
        "arg=http://x//y\narg=/* z\nX_T=v\n",
    ),
    (
        "braces.yaml",
        "{secrets: {X_T: local://tok}, target_command: [SHOW, 'http://x', don't]} # c\n",
        "arg=http://x\narg=don't\nX_T=v\n",
    ),
    (
        "script.yaml",
        "target_command: [sh, -c, 'echo ${X_A}']\nenv_overrides: {X_A: b}\n",
        "b\n",
    ),
    (
        "wrapper.json",
        r#"{"command": "SHOW", "args": ["${GONE:-x}"], "env": {"X_T": "a"}, "secrets": {"X_S": "local://tok"}}"#,
        "arg=x\nX_S=v\nX_T=a\n",
    ),
];

fn place(name: &str) -> String {
    name.replace('.', "-")
}

#[test]
fn files_as_clients_write_them_start_what_they_say() {
    let home = Home::new();
    let show = show(&home);
    for (name, text, _) in FILES {
        let ending = name.rsplit_once('.').expect("an ending").1;
        let name = format!("{}.{ending}", place(name));
        home.write_service_file(&name, &text.replace("SHOW", &show));
    }
    let _daemon = home.start();
    home.put("tok", "v");
    for (name, _, expected) in FILES {
        let outcome = home.run(&[&place(name)]);
        assert_eq!(outcome.success(), *expected, "{name}: {outcome}");
    }
    let both = home.run(&["both-json"]);
    assert!(
        both.stderr
            .contains("X_T is a secret and in env_overrides; the secret counts"),
        "{both}"
    );
}

#[test]
fn a_comment_in_resolver_yaml_takes_no_policy_away() {
    let rules = "\"rules\": [{\"allow\": [\"status\", \"put\", \"reload\", \"flush\"]}]";
    for text in [
        format!("{{\n  // launches are denied\n  \"policy\": {{{rules}}}\n}}\n"),
        format!("// all\n{{ /* of\nit */ \"policy\": {{ // more\n {rules}, }}, }}\n"),
    ] {
        let home = Home::new();
        home.write_resolver(&text);
        home.write_service("bar", &json!({"target_command": ["true"]}));
        let _daemon = home.start();
        home.run(&["bar"]).refused(3, &["policy denies launch"]);
    }
}

/// What is misread must not mean that everything is allowed.
#[test]
fn a_policy_that_is_misread_refuses_the_whole() {
    for text in [
        "{policy: {rules: []}, // c\n cache: {}}",
        "{\n// c\npolicy: {rules: []}}",
        "Policy: {rules: []}\n",
        "POLICY: {rules: []}\n",
        "polcy: {rules: []}\n",
        "policys: {rules: []}\n",
        "\"policy \": {rules: []}\n",
        "“policy”: {rules: []}\n",
        "// c\npolicy: {rules: []}\n",
        "{\"policy\": {\"rules\": []}, \"policy\": {\"rules\": [{\"allow\": [\"all\"]}]}}",
    ] {
        let home = Home::new();
        let good = home.write_resolver("policy: {rules: [{allow: [status, reload]}]}\n");
        home.write_service("bar", &json!({"target_command": ["true"]}));
        let _daemon = home.start();
        std::fs::write(&good, text).expect("written");
        let reload = home.ctl(&["reload"]);
        reload.refused(2, &[&format!("{}:", good.display())]);
        home.run(&["bar"]).refused(3, &["policy denies launch"]);
    }
}

#[test]
fn the_sample_and_an_empty_file_are_configurations_and_resolver_yml_is_one_too() {
    let sample = include_str!("../../../daemon/vaultd/resolver.sample.yaml");
    for text in [sample, "", "# nothing\n", "{}", "{ // nothing\n}"] {
        let home = Home::new();
        let file = home.write_resolver(text);
        home.write_service("bar", &json!({"target_command": ["true"]}));
        let yml = file.with_extension("yml");
        std::fs::rename(&file, &yml).expect("renamed");
        let _daemon = home.start();
        home.run(&["bar"]).success();
        let explained = home.ctl(&["explain-config"]);
        assert!(
            explained.success().contains(&yml.display().to_string()),
            "{explained}"
        );
        home.write_resolver(text);
        let both = format!("stands beside {}; remove one of them", yml.display());
        home.ctl(&["reload"]).refused(2, &[&both]);
    }
}

#[test]
fn an_empty_command_list_means_the_catalogue() {
    let home = Home::new();
    home.write_service_file("github.json", r#"{"target_command": [], "secrets": {}}"#);
    home.write_service_file("nobody.json", r#"{"target_command": []}"#);
    let _daemon = home.start();
    let services = home.ctl(&["services", "--json"]);
    assert!(
        services.stdout.contains("server-github") || services.stdout.contains("npx is not"),
        "{services}"
    );
    home.run(&["nobody"])
        .refused(2, &["service nobody has no command"]);
}

#[test]
fn a_bare_name_is_read_where_any_environment_says_where_it_is() {
    let home = Home::new();
    let file = home.write_resolver(
        "secrets: {T: t}\nservices: {bar: {command: 'true', secrets: [T]}}\n\
         environments: {p: {vault: {compartment_id: C}}}\n",
    );
    let _daemon = home.start();
    let test = home.run(&["--test", "bar", "--env", "p"]);
    assert!(test.stdout.contains("oci-vault://C/t"), "{test}");
    std::fs::write(&file, "secrets: {T: t}\n").expect("written");
    home.ctl(&["reload"])
        .refused(2, &["secrets.T: a bare name is a secret of OCI Vault"]);
}
