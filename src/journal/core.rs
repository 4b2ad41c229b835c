//! The journal without its thread: opening, writing, checkpoints. The simulator drives it directly.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::base::{ClusterName, Failpoint, Failpoints, NodeName, TxnId, clock};
use crate::journal::record::{self, Alarm, Conclusion, Decision, Durable, Entry, TooLong};
use crate::journal::segment::{self, HEADER_BYTES, Header};
use crate::journal::storage::{SegmentFile, Storage};
use crate::journal::{JournalError, Replay};

/// Holds the node's name; the segments repeat it.
pub const NODE_FILE: &str = "node-id";

const TMP: &str = ".tmp";

/// What the journal is told by its configuration.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whose journal it is.
    pub cluster: ClusterName,
    /// Which node's; `None`: as found, or the fresh one.
    pub node: Option<NodeName>,
    /// A segment's size in bytes; one that needs more gets more.
    pub segment_bytes: u64,
    /// How long tombstones are kept.
    pub keep: Duration,
}

/// A decision that is still needed.
#[derive(Clone, Debug)]
pub struct Held {
    /// The decision.
    pub decision: Arc<Decision>,
    /// Since when (ms since 1970) it is only a tombstone: recovery has settled every branch.
    pub kept_since_wall_ms: Option<u64>,
    /// The person's word that ended it.
    pub concluded: Option<Conclusion>,
    /// Branches that their servers have ended against it.
    pub alarmed: Vec<Alarm>,
}

/// What is still needed, shared between the writer and those who look things up.
#[derive(Debug, Default)]
pub struct Needed(Mutex<BTreeMap<TxnId, Held>>);

impl Needed {
    /// The map. A panic elsewhere cannot leave it half-changed: every change is one operation.
    pub fn lock(&self) -> MutexGuard<'_, BTreeMap<TxnId, Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn apply(&self, entry: &Entry) {
        let mut needed = self.lock();
        match entry {
            Entry::Decided(decision) => {
                let (decision, alarmed) = (Arc::new(decision.clone()), Vec::new());
                let held = Held { decision: Arc::clone(&decision), kept_since_wall_ms: None, concluded: None, alarmed };
                needed.insert(decision.txn.clone(), held);
            }
            // INV-7: whoever says this has seen every participant settle. It may come after the decision is gone from a
            // checkpoint: then there is nothing to forget.
            Entry::Forgotten(txn) => {
                needed.remove(txn);
            }
            Entry::Kept(txn, wall_ms) => {
                if let Some(held) = needed.get_mut(txn) {
                    held.kept_since_wall_ms = Some(*wall_ms);
                }
            }
            Entry::Concluded(conclusion) => {
                if let Some(held) = needed.get_mut(&conclusion.txn) {
                    held.kept_since_wall_ms = Some(conclusion.wall_ms);
                    held.concluded = Some(conclusion.clone());
                }
            }
            Entry::Alarmed(alarm) => {
                if let Some(held) = needed.get_mut(&alarm.txn)
                    && held.alarmed.iter().all(|known| known.place != alarm.place)
                {
                    held.alarmed.push(alarm.clone());
                }
            }
        }
    }
}

/// An entry ready to be written.
#[derive(Clone, Debug)]
pub struct Encoded {
    entry: Entry,
    kind: u8,
    payload: Vec<u8>,
}

impl Encoded {
    /// Refuses what is too long, before anything is written.
    pub fn new(entry: Entry) -> Result<Self, TooLong> {
        let (kind, payload) = record::payload(&entry)?;
        Ok(Self { entry, kind, payload })
    }

    /// Its size in the journal.
    pub fn bytes(&self) -> usize {
        record::PREFIX_BYTES + 13 + self.payload.len()
    }
}

/// Why a write did not succeed. Either way the journal takes no more (INV-10).
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Not a byte of it was written, and none will be.
    #[error("the journal cannot {during}: {source}")]
    NotWritten {
        /// Doing what.
        during: &'static str,
        /// How.
        source: io::Error,
    },
    /// It may or may not be found by the next start.
    #[error("the journal cannot {during}: {source}")]
    Unknown {
        /// Doing what.
        during: &'static str,
        /// How.
        source: io::Error,
    },
}

/// What one write did.
#[derive(Debug)]
pub struct Written {
    /// Proofs of the decisions in it, in order.
    pub proofs: Vec<Durable>,
    /// How long the sync took.
    pub sync: Duration,
}

