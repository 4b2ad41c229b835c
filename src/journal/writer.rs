//! The writer thread: takes all decisions that wait, writes them at once, syncs once, tells each.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot, watch};

use crate::base::clock;
use crate::journal::core::{Core, Encoded, WriteError};
use crate::journal::record::Durable;
use crate::journal::{DecideError, JournalStats};
use crate::telemetry::metrics;

/// Decisions in one write at most.
const BATCH_MAX: usize = 1024;

/// Bytes in one write at most (one decision more may exceed it): bounds memory and the time of a sync.
const BATCH_BYTES_MAX: usize = 8 << 20;

/// Decisions that wait for the writer at most; more callers wait in line for a place.
const QUEUE_MAX: usize = 4096;

type Reply = oneshot::Sender<Result<Durable, DecideError>>;

enum Message {
    Decide(Encoded, Reply),
    Close,
}

/// What the thread and the handles share.
#[derive(Debug)]
pub(super) struct Shared {
    /// Written with the next decision.
    later: Mutex<Vec<Encoded>>,
    stats: Mutex<JournalStats>,
    /// Why nothing is written any more.
    pub(super) failure: watch::Sender<Option<String>>,
}

impl Shared {
    pub(super) fn new() -> Self {
        Self { later: Mutex::default(), stats: Mutex::default(), failure: watch::Sender::new(None) }
    }

    pub(super) fn later(&self) -> MutexGuard<'_, Vec<Encoded>> {
        self.later.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn stats(&self) -> MutexGuard<'_, JournalStats> {
        self.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fail(&self, why: String) {
        self.failure.send_if_modified(|failure| {
            let first = failure.is_none();
            failure.get_or_insert(why);
            first
        });
    }
}

/// The thread's handle.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Option<mpsc::Sender<Message>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    shared: Arc<Shared>,
}

impl Writer {
    pub(super) fn start(core: Core, shared: Arc<Shared>) -> io::Result<Self> {
        let (queue, messages) = mpsc::channel(QUEUE_MAX);
        let of_thread = Arc::clone(&shared);
        let builder = std::thread::Builder::new().name(String::from("journal"));
        let thread = builder.spawn(move || Loop { core, messages, shared: of_thread, closed: false }.run())?;
        Ok(Self { queue: Some(queue), thread: Mutex::new(Some(thread)), shared })
    }

    fn refusal(&self) -> DecideError {
        let why = self.shared.failure.borrow().clone();
        DecideError::Refused { why: why.unwrap_or_else(|| String::from("it is closed")) }
    }

    pub(super) async fn decide(&self, encoded: Encoded) -> Result<Durable, DecideError> {
        let (reply, answer) = oneshot::channel();
        let Some(queue) = &self.queue else { return Err(self.refusal()) };
        if queue.send(Message::Decide(encoded, reply)).await.is_err() {
            return Err(self.refusal());
        }
        // A thread that ended without a word may have written it.
        answer.await.unwrap_or_else(|_| Err(DecideError::Unknown { why: String::from("its writer has ended") }))
    }

    pub(super) async fn close(&self) {
        if let Some(queue) = &self.queue
            && queue.send(Message::Close).await.is_ok()
        {
            queue.closed().await;
        }
        self.join();
    }

    /// Short: whoever calls this has seen the queue end, or is the last to hold it.
    fn join(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the journal's writer thread panicked");
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        self.join();
    }
}

struct Loop {
    core: Core,
    messages: mpsc::Receiver<Message>,
    shared: Arc<Shared>,
    closed: bool,
}

impl Drop for Loop {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.shared.fail(String::from("its writer has panicked"));
        }
    }
}

impl Loop {
    fn run(mut self) {
        self.note_segment();
        while !self.closed
            && let Some(first) = self.messages.blocking_recv()
        {
            let (batch, replies) = self.drain(first);
            if !replies.is_empty() {
                self.write(batch, replies);
            }
        }
        let rest = std::mem::take(&mut *self.shared.later());
        if !rest.is_empty() && self.shared.failure.borrow().is_none() {
            self.write(rest, Vec::new());
        }
        self.messages.close();
        while let Some(message) = self.messages.blocking_recv() {
            match message {
                Message::Decide(_, reply) => {
                    tell(reply, Err(DecideError::Refused { why: String::from("it is closed") }))
                }
                Message::Close => {}
            }
        }
    }

    /// Everything that waits, up to the bounds; first what was said lazily.
    fn drain(&mut self, first: Message) -> (Vec<Encoded>, Vec<Reply>) {
        let (mut batch, mut replies) = (Vec::new(), Vec::new());
        let mut bytes = 0;
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Decide(encoded, reply) => {
                    bytes += encoded.bytes();
                    batch.push(encoded);
                    replies.push(reply);
                }
                Message::Close => {
                    self.closed = true;
                    break;
                }
            }
            if replies.len() >= BATCH_MAX || bytes >= BATCH_BYTES_MAX {
                break;
            }
            next = self.messages.try_recv().ok();
        }
        if !replies.is_empty() {
            // After the decisions: the order does not matter, for nobody forgets what is not yet acknowledged.
            batch.append(&mut self.shared.later());
        }
        (batch, replies)
    }

    fn write(&mut self, batch: Vec<Encoded>, replies: Vec<Reply>) {
        match self.core.write(batch, clock::wall_ms()) {
            Ok(written) => {
                self.note_write(replies.len() as u64, written.sync);
                for (reply, proof) in replies.into_iter().zip(written.proofs) {
                    tell(reply, Ok(proof));
                }
            }
            Err(error) => {
                let why = error.to_string();
                tracing::error!(error = why, "the journal has failed; it takes no more decisions");
                // First everybody's alarm, then the answers: who hears an answer can rely on the alarm being raised.
                self.shared.fail(why.clone());
                let answer = match error {
                    WriteError::NotWritten { .. } => DecideError::Refused { why },
                    WriteError::Unknown { .. } => DecideError::Unknown { why },
                };
                for reply in replies {
                    tell(reply, Err(answer.clone()));
                }
            }
        }
    }

    fn note_write(&self, decisions: u64, sync: std::time::Duration) {
        metrics::synced(sync, decisions);
        let mut stats = self.shared.stats();
        stats.writes += 1;
        stats.decisions += decisions;
        stats.last_decisions = decisions;
        stats.last_sync = sync;
        stats.sync_total += sync;
        drop(stats);
        self.note_segment();
    }

    fn note_segment(&self) {
        let (number, used_bytes, _size) = self.core.segment();
        let mut stats = self.shared.stats();
        (stats.segment, stats.segment_used_bytes) = (number, used_bytes);
    }
}

fn tell(reply: Reply, answer: Result<Durable, DecideError>) {
    // Whoever asked may be gone; the decision stands, and recovery finishes it after a restart.
    if reply.send(answer).is_err() {
        tracing::warn!("nobody waits for a decision's answer any more");
    }
}
