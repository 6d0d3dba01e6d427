//! The form of the snapshot's plaintext: a line of JSON that says of each value what is known of it,
//! then all values, one after the other and as they are.
//!
//! Values are written and read one by one, between the stream and a protected slot: no format has a
//! part of one in a buffer of its own.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Duration;
use std::vec;

use serde::{Deserialize, Serialize};
use vault_backends::address::{Address, BackendKind, VersionSelector};
use vault_backends::bundle::Bundle;
use vault_memory::{Secret, Shield, ShieldError};

use super::ages::ClockReading;

/// The form of the file, which a later version of this program may change.
const FORMAT: u32 = 1;
/// The line of JSON is not longer than this; it holds no values.
const MAX_HEAD_BYTES: usize = 16 * 1024 * 1024;

/// What is said of one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ValueMetadata {
    pub(super) address: Address,
    /// What people call it.
    pub(super) reference: String,
    pub(super) version: String,
    /// How old it was when it was written.
    pub(super) age: Duration,
    /// The bound the backend itself gave.
    pub(super) valid_for: Option<Duration>,
}

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub(super) enum FormatError {
    /// It is of another version of this program.
    #[error("it has format {0}, this program knows {FORMAT}")]
    Version(u32),
    /// It is no document.
    #[error("what it holds contradicts its format")]
    Inconsistent,
    /// It cannot be read on.
    #[error(transparent)]
    Source(io::Error),
    /// A value in it cannot be shielded.
    #[error(transparent)]
    Shield(#[from] ShieldError),
}

impl From<io::Error> for FormatError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // The stream is whole, and shorter than its head says.
            io::ErrorKind::UnexpectedEof => Self::Inconsistent,
            _ => Self::Source(error),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Head {
    format: u32,
    written: ClockReading,
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
    wanted: SelectorField,
    reference: String,
    version: String,
    age: Duration,
    valid_for: Option<Duration>,
    /// Of all fields together.
    bytes: usize,
    /// In the order in which they follow each other; none where it is one value without a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fields: Option<Vec<FieldRow>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldRow {
    name: String,
    bytes: usize,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SelectorField {
    Current,
    Version(u64),
    Stage(String),
    Named(String),
}

/// Writes these values, as they are at `now`.
///
/// # Errors
/// What `out` refused, and a [`ShieldError`] where a value cannot be used.
pub(super) fn write<E: From<io::Error> + From<ShieldError>>(
    out: &mut dyn Write,
    now: &ClockReading,
    values: &[(ValueMetadata, &Bundle)],
) -> Result<(), E> {
    let head = Head {
        format: FORMAT,
        written: now.clone(),
        values: values
            .iter()
            .map(|(value, bundle)| row(value, bundle))
            .collect(),
    };
    let mut head = serde_json::to_vec(&head).expect("texts and numbers can be written as JSON");
    head.push(b'\n');
    out.write_all(&head)?;
    let secrets = values.iter().flat_map(|(_, bundle)| bundle.fields());
    for (_, secret) in secrets {
        secret.expose_secret(|plain| out.write_all(plain))??;
    }
    Ok(())
}

/// Reads what [`write`] wrote.
pub(super) struct Reader<R> {
    source: R,
    /// When it was written.
    pub(super) written: ClockReading,
    rows: vec::IntoIter<Row>,
    kinds: Vec<BackendKind>,
}

impl<R: Read> Reader<R> {
    /// Reads the head of `source`; `kinds` are all there are.
    ///
    /// # Errors
    /// [`FormatError`].
    pub(super) fn new(mut source: R, kinds: &[BackendKind]) -> Result<Self, FormatError> {
        let inconsistent = |_| FormatError::Inconsistent;
        let head = first_line(&mut source)?;
        let AnyHead { format } = serde_json::from_slice(&head).map_err(inconsistent)?;
        if format != FORMAT {
            return Err(FormatError::Version(format));
        }
        let head: Head = serde_json::from_slice(&head).map_err(inconsistent)?;
        Ok(Self {
            source,
            written: head.written,
            rows: head.values.into_iter(),
            kinds: kinds.to_vec(),
        })
    }

    /// The next value. After the last one, makes sure that nothing follows: until then nothing says
    /// that the document is whole.
    ///
    /// # Errors
    /// [`FormatError`].
    pub(super) fn next_value(
        &mut self,
        shield: &Arc<Shield>,
    ) -> Result<Option<(ValueMetadata, Bundle)>, FormatError> {
        let Some(mut row) = self.rows.next() else {
            return match self.source.read(&mut [0])? {
                0 => Ok(None),
                _ => Err(FormatError::Inconsistent),
            };
        };
        let (bytes, fields) = (row.bytes, row.fields.take());
        let value = metadata(row, &self.kinds).ok_or(FormatError::Inconsistent)?;
        let bundle = match fields {
            None => Bundle::plain(self.secret(bytes, shield)?, value.version.clone()),
            Some(fields) => {
                let sum = fields
                    .iter()
                    .try_fold(0_usize, |sum, field| sum.checked_add(field.bytes));
                if sum != Some(bytes) {
                    return Err(FormatError::Inconsistent);
                }
                let read = fields
                    .into_iter()
                    .map(|field| Ok((field.name, self.secret(field.bytes, shield)?)));
                let read: Vec<_> = read.collect::<Result<_, FormatError>>()?;
                Bundle::named(read, value.version.clone())
            }
        };
        let bundle = bundle.valid_for(value.valid_for);
        Ok(Some((value, bundle)))
    }

    /// The next so many bytes, read into a protected slot.
    fn secret(&mut self, bytes: usize, shield: &Arc<Shield>) -> Result<Secret, FormatError> {
        shield.shield_with(bytes, |room| {
            self.source.read_exact(room)?;
            Ok(bytes)
        })
    }
}

/// The bytes before the first end of a line, byte by byte: no value behind them is touched.
fn first_line(source: &mut impl Read) -> Result<Vec<u8>, FormatError> {
    let (mut line, mut byte) = (Vec::new(), [0]);
    while line.len() < MAX_HEAD_BYTES {
        source.read_exact(&mut byte)?;
        match byte {
            [b'\n'] => return Ok(line),
            [byte] => line.push(byte),
        }
    }
    Err(FormatError::Inconsistent)
}

fn row(value: &ValueMetadata, bundle: &Bundle) -> Row {
    let ValueMetadata {
        address, reference, ..
    } = value.clone();
    let is_plain = bundle.field(None).is_ok();
    let field = |(name, secret): (&str, &Secret)| FieldRow {
        name: name.to_owned(),
        bytes: secret.len(),
    };
    Row {
        kind: address.kind.to_string(),
        scope: address.scope,
        container: address.container,
        name: address.name,
        wanted: match address.version {
            VersionSelector::Current => SelectorField::Current,
            VersionSelector::Version(number) => SelectorField::Version(number),
            VersionSelector::Stage(stage) => SelectorField::Stage(stage),
            VersionSelector::Named(name) => SelectorField::Named(name),
        },
        reference,
        version: value.version.clone(),
        age: value.age,
        valid_for: value.valid_for,
        bytes: bundle.bytes(),
        fields: (!is_plain).then(|| bundle.fields().map(field).collect()),
    }
}

fn oci() -> String {
    BackendKind::OCI.to_string()
}

fn metadata(row: Row, kinds: &[BackendKind]) -> Option<ValueMetadata> {
    let kind = *kinds.iter().find(|kind| kind.as_str() == row.kind)?;
    Some(ValueMetadata {
        address: Address {
            kind,
            scope: row.scope,
            container: row.container,
            name: row.name,
            version: match row.wanted {
                SelectorField::Current => VersionSelector::Current,
                SelectorField::Version(number) => VersionSelector::Version(number),
                SelectorField::Stage(stage) => VersionSelector::Stage(stage),
                SelectorField::Named(name) => VersionSelector::Named(name),
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
    use vault_memory::Preference;

    type Read = Vec<(ValueMetadata, Vec<(String, Vec<u8>)>)>;

    fn now() -> ClockReading {
        ClockReading {
            boot: Some("start".to_owned()),
            since_start: Duration::new(5, 7),
            unix_seconds: 1_000_000,
        }
    }

    fn shield() -> Arc<Shield> {
        Shield::new(Preference::Auto).unwrap()
    }

    /// Values of each kind, among them the empty one, one that looks like an end of a line, and one
    /// with fields.
    fn values() -> Vec<(ValueMetadata, Bundle)> {
        let shield = shield();
        let secret = |plain: &[u8]| shield.shield(&mut plain.to_vec()).unwrap();
        let plain: [&[u8]; 4] = [b"first", b"", b"\n{}\n\0\xff", b"last"];
        let pair = [("user", &b"me"[..]), ("pass\nword", b""), ("key", b"\n\n")];
        let pair = pair.map(|(name, plain)| (name.to_owned(), secret(plain)));
        let bundles = plain.map(|plain| Bundle::plain(secret(plain), "7"));
        let bundles = bundles.into_iter().chain([Bundle::named(pair, "7")]);
        let wanted = [
            VersionSelector::Current,
            VersionSelector::Version(3),
            VersionSelector::Stage("PENDING".to_owned()),
            VersionSelector::Named("blue".to_owned()),
            VersionSelector::Current,
        ];
        let value = |(bundle, wanted): (Bundle, VersionSelector)| {
            let address = Address {
                kind: BackendKind::OCI,
                scope: "us \"quoted\"".to_owned(),
                container: (bundle.bytes() % 2 == 0).then(|| "compartment".to_owned()),
                name: "name\n".to_owned(),
                version: wanted,
            };
            let value = ValueMetadata {
                address,
                reference: "oci-vault://name".to_owned(),
                version: "7".to_owned(),
                age: Duration::new(3, 1),
                valid_for: Some(Duration::from_secs(9)),
            };
            (value, bundle)
        };
        bundles.zip(wanted).map(value).collect()
    }

    fn written() -> Vec<u8> {
        let values = values();
        let values: Vec<_> = values.iter().map(|(v, held)| (v.clone(), held)).collect();
        let mut document = Vec::new();
        write::<FormatError>(&mut document, &now(), &values).unwrap();
        document
    }

    fn opened(
        (value, bundle): &(ValueMetadata, Bundle),
    ) -> (ValueMetadata, Vec<(String, Vec<u8>)>) {
        let fields = bundle.fields().map(|(name, secret)| {
            let plain = secret.expose_secret(|plain| plain.to_vec());
            (name.to_owned(), plain.unwrap())
        });
        (value.clone(), fields.collect())
    }

    fn read(document: &[u8]) -> Result<Read, FormatError> {
        let shield = shield();
        let mut reader = Reader::new(document, &[BackendKind::OCI])?;
        assert_eq!(reader.written, now());
        let mut values = Vec::new();
        while let Some(value) = reader.next_value(&shield)? {
            assert_eq!(value.1.valid_for, value.0.valid_for);
            values.push(opened(&value));
        }
        Ok(values)
    }

    #[test]
    fn what_was_written_is_read_again_to_the_byte() {
        let expected: Vec<_> = values().iter().map(opened).collect();
        assert_eq!(read(&written()).unwrap(), expected);
    }

    #[test]
    fn a_file_from_before_fields_and_kinds_is_read() {
        let old = concat!(
            r#"{"format":1,"written":{"boot":"start","since_start":{"secs":5,"nanos":7},"#,
            r#""unix_seconds":1000000},"values":[{"scope":"s","container":null,"name":"n","#,
            r#""wanted":"current","reference":"r","version":"7","age":{"secs":3,"nanos":1},"#,
            r#""valid_for":null,"bytes":2}]}"#,
            "\nok"
        );
        let read = read(old.as_bytes()).unwrap();
        assert_eq!(read[0].0.address.kind, BackendKind::OCI);
        assert_eq!(read[0].1, [(String::new(), b"ok".to_vec())]);
    }

    #[test]
    fn what_is_cut_or_longer_is_refused() {
        let whole = written();
        let refused = |document: &[u8]| matches!(read(document), Err(FormatError::Inconsistent));
        for length in 0..whole.len() {
            assert!(refused(&whole[..length]), "{length}");
        }
        assert!(refused(&[&whole[..], b"x"].concat()));
    }

    #[test]
    fn fields_that_do_not_add_up_are_refused() {
        let text = String::from_utf8_lossy(&written())
            .replace(r#""bytes":4,"fields""#, r#""bytes":3,"fields""#);
        assert!(matches!(
            read(text.as_bytes()),
            Err(FormatError::Inconsistent)
        ));
    }

    #[test]
    fn another_format_is_named() {
        let other = b"{\"format\":2,\"news\":true}\n";
        assert!(matches!(read(other), Err(FormatError::Version(2))));
    }
}
