//! What a session runs now, for CancelRequests that come over other connections.

use std::sync::{Mutex, PoisonError};

use crate::backend::pg::CancelToken;

/// The running statement of one session, if any.
#[derive(Debug, Default)]
pub struct Running(Mutex<Option<CancelToken>>);

impl Running {
    /// A statement runs, or none (also: the session commits, which nothing cancels).
    pub(super) fn set(&self, token: Option<CancelToken>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = token;
    }

    /// What to cancel.
    pub fn token(&self) -> Option<CancelToken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
