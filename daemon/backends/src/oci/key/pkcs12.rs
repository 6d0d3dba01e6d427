//! Key derivation of PKCS#12.

use sha1::{Digest as _, Sha1};
use zeroize::Zeroizing;

/// What the derived bytes are for (RFC 7292, appendix B.3).
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    Key = 1,
    Iv = 2,
}

/// Bytes derived with SHA-1 (RFC 7292, appendix B.2).
pub(super) fn derived(
    passphrase: &str,
    salt: &[u8],
    iterations: u32,
    purpose: Purpose,
    length: usize,
) -> Zeroizing<Vec<u8>> {
    let mut input = Zeroizing::new(repeated(salt));
    input.extend_from_slice(&Zeroizing::new(repeated(&with_zero(passphrase))));
    let mut bytes = Zeroizing::new(Vec::with_capacity(length + HASH_BYTES));
    loop {
        let mut hash = Sha1::new()
            .chain_update([purpose as u8; BLOCK_BYTES])
            .chain_update(&*input)
            .finalize();
        for _ in 1..iterations {
            hash = Sha1::digest(hash);
        }
        bytes.extend_from_slice(&hash);
        if bytes.len() >= length {
            bytes.truncate(length);
            return bytes;
        }
        for block in input.chunks_exact_mut(BLOCK_BYTES) {
            add_with_one(block, &hash);
        }
    }
}

/// UTF-16 with its high byte first and a zero at the end.
fn with_zero(passphrase: &str) -> Zeroizing<Vec<u8>> {
    let letters = passphrase.encode_utf16().chain([0]);
    let mut bytes = Zeroizing::new(Vec::with_capacity(passphrase.len() * 2 + 2));
    letters.for_each(|letter| bytes.extend_from_slice(&letter.to_be_bytes()));
    bytes
}

/// As often as it takes to fill whole blocks.
fn repeated(bytes: &[u8]) -> Vec<u8> {
    let length = bytes.len().next_multiple_of(BLOCK_BYTES);
    bytes.iter().copied().cycle().take(length).collect()
}

/// `block + (hash, repeated) + 1`, as one long number that loses what overflows.
fn add_with_one(block: &mut [u8], hash: &[u8]) {
    let mut carry = 1;
    for (index, byte) in block.iter_mut().enumerate().rev() {
        let sum = u16::from(*byte) + u16::from(hash[index % hash.len()]) + carry;
        [_, *byte] = sum.to_be_bytes();
        carry = sum >> 8;
    }
}

/// Of SHA-1.
const HASH_BYTES: usize = 20;
const BLOCK_BYTES: usize = 64;