/// The journal's writing end.
#[derive(Debug)]
pub struct Core {
    storage: Box<dyn Storage>,
    settings: Settings,
    node: NodeName,
    epoch: u64,
    birth: u64,
    number: u64,
    file: Box<dyn SegmentFile>,
    used_bytes: u64,
    size_bytes: u64,
    next_seq: u64,
    needed: Arc<Needed>,
    failed: bool,
    failpoints: Failpoints,
}

fn segment_name(number: u64) -> String {
    format!("{number:08}.hfj")
}

/// A segment's number by its file's name.
pub fn segment_number(name: &str) -> Option<u64> {
    let number = name.strip_suffix(".hfj")?.parse().ok()?;
    (segment_name(number) == name).then_some(number)
}

/// Fails with what was done to which file.
fn io_error(during: &'static str, file: &str) -> impl FnOnce(io::Error) -> JournalError {
    let file = file.to_owned();
    move |source| JournalError::Io { during, file, source }
}

/// What was found on the disk.
struct Past {
    newest: Option<segment::Scan>,
    node: Option<NodeName>,
}

fn read_past(storage: &mut dyn Storage) -> Result<Past, JournalError> {
    let names = storage.list().map_err(io_error("list", "the journal folder"))?;
    for name in names.iter().filter(|n| n.ends_with(TMP)) {
        // Unfinished: it never got its name, so nothing in it was ever acknowledged.
        storage.remove(name).map_err(io_error("remove", name))?;
    }
    let node = match storage.read(NODE_FILE).map_err(io_error("read", NODE_FILE))? {
        Some(bytes) => {
            let text = String::from_utf8_lossy(&bytes).trim().to_owned();
            Some(NodeName::new(&text).ok_or(JournalError::NodeFile { text })?)
        }
        None => None,
    };
    let Some(number) = names.iter().filter_map(|n| segment_number(n)).max() else {
        return Ok(Past { newest: None, node });
    };
    let file = segment_name(number);
    let bytes = storage.read(&file).map_err(io_error("read", &file))?.unwrap_or_default();
    let newest = segment::scan(&bytes).map_err(|damage| JournalError::Damaged { file: file.clone(), damage })?;
    if newest.header.number != number {
        return Err(JournalError::Misnamed { file, number: newest.header.number });
    }
    Ok(Past { newest: Some(newest), node })
}

/// Which node this is, if what was found and what is configured agree.
fn node_of(past: &Past, settings: &Settings) -> Result<Option<NodeName>, JournalError> {
    let Some(newest) = &past.newest else {
        return match &past.node {
            // Without segments nobody knows what was decided.
            Some(node) => Err(JournalError::SegmentsMissing { node: node.clone() }),
            None => Ok(settings.node.clone()),
        };
    };
    if newest.header.cluster != settings.cluster {
        let (found, configured) = (newest.header.cluster.clone(), settings.cluster.clone());
        return Err(JournalError::OtherCluster { found, configured });
    }
    let stored = &newest.header.node;
    match past.node.iter().chain(&settings.node).find(|other| *other != stored) {
        Some(other) => Err(JournalError::OtherNode { found: stored.clone(), configured: other.clone() }),
        None => Ok(Some(stored.clone())),
    }
}

impl Core {
    /// Reads what is there, raises the epoch durably and begins a new segment with all that is still needed. The old bytes
    /// are thereby written anew: what a failed sync left only in the kernel's cache is not trusted to be on the disk.
    ///
    /// `fresh` becomes the node's name if there is none yet.
    pub fn open(
        mut storage: Box<dyn Storage>,
        settings: Settings,
        fresh: NodeName,
        wall_ms: u64,
        failpoints: Failpoints,
    ) -> Result<(Self, Replay), JournalError> {
        let past = read_past(storage.as_mut())?;
        let node = node_of(&past, &settings)?.unwrap_or(fresh);
        let needed = Arc::new(Needed::default());
        // A second of its own for a new journal: its names cannot be those of one that was lost.
        let (mut epoch, mut birth, mut number, mut next_seq, mut torn) =
            (wall_ms / 1000, wall_ms / 1000 + 1, 0, 0, None);
        if let Some(scan) = &past.newest {
            for found in &scan.found {
                needed.apply(&found.entry);
            }
            (epoch, birth, number) = (scan.header.epoch, scan.header.birth, scan.header.number);
            next_seq = scan.header.first_seq + scan.found.len() as u64;
            torn = scan.torn.then(|| (segment_name(number), scan.end));
        }
        epoch += 1;
        let kept = needed.lock().values().filter(|h| h.kept_since_wall_ms.is_some()).count();
        let unsettled = needed.lock().len() - kept;
        let file: Box<dyn SegmentFile> = Box::new(NoFile);
        let (used_bytes, size_bytes, failed) = (0, 0, false);
        let mut core = Self {
            storage,
            settings,
            node,
            epoch,
            birth,
            number,
            file,
            used_bytes,
            size_bytes,
            next_seq,
            needed,
            failed,
            failpoints,
        };
        if past.node.is_none() && past.newest.is_some() {
            core.write_node_file()?;
        }
        core.begin_segment(0, wall_ms).map_err(|failure| failure.into_error())?;
        if past.newest.is_none() {
            core.write_node_file()?;
        }
        let first_start = past.newest.is_none();
        Ok((core, Replay { epoch, unsettled, kept, torn, first_start }))
    }

