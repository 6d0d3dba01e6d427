//! The daemon's own HTTP client before the fake.

use std::time::Duration;

use vault_backends::http::{Client, Deadlines, HeaderMap, HttpError, Reply, Request, Trust};
use vault_tests::oci::{Certificate, FakeOci, Fault, Route, Times};

use crate::signer::Signer;
use crate::wire::Raw;

/// Longer than any test takes.
const NEVER: Duration = Duration::from_mins(1);

struct Asked {
    fake: FakeOci,
    client: Client,
    request: Raw,
}

impl Asked {
    fn new() -> Self {
        let fake = FakeOci::start();
        let id = fake.put("name", "value");
        let raw = Raw::new("GET", &format!("/20190301/secretbundles/{id}"));
        let request = Signer::person().sign(&fake, raw);
        let (path, pem) = ("ca.pem".into(), fake.ca_pem().into());
        let client = Client::new(&Trust::Pem { path, pem }).unwrap();
        Self {
            fake,
            client,
            request,
        }
    }

    async fn call(&self, url: &str, first_byte: Duration) -> Result<Reply, HttpError> {
        let headers = self.request.headers.iter();
        let headers = headers.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let request = Request {
            method: self.request.method.parse().unwrap(),
            url: format!("{url}{}", self.request.target).parse().unwrap(),
            headers: headers.collect::<HeaderMap>(),
            body: None,
            deadlines: Deadlines {
                connect: NEVER,
                first_byte,
                whole: NEVER,
            },
            max_reply_bytes: 100_000,
        };
        self.client.call(request).await
    }

    async fn with(&self, fault: Fault) -> Result<Reply, HttpError> {
        self.fake
            .fail(Route::GetSecretBundle, fault.clone(), Times::Next(1));
        let first_byte = match fault {
            Fault::Hang | Fault::Drip { .. } => Duration::from_millis(300),
            _ => NEVER,
        };
        self.call(&self.fake.https_url(), first_byte).await
    }
}

#[tokio::test]
async fn a_signed_request_is_answered_over_both_ports() {
    let asked = Asked::new();
    for url in [asked.fake.https_url(), asked.fake.http_url()] {
        let reply = asked.call(&url, NEVER).await.unwrap();
        assert_eq!(reply.status.as_u16(), 200);
        assert!(reply.headers.contains_key("etag"));
    }
}

#[tokio::test]
async fn who_calls_while_it_is_away_is_refused_and_finds_it_where_it_was() {
    let asked = Asked::new();
    let url = asked.fake.https_url();
    for _ in 0..2 {
        asked.fake.go_away();
        let error = asked.call(&url, NEVER).await.unwrap_err();
        assert_eq!(error.kind(), "connect", "{error}");
        asked.fake.come_back();
        assert_eq!(asked.call(&url, NEVER).await.unwrap().status.as_u16(), 200);
    }
}

#[tokio::test]
async fn each_way_to_fail_has_its_word() {
    let asked = Asked::new();
    for (fault, kind) in [
        (Fault::Hang, "timeout_first_byte"),
        (Fault::TooLong(200_000), "too_large"),
        (Fault::Redirect("https://x.example/".to_owned()), "redirect"),
        (
            Fault::Drip {
                bytes: 1,
                every: Duration::from_millis(400),
            },
            "timeout_first_byte",
        ),
    ] {
        let error = asked.with(fault.clone()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{fault:?}");
    }
    let reply = asked.with(Fault::Html(502)).await.unwrap();
    assert_eq!(reply.status.as_u16(), 502);
    assert!(asked.with(Fault::Empty).await.unwrap().body.is_empty());
}

#[tokio::test]
async fn a_certificate_is_believed_on_one_port_alone() {
    let asked = Asked::new();
    for certificate in Certificate::ALL {
        let url = asked.fake.https_url_showing(certificate);
        let told = asked.call(&url, NEVER).await;
        match certificate {
            Certificate::Good => assert_eq!(told.unwrap().status.as_u16(), 200),
            _ => assert_eq!(told.unwrap_err().kind(), "tls", "{certificate:?}"),
        }
    }
    assert_eq!(asked.fake.calls(Route::GetSecretBundle), 1);
}

#[tokio::test]
async fn a_cluster_answers_at_the_port_that_has_no_setting() {
    let asked = Asked::new();
    let url = format!("https://{}:12250", asked.fake.cluster_host());
    let reply = asked.call(&url, NEVER).await.unwrap();
    assert_eq!(reply.status.as_u16(), 200);
}

#[tokio::test]
async fn an_answer_that_ends_at_any_byte_is_no_answer() {
    let asked = Asked::new();
    let whole = asked.request.to_tls(&asked.fake);
    let bytes = whole.length();
    for after in (0..bytes).step_by(7).chain([bytes - 1]) {
        let error = asked.with(Fault::TruncateAfter(after)).await.unwrap_err();
        assert_eq!(error.kind(), "truncated", "{after}: {error:?}");
        let error = asked.with(Fault::ResetAfter(after)).await.unwrap_err();
        assert_eq!(error.kind(), "reset", "{after}: {error:?}");
    }
    let reply = asked.with(Fault::TruncateAfter(bytes)).await.unwrap();
    assert_eq!(reply.body.as_slice(), whole.body);
}
