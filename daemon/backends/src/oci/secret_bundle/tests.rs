//! Tests of secret bundles.

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};
use vault_memory::Preference;

use super::*;

static SHIELD: LazyLock<Arc<Shield>> =
    LazyLock::new(|| Shield::new(Preference::Auto).expect("memory"));
const ID: &str = "ocid1.vaultsecret.oc1.phx.a";

fn bundle(content: &str) -> Value {
    json!({
        "secretId": ID, "versionNumber": 7, "timeCreated": "2019-04-03T21:10:29.600Z",
        "versionName": null, "timeOfDeletion": null, "timeOfExpiry": null, "metadata": null,
        "secretBundleContent": {"contentType": "BASE64", "content": content},
        "stages": ["CURRENT", "LATEST"],
    })
}

/// The same with this at a JSON pointer in place of what is there.
fn with(pointer: &str, value: Value) -> Vec<u8> {
    let mut bundle = bundle("aHVudGVyMg==");
    *bundle.pointer_mut(pointer).expect("a field") = value;
    bundle.to_string().into_bytes()
}

fn without(field: &str) -> Vec<u8> {
    let mut bundle = bundle("aHVudGVyMg==");
    bundle.as_object_mut().expect("an object").remove(field);
    bundle.to_string().into_bytes()
}

fn value(body: &[u8]) -> Result<Vec<u8>, String> {
    let read = SecretBundle::read(body).map_err(|error| error.kind().to_owned())?;
    let secret = read.shield(&SHIELD).map_err(|error| match error {
        ContentError::Reply(error) => error.kind().to_owned(),
        ContentError::Shield(error) => error.kind().to_owned(),
    })?;
    Ok(secret.expose_secret(|plain| plain.to_vec()).expect("whole"))
}

#[test]
fn what_is_not_there_is_no_matter_and_neither_is_what_is_not_known() {
    let hunter = Ok(b"hunter2".to_vec());
    assert_eq!(value(bundle("aHVudGVyMg==").to_string().as_bytes()), hunter);
    for field in [
        "timeCreated",
        "versionName",
        "timeOfExpiry",
        "metadata",
        "stages",
    ] {
        assert_eq!(value(&without(field)), hunter, "{field}");
    }
    for (pointer, known) in [
        ("/stages", json!(["SOMEDAY", null])),
        ("/stages", Value::Null),
        ("/metadata", json!({"content": "x", "deep": [[[{}]]]})),
        ("/versionName", json!({"not": "a name"})),
        ("/timeCreated", json!(5)),
    ] {
        assert_eq!(
            value(&with(pointer, known.clone())),
            hunter,
            "{pointer} {known}"
        );
    }
    let spaced = format!(" \r\n{}\n", bundle("aHVudGVyMg=="));
    assert_eq!(value(spaced.as_bytes()), hunter);
}

#[test]
fn an_empty_text_is_no_value() {
    let pointer = "/secretBundleContent/content";
    assert_eq!(
        value(&with(pointer, json!(""))),
        Err("empty_content".to_owned())
    );
    assert_eq!(
        value(&with(pointer, Value::Null)),
        Err("no_content".to_owned())
    );
}

#[test]
fn letters_may_be_escaped() {
    let whole = bundle("CONTENT").to_string();
    for (content, expected) in [
        ("\\/\\/\\/\\/", &[0xff; 3][..]),
        ("\\u002f\\u002F//", &[0xff; 3]),
        ("aHVudGVyMg=\\u003D", b"hunter2"),
        ("\\u0061HVudGVyMg==", b"hunter2"),
    ] {
        let body = whole.replace("CONTENT", content);
        assert_eq!(value(body.as_bytes()), Ok(expected.to_vec()), "{content}");
    }
    for content in [
        "\\n",
        "aHVu\\ndGVy",
        "\\u0100AAA",
        "\\u00e4AAA",
        "aHV\\\\",
        "aHV\\\"",
    ] {
        let body = whole.replace("CONTENT", content);
        assert_eq!(
            value(body.as_bytes()),
            Err("not_base64".to_owned()),
            "{content}"
        );
    }
}

