//! A bounded pool of connections per backend. A connection whose state is uncertain is closed, never given back.
//!
//! A connection in use holds a [`Lease`] (a permit of the pool's semaphore) inside itself, so that wherever it is dropped,
//! its place in the pool is free again. Idle connections hold none; as they all once had one, idle and used together are
//! never more than `pool.size`.
//!
//! A session that needs its connection only from transaction to transaction *parks* it in between, with its state. It gets
//! the same one back unless another session was in need of it meanwhile: that one resets it first, and the owner has to
//! replay its state on whichever connection it gets next.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::mysql::MysqlConn;
use super::pg::PgConn;
use super::{Conn, ConnectError};
use crate::base::{BackendId, Dialect, clock};
use crate::config::Config;
use crate::telemetry::metrics;

/// A connection's place in its pool; held by the connection.
#[derive(Debug)]
pub struct Lease {
    permit: OwnedSemaphorePermit,
    registered: Registered,
    born: Instant,
    flags: u32,
}

/// Server sessions that connections of this process hold, by backend.
type Live = Arc<Mutex<HashSet<(BackendId, u64)>>>;

/// A living connection's entry in [`Live`].
#[derive(Debug)]
struct Registered {
    live: Live,
    session: (BackendId, u64),
}

impl Registered {
    fn new(live: &Live, conn: &Conn) -> Self {
        let session = (conn.backend(), conn.session());
        live.lock().unwrap_or_else(PoisonError::into_inner).insert(session);
        Self { live: Arc::clone(live), session }
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.session);
    }
}

/// A session, as the pools know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Owner(u64);

/// What a session gets from the pool.
#[derive(Debug)]
pub enum Loan {
    /// The connection that it has parked, as it left it.
    Kept(Conn),
    /// One without any state.
    Clean(Conn),
}

impl Loan {
    /// The connection, whichever it is.
    pub fn into_conn(self) -> Conn {
        match self {
            Self::Kept(conn) | Self::Clean(conn) => conn,
        }
    }
}

/// The pools of all backends.
#[derive(Debug)]
pub struct Pools {
    config: Arc<Config>,
    pools: Vec<Pool>,
    live: Live,
    owners: AtomicU64,
}

#[derive(Debug)]
struct Pool {
    permits: Arc<Semaphore>,
    size: usize,
    waiting: AtomicUsize,
    idle: Mutex<Vec<Idle>>,
}

#[derive(Debug)]
struct Idle {
    conn: Conn,
    registered: Registered,
    born: Instant,
    since: Instant,
    flags: u32,
    state: State,
}

/// What an idle connection still knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing: it was reset.
    Clean,
    /// Its session may come back for it.
    Parked(Owner),
    /// Things of a session that has ended.
    Abandoned,
}

/// How full a pool is, for operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Held by sessions.
    pub used: usize,
    /// Open and unused.
    pub idle: usize,
    /// Sessions waiting.
    pub waiting: usize,
}

impl Pools {
    /// Pools for every configured backend; nothing is connected yet.
    pub fn new(config: Arc<Config>) -> Self {
        let pool = |backend: &crate::config::Backend| {
            let size = backend.pool_size.unwrap_or(config.pool.size);
            Pool {
                permits: Arc::new(Semaphore::new(size)),
                size,
                waiting: AtomicUsize::new(0),
                idle: Mutex::new(Vec::new()),
            }
        };
        let pools = config.backends.iter().map(pool).collect();
        Self { config, pools, live: Live::default(), owners: AtomicU64::new(0) }
    }

    fn pool(&self, backend: BackendId) -> &Pool {
        &self.pools[usize::from(backend.0)]
    }

    /// A name for a session that parks its connections.
    pub fn owner(&self) -> Owner {
        Owner(self.owners.fetch_add(1, Ordering::Relaxed))
    }

    /// A connection, reset, for the exclusive use of one session: an idle one, a new one, one that another session has
    /// parked, or after waiting in the bounded queue. Errors: see [`ConnectError`].
    pub async fn acquire(&self, backend: BackendId) -> Result<Conn, ConnectError> {
        self.acquire_with(backend, 0).await
    }

