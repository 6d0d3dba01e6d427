//! Which values outlive a restart, and when.

use std::time::Duration;

use super::compat_cases::{Home, inputs};
use super::document::ConfigError;
use crate::setup::Setup;
use crate::snapshot::Persist;

fn setup(text: &str) -> Result<Setup, ConfigError> {
    let home = Home::new();
    home.write("user/resolver.yaml", text);
    let none = serde_json::json!({"files": {}, "explicit_config": false});
    let loaded = home.load(&none, &inputs(&serde_json::Value::Null));
    loaded.map(|config| config.setup)
}

#[test]
fn values_are_kept_only_where_a_person_asks_for_it() {
    let table = [
        ("cache: {ttl: 60}", Persist::Off),
        ("cache: {persist: off}", Persist::Off),
        ("cache: {persist: false}", Persist::Off),
        ("cache: {persist: sealed}", Persist::Sealed),
        ("cache: {persist: \"sealed\"}", Persist::Sealed),
    ];
    for (text, expected) in table {
        assert_eq!(setup(text).unwrap().persist, expected, "{text}");
    }
    for wrong in ["true", "plain", "''", "[sealed]"] {
        let refused = setup(&format!("cache: {{persist: {wrong}}}\n"));
        let error = refused.unwrap_err().to_string();
        assert!(error.contains("cache.persist"), "{wrong}: {error}");
    }
}

#[test]
fn an_environment_cannot_say_otherwise() {
    let below = "environments: {prod: {cache: {persist: off}}}\ncache: {persist: sealed}\n";
    let error = setup(below).unwrap_err().to_string();
    assert!(
        error.contains("persist") && error.contains("all environments"),
        "{error}"
    );
}

#[test]
fn the_longest_bound_of_all_counts_and_the_scopes_are_those_of_now() {
    let text = "cache: {max_stale: 7200, persist: sealed}\nsecrets: {A: oci-vault://a, B: oci-vault://b}\n\
                services: {s: {command: env, max_stale: 7300, \
                secrets: {A: {secret_name: oci-vault://a, max_stale: 9000}}}}\n\
                environments: {p: {cache: {max_stale: 8000}, vault: {config_profile: P}}}\n";
    let setup = setup(text).unwrap();
    let kept = setup.kept();
    assert_eq!(kept.longest, Duration::from_mins(150));
    assert_eq!(kept.persist, Persist::Sealed);
    assert_eq!(kept.keys, setup.keys());
    assert_eq!(kept.keys.len(), 2);
}

#[test]
fn without_a_stale_fallback_nothing_is_kept_longer_than_it_is_fresh() {
    let text = "cache: {ttl: 600, enable_stale_fallback: false, persist: sealed}\n";
    let kept = setup(text).unwrap().kept();
    assert_eq!(kept.longest, Duration::from_mins(10));
}
