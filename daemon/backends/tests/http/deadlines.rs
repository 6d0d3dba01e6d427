//! Tests of deadlines. Those that pass are short, the others never do.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use vault_backends::http::{Deadline, Deadlines, Failure};

use crate::authority::Authority;
use crate::server::{NEVER, SOON, any_client, get, serve};

const FOREVER: Deadlines = Deadlines {
    connect: NEVER,
    first_byte: NEVER,
    whole: NEVER,
};

#[tokio::test]
async fn a_server_that_does_not_answer_the_handshake() {
    let (port, served) = serve(None, |mut connection| async move {
        let mut hello = Vec::new();
        connection.wire.read_to_end(&mut hello).await.unwrap();
        hello.len()
    })
    .await;
    let mut request = get(&format!("https://localhost:{port}/"));
    request.deadlines = Deadlines {
        connect: SOON,
        ..FOREVER
    };
    let error = Authority::new().client().call(request).await.unwrap_err();
    assert_eq!(error.failure(), Failure::Timeout(Deadline::Connect));
    assert_eq!(error.kind(), "timeout_connect");
    assert!(served.await.unwrap() > 0, "the connection was closed");
}

#[tokio::test]
async fn a_server_that_says_nothing_or_not_all_of_the_head() {
    for said in ["", "HTTP/1.1 200 OK\r\ncontent-le"] {
        let (port, served) = serve(None, move |mut connection| async move {
            connection.request().await;
            connection.say(said).await;
            connection.closed().await;
        })
        .await;
        let mut request = get(&format!("http://127.0.0.1:{port}/"));
        request.deadlines = Deadlines {
            first_byte: SOON,
            ..FOREVER
        };
        let error = any_client().call(request).await.unwrap_err();
        assert_eq!(error.failure(), Failure::Timeout(Deadline::FirstByte));
        assert_eq!(error.kind(), "timeout_first_byte");
        served.await.unwrap();
    }
}

#[tokio::test]
async fn a_server_that_never_comes_to_an_end() {
    let (port, served) = serve(None, |mut connection| async move {
        connection.request().await;
        connection
            .say("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
            .await;
        let mut drip = tokio::time::interval(Duration::from_millis(20));
        loop {
            drip.tick().await;
            if connection.wire.write_all(b"x").await.is_err() {
                return;
            }
        }
    })
    .await;
    let mut request = get(&format!("http://127.0.0.1:{port}/"));
    request.deadlines = Deadlines {
        whole: SOON,
        ..FOREVER
    };
    let error = any_client().call(request).await.unwrap_err();
    assert_eq!(error.failure(), Failure::Timeout(Deadline::Whole));
    assert_eq!(error.kind(), "timeout_whole");
    served.await.unwrap();
}

#[tokio::test]
async fn the_whole_counts_the_parts() {
    let (port, _) = serve(None, |mut connection| async move {
        connection.request().await;
        connection.closed().await;
    })
    .await;
    let mut request = get(&format!("http://127.0.0.1:{port}/"));
    request.deadlines = Deadlines {
        whole: SOON,
        ..FOREVER
    };
    let error = any_client().call(request).await.unwrap_err();
    assert_eq!(error.kind(), "timeout_whole");
}
