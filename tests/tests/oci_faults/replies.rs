//! The service answers, and what comes is none of its answers.

use std::time::Duration;

use vault_backends::address::VersionSelector;
use vault_backends::error::Class::Outage;
use vault_tests::oci::{Fault, Route, Times};

use crate::fixture::Named::InVault;
use crate::row::{Failure, Row, Shown, expect};

fn reading(fault: Fault) -> Failure {
    Failure::Fault(Route::GetSecretBundle, fault, Times::Always)
}

/// A reply without the service's headers.
fn between(status: u16, content_type: &str, body: &str) -> Fault {
    Fault::Between {
        status,
        content_type: content_type.to_owned(),
        body: body.to_owned(),
    }
}

/// None of them becomes a value: what is held is shown.
fn bad(
    name: &'static str,
    fault: Fault,
    kind: &'static str,
    words: &'static [&'static str],
) -> Row {
    let (cold, stale) = (Shown::Fails(Outage, kind), Shown::Stale);
    Row::new(
        name,
        reading(fault),
        expect(cold, 1),
        expect(stale, 1),
        words,
    )
}

/// An answer, if not as it mostly is.
fn good(name: &'static str, fault: Fault) -> Row {
    let renewed = expect(Shown::Renewed, 1);
    Row::new(name, reading(fault), renewed, renewed, &[])
}

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = of_strangers();
    rows.extend(of_wires());
    rows.extend(of_json());
    rows.extend(of_other_things());
    rows.extend(that_are_good());
    rows
}

fn of_strangers() -> Vec<Row> {
    let redirect = Fault::Redirect("https://elsewhere.example/".to_owned());
    vec![
        bad(
            "a page, 200",
            Fault::Html(200),
            "html",
            &["a page for people"],
        ),
        bad("a page, 401", Fault::Html(401), "html", &["(status 401)"]),
        bad("a page, 403", Fault::Html(403), "html", &["(status 403)"]),
        bad("a page, 404", Fault::Html(404), "html", &["(status 404)"]),
        bad(
            "a page, 503",
            Fault::Html(503),
            "service_unavailable",
            &["503"],
        ),
        bad(
            "407",
            between(407, "text/plain", "Proxy Authentication Required"),
            "not_the_service",
            &["(status 407)", "look for a proxy"],
        ),
        bad(
            "421",
            between(421, "", ""),
            "not_the_service",
            &["(status 421)", "look for a proxy"],
        ),
        bad(
            "431",
            between(431, "text/plain", "Too large"),
            "not_the_service",
            &["(status 431)", "look for a proxy"],
        ),
        bad(
            "451",
            between(451, "application/json", "{\"reason\": \"law\"}"),
            "not_the_service",
            &["(status 451)", "look for a proxy"],
        ),
        bad(
            "400 of somebody in between",
            between(400, "text/plain", "Bad Request"),
            "not_the_service",
            &["(status 400)", "look for a proxy"],
        ),
        bad(
            "401 of somebody in between",
            between(401, "text/plain", "Unauthorized"),
            "not_the_service",
            &["(status 401)", "look for a proxy"],
        ),
        bad(
            "403 of somebody in between",
            between(403, "", ""),
            "not_the_service",
            &["(status 403)", "look for a proxy"],
        ),
        bad(
            "404 of somebody in between, a text",
            between(404, "text/plain", "Not Found"),
            "not_the_service",
            &["(status 404)", "look for a proxy", "read secret"],
        ),
        bad(
            "404 of somebody in between, nothing more",
            between(404, "", ""),
            "not_the_service",
            &["(status 404)", "look for a proxy"],
        ),
        bad(
            "404 of somebody in between, in nearly the service's form",
            between(
                404,
                "application/json",
                "{\"code\": \"NotAuthorizedOrNotFound\", \"message\": \"No.\"}",
            ),
            "not_the_service",
            &["(status 404)", "look for a proxy"],
        ),
        bad(
            "404 of the service's own gateway, nothing more",
            Fault::Bare(404),
            "not_the_service",
            &["(status 404)", "look for a proxy"],
        ),
        bad(
            "511",
            between(511, "text/html", "<html>Sign in</html>"),
            "html",
            &["(status 511)", "sign-in portal"],
        ),
        bad("a redirect", redirect, "redirect", &["elsewhere", "portal"]),
        bad(
            "compressed",
            Fault::Gzip,
            "content_encoding",
            &["content-encoding"],
        ),
    ]
}

