//! Requests are told from everything else.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// The id of a line that is one request.
fn request_id(line: &[u8]) -> Option<&str> {
    match asked(line) {
        Asked::One(id) => Some(id),
        Asked::Nothing | Asked::Batch(_) => None,
    }
}

#[test]
fn a_request_gives_its_id_as_it_was_written() {
    for (line, id) in [
        (r#"{"jsonrpc":"2.0","id":1,"method":"initialize"}"#, "1"),
        (
            r#" { "method" : "server/discover" , "id" : "a\"b\u00e9" , "jsonrpc" : "2.0" } "#,
            r#""a\"b\u00e9""#,
        ),
        (
            r#"{"params":{"id":9,"a":[{"id":8},[],"}"]},"id":0,"jsonrpc":"2.0","method":"x"}"#,
            "0",
        ),
        (
            r#"{"jsonrpc":"2.0","method":"x","id":12345678901234567890123}"#,
            "12345678901234567890123",
        ),
        (r#"{"jsonrpc":"2.0","method":"x","id":-1.5e+3}"#, "-1.5e+3"),
        (r#"{"jsonrpc":"2.0","method":"x","id":1.0}"#, "1.0"),
        (
            "{\"jsonrpc\":\"2.0\",\"method\":\"x\",\"id\":\"ü\"}\r",
            "\"ü\"",
        ),
    ] {
        assert_eq!(request_id(line.as_bytes()), Some(id), "{line}");
    }
}

#[test]
fn everything_else_gives_nothing() {
    for line in [
        "",
        "garbage",
        "{}",
        "[]",
        "null",
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
        r#"{"jsonrpc":"1.0","id":1,"method":"x"}"#,
        r#"{"id":1,"method":"x"}"#,
        r#"{"jsonrpc":"2.0","id":null,"method":"x"}"#,
        r#"{"jsonrpc":"2.0","id":[1],"method":"x"}"#,
        r#"{"jsonrpc":"2.0","id":{"a":1},"method":"x"}"#,
        r#"{"jsonrpc":"2.0","id":true,"method":"x"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":7}"#,
        r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"x"}"#,
        r#"[{"jsonrpc":"2.0","id":1,"method":"x"}]"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"x"} {}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"x""#,
        r#"{"jsonrpc":"2.0","id":1,"method":"x",}"#,
        r#"{"jsonrpc":"2.0","id":01,"method":"x"}"#,
        r#"{"jsonrpc":"2.0","id":1.,"method":"x"}"#,
        r#"{"jsonrpc":"2.0","id":"\x","method":"x"}"#,
        r#"{"jsonrpc":"2.0","id":"\u12g4","method":"x"}"#,
        "{\"jsonrpc\":\"2.0\",\"id\":\"a\tb\",\"method\":\"x\"}",
        r#"{"jsonrpc":"2.0","params":{"id":1},"method":"x"}"#,
    ] {
        assert_eq!(request_id(line.as_bytes()), None, "{line}");
    }
    assert_eq!(
        request_id(b"{\"jsonrpc\":\"2.0\",\"id\":\"\xff\",\"method\":\"x\"}"),
        None
    );
}

#[test]
fn a_batch_gives_the_ids_of_its_requests_and_of_nothing_else() {
    for (line, ids) in [
        (
            r#"[{"jsonrpc":"2.0","id":1,"method":"x"},{"jsonrpc":"2.0","id":"b","method":"y"}]"#,
            &["1", "\"b\""][..],
        ),
        (
            r#" [ 7, {"jsonrpc":"2.0","method":"n"} , {"jsonrpc":"2.0","id":1.0,"method":"x"} ] "#,
            &["1.0"],
        ),
    ] {
        assert_eq!(asked(line.as_bytes()), Asked::Batch(ids.to_vec()), "{line}");
    }
    for line in [
        "[]",
        r#"[{"jsonrpc":"2.0","method":"n"}]"#,
        r#"[{"jsonrpc":"2.0","id":1,"method":"x"}"#,
        r#"[{"jsonrpc":"2.0","id":1,"method":"x"}] x"#,
        r#"[[{"jsonrpc":"2.0","id":1,"method":"x"}]]"#,
        r#"[{"jsonrpc":"2.0","id":1,"id":2,"method":"x"}]"#,
    ] {
        assert_eq!(asked(line.as_bytes()), Asked::Nothing, "{line}");
    }
}

#[test]
fn a_request_is_known_however_deep_its_parameters_are_nested() {
    let (open, closed) = ("[{\"a\":".repeat(60_000), "}]".repeat(60_000));
    let line =
        |params: &str| format!(r#"{{"jsonrpc":"2.0","id":1,"method":"x","params":{params}}}"#);
    let deep = line(&format!("{open}[]{closed}"));
    assert_eq!(request_id(deep.as_bytes()), Some("1"));
    assert_eq!(request_id(line(&open).as_bytes()), None);
    for params in ["[1,]", "[}", "{\"a\"}", "{\"a\":1,}", "[1 2]", "{1:2}"] {
        assert_eq!(request_id(line(params).as_bytes()), None, "{params}");
    }
}

#[test]
fn a_byte_order_mark_before_a_request_is_nothing() {
    let line = "\u{feff}{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\"}";
    assert_eq!(request_id(line.as_bytes()), Some("1"));
}

#[test]
fn a_batch_of_very_many_gets_some_answers() {
    let one = r#"{"jsonrpc":"2.0","id":1,"method":"x"}"#;
    let line = format!("[{}]", vec![one; 50_000].join(","));
    assert_eq!(
        asked(line.as_bytes()),
        Asked::Batch(vec!["1"; MOST_OF_BATCH])
    );
}

/// What serde_json would say of the same line.
fn oracle(line: &[u8]) -> bool {
    let Ok(Value::Object(object)) = serde_json::from_slice(line) else {
        return false;
    };
    object.get("jsonrpc") == Some(&Value::from("2.0"))
        && object.get("method").is_some_and(Value::is_string)
        && object
            .get("id")
            .is_some_and(|id| id.is_string() || id.is_number())
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(".*", inner, 0..6)
                .prop_map(|members| members.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn any_request_is_known_whatever_its_parameters(params in json(), id in prop_oneof![
        any::<i64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
    ], method in ".*") {
        let written = id.to_string();
        let line = serde_json::json!({"jsonrpc": "2.0", "params": params, "id": id, "method": method});
        let line = line.to_string();
        prop_assert_eq!(request_id(line.as_bytes()), Some(written.as_str()));
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = asked(&bytes);
    }

    #[test]
    fn a_request_with_one_byte_changed_is_known_only_where_it_still_is_one(
        at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let mut line = br#"{"jsonrpc":"2.0","id":17,"method":"initialize","params":{"a":[1,"b\n"]}}"#.to_vec();
        let at = at.index(line.len());
        line[at] = byte;
        // The oracle takes the last of two equal names; one changed byte cannot make two.
        if request_id(&line).is_some() {
            prop_assert!(oracle(&line));
        }
    }
}
