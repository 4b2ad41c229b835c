//! Layer 2, pure: a segment file — its header and how its records are read back.
//!
//! ```text
//! segment = header (512 bytes) | records … | zeros up to the preallocated size
//! header  = magic 8 | version u32 | number u64 | epoch u64 | first_seq u64 | checkpoint u64 | cluster 17 | node 17 | birth u64 | crc32
//! ```
//! Version 1 had no `birth`; such a journal counted its epochs from 1.
//! Every segment begins with a checkpoint: `checkpoint` records that repeat all that was still needed of the segments before
//! it. It gets its name only when that is synced. So the newest segment alone is the whole journal, and reading it
//! never depends on an older one.
//!
//! **The torn tail.** A write begins only after the one before it is synced, and nothing of a write is acknowledged before its
//! own sync. A crash may keep any sectors of the last write, in any order. So reading stops at the first place that
//! holds no record, and a whole record beyond it is tolerated (and dropped) only if its write began at or before that place
//! — `back` says where. Otherwise something that was synced is damaged, and the start is refused.

use crate::base::{ClusterName, NodeName};
use crate::journal::record::{self, Entry};

/// Bytes of the header: one sector, which no record shares.
pub const HEADER_BYTES: usize = 512;

/// The format's version. Readers refuse newer ones.
pub const VERSION: u32 = 2;

const MAGIC: [u8; 8] = *b"HANDFAST";
const FIELDS_V1_BYTES: usize = 8 + 4 + 8 + 8 + 8 + 8 + 17 + 17;
const FIELDS_BYTES: usize = FIELDS_V1_BYTES + 8;

/// The start of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its number, also its file's name.
    pub number: u64,
    /// The node's start that wrote it.
    pub epoch: u64,
    /// `seq` of its first record.
    pub first_seq: u64,
    /// How many records its checkpoint has.
    pub checkpoint: u64,
    /// Whose journal it is.
    pub cluster: ClusterName,
    /// And which node's.
    pub node: NodeName,
    /// The epoch in which the journal was made: of older ones it knows nothing.
    pub birth: u64,
}

/// One record, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Offset in bytes from the segment's start.
    pub offset: u64,
    /// Position in the journal's life.
    pub seq: u64,
    /// What it says.
    pub entry: Entry,
}

/// A segment read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// Its header.
    pub header: Header,
    /// Its records, in order.
    pub found: Vec<Found>,
    /// Where the records end.
    pub end: u64,
    /// Whether something that is no whole record follows there: the remains of a write that was never acknowledged.
    pub torn: bool,
}

/// Why a segment cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// Not ours, or its first sector is damaged.
    #[error("at 0: the header is damaged, or this is no segment")]
    Header,
    /// A newer program wrote it.
    #[error("at 8: format version {version} is newer than {VERSION}, which this program reads")]
    Newer {
        /// Its version.
        version: u32,
    },
    /// A damaged record, with synced records after it.
    #[error("at {offset}: a damaged record; the record at {next} was written after it was synced")]
    Record {
        /// Where the damage begins.
        offset: u64,
        /// A whole record after it.
        next: u64,
    },
    /// A whole record that means nothing to this version, or comes out of order.
    #[error("at {offset}: record {seq} (kind {kind}) is not of this version or out of order")]
    Meaning {
        /// Where.
        offset: u64,
        /// Its number.
        seq: u64,
        /// Its kind.
        kind: u8,
    },
    /// The checkpoint, which was synced before the file got its name, is not whole.
    #[error("at {offset}: only {found} of the checkpoint's {expected} records are readable")]
    Checkpoint {
        /// Where reading ended.
        offset: u64,
        /// Records there.
        found: u64,
        /// Records promised by the header.
        expected: u64,
    },
}

/// The header's sector.
pub fn put_header(header: &Header) -> [u8; HEADER_BYTES] {
    let mut out = Vec::with_capacity(HEADER_BYTES);
    out.extend(MAGIC);
    out.extend(VERSION.to_le_bytes());
    for number in [header.number, header.epoch, header.first_seq, header.checkpoint] {
        out.extend(number.to_le_bytes());
    }
    put_name(&mut out, header.cluster.as_str());
    put_name(&mut out, header.node.as_str());
    out.extend(header.birth.to_le_bytes());
    let crc = crc32fast::hash(&out);
    out.extend(crc.to_le_bytes());
    let mut sector = [0; HEADER_BYTES];
    sector[..out.len()].copy_from_slice(&out);
    sector
}

