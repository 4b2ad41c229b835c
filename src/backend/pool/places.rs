//! One backend's pool: how many connections there may be, which can change, and those that nobody uses.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, Semaphore};

use super::pause::Pause;
use super::shelf::{Shelf, Taken};
use super::{Owner, Usage};

/// The pool of one backend.
#[derive(Debug)]
pub(super) struct Pool {
    pub(super) permits: Arc<Semaphore>,
    /// Connections at most.
    pub(super) size: AtomicUsize,
    /// Permits that there are: more than `size` while a pool that was made smaller waits for connections to come back.
    places: AtomicUsize,
    resizing: Mutex<()>,
    pub(super) waiting: AtomicUsize,
    shelf: Mutex<Shelf>,
    /// It is decided what becomes of a connection that was asked.
    pub(super) decided: Notify,
    pub(super) pause: Pause,
}

impl Pool {
    pub(super) fn shelf(&self) -> std::sync::MutexGuard<'_, Shelf> {
        // A panic while the list was held cannot have left it half-changed: push, remove and retain are its only uses.
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn new(size: usize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(size)),
            size: AtomicUsize::new(size),
            places: AtomicUsize::new(size),
            resizing: Mutex::default(),
            waiting: AtomicUsize::new(0),
            shelf: Mutex::default(),
            decided: Notify::new(),
            pause: Pause::default(),
        }
    }

    pub(super) fn size(&self) -> usize {
        self.size.load(Ordering::Relaxed)
    }

    /// Brings the places to the size wanted: more at once, fewer as they come back.
    pub(super) fn resize(&self) {
        // A sweep and a reload at once would each count the other's places.
        let _one = self.resizing.lock().unwrap_or_else(PoisonError::into_inner);
        let (places, size) = (self.places.load(Ordering::Relaxed), self.size());
        if size > places {
            self.permits.add_permits(size - places);
            self.places.store(size, Ordering::Relaxed);
        } else if size < places {
            let gone = self.permits.forget_permits(places - size);
            self.places.store(places - gone, Ordering::Relaxed);
        }
    }

    pub(super) fn used(&self) -> usize {
        self.places.load(Ordering::Relaxed).saturating_sub(self.permits.available_permits())
    }

    pub(super) fn take(&self, owner: Option<Owner>, flags: u32) -> Taken {
        let mut shelf = self.shelf();
        shelf.take(owner, flags, self.used(), self.size())
    }

    pub(super) fn usage(&self) -> Usage {
        Usage { used: self.used(), idle: self.shelf().free(), waiting: self.waiting.load(Ordering::Relaxed) }
    }
}
