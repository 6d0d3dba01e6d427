//! The size of a reply, known before anything of it is sealed or written down. Pure.

use prost::Message;
use vault_proto::generated::SealedValue;
use vault_proto::sealed::TAG_BYTES;

use crate::resolver::Resolved;

/// The most bytes of a reply to a launcher.
pub(crate) const LARGEST_REPLY: usize = 512 * 1024;
/// What the wire adds to a value: tags and lengths, in a message within a message.
const FRAMING: usize = 32;
/// How many of the largest values are named.
const NAMED: usize = 3;

/// More than one reply can hold.
#[derive(Debug, thiserror::Error)]
#[error(
    "the values make a reply of {} KiB, and one holds {} KiB at most; the largest: {largest}; use \
     fewer at once, or shorter ones",
    bytes.div_ceil(1024), most / 1024
)]
pub struct TooLarge {
    bytes: usize,
    most: usize,
    largest: String,
}

/// Whether the values fit into a reply of `most` bytes that has `rest` bytes beside them.
///
/// # Errors
/// [`TooLarge`], which names the largest by variable or reference.
pub(crate) fn fits(resolved: &[Resolved], rest: usize, most: usize) -> Result<(), TooLarge> {
    let sizes: Vec<(&Resolved, usize)> = resolved.iter().map(|one| (one, size(one))).collect();
    let bytes = rest + sizes.iter().map(|(_, bytes)| bytes).sum::<usize>();
    if bytes <= most {
        return Ok(());
    }
    let mut largest = sizes;
    largest.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    let named = largest.iter().take(NAMED).map(|(one, bytes)| {
        let name = match one.delivery.variable() {
            "" => one.reference.to_string(),
            variable => variable.to_owned(),
        };
        format!("{name} ({} KiB)", bytes.div_ceil(1024))
    });
    Err(TooLarge {
        bytes,
        most,
        largest: named.collect::<Vec<_>>().join(", "),
    })
}

fn size(one: &Resolved) -> usize {
    let value = one.value.as_ref().ok();
    let value = value.and_then(|served| served.secret().ok());
    let sealed = SealedValue {
        variable: one.delivery.variable().to_owned(),
        reference: one.reference.to_string(),
        provenance: one.provenance(),
        ciphertext: vec![],
    };
    sealed.encoded_len() + value.map_or(0, |value| value.len() + TAG_BYTES) + FRAMING
}
