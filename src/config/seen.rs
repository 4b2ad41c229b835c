//! Which files a configuration was read from, and whether they have changed since.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Tells one state of a file from another: device, inode, length, time of the last change in nanoseconds.
type Mark = (u64, u64, u64, i128);

/// Files, each as it was just before it was read; `None`: it was not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen(BTreeMap<PathBuf, Option<Mark>>);

impl Seen {
    /// Notes a file that is about to be read.
    pub(super) fn note(&mut self, path: &Path) {
        self.0.entry(path.to_path_buf()).or_insert_with(|| mark(path));
    }

    /// The same files as they are now.
    #[must_use]
    pub fn again(&self) -> Self {
        Self(self.0.keys().map(|path| (path.clone(), mark(path))).collect())
    }

    /// Which they are.
    pub fn paths(&self) -> Vec<&Path> {
        self.0.keys().map(PathBuf::as_path).collect()
    }

    /// These, and what only `others` know: a configuration that cannot be read names fewer files than the one before.
    #[must_use]
    pub fn or(mut self, others: Self) -> Self {
        for (path, mark) in others.0 {
            self.0.entry(path).or_insert(mark);
        }
        self
    }
}

fn mark(path: &Path) -> Option<Mark> {
    // Through links: what they lead to counts.
    let data = std::fs::metadata(path).ok()?;
    let changed_ns = i128::from(data.mtime()) * 1_000_000_000 + i128::from(data.mtime_nsec());
    Some((data.dev(), data.ino(), data.len(), changed_ns))
}