#[test]
fn each_reply_that_is_no_answer_has_its_word() {
    let content = "/secretBundleContent/content";
    let list = json!(["BASE64", "aHVudGVyMg=="]);
    let long = STANDARD.encode(vec![0; MAX_SECRET_BYTES + 1]);
    let whole = bundle("aHVudGVyMg==").to_string().into_bytes();
    let twice = String::from_utf8_lossy(&whole).replacen('{', "{\"secretId\":\"x\",", 1);
    for (body, word) in [
        (Vec::new(), "empty_reply"),
        (b" \n".to_vec(), "empty_reply"),
        (b"<html>".to_vec(), "html"),
        (whole[..whole.len() - 1].to_vec(), "cut_off_json"),
        (whole[..40].to_vec(), "cut_off_json"),
        ([&whole[..], b"}"].concat(), "not_json"),
        (b"{\"secretId\" 5}".to_vec(), "not_json"),
        (b"\xff\xfe".to_vec(), "not_json"),
        (
            [&whole[..whole.len() - 1], b",\"x\":\"\xff\"}"].concat(),
            "not_json",
        ),
        (b"no".to_vec(), "not_json"),
        (b"[]".to_vec(), "not_an_object"),
        (b"null".to_vec(), "not_an_object"),
        (b"\"aHVudGVyMg==\"".to_vec(), "not_an_object"),
        (twice.into_bytes(), "wrong_form"),
        (b"{}".to_vec(), "no_content"),
        (without("secretId"), "no_id"),
        (with("/secretId", Value::Null), "no_id"),
        (with("/versionNumber", json!(0)), "version_zero"),
        (with("/secretId", json!("")), "no_id"),
        (with("/secretId", json!(5)), "wrong_form"),
        (without("versionNumber"), "no_version"),
        (with("/versionNumber", Value::Null), "no_version"),
        (with("/versionNumber", json!("7")), "wrong_form"),
        (with("/versionNumber", json!(-1)), "wrong_form"),
        (with("/versionNumber", json!(7.5)), "wrong_form"),
        (without("secretBundleContent"), "no_content"),
        (with("/secretBundleContent", Value::Null), "no_content"),
        (with("/secretBundleContent", list), "not_an_object"),
        (
            with("/secretBundleContent/contentType", Value::Null),
            "unknown_content_type",
        ),
        (
            with("/secretBundleContent/contentType", json!("TEXT")),
            "unknown_content_type",
        ),
        (
            with("/secretBundleContent/contentType", json!("base64")),
            "unknown_content_type",
        ),
        (with(content, json!(["aHVudGVyMg=="])), "wrong_form"),
        (with(content, json!("%%%")), "not_base64"),
        (with(content, json!("aHVudGVyMg")), "not_base64"),
        (with(content, json!("aHVudGVyMg==\n")), "not_base64"),
        (with(content, json!("aHVudGVyMh==")), "not_base64"),
        (with(content, json!("====")), "not_base64"),
        (with(content, json!(long)), "value_too_large"),
        (with("/timeOfExpiry", json!("soon")), "bad_time"),
        (with("/timeOfDeletion", json!("soon")), "bad_time"),
    ] {
        let shown = String::from_utf8_lossy(&body[..body.len().min(300)]).into_owned();
        assert_eq!(value(&body), Err(word.to_owned()), "{shown}");
    }
}

#[test]
fn it_must_be_what_was_asked_for() {
    let body = with("/stages", json!(["PREVIOUS", "SOMEDAY"]));
    let read = SecretBundle::read(&body).expect("a bundle");
    let stage = |stage: &str| VersionSelector::Stage(stage.to_owned());
    let named = |name: &str| VersionSelector::Named(name.to_owned());
    for (id, wanted, expected) in [
        (None, VersionSelector::Current, Ok(())),
        (Some(ID), VersionSelector::Version(7), Ok(())),
        (Some(ID), stage("PREVIOUS"), Ok(())),
        (
            Some("ocid1.vaultsecret.oc1.phx.A"),
            VersionSelector::Current,
            Err(BadReply::WrongId),
        ),
        (
            None,
            VersionSelector::Version(8),
            Err(BadReply::WrongVersion),
        ),
        (None, stage("PENDING"), Err(BadReply::WrongVersion)),
        (None, stage("previous"), Err(BadReply::WrongVersion)),
        (None, named("blue"), Err(BadReply::WrongVersion)),
    ] {
        assert_eq!(read.check(id, &wanted), expected, "{id:?} {wanted:?}");
    }
    for (name, expected) in [
        (json!("blue"), Ok(())),
        (json!("Blue"), Err(BadReply::WrongVersion)),
        (json!(["blue"]), Err(BadReply::WrongVersion)),
    ] {
        let body = with("/versionName", name);
        let read = SecretBundle::read(&body).expect("a bundle");
        assert_eq!(read.check(Some(ID), &named("blue")), expected);
    }
    let body = without("stages");
    let read = SecretBundle::read(&body).expect("a bundle");
    assert_eq!(read.check(None, &stage("PENDING")), Ok(()));
    assert_eq!(read.check(None, &VersionSelector::Current), Ok(()));
    let body = with("/stages", json!(["PENDING", "LATEST"]));
    let read = SecretBundle::read(&body).expect("a bundle");
    assert_eq!(
        read.check(None, &VersionSelector::Current),
        Err(BadReply::WrongVersion)
    );
}

