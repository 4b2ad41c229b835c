//! Layer 2, pure: what the journal's records hold and how each is written.
//!
//! ```text
//! record  = len u32 | crc32 u32 | body          crc32 over body; len = bytes of body
//! body    = kind u8 | seq u64 | back u32 | payload
//! ```
//! Numbers are little-endian. `seq` grows by one with every record of the journal's life. `back` is the distance in bytes to
//! the first record of the same write: a write starts only after the one before it is synced, so a crash can damage
//! only records at or after the start of the last write (see `segment`).

use crate::base::{ClusterName, Engine, NodeName, Place, TxnId};

/// The durable fact that a transaction commits: all that recovery needs, without configuration or memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Which transaction.
    pub txn: TxnId,
    /// When it was decided, milliseconds since 1970.
    pub decided_wall_ms: u64,
    /// The branches that were prepared, all of them.
    pub branches: Vec<DecidedBranch>,
}

/// One prepared branch of a decided transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecidedBranch {
    /// Its place in the branch name.
    pub place: Place,
    /// The backend's configured name.
    pub backend: String,
    /// The database it was prepared in.
    pub database: String,
    /// The role that prepared it.
    pub role: String,
    /// Which server.
    pub engine: Engine,
    /// The preparing session's process id (PostgreSQL) or thread id (MySQL): recovery ends it before it believes a list.
    pub session: u64,
    /// Whether the branch wrote for certain; one that did not may vanish from the server's list (FACTS 9).
    pub wrote: bool,
}

/// Proof that a transaction's decision is on disk. Only the journal makes one; phase two takes it by reference, so that
/// "commit before the decision is durable" does not compile (INV-1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Durable {
    txn: TxnId,
}

impl Durable {
    /// The journal's own constructor.
    pub(in crate::journal) fn mint(txn: TxnId) -> Self {
        Self { txn }
    }

    /// For unit tests of the pure rooms, which have no journal.
    #[cfg(test)]
    pub(crate) fn for_tests(txn: TxnId) -> Self {
        Self::mint(txn)
    }

    /// The transaction that it proves decided.
    pub fn txn(&self) -> &TxnId {
        &self.txn
    }
}

/// A person has ended Handfast's trying: what a settler cannot finish, because somebody else ended it against the decision or its
/// backend is gone for good, a person has looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conclusion {
    /// Which transaction; it was decided.
    pub txn: TxnId,
    /// When, milliseconds since 1970.
    pub wall_ms: u64,
    /// Who says so.
    pub who: String,
    /// Whether the branches that somebody had ended are as decided now, as that person says; else they are lost.
    pub committed: bool,
    /// Branches that were only not reached: nobody waits for them any more. If their server brings them back, they are ended as
    /// decided.
    pub given_up: Vec<Place>,
}

/// What one record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// The transaction commits.
    Decided(Decision),
    /// Every participant has settled; nobody needs the decision any more.
    Forgotten(TxnId),
    /// Recovery has settled every participant; the decision stays as a tombstone from this time (ms since 1970) on.
    Kept(TxnId, u64),
    /// A person has concluded it; from then on it is a tombstone, too.
    Concluded(Conclusion),
    /// A server has ended a branch of it against the decision; a person must look.
    Alarmed(Alarm),
}

/// A branch that its server has ended against the decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Whose.
    pub txn: TxnId,
    /// Which branch.
    pub place: Place,
    /// What its server said.
    pub problem: String,
}

/// Largest body of a record. Far above what `transactions.participants_max` branches with the longest names need.
pub const BODY_BYTES_MAX: usize = 1 << 20;

/// Bytes before the body.
pub const PREFIX_BYTES: usize = 8;

/// Bytes of a body before its payload.
const HEAD_BYTES: usize = 1 + 8 + 4;

const KIND_DECIDED: u8 = 1;
const KIND_FORGOTTEN: u8 = 2;
const KIND_KEPT: u8 = 3;
const KIND_CONCLUDED: u8 = 4;
const KIND_ALARMED: u8 = 5;

/// Why an entry cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("the record of {txn} would be {bytes} bytes long (at most {BODY_BYTES_MAX})")]
pub struct TooLong {
    /// Whose.
    pub txn: TxnId,
    /// How long.
    pub bytes: usize,
}

