//! What is in the file? A line of JSON that says of each value what is known of it, then all values,
//! one after the other and as they are: no format has a part of one in a buffer of its own.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use vault_backends::address::{Address, BackendKind, VersionSelector};
use vault_memory::{Secret, ShieldError};
use zeroize::Zeroizing;

use super::ages::Time;

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
    /// Of OCI Vault where a file from before other kinds does not say.
    #[serde(default = "oci")]
    kind: String,
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
pub(super) fn write(now: &Time, values: &[(Value, &Secret)]) -> Result<Plaintext, ShieldError> {
    let rows = values
        .iter()
        .map(|(value, secret)| row(value, secret.len()));
    let head = Head {
        format: FORMAT,
        written: now.clone(),
        values: rows.collect(),
    };
    let head = serde_json::to_vec(&head).expect("texts and numbers can be written as JSON");
    let sizes = values.iter().map(|(_, secret)| secret.len());
    // It never grows, so that nothing is left behind.
    let size = head.len() + 1 + sizes.sum::<usize>();
    let mut document = Zeroizing::new(Vec::with_capacity(size));
    document.extend_from_slice(&head);
    document.push(b'\n');
    for (_, secret) in values {
        secret.expose_secret(|plain| document.extend_from_slice(plain))?;
    }
    Ok(document)
}

/// Wiped when dropped.
type Plaintext = Zeroizing<Vec<u8>>;

/// When `document` was written, and each of its values with where it lies; `kinds` are all there are.
///
/// # Errors
/// [`Unreadable`].
pub(super) fn read<'a>(
    document: &'a mut [u8],
    kinds: &[BackendKind],
) -> Result<Read<'a>, Unreadable> {
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
        let value = value(row, kinds).ok_or(Unreadable::Inconsistent)?;
        values.push((value, plain));
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
        kind: address.kind.to_string(),
        scope: address.scope,
        container: address.container,
        name: address.name,
        wanted: match address.version {
            VersionSelector::Current => Which::Current,
            VersionSelector::Version(number) => Which::Version(number),
            VersionSelector::Stage(stage) => Which::Stage(stage),
            VersionSelector::Named(name) => Which::Named(name),
        },
        reference,
        version: value.version.clone(),
        age: value.age,
        valid_for: value.valid_for,
        bytes,
    }
}

fn oci() -> String {
    BackendKind::OCI.to_string()
}

fn value(row: Row, kinds: &[BackendKind]) -> Option<Value> {
    let kind = *kinds.iter().find(|kind| kind.as_str() == row.kind)?;
    Some(Value {
        address: Address {
            kind,
            scope: row.scope,
            container: row.container,
            name: row.name,
            version: match row.wanted {
                Which::Current => VersionSelector::Current,
                Which::Version(number) => VersionSelector::Version(number),
                Which::Stage(stage) => VersionSelector::Stage(stage),
                Which::Named(name) => VersionSelector::Named(name),
            },
        },
        reference: row.reference,
        version: row.version,
        age: row.age,
        valid_for: row.valid_for,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use vault_memory::{Preference, Shield};

    fn now() -> Time {
        Time {
            boot: Some("start".to_owned()),
            since_start: Duration::new(5, 7),
            unix_seconds: 1_000_000,
        }
    }

    /// Values of each kind, among them the empty one and one that looks like an end of a line.
    fn values() -> Vec<(Value, Secret)> {
        let shield = Shield::new(Preference::Auto).unwrap();
        let plain: [&[u8]; 4] = [b"first", b"", b"\n{}\n\0\xff", b"last"];
        let wanted = [
            VersionSelector::Current,
            VersionSelector::Version(3),
            VersionSelector::Stage("PENDING".to_owned()),
            VersionSelector::Named("blue".to_owned()),
        ];
        let both = plain.iter().zip(wanted);
        let value = |(plain, wanted): (&&[u8], VersionSelector)| {
            let address = Address {
                kind: BackendKind::OCI,
                scope: "us \"quoted\"".to_owned(),
                container: (plain.len() % 2 == 0).then(|| "compartment".to_owned()),
                name: "name\n".to_owned(),
                version: wanted,
            };
            let value = Value {
                address,
                reference: "oci-vault://name".to_owned(),
                version: "7".to_owned(),
                age: Duration::new(3, 1),
                valid_for: Some(Duration::from_secs(9)),
            };
            (value, shield.shield(&mut plain.to_vec()).unwrap())
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
        let (time, read) = read(&mut document, &[BackendKind::OCI]).unwrap();
        assert_eq!(time, now());
        let expected = values();
        assert_eq!(read.len(), expected.len());
        for ((value, plain), (expected, held)) in read.iter().zip(&expected) {
            assert_eq!(value, expected);
            let same = held.expose_secret(|held| held == *plain);
            assert!(same.unwrap());
        }
    }

    #[test]
    fn what_is_cut_or_longer_is_refused() {
        let whole = written();
        for length in 0..whole.len() {
            let mut cut = whole[..length].to_vec();
            assert_eq!(
                read(&mut cut, &[BackendKind::OCI]).unwrap_err(),
                Unreadable::Inconsistent
            );
        }
        let mut longer = whole.to_vec();
        longer.push(b'x');
        assert_eq!(
            read(&mut longer, &[BackendKind::OCI]).unwrap_err(),
            Unreadable::Inconsistent
        );
    }

    #[test]
    fn another_format_is_named() {
        let mut other = b"{\"format\":2,\"news\":true}\n".to_vec();
        assert_eq!(
            read(&mut other, &[BackendKind::OCI]).unwrap_err(),
            Unreadable::Format(2)
        );
    }
}
