//! Whether the journal's folder keeps what is written there: its file system, what a sync takes, whose journal it is.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::finding::{Finding, Problem, Section};
use crate::base::{NodeName, clock};
use crate::config::Config;
use crate::journal::core::NODE_FILE;
use crate::journal::dump::{self, Summary, VerifyError};

/// A write that reaches a disk takes longer than this, also on fast ones.
const SYNC_MIN: Duration = Duration::from_micros(50);
/// Every commit over two backends waits for one sync.
const SYNC_SLOW: Duration = Duration::from_millis(20);
/// Syncs that are timed; the middle one counts.
const SYNCS: u64 = 9;
/// Bytes of each write, as large as a small decision's.
const WRITE_BYTES: usize = 512;

/// What was seen of the folder.
#[derive(Debug)]
pub(super) struct JournalLook {
    /// The folder, or the nearest one above that exists.
    there: PathBuf,
    /// Another process has its lock.
    pub(super) locked: bool,
    /// What a sync took, the middle of some; or why nothing could be written.
    sync: io::Result<Duration>,
    /// Its kind of file system, by `statfs`.
    file_system: Option<u64>,
    /// What it holds.
    pub(super) content: Result<Summary, VerifyError>,
    /// The node's name that is kept beside it.
    node_file: Option<String>,
}

impl JournalLook {
    /// The node's name: configured, or as the journal says.
    pub(super) fn node(&self, config: &Config) -> Option<NodeName> {
        let written = || self.content.as_ref().ok().map(|summary| summary.node.clone());
        config.node.name.clone().or_else(written)
    }
}

pub(super) fn look(config: &Config) -> JournalLook {
    let path = &config.journal.path;
    let there = path.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("/")).to_owned();
    let file_system = rustix::fs::statfs(&there).ok();
    JournalLook {
        locked: locked(&path.join("lock")),
        sync: time_syncs(&there),
        // The kernel's type differs by architecture; all magic numbers are 32 bits.
        file_system: file_system.map(|found| (found.f_type as u64) & 0xFFFF_FFFF),
        content: dump::verify(path),
        node_file: std::fs::read_to_string(path.join(NODE_FILE)).ok().map(|text| text.trim().to_owned()),
        there,
    }
}

/// Whether another process holds the lock. Ours is given back at once.
fn locked(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockShared) == Err(rustix::io::Errno::WOULDBLOCK)
}

/// A scratch file that has no name any more while it is written.
fn time_syncs(folder: &Path) -> io::Result<Duration> {
    let path = folder.join(format!(".handfast-check-{}", std::process::id()));
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    std::fs::remove_file(&path)?;
    let mut took = Vec::new();
    for number in 0..SYNCS {
        let begun = clock::now();
        file.write_all_at(&[1; WRITE_BYTES], number * WRITE_BYTES as u64)?;
        file.sync_data()?;
        took.push(begun.elapsed());
    }
    took.sort_unstable();
    Ok(took[took.len() / 2])
}

/// Names of file systems by their magic numbers (statfs(2)).
const FILE_SYSTEMS: &[(u64, &str)] = &[
    (0x0102_1994, "tmpfs"),
    (0x8584_58F6, "ramfs"),
    (0x794C_7630, "overlayfs"),
    (0x0000_EF53, "ext4"),
    (0x5846_5342, "xfs"),
    (0x9123_683E, "btrfs"),
    (0x2FC1_2FC1, "zfs"),
    (0xF2F5_2010, "f2fs"),
    (0x0000_6969, "nfs"),
    (0xFF53_4D42, "cifs"),
    (0xFE53_4D42, "smb"),
    (0x6573_5546, "fuse"),
];

pub(super) fn section(config: &Config, look: &JournalLook) -> Section {
    let path = config.journal.path.display().to_string();
    let magic = look.file_system.unwrap_or(0);
    let name = FILE_SYSTEMS.iter().find(|(number, _)| *number == magic).map_or("unknown", |(_, name)| *name);
    let sync = match &look.sync {
        Ok(took) => format!("{path}, {name}, a sync takes {:.2} ms", took.as_secs_f64() * 1000.0),
        Err(_) => format!("{path}, {name}"),
    };
    let mut section = Section::new("journal", "decisions", sync);
    let durable = file_system(name, &path);
    let volatile = durable.is_some();
    section.findings.extend(durable);
    match &look.sync {
        Err(error) => {
            let what = format!("nothing can be written in {}: {error}", look.there.display());
            let fix = format!("install -d -m 700 -o USER {path}   (USER: as whom Handfast runs)");
            section.findings.push(Finding::error(Problem::JournalUnusable, what, fix));
        }
        Ok(took) if *took < SYNC_MIN && !volatile => section.findings.push(Finding::warning(
            Problem::JournalUnsynced,
            format!("a sync takes {took:?}: no disk is that fast, so a power cut would lose decisions"),
            "put journal.path on a disk that honours fsync (no eatmydata, no nobarrier, no volatile cache)",
        )),
        Ok(took) if *took > SYNC_SLOW => section.findings.push(Finding::warning(
            Problem::JournalSlow,
            format!("a sync takes {took:?}: every COMMIT over two backends waits for one"),
            "put journal.path on a faster disk, best one of its own",
        )),
        Ok(_) => {}
    }
    section.findings.extend(content(config, look));
    section
}

fn file_system(name: &str, path: &str) -> Option<Finding> {
    let fix = "journal.path = \"/var/lib/handfast\", on a local disk";
    match name {
        "tmpfs" | "ramfs" => Some(Finding::error(
            Problem::JournalTmpfs,
            format!("{path} is on {name}: a restart of the machine loses every decision, and leaves commits half-done"),
            fix,
        )),
        "overlayfs" => Some(Finding::warning(
            Problem::JournalOverlay,
            format!("{path} is on overlayfs: the decisions are gone when the container is"),
            "mount a volume there: docker run -v handfast:/var/lib/handfast …",
        )),
        "nfs" | "cifs" | "smb" => Some(Finding::warning(
            Problem::JournalNetwork,
            format!("{path} is on {name}: locks and syncs there are the other machine's, and stop when it does"),
            fix,
        )),
        _ => None,
    }
}

/// Whose journal it is.
fn content(config: &Config, look: &JournalLook) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut other = |what: String, fix: &str| found.push(Finding::error(Problem::JournalOther, what, fix));
    let named = |name: &Option<NodeName>| name.as_ref().map(|name| name.as_str().to_owned());
    match &look.content {
        Ok(summary) if summary.cluster != config.node.cluster => other(
            format!("it is of cluster {}, and node.cluster is {}", summary.cluster, config.node.cluster),
            "correct node.cluster, or journal.path",
        ),
        Ok(summary) if named(&config.node.name).is_some_and(|name| name != summary.node.as_str()) => other(
            format!("it is of node {}, and node.name is another", summary.node),
            "correct node.name (or leave it out), or journal.path",
        ),
        Ok(_) => {}
        Err(VerifyError::Empty { .. } | VerifyError::Io { .. }) => {
            if let Some(node) = &look.node_file {
                let what = format!("the segments are missing although node {node} has run here");
                found.push(Finding::error(Problem::JournalDamaged, what, "restore them before you start Handfast"));
            }
        }
        // What a running one is writing may look torn.
        Err(VerifyError::Damaged { .. }) if look.locked => {}
        Err(error @ VerifyError::Damaged { .. }) => {
            let fix = "restore the file; handfast journal dump shows what can be read";
            found.push(Finding::error(Problem::JournalDamaged, error.to_string(), fix));
        }
    }
    found
}
