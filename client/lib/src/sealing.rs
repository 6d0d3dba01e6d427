//! Sealed values: opening those of a reply, sealing those on their way to the daemon.

use std::fmt;

use vault_proto::delivery::Delivery;
use vault_proto::generated::{Provenance, SealedValue, SealedValues};
use vault_proto::sealed::{
    Label, Opener, OpeningKey, Purpose, REQUEST_ID_BYTES, SealError, Sealer, TAG_BYTES,
};
use zeroize::Zeroizing;

use crate::error::Error;

/// A value as it came, open. Zeroed on drop.
pub struct OpenedSecret {
    /// The environment variable; empty in a reply to Resolve.
    pub variable: String,
    /// The reference.
    pub reference: String,
    /// Version, age and state.
    pub provenance: Provenance,
    /// The value.
    pub value: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for OpenedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenedSecret")
            .field("variable", &self.variable)
            .field("reference", &self.reference)
            .field("provenance", &self.provenance)
            .field("value", &"[redacted]")
            .finish()
    }
}

/// Whom the values of one reply are sealed to: a key pair for one call.
pub(crate) struct Recipient {
    key: OpeningKey,
    pub(crate) public_key: Vec<u8>,
    pub(crate) request_id: Vec<u8>,
}

impl Recipient {
    pub(crate) fn new() -> Result<Self, Error> {
        let (key, public_key) = OpeningKey::generate();
        Ok(Self {
            key,
            public_key: public_key.to_vec(),
            request_id: request_id()?,
        })
    }

    /// All values of a reply, in order; one that does not open fails all.
    pub(crate) fn open(
        &self,
        purpose: Purpose,
        sealed: Option<SealedValues>,
    ) -> Result<Vec<OpenedSecret>, Error> {
        let sealed = sealed.unwrap_or_default();
        if sealed.values.is_empty() {
            return Ok(Vec::new());
        }
        let mut opener = Opener::new(
            purpose,
            &self.key,
            &sealed.encapsulated_key,
            &self.request_id,
        )?;
        let open = |value| open_one(&mut opener, value);
        sealed.values.into_iter().map(open).collect()
    }
}

fn open_one(opener: &mut Opener, sealed: SealedValue) -> Result<OpenedSecret, Error> {
    let provenance = sealed.provenance.unwrap_or_default();
    let delivery = Delivery::into_variable(&sealed.variable);
    let label = Label {
        delivery: &delivery,
        reference: &sealed.reference,
        version: &provenance.version,
        state: provenance.state,
    };
    let length = sealed.ciphertext.len().checked_sub(TAG_BYTES);
    let mut value = Zeroizing::new(vec![0; length.ok_or(SealError::Open)?]);
    opener.open_into(label, &sealed.ciphertext, &mut value)?;
    Ok(OpenedSecret {
        variable: sealed.variable,
        reference: sealed.reference,
        provenance,
        value,
    })
}

/// A value on its way to the daemon.
pub(crate) struct SealedForDaemon {
    pub(crate) request_id: Vec<u8>,
    pub(crate) encapsulated_key: Vec<u8>,
    pub(crate) ciphertext: Vec<u8>,
}

/// Seals `value` where it lies, to the key that Hello gave.
pub(crate) fn seal_for_daemon(
    daemon_key: &[u8],
    reference: &str,
    mut value: Zeroizing<Vec<u8>>,
) -> Result<SealedForDaemon, Error> {
    let request_id = request_id()?;
    let mut sealer = Sealer::new(Purpose::Put, daemon_key, &request_id)?;
    let label = Label {
        reference,
        ..Label::default()
    };
    Ok(SealedForDaemon {
        ciphertext: sealer.seal(label, &mut value)?,
        encapsulated_key: sealer.encapsulated_key().to_vec(),
        request_id,
    })
}

fn request_id() -> Result<Vec<u8>, Error> {
    let mut id = vec![0; REQUEST_ID_BYTES];
    getrandom::fill(&mut id).map_err(Error::Random)?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed_to(recipient: &Recipient, value: &[u8]) -> SealedValues {
        let mut sealer = Sealer::new(
            Purpose::Launch,
            &recipient.public_key,
            &recipient.request_id,
        )
        .expect("a sealer");
        let delivery = Delivery::into_variable("TOKEN");
        let label = Label {
            delivery: &delivery,
            reference: "local://t",
            version: "2",
            state: 1,
        };
        let ciphertext = sealer.seal(label, &mut value.to_vec()).expect("sealed");
        SealedValues {
            encapsulated_key: sealer.encapsulated_key().to_vec(),
            values: vec![SealedValue {
                variable: "TOKEN".to_owned(),
                reference: "local://t".to_owned(),
                provenance: Some(Provenance {
                    version: "2".to_owned(),
                    state: 1,
                    ..Provenance::default()
                }),
                ciphertext,
            }],
        }
    }

    #[test]
    fn a_value_opens_and_is_not_printed() {
        let recipient = Recipient::new().expect("a recipient");
        let sealed = sealed_to(&recipient, b"hunter2");
        let opened = recipient.open(Purpose::Launch, Some(sealed)).expect("open");
        assert_eq!(*opened[0].value, b"hunter2");
        assert!(!format!("{opened:?}").contains("hunter2"));
    }

    #[test]
    fn a_value_for_another_caller_or_under_another_label_is_refused() {
        let recipient = Recipient::new().expect("a recipient");
        let other = Recipient::new().expect("a recipient");
        let foreign = sealed_to(&other, b"v");
        let mut relabelled = sealed_to(&recipient, b"v");
        relabelled.values[0].variable = "PATH".to_owned();
        let mut cut = sealed_to(&recipient, b"v");
        cut.values[0].ciphertext.truncate(3);
        for sealed in [foreign, relabelled, cut] {
            let result = recipient.open(Purpose::Launch, Some(sealed));
            assert!(matches!(result, Err(Error::Seal(SealError::Open))));
        }
    }

    #[test]
    fn a_reply_without_values_needs_no_key() {
        let recipient = Recipient::new().expect("a recipient");
        let opened = recipient.open(Purpose::Launch, None).expect("nothing");
        assert!(opened.is_empty());
    }
}
