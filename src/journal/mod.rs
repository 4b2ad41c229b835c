//! Layer 3: the durable journal of decisions. One process per folder, one writer thread, many decisions per sync.
//!
//! `record` and `segment` (pure) are the format, `core` writes it, `writer` is the thread, `storage` the disk, `memory` a disk
//! for tests, `dump` reads for people. Only commits are written; what is not found was never decided (presumed abort).

pub mod core;
pub mod dump;
pub mod memory;
pub mod record;
pub mod segment;
pub mod storage;
mod writer;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::Rng;
use rand::distr::Alphanumeric;
use tokio::sync::watch;

use crate::base::{ClusterName, Failpoints, NodeName, TxnId, clock};
use crate::config;

use self::core::{Core, Encoded, Needed, Settings};
use self::storage::{Disk, DiskError, Storage};
use self::writer::{Shared, Writer};

pub use record::{Alarm, Conclusion, DecidedBranch, Decision, Durable, Entry};

/// Why the journal cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The folder cannot be used.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A file of it cannot be used.
    #[error("journal: cannot {during} {file}: {source}")]
    Io {
        /// Doing what.
        during: &'static str,
        /// To which file.
        file: String,
        /// How.
        source: io::Error,
    },
    /// What was synced is damaged: decisions may be lost, so nothing may be guessed.
    #[error(
        "journal: {file} {damage}; decisions may be lost, so this node does not start: restore the file, or look at it with \
         `handfast journal dump` and finish what is in doubt by hand"
    )]
    Damaged {
        /// Which segment.
        file: String,
        /// Where and what.
        damage: segment::Damage,
    },
    /// A file was renamed.
    #[error("journal: {file} says that it is segment {number}: give it its name back")]
    Misnamed {
        /// Its name.
        file: String,
        /// What it says.
        number: u64,
    },
    /// The node's file holds no name.
    #[error("journal: node-id holds {text:?}, which is no node name: write the node's name into it")]
    NodeFile {
        /// What it holds.
        text: String,
    },
    /// Someone has removed them.
    #[error(
        "journal: the segments are missing although node {node} has run here: restore them; if they are lost for good, finish \
         this node's branches by hand, then remove node-id to start as a new node"
    )]
    SegmentsMissing {
        /// The node.
        node: NodeName,
    },
    /// The journal of another cluster.
    #[error(
        "journal: it belongs to cluster {found}, but node.cluster is {configured}: correct node.cluster or journal.path"
    )]
    OtherCluster {
        /// Whose it is.
        found: ClusterName,
        /// What is configured.
        configured: ClusterName,
    },
    /// The journal of another node.
    #[error(
        "journal: it belongs to node {found}, not to {configured}: correct node.name (or remove it) or journal.path"
    )]
    OtherNode {
        /// Whose it is.
        found: NodeName,
        /// What is configured (or stands in node-id).
        configured: NodeName,
    },
    /// No thread.
    #[error("journal: cannot start its writer thread: {source}")]
    Thread {
        /// How.
        source: io::Error,
    },
}

/// What opening found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// This start's epoch.
    pub epoch: u64,
    /// Decisions that recovery must finish.
    pub unsettled: usize,
    /// Tombstones.
    pub kept: usize,
    /// The segment and offset where a write was found that was never acknowledged; it was dropped.
    pub torn: Option<(String, u64)>,
    /// Whether the journal was made just now.
    pub first_start: bool,
}

/// Why there is no proof.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecideError {
    /// The decision is not in the journal and never will be.
    #[error("the journal takes no decision: {why}")]
    Refused {
        /// Why.
        why: String,
    },
    /// The decision may or may not be found by the next start (INV-5).
    #[error("the journal cannot say whether the decision is durable: {why}")]
    Unknown {
        /// Why.
        why: String,
    },
}

/// A decision found.
#[derive(Clone, Debug)]
pub struct Known {
    /// It.
    pub decision: Arc<Decision>,
    /// Its proof.
    pub proof: Durable,
    /// Whether it is only a tombstone: recovery has settled every branch.
    pub settled: bool,
    /// The person's word that ended it, if one had to.
    pub concluded: Option<Conclusion>,
    /// Branches that their servers have ended against it.
    pub alarmed: Vec<Alarm>,
}

