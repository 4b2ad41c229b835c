//! Backends that an operator holds back: new statements for them wait, those that run finish.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use crate::base::{Fault, FaultKind};

/// Whether one backend is paused.
#[derive(Debug, Default)]
pub(super) struct Pause {
    paused: AtomicBool,
    resumed: Notify,
}

impl Pause {
    /// Pauses or resumes it. Whether that was anything new.
    pub(super) fn set(&self, paused: bool) -> bool {
        let before = self.paused.swap(paused, Ordering::SeqCst);
        if !paused {
            self.resumed.notify_waiters();
        }
        before != paused
    }

    pub(super) fn is_set(&self) -> bool {
        self.paused.load(Ordering::Relaxed)
    }

    /// Returns at once unless it is paused; then when it goes on. Errors: that takes longer than `bound`.
    pub(super) async fn wait(&self, name: &str, bound: Duration) -> Result<(), Fault> {
        if !self.is_set() {
            return Ok(());
        }
        let resumed = async {
            loop {
                let resumed = self.resumed.notified();
                tokio::pin!(resumed);
                // Before the look, so that a resume between both is heard.
                resumed.as_mut().enable();
                if !self.paused.load(Ordering::SeqCst) {
                    return;
                }
                resumed.await;
            }
        };
        tokio::time::timeout(bound, resumed).await.map_err(|_| {
            Fault::new(FaultKind::BackendPaused, format!("backend \"{name}\" is paused by an operator"))
                .detail(format!("waited {bound:?} (pool.acquire_timeout) for it to be resumed"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waits_goes_on_when_it_is_resumed_and_is_refused_after_the_bound() {
        let pause = Pause::default();
        let bound = Duration::from_secs(60);
        assert!(pause.wait("store", bound).await.is_ok(), "nothing is paused");
        assert!(pause.set(true));
        assert!(!pause.set(true), "it is paused already");
        let fault = pause.wait("store", Duration::from_millis(5)).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::BackendPaused);
        let (waited, ()) = tokio::join!(pause.wait("store", bound), async {
            tokio::task::yield_now().await;
            pause.set(false);
        });
        assert!(waited.is_ok());
    }
}
