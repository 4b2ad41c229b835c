//! One value that is replaced as a whole while others read it. Whoever has taken it keeps what it was.

use std::sync::{Arc, PoisonError, RwLock};

/// A shared value that can be replaced.
#[derive(Debug)]
pub struct Swap<T>(RwLock<Arc<T>>);

impl<T> Swap<T> {
    /// With its first value.
    pub fn new(value: Arc<T>) -> Self {
        Self(RwLock::new(value))
    }

    /// What it is now.
    pub fn get(&self) -> Arc<T> {
        // Nothing can panic while the lock is held.
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces it.
    pub fn set(&self, value: Arc<T>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = value;
    }
}
