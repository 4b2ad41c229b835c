//! Orders under havoc: clients place orders through Handfast while it and the databases are killed at random moments; then
//! the databases are asked what is in them. What a client was answered decides what must be there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::task::JoinSet;

use super::direct::{Direct, SqlError};
use super::{Database, Handfast, Order, Shop, TestbedError};
use crate::base::clock;

/// How much load and how much havoc.
#[derive(Clone, Debug)]
pub struct Load {
    /// Orders, in all.
    pub orders: u64,
    /// The first order's number, so that several loads fit one shop.
    pub first_id: u64,
    /// Clients at the same time.
    pub clients: usize,
    /// Decides the moments of havoc and which orders are cancelled.
    pub seed: u64,
    /// `kill -9` of Handfast.
    pub proxy_kills: usize,
    /// `kill -9` of each database server.
    pub backend_kills: usize,
    /// The whole load must be over by then.
    pub time_max: Duration,
}

/// What a client knows about its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// COMMIT was answered: it must be there.
    Committed,
    /// An error or the client's own ROLLBACK ended it, or COMMIT was never sent: it must not be there.
    Absent,
    /// COMMIT was sent and not answered (or answered as unknown): it may be there, but never half.
    Unknown,
}

/// What all clients know.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Orders whose COMMIT was answered.
    pub committed: BTreeSet<u64>,
    /// Orders that must not be there.
    pub absent: BTreeSet<u64>,
    /// Orders that may be there.
    pub unknown: BTreeSet<u64>,
    /// What clients heard instead of an answer to COMMIT, and how often.
    pub errors: BTreeMap<String, usize>,
    /// `kill -9`s done.
    pub kills: usize,
}

impl Tally {
    /// Notes one order.
    pub fn note(&mut self, id: u64, asked: Asked) {
        match asked {
            Asked::Committed => self.committed.insert(id),
            Asked::Absent => self.absent.insert(id),
            Asked::Unknown => self.unknown.insert(id),
        };
    }

    /// Orders noted.
    pub fn len(&self) -> usize {
        self.committed.len() + self.absent.len() + self.unknown.len()
    }

