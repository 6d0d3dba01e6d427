//! The peer is known, and its end is noticed, also on old kernels.

use std::io::Read;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, Command, Stdio};

use nix::sys::wait::{Id, WaitPidFlag, waitid};

use super::*;

/// What a kernel before 6.5 says.
const OLD_KERNEL: nix::Result<OwnedFd> = Err(Errno::ENOPROTOOPT);
/// Where the child of a test connects to.
const CONNECT_TO: &str = "VAULTD_TEST_CONNECT_TO";

/// The child of other tests: it connects and stays until it is killed.
#[test]
fn a_caller_for_other_tests() {
    let Some(path) = std::env::var_os(CONNECT_TO) else {
        return;
    };
    let mut stream = UnixStream::connect(path).unwrap();
    let _ = stream.read(&mut [0]);
}

/// Another process, connected, and our end of its connection.
fn connected() -> (Child, UnixStream) {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "peer::tests::a_caller_for_other_tests"]);
    command.env(CONNECT_TO, path).stdout(Stdio::null());
    let child = command.spawn().unwrap();
    (child, listener.accept().unwrap().0)
}

/// Ends the process and waits until it has, without giving its number back.
fn kill(child: &mut Child) {
    child.kill().unwrap();
    let pid = nix::unistd::Pid::from_raw(child.id().cast_signed());
    waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT).unwrap();
}

#[test]
fn this_process_is_its_own_peer_and_alive() {
    let (left, _right) = UnixStream::pair().unwrap();
    for peer in [Peer::of(&left), Peer::note(&left, OLD_KERNEL)] {
        let peer = peer.unwrap();
        assert_eq!(peer.pid.unsigned_abs(), std::process::id());
        assert_eq!(peer.uid, nix::unistd::geteuid().as_raw());
        assert!(peer.is_alive());
    }
}

#[test]
fn a_peer_that_has_ended_is_not_alive_though_its_number_is_still_taken() {
    let (mut child, stream) = connected();
    let peers = [Peer::of(&stream), Peer::note(&stream, OLD_KERNEL)].map(Result::unwrap);
    for peer in &peers {
        assert_eq!(peer.pid.unsigned_abs(), child.id());
        assert!(peer.is_alive());
    }
    kill(&mut child);
    assert!(peers.iter().all(|peer| !peer.is_alive()));
    assert!(matches!(
        Peer::note(&stream, OLD_KERNEL),
        Err(PeerError::Gone)
    ));
    child.wait().unwrap();
}

#[test]
fn a_peer_of_which_the_kernel_gives_no_pidfd_is_gone() {
    let (left, _right) = UnixStream::pair().unwrap();
    for errno in [Errno::ESRCH, Errno::EINVAL, Errno::ENODATA] {
        let noted = Peer::note(&left, Err(errno));
        assert!(matches!(noted, Err(PeerError::Gone)), "{errno}");
    }
}

#[test]
fn a_process_that_began_after_the_connection_is_not_taken_for_the_peer() {
    let (left, _right) = UnixStream::pair().unwrap();
    let own = std::process::id().cast_signed();
    let began = began(own).unwrap();
    assert!(pidfd_by_number(&left, own, began).is_ok());
    let earlier = began.saturating_sub(Duration::from_millis(1));
    let taken = pidfd_by_number(&left, own, earlier);
    assert!(matches!(taken, Err(PeerError::Gone)));
}

#[test]
fn whoever_has_the_number_of_a_caller_that_hung_up_is_not_taken_for_it() {
    let (left, right) = UnixStream::pair().unwrap();
    drop(right);
    assert!(
        Peer::of(&left).is_ok(),
        "a pidfd of the kernel's needs no guessing"
    );
    assert!(matches!(
        Peer::note(&left, OLD_KERNEL),
        Err(PeerError::Gone)
    ));
}

#[test]
fn the_unit_is_the_innermost_one() {
    let text = "1:name=x:/y\n0::/user.slice/user-1.slice/user@1.service/app.slice/a.scope/x\n";
    assert_eq!(unit_in(text).as_deref(), Some("a.scope"));
    assert_eq!(unit_in("0::/\n"), None);
    assert_eq!(unit_in(""), None);
}

#[test]
fn a_program_cannot_write_control_characters_into_the_record() {
    assert_eq!(printable("a\x1b[31m\nb"), "a[31mb");
}

#[test]
fn a_client_calls_itself_by_a_name_and_by_one_alone() {
    let (left, _right) = UnixStream::pair().unwrap();
    let peer = Peer::of(&left).unwrap();
    for no_name in ["", "a b", "a\"b", "a\nb", "ä", &"x".repeat(65)] {
        peer.introduce(no_name);
        assert_eq!(peer.record().client, None, "{no_name:?}");
    }
    peer.introduce("vault-run/0.1.0");
    peer.introduce("another/1");
    assert_eq!(peer.record().client.as_deref(), Some("vault-run/0.1.0"));
}
