//! What a session hears while it waits for its client, registered once and not again for every message.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio::time::Sleep;

use super::Stop;
use crate::base::clock;

/// Hears that the proxy stops.
pub(super) struct Ear {
    stop: watch::Receiver<Stop>,
    killed: watch::Receiver<bool>,
    changed: BoxFuture<'static, ()>,
    /// Who is woken by `changed`.
    registered: Option<Waker>,
}

impl fmt::Debug for Ear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ear").field("stop", &self.stop).finish_non_exhaustive()
    }
}

impl Ear {
    pub(super) fn new(stop: watch::Receiver<Stop>, killed: watch::Receiver<bool>) -> Self {
        let changed = changed(stop.clone(), killed.clone());
        Self { stop, killed, changed, registered: None }
    }

    /// What was said last. To a session that is killed, the proxy stops now.
    pub(super) fn heard(&mut self) -> Stop {
        if *self.killed.borrow_and_update() {
            return Stop::Now;
        }
        *self.stop.borrow_and_update()
    }

    /// Whether it is this session alone that shall end.
    pub(super) fn is_killed(&self) -> bool {
        *self.killed.borrow()
    }

    /// Ready when something else is said than was heard last; perhaps too often, never too late.
    pub(super) fn poll_changed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // First whether it was said, for what wakes us is registered since long before.
        let said = self.stop.has_changed().is_ok_and(|changed| changed)
            || self.killed.has_changed().is_ok_and(|killed| killed);
        let registered = self.registered.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()));
        if !said && registered {
            return Poll::Pending;
        }
        if said || self.changed.as_mut().poll(cx).is_ready() {
            self.changed = changed(self.stop.clone(), self.killed.clone());
            self.registered = None;
            return Poll::Ready(());
        }
        self.registered = Some(cx.waker().clone());
        Poll::Pending
    }
}

fn changed(mut stop: watch::Receiver<Stop>, mut killed: watch::Receiver<bool>) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let heard = tokio::select! {
            heard = stop.changed() => heard,
            heard = killed.changed() => heard,
        };
        if heard.is_err() {
            // Nobody can stop us any more: only the client can end this.
            std::future::pending::<()>().await;
        }
    })
}

/// The bound of a wait: one timer for the whole session, which is moved only when it goes off too early.
#[derive(Debug, Default)]
pub(super) struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// Ready at the deadline. Deadlines of later waits are never earlier.
    pub(super) fn poll_at(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let sleep = self.0.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline.into())));
        while sleep.as_mut().poll(cx).is_ready() {
            if clock::now() >= deadline {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(deadline.into());
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_change_wakes_who_waits_also_after_earlier_ones() {
        let (say, stop) = watch::channel(Stop::No);
        let (_kill, killed) = watch::channel(false);
        let mut ear = Ear::new(stop, killed);
        for word in [Stop::Drain, Stop::Now, Stop::Drain] {
            let mut waited = task(poll_fn(|cx| ear.poll_changed(cx)));
            assert!(!waited.is_ready(), "nothing was said yet");
            say.send_replace(word);
            assert!(waited.is_ready(), "{word:?} was said");
            drop(waited);
            assert_eq!(ear.heard(), word);
            // It may say so once too often: who listens looks again.
            task(poll_fn(|cx| ear.poll_changed(cx))).is_ready();
        }
    }

    /// A future polled as a task would: again only after it was woken.
    struct Task<F> {
        future: Pin<Box<F>>,
        woken: std::sync::Arc<Flag>,
        begun: bool,
    }

    struct Flag(std::sync::atomic::AtomicBool);

    impl std::task::Wake for Flag {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.store(true, std::sync::atomic::Ordering::SeqCst);
        }
    }

    fn task<F: Future>(future: F) -> Task<F> {
        Task { future: Box::pin(future), woken: std::sync::Arc::new(Flag(false.into())), begun: false }
    }

    impl<F: Future> Task<F> {
        fn is_ready(&mut self) -> bool {
            let woken = self.woken.0.swap(false, std::sync::atomic::Ordering::SeqCst);
            if self.begun && !woken {
                return false;
            }
            self.begun = true;
            let waker = Waker::from(std::sync::Arc::clone(&self.woken));
            self.future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready()
        }
    }

    #[tokio::test]
    async fn the_alarm_goes_off_at_the_last_deadline_not_at_the_first() {
        let mut alarm = Alarm::default();
        let begun = clock::now();
        let first = begun + Duration::from_millis(20);
        poll_fn(|cx| {
            assert!(alarm.poll_at(first, cx).is_pending());
            Poll::Ready(())
        })
        .await;
        let last = begun + Duration::from_millis(60);
        poll_fn(|cx| alarm.poll_at(last, cx)).await;
        assert!(clock::now() >= last);
    }
}