    /// Whether nothing was noted.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What the clients of one load share.
#[derive(Debug)]
struct Shared {
    shop: Arc<Shop>,
    handfast: Arc<Handfast>,
    load: Load,
    next: AtomicU64,
    tally: Mutex<Tally>,
}

impl Shared {
    fn tally(&self) -> std::sync::MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn done(&self) -> u64 {
        u64::try_from(self.tally().len()).unwrap_or(u64::MAX)
    }
}

#[derive(Clone, Copy, Debug)]
enum Victim {
    Proxy,
    Store,
    Delivery,
}

impl Load {
    /// Places all orders. `progress` hears the number done. Errors: a killed server or Handfast does not come back, or the
    /// time is over.
    pub async fn run(
        &self,
        shop: &Arc<Shop>,
        handfast: &Arc<Handfast>,
        mut progress: impl FnMut(u64),
    ) -> Result<Tally, TestbedError> {
        let shared = Arc::new(Shared {
            shop: Arc::clone(shop),
            handfast: Arc::clone(handfast),
            load: self.clone(),
            next: AtomicU64::new(0),
            tally: Mutex::default(),
        });
        let mut clients = JoinSet::new();
        for client in 0..self.clients {
            clients.spawn(place_orders(Arc::clone(&shared), client));
        }
        let mut havoc = JoinSet::new();
        havoc.spawn(make_havoc(Arc::clone(&shared)));
        let deadline = clock::now() + self.time_max;
        while shared.done() < self.orders {
            progress(shared.done());
            if let Some(ended) = havoc.try_join_next() {
                ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
            }
            if clock::now() > deadline {
                let errors = shared.tally().errors.clone();
                let why =
                    format!("{} of {} orders within {:?}: {errors:#?}", shared.done(), self.orders, self.time_max);
                return Err(TestbedError::NotReady { who: "the load".into(), why, log: handfast.log_tail() });
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        progress(self.orders);
        while let Some(ended) = havoc.join_next().await {
            ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
        }
        while clients.join_next().await.is_some() {}
        let tally = shared.tally().clone();
        Ok(tally)
    }

    /// The moments of havoc: after which order whom.
    fn moments(&self) -> Vec<(u64, Victim)> {
        let mut random = StdRng::seed_from_u64(self.seed);
        let mut moments = Vec::new();
        let kills = [
            (Victim::Proxy, self.proxy_kills),
            (Victim::Store, self.backend_kills),
            (Victim::Delivery, self.backend_kills),
        ];
        for (victim, count) in kills {
            // One in each equal part of the load, so that they do not all fall into one restart.
            for part in 0..count as u64 {
                let width = self.orders / count as u64;
                moments.push((part * width + random.random_range(0..width.max(1)), victim));
            }
        }
        moments.sort_by_key(|(order, _)| *order);
        moments
    }
}

async fn make_havoc(shared: Arc<Shared>) -> Result<(), TestbedError> {
    let mut random = StdRng::seed_from_u64(shared.load.seed ^ 0x5eed);
    for (order, victim) in shared.load.moments() {
        while shared.done() < order.min(shared.load.orders.saturating_sub(1)) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        // Not right at the end of an order: somewhere within one.
        tokio::time::sleep(Duration::from_micros(random.random_range(0..8_000))).await;
        let (shop, handfast) = (Arc::clone(&shared.shop), Arc::clone(&shared.handfast));
        let mut work = JoinSet::new();
        work.spawn_blocking(move || match victim {
            Victim::Proxy => {
                handfast.kill9();
                handfast.start()
            }
            Victim::Store => shop.store.server.restart(),
            Victim::Delivery => shop.delivery.server.restart(),
        });
        while let Some(ended) = work.join_next().await {
            ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
        }
        shared.tally().kills += 1;
    }
    Ok(())
}

/// One client: places order after order, each again and again until it is committed, cancelled or unknown, as applications
/// do. What was refused and yet is there shows as a duplicate then.
async fn place_orders(shared: Arc<Shared>, client: usize) {
    let url = shared.handfast.url(shared.shop.dialect());
    let mut random = StdRng::seed_from_u64(shared.load.seed.wrapping_add(1_000 + client as u64));
    let mut connection: Option<Direct> = None;
    loop {
        let number = shared.next.fetch_add(1, Ordering::Relaxed);
        if number >= shared.load.orders {
            break;
        }
        let order = Order::numbered(shared.load.first_id + number);
        let cancel = random.random_range(0..12) == 0;
        let mut tries = 0;
        loop {
            let (asked, error) = try_order(&url, &mut connection, &order, cancel).await;
            let again =
                error.as_ref().is_some_and(|error| asked == Asked::Absent && !(tries > 0 && is_duplicate(error)));
            if let Some(error) = error {
                *shared.tally().errors.entry(error.message).or_default() += 1;
                tokio::time::sleep(Duration::from_millis(random.random_range(5..40))).await;
            }
            if !again {
                shared.tally().note(order.id, asked);
                break;
            }
            tries += 1;
        }
    }
    if let Some(direct) = connection {
        direct.close().await;
    }
}

/// One try, on a new connection if the last one broke.
async fn try_order(url: &str, kept: &mut Option<Direct>, order: &Order, cancel: bool) -> (Asked, Option<SqlError>) {
    let mut direct = match kept.take() {
        Some(direct) => direct,
        None => match Direct::connect(url).await {
            Ok(direct) => direct,
            Err(error) => return (Asked::Absent, Some(error)),
        },
    };
    let (asked, error) = place(&mut direct, order, cancel).await;
    let usable = match &error {
        None => true,
        Some(error) => error.is_answer() && direct.run("ROLLBACK").await.is_ok(),
    };
    if usable {
        *kept = Some(direct);
    }
    (asked, error)
}

fn is_duplicate(error: &SqlError) -> bool {
    error.number == Some(1062) || error.state.as_deref() == Some("23505")
}

/// Places one order; gives what is known of it, and the error that ended it. After an error a MySQL client's transaction may
/// still be open.
async fn place(direct: &mut Direct, order: &Order, cancel: bool) -> (Asked, Option<SqlError>) {
    if let Err(error) = direct.run("BEGIN").await {
        return (Asked::Absent, Some(error));
    }
    if let Err(error) = direct.run_all(&order.statements()).await {
        return (Asked::Absent, Some(error));
    }
    let end = if cancel { "ROLLBACK" } else { "COMMIT" };
    match direct.run(end).await {
        Ok(_) if cancel => (Asked::Absent, None),
        Ok(_) => (Asked::Committed, None),
        Err(error) if cancel || error.is_answer() && !says_unknown(&error) => (Asked::Absent, Some(error)),
        Err(error) => (Asked::Unknown, Some(error)),
    }
}

/// Handfast's own word for "I cannot know it here and now".
fn says_unknown(error: &SqlError) -> bool {
    error.state.as_deref() == Some("08007") || error.message.contains("HF0303")
}

/// What is in the databases, held against what the clients know.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// Orders in the store.
    pub orders: usize,
    /// Assignments in delivery.
    pub assignments: usize,
    /// The store's stock as counted by the updates.
    pub reserved: i64,
    /// In one database and not in the other.
    pub half_done: Vec<u64>,
    /// COMMIT was answered, and it is not there.
    pub lost: Vec<u64>,
    /// Ended without COMMIT or by an error, and it is there.
    pub ghosts: Vec<u64>,
    /// Our branches that are still prepared.
    pub branches: Vec<String>,
    /// Not answered, and found committed.
    pub unknown_committed: usize,
    /// Not answered, and found rolled back.
    pub unknown_rolled_back: usize,
}

impl Verdict {
    /// Waits until no branch is left (at most `settle_max`), then counts. Errors: a database cannot be asked by then. (One
    /// that was just restarted may greet and then drop its first connections.)
    pub async fn read(shop: &Shop, tally: &Tally, settle_max: Duration) -> Result<Self, TestbedError> {
        let deadline = clock::now() + settle_max;
        let branches = loop {
            let over = clock::now() >= deadline;
            match shop.branches().await {
                Ok(branches) if branches.is_empty() || over => break branches,
                Err(error) if over => return Err(asking(error)),
                Ok(_) | Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        };
        loop {
            match Self::count(shop, tally, branches.clone()).await {
                Err(_) if clock::now() < deadline => tokio::time::sleep(Duration::from_millis(20)).await,
                counted => return counted,
            }
        }
    }

    async fn count(shop: &Shop, tally: &Tally, branches: Vec<String>) -> Result<Self, TestbedError> {
        let orders = ids(&shop.store, "SELECT id FROM orders").await?;
        let assignments = ids(&shop.delivery, "SELECT order_id FROM assignments").await?;
        let mut store = shop.store.direct().await.map_err(asking)?;
        let reserved = store.number("SELECT COALESCE(SUM(reserved), 0) FROM stock").await.map_err(asking)?;
        store.close().await;
        let unknown_committed = tally.unknown.intersection(&orders).count();
        Ok(Self {
            orders: orders.len(),
            assignments: assignments.len(),
            reserved,
            half_done: orders.symmetric_difference(&assignments).copied().collect(),
            lost: tally.committed.difference(&orders).copied().collect(),
            ghosts: tally.absent.intersection(&orders).copied().collect(),
            branches,
            unknown_committed,
            unknown_rolled_back: tally.unknown.len() - unknown_committed,
        })
    }

    /// Whether nothing is half done, lost, invented or left over, and the counters agree with the rows.
    pub fn whole(&self) -> bool {
        self.half_done.is_empty()
            && self.lost.is_empty()
            && self.ghosts.is_empty()
            && self.branches.is_empty()
            && usize::try_from(self.reserved) == Ok(self.orders)
    }
}

fn asking(error: SqlError) -> TestbedError {
    TestbedError::Sql { what: "the verdict".into(), why: error.to_string() }
}

async fn ids(database: &Database, sql: &str) -> Result<BTreeSet<u64>, TestbedError> {
    let mut direct = database.direct().await.map_err(asking)?;
    let answer = direct.run(sql).await.map_err(asking)?;
    direct.close().await;
    Ok(answer.rows.iter().filter_map(|row| row.first()?.as_deref()?.parse().ok()).collect())
}
