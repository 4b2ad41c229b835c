//! Packets: three bytes of length, one sequence number, payload; a payload of 2^24 − 1 bytes or more continues in the
//! next packet, and ends with a shorter (perhaps empty) one.

use bytes::{Buf, BufMut, BytesMut};

use crate::base::limits::MYSQL_PACKET_BYTES_MAX;

/// Length and sequence number.
pub const HEADER_BYTES: usize = 4;

/// What is wrong with a peer's packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The payload is larger than the limit.
    #[error("a packet of more than {bytes_max} bytes")]
    TooLarge {
        /// The limit.
        bytes_max: usize,
    },
    /// Sequence numbers must count up without a gap.
    #[error("packet number {got} where {expected} was due")]
    OutOfOrder {
        /// What was due.
        expected: u8,
        /// What came.
        got: u8,
    },
}

/// A packet's header: payload length and sequence number, if all four bytes are there.
pub fn head(buf: &[u8]) -> Option<(usize, u8)> {
    let h = buf.get(..HEADER_BYTES)?;
    Some((usize::from(h[0]) | usize::from(h[1]) << 8 | usize::from(h[2]) << 16, h[3]))
}

/// Cuts one whole payload off `buf`, however many packets carry it, and moves `seq` behind it. `None`: more bytes are
/// needed. A payload announced as larger than `bytes_max` is an error before its bytes are here.
pub fn take(buf: &mut BytesMut, seq: &mut u8, bytes_max: usize) -> Result<Option<BytesMut>, FrameError> {
    let (mut at, mut total, mut parts) = (0, 0, 0_u8);
    loop {
        let Some((len, got)) = head(&buf[at..]) else { return Ok(None) };
        let expected = seq.wrapping_add(parts);
        if got != expected {
            return Err(FrameError::OutOfOrder { expected, got });
        }
        total += len;
        if total > bytes_max {
            return Err(FrameError::TooLarge { bytes_max });
        }
        parts = parts.wrapping_add(1);
        at += HEADER_BYTES + len;
        if at > buf.len() {
            return Ok(None);
        }
        if len < MYSQL_PACKET_BYTES_MAX {
            break;
        }
    }
    *seq = seq.wrapping_add(parts);
    if at == HEADER_BYTES + total {
        buf.advance(HEADER_BYTES);
        return Ok(Some(buf.split_to(total)));
    }
    Ok(Some(join(buf.split_to(at), total)))
}

fn join(mut parts: BytesMut, total: usize) -> BytesMut {
    let mut payload = BytesMut::with_capacity(total);
    while let Some((len, _)) = head(&parts) {
        parts.advance(HEADER_BYTES);
        payload.put(parts.split_to(len));
    }
    payload
}

/// Appends a payload, given in pieces, as one packet or more, and moves `seq` behind it.
pub fn put(out: &mut BytesMut, seq: &mut u8, pieces: &[&[u8]]) {
    let mut left: usize = pieces.iter().map(|p| p.len()).sum();
    out.reserve(left + HEADER_BYTES);
    let mut len = put_head(out, seq, left);
    let mut room = len;
    for piece in pieces {
        let mut piece = *piece;
        while !piece.is_empty() {
            let now = piece.len().min(room);
            out.put_slice(&piece[..now]);
            piece = &piece[now..];
            left -= now;
            room -= now;
            if room == 0 && len == MYSQL_PACKET_BYTES_MAX {
                len = put_head(out, seq, left);
                room = len;
            }
        }
    }
}

/// Writes the header of a packet that starts `left` bytes before the payload's end; returns how much it carries.
fn put_head(out: &mut BytesMut, seq: &mut u8, left: usize) -> usize {
    let len = left.min(MYSQL_PACKET_BYTES_MAX);
    out.put_uint_le(len as u64, 3);
    out.put_u8(*seq);
    *seq = seq.wrapping_add(1);
    len
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn framed(payload: &[u8]) -> BytesMut {
        let mut out = BytesMut::new();
        put(&mut out, &mut 0, &[payload]);
        out
    }

    proptest! {
        #[test]
        fn a_payload_arrives_whole_however_it_is_split(payload: Vec<u8>, cuts in proptest::collection::vec(1_usize..9, 0..40)) {
            let bytes = framed(&payload);
            let (mut buf, mut at, mut seq, mut got) = (BytesMut::new(), 0, 0, None);
            for cut in cuts.into_iter().chain(std::iter::repeat(64)) {
                let to = (at + cut).min(bytes.len());
                buf.extend_from_slice(&bytes[at..to]);
                at = to;
                got = take(&mut buf, &mut seq, 1 << 20).unwrap();
                if at == bytes.len() { break; }
                prop_assert!(got.is_none());
            }
            prop_assert_eq!(&got.unwrap()[..], &payload[..]);
            prop_assert_eq!(seq, 1);
        }

        #[test]
        fn pieces_are_one_payload(a: Vec<u8>, b: Vec<u8>, c: Vec<u8>) {
            let mut out = BytesMut::new();
            put(&mut out, &mut 0, &[&a, &b, &c]);
            prop_assert_eq!(out, framed(&[a, b, c].concat()));
        }
    }

    #[test]
    fn payloads_around_sixteen_mebibytes_read_back() {
        for len in [MYSQL_PACKET_BYTES_MAX - 1, MYSQL_PACKET_BYTES_MAX, MYSQL_PACKET_BYTES_MAX + 1] {
            let payload = vec![7; len];
            let mut out = BytesMut::new();
            let mut seq = 0;
            put(&mut out, &mut seq, &[&payload[..1], &payload[1..]]);
            let packets = if len < MYSQL_PACKET_BYTES_MAX { 1 } else { 2 };
            assert_eq!((out.len(), usize::from(seq)), (len + packets * HEADER_BYTES, packets));
            let mut seq = 0;
            assert_eq!(take(&mut out, &mut seq, usize::MAX).unwrap().unwrap().len(), len);
            assert!(out.is_empty());
        }
    }

    #[test]
    fn an_announced_giant_is_refused_before_it_is_sent() {
        let mut buf = BytesMut::from(&[0xff, 0xff, 0x00, 0][..]);
        assert_eq!(take(&mut buf, &mut 0, 1000), Err(FrameError::TooLarge { bytes_max: 1000 }));
    }

    #[test]
    fn a_wrong_number_is_refused() {
        let mut buf = BytesMut::from(&[1, 0, 0, 3, 0][..]);
        assert_eq!(take(&mut buf, &mut 0, 10), Err(FrameError::OutOfOrder { expected: 0, got: 3 }));
    }
}
