//! Sealed values: encrypted to the receiver's key, so that no buffer between holds plaintext.
//!
//! HPKE (RFC 9180) base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305. One
//! encapsulation per message however many values; `info` is "vaultd/v1 " and the RPC's name. Each
//! value is bound to its [`Label`]: `aad` is the request id, the value's index (32 bits, big
//! endian), then variable, reference and version, each with its length in front (32 bits, big
//! endian), then the state (32 bits, big endian).

use hpke::aead::{AeadCtxR, AeadCtxS, AeadTag, ChaCha20Poly1305};
use hpke::inout::InOutBuf;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable, setup_receiver, setup_sender};
use zeroize::Zeroizing;

use crate::delivery::Delivery;

type PrivateKey = <X25519HkdfSha256 as Kem>::PrivateKey;
type PublicKey = <X25519HkdfSha256 as Kem>::PublicKey;
type EncappedKey = <X25519HkdfSha256 as Kem>::EncappedKey;
type Tag = AeadTag<ChaCha20Poly1305>;

/// Bytes of a public key, of an encapsulated key, and of a private key.
pub const KEY_BYTES: usize = 32;
/// Bytes of a request id.
pub const REQUEST_ID_BYTES: usize = 16;
/// Bytes that sealing adds to a value.
pub const TAG_BYTES: usize = 16;

/// The call that a value is sealed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// `Secrets.Launch`, daemon to caller.
    Launch,
    /// `Secrets.Resolve`, daemon to caller.
    Resolve,
    /// `Admin.Put`, caller to daemon.
    Put,
}

impl Purpose {
    const fn info(self) -> &'static [u8] {
        match self {
            Self::Launch => b"vaultd/v1 Launch",
            Self::Resolve => b"vaultd/v1 Resolve",
            Self::Put => b"vaultd/v1 Put",
        }
    }
}

/// What a sealed value says of itself; a value under another label does not open.
#[derive(Clone, Copy, Debug)]
pub struct Label<'a> {
    /// Where the value goes.
    pub delivery: &'a Delivery,
    /// The reference.
    pub reference: &'a str,
    /// The version; empty where it is not known yet.
    pub version: &'a str,
    /// The number of `State`.
    pub state: i32,
}

impl Default for Label<'_> {
    fn default() -> Self {
        Self {
            delivery: &Delivery::Direct,
            reference: "",
            version: "",
            state: 0,
        }
    }
}

/// Why sealing or opening failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Not 32 bytes, or no point of the curve that gives a secret.
    #[error("the public key is not a usable X25519 key of 32 bytes")]
    PublicKey,
    /// Not 16 bytes.
    #[error("the request id does not have 16 bytes")]
    RequestId,
    /// The cipher refused; it does so only past its limits.
    #[error("sealing failed")]
    Seal,
    /// Altered, cut, mislabelled, or meant for another key.
    #[error("the sealed value does not open: it was altered, or meant for another key")]
    Open,
}

impl SealError {
    /// The stable word.
    pub fn kind(self) -> &'static str {
        match self {
            Self::PublicKey | Self::RequestId | Self::Open => crate::kinds::INVALID_REQUEST,
            Self::Seal => crate::kinds::INTERNAL,
        }
    }
}

/// The private half of a key pair. Zeroed on drop by the curve's library.
pub struct OpeningKey(PrivateKey);

impl std::fmt::Debug for OpeningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OpeningKey([redacted])")
    }
}

impl OpeningKey {
    /// A new key pair: the private half, and the public half as it travels.
    pub fn generate() -> (Self, [u8; KEY_BYTES]) {
        let (private, public) = X25519HkdfSha256::gen_keypair();
        (Self(private), public.to_bytes().into())
    }

    /// The key whose bytes [`OpeningKey::to_bytes`] gave.
    ///
    /// # Errors
    /// [`SealError::Open`] where there are not 32 of them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SealError> {
        PrivateKey::from_bytes(bytes)
            .map(Self)
            .map_err(|_| SealError::Open)
    }

    /// The key's 32 bytes, to be kept where plaintext may be.
    pub fn to_bytes(&self) -> Zeroizing<[u8; KEY_BYTES]> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        self.0.write_exact(&mut *bytes);
        bytes
    }
}

/// Seals the values of one message, in order.
pub struct Sealer {
    context: AeadCtxS<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>,
    encapsulated_key: [u8; KEY_BYTES],
    aad: AadWriter,
}

