//! Right answers as faults leave them.

use serde_json::Value;

use super::faults::Fault;
use super::reply::Reply;

impl Fault {
    /// The right answer as this fault leaves it.
    pub(super) fn spoil(&self, mut reply: Reply) -> Reply {
        match self {
            Self::HalfJson => reply.body.truncate(reply.body.len() / 2),
            Self::NotUtf8 => {
                let middle = reply.body.len() / 2;
                reply.body.insert(middle, 0xff);
            }
            Self::Gzip => {
                reply.body = gzip(&reply.body);
                return reply.with("content-encoding", "gzip");
            }
            _ => {
                if let Ok(mut body) = serde_json::from_slice(&reply.body)
                    && self.alter(&mut body)
                {
                    reply.body = body.to_string().into();
                }
            }
        }
        reply
    }

    /// Changes a body, and says whether it did.
    fn alter(&self, body: &mut Value) -> bool {
        match self {
            Self::WrongId => body["secretId"] = "ocid1.vaultsecret.oc1.phx.another".into(),
            Self::WrongVersion => {
                let number = body["versionNumber"].as_u64().unwrap_or_default();
                body["versionNumber"] = (number + 1).into();
            }
            Self::WrongStage => body["stages"] = vec!["DEPRECATED"].into(),
            Self::VersionZero => body["versionNumber"] = 0.into(),
            Self::EmptyContent => body["secretBundleContent"]["content"] = "".into(),
            Self::NotBase64 => {
                body["secretBundleContent"]["content"] = "%%% not base64 %%%".into();
            }
            Self::WrongContentType => {
                body["secretBundleContent"]["contentType"] = "PLAIN".into();
            }
            Self::Without(part) => {
                let parts = body.as_object_mut();
                return parts.is_some_and(|parts| parts.remove(part).is_some());
            }
            Self::TooLong(bytes) => body["padding"] = "x".repeat(*bytes).into(),
            _ => return false,
        }
        true
    }
}

/// The form of RFC 1952 with blocks that are stored as they are (RFC 1951, 3.2.4).
fn gzip(bytes: &[u8]) -> Vec<u8> {
    const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut packed = HEAD.to_vec();
    for block in bytes.chunks(0xffff) {
        let length = u16::try_from(block.len()).expect("a block is as long as fits");
        packed.push(0);
        packed.extend(length.to_le_bytes());
        packed.extend((!length).to_le_bytes());
        packed.extend(block);
    }
    // The last block is an empty one.
    packed.extend([1, 0, 0, 0xff, 0xff]);
    packed.extend(crc32(bytes).to_le_bytes());
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    packed.extend(length.to_le_bytes());
    packed
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            (sum >> 1) ^ (0xedb8_8320 * (sum & 1))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_whole() {
        // The check value of CRC-32/ISO-HDLC.
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        let packed = gzip(b"ab");
        assert_eq!(packed[..3], [0x1f, 0x8b, 8]);
        assert_eq!(packed[10..17], [0, 2, 0, 0xfd, 0xff, b'a', b'b']);
        assert_eq!(packed[packed.len() - 4..], [2, 0, 0, 0]);
    }
}