#[test]
fn the_first_end_counts_and_a_passed_one_ends_the_value() {
    const NOW: u64 = 1_767_648_700;
    let valid_for = |expiry: Option<&str>, deletion: Option<&str>| {
        let mut bundle = bundle("aHVudGVyMg==");
        bundle["timeOfExpiry"] = json!(expiry);
        bundle["timeOfDeletion"] = json!(deletion);
        let body = bundle.to_string().into_bytes();
        SecretBundle::read(&body).expect("a bundle").valid_for(NOW)
    };
    let (past, now, soon, later) = (
        Some("2026-01-05T21:31:39.999Z"),
        Some("2026-01-05T21:31:40Z"),
        Some("2026-01-05T22:31:50+01:00"),
        Some("2026-01-05T21:32:40.5Z"),
    );
    let seconds = |seconds| Ok(Some(Duration::from_secs(seconds)));
    for (expiry, deletion, expected) in [
        (None, None, Ok(None)),
        (soon, None, seconds(10)),
        (None, later, seconds(60)),
        (later, soon, seconds(10)),
        (past, later, Err(Ended::Expired)),
        (now, None, Err(Ended::Expired)),
        (later, past, Err(Ended::Deleted)),
    ] {
        assert_eq!(
            valid_for(expiry, deletion),
            expected,
            "{expiry:?} {deletion:?}"
        );
    }
}

#[test]
fn no_message_holds_a_part_of_the_value() {
    for body in [
        with("/secretBundleContent/content", json!("marked-value!")),
        with("/secretBundleContent", json!("marked-value")),
        with("/versionNumber", json!("marked-value")),
    ] {
        let shown = match SecretBundle::read(&body) {
            Ok(read) => read.shield(&SHIELD).expect_err("not base64").to_string(),
            Err(error) => error.to_string(),
        };
        assert!(!shown.contains("marked"), "{shown}");
    }
}

proptest! {
    #[test]
    fn a_random_bundle_gives_its_value(
        content in prop::collection::vec(any::<u8>(), 1..600),
        number in 1..u64::MAX,
        stages in prop::collection::vec("[A-Z_]{0,12}", 0..5),
        metadata in "\\PC{0,20}",
        nulls in any::<bool>(),
        escapes in any::<bool>(),
    ) {
        let mut bundle = bundle(&STANDARD.encode(&content));
        bundle["versionNumber"] = json!(number);
        bundle["stages"] = json!(stages);
        bundle["metadata"] = json!({ metadata.clone(): metadata });
        if !nulls {
            let object = bundle.as_object_mut().expect("an object");
            object.retain(|_, value| !value.is_null());
        }
        let mut body = bundle.to_string();
        if escapes {
            body = body.replace('/', "\\/");
        }
        let read = SecretBundle::read(body.as_bytes()).expect("a bundle");
        prop_assert_eq!((read.version_number, &read.stages), (number, &stages));
        prop_assert_eq!(value(body.as_bytes()), Ok(content));
    }

    #[test]
    fn a_bundle_that_ends_anywhere_is_none(cut in 0_usize..200) {
        let body = bundle("aHVudGVyMg==").to_string().into_bytes();
        let cut = cut.min(body.len() - 1);
        let word = value(&body[..cut]).expect_err("no value");
        let words = ["empty_reply", "cut_off_json"];
        prop_assert!(words.contains(&word.as_str()), "{}", word);
    }

    #[test]
    fn no_bytes_panic(body in prop::collection::vec(any::<u8>(), 0..200), from in 0_usize..200) {
        let _ = value(&body);
        let mut whole = bundle("aHVudGVyMg==").to_string().into_bytes();
        let from = from.min(whole.len());
        whole.splice(from.., body);
        let _ = value(&whole);
    }
}