fn put_name(out: &mut Vec<u8>, name: &str) {
    let mut field = [0; 17];
    field[0] = u8::try_from(name.len()).expect("names have at most 16 bytes");
    field[1..=name.len()].copy_from_slice(name.as_bytes());
    out.extend(field);
}

/// Reads a header.
pub fn header(bytes: &[u8]) -> Result<Header, Damage> {
    let sector = bytes.get(..HEADER_BYTES).ok_or(Damage::Header)?;
    if sector[..8] != MAGIC {
        return Err(Damage::Header);
    }
    let u32_at = |at: usize| u32::from_le_bytes([sector[at], sector[at + 1], sector[at + 2], sector[at + 3]]);
    let u64_at = |at: usize| u64::from(u32_at(at)) | u64::from(u32_at(at + 4)) << 32;
    // The version first: a newer header may have its checksum elsewhere.
    let version = u32_at(8);
    if version > VERSION {
        return Err(Damage::Newer { version });
    }
    let fields_bytes = if version == 1 { FIELDS_V1_BYTES } else { FIELDS_BYTES };
    if version == 0 || u32_at(fields_bytes) != crc32fast::hash(&sector[..fields_bytes]) {
        return Err(Damage::Header);
    }
    let name_at = |at: usize| {
        let len = usize::from(sector[at]).min(16);
        std::str::from_utf8(&sector[at + 1..at + 1 + len]).unwrap_or_default()
    };
    Ok(Header {
        number: u64_at(12),
        epoch: u64_at(20),
        first_seq: u64_at(28),
        checkpoint: u64_at(36),
        cluster: ClusterName::new(name_at(44)).ok_or(Damage::Header)?,
        node: NodeName::new(name_at(61)).ok_or(Damage::Header)?,
        birth: if version == 1 { 1 } else { u64_at(FIELDS_V1_BYTES) },
    })
}

/// Reads a whole segment.
pub fn scan(bytes: &[u8]) -> Result<Scan, Damage> {
    let header = header(bytes)?;
    let mut found = Vec::new();
    let mut at = HEADER_BYTES;
    let mut seq = header.first_seq;
    while let Some(framed) = record::framed(&bytes[at..], 0) {
        let meaning = Damage::Meaning { offset: offset(at), seq: framed.seq, kind: framed.kind };
        if framed.seq != seq {
            return Err(meaning);
        }
        let entry = record::entry(framed.kind, framed.payload).ok_or(meaning)?;
        found.push(Found { offset: offset(at), seq, entry });
        at += framed.bytes;
        seq += 1;
    }
    if let Some(next) = synced_after(bytes, at, seq) {
        return Err(Damage::Record { offset: offset(at), next: offset(next) });
    }
    if offset(found.len()) < header.checkpoint {
        let (found, expected) = (offset(found.len()), header.checkpoint);
        return Err(Damage::Checkpoint { offset: offset(at), found, expected });
    }
    let torn = bytes[at..].iter().any(|b| *b != 0);
    Ok(Scan { header, found, end: offset(at), torn })
}

/// The first whole record after the hole whose write began after the hole: then the hole was synced once.
fn synced_after(bytes: &[u8], hole: usize, seq: u64) -> Option<usize> {
    let mut at = hole + 1;
    while at + record::PREFIX_BYTES < bytes.len() {
        // Skip zeros fast: a record's length is never zero in its low three bytes at once (at most 1 MiB, at least 13).
        if bytes[at] == 0 && bytes[at + 1] == 0 && bytes[at + 2] == 0 {
            at += 1;
            continue;
        }
        if let Some(framed) = record::framed(&bytes[at..], seq)
            && at.saturating_sub(usize::try_from(framed.back).unwrap_or(usize::MAX)) > hole
        {
            return Some(at);
        }
        at += 1;
    }
    None
}

