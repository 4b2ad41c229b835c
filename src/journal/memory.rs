//! A disk in memory that remembers every operation, fails on command, and can be looked at as after a power cut. For tests
//! and the simulator.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use crate::journal::storage::{SegmentFile, Storage};

/// One operation that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// A file was made, of so many zeros.
    Create(String, u64),
    /// Bytes were written.
    Write(String, u64, Vec<u8>),
    /// A file was synced.
    Sync(String),
    /// A file got another name.
    Rename(String, String),
    /// A file was removed.
    Remove(String),
    /// The folder was synced.
    SyncDir,
}

/// Which operation shall fail, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A write that fails after so many of its bytes.
    Write {
        /// EIO, ENOSPC, …
        kind: io::ErrorKind,
        /// Bytes written before.
        after_bytes: usize,
    },
    /// A sync of a file.
    Sync(io::ErrorKind),
    /// A creation.
    Create(io::ErrorKind),
    /// A rename.
    Rename(io::ErrorKind),
    /// A removal.
    Remove(io::ErrorKind),
    /// A sync of the folder.
    SyncDir(io::ErrorKind),
}

/// A folder as bytes.
pub type Image = BTreeMap<String, Vec<u8>>;

#[derive(Debug, Default)]
struct State {
    start: Image,
    files: Image,
    ops: Vec<Op>,
    /// Fails the next operation of its sort, once.
    fault: Option<Fault>,
}

/// The folder. Clones share it: keep one to look at what the journal does with the other.
#[derive(Clone, Debug, Default)]
pub struct Memory(Arc<Mutex<State>>);

impl Memory {
    /// A folder with these files, all durable.
    pub fn of(image: Image) -> Self {
        Self(Arc::new(Mutex::new(State { start: image.clone(), files: image, ops: Vec::new(), fault: None })))
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the next operation of the fault's sort fail, once.
    pub fn fail_next(&self, fault: Fault) {
        self.state().fault = Some(fault);
    }

    /// The files as a reader sees them now, durable or not.
    pub fn image(&self) -> Image {
        self.state().files.clone()
    }

    /// Every operation since the folder was made.
    pub fn ops(&self) -> Vec<Op> {
        self.state().ops.clone()
    }

    /// The folder as it was at first.
    pub fn start(&self) -> Image {
        self.state().start.clone()
    }

    /// The folder after a power cut now that loses everything that was not synced.
    pub fn after_power_cut(&self) -> Self {
        let state = self.state();
        Self::of(crash_image(&state.start, &state.ops, false, |_, _| Sector::Lost))
    }
}

/// What a power cut leaves of one unsynced sector of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sector {
    /// What was there before.
    Lost,
    /// What was written.
    Kept,
    /// Neither.
    Garbage,
}

const SECTOR_BYTES: u64 = 512;

/// A legal image after a power cut that follows `ops`. `names_kept` says whether changes of the folder that were not synced
/// survive; `fate(op, sector)` says what becomes of each sector of each unsynced write.
pub fn crash_image(start: &Image, ops: &[Op], names_kept: bool, mut fate: impl FnMut(usize, u64) -> Sector) -> Image {
    // Files keep their identity through renames: contents by number, the folder as name → number, seen and durable.
    let mut contents: Vec<Vec<u8>> = start.values().cloned().collect();
    let mut seen: BTreeMap<String, usize> = start.keys().cloned().zip(0..).collect();
    let mut durable = seen.clone();
    let mut unsynced: Vec<(usize, usize, u64, &[u8])> = Vec::new();
    for (index, op) in ops.iter().enumerate() {
        match op {
            Op::Create(name, bytes) => {
                seen.insert(name.clone(), contents.len());
                contents.push(vec![0; usize::try_from(*bytes).unwrap_or(0)]);
            }
            Op::Write(name, offset, bytes) => unsynced.push((index, seen[name], *offset, bytes)),
            Op::Sync(name) => {
                let file = seen[name];
                for (_, _, offset, bytes) in unsynced.extract_if(.., |(_, of, _, _)| *of == file) {
                    overwrite(&mut contents[file], offset, bytes);
                }
            }
            Op::Rename(from, to) => {
                if let Some(file) = seen.remove(from) {
                    seen.insert(to.clone(), file);
                }
            }
            Op::Remove(name) => {
                seen.remove(name);
            }
            Op::SyncDir => durable = seen.clone(),
        }
    }
    for (index, file, offset, bytes) in unsynced {
        cut(&mut contents[file], index, offset, bytes, &mut fate);
    }
    let names = if names_kept { seen } else { durable };
    names.into_iter().map(|(name, file)| (name, contents[file].clone())).collect()
}

