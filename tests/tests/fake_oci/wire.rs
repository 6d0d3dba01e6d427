//! HTTP over a socket. Bytes, written and read by hand.

use std::fmt::Write as _;
use std::io::{Error, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;
use vault_tests::oci::FakeOci;

/// A request with every header it has.
#[derive(Clone, Debug)]
pub(crate) struct Raw {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Raw {
    pub(crate) fn new(method: &str, target: &str) -> Self {
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// Sets a header, or adds it.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self = self.without(name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let mut headers = self.headers.iter();
        &headers.find(|(known, _)| known == name).unwrap().1
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut head = format!(
            "{} {} HTTP/1.1\r\nconnection: close\r\n",
            self.method, self.target
        );
        for (name, value) in &self.headers {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        [head.as_bytes(), b"\r\n", &self.body].concat()
    }

    /// Sends it over plain HTTP.
    pub(crate) fn to(&self, fake: &FakeOci) -> Answer {
        self.attempt(fake).unwrap()
    }

    /// The same, where the connection may end too early.
    pub(crate) fn attempt(&self, fake: &FakeOci) -> Result<Answer, Error> {
        let address = fake.http_url().replacen("http://", "", 1);
        let mut stream = TcpStream::connect(address)?;
        stream.write_all(&self.bytes())?;
        Answer::read(stream)
    }

    /// Sends it over HTTPS, believing the fake's authority alone.
    pub(crate) fn to_tls(&self, fake: &FakeOci) -> Answer {
        let mut roots = RootCertStore::empty();
        let authority = CertificateDer::from_pem_slice(fake.ca_pem().as_bytes()).unwrap();
        roots.add(authority).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let tls = ClientConnection::new(Arc::new(config), name).unwrap();
        let address = fake.https_url().replacen("https://", "", 1);
        let mut stream = StreamOwned::new(tls, TcpStream::connect(address).unwrap());
        stream.write_all(&self.bytes()).unwrap();
        Answer::read(stream).unwrap()
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    fn read(mut stream: impl Read) -> Result<Self, Error> {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let end = end.ok_or_else(|| Error::other("no whole head"))?;
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let answer = Self {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head,
            body: bytes[end + 4..].to_vec(),
        };
        match answer.header("content-length") {
            Some(length) if length.parse() != Ok(answer.body.len()) => {
                Err(Error::other("no whole body"))
            }
            _ => Ok(answer),
        }
    }

    /// How many bytes it had.
    pub(crate) fn length(&self) -> usize {
        self.head.len() + 4 + self.body.len()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Status, code and text of an error of the service's.
    pub(crate) fn error(&self) -> (u16, String, String) {
        let body = self.json();
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        (self.status, text("code"), text("message"))
    }
}
