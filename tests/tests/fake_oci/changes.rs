//! Changes that the fake makes, and those that it refuses.

use serde_json::{Value, json};
use vault_tests::oci::{COMPARTMENT, ENCRYPTION_KEY, FakeOci, State, VAULT};

use crate::signer::Signer;
use crate::wire::Answer;

const SECRETS: &str = "/20180608/secrets";

fn details(name: &str) -> Value {
    json!({
        "compartmentId": COMPARTMENT, "keyId": ENCRYPTION_KEY, "vaultId": VAULT,
        "secretName": name, "description": "words", "freeformTags": {"a": "b"},
        "secretContent": {"contentType": "BASE64", "content": "b25l"},
    })
}

fn value(fake: &FakeOci, id: &str) -> Value {
    let answer = Signer::person().get(fake, &format!("/20190301/secretbundles/{id}"));
    answer.json()["secretBundleContent"]["content"].clone()
}

fn put(fake: &FakeOci, id: &str, body: &Value, etag: Option<&str>) -> Answer {
    let headers: Vec<(&str, &str)> = etag.iter().map(|etag| ("if-match", *etag)).collect();
    Signer::person().send(fake, "PUT", &format!("{SECRETS}/{id}"), body, &headers)
}

fn act(fake: &FakeOci, path: &str, body: &Value) -> Answer {
    Signer::person().post(fake, &format!("{SECRETS}/{path}"), body)
}

#[test]
fn a_secret_is_made_with_a_value() {
    let fake = FakeOci::start();
    let answer = Signer::person().post(&fake, SECRETS, &details("db"));
    assert_eq!(answer.status, 200);
    assert!(answer.header("etag").is_some());
    let secret = answer.json();
    assert_eq!(secret["currentVersionNumber"], 1);
    assert_eq!(secret["description"], "words");
    assert_eq!(secret["freeformTags"], json!({"a": "b"}));
    assert_eq!(value(&fake, secret["id"].as_str().unwrap()), "b25l");
}

#[test]
fn what_is_missing_wrong_or_taken_makes_no_secret() {
    let fake = FakeOci::start();
    fake.put("taken", "value");
    let with = |name: &str, value: Value| {
        let mut details = details("db");
        details[name] = value;
        details
    };
    for (body, code) in [
        (with("vaultId", Value::Null), "MissingParameter"),
        (with("keyId", Value::Null), "MissingParameter"),
        (with("compartmentId", Value::Null), "MissingParameter"),
        (with("secretName", Value::Null), "MissingParameter"),
        (with("secretContent", Value::Null), "MissingParameter"),
        (with("secretName", "a/b".into()), "InvalidParameter"),
        (with("secretName", "taken".into()), "InvalidParameter"),
        (
            with(
                "secretContent",
                json!({"contentType": "BASE64", "content": "%"}),
            ),
            "InvalidParameter",
        ),
        (
            with(
                "secretContent",
                json!({"contentType": "TEXT", "content": ""}),
            ),
            "InvalidParameter",
        ),
        (json!([]), "CannotParseRequest"),
    ] {
        let (status, word, _) = Signer::person().post(&fake, SECRETS, &body).error();
        assert_eq!((status, word.as_str()), (400, code), "{body}");
    }
    let taken = Signer::person().post(&fake, SECRETS, &details("taken"));
    assert_eq!(taken.error().2, "name already exists");
    assert_eq!(fake.with(|world| world.secrets.iter().count()), 1);
}

#[test]
fn a_secret_needs_a_key_of_its_vault_that_is_in_use() {
    let fake = FakeOci::start();
    fake.with(|world| {
        let vaults = &mut world.vaults;
        "DISABLED".clone_into(&mut vaults.add_key("disabled").state);
        "RSA".clone_into(&mut vaults.add_key("rsa").algorithm);
        "elsewhere".clone_into(&mut vaults.add_key("elsewhere").vault);
    });
    for (key, status) in [
        ("disabled", 409),
        ("rsa", 400),
        ("elsewhere", 404),
        ("none", 404),
    ] {
        let mut details = details("db");
        details["keyId"] = key.into();
        let answer = Signer::person().post(&fake, SECRETS, &details);
        assert_eq!(answer.status, status, "{key}");
    }
    let made = Signer::person().post(&fake, SECRETS, &details("db"));
    assert_eq!(made.status, 200);
}

#[test]
fn a_retry_makes_one_secret_and_its_token_is_good_for_nothing_else() {
    let fake = FakeOci::start();
    let create = |name: &str, token: &str| {
        let headers = [("opc-retry-token", token)];
        Signer::person().send(&fake, "POST", SECRETS, &details(name), &headers)
    };
    let first = create("db", "token").json()["id"].clone();
    assert_eq!(create("db", "token").json()["id"], first);
    assert_eq!(create("other", "token").error().1, "InvalidatedRetryToken");
    assert_eq!(create("db", "another").error().2, "name already exists");
}