fn offset(at: usize) -> u64 {
    u64::try_from(at).expect("usize has at most 64 bits")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::TxnId;

    fn head(checkpoint: u64) -> Header {
        Header {
            number: 3,
            epoch: 5,
            first_seq: 40,
            checkpoint,
            cluster: ClusterName::new("shop").unwrap(),
            node: NodeName::new("abcdefghijklmnop").unwrap(),
            birth: 4,
        }
    }

    fn entry(seq: u64) -> Entry {
        let Header { cluster, node, epoch, .. } = head(0);
        Entry::Forgotten(TxnId { cluster, node, epoch, seq })
    }

    /// A segment of these writes, each of so many records; and where each record begins, and the end.
    fn segment(checkpoint: u64, writes: &[u64]) -> (Vec<u8>, Vec<usize>) {
        let mut bytes = put_header(&head(checkpoint)).to_vec();
        let (mut starts, mut seq) = (vec![], 40);
        for count in writes {
            let mut write = vec![];
            for _ in 0..*count {
                starts.push(bytes.len() + write.len());
                let (kind, payload) = record::payload(&entry(seq)).unwrap();
                record::put_record(&mut write, kind, seq, &payload);
                seq += 1;
            }
            bytes.extend(write);
        }
        starts.push(bytes.len());
        bytes.resize(bytes.len() + 4096, 0);
        (bytes, starts)
    }

    #[test]
    fn a_segment_reads_back_as_written() {
        let (bytes, starts) = segment(2, &[2, 1, 3]);
        let scan = scan(&bytes).unwrap();
        assert_eq!(scan.header, head(2));
        assert_eq!(scan.found.len(), 6);
        assert_eq!((scan.end as usize, scan.torn), (starts[6], false));
        assert_eq!(scan.found[5].entry, entry(45));
    }

    #[test]
    fn a_torn_tail_is_cut_and_nothing_else() {
        let (bytes, starts) = segment(0, &[2, 3]);
        for at in starts[2]..starts[5] {
            let mut torn = bytes.clone();
            torn[at] ^= 0x40;
            let got = scan(&torn).unwrap();
            let whole = starts.iter().filter(|s| **s <= at).count() - 1;
            assert_eq!(got.found.len(), whole, "byte {at} of the last write is damaged");
            assert!(got.torn);
        }
        for at in starts[0]..starts[2] {
            let mut bad = bytes.clone();
            bad[at] ^= 0x40;
            assert!(matches!(scan(&bad), Err(Damage::Record { .. })), "byte {at} was synced before the last write");
        }
    }

    #[test]
    fn a_hole_in_the_checkpoint_is_refused() {
        let (mut bytes, starts) = segment(2, &[2]);
        bytes[starts[1] + 9] ^= 1;
        assert_eq!(scan(&bytes), Err(Damage::Checkpoint { offset: starts[1] as u64, found: 1, expected: 2 }));
    }

    #[test]
    fn a_future_version_is_refused_by_its_number_and_a_damaged_header_as_damaged() {
        let (bytes, _) = segment(0, &[1]);
        let mut newer = bytes.clone();
        newer[8] = 9;
        assert_eq!(scan(&newer), Err(Damage::Newer { version: 9 }));
        for at in (0..FIELDS_BYTES + 4).filter(|at| !(8..12).contains(at)) {
            let mut bad = bytes.clone();
            bad[at] ^= 1;
            assert_eq!(scan(&bad), Err(Damage::Header), "byte {at}");
        }
        assert_eq!(scan(&bytes[..100]), Err(Damage::Header));
    }

    #[test]
    fn a_segment_of_the_first_version_is_read() {
        let mut sector = put_header(&head(0));
        sector[8] = 1;
        sector[FIELDS_V1_BYTES..].fill(0);
        let crc = crc32fast::hash(&sector[..FIELDS_V1_BYTES]);
        sector[FIELDS_V1_BYTES..FIELDS_V1_BYTES + 4].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(header(&sector), Ok(Header { birth: 1, ..head(0) }));
    }

    #[test]
    fn a_record_out_of_order_is_refused() {
        let (bytes, starts) = segment(0, &[1, 1]);
        let mut swapped = bytes[..HEADER_BYTES].to_vec();
        swapped.extend(&bytes[starts[1]..]);
        assert!(matches!(scan(&swapped), Err(Damage::Meaning { seq: 41, .. })));
    }
}
