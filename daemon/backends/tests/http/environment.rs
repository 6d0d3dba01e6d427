//! Tests of what the environment changes. A proxy nothing, the list of authorities what it always does.
//!
//! The environment belongs to a whole process, so each of these runs itself once more with another.

use std::path::Path;
use std::process::Command;

use vault_backends::http::{Client, Trust};

use crate::authority::Authority;
use crate::server::{get, serve};

const ROLE: &str = "HTTP_TEST_URL";
const ANSWER: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// Runs the test `name` again, to call `url`, and says whether that succeeded.
async fn again(name: &str, url: String, variables: &[(&str, &Path)]) -> bool {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name]).env(ROLE, url);
    for (variable, value) in variables {
        command.env(variable, value);
    }
    let output = tokio::task::spawn_blocking(move || command.output());
    output.await.unwrap().unwrap().status.success()
}

#[tokio::test]
async fn proxies_of_the_environment_are_ignored() {
    if let Ok(url) = std::env::var(ROLE) {
        crate::server::any_client().call(get(&url)).await.unwrap();
        return;
    }
    let (port, served) = serve(None, |mut connection| async move {
        let request = connection.request().await;
        connection.say(ANSWER).await;
        request
    })
    .await;
    // Nobody listens there.
    let proxy = Path::new("http://127.0.0.1:1");
    let variables = [
        "http_proxy",
        "HTTP_PROXY",
        "https_proxy",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "all_proxy",
    ]
    .map(|name| (name, proxy));
    let name = "environment::proxies_of_the_environment_are_ignored";
    assert!(again(name, format!("http://127.0.0.1:{port}/"), &variables).await);
    let (head, _) = served.await.unwrap();
    assert!(head.starts_with("GET / HTTP/1.1\r\n"), "{head}");
}

#[tokio::test]
async fn the_system_s_authorities_are_believed_and_no_others() {
    if let Ok(url) = std::env::var(ROLE) {
        Client::new(&Trust::System)
            .unwrap()
            .call(get(&url))
            .await
            .unwrap();
        return;
    }
    let (known, unknown) = (Authority::new(), Authority::new());
    for (authority, believed) in [(&known, true), (&unknown, false)] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let tls = authority.vouch_for("localhost");
        let served = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            if let Ok(stream) = tls.accept(stream).await {
                let wire = Box::new(stream);
                let mut connection = crate::server::Connection { wire };
                connection.request().await;
                connection.say(ANSWER).await;
            }
        });
        let directory = tempfile::tempdir().unwrap();
        let variables = [
            ("SSL_CERT_FILE", known.file.path()),
            ("SSL_CERT_DIR", directory.path()),
        ];
        let name = "environment::the_system_s_authorities_are_believed_and_no_others";
        let succeeded = again(name, format!("https://localhost:{port}/"), &variables).await;
        assert_eq!(succeeded, believed);
        served.await.unwrap();
    }
}
