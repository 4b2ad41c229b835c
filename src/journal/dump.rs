//! Reads a journal's folder for people, without its lock and without changing anything.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::base::{ClusterName, NodeName, TxnId};
use crate::journal::record::{Alarm, Conclusion, Entry};
use crate::journal::segment::{self, Damage, Found};
use crate::journal::{segment_paths, storage};

/// One segment, read.
#[derive(Debug)]
pub struct SegmentDump {
    /// Its file.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// What it holds, or what is wrong with it.
    pub scan: Result<segment::Scan, Damage>,
}

/// What a folder holds, in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Whose journal.
    pub cluster: ClusterName,
    /// Which node's.
    pub node: NodeName,
    /// Its last start.
    pub epoch: u64,
    /// The start in which it was made.
    pub birth: u64,
    /// Segments found.
    pub segments: usize,
    /// Records of the newest segment, which alone counts.
    pub records: usize,
    /// Whether that one ends in a write that was never acknowledged.
    pub torn: bool,
}

impl Summary {
    /// Whether one of this journal's starts may have given that name; of names of the last start it may be more than were.
    pub fn may_have_named(&self, txn: &TxnId) -> bool {
        (self.birth..=self.epoch).contains(&txn.epoch)
    }
}

/// Why a folder is not in order.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// What.
        path: PathBuf,
        /// How.
        source: io::Error,
    },
    /// There is nothing.
    #[error("no journal segment is in {}", path.display())]
    Empty {
        /// The folder.
        path: PathBuf,
    },
    /// The newest segment is damaged.
    #[error("{} {damage}", path.display())]
    Damaged {
        /// The segment.
        path: PathBuf,
        /// Where and what.
        damage: Damage,
    },
}

/// Reads every segment, oldest first. One that disappears meanwhile (a running node has written a newer one) is left out.
pub fn dump(folder: &Path) -> Result<Vec<SegmentDump>, VerifyError> {
    let fail = |path: &Path| {
        let path = path.to_owned();
        move |source| VerifyError::Io { path, source }
    };
    let mut dumps = Vec::new();
    for path in segment_paths(folder).map_err(fail(folder))? {
        if let Some(bytes) = storage::read(&path).map_err(fail(&path))? {
            dumps.push(SegmentDump { path, size_bytes: bytes.len() as u64, scan: segment::scan(&bytes) });
        }
    }
    Ok(dumps)
}

/// Whether a start would accept the folder. On a running node, a write under way may look torn.
pub fn verify(folder: &Path) -> Result<Summary, VerifyError> {
    let mut dumps = dump(folder)?;
    let segments = dumps.len();
    let newest = dumps.pop().ok_or_else(|| VerifyError::Empty { path: folder.to_owned() })?;
    let scan = newest.scan.map_err(|damage| VerifyError::Damaged { path: newest.path, damage })?;
    let segment::Header { cluster, node, epoch, birth, .. } = scan.header;
    Ok(Summary { cluster, node, epoch, birth, segments, records: scan.found.len(), torn: scan.torn })
}

/// `00000003.hfj:512 #40 decided hf1.shop.n-1.7.1 at 1700000000123: 0=store/stock(app, PostgreSQL session 17)`
#[derive(Debug)]
pub struct Line<'a> {
    /// The segment's file name.
    pub segment: &'a str,
    /// A record of it.
    pub found: &'a Found,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} #{} ", self.segment, self.found.offset, self.found.seq)?;
        match &self.found.entry {
            Entry::Decided(decision) => {
                write!(f, "decided {} at {}:", decision.txn, decision.decided_wall_ms)?;
                for branch in &decision.branches {
                    let kind = branch.engine.dialect();
                    write!(f, " {}={}/{}", branch.place, branch.backend, branch.database)?;
                    write!(f, "({}, {kind} session {}", branch.role, branch.session)?;
                    f.write_str(if branch.wrote { ")" } else { ", perhaps nothing written)" })?;
                }
                Ok(())
            }
            Entry::Forgotten(txn) => write!(f, "forgotten {txn}"),
            Entry::Kept(txn, wall_ms) => write!(f, "kept {txn} since {wall_ms}"),
            Entry::Alarmed(Alarm { txn, place, problem }) => {
                write!(f, "alarm {txn} branch {place}: ended against the decision: {problem}")
            }
            Entry::Concluded(Conclusion { txn, wall_ms, who, committed, given_up }) => {
                let outcome = if *committed { "committed" } else { "lost" };
                write!(f, "concluded {txn} at {wall_ms} by {who:?}: what was unfinished is {outcome}")?;
                given_up.iter().try_for_each(|place| write!(f, ", branch {place} given up"))
            }
        }
    }
}