/// Figures for metrics. Totals count from this start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JournalStats {
    /// Writes, each with one sync.
    pub writes: u64,
    /// Decisions in them.
    pub decisions: u64,
    /// Decisions in the last write.
    pub last_decisions: u64,
    /// How long the last sync took.
    pub last_sync: Duration,
    /// How long all syncs took together.
    pub sync_total: Duration,
    /// Decisions not yet settled.
    pub unsettled: u64,
    /// Tombstones.
    pub kept: u64,
    /// The current segment's number.
    pub segment: u64,
    /// Bytes used of it.
    pub segment_used_bytes: u64,
}

/// The journal. Clones share it; the writer thread ends, and the folder's lock is given up, when the last one is dropped.
#[derive(Clone, Debug)]
pub struct Journal {
    writer: Arc<Writer>,
    shared: Arc<Shared>,
    needed: Arc<Needed>,
    cluster: ClusterName,
    node: NodeName,
    epoch: u64,
    birth: u64,
    last_seq: Arc<AtomicU64>,
}

impl Journal {
    /// Opens the folder, locks it, reads it, raises the epoch durably, and starts the writer thread. Blocks.
    pub fn open(
        config: &config::Journal,
        cluster: ClusterName,
        node: Option<NodeName>,
        failpoints: Failpoints,
    ) -> Result<(Self, Replay), JournalError> {
        let disk = Disk::open(&config.path)?;
        let settings = Settings { cluster, node, segment_bytes: config.segment_bytes, keep: config.keep };
        Self::open_on(Box::new(disk), settings, failpoints)
    }

    /// The same on any storage, for tests.
    pub fn open_on(
        storage: Box<dyn Storage>,
        settings: Settings,
        failpoints: Failpoints,
    ) -> Result<(Self, Replay), JournalError> {
        let cluster = settings.cluster.clone();
        let (core, replay) = Core::open(storage, settings, fresh_node(), clock::wall_ms(), failpoints)?;
        let (node, epoch, birth) = (core.node().clone(), core.epoch(), core.birth());
        let needed = Arc::clone(core.needed());
        let shared = Arc::new(Shared::new());
        let writer = Writer::start(core, Arc::clone(&shared)).map_err(|source| JournalError::Thread { source })?;
        let last_seq = Arc::new(AtomicU64::new(0));
        let journal = Self { writer: Arc::new(writer), shared, needed, cluster, node, epoch, birth, last_seq };
        Ok((journal, replay))
    }

    /// Makes a decision durable. Waits as long as the disk does. Dropping the future does not take it back.
    pub async fn decide(&self, decision: Decision) -> Result<Durable, DecideError> {
        assert!(!self.needed.lock().contains_key(&decision.txn), "INV-3: a decision never changes");
        let encoded = Encoded::new(Entry::Decided(decision));
        let encoded = encoded.map_err(|long| DecideError::Refused { why: long.to_string() })?;
        self.writer.decide(encoded).await
    }

    /// Every participant has settled (INV-7). Written with a later decision, never synced by itself: if that is lost, recovery
    /// finds everything settled once more.
    pub fn forget(&self, txn: &TxnId) {
        if self.needed.lock().remove(txn).is_some() {
            self.later(Entry::Forgotten(txn.clone()));
        }
    }

    /// Recovery has settled every participant (INV-7): the decision stays findable as a tombstone for `journal.keep`.
    pub fn keep(&self, txn: &TxnId) {
        let now = clock::wall_ms();
        let known = match self.needed.lock().get_mut(txn) {
            Some(held) if held.kept_since_wall_ms.is_none() => {
                held.kept_since_wall_ms = Some(now);
                true
            }
            Some(_) | None => false,
        };
        if known {
            self.later(Entry::Kept(txn.clone(), now));
        }
    }

    /// Makes a person's word durable that ends a decided transaction: from then on it is a tombstone.
    pub async fn conclude(&self, conclusion: Conclusion) -> Result<(), DecideError> {
        self.add(&conclusion.txn.clone(), Entry::Concluded(conclusion)).await
    }

    /// Makes durable that a server has ended a branch against the decision: no later start takes it for settled.
    pub async fn alarm(&self, alarm: Alarm) -> Result<(), DecideError> {
        self.add(&alarm.txn.clone(), Entry::Alarmed(alarm)).await
    }

