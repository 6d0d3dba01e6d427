//! Tests of calls through a proxy.

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use vault_backends::error::Class;
use vault_backends::http::{Client, Deadlines, Failure, HttpError, ProxyProblem};

use crate::authority::Authority;
use crate::server::{NEVER, SOON, any_client, get, serve};

const ANSWER: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
const OPEN: &str = "HTTP/1.1 200 Connection established\r\nvia: x\r\n\r\n";

/// A proxy that opens a tunnel to a port of this machine, and gives the head it was asked with.
async fn tunnel_to(port: u16) -> (u16, JoinHandle<String>) {
    serve(None, move |mut connection| async move {
        let (head, _) = connection.request().await;
        connection.say(OPEN).await;
        let mut target = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        // The client leaves TLS without an end where it does not believe the server.
        let _ = copy_bidirectional(&mut connection.wire, &mut target).await;
        head
    })
    .await
}

fn through(client: Client, port: u16) -> Client {
    let proxy = format!("http://127.0.0.1:{port}");
    client.through(proxy.parse().unwrap())
}

/// What the client makes of a proxy that answers like this, and says no more.
async fn refused(answer: &'static str) -> HttpError {
    let (port, _) = serve(None, move |mut connection| async move {
        connection.request().await;
        connection.say(answer).await;
    })
    .await;
    let client = through(any_client(), port);
    let call = client.call(get("https://vaults.example/x"));
    let error = call.await.unwrap_err();
    let place = format!("connect to vaults.example:443 through the proxy 127.0.0.1:{port}: ");
    assert!(error.to_string().starts_with(&place), "{error}");
    error
}

#[tokio::test]
async fn tls_goes_through_and_the_name_is_the_proxy_s_to_find() {
    let authority = Authority::new();
    let tls = authority.vouch_for("vaults.example");
    let (vault, served) = serve(Some(tls), |mut connection| async move {
        let (head, _) = connection.request().await;
        connection.say(ANSWER).await;
        head
    })
    .await;
    let (port, asked) = tunnel_to(vault).await;
    let client = through(authority.client(), port);
    // No address has this name.
    let reply = client.call(get("https://vaults.example:8443/path")).await;
    assert_eq!(reply.unwrap().body.as_slice(), b"{}");
    let head = served.await.unwrap();
    assert!(head.starts_with("GET /path HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("host: vaults.example:8443\r\n"), "{head}");
    assert!(!head.contains("proxy"), "{head}");
    let expected = "CONNECT vaults.example:8443 HTTP/1.1\r\nhost: vaults.example:8443\r\n\r\n";
    assert_eq!(asked.await.unwrap(), expected);
}

#[tokio::test]
async fn a_proxy_that_answers_in_the_vault_s_place_is_not_believed() {
    let authority = Authority::new();
    for tls in [
        Authority::new().vouch_for("vaults.example"),
        authority.vouch_for("proxy.example"),
    ] {
        let (port, _) = serve(None, move |mut connection| async move {
            connection.request().await;
            connection.say(OPEN).await;
            let _ = tls.accept(connection.wire).await;
        })
        .await;
        let client = through(authority.client(), port);
        let error = client
            .call(get("https://vaults.example/"))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), "tls");
        assert!(error.to_string().contains("through the proxy 127.0.0.1:"));
    }
}

#[tokio::test]
async fn each_refusal_is_a_proxy_s_and_says_what_to_do() {
    for (answer, problem, words) in [
        (
            "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
            ProxyProblem::Refused(407),
            "use one that needs none",
        ),
        (
            "HTTP/1.1 403 Forbidden\r\n\r\n",
            ProxyProblem::Refused(403),
            "does not allow",
        ),
        ("HTTP/1.0 502 x\r\n\r\n", ProxyProblem::Refused(502), "502"),
        (
            "HTTP/1.1 302 x\r\nlocation: https://x/\r\n\r\n",
            ProxyProblem::Refused(302),
            "302",
        ),
        ("", ProxyProblem::Ended, "ended the connection"),
        ("HTTP/1.1 200 OK\r\n", ProxyProblem::NotHttp, "not HTTP"),
        ("SSH-2.0-x\r\n\r\n", ProxyProblem::NotHttp, "not HTTP"),
    ] {
        let error = refused(answer).await;
        assert_eq!(error.failure(), Failure::Proxy(problem), "{answer}");
        assert_eq!((error.kind(), error.class()), ("proxy", Class::Outage));
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[tokio::test]
async fn a_head_without_an_end_is_not_read_for_ever() {
    let (port, served) = serve(None, |mut connection| async move {
        connection.request().await;
        let line = [b'x'; 1000];
        let mut said = 0;
        while connection.wire.write_all(&line).await.is_ok() && said < 1_000_000 {
            said += line.len();
        }
    })
    .await;
    let client = through(any_client(), port);
    let error = client
        .call(get("https://vaults.example/"))
        .await
        .unwrap_err();
    assert_eq!(error.failure(), Failure::Proxy(ProxyProblem::NotHttp));
    served.await.unwrap();
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_named() {
    let deaf = tokio::net::TcpSocket::new_v4().unwrap();
    deaf.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let port = deaf.local_addr().unwrap().port();
    let client = through(any_client(), port);
    let error = client
        .call(get("https://vaults.example/"))
        .await
        .unwrap_err();
    assert_eq!(error.failure(), Failure::Proxy(ProxyProblem::Connect));
    let nobody = any_client().through("http://a..b:3128".parse().unwrap());
    let error = nobody
        .call(get("https://vaults.example/"))
        .await
        .unwrap_err();
    assert_eq!(error.failure(), Failure::Proxy(ProxyProblem::Dns));
    assert!(error.to_string().contains("a..b:3128"), "{error}");
}

#[tokio::test]
async fn a_proxy_that_says_nothing_is_left_when_the_time_to_connect_is_over() {
    let (port, served) = serve(None, |mut connection| async move {
        connection.request().await;
        connection.wire.read_u8().await.unwrap_err().kind()
    })
    .await;
    let mut request = get("https://vaults.example/");
    request.deadlines = Deadlines {
        connect: SOON,
        first_byte: NEVER,
        whole: NEVER,
    };
    let client = through(any_client(), port);
    let error = client.call(request).await.unwrap_err();
    assert_eq!(error.kind(), "timeout_connect");
    assert!(error.to_string().contains("through the proxy"), "{error}");
    assert_eq!(served.await.unwrap(), std::io::ErrorKind::UnexpectedEof);
}

#[tokio::test]
async fn what_stays_on_the_machine_goes_through_no_proxy() {
    let (port, served) = serve(None, |mut connection| async move {
        let (head, _) = connection.request().await;
        connection.say(ANSWER).await;
        head
    })
    .await;
    // Nobody listens there.
    let client = through(any_client(), 1);
    let url = format!("http://127.0.0.1:{port}/opc/v2/");
    client.call(get(&url)).await.unwrap();
    let head = served.await.unwrap();
    assert!(head.starts_with("GET /opc/v2/ HTTP/1.1\r\n"), "{head}");
    assert!(!head.contains("proxy"), "{head}");
}
