//! Tunnels through a proxy, by CONNECT (RFC 9110, section 9.3.6).

use std::fmt;
use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long the head of the proxy's answer may be.
const HEAD_BYTES: usize = 8 * 1024;

/// Why a proxy does not pass bytes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyProblem {
    /// Its name leads to no address.
    Dns,
    /// No connection to it was made.
    Connect,
    /// It answered with this status.
    Refused(u16),
    /// It ended the connection instead of answering.
    Ended,
    /// What it answered is not HTTP.
    NotHttp,
}

/// Asks for a tunnel to `target`, a host and a port. What comes after the answer is the target's.
pub(super) async fn open(mut stream: TcpStream, target: &str) -> Result<TcpStream, ProxyProblem> {
    let request = format!("CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n\r\n");
    let sent = stream.write_all(request.as_bytes()).await;
    sent.map_err(|_| ProxyProblem::Ended)?;
    let head = head(&mut stream).await?;
    match status(&head).ok_or(ProxyProblem::NotHttp)? {
        200..300 => Ok(stream),
        status => Err(ProxyProblem::Refused(status)),
    }
}

/// Reads by the byte: the first one behind the head is not the proxy's any more.
async fn head(stream: &mut TcpStream) -> Result<Vec<u8>, ProxyProblem> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == HEAD_BYTES {
            return Err(ProxyProblem::NotHttp);
        }
        let byte = stream.read_u8().await;
        head.push(byte.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof if !head.is_empty() => ProxyProblem::NotHttp,
            _ => ProxyProblem::Ended,
        })?);
    }
    Ok(head)
}

/// The number in `HTTP/1.1 200 Connection established`.
fn status(head: &[u8]) -> Option<u16> {
    let line = head.strip_prefix(b"HTTP/1.")?;
    let (digits, behind) = line.get(2..)?.split_at_checked(3)?;
    let is_whole = line[0].is_ascii_digit()
        && line[1] == b' '
        && digits.iter().all(u8::is_ascii_digit)
        && behind.first().is_some_and(u8::is_ascii_whitespace);
    let status = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (is_whole && status >= 100).then_some(status)
}

impl fmt::Display for ProxyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns => f.write_str("the proxy's name leads to no address"),
            Self::Connect => f.write_str("no connection to the proxy was made"),
            Self::Refused(407) => f.write_str(
                "the proxy wants a password (status 407), and none can be given; use one that needs none",
            ),
            Self::Refused(403) => {
                f.write_str("the proxy does not allow that (status 403); ask who runs it")
            }
            Self::Refused(status) => write!(f, "the proxy refuses (status {status})"),
            Self::Ended => f.write_str("the proxy ended the connection"),
            Self::NotHttp => f.write_str("what the proxy answered is not HTTP"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_from_a_whole_line_alone() {
        for (head, expected) in [
            ("HTTP/1.1 200 Connection established\r\n\r\n", Some(200)),
            ("HTTP/1.0 407\r\n\r\n", Some(407)),
            ("HTTP/1.1 099 \r\n\r\n", None),
            ("HTTP/1.1 2000 \r\n\r\n", None),
            ("HTTP/1.1 +20 \r\n\r\n", None),
            ("HTTP/1.1 20\r\n\r\n", None),
            ("HTTP/2 200 \r\n\r\n", None),
            ("HTTP/1.", None),
            ("SSH-2.0-x\r\n\r\n", None),
        ] {
            assert_eq!(status(head.as_bytes()), expected, "{head}");
        }
    }
}
