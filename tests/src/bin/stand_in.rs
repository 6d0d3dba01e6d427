//! A process that connects for somebody else, or as another user.
//!
//! `stand_in knock SOCKET` connects, says how that went, and whether it was answered.
//! `stand_in connect SOCKET CONTROL` connects, hands the connection to a child and ends when its
//! input does; the child (`speak CONTROL`, the connection as its input) says hello, reports that on
//! CONTROL, waits for a byte there, asks for the service `bar` and for a flush, and reports how
//! that went.
#![forbid(unsafe_code)]

use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use vault_proto::generated::{FlushRequest, LaunchRequest};
use vault_tests::rpc::{Envelope, Rpc, kind_of};

/// RFC 9113, section 3.4, and an empty SETTINGS frame.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

#[expect(
    clippy::print_stdout,
    reason = "its whole purpose is to say what happened"
)]
fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["knock", socket] => println!("{}", knock(Path::new(socket))),
        ["connect", socket, control] => connect(Path::new(socket), control)?,
        ["speak", control] => speak(Path::new(control))?,
        _ => bail!("see the head of this program's source"),
    }
    Ok(())
}

fn knock(socket: &Path) -> String {
    let mut stream = match UnixStream::connect(socket) {
        Ok(stream) => stream,
        Err(error) => return format!("not connected: {:?}", error.kind()),
    };
    // A daemon that has closed already breaks the pipe; that is an answer, too.
    let _ = stream.write_all(PREFACE);
    match stream.read(&mut [0; 64]) {
        Ok(1..) => "connected and answered".to_owned(),
        Ok(0) | Err(_) => "connected, and closed without a word".to_owned(),
    }
}

fn connect(socket: &Path, control: &str) -> Result<()> {
    let stream = UnixStream::connect(socket).context("cannot connect")?;
    Command::new(std::env::current_exe()?)
        .args(["speak", control])
        .stdin(OwnedFd::from(stream))
        .stdout(Stdio::null())
        .spawn()
        .context("cannot start the child")?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn speak(control: &Path) -> Result<()> {
    let mut control = UnixStream::connect(control).context("cannot report")?;
    let stream = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    stream.set_nonblocking(true)?;
    let mut rpc = Rpc::over(tokio::net::UnixStream::from_std(stream)?).await;
    rpc.daemon_key().await;
    control.write_all(b"greeted")?;
    control.read_exact(&mut [0])?;
    let envelope = Envelope::default();
    let request = LaunchRequest {
        service: "bar".to_owned(),
        public_key: envelope.public_key.clone(),
        request_id: envelope.request_id.clone(),
        ..LaunchRequest::default()
    };
    let launched = rpc.secrets.launch(request).await.map(drop);
    let flushed = rpc.admin.flush(FlushRequest::default()).await.map(drop);
    for (what, outcome) in [("launch", launched), ("flush", flushed)] {
        let outcome = match &outcome {
            Ok(()) => "done",
            Err(status) => kind_of(status),
        };
        writeln!(control, "{what}: {outcome}")?;
    }
    Ok(())
}