    fn write_node_file(&mut self) -> Result<(), JournalError> {
        let tmp = format!("{NODE_FILE}{TMP}");
        let text = format!("{}\n", self.node);
        let mut file = self.storage.create(&tmp, text.len() as u64).map_err(io_error("create", &tmp))?;
        file.write_at(0, text.as_bytes()).map_err(io_error("write", &tmp))?;
        file.sync().map_err(io_error("sync", &tmp))?;
        self.storage.rename(&tmp, NODE_FILE).map_err(io_error("rename", &tmp))?;
        self.storage.sync_dir().map_err(io_error("sync", "the journal folder"))
    }

    /// This start's epoch.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The epoch in which this journal was made.
    pub fn birth(&self) -> u64 {
        self.birth
    }

    /// This node.
    pub fn node(&self) -> &NodeName {
        &self.node
    }

    /// What is still needed.
    pub fn needed(&self) -> &Arc<Needed> {
        &self.needed
    }

    /// The current segment's number, bytes used, and size.
    pub fn segment(&self) -> (u64, u64, u64) {
        (self.number, self.used_bytes, self.size_bytes)
    }

    /// Writes and syncs these entries as one. After an error nothing is ever written again (INV-10).
    pub fn write(&mut self, batch: Vec<Encoded>, wall_ms: u64) -> Result<Written, WriteError> {
        if self.failed {
            let source = io::Error::other("an earlier write or sync has failed");
            return Err(WriteError::NotWritten { during: "write any more", source });
        }
        let result = self.write_once(batch, wall_ms);
        self.failed = result.is_err();
        result
    }

    fn write_once(&mut self, batch: Vec<Encoded>, wall_ms: u64) -> Result<Written, WriteError> {
        let bytes: usize = batch.iter().map(Encoded::bytes).sum();
        if self.used_bytes + bytes as u64 > self.size_bytes {
            self.begin_segment(bytes as u64, wall_ms).map_err(Failure::into_write_error)?;
        }
        assert!(!self.failed, "INV-10: a failed sync stops deciding");
        let mut out = Vec::with_capacity(bytes);
        for (seq, encoded) in (self.next_seq..).zip(&batch) {
            record::put_record(&mut out, encoded.kind, seq, &encoded.payload);
        }
        let unknown = |during| move |source| WriteError::Unknown { during, source };
        self.file.write_at(self.used_bytes, &out).map_err(unknown("write"))?;
        self.failpoints.hit(Failpoint::BeforeJournalSync);
        let started = clock::now();
        self.file.sync().map_err(unknown("sync"))?;
        let sync = started.elapsed();
        self.failpoints.hit(Failpoint::AfterJournalSync);
        self.used_bytes += out.len() as u64;
        self.next_seq += batch.len() as u64;
        let mut proofs = Vec::new();
        for encoded in batch {
            match &encoded.entry {
                Entry::Decided(decision) => {
                    // Findable before it is acknowledged: recovery must never see a decided branch without its decision.
                    self.needed.apply(&encoded.entry);
                    proofs.push(Durable::mint(decision.txn.clone()));
                }
                Entry::Concluded(conclusion) => {
                    self.needed.apply(&encoded.entry);
                    // It is a decided transaction's: the proof is one that was given before.
                    proofs.push(Durable::mint(conclusion.txn.clone()));
                }
                Entry::Alarmed(alarm) => {
                    self.needed.apply(&encoded.entry);
                    proofs.push(Durable::mint(alarm.txn.clone()));
                }
                // Whoever asked for these has applied them.
                Entry::Forgotten(_) | Entry::Kept(..) => {}
            }
        }
        Ok(Written { proofs, sync })
    }

