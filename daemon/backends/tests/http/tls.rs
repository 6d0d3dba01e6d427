//! Tests of TLS: who is believed to be a vault.

use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use vault_backends::http::{Client, Failure, HttpError, Reply, Trust, TrustError};

use crate::authority::Authority;
use crate::server::{get, serve};

const ANSWER: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

async fn call(client: Client, tls: TlsAcceptor) -> Result<Reply, HttpError> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        // The client refuses most of these.
        if let Ok(stream) = tls.accept(stream).await {
            let mut connection = crate::server::Connection {
                wire: Box::new(stream),
            };
            connection.request().await;
            connection.say(ANSWER).await;
        }
    });
    let reply = client
        .call(get(&format!("https://localhost:{port}/")))
        .await;
    served.await.unwrap();
    reply
}

#[tokio::test]
async fn whom_the_authority_in_the_file_vouches_for_is_believed() {
    let authority = Authority::new();
    for tls in [
        authority.vouch_for("localhost"),
        authority.vouch_for_old("localhost"),
    ] {
        let reply = call(authority.client(), tls).await.unwrap();
        assert_eq!(reply.body.as_slice(), b"{}");
    }
}

#[tokio::test]
async fn whom_nobody_or_somebody_else_vouches_for_is_not() {
    let authority = Authority::new();
    let tls = Authority::new().vouch_for("localhost");
    let error = call(authority.client(), tls).await.unwrap_err();
    assert_eq!((error.failure(), error.kind()), (Failure::Tls, "tls"));
}

#[tokio::test]
async fn a_certificate_whose_time_is_over_is_not_believed() {
    let authority = Authority::new();
    let tls = authority.vouched_for("localhost");
    let error = call(authority.client(), tls).await.unwrap_err();
    assert_eq!(error.kind(), "tls");
    let error = vault_backends::error::BackendError::from(error);
    assert!(
        error.to_string().contains("expired"),
        "a person must be told why: {error}"
    );
}

#[tokio::test]
async fn a_certificate_for_another_host_is_not_believed() {
    let authority = Authority::new();
    let tls = authority.vouch_for("vaults.example");
    let error = call(authority.client(), tls).await.unwrap_err();
    assert_eq!(error.kind(), "tls");
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_is_not_believed() {
    let authority = Authority::new();
    let (port, _) = serve(None, |mut connection| async move {
        connection.wire.read_u8().await.unwrap();
        connection.say(ANSWER).await;
    })
    .await;
    let url = format!("https://localhost:{port}/");
    let error = authority.client().call(get(&url)).await.unwrap_err();
    assert_eq!(error.kind(), "tls");
}

#[tokio::test]
async fn tls_1_1_is_refused() {
    let authority = Authority::new();
    // RFC 4346: a ServerHello in a record, version 3.2, no session, ECDHE_RSA_WITH_AES_128_CBC_SHA.
    let mut hello = vec![22, 3, 2, 0, 42, 2, 0, 0, 38, 3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0xc0, 0x13, 0]);
    let (port, served) = serve(None, |mut connection| async move {
        let wire = &mut connection.wire;
        let mut record = [0; 5];
        wire.read_exact(&mut record).await.unwrap();
        let length = u16::from_be_bytes([record[3], record[4]]);
        wire.read_exact(&mut vec![0; length.into()]).await.unwrap();
        connection.say(hello).await;
        // The alert that answers it: fatal (2), protocol_version (70).
        let mut alert = [0; 7];
        connection.wire.read_exact(&mut alert).await.unwrap();
        [alert[0], alert[5], alert[6]]
    })
    .await;
    let url = format!("https://localhost:{port}/");
    let error = authority.client().call(get(&url)).await.unwrap_err();
    assert_eq!(error.kind(), "tls");
    assert_eq!(served.await.unwrap(), [21, 2, 70]);
}

#[test]
fn a_text_without_certificates_is_an_error_when_the_client_is_made() {
    let made = |text: &str| {
        let (path, pem) = ("/h/ca.pem".into(), text.into());
        Client::new(&Trust::Pem { path, pem }).map(|_| ())
    };
    let empty = made("").unwrap_err();
    assert!(matches!(empty, TrustError::EmptyFile { .. }));
    assert_eq!(empty.kind(), "bad_ca_file");
    assert!(empty.to_string().contains("/h/ca.pem"));
    let truncated = made("-----BEGIN CERTIFICATE-----\nMIIB");
    assert!(matches!(truncated, Err(TrustError::File { .. })));
    let wrong = made("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
    assert!(matches!(wrong, Err(TrustError::Certificate { .. })));
}
