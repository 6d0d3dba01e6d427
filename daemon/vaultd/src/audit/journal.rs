//! A copy of each record in systemd's journal, as fields that `journalctl` can look for.
//!
//! By the native protocol (<https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>), in one datagram that is sent
//! without waiting: a journal that has stalled holds up no launch. It acknowledges nothing and may drop
//! records; the file is what counts.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use serde_json::Value;

/// Where the journal takes datagrams.
const SOCKET: &str = "/run/systemd/journal/socket";
/// All fields of a record begin with it.
const PREFIX: &str = "VAULTD";

/// Sends a record.
///
/// # Errors
/// Where there is no journal, or it takes nothing now.
pub(super) fn send(record: &Value) -> io::Result<()> {
    send_to(Path::new(SOCKET), record)
}

fn send_to(socket: &Path, record: &Value) -> io::Result<()> {
    let sender = UnixDatagram::unbound()?;
    sender.set_nonblocking(true)?;
    sender.send_to(&datagram(record), socket).map(drop)
}

fn datagram(record: &Value) -> Vec<u8> {
    let text = |name: &str| record[name].as_str().unwrap_or_default();
    let service = match text("service") {
        "" => String::new(),
        service => format!(" {service}"),
    };
    let message = format!("{}{service}: {}", text("event"), text("outcome"));
    let mut fields = Vec::new();
    field(&mut fields, "MESSAGE", &message);
    field(
        &mut fields,
        "PRIORITY",
        if text("outcome") == "allowed" {
            "6"
        } else {
            "5"
        },
    );
    field(&mut fields, "SYSLOG_IDENTIFIER", "vaultd");
    flatten(&mut fields, PREFIX, record);
    fields
}

/// Each leaf of the record as a field of its own; of a list, the same field once for each element.
fn flatten(fields: &mut Vec<u8>, name: &str, value: &Value) {
    match value {
        Value::Null => {}
        Value::Object(members) => {
            for (key, member) in members {
                flatten(
                    fields,
                    &format!("{name}_{}", key.to_ascii_uppercase()),
                    member,
                );
            }
        }
        Value::Array(elements) => {
            for element in elements {
                flatten(fields, name, element);
            }
        }
        Value::String(text) => field(fields, name, text),
        other => field(fields, name, &other.to_string()),
    }
}

/// A text with line breaks goes by its length.
fn field(fields: &mut Vec<u8>, name: &str, text: &str) {
    fields.extend(name.as_bytes());
    if text.contains('\n') {
        fields.push(b'\n');
        fields.extend((text.len() as u64).to_le_bytes());
    } else {
        fields.push(b'=');
    }
    fields.extend(text.as_bytes());
    fields.push(b'\n');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_part_of_a_record_is_a_field() {
        let record = json!({
            "time": "t", "event": "launch", "outcome": "failed", "service": "bar",
            "values": [{"variable": "A", "reference": "local://a"}, {"variable": "B"}],
            "peer": {"pid": 7, "unit": null},
        });
        let text = String::from_utf8(datagram(&record)).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        assert_eq!(
            lines,
            [
                "MESSAGE=launch bar: failed",
                "PRIORITY=5",
                "SYSLOG_IDENTIFIER=vaultd",
                "VAULTD_EVENT=launch",
                "VAULTD_OUTCOME=failed",
                "VAULTD_PEER_PID=7",
                "VAULTD_SERVICE=bar",
                "VAULTD_TIME=t",
                "VAULTD_VALUES_REFERENCE=local://a",
                "VAULTD_VALUES_VARIABLE=A",
                "VAULTD_VALUES_VARIABLE=B",
            ]
        );
    }

    #[test]
    fn a_line_break_cannot_begin_another_field() {
        let mut fields = Vec::new();
        field(&mut fields, "F", "a\nMESSAGE=forged");
        assert_eq!(fields, b"F\n\x10\0\0\0\0\0\0\0a\nMESSAGE=forged\n");
    }

    #[test]
    fn a_journal_that_takes_nothing_is_not_waited_for() {
        let place = tempfile::tempdir().unwrap();
        let socket = place.path().join("socket");
        let _stalled = UnixDatagram::bind(&socket).unwrap();
        let record = json!({"event": "launch", "rule": "r".repeat(4096)});
        let refused = (0..100_000).find_map(|_| send_to(&socket, &record).err());
        let kind = refused.map(|error| error.kind());
        assert_eq!(kind, Some(io::ErrorKind::WouldBlock));
    }
}
