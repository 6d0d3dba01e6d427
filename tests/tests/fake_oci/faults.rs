//! Each fault on the wire.

use std::time::Duration;

use serde_json::Value;
use vault_tests::oci::{FakeOci, Fault, NotAuthenticated, Route, Times};

use crate::signer::Signer;
use crate::wire::{Answer, Raw};

struct Failing {
    fake: FakeOci,
    request: Raw,
}

/// A fake whose only secret is read with a fault, once.
fn failing(fault: Fault) -> Failing {
    let fake = FakeOci::start();
    let id = fake.put("name", "value");
    let raw = Raw::new("GET", &format!("/20190301/secretbundles/{id}"));
    let request = Signer::person().sign(&fake, raw);
    fake.fail(Route::GetSecretBundle, fault, Times::Next(1));
    Failing { fake, request }
}

impl Failing {
    fn answer(&self) -> Answer {
        self.request.to(&self.fake)
    }

    /// The next call is answered as it should be, and both were counted.
    fn heals(&self) {
        let answer = self.answer();
        assert_eq!(answer.json()["secretBundleContent"]["content"], "dmFsdWU=");
        assert_eq!(self.fake.calls(Route::GetSecretBundle), 2);
    }
}

#[test]
fn a_status_with_an_error_body() {
    let failing = failing(Fault::Status {
        status: 503,
        code: "ServiceUnavailable".to_owned(),
        message: "words".to_owned(),
    });
    let expected = (503, "ServiceUnavailable".to_owned(), "words".to_owned());
    assert_eq!(failing.answer().error(), expected);
    failing.heals();
}

#[test]
fn too_many_requests_with_and_without_a_pause() {
    for (retry_after_seconds, told) in [(Some(7), Some("7")), (None, None)] {
        let failing = failing(Fault::TooManyRequests {
            retry_after_seconds,
        });
        let answer = failing.answer();
        let (status, code, message) = answer.error();
        assert_eq!((status, code.as_str()), (429, "TooManyRequests"));
        assert_eq!(message, "User-rate limit exceeded.");
        assert_eq!(answer.header("retry-after"), told);
        failing.heals();
    }
}

#[test]
fn the_right_answer_later() {
    let failing = failing(Fault::Latency(Duration::from_millis(50)));
    assert_eq!(failing.answer().status, 200);
    failing.heals();
}

#[test]
fn no_answer() {
    let failing = failing(Fault::Hang);
    let hanging = failing.request.clone();
    std::thread::scope(|scope| {
        let address = failing.fake.http_url().replacen("http://", "", 1);
        let asked = scope.spawn(|| {
            use std::io::{Read, Write};
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            stream.write_all(&hanging.bytes()).unwrap();
            stream
                .set_read_timeout(Some(Duration::from_millis(200)))
                .unwrap();
            stream.read(&mut [0]).unwrap_err().kind()
        });
        assert_eq!(asked.join().unwrap(), std::io::ErrorKind::WouldBlock);
    });
    // It was written down, and others are answered meanwhile.
    let status = failing.fake.with(|world| world.journal.seen()[0].status);
    assert_eq!(status, None);
    failing.heals();
}

#[test]
fn an_end_or_a_reset_after_some_bytes() {
    use std::io::ErrorKind;
    for (bytes, message) in [
        (0, "no whole head"),
        (10, "no whole head"),
        (400, "no whole body"),
    ] {
        let failing = failing(Fault::TruncateAfter(bytes));
        let error = failing.request.attempt(&failing.fake).unwrap_err();
        assert_eq!(error.to_string(), message, "{bytes}");
        failing.heals();
    }
    for bytes in [0, 10, 400] {
        let failing = failing(Fault::ResetAfter(bytes));
        let error = failing.request.attempt(&failing.fake).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{bytes}");
        failing.heals();
    }
}

#[test]
fn a_page_for_people_and_nothing_at_all() {
    for status in [200, 502] {
        let failing = failing(Fault::Html(status));
        let answer = failing.answer();
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("content-type"), Some("text/html"));
        assert!(answer.body.starts_with(b"<!DOCTYPE html>"));
        failing.heals();
    }
    let failing = failing(Fault::Empty);
    let answer = failing.answer();
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    failing.heals();
}

#[test]
fn the_right_answer_to_another_question() {
    for (fault, part) in [
        (Fault::WrongId, "secretId"),
        (Fault::WrongVersion, "versionNumber"),
        (Fault::WrongStage, "stages"),
        (Fault::WrongContentType, "secretBundleContent"),
        (Fault::Without("versionNumber".to_owned()), "versionNumber"),
        (Fault::NotBase64, "secretBundleContent"),
    ] {
        let failing = failing(fault);
        let wrong = failing.answer().json();
        failing.heals();
        let right = failing.answer().json();
        let parts = right.as_object().unwrap().keys();
        let differ: Vec<&String> = parts.filter(|part| wrong[*part] != right[*part]).collect();
        assert_eq!(differ, [part]);
    }
}