    /// The same, for a connection opened with these extra MySQL capability flags (which cannot be changed later).
    pub async fn acquire_with(&self, backend: BackendId, flags: u32) -> Result<Conn, ConnectError> {
        self.borrow(None, backend, flags).await.map(Loan::into_conn)
    }

    /// The same for a session that parks: its own connection if nobody has taken it.
    pub async fn acquire_for(&self, owner: Owner, backend: BackendId, flags: u32) -> Result<Loan, ConnectError> {
        self.borrow(Some(owner), backend, flags).await
    }

    async fn borrow(&self, owner: Option<Owner>, backend: BackendId, flags: u32) -> Result<Loan, ConnectError> {
        let pool = self.pool(backend);
        let mut permit = self.permit(backend, pool).await?;
        while let Some(idle) = pool.take_idle(owner, flags) {
            let Idle { conn, registered, born, state, .. } = idle;
            if owner.is_some_and(|owner| state == State::Parked(owner)) {
                // A session lives on one thread: its connection is at home here.
                return Ok(Loan::Kept(leased(conn, Lease { permit, registered, born, flags })));
            }
            let mut conn = match conn.adopt() {
                Ok(conn) => leased(conn, Lease { permit, registered, born, flags }),
                Err(error) => {
                    tracing::info!(backend = backend.0, %error, "an idle connection could not be taken over; closed");
                    permit = self.permit(backend, pool).await?;
                    continue;
                }
            };
            if state == State::Clean || self.is_reset(&mut conn).await {
                return Ok(Loan::Clean(conn));
            }
            drop(conn);
            permit = self.permit(backend, pool).await?;
        }
        let conn = self.connect(backend, flags).await?;
        let registered = Registered::new(&self.live, &conn);
        Ok(Loan::Clean(leased(conn, Lease { permit, registered, born: clock::now(), flags })))
    }

    async fn permit(&self, backend: BackendId, pool: &Pool) -> Result<OwnedSemaphorePermit, ConnectError> {
        if let Ok(permit) = Arc::clone(&pool.permits).try_acquire_owned() {
            return Ok(permit);
        }
        let name = || self.config.backend(backend).name.clone();
        let queued = Waiting::enter(&pool.waiting);
        if queued.position > self.config.pool.queue {
            return Err(ConnectError::QueueFull { backend: name(), queued: queued.position - 1 });
        }
        let waited = self.config.pool.acquire_timeout;
        let started = clock::now();
        match tokio::time::timeout(waited, Arc::clone(&pool.permits).acquire_owned()).await {
            Ok(Ok(permit)) => {
                metrics::pool_wait(&self.config.backend(backend).name, started.elapsed());
                Ok(permit)
            }
            Ok(Err(_)) | Err(_) => {
                Err(ConnectError::PoolTimeout { backend: name(), waited, size: pool.size, queued: queued.position })
            }
        }
    }

    async fn connect(&self, backend: BackendId, flags: u32) -> Result<Conn, ConnectError> {
        let wanted = self.config.backend(backend);
        let timeout = self.config.pool.connect_timeout;
        match wanted.dialect {
            Dialect::Postgres => PgConn::connect(wanted, backend, timeout).await.map(Conn::Pg),
            Dialect::Mysql => MysqlConn::connect(wanted, backend, flags, timeout).await.map(Conn::Mysql),
        }
    }

    /// Gives it back: reset and kept if idle, else closed.
    pub async fn release(&self, mut conn: Conn) {
        if conn.is_idle() && self.is_reset(&mut conn).await {
            self.keep(conn, State::Clean);
        }
    }

    /// Gives it back until its session needs it again, with what it knows: settings, prepared statements. The session must
    /// be able to replay all of that on another one. One that is not idle is closed.
    pub fn park(&self, owner: Owner, conn: Conn) {
        if conn.is_idle() {
            self.keep(conn, State::Parked(owner));
        }
    }

    /// The session has ended: what it has parked is anybody's.
    pub fn forget(&self, owner: Owner) {
        for pool in &self.pools {
            for idle in pool.idle().iter_mut().filter(|idle| idle.state == State::Parked(owner)) {
                idle.state = State::Abandoned;
            }
        }
    }

