//! Tests of what is sent.

use tokio::net::TcpSocket;
use tokio::sync::oneshot;
use vault_backends::error::{BackendError, Class};
use vault_backends::http::{Failure, HeaderMap, HttpError, Method, UrlProblem, header};
use zeroize::Zeroizing;

use crate::authority::Authority;
use crate::server::{any_client, get, serve};

const ANSWER: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
        .collect()
}

#[tokio::test]
async fn the_request_goes_out_as_it_was_given() {
    let authority = Authority::new();
    let tls = authority.vouch_for("localhost");
    let (port, served) = serve(Some(tls), |mut connection| async move {
        let request = connection.request().await;
        connection.say(ANSWER).await;
        request
    })
    .await;
    let mut request = get(&format!(
        "https://localhost:{port}/a%2fb/../c?name=a+b%20c%7E~*&page=%2B/=&empty="
    ));
    request.method = Method::PUT;
    request.headers = headers(&[
        ("date", "Mon, 05 Jan 2026 21:31:40 GMT"),
        ("authorization", "Signature version=\"1\""),
        ("content-length", "7"),
    ]);
    request.body = Some(Zeroizing::new(b"{\"a\":1}".to_vec()));
    authority.client().call(request).await.unwrap();
    let (head, body) = served.await.unwrap();
    let mut lines: Vec<&str> = head.lines().filter(|line| !line.is_empty()).collect();
    lines[1..].sort_unstable();
    assert_eq!(
        lines,
        [
            "PUT /a%2fb/../c?name=a+b%20c%7E~*&page=%2B/=&empty= HTTP/1.1",
            "authorization: Signature version=\"1\"",
            "connection: close",
            "content-length: 7",
            "date: Mon, 05 Jan 2026 21:31:40 GMT",
            &format!("host: localhost:{port}"),
        ]
    );
    assert_eq!(body, b"{\"a\":1}");
}

#[tokio::test]
async fn a_post_without_a_body_says_so_and_a_get_does_not() {
    for (method, told) in [(Method::POST, 1), (Method::GET, 0), (Method::DELETE, 0)] {
        let (port, served) = serve(None, |mut connection| async move {
            let request = connection.request().await;
            connection.say(ANSWER).await;
            request
        })
        .await;
        let mut request = get(&format!("http://127.0.0.1:{port}"));
        request.method = method.clone();
        any_client().call(request).await.unwrap();
        let (head, _) = served.await.unwrap();
        assert!(
            head.starts_with(&format!("{method} / HTTP/1.1\r\n")),
            "{head}"
        );
        assert_eq!(
            head.matches("content-length: 0\r\n").count(),
            told,
            "{head}"
        );
        assert!(!head.contains("transfer-encoding"), "{head}");
    }
}

#[tokio::test]
async fn a_host_that_was_given_is_the_one_that_is_sent() {
    let (port, served) = serve(None, |mut connection| async move {
        let request = connection.request().await;
        connection.say(ANSWER).await;
        request
    })
    .await;
    let mut request = get(&format!("http://127.0.0.1:{port}/"));
    request.headers = headers(&[("host", "vaults.example")]);
    any_client().call(request).await.unwrap();
    let (head, _) = served.await.unwrap();
    assert!(head.contains("\r\nhost: vaults.example\r\n"), "{head}");
    assert_eq!(head.matches("host:").count(), 1, "{head}");
}

#[tokio::test]
async fn the_connection_ends_with_the_call_even_if_the_server_would_keep_it() {
    let authority = Authority::new();
    for encrypted in [false, true] {
        let tls = encrypted.then(|| authority.vouch_for("localhost"));
        let (port, served) = serve(tls, |mut connection| async move {
            connection.request().await;
            connection
                .say("HTTP/1.1 200 OK\r\nconnection: keep-alive\r\ncontent-length: 0\r\n\r\n")
                .await;
            connection.closed().await;
        })
        .await;
        let scheme = if encrypted { "https" } else { "http" };
        let client = authority.client();
        client
            .call(get(&format!("{scheme}://localhost:{port}/")))
            .await
            .unwrap();
        // The client is still there, and keeps nothing.
        served.await.unwrap();
        drop(client);
    }
}