impl Sealer {
    /// A sealer towards `public_key`.
    ///
    /// # Errors
    /// [`SealError::PublicKey`] or [`SealError::RequestId`].
    pub fn new(purpose: Purpose, public_key: &[u8], request_id: &[u8]) -> Result<Self, SealError> {
        let aad = AadWriter::new(request_id)?;
        let key = PublicKey::from_bytes(public_key).map_err(|_| SealError::PublicKey)?;
        let (encapsulated, context) =
            setup_sender(&OpModeS::Base, &key, purpose.info()).map_err(|_| SealError::PublicKey)?;
        Ok(Self {
            context,
            encapsulated_key: encapsulated.to_bytes().into(),
            aad,
        })
    }

    /// What the receiver needs beside its private key.
    pub fn encapsulated_key(&self) -> &[u8; KEY_BYTES] {
        &self.encapsulated_key
    }

    /// Seals `value` where it lies, then copies the ciphertext and its tag out.
    ///
    /// # Errors
    /// [`SealError::Seal`]; the value is then in an undefined state.
    pub fn seal(&mut self, label: Label<'_>, value: &mut [u8]) -> Result<Vec<u8>, SealError> {
        let aad = self.aad.next(label);
        let tag = self
            .context
            .seal_inout_detached(InOutBuf::from(&mut *value), &aad)
            .map_err(|_| SealError::Seal)?;
        let mut sealed = Vec::with_capacity(value.len() + TAG_BYTES);
        sealed.extend_from_slice(value);
        sealed.extend_from_slice(&tag.to_bytes());
        Ok(sealed)
    }
}

/// Opens the values of one message, in order.
pub struct Opener {
    context: AeadCtxR<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>,
    aad: AadWriter,
}

impl Opener {
    /// An opener for what was sealed to `key`.
    ///
    /// # Errors
    /// [`SealError::Open`] for an unusable encapsulated key, [`SealError::RequestId`].
    pub fn new(
        purpose: Purpose,
        key: &OpeningKey,
        encapsulated_key: &[u8],
        request_id: &[u8],
    ) -> Result<Self, SealError> {
        let aad = AadWriter::new(request_id)?;
        let encapsulated =
            EncappedKey::from_bytes(encapsulated_key).map_err(|_| SealError::Open)?;
        let context = setup_receiver(&OpModeR::Base, &key.0, &encapsulated, purpose.info())
            .map_err(|_| SealError::Open)?;
        Ok(Self { context, aad })
    }

    /// Opens `sealed` into `room`, which must be [`TAG_BYTES`] shorter than it.
    ///
    /// # Errors
    /// [`SealError::Open`]; `room` then holds nothing of the value.
    pub fn open_into(
        &mut self,
        label: Label<'_>,
        sealed: &[u8],
        room: &mut [u8],
    ) -> Result<(), SealError> {
        let aad = self.aad.next(label);
        let length = sealed.len().checked_sub(TAG_BYTES).ok_or(SealError::Open)?;
        if room.len() != length {
            return Err(SealError::Open);
        }
        let (ciphertext, tag) = sealed.split_at(length);
        let tag = Tag::from_bytes(tag).map_err(|_| SealError::Open)?;
        room.copy_from_slice(ciphertext);
        self.context
            .open_inout_detached(InOutBuf::from(room), &aad, &tag)
            .map_err(|_| SealError::Open)
    }
}

/// Writes each value's `aad`, counting them.
struct AadWriter {
    request_id: [u8; REQUEST_ID_BYTES],
    next_index: u32,
}

impl AadWriter {
    fn new(request_id: &[u8]) -> Result<Self, SealError> {
        let request_id = request_id.try_into().map_err(|_| SealError::RequestId)?;
        Ok(Self {
            request_id,
            next_index: 0,
        })
    }

    fn next(&mut self, label: Label<'_>) -> Vec<u8> {
        let mut aad = self.request_id.to_vec();
        aad.extend_from_slice(&self.next_index.to_be_bytes());
        self.next_index += 1;
        for text in [label.delivery.label(), label.reference, label.version] {
            // Texts are far below 4 GiB: messages are capped at some hundred KiB.
            let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
            aad.extend_from_slice(&length.to_be_bytes());
            aad.extend_from_slice(text.as_bytes());
        }
        aad.extend_from_slice(&label.state.to_be_bytes());
        aad
    }
}
