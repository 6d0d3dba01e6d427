//! What goes over the wire.

use std::collections::HashSet;

use vault_backends::oci::endpoint::Service;
use vault_tests::oci::{Fault, Route, Times};

use crate::reader::{IN_VAULT, Reader};

#[tokio::test]
async fn every_request_has_an_id_of_its_own_and_asks_for_json() {
    let reader = Reader::new();
    let id = reader.fake.put("db", "hunter2");
    for _ in 0..3 {
        reader.read(None, &id).await.unwrap();
        reader.read(IN_VAULT, "db").await.unwrap();
    }
    reader.fake.with(|world| {
        let mut ids = HashSet::new();
        for seen in world.journal.seen() {
            let header = |name: &str| seen.headers.get(name).map(|value| value.to_str().unwrap());
            assert_eq!(header("accept"), Some("application/json"));
            assert_eq!(header("content-type"), Some("application/json"));
            assert_eq!(header("accept-encoding"), None);
            let is_post = seen.method == "POST";
            assert_eq!(
                header("content-length"),
                is_post.then_some("0"),
                "{}",
                seen.method
            );
            let id = header("opc-request-id").unwrap().to_owned();
            let is_digit = |byte: u8| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte);
            assert!(id.len() == 32 && id.bytes().all(is_digit), "{id}");
            assert!(ids.insert(id));
        }
        assert_eq!(ids.len(), 6);
    });
}

#[tokio::test]
async fn the_request_id_of_an_error_is_the_one_that_was_sent_where_none_came_back() {
    let reader = Reader::new();
    let id = reader.fake.put("db", "hunter2");
    for (fault, is_answered) in [(Fault::ResetAfter(0), false), (Fault::Empty, true)] {
        let error = reader.with_fault(&id, fault).await.to_string();
        let sent = reader.fake.with(|world| {
            let seen = world.journal.seen().last().unwrap().headers["opc-request-id"].clone();
            seen.to_str().unwrap().to_owned()
        });
        let (before, after) = if is_answered {
            (sent + "/", "/")
        } else {
            (sent, ")")
        };
        let (_, rest) = error
            .split_once(&format!("(opc-request-id {before}"))
            .unwrap();
        assert!(rest.contains(after), "{error}");
    }
}

#[tokio::test]
async fn a_look_at_the_vault_says_who_where_and_when() {
    let reader = Reader::new();
    reader.fake.with(|world| world.clock.advance(100));
    let seen = reader.vault.examine().await;
    assert_eq!(seen.identity.ok().unwrap().principal, "profile VECTORS");
    assert_eq!(seen.region_warning, None);
    for (service, reached) in seen.services {
        let reached = reached.unwrap();
        assert!(reached.status >= 400, "{service:?}");
        assert_eq!(reached.endpoint.to_string(), reader.fake.https_url());
        let offset = reached.clock_offset.unwrap().seconds;
        assert!((99..=102).contains(&offset), "{offset}");
    }
    assert!(matches!(seen.sign_in, Some(Ok(()))));
    // Only for the last question, whether OCI knows the credential, something was signed.
    reader.fake.with(|world| {
        let seen = world.journal.seen().iter();
        let is_signed = seen.map(|seen| seen.headers.contains_key("authorization"));
        assert_eq!(is_signed.collect::<Vec<_>>(), [false, false, true]);
    });
    reader
        .fake
        .fail(Route::Unknown, Fault::ResetAfter(0), Times::Always);
    let seen = reader.vault.examine().await;
    let services: Vec<_> = seen.services.iter().map(|(service, _)| *service).collect();
    assert_eq!(services, [Service::Secrets, Service::Vaults]);
    assert!(seen.sign_in.is_none(), "nobody answers");
    for (_, reached) in seen.services {
        assert_eq!(reached.unwrap_err().kind(), "reset");
    }
}
