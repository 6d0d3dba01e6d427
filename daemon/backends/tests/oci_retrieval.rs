//! Replies that no vault gives: none of them becomes a value.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    reason = "a test fails by a panic, in its helpers too"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use vault_backends::address::{Address, BackendKind, VersionSelector};
use vault_backends::error::{BackendError, Class};
use vault_backends::oci::OciSettings;
use vault_backends::oci::connection::Connection;
use vault_backends::oci::identity::{Identities, Identity};
use vault_backends::oci::key::PrivateKey;
use vault_backends::oci::key_id::KeyId;
use vault_backends::oci::signature::Signer;
use vault_backends::oci::vault::OciVault;
use vault_backends::process_context::ProcessContext;
use vault_backends::reading::Backend;
use vault_backends::wall_clock::SystemWallClock;
use vault_memory::{Preference, Shield};

static SHIELD: LazyLock<Arc<Shield>> = LazyLock::new(|| Shield::new(Preference::Auto).unwrap());
const VECTORS: &str = include_str!("../../../tests/cases/oci-vectors.json");
const BUNDLE: &str = r#"{"secretId": "ocid1.vaultsecret.oc1.phx.a", "versionNumber": 1,
    "secretBundleContent": {"contentType": "BASE64", "content": "aHVudGVyMg=="}}"#;

/// Always the same one.
struct Person(Arc<Identity>);

impl Person {
    fn new() -> Self {
        let vectors: serde_json::Value = serde_json::from_str(VECTORS).unwrap();
        let pem = vectors["keys"]["pub2048"]["pem"]["pkcs8"].as_str().unwrap();
        let key = PrivateKey::from_pem(pem.as_bytes(), None).unwrap();
        let key_id = KeyId::new("t/u/f".to_owned()).unwrap();
        Self(Arc::new(Identity {
            signer: Signer::new(Arc::new(key), key_id),
            delegation_token: None,
            region: None,
            instance: None,
            principal: "a person".to_owned(),
        }))
    }
}

#[async_trait]
impl Identities for Person {
    async fn current(&self) -> Result<Arc<Identity>, BackendError> {
        Ok(Arc::clone(&self.0))
    }

    async fn renewed(&self, _: &Arc<Identity>) -> Result<Option<Arc<Identity>>, BackendError> {
        Ok(None)
    }

    fn hold(&self, _: &Arc<Identity>, _: &BackendError) {}
}

/// A service that says what `reply` makes of the number of a call and its first line.
struct Service {
    vault: OciVault,
    calls: Arc<AtomicUsize>,
}

impl Service {
    async fn new(reply: impl Fn(usize, &str) -> String + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let mut stream = BufReader::new(stream);
                let mut first = String::new();
                stream.read_line(&mut first).await.unwrap();
                let mut line = String::new();
                while line != "\r\n" {
                    line.clear();
                    stream.read_line(&mut line).await.unwrap();
                }
                let reply = reply(counted.fetch_add(1, Ordering::Relaxed), &first);
                stream.write_all(reply.as_bytes()).await.unwrap();
            }
        });
        let settings = OciSettings {
            endpoint: Some(url.clone()),
            management_endpoint: Some(url),
            ..OciSettings::default_for(Path::new("/nonexistent"))
        };
        let around = ProcessContext {
            home: "/nonexistent".into(),
            variables: BTreeMap::new(),
            euid: 0,
            clock: Arc::new(SystemWallClock),
        };
        let shield = Arc::clone(&SHIELD);
        let connection = Connection::new(&settings, &around);
        let person = Arc::new(Person::new());
        let vault = OciVault::new(&settings, person, &around, connection, shield);
        Self { vault, calls }
    }

    /// One that always says the same.
    async fn saying(reply: String) -> Self {
        Self::new(move |_, _| reply.clone()).await
    }

    async fn read(&self, container: Option<&str>, name: &str) -> Result<String, BackendError> {
        let address = Address {
            kind: BackendKind::OCI,
            scope: String::new(),
            container: container.map(str::to_owned),
            name: name.to_owned(),
            version: VersionSelector::Current,
        };
        let fetched = self.vault.fetch(&address).await?;
        let text = |plain: &mut [u8]| String::from_utf8(plain.to_vec()).unwrap();
        Ok(fetched.field(None).unwrap().expose_secret(text).unwrap())
    }

    async fn failing(&self, container: Option<&str>, name: &str) -> (Class, &'static str) {
        let error = self.read(container, name).await.unwrap_err();
        assert!(error.to_string().contains("opc-request-id"), "{error}");
        (error.class(), error.kind())
    }
}