#[test]
fn what_is_wrong_with_a_signature_in_each_of_the_service_s_words() {
    for (why, words) in [
        (NotAuthenticated::Nothing, "was not provided."),
        (NotAuthenticated::Incorrect, "or was incorrect."),
        (NotAuthenticated::Signature, "Failed to verify"),
    ] {
        let failing = failing(Fault::NotAuthenticated(why));
        let (status, code, message) = failing.answer().error();
        assert_eq!((status, code.as_str()), (401, "NotAuthenticated"));
        assert!(message.contains(words), "{message}");
        failing.heals();
    }
}

#[test]
fn a_status_without_a_body() {
    for status in [204, 404, 503] {
        let failing = failing(Fault::Bare(status));
        let answer = failing.answer();
        assert_eq!((answer.status, answer.body.len()), (status, 0));
        assert!(answer.header("opc-request-id").is_some());
        failing.heals();
    }
}

#[test]
fn json_of_another_shape_half_of_it_and_bytes_that_are_no_text() {
    for text in ["[]", "\"text\"", "7", "null", "{\"secretId\": 7}"] {
        let failing = failing(Fault::Json(text.to_owned()));
        let answer = failing.answer();
        assert_eq!(answer.status, 200);
        assert_eq!(answer.body, text.as_bytes());
        assert_eq!(answer.header("content-type"), Some("application/json"));
        failing.heals();
    }
    let failing = failing(Fault::HalfJson);
    let half = failing.answer().body;
    let whole = failing.answer().body;
    assert_eq!(half, whole[..whole.len() / 2]);
    failing
        .fake
        .fail(Route::GetSecretBundle, Fault::NotUtf8, Times::Next(1));
    let answer = failing.answer();
    assert_eq!(answer.body.len(), whole.len() + 1);
    assert!(std::str::from_utf8(&answer.body).is_err());
}

#[test]
fn a_body_that_is_compressed() {
    let failing = failing(Fault::Gzip);
    let answer = failing.answer();
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    let whole = failing.answer().body;
    // The blocks are stored as they are.
    assert_eq!(answer.body[..2], [0x1f, 0x8b]);
    assert_eq!(answer.body[15..15 + whole.len()], whole);
}

#[test]
fn an_answer_that_comes_in_drops() {
    let failing = failing(Fault::Drip {
        bytes: 100,
        every: Duration::from_millis(1),
    });
    assert_eq!(failing.answer().status, 200);
    failing.heals();
}

#[test]
fn a_connection_that_is_closed_before_a_byte() {
    let failing = failing(Fault::Empty);
    failing.fake.heal();
    failing.fake.with(|world| world.hangs_up = true);
    assert!(failing.request.attempt(&failing.fake).is_err());
    failing.fake.with(|world| world.hangs_up = false);
    assert_eq!(failing.answer().status, 200);
    assert_eq!(failing.fake.calls(Route::GetSecretBundle), 1);
}

#[test]
fn a_body_that_is_too_long() {
    let failing = failing(Fault::TooLong(2_000_000));
    let answer = failing.answer();
    assert!(answer.body.len() > 2_000_000);
    assert!(answer.json()["versionNumber"].is_u64());
    failing.heals();
}

#[test]
fn a_redirect() {
    let failing = failing(Fault::Redirect("https://elsewhere.example/".to_owned()));
    let answer = failing.answer();
    assert_eq!(answer.status, 302);
    assert_eq!(
        answer.header("location"),
        Some("https://elsewhere.example/")
    );
    failing.heals();
}

#[test]
fn a_clock_that_is_off() {
    let failing = failing(Fault::ClockSkew(-3600));
    let answer = failing.answer();
    assert!(
        answer
            .error()
            .2
            .contains("is not within allowed clock skew")
    );
    let date = answer.header("date").unwrap();
    let behind = httpdate::parse_http_date(date).unwrap().elapsed().unwrap();
    assert!(behind > Duration::from_secs(3500), "{date}");
    failing.heals();
}

#[test]
fn faults_of_one_route_are_not_another_s_and_can_be_taken_back() {
    let fake = FakeOci::start();
    fake.fail(Route::ListSecrets, Fault::Empty, Times::Always);
    let person = Signer::person();
    let list = || person.get(&fake, "/20180608/secrets?compartmentId=x");
    assert_eq!(person.get(&fake, "/20180608/secrets/x").status, 404);
    for _ in 0..2 {
        assert!(list().body.is_empty());
    }
    fake.heal();
    assert_eq!(list().json(), Value::Array(Vec::new()));
}