/// Applies one unsynced write, sector by sector.
fn cut(content: &mut Vec<u8>, index: usize, offset: u64, bytes: &[u8], fate: &mut impl FnMut(usize, u64) -> Sector) {
    let end = offset + bytes.len() as u64;
    for sector in offset / SECTOR_BYTES..=end.saturating_sub(1) / SECTOR_BYTES {
        let from = (sector * SECTOR_BYTES).max(offset);
        let to = ((sector + 1) * SECTOR_BYTES).min(end);
        let range = usize::try_from(from - offset).unwrap_or(0)..usize::try_from(to - offset).unwrap_or(0);
        match fate(index, sector) {
            Sector::Lost => {}
            Sector::Kept => overwrite(content, from, &bytes[range]),
            Sector::Garbage => overwrite(content, from, &vec![0xA5; range.len()]),
        }
    }
}

fn overwrite(content: &mut Vec<u8>, offset: u64, bytes: &[u8]) {
    let at = usize::try_from(offset).unwrap_or(usize::MAX);
    if content.len() < at + bytes.len() {
        content.resize(at + bytes.len(), 0);
    }
    content[at..at + bytes.len()].copy_from_slice(bytes);
}

impl State {
    fn failing(&mut self, matches: impl Fn(&Fault) -> Option<io::ErrorKind>) -> io::Result<()> {
        match self.fault.as_ref().and_then(matches) {
            Some(kind) => {
                self.fault = None;
                Err(kind.into())
            }
            None => Ok(()),
        }
    }
}

macro_rules! fails {
    ($state:ident, $sort:ident) => {
        $state.failing(|fault| if let Fault::$sort(kind) = fault { Some(*kind) } else { None })?
    };
}

impl Storage for Memory {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.state().files.keys().cloned().collect())
    }

    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.state().files.get(name).cloned())
    }

    fn create(&mut self, name: &str, bytes: u64) -> io::Result<Box<dyn SegmentFile>> {
        let mut state = self.state();
        fails!(state, Create);
        state.files.insert(name.to_owned(), vec![0; usize::try_from(bytes).unwrap_or(0)]);
        state.ops.push(Op::Create(name.to_owned(), bytes));
        Ok(Box::new(MemoryFile { folder: self.clone(), name: name.to_owned() }))
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        fails!(state, Rename);
        let file = state.files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.files.insert(to.to_owned(), file);
        state.ops.push(Op::Rename(from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        fails!(state, Remove);
        state.files.remove(name).ok_or(io::ErrorKind::NotFound)?;
        state.ops.push(Op::Remove(name.to_owned()));
        Ok(())
    }

    fn sync_dir(&mut self) -> io::Result<()> {
        let mut state = self.state();
        fails!(state, SyncDir);
        state.ops.push(Op::SyncDir);
        Ok(())
    }
}

#[derive(Debug)]
struct MemoryFile {
    folder: Memory,
    /// The name it was created by; the journal renames a segment after it has opened it.
    name: String,
}

impl MemoryFile {
    /// Where the file is now.
    fn current_name(&self, state: &State) -> String {
        let mut name = self.name.clone();
        let created = state.ops.iter().rposition(|op| matches!(op, Op::Create(n, _) if *n == self.name)).unwrap_or(0);
        for op in &state.ops[created..] {
            if let Op::Rename(from, to) = op
                && *from == name
            {
                name.clone_from(to);
            }
        }
        name
    }
}

impl SegmentFile for MemoryFile {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.folder.state();
        let name = self.current_name(&state);
        let (result, written) = match state.fault {
            Some(Fault::Write { kind, after_bytes }) => {
                state.fault = None;
                (Err(kind.into()), &bytes[..after_bytes.min(bytes.len())])
            }
            Some(Fault::Sync(_) | Fault::Create(_) | Fault::Rename(_) | Fault::Remove(_) | Fault::SyncDir(_))
            | None => (Ok(()), bytes),
        };
        if let Some(content) = state.files.get_mut(&name) {
            overwrite(content, offset, written);
        }
        state.ops.push(Op::Write(name, offset, written.to_vec()));
        result
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.folder.state();
        fails!(state, Sync);
        let name = self.current_name(&state);
        state.ops.push(Op::Sync(name));
        Ok(())
    }
}