fn reply(head: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {head}\r\ncontent-length: {length}\r\n\r\n{body}")
}

fn ok(body: &str) -> String {
    reply("200 OK", body)
}

const ID: &str = "ocid1.vaultsecret.oc1.phx.a";
const COMPARTMENT: Option<&str> = Some("ocid1.compartment.oc1..c");

#[tokio::test]
async fn only_a_200_with_a_bundle_of_its_own_is_an_answer() {
    let service = Service::saying(ok(BUNDLE)).await;
    assert_eq!(service.read(None, ID).await.unwrap(), "hunter2");
    for (said, kind) in [
        (reply("201 Created", BUNDLE), "wrong_form"),
        (reply("204 No Content", ""), "wrong_form"),
        (ok("null"), "not_an_object"),
        (ok("{}"), "no_content"),
        (
            ok(&BUNDLE.replace("BASE64", "PLAIN")),
            "unknown_content_type",
        ),
        (ok(&BUNDLE.replace("versionNumber", "x")), "no_version"),
        (ok(&BUNDLE.replace("secretId", "x")), "no_id"),
        (ok(&BUNDLE.replace("phx.a", "phx.b")), "wrong_id"),
        (ok(&BUNDLE[..BUNDLE.len() - 1]), "cut_off_json"),
        (ok(" <?xml version=\"1.0\"?>"), "html"),
        (reply("200 OK\r\ncontent-type: text/html", BUNDLE), "html"),
        (
            reply("200 OK\r\ncontent-encoding: gzip", BUNDLE),
            "content_encoding",
        ),
        (reply("304 Not Modified", ""), "redirect"),
        (
            format!("HTTP/1.1 200 OK\r\ncontent-length: 999999\r\n\r\n{BUNDLE}"),
            "too_large",
        ),
        ("SSH-2.0-OpenSSH_9.2\r\n\r\n".to_owned(), "not_http"),
    ] {
        let service = Service::saying(said.clone()).await;
        assert_eq!(
            service.failing(None, ID).await,
            (Class::Outage, kind),
            "{said}"
        );
    }
}

#[tokio::test]
async fn a_refusal_without_the_services_own_words_is_an_outage() {
    for (said, kind) in [
        (reply("401 Unauthorized", ""), "not_the_service"),
        (reply("403 Forbidden", "{"), "not_the_service"),
        (reply("404 Not Found", ""), "not_the_service"),
        (reply("404 Not Found", "<html>"), "html"),
        (reply("431 Too Large", ""), "not_the_service"),
        (reply("503 Busy", "<html>"), "service_unavailable"),
    ] {
        let service = Service::saying(said.clone()).await;
        let failing = service.failing(None, ID).await;
        assert_eq!(failing, (Class::Outage, kind), "{said}");
    }
}