fn of_wires() -> Vec<Row> {
    let hang = Duration::from_secs(2);
    let on_the_way = &["check the network", "us-phoenix-1", "opc-request-id"];
    vec![
        bad(
            "an end before a byte",
            Fault::TruncateAfter(0),
            "truncated",
            on_the_way,
        ),
        bad(
            "an end in the head",
            Fault::TruncateAfter(20),
            "truncated",
            on_the_way,
        ),
        bad(
            "an end in the body",
            Fault::TruncateAfter(500),
            "truncated",
            on_the_way,
        ),
        bad(
            "a reset before a byte",
            Fault::ResetAfter(0),
            "reset",
            on_the_way,
        ),
        bad(
            "a reset in the head",
            Fault::ResetAfter(20),
            "reset",
            on_the_way,
        ),
        bad(
            "a reset in the body",
            Fault::ResetAfter(500),
            "reset",
            on_the_way,
        ),
        bad(
            "too long",
            Fault::TooLong(300_000),
            "too_large",
            &["longer than"],
        ),
        bad("silence", Fault::Hang, "deadline", &[]).within(hang),
        bad(
            "one byte in a minute",
            Fault::Drip {
                bytes: 1,
                every: Duration::from_mins(1),
            },
            "deadline",
            &[],
        )
        .within(hang),
    ]
}

fn of_json() -> Vec<Row> {
    let json = |text: &str| Fault::Json(text.to_owned());
    vec![
        bad("nothing", Fault::Empty, "empty_reply", &["is empty"]),
        bad("204", Fault::Bare(204), "wrong_form", &["another form"]),
        bad("half of it", Fault::HalfJson, "cut_off_json", &["cut off"]),
        bad("no text", Fault::NotUtf8, "not_json", &["not JSON"]),
        bad("words", json("no JSON"), "not_json", &["not JSON"]),
        bad("a list", json("[]"), "not_an_object", &["not an object"]),
        bad(
            "a string",
            json("\"value\""),
            "not_an_object",
            &["not an object"],
        ),
        bad("a number", json("7"), "not_an_object", &["not an object"]),
        bad("null", json("null"), "not_an_object", &["not an object"]),
        bad("an empty object", json("{}"), "no_content", &["no value"]),
        bad(
            "a number for an id",
            json("{\"secretId\": 7, \"versionNumber\": 1}"),
            "wrong_form",
            &["another form"],
        ),
    ]
}

fn of_other_things() -> Vec<Row> {
    let without = |part: &str| Fault::Without(part.to_owned());
    vec![
        bad(
            "another secret",
            Fault::WrongId,
            "wrong_id",
            &["another secret"],
        ),
        bad("no secret", without("secretId"), "no_id", &["which secret"]),
        bad(
            "no version",
            without("versionNumber"),
            "no_version",
            &["which version"],
        ),
        bad(
            "no version, by name",
            without("versionNumber"),
            "no_version",
            &["which version", "secret \"db\" in vault"],
        )
        .named(InVault)
        .asked_by(Route::GetSecretBundleByName),
        bad(
            "no value",
            without("secretBundleContent"),
            "no_content",
            &["no value"],
        ),
        bad(
            "another version",
            Fault::WrongVersion,
            "wrong_version",
            &["another version"],
        )
        .wanted(VersionSelector::Version(1)),
        bad(
            "another stage",
            Fault::WrongStage,
            "wrong_version",
            &["another version"],
        )
        .wanted(VersionSelector::Stage("CURRENT".to_owned())),
        bad(
            "version 0",
            Fault::VersionZero,
            "version_zero",
            &["version 0", "look at the secret in the OCI console"],
        ),
        bad(
            "an empty value",
            Fault::EmptyContent,
            "empty_content",
            &["is empty", "look at the secret in the OCI console"],
        ),
        bad(
            "not base64",
            Fault::NotBase64,
            "not_base64",
            &["not base64"],
        ),
        bad(
            "another type",
            Fault::WrongContentType,
            "unknown_content_type",
            &["BASE64"],
        ),
    ]
}

fn that_are_good() -> Vec<Row> {
    let without = |part: &str| Fault::Without(part.to_owned());
    vec![
        good("late", Fault::Latency(Duration::from_millis(20))),
        good(
            "in drops",
            Fault::Drip {
                bytes: 200,
                every: Duration::from_millis(1),
            },
        ),
        good("without stages", without("stages")),
        good("without metadata", without("metadata")),
        // Which number the current version has nobody knows before.
        good("a number that is one higher", Fault::WrongVersion),
    ]
}
