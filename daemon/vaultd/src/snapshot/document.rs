//! What is in the file? A line of JSON that says of each value what is known of it, then all values,
//! one after the other and as they are: no format has a part of one in a buffer of its own.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use vault_backends::backend::{Address, BackendKind, Wanted};
use vault_memory::ShieldError;
use zeroize::Zeroizing;

use super::ages::Time;
use crate::cache::held::Held;

/// The form of the file, which a later version of this program may change.
const FORMAT: u32 = 1;

/// One value that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) address: Address,
    /// What people call it.
    pub(super) reference: String,
    pub(super) version: String,
    /// How old it was when it was kept.
    pub(super) age: Duration,
    /// The bound the backend itself gave.
    pub(super) valid_for: Option<Duration>,
}

/// Why there is no document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    /// It is of another version of this program.
    #[error("it has format {0}, this program knows {FORMAT}")]
    Format(u32),
    /// It is no document.
    #[error("what it holds contradicts its format")]
    Inconsistent,
}

#[derive(Serialize, Deserialize)]
struct Head {
    format: u32,
    written: Time,
    values: Vec<Row>,
}

/// What can be said of any format.
#[derive(Deserialize)]
struct AnyHead {
    format: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    scope: String,
    container: Option<String>,
    name: String,
    wanted: Which,
    reference: String,
    version: String,
    age: Duration,
    valid_for: Option<Duration>,
    bytes: usize,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Which {
    Current,
    Version(u64),
    Stage(String),
    Named(String),
}

/// The document of these values, all of OCI Vault, as they are at `now`.
///
/// # Errors
/// [`ShieldError`], where a value cannot be used.
pub(super) fn write(now: &Time, values: &[(Value, &Held)]) -> Result<Plaintext, ShieldError> {
    let rows = values
        .iter()
        .map(|(value, held)| row(value, held.secret.len()));
    let head = Head {
        format: FORMAT,
        written: now.clone(),
        values: rows.collect(),
    };
    let head = serde_json::to_vec(&head).expect("texts and numbers can be written as JSON");
    let sizes = values.iter().map(|(_, held)| held.secret.len());
    // It never grows, so that nothing is left behind.
    let size = head.len() + 1 + sizes.sum::<usize>();
    let mut document = Zeroizing::new(Vec::with_capacity(size));
    document.extend_from_slice(&head);
    document.push(b'\n');
    for (_, held) in values {
        held.secret
            .expose_secret(|plain| document.extend_from_slice(plain))?;
    }
    Ok(document)
}

/// Wiped when dropped.
type Plaintext = Zeroizing<Vec<u8>>;

/// When `document` was written, and each of its values with where it lies.
///
/// # Errors
/// [`Unreadable`].
pub(super) fn read(document: &mut [u8]) -> Result<Read<'_>, Unreadable> {
    let inconsistent = |_| Unreadable::Inconsistent;
    let end = document.iter().position(|&byte| byte == b'\n');
    let (head, rest) = document.split_at_mut(end.ok_or(Unreadable::Inconsistent)?);
    let AnyHead { format } = serde_json::from_slice(head).map_err(inconsistent)?;
    if format != FORMAT {
        return Err(Unreadable::Format(format));
    }
    let head: Head = serde_json::from_slice(head).map_err(inconsistent)?;
    let mut rest = &mut rest[1..];
    let mut values = Vec::new();
    for row in head.values {
        let (plain, after) = rest
            .split_at_mut_checked(row.bytes)
            .ok_or(Unreadable::Inconsistent)?;
        values.push((value(row), plain));
        rest = after;
    }
    if !rest.is_empty() {
        return Err(Unreadable::Inconsistent);
    }
    Ok((head.written, values))
}

/// When it was written, and the values in place.
type Read<'a> = (Time, Vec<(Value, &'a mut [u8])>);

