//! Decryption of encrypted private keys.
//!
//! Three ways are in use, and the `rsa` and `pkcs8` crates know the first: PBES2 (RFC 8018), the
//! password-based encryption of PKCS#12 (RFC 7292), and what OpenSSL 1 writes, `DEK-Info` with a key
//! made by MD5. The last two are weak, but they are other people's files: the only question here is
//! whether the pass phrase opens them.

use aes::{Aes128, Aes192, Aes256};
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockCipher, BlockDecryptMut, KeyInit, KeyIvInit as _};
use des::TdesEde3;
use md5::{Digest as _, Md5};
use pkcs8::EncryptedPrivateKeyInfo;
use pkcs8::der::asn1::{AnyRef, OctetStringRef};
use pkcs8::der::{Decode as _, Reader as _, SliceReader};
use pkcs8::spki::{AlgorithmIdentifierRef, ObjectIdentifier};
use zeroize::Zeroizing;

use super::error::KeyError;
use super::pkcs12;

/// Opens the block of an `ENCRYPTED PRIVATE KEY`; what comes out is PKCS#8.
pub(super) fn pkcs8(encrypted: &[u8], passphrase: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    if let Ok(key) = EncryptedPrivateKeyInfo::try_from(encrypted) {
        let mut buffer = Zeroizing::new(key.encrypted_data.to_vec());
        let opened = key
            .encryption_algorithm
            .decrypt_in_place(passphrase, &mut buffer);
        let length = opened.map(<[u8]>::len);
        let length = length.map_err(|error| match error {
            pkcs8::pkcs5::Error::UnsupportedAlgorithm { .. }
            | pkcs8::pkcs5::Error::AlgorithmParametersInvalid { .. } => KeyError::UnknownEncryption,
            _ => KeyError::WrongPassphrase,
        })?;
        buffer.truncate(length);
        return Ok(buffer);
    }
    let mut reader = SliceReader::new(encrypted).map_err(|_| KeyError::Damaged)?;
    let parts = reader.sequence(|reader| {
        let algorithm = AlgorithmIdentifierRef::decode(reader)?;
        Ok((algorithm, OctetStringRef::decode(reader)?.as_bytes()))
    });
    let (algorithm, data) = parts.map_err(|_| KeyError::Damaged)?;
    let (salt, iterations) = algorithm
        .parameters
        .and_then(salt_and_iterations)
        .ok_or(KeyError::UnknownEncryption)?;
    if algorithm.oid != SHA1_AND_3_KEY_TRIPLE_DES {
        return Err(KeyError::UnknownEncryption);
    }
    let derived = |purpose, length| pkcs12::derived(passphrase, salt, iterations, purpose, length);
    let (key, iv) = (
        derived(pkcs12::Purpose::Key, 24),
        derived(pkcs12::Purpose::Iv, 8),
    );
    let mut buffer = Zeroizing::new(data.to_vec());
    let length = opened::<TdesEde3>(&key, &iv, &mut buffer);
    buffer.truncate(length.ok_or(KeyError::WrongPassphrase)?);
    Ok(buffer)
}

/// Opens a block with the header `DEK-Info: CIPHER,IV`; what comes out is PKCS#1.
pub(super) fn traditional(
    encrypted: &[u8],
    dek_info: &str,
    passphrase: &str,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let (cipher, iv) = dek_info.split_once(',').ok_or(KeyError::Damaged)?;
    let iv = from_hex(iv.trim()).ok_or(KeyError::Damaged)?;
    let salt = iv.get(..8).ok_or(KeyError::Damaged)?;
    let key = |length| key_by_md5(passphrase, salt, length);
    let mut buffer = Zeroizing::new(encrypted.to_vec());
    let length = match cipher.trim().to_ascii_uppercase().as_str() {
        "AES-128-CBC" => opened::<Aes128>(&key(16), &iv, &mut buffer),
        "AES-192-CBC" => opened::<Aes192>(&key(24), &iv, &mut buffer),
        "AES-256-CBC" => opened::<Aes256>(&key(32), &iv, &mut buffer),
        "DES-EDE3-CBC" => opened::<TdesEde3>(&key(24), &iv, &mut buffer),
        _ => return Err(KeyError::UnknownEncryption),
    };
    buffer.truncate(length.ok_or(KeyError::WrongPassphrase)?);
    Ok(buffer)
}

/// Decrypts in place. How many bytes are left without the padding, if it is one.
fn opened<C>(key: &[u8], iv: &[u8], buffer: &mut [u8]) -> Option<usize>
where
    C: BlockDecryptMut + BlockCipher + KeyInit,
{
    let cipher = cbc::Decryptor::<C>::new_from_slices(key, iv).ok()?;
    let plain = cipher.decrypt_padded_mut::<Pkcs7>(buffer).ok()?;
    Some(plain.len())
}

/// OpenSSL's `EVP_BytesToKey` with MD5 and one round.
fn key_by_md5(passphrase: &str, salt: &[u8], length: usize) -> Zeroizing<Vec<u8>> {
    let mut key = Zeroizing::new(Vec::with_capacity(length + 16));
    let mut last = Zeroizing::new([0; 16]);
    while key.len() < length {
        let mut hash = Md5::new();
        if !key.is_empty() {
            hash.update(*last);
        }
        hash.update(passphrase);
        hash.update(salt);
        last.copy_from_slice(&hash.finalize());
        key.extend_from_slice(&*last);
    }
    key.truncate(length);
    key
}

/// The parameters of PKCS#12.
fn salt_and_iterations(parameters: AnyRef<'_>) -> Option<(&[u8], u32)> {
    let parts = parameters.sequence(|reader| {
        Ok((
            OctetStringRef::decode(reader)?.as_bytes(),
            u32::decode(reader)?,
        ))
    });
    parts
        .ok()
        .filter(|(_, iterations)| (1..=MAX_ITERATIONS).contains(iterations))
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|letter| letter.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    let bytes = digits.chunks_exact(2);
    bytes
        .map(|pair| u8::try_from(pair[0] * 16 + pair[1]).ok())
        .collect()
}

/// The same bound as the `pkcs5` crate's.
const MAX_ITERATIONS: u32 = 100_000_000;
/// `pbeWithSHAAnd3-KeyTripleDES-CBC` (RFC 7292, appendix C).
const SHA1_AND_3_KEY_TRIPLE_DES: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.3");
