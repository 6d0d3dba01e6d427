//! The instance metadata service.
//!
//! Plain HTTP to an address that only the instance reaches, and never through a proxy. What is not there
//! yet while an instance starts is asked for again.

use std::time::Duration;

use tokio::time::sleep;
use zeroize::Zeroizing;

use super::auth_service::MOST_BYTES;
use crate::error::{BackendError, Class, Contact};
use crate::http::header::{AUTHORIZATION, HeaderValue};
use crate::http::{self, Deadline, Deadlines, Failure, HeaderMap, HttpError, Method, Request, Uri};
use crate::oci::certificate::Certificate;
use crate::oci::instance_metadata::InstanceMetadata;
use crate::oci::key::PrivateKey;

/// The metadata service of this instance.
pub(super) struct Metadata {
    client: http::Client,
    bases: Vec<InstanceMetadata>,
}

/// What an instance proves with who it is: one whole.
pub(super) struct Proof {
    pub(super) leaf: Certificate,
    pub(super) key: PrivateKey,
    pub(super) intermediate: Certificate,
}

impl Metadata {
    /// The service where the variable `OCI_METADATA_BASE_URL` says, or where it always is.
    pub(super) fn new(client: http::Client, variable: Option<&str>) -> Result<Self, BackendError> {
        let bases = InstanceMetadata::candidates(variable).map_err(|error| {
            let message = format!("OCI_METADATA_BASE_URL: {error}");
            BackendError::not_sent(Class::Request, "bad_variable", message)
        })?;
        Ok(Self { client, bases })
    }

    /// The region's key or identifier.
    pub(super) async fn region(&self) -> Result<String, BackendError> {
        let path = "instance/region";
        let text = self.patiently(path).await?;
        let region = text.trim().to_lowercase();
        // Another text, a page of somebody in between say, would be taken for a region that nobody knows.
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if region.len() > LONGEST_REGION || !region.bytes().all(is_letter) {
            return Err(unusable(path, "it is no region's key or identifier"));
        }
        Ok(region)
    }