fn row(value: &Value, bytes: usize) -> Row {
    let Value {
        address, reference, ..
    } = value.clone();
    Row {
        scope: address.scope,
        container: address.container,
        name: address.name,
        wanted: match address.wanted {
            Wanted::Current => Which::Current,
            Wanted::Version(number) => Which::Version(number),
            Wanted::Stage(stage) => Which::Stage(stage),
            Wanted::Named(name) => Which::Named(name),
        },
        reference,
        version: value.version.clone(),
        age: value.age,
        valid_for: value.valid_for,
        bytes,
    }
}

fn value(row: Row) -> Value {
    Value {
        address: Address {
            kind: BackendKind::Oci,
            scope: row.scope,
            container: row.container,
            name: row.name,
            wanted: match row.wanted {
                Which::Current => Wanted::Current,
                Which::Version(number) => Wanted::Version(number),
                Which::Stage(stage) => Wanted::Stage(stage),
                Which::Named(name) => Wanted::Named(name),
            },
        },
        reference: row.reference,
        version: row.version,
        age: row.age,
        valid_for: row.valid_for,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Moment;
    use vault_memory::{Preference, Shield};

    fn now() -> Time {
        Time {
            boot: Some("start".to_owned()),
            since_start: Duration::new(5, 7),
            unix_seconds: 1_000_000,
        }
    }

    /// Values of each kind, among them the empty one and one that looks like an end of a line.
    fn values() -> Vec<(Value, Held)> {
        let shield = Shield::new(Preference::Auto).unwrap();
        let plain: [&[u8]; 4] = [b"first", b"", b"\n{}\n\0\xff", b"last"];
        let wanted = [
            Wanted::Current,
            Wanted::Version(3),
            Wanted::Stage("PENDING".to_owned()),
            Wanted::Named("blue".to_owned()),
        ];
        let both = plain.iter().zip(wanted);
        let value = |(plain, wanted): (&&[u8], Wanted)| {
            let address = Address {
                kind: BackendKind::Oci,
                scope: "us \"quoted\"".to_owned(),
                container: (plain.len() % 2 == 0).then(|| "compartment".to_owned()),
                name: "name\n".to_owned(),
                wanted,
            };
            let held = Held {
                secret: shield.shield(&mut plain.to_vec()).unwrap(),
                version: "7".to_owned(),
                confirmed: Moment::default(),
                valid_for: Some(Duration::from_secs(9)),
                is_kept: false,
            };
            let value = Value {
                address,
                reference: "oci-vault://name".to_owned(),
                version: held.version.clone(),
                age: Duration::new(3, 1),
                valid_for: held.valid_for,
            };
            (value, held)
        };
        both.map(value).collect()
    }

    fn written() -> Plaintext {
        let values = values();
        let values: Vec<_> = values.iter().map(|(v, held)| (v.clone(), held)).collect();
        write(&now(), &values).unwrap()
    }

    #[test]
    fn what_was_written_is_read_again_to_the_byte() {
        let mut document = written();
        assert_eq!(document.capacity(), document.len(), "it never grew");
        let (time, read) = read(&mut document).unwrap();
        assert_eq!(time, now());
        let expected = values();
        assert_eq!(read.len(), expected.len());
        for ((value, plain), (expected, held)) in read.iter().zip(&expected) {
            assert_eq!(value, expected);
            let same = held.secret.expose_secret(|held| held == *plain);
            assert!(same.unwrap());
        }
    }

    #[test]
    fn what_is_cut_or_longer_is_refused() {
        let whole = written();
        for length in 0..whole.len() {
            let mut cut = whole[..length].to_vec();
            assert_eq!(read(&mut cut).unwrap_err(), Unreadable::Inconsistent);
        }
        let mut longer = whole.to_vec();
        longer.push(b'x');
        assert_eq!(read(&mut longer).unwrap_err(), Unreadable::Inconsistent);
    }

    #[test]
    fn another_format_is_named() {
        let mut other = b"{\"format\":2,\"news\":true}\n".to_vec();
        assert_eq!(read(&mut other).unwrap_err(), Unreadable::Format(2));
    }
}
