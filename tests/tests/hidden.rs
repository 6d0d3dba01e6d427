//! Whoever may see some secrets learns nothing of the others.

use serde_json::json;
use tonic::Code;
use vault_proto::generated::{
    ExplainConfigRequest, FlushRequest, ListRequest, RefreshRequest, StatusRequest, WatchRequest,
    WhyRequest,
};
use vault_proto::kinds;
use vault_tests::harness::Home;
use vault_tests::rpc::{Rpc, kind_of};

const HIDDEN: &str = "local://hidden";

/// A home whose policy hides one of two secrets from looks and upkeep; both are held.
fn prepared() -> Home {
    let home = Home::new();
    let content = json!({
        "secrets": {"OPEN": "local://open", "HIDDEN": "local://hidden"}, "target_command": ["env"]
    });
    home.write_service("bar", &content);
    home.write_service(
        "private",
        &json!({"secrets": {"T": "local://hidden"}, "target_command": ["env"]}),
    );
    home.write_resolver(
        "secrets: {SHARED: \"local://hidden\"}\npolicy:\n  rules:\n    - deny: [status, list, watch, flush, refresh]\n      \
         references: [\"local://hidden\"]\n    \
         - deny: [list, status, explain]\n      services: [private]\n    - allow: [default]\n",
    );
    home
}

fn hold_both(home: &Home) {
    home.put("open", "v");
    home.put("hidden", "w");
    home.run(&["bar"]).success();
}

#[tokio::test]
async fn what_is_listed_leaves_out_what_policy_hides() {
    let home = prepared();
    let _daemon = home.start();
    hold_both(&home);
    let mut rpc = Rpc::connect(&home.socket()).await;
    let list = rpc.admin.list(ListRequest {}).await.expect("a list");
    let list = list.into_inner();
    let stored: Vec<_> = list
        .secrets
        .iter()
        .map(|secret| &secret.reference)
        .collect();
    assert_eq!(stored, ["local://open"]);
    let [bar] = list.services.as_slice() else {
        panic!("only the service that may be seen: {:?}", list.services)
    };
    assert_eq!(bar.name, "bar");
    let mut of_bar: Vec<_> = bar.secrets.iter().map(|secret| &secret.reference).collect();
    of_bar.sort_unstable();
    assert_eq!(of_bar, ["", "local://open"]);
    let status = rpc.admin.status(StatusRequest {}).await.expect("status");
    let status = status.into_inner();
    let held: Vec<_> = status.secrets.iter().map(|held| &held.reference).collect();
    assert_eq!(held, ["local://open"]);
    assert!(status.healthy, "{status:?}");
}

#[test]
fn a_service_that_is_not_there_is_no_way_to_learn_of_others() {
    let home = prepared();
    let daemon = home.start();
    let refusal = home.run(&["nobody"]);
    refusal.refused(
        2,
        &["Service config not found: nobody", "configured are: bar"],
    );
    assert!(!refusal.stderr.contains("private"), "{refusal}");
    home.write_resolver("policy: {rules: [{allow: [launch]}]}\n");
    daemon.reload();
    let refusal = home.run(&["nobody"]);
    refusal.refused(2, &["Service config not found: nobody"]);
    assert!(!refusal.stderr.contains("configured"), "{refusal}");
}

#[tokio::test]
async fn what_is_explained_leaves_out_what_policy_hides() {
    let home = prepared();
    let _daemon = home.start();
    let mut rpc = Rpc::connect(&home.socket()).await;
    let request = ExplainConfigRequest::default();
    let settings = rpc.admin.explain_config(request).await.expect("settings");
    let settings = settings.into_inner().settings;
    let value = |key: &str| {
        let setting = settings.iter().find(|setting| setting.key == key);
        setting.map(|setting| setting.value.as_str())
    };
    assert_eq!(value("services.bar.secrets.OPEN"), Some("local://open"));
    assert_eq!(
        value("services.bar.secrets.HIDDEN"),
        Some("(hidden by policy)")
    );
    assert_eq!(value("secrets.SHARED"), Some("(hidden by policy)"));
    assert_eq!(value("services.private.secrets.T"), None);
    let request = WhyRequest {
        reference: HIDDEN.to_owned(),
    };
    let why = rpc.admin.why(request).await.expect("an explanation");
    let routes = why.into_inner().routes;
    let used_by: Vec<_> = routes.iter().flat_map(|route| &route.used_by).collect();
    assert!(
        used_by
            .iter()
            .any(|user| (user.service.as_str(), user.variable.as_str()) == ("bar", "HIDDEN"))
    );
    assert!(!used_by.iter().any(|user| user.service == "private"));
}

#[tokio::test]
async fn upkeep_of_everything_leaves_alone_what_policy_hides() {
    let home = prepared();
    let _daemon = home.start();
    hold_both(&home);
    let mut rpc = Rpc::connect(&home.socket()).await;
    let refreshed = rpc.admin.refresh(RefreshRequest::default()).await;
    let refreshed = refreshed.expect("a refresh").into_inner().secrets;
    let names: Vec<_> = refreshed.iter().map(|secret| &secret.reference).collect();
    assert_eq!(names, ["local://open"]);
    let before = home.local_calls();
    let flushed = rpc.admin.flush(FlushRequest::default()).await;
    assert_eq!(flushed.expect("a flush").into_inner().flushed, 1);
    home.run(&["bar"]).success();
    assert_eq!(
        home.local_calls(),
        before + 1,
        "the hidden one is still held"
    );
    let named = FlushRequest {
        reference: format!("{HIDDEN}?stage=CURRENT"),
    };
    let refusal = rpc.admin.flush(named).await.expect_err("denied");
    assert_eq!(kind_of(&refusal), kinds::DENIED);
}

#[tokio::test]
async fn a_watcher_hears_nothing_of_what_policy_hides() {
    let home = prepared();
    let daemon = home.start();
    let mut rpc = Rpc::connect(&home.socket()).await;
    let named = WatchRequest {
        references: vec![HIDDEN.to_owned()],
    };
    let refusal = rpc.secrets.watch(named).await.expect_err("denied");
    assert_eq!(refusal.code(), Code::PermissionDenied);
    let all = rpc.secrets.watch(WatchRequest::default()).await;
    let mut all = all.expect("a stream").into_inner();
    hold_both(&home);
    home.put("hidden", "x");
    home.put("last", "y");
    home.run(&["bar"]).success();
    let first = all.message().await.expect("a stream").expect("an event");
    assert_eq!(first.reference, "local://open", "put, then asked for");
    home.put("open", "z");
    let second = all.message().await.expect("a stream").expect("an event");
    assert_eq!(second.reference, "local://open");
    // The policy in force now counts, not the one the watch began under.
    home.write_resolver("policy: {rules: [{deny: [watch]}, {allow: [default]}]}\n");
    daemon.reload();
    home.put("open", "unseen");
    assert!(daemon.terminate().success());
    let rest = all.message().await;
    assert!(!matches!(rest, Ok(Some(_))), "{rest:?}");
}