    /// Begins a new segment with room for `room_bytes` after its checkpoint, and removes the older ones.
    fn begin_segment(&mut self, room_bytes: u64, wall_ms: u64) -> Result<(), Failure> {
        let mut out = vec![0; HEADER_BYTES];
        let mut records = Vec::new();
        let mut seq = self.next_seq;
        for encoded in self.checkpoint(wall_ms) {
            record::put_record(&mut records, encoded.kind, seq, &encoded.payload);
            seq += 1;
        }
        let header = Header {
            number: self.number + 1,
            epoch: self.epoch,
            first_seq: self.next_seq,
            checkpoint: seq - self.next_seq,
            cluster: self.settings.cluster.clone(),
            node: self.node.clone(),
            birth: self.birth,
        };
        out.copy_from_slice(&segment::put_header(&header));
        out.append(&mut records);
        let used_bytes = out.len() as u64;
        // Twice the checkpoint: a segment that is full at once would be begun anew for every write.
        let size_bytes = self.settings.segment_bytes.max(2 * used_bytes + room_bytes);
        let name = segment_name(header.number);
        let tmp = format!("{name}{TMP}");
        let fail = |during: &'static str| {
            let file = name.clone();
            move |source| Failure { during, file, source }
        };
        let mut file = self.storage.create(&tmp, size_bytes).map_err(fail("create"))?;
        file.write_at(0, &out).map_err(fail("write"))?;
        file.sync().map_err(fail("sync"))?;
        self.storage.rename(&tmp, &name).map_err(fail("rename"))?;
        self.storage.sync_dir().map_err(fail("sync the folder for"))?;
        (self.file, self.number, self.next_seq) = (file, header.number, seq);
        (self.used_bytes, self.size_bytes) = (used_bytes, size_bytes);
        self.failpoints.hit(Failpoint::CompactionBeforeUnlink);
        self.remove_older();
        Ok(())
    }

    /// All that is still needed. Tombstones that are old enough are dropped here and only here; never one with a branch that a
    /// person has given up: if its server brings it back after years, it is committed, as decided, and not taken for undecided.
    fn checkpoint(&self, wall_ms: u64) -> Vec<Encoded> {
        let keep_ms = u64::try_from(self.settings.keep.as_millis()).unwrap_or(u64::MAX);
        let mut needed = self.needed.lock();
        let given_up = |held: &Held| held.concluded.as_ref().is_some_and(|word| !word.given_up.is_empty());
        let young = |since: u64| wall_ms.saturating_sub(since) <= keep_ms;
        needed.retain(|_, held| held.kept_since_wall_ms.is_none_or(young) || given_up(held));
        let mut entries = Vec::with_capacity(needed.len());
        for (txn, held) in needed.iter() {
            entries.push(Entry::Decided(held.decision.as_ref().clone()));
            entries.extend(held.kept_since_wall_ms.map(|since| Entry::Kept(txn.clone(), since)));
            entries.extend(held.concluded.clone().map(Entry::Concluded));
            entries.extend(held.alarmed.iter().cloned().map(Entry::Alarmed));
        }
        drop(needed);
        let encode = |entry| Encoded::new(entry).expect("it was encoded once before, when it was written");
        entries.into_iter().map(encode).collect()
    }

    /// Older segments say nothing that the newest does not. One that cannot be removed does no harm.
    fn remove_older(&mut self) {
        let names = match self.storage.list() {
            Ok(names) => names,
            Err(error) => {
                tracing::warn!(%error, "cannot list the journal folder to remove old segments");
                return;
            }
        };
        for name in names.iter().filter(|n| segment_number(n).is_some_and(|number| number < self.number)) {
            if let Err(error) = self.storage.remove(name) {
                tracing::warn!(%error, segment = name, "cannot remove an old journal segment");
            }
        }
    }
}

/// A segment could not be begun.
struct Failure {
    during: &'static str,
    file: String,
    source: io::Error,
}

impl Failure {
    fn into_error(self) -> JournalError {
        JournalError::Io { during: self.during, file: self.file, source: self.source }
    }

    fn into_write_error(self) -> WriteError {
        let source = io::Error::new(self.source.kind(), format!("{} {}: {}", self.during, self.file, self.source));
        WriteError::NotWritten { during: "begin a segment", source }
    }
}

/// Stands where a segment will be, until the first is begun.
#[derive(Debug)]
struct NoFile;

impl SegmentFile for NoFile {
    fn write_at(&mut self, _offset: u64, _bytes: &[u8]) -> io::Result<()> {
        Err(io::Error::other("no segment is begun"))
    }

    fn sync(&mut self) -> io::Result<()> {
        Err(io::Error::other("no segment is begun"))
    }
}