    /// What is said of the region and its realm; nothing where the service has no such thing. Without it
    /// a new realm would be taken for another.
    pub(super) async fn region_info(&self) -> Result<Option<String>, BackendError> {
        match self.patiently("instance/regionInfo").await {
            Ok(text) => Ok(Some(text.to_string())),
            Err(error) if error.kind() == NOT_FOUND => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The instance's OCID.
    pub(super) async fn instance_id(&self) -> Result<String, BackendError> {
        let text = self.patiently("instance/id").await?;
        Ok(text.trim().to_owned())
    }

    /// Certificate, key and intermediate certificate. They change together every few hours, so what does
    /// not belong together is asked for again.
    pub(super) async fn proof(&self) -> Result<Proof, BackendError> {
        let mut pauses = PAUSES.iter();
        loop {
            match self.proof_of_now().await {
                Err(error) if may_pass(&error) => match pauses.next() {
                    Some(pause) => sleep(*pause).await,
                    None => return Err(error),
                },
                proof => return proof,
            }
        }
    }

    async fn proof_of_now(&self) -> Result<Proof, BackendError> {
        let leaf = self.text("identity/cert.pem").await?;
        let key = self.text("identity/key.pem").await?;
        let intermediate = self.text("identity/intermediate.pem").await?;
        let certificate = |pem: &str, path: &str| {
            let read = Certificate::from_pem(pem.as_bytes());
            read.map_err(|error| unusable(path, &error.to_string()))
        };
        let leaf = certificate(&leaf, "identity/cert.pem")?;
        let intermediate = certificate(&intermediate, "identity/intermediate.pem")?;
        let key = PrivateKey::from_pem(key.as_bytes(), None);
        let key = key.map_err(|error| unusable("identity/key.pem", &error.to_string()))?;
        if key.public_key_der() != leaf.public_key_der() {
            let words = "it is not the key of the certificate that came before it";
            return Err(unusable("identity/key.pem", words));
        }
        Ok(Proof {
            leaf,
            key,
            intermediate,
        })
    }

    async fn patiently(&self, path: &str) -> Result<Zeroizing<String>, BackendError> {
        let mut pauses = PAUSES.iter();
        loop {
            match self.text(path).await {
                Err(error) if may_pass(&error) => match pauses.next() {
                    Some(pause) => sleep(*pause).await,
                    None => return Err(error),
                },
                text => return text,
            }
        }
    }

    /// The text at a path, from the first address that there is a way to.
    async fn text(&self, path: &str) -> Result<Zeroizing<String>, BackendError> {
        let mut last = None;
        for base in &self.bases {
            let reply = self.client.call(request(base, path)).await;
            match reply {
                Ok(reply) if reply.status.is_success() => {
                    let text = std::str::from_utf8(&reply.body).map(str::trim);
                    let text = text.ok().filter(|text| !text.is_empty());
                    let text = text.map(|text| Zeroizing::new(text.to_owned()));
                    return text.ok_or_else(|| unusable(path, "the reply is empty or not a text"));
                }
                Ok(reply) => return Err(refused(path, reply.status.as_u16())),
                Err(error) if is_nowhere(&error) => last = Some(error),
                Err(error) => {
                    let (contact, class, kind) = (error.contact(), error.class(), error.kind());
                    let message = format!(
                        "ask the instance metadata service for {path}: {}; {LOOK}",
                        whole(error)
                    );
                    return Err(BackendError::new(contact, class, kind, message));
                }
            }
        }
        let cause = last.map(whole).unwrap_or_default();
        let message = format!(
            "ask the instance metadata service: {cause}; vault.auth_method is for instances of OCI alone, \
             and their metadata service must be on"
        );
        Err(BackendError::no_reply(NO_METADATA, message))
    }
}

/// Whether it may be another matter in a moment. Where no address answers it is not: this is no instance.
/// One that hangs is not waited for again: there is no time for that.
fn may_pass(error: &BackendError) -> bool {
    let hangs = error.contact() == Contact::NoReply && error.kind().starts_with("timeout");
    error.is_retryable() && error.kind() != NO_METADATA && !hangs
}

fn request(base: &InstanceMetadata, path: &str) -> Request {
    let url: Uri = base.url(path).to_string().parse().expect("a URL of ours");
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer Oracle"));
    Request {
        method: Method::GET,
        url,
        headers,
        body: None,
        deadlines: DEADLINES,
        max_reply_bytes: MOST_BYTES,
    }
}

/// Whether there is no way to the address, so that the other one may be tried.
fn is_nowhere(error: &HttpError) -> bool {
    matches!(
        error.failure(),
        Failure::Dns | Failure::Connect | Failure::Timeout(Deadline::Connect)
    )
}

fn whole(error: HttpError) -> String {
    BackendError::from(error).to_string()
}

/// 404 comes while an instance starts, and for what an image is not given.
fn refused(path: &str, status: u16) -> BackendError {
    let message = format!("ask the instance metadata service for {path}: status {status}; {LOOK}");
    match status {
        404 => BackendError::replied(Class::Outage, NOT_FOUND, message),
        408 | 429 | 500.. => BackendError::replied(Class::Outage, "metadata_status", message),
        _ => BackendError::replied(Class::Credentials, "metadata_refused", message),
    }
}

fn unusable(path: &str, words: &str) -> BackendError {
    let message = format!("use {path} of the instance metadata service: {words}; {LOOK}");
    BackendError::replied(Class::Outage, "bad_metadata", message)
}

/// The service is a step away; off OCI nobody answers at its address.
const DEADLINES: Deadlines = Deadlines {
    connect: Duration::from_millis(1500),
    first_byte: Duration::from_secs(3),
    whole: Duration::from_secs(4),
};
const PAUSES: [Duration; 3] = [
    Duration::from_millis(100),
    Duration::from_millis(300),
    Duration::from_millis(900),
];
const LOOK: &str = "look whether `curl -H 'Authorization: Bearer Oracle' \
    http://169.254.169.254/opc/v2/instance/region` answers; vault.auth_method is for instances of OCI";
const LONGEST_REGION: usize = 63;
const NO_METADATA: &str = "no_metadata";
const NOT_FOUND: &str = "metadata_not_found";

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::http::Trust;

    fn base(listener: &TcpListener) -> InstanceMetadata {
        let address = listener.local_addr().expect("an address");
        let url = format!("http://{address}/opc/v2");
        InstanceMetadata::candidates(Some(&url))
            .expect("a base")
            .remove(0)
    }

    #[tokio::test]
    async fn where_there_is_no_way_to_the_first_address_the_second_is_asked() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listens");
        let deaf = TcpListener::bind("127.0.0.1:0").await.expect("listens");
        let bases = vec![base(&deaf), base(&listener)];
        drop(deaf);
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a call");
            let mut request = [0; 1024];
            let length = stream.read(&mut request).await.expect("a request");
            let request = String::from_utf8_lossy(&request[..length]).to_lowercase();
            assert!(
                request.contains("authorization: bearer oracle"),
                "{request}"
            );
            let reply = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n PHX\n";
            stream.write_all(reply).await.expect("sent");
        });
        let ca = rcgen::generate_simple_self_signed(["x".to_owned()]).expect("a certificate");
        let (path, pem) = ("ca.pem".into(), ca.cert.pem().into_bytes());
        let client = http::Client::new(&Trust::Pem { path, pem }).expect("a client");
        let metadata = Metadata { client, bases };
        assert_eq!(metadata.region().await.expect("a region"), "phx");
    }
}
