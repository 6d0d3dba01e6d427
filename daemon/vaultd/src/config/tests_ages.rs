//! Each secret is as fresh as its own entry, its service or the file says.

use std::time::Duration;

use super::compat_cases::{Home, inputs};
use super::document::ConfigError;
use crate::cache::freshness::{Ahead, Freshness};
use crate::refresher::{Plan, Start};
use crate::setup::Setup;

fn read(file: &str) -> Result<Setup, ConfigError> {
    let home = Home::new();
    home.write("user/resolver.yaml", file);
    let none = serde_json::json!({"files": {}, "explicit_config": false});
    let config = home.load(&none, &inputs(&serde_json::Value::Null));
    config.map(|config| config.setup)
}

fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

/// How fresh each planned secret is to be, by its reference.
fn planned(file: &str) -> Vec<(String, Freshness)> {
    let plan = Plan::of(&read(file).unwrap(), Start::Session);
    let items = plan.items.into_iter();
    items.map(|item| (item.reference, item.freshness)).collect()
}

#[test]
fn an_entry_comes_before_its_service_and_a_service_before_the_file() {
    let file = "cache: {ttl: 100, max_stale: 1000, refresh_ahead: 0.5}\n\
                secrets:\n  A: local://a\n  B: {secret_name: local://b, ttl: 20}\n  \
                C: {secret_name: local://c, max_stale: 300, refresh_ahead: 30}\n\
                services:\n  s: {command: env, ttl: 50, refresh_ahead: 0}\n";
    let planned = planned(file);
    let all = |ttl, max_stale, refresh_ahead| Freshness {
        ttl: seconds(ttl),
        max_stale: seconds(max_stale),
        stale_fallback: true,
        refresh_ahead,
    };
    let expected = [
        ("local://a", all(50, 1000, Ahead::Never)),
        ("local://b", all(20, 1000, Ahead::Never)),
        ("local://c", all(50, 300, Ahead::Before(seconds(30)))),
    ];
    let expected = expected.map(|(name, freshness)| (name.to_owned(), freshness));
    assert_eq!(planned, expected);
    let setup = read(file).unwrap();
    let around = setup.base.freshness.refresh_ahead;
    assert_eq!(around, Ahead::AtThousandths(500));
}

#[test]
fn a_ttl_that_outlasts_its_bound_is_refused_wherever_the_two_meet() {
    for (file, expected) in [
        (
            "cache: {max_stale: 5000}\nservices: {s: {command: env, ttl: 6000}}\n",
            "services.s.ttl: the ttl (6000 s) is longer than cache.max_stale (5000 s)",
        ),
        (
            "services: {s: {command: env, max_stale: 60}}\n",
            "services.s.max_stale: the ttl (3600 s) is longer than max_stale (60 s)",
        ),
        (
            "secrets: {A: {secret_name: local://a, ttl: 60, max_stale: 59}}\n",
            "A: the ttl (60 s) is longer than its max_stale (59 s)",
        ),
        (
            "cache: {max_stale: 5000}\nsecrets: {A: {secret_name: local://a, max_stale: 4000}}\n\
             services: {s: {command: env, ttl: 4500}}\n",
            "services.s: A: the ttl (4500 s) is longer than its max_stale (4000 s)",
        ),
        ("cache: {refresh_ahead: soon}\n", "cache.refresh_ahead"),
    ] {
        let refused = match read(file) {
            Err(error) => error.to_string(),
            Ok(setup) => setup.base.refused["s"].reason.clone(),
        };
        assert!(refused.contains(expected), "{refused}");
    }
}

#[test]
fn what_any_service_gets_in_any_environment_is_planned_once() {
    let file = "secrets: {A: local://a}\n\
                services:\n  one: {command: env}\n  two:\n    command: env\n    ttl: 60\n    \
                secrets:\n      A: local://a\n      \
                B: {environment: {staging: local://b}}\n      \
                C: {secret_name: local://c, version: {staging: 3}}\n\
                environments:\n  production:\n    secrets: {A: local://prod}\n";
    let mut planned = planned(file);
    planned.sort_by(|left, right| left.0.cmp(&right.0));
    let ttl = |(name, freshness): (String, Freshness)| (name, freshness.ttl.as_secs());
    let planned: Vec<_> = planned.into_iter().map(ttl).collect();
    let planned: Vec<_> = planned
        .iter()
        .map(|(name, ttl)| (name.as_str(), *ttl))
        .collect();
    assert_eq!(
        planned,
        [
            ("local://a", 60),
            ("local://b", 60),
            ("local://c?version=3", 60),
            ("local://prod", 3600),
        ],
        "the shorter ttl counts"
    );
}

#[test]
fn a_plan_has_an_end() {
    use std::fmt::Write;
    let mut file = String::from("services: {s: {command: env}}\nsecrets:\n");
    for number in 0..600 {
        let _ = writeln!(file, "  A{number}: local://a{number}");
    }
    assert_eq!(planned(&file).len(), 512);
}
