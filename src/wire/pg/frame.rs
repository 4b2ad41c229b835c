//! The envelope of every message but the first: a tag byte and a length that counts itself and the body.

use bytes::{BufMut, BytesMut};

/// Tag and length.
pub const HEADER_BYTES: usize = 5;

/// PostgreSQL's own bound on a message (`PQ_LARGE_MESSAGE_LIMIT`).
pub const FRAME_BYTES_MAX: usize = 0x3FFF_FFFF;

/// What is wrong with the bytes of a peer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// A length that no message can have.
    #[error("message {:?} has the length {length}", char::from(*tag))]
    BadLength {
        /// The message's tag; 0 in a startup packet.
        tag: u8,
        /// As sent.
        length: i32,
    },
    /// The body ends too early.
    #[error("{during} message ends too early")]
    Truncated {
        /// Which message.
        during: &'static str,
    },
    /// The body goes on after the message.
    #[error("{during} message has {extra_bytes} bytes too many")]
    Trailing {
        /// Which message.
        during: &'static str,
        /// How many.
        extra_bytes: usize,
    },
    /// A value that has no meaning.
    #[error("{during} message holds {what}")]
    Invalid {
        /// Which message.
        during: &'static str,
        /// What.
        what: String,
    },
}

/// A frame's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Kind of message.
    pub tag: u8,
    /// Bytes of the whole frame, header included.
    pub total_bytes: usize,
}

/// Reads the header at the start of `buf`; `None` if it is not there yet. Errors: a length below 4 or above 1 GiB.
pub fn header(buf: &[u8]) -> Result<Option<Header>, WireError> {
    let Some((&[tag, a, b, c, d], _)) = buf.split_first_chunk::<HEADER_BYTES>() else { return Ok(None) };
    let length = i32::from_be_bytes([a, b, c, d]);
    match usize::try_from(length) {
        Ok(bytes) if (4..FRAME_BYTES_MAX).contains(&bytes) => Ok(Some(Header { tag, total_bytes: bytes + 1 })),
        Ok(_) | Err(_) => Err(WireError::BadLength { tag, length }),
    }
}

/// The whole frame at the start of `buf` as tag and body; `None` if it is not there yet.
pub fn whole(buf: &[u8]) -> Result<Option<(Header, &[u8])>, WireError> {
    let Some(head) = header(buf)? else { return Ok(None) };
    Ok(buf.get(HEADER_BYTES..head.total_bytes).map(|body| (head, body)))
}

/// Writes a frame whose body `fill` appends.
pub fn put(out: &mut BytesMut, tag: u8, fill: impl FnOnce(&mut BytesMut)) {
    out.put_u8(tag);
    let at = out.len();
    out.put_i32(0);
    fill(out);
    let length = i32::try_from(out.len() - at).unwrap_or(i32::MAX);
    out[at..at + 4].copy_from_slice(&length.to_be_bytes());
}

/// Appends a text and its closing zero. A zero inside would end it early, so the text is cut there.
pub fn put_cstr(out: &mut BytesMut, text: &[u8]) {
    let end = text.iter().position(|&b| b == 0).unwrap_or(text.len());
    out.put_slice(&text[..end]);
    out.put_u8(0);
}
