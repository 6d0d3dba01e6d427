//! A sealed value opens for its receiver under its label, and in no other way.

use std::sync::LazyLock;

use vault_proto::delivery::Delivery;
use vault_proto::sealed::{KEY_BYTES, Label, Opener, OpeningKey, Purpose, SealError, Sealer};

const ID: [u8; 16] = [7; 16];
static TOKEN: LazyLock<Delivery> = LazyLock::new(|| Delivery::into_variable("TOKEN"));

fn label() -> Label<'static> {
    Label {
        delivery: &TOKEN,
        reference: "local://token",
        version: "3",
        state: 1,
    }
}

/// `values` sealed in order under [`label`].
fn sealed(public_key: &[u8], values: &[&[u8]]) -> ([u8; KEY_BYTES], Vec<Vec<u8>>) {
    let mut sealer = Sealer::new(Purpose::Launch, public_key, &ID).expect("a sealer");
    let seal = |value: &&[u8]| sealer.seal(label(), &mut value.to_vec()).expect("sealed");
    let ciphertexts = values.iter().map(seal).collect();
    (*sealer.encapsulated_key(), ciphertexts)
}

fn open(opener: &mut Opener, label: Label<'_>, ciphertext: &[u8]) -> Result<Vec<u8>, SealError> {
    let mut room = vec![0; ciphertext.len().saturating_sub(16)];
    opener
        .open_into(label, ciphertext, &mut room)
        .map(|()| room)
}

#[test]
fn values_open_in_order_for_their_receiver() {
    let (key, public_key) = OpeningKey::generate();
    let largest = vec![0xff; 65536];
    let values: [&[u8]; 3] = [b"first", b"", &largest];
    let (encapsulated, ciphertexts) = sealed(&public_key, &values);
    let kept = OpeningKey::from_bytes(&*key.to_bytes()).expect("the key's own bytes");
    let mut opener = Opener::new(Purpose::Launch, &kept, &encapsulated, &ID).expect("an opener");
    for (value, ciphertext) in values.iter().zip(&ciphertexts) {
        assert_eq!(
            open(&mut opener, label(), ciphertext).as_deref(),
            Ok(*value)
        );
    }
}

#[test]
fn a_value_opens_under_no_other_label() {
    let (key, public_key) = OpeningKey::generate();
    let (encapsulated, ciphertexts) = sealed(&public_key, &[b"value"]);
    let other = Delivery::into_variable("OTHER");
    let longer = Delivery::into_variable("TOKENlocal");
    for label in [
        Label {
            delivery: &Delivery::Direct,
            ..label()
        },
        Label {
            delivery: &other,
            ..label()
        },
        Label {
            reference: "local://other",
            ..label()
        },
        Label {
            version: "4",
            ..label()
        },
        Label {
            state: 2,
            ..label()
        },
        // The lengths keep neighbours apart.
        Label {
            delivery: &longer,
            reference: "://token",
            ..label()
        },
    ] {
        let mut opener = Opener::new(Purpose::Launch, &key, &encapsulated, &ID).expect("opener");
        assert_eq!(
            open(&mut opener, label, &ciphertexts[0]),
            Err(SealError::Open),
            "{label:?}"
        );
    }
}

#[test]
fn a_value_opens_in_no_other_conversation_place_or_order() {
    let (key, public_key) = OpeningKey::generate();
    let (other_key, _) = OpeningKey::generate();
    let (encapsulated, ciphertexts) = sealed(&public_key, &[b"value", b"next"]);
    let attempt = |purpose, key: &OpeningKey, id: &[u8], ciphertext: &[u8]| {
        let mut opener = Opener::new(purpose, key, &encapsulated, id).expect("an opener");
        open(&mut opener, label(), ciphertext)
    };
    assert!(attempt(Purpose::Launch, &key, &ID, &ciphertexts[0]).is_ok());
    for outcome in [
        attempt(Purpose::Resolve, &key, &ID, &ciphertexts[0]),
        attempt(Purpose::Launch, &other_key, &ID, &ciphertexts[0]),
        attempt(Purpose::Launch, &key, &[8; 16], &ciphertexts[0]),
        attempt(Purpose::Launch, &key, &ID, &ciphertexts[1]),
    ] {
        assert_eq!(outcome, Err(SealError::Open));
    }
}

#[test]
fn every_altered_or_cut_ciphertext_is_refused() {
    let (key, public_key) = OpeningKey::generate();
    let (encapsulated, ciphertexts) = sealed(&public_key, &[b"value"]);
    let attempt = |ciphertext: &[u8]| {
        let mut opener = Opener::new(Purpose::Launch, &key, &encapsulated, &ID).expect("opener");
        open(&mut opener, label(), ciphertext)
    };
    for position in 0..ciphertexts[0].len() {
        let mut altered = ciphertexts[0].clone();
        altered[position] ^= 1;
        assert_eq!(attempt(&altered), Err(SealError::Open), "byte {position}");
        assert_eq!(
            attempt(&ciphertexts[0][..position]),
            Err(SealError::Open),
            "cut {position}"
        );
    }
}

#[test]
fn unusable_keys_and_request_ids_are_refused() {
    let (key, public_key) = OpeningKey::generate();
    let sealer = |public_key: &[u8], id: &[u8]| Sealer::new(Purpose::Put, public_key, id).err();
    assert_eq!(sealer(&public_key[..31], &ID), Some(SealError::PublicKey));
    assert_eq!(
        sealer(&[0; 32], &ID),
        Some(SealError::PublicKey),
        "a point of small order"
    );
    assert_eq!(sealer(&public_key, &ID[..15]), Some(SealError::RequestId));
    assert!(Opener::new(Purpose::Put, &key, &[0; 32], &ID).is_err());
    assert!(OpeningKey::from_bytes(&[1; 31]).is_err());
    assert!(!format!("{key:?}").contains("PrivateKey"));
}