#[tokio::test]
async fn a_list_that_ignores_the_name_is_looked_through() {
    let service = Service::new(|number, _| {
        let other = r#"{"id": "ocid1.vaultsecret.oc1.phx.other", "secretName": "DB"}"#;
        let first = format!("[{other}]");
        let found = format!(r#"[{other}, {{"id": "{ID}", "secretName": "db", "more": null}}]"#);
        match number {
            0 => reply("200 OK\r\nopc-next-page: a+b/=", &first),
            1 => ok(&found),
            _ => ok(BUNDLE),
        }
    });
    let service = service.await;
    assert_eq!(service.read(COMPARTMENT, "db").await.unwrap(), "hunter2");
    assert_eq!(service.calls.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn the_token_of_a_page_is_given_back_as_it_came() {
    let service = Service::new(|number, line| match number {
        0 => reply("200 OK\r\nopc-next-page: a+b/=", "[]"),
        _ => {
            assert!(
                line.ends_with("&name=db&page=a%2Bb%2F%3D HTTP/1.1\r\n"),
                "{line}"
            );
            ok("[]")
        }
    });
    let answer = (Class::Answer, "not_found");
    assert_eq!(service.await.failing(COMPARTMENT, "db").await, answer);
}

#[tokio::test]
async fn a_list_without_an_end_is_given_up() {
    let circle = Service::new(|number, _| {
        let page = format!("200 OK\r\nopc-next-page: {}", number % 3);
        reply(&page, "[]")
    });
    let circle = circle.await;
    let page_loop = (Class::Outage, "page_loop");
    assert_eq!(circle.failing(COMPARTMENT, "db").await, page_loop);
    assert_eq!(circle.calls.load(Ordering::Relaxed), 4);
    let endless = Service::new(|number, _| {
        let page = format!("200 OK\r\nopc-next-page: {number}");
        reply(&page, "[]")
    });
    let endless = endless.await;
    let too_many = (Class::Outage, "too_many_pages");
    assert_eq!(endless.failing(COMPARTMENT, "db").await, too_many);
    assert_eq!(endless.calls.load(Ordering::Relaxed), 1000);
}

#[tokio::test]
async fn a_list_that_is_larger_than_any_is_given_up() {
    let item = |name: &str| format!(r#"{{"id": "{ID}", "secretName": "{name}"}}"#);
    let large = format!("[{}]", item(&"x".repeat(4_000_000)));
    let many = format!("[{}]", vec![item("db"); 8000].join(","));
    for (page, calls) in [(large, 9), (many, 3)] {
        let service = Service::new(move |number, _| {
            let head = format!("200 OK\r\nopc-next-page: {number}");
            reply(&head, &page)
        });
        let service = service.await;
        let too_long = (Class::Outage, "list_too_long");
        assert_eq!(service.failing(COMPARTMENT, "db").await, too_long);
        assert_eq!(service.calls.load(Ordering::Relaxed), calls);
    }
}

#[tokio::test]
async fn a_list_that_is_none_is_no_empty_list() {
    for (said, kind) in [
        (ok(""), "empty_reply"),
        (ok("{\"items\": []}"), "wrong_form"),
        (ok("[{\"id\": \"a\"}]"), "wrong_form"),
        (ok("[{\"id\": \"a\""), "cut_off_json"),
        (ok("[]]"), "not_json"),
    ] {
        let service = Service::saying(said.clone()).await;
        assert_eq!(
            service.failing(COMPARTMENT, "db").await,
            (Class::Outage, kind),
            "{said}"
        );
    }
}

#[tokio::test]
async fn a_request_id_is_repeated_unless_it_is_a_long_text() {
    for (letters, is_repeated) in [(200, true), (201, false)] {
        let id = "x".repeat(letters);
        let said = reply(&format!("404 Not Found\r\nopc-request-id: {id}"), "");
        let service = Service::saying(said).await;
        let text = service.read(None, ID).await.unwrap_err().to_string();
        assert_eq!(text.contains(&id), is_repeated, "{text}");
    }
}

#[tokio::test]
async fn foreign_words_in_messages_are_shown_and_not_obeyed() {
    let item = r#"{"id": "a\u001b[31m\nb", "secretName": "db"}"#;
    let service = Service::saying(ok(&format!("[{item}, {item}]"))).await;
    let error = service.read(COMPARTMENT, "db").await.unwrap_err();
    assert_eq!(error.kind(), "ambiguous");
    let text = error.to_string();
    assert!(
        text.contains(r"a\u{1b}[31m\nb") && !text.contains(char::is_control),
        "{text}"
    );
}