/// The payload of an entry, without its frame.
pub fn payload(entry: &Entry) -> Result<(u8, Vec<u8>), TooLong> {
    let mut out = Vec::with_capacity(256);
    let (kind, txn) = match entry {
        Entry::Decided(decision) => {
            put_txn(&mut out, &decision.txn);
            out.extend(decision.decided_wall_ms.to_le_bytes());
            out.extend(u32::try_from(decision.branches.len()).unwrap_or(u32::MAX).to_le_bytes());
            for branch in &decision.branches {
                put_branch(&mut out, branch);
            }
            (KIND_DECIDED, &decision.txn)
        }
        Entry::Forgotten(txn) => {
            put_txn(&mut out, txn);
            (KIND_FORGOTTEN, txn)
        }
        Entry::Kept(txn, wall_ms) => {
            put_txn(&mut out, txn);
            out.extend(wall_ms.to_le_bytes());
            (KIND_KEPT, txn)
        }
        Entry::Concluded(conclusion) => {
            put_txn(&mut out, &conclusion.txn);
            out.extend(conclusion.wall_ms.to_le_bytes());
            put_text(&mut out, &conclusion.who);
            out.push(u8::from(conclusion.committed));
            // Nothing, if there is none: so that earlier versions read what they can write.
            conclusion.given_up.iter().for_each(|place| out.extend(place.0.to_le_bytes()));
            (KIND_CONCLUDED, &conclusion.txn)
        }
        Entry::Alarmed(alarm) => {
            put_txn(&mut out, &alarm.txn);
            out.extend(alarm.place.0.to_le_bytes());
            put_text(&mut out, &alarm.problem);
            (KIND_ALARMED, &alarm.txn)
        }
    };
    let bytes = HEAD_BYTES + out.len();
    if bytes > BODY_BYTES_MAX {
        return Err(TooLong { txn: txn.clone(), bytes });
    }
    Ok((kind, out))
}

/// Appends a framed record to `out`; `out` holds one write, from its first record on.
pub fn put_record(out: &mut Vec<u8>, kind: u8, seq: u64, payload: &[u8]) {
    // Only a checkpoint can be longer; it is synced before its segment gets a name, so nobody needs its `back`.
    let back = u32::try_from(out.len()).unwrap_or(u32::MAX);
    let len = u32::try_from(HEAD_BYTES + payload.len()).expect("payload() refuses bodies over 1 MiB");
    let start = out.len() + PREFIX_BYTES;
    out.extend(len.to_le_bytes());
    out.extend([0; 4]);
    out.push(kind);
    out.extend(seq.to_le_bytes());
    out.extend(back.to_le_bytes());
    out.extend(payload);
    let crc = crc32fast::hash(&out[start..]);
    out[start - 4..start].copy_from_slice(&crc.to_le_bytes());
}

/// A record whose checksum is right.
#[derive(Clone, Copy, Debug)]
pub struct Framed<'a> {
    /// Its position in the journal's life.
    pub seq: u64,
    /// Distance to the start of its write.
    pub back: u32,
    /// Which entry.
    pub kind: u8,
    /// The entry's bytes.
    pub payload: &'a [u8],
    /// Bytes of the whole record.
    pub bytes: usize,
}

/// The record at the start of `bytes`, if there is a whole one with the right checksum and a `seq` of at least `seq_min`.
pub fn framed(bytes: &[u8], seq_min: u64) -> Option<Framed<'_>> {
    let len = usize::try_from(u32_at(bytes, 0)?).ok()?;
    if !(HEAD_BYTES..=BODY_BYTES_MAX).contains(&len) {
        return None;
    }
    let body = bytes.get(PREFIX_BYTES..PREFIX_BYTES.checked_add(len)?)?;
    let seq = u64::from_le_bytes(body.get(1..9)?.try_into().ok()?);
    // Before the checksum, because it is cheap: the search for records after a hole tries every byte.
    if seq < seq_min || u32_at(bytes, 4)? != crc32fast::hash(body) {
        return None;
    }
    let back = u32_at(body, 9)?;
    Some(Framed { seq, back, kind: body[0], payload: &body[HEAD_BYTES..], bytes: PREFIX_BYTES + len })
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// Reads a payload. `None`: the kind or the bytes are not of this version.
pub fn entry(kind: u8, payload: &[u8]) -> Option<Entry> {
    let mut input = Input(payload);
    let entry = match kind {
        KIND_DECIDED => Entry::Decided(input.decision()?),
        KIND_FORGOTTEN => Entry::Forgotten(input.txn()?),
        KIND_KEPT => Entry::Kept(input.txn()?, input.u64()?),
        KIND_CONCLUDED => Entry::Concluded(input.conclusion()?),
        KIND_ALARMED => Entry::Alarmed(Alarm { txn: input.txn()?, place: Place(input.u16()?), problem: input.text()? }),
        _ => return None,
    };
    input.0.is_empty().then_some(entry)
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    out.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend(text.as_bytes());
}

fn put_txn(out: &mut Vec<u8>, txn: &TxnId) {
    put_text(out, txn.cluster.as_str());
    put_text(out, txn.node.as_str());
    out.extend(txn.epoch.to_le_bytes());
    out.extend(txn.seq.to_le_bytes());
}

fn put_branch(out: &mut Vec<u8>, branch: &DecidedBranch) {
    out.extend(branch.place.0.to_le_bytes());
    put_text(out, &branch.backend);
    put_text(out, &branch.database);
    put_text(out, &branch.role);
    out.push(match branch.engine {
        Engine::Postgres => 0,
        Engine::Mariadb => 1,
        Engine::Mysql => 2,
    });
    out.extend(branch.session.to_le_bytes());
    out.push(u8::from(branch.wrote));
}

struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take::<1>().map(|b| b[0])
    }

    fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn text(&mut self) -> Option<String> {
        let len = usize::try_from(self.u32()?).ok()?;
        let (text, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        String::from_utf8(text.to_vec()).ok()
    }

    fn txn(&mut self) -> Option<TxnId> {
        let cluster = ClusterName::new(&self.text()?)?;
        let node = NodeName::new(&self.text()?)?;
        Some(TxnId { cluster, node, epoch: self.u64()?, seq: self.u64()? })
    }

    fn decision(&mut self) -> Option<Decision> {
        let txn = self.txn()?;
        let decided_wall_ms = self.u64()?;
        let count = self.u32()?;
        // No capacity from the count: the bytes are not trusted until they are all read.
        let mut branches = Vec::new();
        for _ in 0..count {
            branches.push(self.branch()?);
        }
        Some(Decision { txn, decided_wall_ms, branches })
    }

    fn conclusion(&mut self) -> Option<Conclusion> {
        let (txn, wall_ms, who) = (self.txn()?, self.u64()?, self.text()?);
        let committed = match self.u8()? {
            0 => false,
            1 => true,
            _ => return None,
        };
        let mut given_up = Vec::new();
        while !self.0.is_empty() {
            given_up.push(Place(self.u16()?));
        }
        Some(Conclusion { txn, wall_ms, who, committed, given_up })
    }

    fn branch(&mut self) -> Option<DecidedBranch> {
        let place = Place(self.u16()?);
        let (backend, database, role) = (self.text()?, self.text()?, self.text()?);
        let engine = match self.u8()? {
            0 => Engine::Postgres,
            1 => Engine::Mariadb,
            2 => Engine::Mysql,
            _ => return None,
        };
        let session = self.u64()?;
        let wrote = match self.u8()? {
            0 => false,
            1 => true,
            _ => return None,
        };
        Some(DecidedBranch { place, backend, database, role, engine, session, wrote })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn txn(seq: u64) -> TxnId {
        TxnId { cluster: ClusterName::new("shop").unwrap(), node: NodeName::new("n-1").unwrap(), epoch: 7, seq }
    }

    fn decision() -> Decision {
        let branch = |place, engine, wrote| DecidedBranch {
            place: Place(place),
            backend: String::from("store"),
            database: String::from("störe"),
            role: String::from("app"),
            engine,
            session: 4711,
            wrote,
        };
        let branches = vec![branch(0, Engine::Postgres, true), branch(3, Engine::Mariadb, false)];
        Decision { txn: txn(9), decided_wall_ms: 1_700_000_000_123, branches }
    }

    #[test]
    fn every_entry_reads_back_as_written() {
        let concluded = Conclusion {
            txn: txn(3),
            wall_ms: 9,
            who: String::from("Ann Ö."),
            committed: false,
            given_up: vec![Place(1), Place(300)],
        };
        for said in [
            Entry::Decided(decision()),
            Entry::Forgotten(txn(1)),
            Entry::Kept(txn(2), 5),
            Entry::Concluded(concluded),
            Entry::Alarmed(Alarm { txn: txn(4), place: Place(2), problem: String::from("Heuristic(\"é\")") }),
        ] {
            let (kind, bytes) = payload(&said).unwrap();
            let mut out = vec![];
            put_record(&mut out, kind, 3, &bytes);
            put_record(&mut out, kind, 4, &bytes);
            let first = framed(&out, 0).unwrap();
            assert_eq!((first.seq, first.back), (3, 0));
            assert_eq!(entry(first.kind, first.payload), Some(said));
            let second = framed(&out[first.bytes..], 4).unwrap();
            assert_eq!((second.seq, second.back as usize), (4, first.bytes));
            assert!(framed(&out, 4).is_none(), "older than expected");
        }
    }

    #[test]
    fn a_record_with_any_bit_flipped_is_no_record() {
        let (kind, bytes) = payload(&Entry::Decided(decision())).unwrap();
        let mut out = vec![];
        put_record(&mut out, kind, 1, &bytes);
        for bit in 0..out.len() * 8 {
            let mut bad = out.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(framed(&bad, 0).is_none(), "bit {bit}");
        }
        for len in 0..out.len() {
            assert!(framed(&out[..len], 0).is_none(), "cut to {len} bytes");
        }
    }

    #[test]
    fn a_record_longer_than_the_bound_is_refused_before_it_is_written() {
        let mut long = decision();
        long.branches[0].backend = "x".repeat(BODY_BYTES_MAX);
        assert!(payload(&Entry::Decided(long)).is_err());
    }

    #[test]
    fn payloads_of_random_bytes_are_never_entries_and_never_panic() {
        for kind in 0..6 {
            let mut bytes = vec![];
            for n in 0..300u32 {
                bytes.push((n.wrapping_mul(2_654_435_761) >> 13) as u8);
                assert_eq!(entry(kind, &bytes), None);
            }
        }
    }
}
