//! Reads of the fake's secrets.

use serde_json::{Value, json};
use vault_tests::oci::{COMPARTMENT, ENCRYPTION_KEY, FakeOci, Paging, Route, State, VAULT};

use crate::signer::Signer;
use crate::wire::Raw;

/// A fake with one secret of three versions, and its id.
fn with_versions() -> (FakeOci, String) {
    let fake = FakeOci::start();
    for value in ["one", "two", "three"] {
        fake.put("name", value);
    }
    let id = fake.put("name", "four");
    fake.with(|world| {
        let secret = world.secrets.secret(&id);
        secret.promote(2);
        let added = secret.add(b"five".to_vec(), Some("fifth".to_owned()), 1_767_648_700);
        secret.pending = Some(added);
    });
    (fake, id)
}

#[test]
fn a_value_is_found_by_each_way_to_choose_a_version() {
    let (fake, id) = with_versions();
    let person = Signer::person();
    for (query, number, value, stages) in [
        ("", 2, "dHdv", json!(["CURRENT"])),
        ("?stage=CURRENT", 2, "dHdv", json!(["CURRENT"])),
        ("?stage=PREVIOUS", 4, "Zm91cg==", json!(["PREVIOUS"])),
        (
            "?stage=PENDING",
            5,
            "Zml2ZQ==",
            json!(["PENDING", "LATEST"]),
        ),
        ("?stage=LATEST", 5, "Zml2ZQ==", json!(["PENDING", "LATEST"])),
        ("?versionNumber=1", 1, "b25l", json!(["DEPRECATED"])),
        (
            "?secretVersionName=fifth",
            5,
            "Zml2ZQ==",
            json!(["PENDING", "LATEST"]),
        ),
    ] {
        let answer = person.get(&fake, &format!("/20190301/secretbundles/{id}{query}"));
        assert_eq!(answer.status, 200, "{query}");
        assert!(answer.header("etag").is_some());
        let bundle = answer.json();
        let content = json!({"contentType": "BASE64", "content": value});
        assert_eq!(bundle["secretId"], id.as_str());
        assert_eq!(bundle["versionNumber"], number, "{query}");
        assert_eq!(bundle["secretBundleContent"], content, "{query}");
        assert_eq!(bundle["stages"], stages, "{query}");
    }
    let bundle = person
        .get(&fake, &format!("/20190301/secretbundles/{id}?stage=LATEST"))
        .json();
    assert_eq!(bundle["timeCreated"], "2026-01-05T21:31:40.000Z");
    assert_eq!(bundle["versionName"], "fifth");
    assert_eq!(bundle["timeOfExpiry"], Value::Null);
}

#[test]
fn what_is_not_there_and_what_is_asked_wrongly_are_refused() {
    let (fake, id) = with_versions();
    let person = Signer::person();
    for (query, status, code) in [
        ("?versionNumber=9", 404, "NotAuthorizedOrNotFound"),
        ("?secretVersionName=FIFTH", 404, "NotAuthorizedOrNotFound"),
        ("?versionNumber=one", 400, "InvalidParameter"),
        ("?stage=NEWEST", 400, "InvalidParameter"),
        ("?stage=CURRENT&versionNumber=2", 400, "InvalidParameter"),
    ] {
        let answer = person.get(&fake, &format!("/20190301/secretbundles/{id}{query}"));
        let (refused, word, _) = answer.error();
        assert_eq!((refused, word.as_str()), (status, code), "{query}");
    }
    let answer = person.get(
        &fake,
        "/20190301/secretbundles/ocid1.vaultsecret.oc1..other",
    );
    assert_eq!(answer.status, 404);
}

#[test]
fn by_name_is_a_post_without_a_body_and_without_an_etag() {
    let (fake, id) = with_versions();
    let person = Signer::person();
    let target = |name: &str, vault: &str| {
        format!("/20190301/secretbundles/actions/getByName?secretName={name}&vaultId={vault}")
    };
    let post = |target: &str| person.post(&fake, target, &Value::Null);
    let answer = post(&target("name", VAULT));
    assert_eq!(answer.json()["secretId"], id.as_str());
    assert_eq!(answer.json()["versionNumber"], 2);
    assert!(answer.header("etag").is_none());
    let answer = post(&format!("{}&stage=PREVIOUS", target("name", VAULT)));
    assert_eq!(answer.json()["versionNumber"], 4);
    assert_eq!(post(&target("Name", VAULT)).status, 404);
    assert_eq!(post(&target("name", "ocid1.vault.oc1..other")).status, 404);
    assert_eq!(post(&target("", VAULT)).error().1, "MissingParameter");
    assert_eq!(fake.calls(Route::GetSecretBundleByName), 5);
    let seen = fake.with(|world| world.journal.seen()[0].clone());
    assert_eq!((seen.status, seen.method.as_str()), (Some(200), "POST"));
    assert_eq!(seen.headers["content-length"], "0");
}