    /// Resets it, within a bound.
    async fn is_reset(&self, conn: &mut Conn) -> bool {
        let timeout = self.config.pool.connect_timeout;
        match tokio::time::timeout(timeout, conn.reset()).await {
            Ok(Ok(())) if conn.is_idle() => return true,
            Ok(Ok(())) => {
                tracing::warn!(backend = conn.backend().0, "a connection was not idle after its reset; closed")
            }
            Ok(Err(error)) => tracing::info!(%error, "a connection could not be reset; closed"),
            Err(_) => tracing::warn!(?timeout, "a connection's reset was not answered in time; closed"),
        }
        false
    }

    fn keep(&self, mut conn: Conn, state: State) {
        let Some(Lease { permit, registered, born, flags }) = conn.take_lease() else { return };
        if born.elapsed() < self.config.pool.max_lifetime {
            let pool = self.pool(conn.backend());
            pool.idle().push(Idle { conn, registered, born, since: clock::now(), flags, state });
        }
        // After the connection is in the list: who waits for the permit finds it there.
        drop(permit);
    }

    /// Closes connections that were idle for too long or are too old. Called now and then.
    pub fn sweep(&self) {
        for (pool, backend) in self.pools.iter().zip(&self.config.backends) {
            pool.idle().retain(|idle| {
                idle.since.elapsed() < self.config.pool.idle_timeout
                    && idle.born.elapsed() < self.config.pool.max_lifetime
            });
            let usage = pool.usage();
            metrics::pool(&backend.name, usage.used, usage.idle, usage.waiting);
        }
    }

    /// Whether a living connection of this process is the server's session `session`.
    pub fn holds(&self, backend: BackendId, session: u64) -> bool {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).contains(&(backend, session))
    }

    /// Whether less than half of a backend's pool is in use.
    pub fn has_plenty(&self, backend: BackendId) -> bool {
        let pool = self.pool(backend);
        pool.permits.available_permits() * 2 > pool.size
    }

    /// How full a backend's pool is.
    pub fn usage(&self, backend: BackendId) -> Usage {
        self.pool(backend).usage()
    }
}

impl Pool {
    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Idle>> {
        // A panic while the list was held cannot have left it half-changed: push, pop and retain are its only uses.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An idle connection with these flags that is not dead: the session's own, else the youngest that nobody has parked,
    /// else, if there is no room for a new one, the one that was parked first. Without one, makes room for a new connection.
    fn take_idle(&self, owner: Option<Owner>, flags: u32) -> Option<Idle> {
        let mut idle = self.idle();
        let own = |i: &Idle| owner.is_some_and(|owner| i.state == State::Parked(owner));
        let parked = |i: &Idle| matches!(i.state, State::Parked(_));
        loop {
            let used = self.size - self.permits.available_permits();
            let full = idle.len() + used > self.size;
            let at = idle.iter().rposition(|i| i.flags == flags && own(i));
            let at = at.or_else(|| idle.iter().rposition(|i| i.flags == flags && i.state == State::Clean));
            let at = at.or_else(|| idle.iter().rposition(|i| i.flags == flags && !parked(i)));
            let at = at.or_else(|| idle.iter().position(|i| full && i.flags == flags));
            let Some(at) = at else { break };
            // In their order, so that the first is the one that was parked first.
            let mut found = idle.remove(at);
            if found.conn.is_quiet() {
                return Some(found);
            }
        }
        let used = self.size - self.permits.available_permits();
        while !idle.is_empty() && idle.len() + used > self.size {
            idle.remove(0);
        }
        None
    }

    fn usage(&self) -> Usage {
        Usage {
            used: self.size - self.permits.available_permits(),
            idle: self.idle().len(),
            waiting: self.waiting.load(Ordering::Relaxed),
        }
    }
}

fn leased(mut conn: Conn, lease: Lease) -> Conn {
    conn.set_lease(lease);
    conn
}

/// One place in the queue, given up on drop.
struct Waiting<'a> {
    count: &'a AtomicUsize,
    position: usize,
}

impl<'a> Waiting<'a> {
    fn enter(count: &'a AtomicUsize) -> Self {
        let position = count.fetch_add(1, Ordering::Relaxed) + 1;
        Self { count, position }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How long a probe or a scan may take on one backend.
pub const CONTROL_TIMEOUT: Duration = Duration::from_secs(10);
