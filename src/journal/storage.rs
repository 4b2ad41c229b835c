//! What the journal needs of a disk, as a small trait, so that tests can put faults beneath it; and the disk itself.

use std::fmt::Debug;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A folder of files.
pub trait Storage: Send + Debug {
    /// Names of its files.
    fn list(&self) -> io::Result<Vec<String>>;
    /// A file's bytes; `None` if there is none.
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>>;
    /// A new file of zeros (an older one of that name is emptied), its blocks allocated, ready to be written.
    fn create(&mut self, name: &str, bytes: u64) -> io::Result<Box<dyn SegmentFile>>;
    /// Gives a file another name; a file of that name is replaced. Durable after [`Storage::sync_dir`].
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file.
    fn remove(&mut self, name: &str) -> io::Result<()>;
    /// Makes creations, renames and removals durable.
    fn sync_dir(&mut self) -> io::Result<()>;
}

/// One open file.
pub trait SegmentFile: Send + Debug {
    /// Writes all of `bytes` at `offset`. After an error, any part of them may be written.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Makes what was written durable. After an error nothing is known about it, and asking again would lie (fsyncgate).
    fn sync(&mut self) -> io::Result<()>;
}

/// A real folder, locked against other processes as long as this value lives.
#[derive(Debug)]
pub struct Disk {
    path: PathBuf,
    dir: File,
    _lock: File,
}

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// Another process has it.
    #[error(
        "the journal {} is in use by another process; stop that one, or give this one a folder of its own (journal.path)",
        path.display()
    )]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// The file system said no.
    #[error("cannot {during} {}: {source}", path.display())]
    Io {
        /// Doing what.
        during: &'static str,
        /// To what.
        path: PathBuf,
        /// How.
        source: io::Error,
    },
}

const LOCK: &str = "lock";

impl Disk {
    /// Opens (and makes, if need be) the folder and locks it.
    pub fn open(path: &Path) -> Result<Self, DiskError> {
        let fail = |during, path: &Path| {
            let path = path.to_owned();
            move |source| DiskError::Io { during, path, source }
        };
        std::fs::create_dir_all(path).map_err(fail("create the journal folder", path))?;
        let dir = File::open(path).map_err(fail("open the journal folder", path))?;
        let lock_path = path.join(LOCK);
        let mut options = OpenOptions::new();
        let lock = options.create(true).truncate(false).write(true).mode(0o600).open(&lock_path);
        let lock = lock.map_err(fail("open the journal's lock", &lock_path))?;
        match rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { path: path.to_owned(), dir, _lock: lock }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(DiskError::Locked { path: path.to_owned() }),
            Err(errno) => Err(fail("lock", &lock_path)(errno.into())),
        }
    }
}

/// The names of a folder's files, except the lock. Also for readers that do not hold it.
pub(super) fn names(path: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(path)? {
        if let Ok(name) = entry?.file_name().into_string()
            && name != LOCK
        {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// A file's bytes; `None` if there is none.
pub(super) fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl Storage for Disk {
    fn list(&self) -> io::Result<Vec<String>> {
        names(&self.path)
    }

    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        read(&self.path.join(name))
    }

    fn create(&mut self, name: &str, bytes: u64) -> io::Result<Box<dyn SegmentFile>> {
        let path = self.path.join(name);
        let file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path)?;
        // Written, not only reserved: later syncs then need not change the file's metadata.
        let zeros = vec![0; 1 << 20];
        let mut at = 0;
        while at < bytes {
            let left = usize::try_from(bytes - at).unwrap_or(usize::MAX).min(zeros.len());
            file.write_all_at(&zeros[..left], at)?;
            at += left as u64;
        }
        file.sync_all()?;
        Ok(Box::new(file))
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.path.join(name))
    }

    fn sync_dir(&mut self) -> io::Result<()> {
        self.dir.sync_all()
    }
}

impl SegmentFile for File {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}