#[test]
fn a_new_value_is_current_or_waits() {
    let fake = FakeOci::start();
    let id = fake.put("db", "one");
    let content = |stage: &str| json!({"secretContent": {"contentType": "BASE64", "content": "dHdv", "stage": stage}});
    let pending = put(&fake, &id, &content("PENDING"), None).json();
    assert_eq!(pending["currentVersionNumber"], 1);
    let current = put(&fake, &id, &content("CURRENT"), None).json();
    assert_eq!(current["currentVersionNumber"], 3);
    assert_eq!(value(&fake, &id), "dHdv");
    let promoted = put(&fake, &id, &json!({"currentVersionNumber": 1}), None).json();
    assert_eq!(promoted["currentVersionNumber"], 1);
    assert_eq!(value(&fake, &id), "b25l");
    let stages =
        [1, 2, 3].map(|number| fake.with(|world| world.secrets.secret(&id).stages(number)));
    assert_eq!(
        stages,
        [vec!["CURRENT"], vec!["PENDING"], vec!["LATEST", "PREVIOUS"]]
    );
}

#[test]
fn a_change_that_contradicts_itself_or_another_is_refused() {
    let fake = FakeOci::start();
    let id = fake.put("db", "one");
    let content = json!({"contentType": "BASE64", "content": "dHdv", "name": "v"});
    let body = json!({"secretContent": content, "currentVersionNumber": 1});
    assert_eq!(put(&fake, &id, &body, None).error().1, "InvalidParameter");
    let body = json!({"currentVersionNumber": 7});
    assert_eq!(put(&fake, &id, &body, None).status, 404);
    let etag = Signer::person().get(&fake, &format!("{SECRETS}/{id}"));
    let etag = etag.header("etag").unwrap();
    let body = json!({"secretContent": content});
    let answer = put(&fake, &id, &body, Some(etag));
    assert_eq!(answer.status, 200);
    assert_ne!(answer.header("etag"), Some(etag));
    assert_eq!(put(&fake, &id, &body, Some(etag)).error().1, "NoEtagMatch");
    assert_eq!(
        put(&fake, &id, &body, None).error().2,
        "name already exists"
    );
    fake.with(|world| world.secrets.secret(&id).state = State::Updating);
    assert_eq!(
        put(&fake, &id, &json!({}), None).error().1,
        "IncorrectState"
    );
}

#[test]
fn a_secret_can_be_deleted_and_had_back_and_its_name_stays_taken() {
    let fake = FakeOci::start();
    let id = fake.put("db", "one");
    let gone = act(&fake, &format!("{id}/actions/scheduleDeletion"), &json!({}));
    assert_eq!((gone.status, gone.body.len()), (200, 0));
    let described = Signer::person()
        .get(&fake, &format!("{SECRETS}/{id}"))
        .json();
    assert_eq!(described["lifecycleState"], "PENDING_DELETION");
    assert!(described["timeOfDeletion"].is_string());
    let again = act(&fake, &format!("{id}/actions/scheduleDeletion"), &json!({}));
    assert_eq!(again.error().1, "IncorrectState");
    let taken = Signer::person().post(&fake, SECRETS, &details("db"));
    assert_eq!(taken.error().2, "name already exists");
    assert_eq!(
        act(&fake, &format!("{id}/actions/cancelDeletion"), &Value::Null).status,
        200
    );
    assert_eq!(value(&fake, &id), "b25l");
    let again = act(&fake, &format!("{id}/actions/cancelDeletion"), &Value::Null);
    assert_eq!(again.error().1, "IncorrectState");
}

#[test]
fn only_a_version_that_nobody_uses_can_be_deleted() {
    let fake = FakeOci::start();
    for value in ["one", "two"] {
        fake.put("db", value);
    }
    let id = fake.put("db", "three");
    let time = json!({"timeOfDeletion": "2030-01-01T00:00:00.000Z"});
    let schedule = |number: u64| {
        act(
            &fake,
            &format!("{id}/version/{number}/actions/scheduleDeletion"),
            &time,
        )
    };
    for number in [2, 3] {
        assert_eq!(schedule(number).error().1, "IncorrectState");
    }
    assert_eq!(schedule(9).status, 404);
    assert_eq!(schedule(1).status, 200);
    let person = Signer::person();
    let version = person
        .get(&fake, &format!("{SECRETS}/{id}/version/1"))
        .json();
    assert_eq!(version["timeOfDeletion"], time["timeOfDeletion"]);
    let bundle = format!("/20190301/secretbundles/{id}?versionNumber=1");
    assert_eq!(person.get(&fake, &bundle).status, 404);
    let cancel = act(
        &fake,
        &format!("{id}/version/1/actions/cancelDeletion"),
        &Value::Null,
    );
    assert_eq!(cancel.status, 200);
    assert_eq!(person.get(&fake, &bundle).status, 200);
}
