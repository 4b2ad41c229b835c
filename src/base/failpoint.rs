//! Named points at which a test kills this process with SIGKILL, set by `HANDFAST_FAILPOINT=name` (or `name:3` for the
//! third time it is reached). One for every step between two durable or visible effects.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

macro_rules! failpoints {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A step of COMMIT or of recovery at which the process can be made to die.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Failpoint { $($(#[$doc])* $variant,)* }

        impl Failpoint {
            /// Every failpoint, in the order of the protocol.
            pub const ALL: &[Failpoint] = &[$(Failpoint::$variant,)*];

            /// Its name in `HANDFAST_FAILPOINT`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

failpoints! {
    /// COMMIT was asked; nothing was sent.
    BeforePrepare = "before-prepare",
    /// PREPARE was sent to the first participant only.
    AfterFirstPrepareSent = "after-first-prepare-sent",
    /// The first yes vote is here.
    AfterFirstPrepared = "after-first-prepared",
    /// All votes are yes; the journal was not asked.
    AfterPrepare = "after-prepare",
    /// The record is written and not synced.
    BeforeJournalSync = "before-journal-sync",
    /// The record is synced; nobody was told.
    AfterJournalSync = "after-journal-sync",
    /// The decision is durable; no COMMIT PREPARED was sent.
    AfterDecision = "after-decision",
    /// The first participant has settled.
    AfterFirstCommit = "after-first-commit",
    /// All have settled; the decision is not forgotten.
    BeforeForget = "before-forget",
    /// All is done; the client was not answered.
    BeforeReply = "before-reply",
    /// Rolling back: nothing was sent.
    BeforeAbort = "before-abort",
    /// Rolling back: the first branch is rolled back.
    AfterFirstAbort = "after-first-abort",
    /// One phase: the COMMIT was sent; its answer is not here.
    AfterOnePhaseSent = "after-one-phase-sent",
    /// Recovery has replayed the journal.
    RecoveryAfterReplay = "recovery-after-replay",
    /// Recovery has listed a backend's branches.
    RecoveryAfterList = "recovery-after-list",
    /// Recovery has settled one branch.
    RecoveryAfterFirstSettled = "recovery-after-first-settled",
    /// Recovery has settled all branches of a decision and not forgotten it.
    RecoveryBeforeForget = "recovery-before-forget",
    /// Compaction has written the new segment; the old ones are still there.
    CompactionBeforeUnlink = "compaction-before-unlink",
}

/// The failpoint set for this process, if any. Cheap to clone and to ask.
#[derive(Clone, Debug, Default)]
pub struct Failpoints(Option<Arc<Armed>>);

#[derive(Debug)]
struct Armed {
    point: Failpoint,
    /// Instead of dying: the file that says that it is reached.
    halt: Option<PathBuf>,
    remaining: AtomicU32,
}

impl Failpoints {
    /// Reads `name` or `name:count`, both also with `@FILE` behind: then the process does not die there, it makes that file and waits
    /// until somebody has removed it. Errors: the text names no failpoint, or the count is no positive number.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (text, halt) = text.split_once('@').map_or((text, None), |(text, file)| (text, Some(PathBuf::from(file))));
        let (name, count) = text.split_once(':').unwrap_or((text, "1"));
        let point = Failpoint::ALL.iter().copied().find(|p| p.name() == name);
        let point = point.ok_or_else(|| format!("no failpoint is named {name:?}"))?;
        match count.parse() {
            Ok(remaining) if remaining > 0 => {
                Ok(Self(Some(Arc::new(Armed { point, halt, remaining: AtomicU32::new(remaining) }))))
            }
            _ => Err(format!("failpoint count {count:?} is not a positive number")),
        }
    }

    /// Dies here by SIGKILL (or waits) if `point` is the one that was set and its count is reached.
    pub fn hit(&self, point: Failpoint) {
        if let Some(armed) = &self.0
            && armed.point == point
            && armed.remaining.fetch_sub(1, Ordering::SeqCst) == 1
        {
            match &armed.halt {
                Some(file) => wait_here(file),
                None => kill_self(),
            }
        }
    }
}

/// This thread does nothing until the file is gone.
fn wait_here(file: &Path) {
    if std::fs::write(file, "reached").is_err() {
        return kill_self();
    }
    while file.exists() {
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn kill_self() {
    // SIGKILL, not abort: nothing of ours may run after the point, as after a power cut.
    let sent = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    debug_assert!(sent.is_ok(), "a process may signal itself");
    loop {
        std::thread::park();
    }
}