#[tokio::test]
async fn a_call_that_is_given_up_closes_its_connection() {
    let (asked, is_asked) = oneshot::channel();
    let (port, served) = serve(None, |mut connection| async move {
        connection.request().await;
        asked.send(()).unwrap();
        connection.closed().await;
    })
    .await;
    let client = any_client();
    tokio::select! {
        _ = client.call(get(&format!("http://127.0.0.1:{port}/"))) => panic!("nobody answers"),
        asked = is_asked => asked.unwrap(),
    }
    served.await.unwrap();
}

#[tokio::test]
async fn plain_http_to_elsewhere_is_refused_before_anything_is_sent() {
    let error = any_client()
        .call(get("http://192.0.2.1/"))
        .await
        .unwrap_err();
    assert_eq!(error.failure(), Failure::Url(UrlProblem::Plain));
    assert_eq!(error.class(), Class::Request);
}

#[tokio::test]
async fn a_name_without_an_address_and_a_port_without_a_server() {
    // No resolver is asked for a name whose first part is too long.
    let error = any_client()
        .call(get(&format!("https://{}.example/", "a".repeat(64))))
        .await
        .unwrap_err();
    assert_eq!((error.kind(), error.class()), ("dns", Class::Outage));
    // Bound, so that nobody else takes the port, and not listening.
    let deaf = TcpSocket::new_v4().unwrap();
    deaf.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let port = deaf.local_addr().unwrap().port();
    let url = format!("https://127.0.0.1:{port}/");
    let error = any_client().call(get(&url)).await.unwrap_err();
    assert_eq!((error.kind(), error.class()), ("connect", Class::Outage));
}

/// Everything a person may ever be shown of an error.
fn told(error: HttpError) -> String {
    let shown = format!("{error} {error:?}");
    format!("{shown} {}", BackendError::from(error))
}

#[tokio::test]
async fn no_message_repeats_what_was_sent_or_came() {
    for answer in [
        "",
        "planted",
        "HTTP/1.1 200 OK\r\nplanted\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nplanted",
        "HTTP/1.1 200 OK\r\ncontent-length: 2000\r\n\r\nplanted",
        "HTTP/1.1 302 planted\r\nlocation: /planted\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nplanted",
        "HTTP/1.1 200 OK\r\ncontent-length: planted\r\n\r\n",
    ] {
        let (port, _) = serve(None, move |mut connection| async move {
            connection.request().await;
            connection.say(answer).await;
        })
        .await;
        let mut request = get(&format!("http://127.0.0.1:{port}/planted?planted=planted"));
        request.method = Method::POST;
        request.body = Some(Zeroizing::new(b"planted".to_vec()));
        request.headers = headers(&[(header::AUTHORIZATION.as_str(), "planted")]);
        let told = told(any_client().call(request).await.unwrap_err());
        assert!(!told.contains("planted"), "{told}");
        assert!(told.contains("127.0.0.1"), "{told}");
    }
    for url in [
        "http://vaults.example/planted?planted",
        "https://planted@vaults.example/",
    ] {
        let told = told(any_client().call(get(url)).await.unwrap_err());
        assert!(!told.contains("planted"), "{told}");
    }
}

#[tokio::test]
async fn a_reply_shows_no_body_and_no_header() {
    let answer = "HTTP/1.1 200 OK\r\netag: planted\r\ncontent-length: 7\r\n\r\nplanted";
    let reply = crate::server::answered_with(answer).await.unwrap();
    let shown = format!("{reply:?}");
    assert!(
        !shown.contains("planted") && !shown.contains("112"),
        "{shown}"
    );
}
