//! Tests of replies: whole, and no longer than they may be.

use vault_backends::http::{Failure, StatusCode};

use crate::authority::Authority;
use crate::server::{answered_with, any_client, get, serve};

#[tokio::test]
async fn a_reply_of_any_status_is_a_reply() {
    for status in [200, 204, 400, 401, 404, 429, 500, 503] {
        let length = if status == 204 {
            ""
        } else {
            "content-length: 2\r\n"
        };
        let body = if status == 204 { "" } else { "{}" };
        let answer = format!("HTTP/1.1 {status} x\r\netag: e\r\n{length}\r\n{body}");
        let reply = answered_with(answer).await.unwrap();
        assert_eq!(reply.status.as_u16(), status);
        assert_eq!(reply.headers["etag"], "e");
        assert_eq!(reply.body.as_slice(), body.as_bytes());
    }
}

#[tokio::test]
async fn a_body_is_read_however_its_length_is_told() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nabcdef",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n4\r\ncdef\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\nabcdef",
    ] {
        let reply = answered_with(answer).await.unwrap();
        assert_eq!(reply.body.as_slice(), b"abcdef", "{answer}");
    }
}

#[tokio::test]
async fn a_body_is_read_up_to_the_bound_and_no_further() {
    let told = |length: usize| {
        format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{}",
            "x".repeat(length)
        )
    };
    let untold = |length: usize| format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(length));
    for answer in [told(1000), untold(1000)] {
        assert_eq!(answered_with(answer).await.unwrap().body.len(), 1000);
    }
    for answer in [told(1001), untold(1001), untold(100_000)] {
        let error = answered_with(answer).await.unwrap_err();
        assert_eq!(error.failure(), Failure::TooLarge { max_bytes: 1000 });
        assert_eq!(error.kind(), "too_large");
    }
}

#[tokio::test]
async fn a_length_that_would_fill_the_memory_is_refused_before_the_body_comes() {
    let (port, served) = serve(None, |mut connection| async move {
        connection.request().await;
        connection
            .say("HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551613\r\n\r\n")
            .await;
        connection.closed().await;
    })
    .await;
    let error = any_client()
        .call(get(&format!("http://127.0.0.1:{port}/")))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), "too_large");
    served.await.unwrap();
}

#[tokio::test]
async fn a_reply_that_is_cut_off_is_none() {
    for answer in [
        "",
        "HTTP/1.1 200 OK\r\ncontent-le",
        "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\nabc",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ] {
        let error = answered_with(answer).await.unwrap_err();
        assert_eq!(error.kind(), "truncated", "{answer:?}");
    }
}

#[tokio::test]
async fn a_body_that_the_end_of_tls_should_have_ended_is_none_without_it() {
    let authority = Authority::new();
    for ends in [true, false] {
        let tls = authority.vouch_for("localhost");
        let (port, _) = serve(Some(tls), move |mut connection| async move {
            connection.request().await;
            connection.say("HTTP/1.1 200 OK\r\n\r\nabc").await;
            if ends {
                tokio::io::AsyncWriteExt::shutdown(&mut connection.wire)
                    .await
                    .unwrap();
            }
        })
        .await;
        let url = format!("https://localhost:{port}/");
        match authority.client().call(get(&url)).await {
            Ok(reply) => assert!(ends && reply.body.as_slice() == b"abc"),
            Err(error) => assert!(!ends && error.kind() == "truncated", "{error:?}"),
        }
    }
}

#[tokio::test]
async fn a_connection_that_is_torn_down_is_told_as_such() {
    let authority = Authority::new();
    for said in ["", "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nabc"] {
        for encrypted in [false, true] {
            let tls = encrypted.then(|| authority.vouch_for("localhost"));
            // The client takes what was said before it sees the reset; a reset discards what it has not.
            let (port, _) = serve(tls, move |mut connection| async move {
                connection.request().await;
                connection.say(said).await;
                connection.wire.end_with_reset();
            })
            .await;
            let scheme = if encrypted { "https" } else { "http" };
            let url = format!("{scheme}://localhost:{port}/");
            let error = authority.client().call(get(&url)).await.unwrap_err();
            assert_eq!(error.kind(), "reset", "{said:?} {encrypted} {error:?}");
        }
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let (target, reached) = serve(None, |mut connection| async move {
            connection.request().await;
        })
        .await;
        let answer = format!(
            "HTTP/1.1 {status} x\r\nlocation: http://127.0.0.1:{target}/?key=planted\r\n\
             content-length: 0\r\n\r\n"
        );
        let error = answered_with(answer).await.unwrap_err();
        let status = StatusCode::from_u16(status).unwrap();
        assert_eq!(error.failure(), Failure::Redirect(status));
        assert_eq!(error.kind(), "redirect");
        assert!(!format!("{error} {error:?}").contains("planted"));
        assert!(!reached.is_finished(), "nobody called there");
        reached.abort();
    }
}

#[tokio::test]
async fn what_is_not_http_is_no_reply() {
    for answer in [
        "SSH-2.0-OpenSSH_9.2\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\nbad header\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nmany\r\n".to_owned(),
        format!("HTTP/1.1 200 OK\r\nlong: {}\r\n\r\n", "x".repeat(40_000)),
    ] {
        match answered_with(&answer).await {
            Ok(reply) => panic!("{reply:?} from {:?}", &answer[..20]),
            Err(error) => assert_eq!(error.kind(), "not_http", "{error:?}"),
        }
    }
}