#[test]
fn a_secret_that_is_going_or_blocked_cannot_be_read() {
    let (fake, id) = with_versions();
    let read = || Signer::person().get(&fake, &format!("/20190301/secretbundles/{id}"));
    fake.with(|world| world.secrets.secret(&id).state = State::PendingDeletion);
    assert_eq!(read().status, 404);
    fake.with(|world| {
        let secret = world.secrets.secret(&id);
        secret.state = State::Active;
        secret.blocked_from = Some(world.clock.now());
    });
    assert_eq!(read().error().1, "IncorrectState");
    fake.with(|world| {
        world.secrets.secret(&id).blocked_from = None;
        "DISABLED".clone_into(&mut world.vaults.key(ENCRYPTION_KEY).state);
    });
    assert_eq!(read().error().1, "IncorrectState");
    for state in State::ALL {
        fake.with(|world| {
            world.secrets.secret(&id).state = state;
            "ENABLED".clone_into(&mut world.vaults.key(ENCRYPTION_KEY).state);
        });
        let expected = match state {
            State::Active | State::Updating => 200,
            _ => 404,
        };
        assert_eq!(read().status, expected, "{state:?}");
    }
}

#[test]
fn a_version_says_when_it_ends_being_good() {
    let (fake, id) = with_versions();
    fake.with(|world| {
        let secret = world.secrets.secret(&id);
        let current = secret.current;
        let mut versions = secret.versions.iter_mut();
        let version = versions.find(|version| version.number == current);
        version.unwrap().expiry = Some(1_767_648_700);
    });
    let person = Signer::person();
    let time = "2026-01-05T21:31:40.000Z";
    for (target, part) in [
        (format!("/20190301/secretbundles/{id}"), "timeOfExpiry"),
        (
            format!("/20180608/secrets/{id}"),
            "timeOfCurrentVersionExpiry",
        ),
        (
            format!("/20180608/secrets/{id}/version/2"),
            "timeOfCurrentVersionExpiry",
        ),
    ] {
        assert_eq!(person.get(&fake, &target).json()[part], time, "{target}");
    }
}