    /// Makes an entry about a decided transaction durable.
    async fn add(&self, txn: &TxnId, entry: Entry) -> Result<(), DecideError> {
        if !self.needed.lock().contains_key(txn) {
            return Err(DecideError::Refused { why: format!("{txn} is not in the journal") });
        }
        let encoded = Encoded::new(entry).map_err(|long| DecideError::Refused { why: long.to_string() })?;
        self.writer.decide(encoded).await.map(drop)
    }

    fn later(&self, entry: Entry) {
        let encoded = Encoded::new(entry).expect("a transaction's name is far shorter than a record may be");
        self.shared.later().push(encoded);
    }

    /// What is known of a transaction. `None`: it was never decided, or is long forgotten.
    pub fn lookup(&self, txn: &TxnId) -> Option<Known> {
        let needed = self.needed.lock();
        let held = needed.get(txn)?;
        let proof = Durable::mint(txn.clone());
        let settled = held.kept_since_wall_ms.is_some();
        let (decision, concluded) = (Arc::clone(&held.decision), held.concluded.clone());
        Some(Known { decision, proof, settled, concluded, alarmed: held.alarmed.clone() })
    }

    /// Decisions of which not every participant is known to have settled, oldest first.
    pub fn unsettled(&self) -> Vec<(Arc<Decision>, Durable)> {
        let needed = self.needed.lock();
        let open = needed.values().filter(|held| held.kept_since_wall_ms.is_none());
        open.map(|held| (Arc::clone(&held.decision), Durable::mint(held.decision.txn.clone()))).collect()
    }

    /// Names of tombstones, newest first.
    pub fn kept(&self) -> Vec<TxnId> {
        let needed = self.needed.lock();
        let kept = needed.iter().rev().filter(|(_, held)| held.kept_since_wall_ms.is_some());
        kept.map(|(txn, _)| txn.clone()).collect()
    }

    /// A fresh name: the epoch is new with every start, the sequence never repeats within it.
    pub fn next_txn(&self) -> TxnId {
        let seq = self.last_seq.fetch_add(1, Ordering::Relaxed) + 1;
        TxnId { cluster: self.cluster.clone(), node: self.node.clone(), epoch: self.epoch, seq }
    }

    /// Whether this journal has given that name. If not, and it is our node's, then the journal has lost what came after
    /// it (it was removed, or an old copy of it was put back), and nothing can be said of the transaction.
    pub fn has_named(&self, txn: &TxnId) -> bool {
        (self.birth..self.epoch).contains(&txn.epoch)
            || (txn.epoch == self.epoch && txn.seq <= self.last_seq.load(Ordering::Relaxed))
    }

    /// This start's epoch.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// This node's name.
    pub fn node(&self) -> &NodeName {
        &self.node
    }

    /// This cluster's name.
    pub fn cluster(&self) -> &ClusterName {
        &self.cluster
    }

    /// Figures for metrics.
    pub fn stats(&self) -> JournalStats {
        let mut stats = *self.shared.stats();
        let needed = self.needed.lock();
        stats.kept = needed.values().filter(|held| held.kept_since_wall_ms.is_some()).count() as u64;
        stats.unsettled = needed.len() as u64 - stats.kept;
        stats
    }

    /// Returns, with the reason, once a write or sync has failed. The process must then stop (INV-10): only a start, which
    /// reads the disk again, can tell what is decided.
    pub async fn failed(&self) -> String {
        let mut failure: watch::Receiver<Option<String>> = self.shared.failure.subscribe();
        let why = failure.wait_for(Option::is_some).await.ok().and_then(|why| why.clone());
        match why {
            Some(why) => why,
            // The sender lives in `shared`, which `self` holds.
            None => std::future::pending().await,
        }
    }

    /// Writes what is left to write and ends the writer thread. Decisions asked for later are refused.
    pub async fn close(&self) {
        self.writer.close().await;
    }
}

fn fresh_node() -> NodeName {
    let random: String = rand::rng().sample_iter(&Alphanumeric).take(8).map(char::from).collect();
    NodeName::new(&format!("n-{}", random.to_ascii_lowercase())).expect("ten bytes of letters, digits and a dash")
}

/// The segments of a folder, for those who read without its lock.
fn segment_paths(folder: &std::path::Path) -> io::Result<Vec<PathBuf>> {
    let names = storage::names(folder)?;
    Ok(names.iter().filter(|name| core::segment_number(name).is_some()).map(|name| folder.join(name)).collect())
}

#[cfg(test)]
mod tests;
