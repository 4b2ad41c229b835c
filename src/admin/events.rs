//! The stream of changes: "status" each second, "transaction" when one comes into doubt or out of it.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::Event;
use futures_util::stream::{Stream, unfold};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Interval, MissedTickBehavior};

use super::Pages;
use crate::base::TxnId;
use crate::ops::{House, SAMPLE_EVERY};

struct Listener {
    house: Arc<House>,
    ticks: Interval,
    news: Receiver<TxnId>,
}

pub(super) async fn stream(State(pages): State<Arc<Pages>>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let mut ticks = tokio::time::interval(SAMPLE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let house = Arc::clone(&pages.house);
    let news = house.news();
    Sse::new(unfold(Listener { house, ticks, news }, async |mut listener| {
        let event = listener.next().await;
        Some((Ok(event), listener))
    }))
}

impl Listener {
    async fn next(&mut self) -> Event {
        loop {
            let named = tokio::select! {
                _ = self.ticks.tick() => return event("status", &self.house.status()),
                named = self.news.recv() => named,
            };
            match named {
                Ok(txn) => {
                    if let Some(transaction) = self.house.transaction(&txn.to_string()) {
                        return event("transaction", &transaction);
                    }
                }
                // Whoever missed some sees the numbers in the next status, and asks.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}

fn event<T: serde::Serialize>(name: &str, data: &T) -> Event {
    let made = Event::default().event(name).json_data(data);
    made.expect("the model holds texts, numbers and lists only, which JSON can say")
}