#[test]
fn keys_and_vaults_are_listed_in_pages_and_described() {
    let fake = FakeOci::start();
    fake.with(|world| {
        for id in ["b", "c"] {
            world.vaults.add_key(id).name = format!("key {id}");
        }
        "RSA".clone_into(&mut world.vaults.key("c").algorithm);
        world.secrets.paging = Paging {
            page_size: 1,
            has_empty_pages: true,
        };
    });
    let list = |what: &str, query: &str| {
        let target = format!("/20180608/{what}?compartmentId={COMPARTMENT}{query}");
        let (items, _) = whole(&fake, &target);
        let ids = items.iter().map(|item| item["id"].as_str().unwrap());
        ids.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(list("keys", ""), ["c", "b", ENCRYPTION_KEY]);
    assert_eq!(list("keys", "&algorithm=AES"), ["b", ENCRYPTION_KEY]);
    assert_eq!(
        list("keys", "&sortBy=DISPLAYNAME"),
        [ENCRYPTION_KEY, "b", "c"]
    );
    assert_eq!(list("vaults", ""), [VAULT]);
    let person = Signer::person();
    let key = person.get(&fake, "/20180608/keys/c").json();
    assert_eq!(key["displayName"], "key c");
    assert_eq!(key["lifecycleState"], "ENABLED");
    assert_eq!(key["vaultId"], VAULT);
    assert_eq!(key["keyShape"]["algorithm"], "RSA");
    assert!(key["currentKeyVersion"].is_string());
    let vault = person.get(&fake, &format!("/20180608/vaults/{VAULT}"));
    assert_eq!(vault.json()["managementEndpoint"], fake.https_url());
    for target in ["keys/none", "vaults/none"] {
        assert_eq!(
            person.get(&fake, &format!("/20180608/{target}")).status,
            404
        );
    }
    assert_eq!(
        person.get(&fake, "/20180608/keys").error().1,
        "MissingParameter"
    );
    assert_eq!(fake.calls(Route::GetKey), 2);
    assert_eq!(Raw::new("GET", "/20180608/keys").to(&fake).status, 401);
}

#[test]
fn what_is_not_set_can_be_null_or_left_out() {
    let (fake, id) = with_versions();
    let read = || {
        Signer::person()
            .get(&fake, &format!("/20190301/secretbundles/{id}"))
            .json()
    };
    assert!(read().as_object().unwrap().contains_key("timeOfExpiry"));
    fake.with(|world| world.secrets.leaves_nulls_out = true);
    assert!(!read().as_object().unwrap().contains_key("timeOfExpiry"));
    assert_eq!(read()["versionNumber"], 2);
}

/// All items of a list, whatever its pages.
fn whole(fake: &FakeOci, target: &str) -> (Vec<Value>, usize) {
    let (mut items, mut pages, mut page) = (Vec::new(), 0, String::new());
    loop {
        let answer = Signer::person().get(fake, &format!("{target}{page}"));
        let Value::Array(part) = answer.json() else {
            panic!("no list: {answer:?}");
        };
        items.extend(part);
        pages += 1;
        let Some(next) = answer.header("opc-next-page") else {
            return (items, pages);
        };
        let next = next
            .replace('+', "%2B")
            .replace('/', "%2F")
            .replace('=', "%3D");
        page = format!("&page={next}");
    }
}

#[test]
fn lists_come_in_pages_some_of_them_short_or_empty() {
    let fake = FakeOci::start();
    for name in ["b", "c", "a", "e", "d"] {
        fake.put(name, "value");
    }
    let target = format!("/20180608/secrets?compartmentId={COMPARTMENT}&limit=3&sortBy=NAME");
    for (page_size, has_empty_pages, pages) in [(9, false, 2), (2, false, 3), (2, true, 6)] {
        fake.with(|world| {
            world.secrets.paging = Paging {
                page_size,
                has_empty_pages,
            };
        });
        let (items, count) = whole(&fake, &target);
        let names: Vec<&str> = items
            .iter()
            .map(|item| item["secretName"].as_str().unwrap())
            .collect();
        assert_eq!((names.join(""), count), ("abcde".to_owned(), pages));
    }
    let answer = Signer::person().get(&fake, &format!("{target}&page=other"));
    assert_eq!(answer.error().1, "InvalidParameter");
}

#[test]
fn lists_hold_what_was_asked_for() {
    let fake = FakeOci::start();
    let (first, second) = (fake.put("first", "1"), fake.put("second", "2"));
    fake.with(|world| world.secrets.secret(&first).state = State::PendingDeletion);
    let list = |query: &str| {
        let target = format!("/20180608/secrets?compartmentId={COMPARTMENT}{query}");
        let (items, _) = whole(&fake, &target);
        let ids = items
            .iter()
            .map(|item| item["id"].as_str().unwrap().to_owned());
        ids.collect::<Vec<_>>()
    };
    assert_eq!(
        list(""),
        [second.clone(), first.clone()],
        "the newest first"
    );
    assert_eq!(list("&sortOrder=ASC"), [first.clone(), second.clone()]);
    assert_eq!(list("&name=second"), std::slice::from_ref(&second));
    assert_eq!(list("&lifecycleState=active"), [second]);
    assert_eq!(list(&format!("&vaultId={VAULT}&name=first")), [first]);
    assert!(list("&vaultId=other").is_empty());
    let person = Signer::person();
    let answer = person.get(
        &fake,
        "/20180608/secrets?compartmentId=ocid1.compartment.oc1..other",
    );
    assert_eq!(answer.json(), json!([]));
    assert_eq!(
        person.get(&fake, "/20180608/secrets").error().1,
        "MissingParameter"
    );
}

#[test]
fn versions_are_listed_by_both_services_without_values() {
    let (fake, id) = with_versions();
    for target in [
        format!("/20190301/secretbundles/{id}/versions?limit=2"),
        format!("/20180608/secrets/{id}/versions?limit=2"),
    ] {
        let (items, pages) = whole(&fake, &target);
        let numbers: Vec<u64> = items
            .iter()
            .map(|item| item["versionNumber"].as_u64().unwrap())
            .collect();
        assert_eq!((numbers.as_slice(), pages), ([5, 4, 3, 2, 1].as_slice(), 3));
        assert_eq!(items[0]["stages"], json!(["PENDING", "LATEST"]));
        assert!(!Value::from(items).to_string().contains("Zml2ZQ"));
    }
    let one = Signer::person().get(&fake, &format!("/20180608/secrets/{id}/version/5"));
    assert_eq!(one.json()["name"], "fifth");
    let none = Signer::person().get(&fake, &format!("/20180608/secrets/{id}/versions/5"));
    assert_eq!(none.error().1, "NotFound", "it is `version` for one");
}

#[test]
fn a_secret_is_described_without_its_value() {
    let (fake, id) = with_versions();
    let target = format!("/20180608/secrets/{id}");
    let request = Signer::person().sign(&fake, Raw::new("GET", &target));
    let answer = request.with("opc-request-id", "MINE").to(&fake);
    assert!(
        answer
            .header("opc-request-id")
            .unwrap()
            .starts_with("MINE/")
    );
    let secret = answer.json();
    assert_eq!(secret["currentVersionNumber"], 2);
    assert_eq!(secret["secretName"], "name");
    assert_eq!(secret["vaultId"], VAULT);
    assert_eq!(secret["lifecycleState"], "ACTIVE");
    assert!(secret.get("secretBundleContent").is_none());
}
