//! What a person sees of an outage.

use serde_json::{Value, json};
use vault_tests::oci::{Fault, Route, Times};
use vault_tests::scan::marked_value;

use super::cloud::Cloud;

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

/// With one service, whose value was fetched once; the breaker opens after two failures.
fn cloud() -> (Cloud, String) {
    let cloud = Cloud::new();
    cloud.configure(&json!({"resilience": {"circuit_breaker_threshold": 2}}));
    let reference = format!("oci-vault://{}", cloud.fake.put("token", marked_value()));
    cloud.service("bar", &reference, &json!({}));
    (cloud, reference)
}

fn fail(cloud: &Cloud, reference: &str, times: usize) {
    let fault = Fault::Status {
        status: 503,
        code: "ServiceUnavailable".to_owned(),
        message: "out of order".to_owned(),
    };
    cloud
        .fake
        .fail(Route::GetSecretBundle, fault, Times::Always);
    for _ in 0..times {
        assert_eq!(cloud.home.ctl(&["refresh", reference]).code, 3);
    }
}

#[test]
fn why_shows_the_line_the_attempts_and_what_comes_next() {
    let (cloud, reference) = cloud();
    let _daemon = cloud.home.start();
    cloud.token("bar");
    let why = || parsed(cloud.home.ctl(&["--json", "why", &reference]).success());
    let before = why();
    let route = &before["routes"][0];
    assert_eq!(
        before["routes"].as_array().map(Vec::len),
        Some(1),
        "{before}"
    );
    let file = cloud.home.configuration("configs/bar.json");
    assert_eq!(
        route["used_by"][0],
        json!({
            "service": "bar", "variable": "TOKEN", "environments": [""],
            "place": format!("{}:1", file.display()),
        })
    );
    assert_eq!(route["breaker"], "closed");
    assert_eq!(route["attempts"][0]["version"], "1");
    assert_eq!(route["held"]["state"], "fresh");
    assert!(
        route["next_attempt_ms"].as_u64() > Some(0),
        "renewed ahead: {route}"
    );

    fail(&cloud, &reference, 2);
    let after = why();
    let route = &after["routes"][0];
    assert_eq!(route["breaker"], "open");
    let attempts = route["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 3, "{after}");
    for failed in &attempts[..2] {
        assert_eq!(failed["error_kind"], "service_unavailable");
        let request_id = failed["request_id"].as_str().unwrap();
        assert!(!request_id.is_empty(), "{failed}");
        assert!(
            failed["error"].as_str().unwrap().contains(request_id),
            "{failed}"
        );
    }
    assert_eq!(attempts[2]["version"], "1");
    assert_eq!(route["would_serve"], "the value held, which is fresh");
    let shown = cloud.home.ctl(&["why", &reference]);
    for words in [
        "open, asks again in",
        "(opc-request-id",
        "version 1, in",
        "/bar.json:1)",
    ] {
        assert!(shown.success().contains(words), "{words:?}: {shown}");
    }
}

#[test]
fn why_tells_each_service_what_it_would_get_itself() {
    let (cloud, reference) = cloud();
    cloud.service("strict", &reference, &json!({"ttl": 0, "max_stale": 0}));
    let _daemon = cloud.home.start();
    cloud.token("bar");
    fail(&cloud, &reference, 2);
    let why = parsed(cloud.home.ctl(&["--json", "why", &reference]).success());
    let routes = why["routes"].as_array().unwrap();
    let serves = |service: &str| {
        let mut routes = routes.iter();
        let own = routes.find(|route| route["used_by"][0]["service"] == service);
        own.expect("a route")["would_serve"].as_str().unwrap()
    };
    assert_eq!(routes.len(), 2, "{why}");
    assert_eq!(serves("bar"), "the value held, which is fresh");
    assert!(serves("strict").starts_with("an error"), "{why}");
}

#[test]
fn metrics_tell_the_same_and_are_openmetrics_whatever_a_path_holds() {
    let (cloud, reference) = cloud();
    let strange = cloud.home.path("a \"quote\" and \\n");
    std::fs::copy(&cloud.credentials.config_file, &strange).unwrap();
    cloud.configure(&json!({
        "vault": {"config_file": strange},
        "resilience": {"circuit_breaker_threshold": 2},
    }));
    let _daemon = cloud.home.start();
    cloud.token("bar");
    cloud.token("bar");
    fail(&cloud, &reference, 2);
    let file = cloud.home.path("vaultd.prom");
    let path = file.to_str().unwrap();
    cloud.home.ctl(&["metrics", "--textfile", path]).success();
    let text = std::fs::read_to_string(&file).unwrap();
    let config = strange.to_str().unwrap();
    let config = config.replace('\\', r"\\").replace('"', r#"\""#);
    let of_oci = |name: &str| format!("vaultd_{name}{{backend=\"oci\",scope=\"");
    for (begin, end) in [
        (of_oci("secrets_fetched_total"), " 1"),
        (of_oci("retries_total"), " 0"),
        (of_oci("circuit_breaker_opens_total"), " 1"),
        (of_oci("backend_failures_total"), " 2"),
        (of_oci("breaker_state"), "state=\"open\"} 1"),
        (of_oci("breaker_state"), "state=\"closed\"} 0"),
        (of_oci("fetch_duration_seconds_count"), " 3"),
    ] {
        let is_it = |line: &&str| line.starts_with(&begin) && line.ends_with(end);
        let line = text.lines().find(is_it);
        let line = line.unwrap_or_else(|| panic!("no {begin} …{end}: {text}"));
        assert!(line.contains(&config), "{line}");
    }
    for line in [
        "vaultd_values_held{state=\"fresh\"} 1",
        "vaultd_oldest_stale_age_seconds 0",
        "vaultd_healthy 0",
        "vaultd_stale_cache_used_total 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    assert!(text.ends_with("# EOF\n"), "{text}");
    let all = r#"vaultd_hit_duration_seconds_bucket{le="+Inf"} "#;
    assert!(text.contains(all), "{text}");
    assert!(!text.contains(&reference), "metrics name no secret");
}

#[test]
fn an_outage_is_in_status_and_its_end_is_a_persons_word_or_the_next_probe() {
    let (cloud, reference) = cloud();
    let daemon = cloud.home.start();
    cloud.token("bar");
    daemon.status_line("serving 1 services, configuration 1; 1 values fresh, 0 stale");
    fail(&cloud, &reference, 2);
    let line =
        daemon.status_line("serving 1 services, configuration 1; 1 values fresh, 0 stale; 1");
    assert!(line.ends_with("; 1 breakers open"), "{line}");
    let status = cloud.home.ctl(&["status"]);
    assert_eq!(status.code, 2, "{status}");
    for words in ["oci ", "open, asks again in", "    profile DEFAULT of"] {
        assert!(status.stdout.contains(words), "{words:?}: {status}");
    }
    let reset = |arguments: &[&str]| cloud.home.ctl(&[&["breaker", "reset"], arguments].concat());
    reset(&["oci", "nobody"]).refused(2, &["no backend has such a scope"]);
    reset(&["local", "profile DEFAULT"]).refused(2, &["no backend has such a scope"]);
    assert_eq!(reset(&["local"]).success(), "all were closed already\n");
    cloud.fake.heal();
    assert_eq!(
        reset(&["oci", "profile DEFAULT"]).success(),
        "1 breaker closed\n"
    );
    cloud.home.ctl(&["refresh", &reference]).success();
    assert_eq!(cloud.home.ctl(&["status"]).code, 0);
    let line = daemon.status_line("serving");
    assert!(
        !line.contains("token") && !line.contains("oci-vault"),
        "{line}"
    );
}
