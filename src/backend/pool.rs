//! A bounded pool of connections per backend. A connection whose state is uncertain is closed, never given back.
//!
//! A connection in use holds a [`Lease`] (a permit of the pool's semaphore) inside itself, so that wherever it is dropped,
//! its place in the pool is free again. Idle connections hold none; as they all once had one, idle and used together are
//! never more than `pool.size`.
//!
//! A session that needs its connection only from transaction to transaction *parks* it in between, with its state. It gets
//! the same one back unless another session was in need of it meanwhile: that one resets it first, and the owner has to
//! replay its state on whichever connection it gets next. What cannot be replayed (temporary tables, locks, …) only the
//! server knows for certain, so it is asked, in the same exchange as the reset: a connection that has such a thing is held
//! for its owner, in a place of the pool, until the owner needs it again.

mod places;
mod shelf;

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::OwnedSemaphorePermit;

use super::mysql::MysqlConn;
use super::pg::PgConn;
use super::{Conn, ConnectError};
use crate::base::{BackendId, Dialect, clock};
use crate::config::Config;
use crate::telemetry::metrics;
use places::Pool;
use shelf::{Idle, State, Taken};

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
    pools: Vec<Arc<Pool>>,
    live: Live,
    owners: Arc<AtomicU64>,
}

/// What came of taking a connection over.
#[expect(clippy::large_enum_variant, reason = "one for each connection that is taken over, and at once taken apart")]
enum Said {
    /// It is the caller's.
    Taken(Conn),
    /// It stays with its session, in the caller's place.
    Held,
    /// It is closed.
    Closed(OwnedSemaphorePermit),
}

/// A connection that is being asked; its owner waits for the end of this.
struct Asking<'a> {
    pool: &'a Pool,
    owner: Owner,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.pool.shelf().decided(self.owner);
        self.pool.decided.notify_waiters();
    }
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
        let pools = config.backends.iter().map(|backend| Arc::new(Pool::new(size_of(backend, &config)))).collect();
        Self { config, pools, live: Live::default(), owners: Arc::default() }
    }

    /// The same pools under another configuration, which has the same backends at the same places, and more perhaps. Whoever
    /// has the old ones shares the connections with these.
    pub fn renewed(&self, config: Arc<Config>) -> Self {
        let sizes = config.backends.iter().map(|backend| size_of(backend, &config));
        let pool = |(index, size): (usize, usize)| match self.pools.get(index) {
            Some(pool) => {
                pool.size.store(size, Ordering::Relaxed);
                pool.resize();
                Arc::clone(pool)
            }
            None => Arc::new(Pool::new(size)),
        };
        let pools = sizes.enumerate().map(pool).collect();
        Self { config, pools, live: Arc::clone(&self.live), owners: Arc::clone(&self.owners) }
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
        let held = owner.and_then(|owner| pool.shelf().take_held(owner, flags));
        if let Some((idle, permit)) = held
            && let Some(idle) = at_home(idle)
        {
            return Ok(Loan::Kept(idle.leased(permit)));
        }
        let mut permit = self.permit(backend, pool).await?;
        loop {
            let decided = pool.decided.notified();
            match pool.take(owner, flags) {
                Taken::Own(idle) => {
                    if let Some(conn) = self.own(pool, idle, &mut permit).await {
                        return Ok(Loan::Kept(conn.leased(permit)));
                    }
                }
                Taken::Other(idle) => match self.take_over(pool, idle, permit).await {
                    Said::Taken(conn) => return Ok(Loan::Clean(conn)),
                    Said::Held => permit = self.permit(backend, pool).await?,
                    Said::Closed(place) => permit = place,
                },
                Taken::Asked => decided.await,
                Taken::Nothing => break,
            }
        }
        let conn = self.connect(backend, flags).await?;
        let registered = Registered::new(&self.live, &conn);
        Ok(Loan::Clean(leased(conn, Lease { permit, registered, born: clock::now(), flags })))
    }

    /// The session's own connection, unless it is too old and can be done without.
    async fn own(&self, pool: &Pool, mut idle: Idle, permit: &mut OwnedSemaphorePermit) -> Option<Idle> {
        if let Some(held) = idle.held.take() {
            *permit = held;
        }
        if idle.is_old(self.config.pool.max_lifetime) {
            match self.ask(&mut idle.conn).await {
                Some(false) => {}
                Some(true) => return None,
                None => {
                    pool.shelf().lose(idle.state);
                    return None;
                }
            }
        }
        let state = idle.state;
        let idle = at_home(idle);
        if idle.is_none() {
            pool.shelf().lose(state);
        }
        idle
    }

    /// Makes an idle connection the caller's: reset, and on its thread. If it is another session's, only after it was
    /// asked.
    async fn take_over(&self, pool: &Pool, idle: Idle, permit: OwnedSemaphorePermit) -> Said {
        let asking = match idle.state {
            State::Parked(owner) => Some(Asking { pool, owner }),
            State::Clean | State::Abandoned => None,
        };
        let state = idle.state;
        let Some(mut idle) = adopted(idle) else {
            pool.shelf().lose(state);
            return Said::Closed(permit);
        };
        let free = match idle.state {
            State::Clean => true,
            State::Abandoned => self.is_reset(&mut idle.conn).await,
            State::Parked(_) => match self.ask(&mut idle.conn).await {
                Some(false) => {
                    pool.shelf().hold(idle, permit);
                    return Said::Held;
                }
                answer => answer.is_some(),
            },
        };
        if !free {
            pool.shelf().lose(state);
        }
        drop(asking);
        if free { Said::Taken(idle.leased(permit)) } else { Said::Closed(permit) }
    }

    /// Resets it unless there is something that its session cannot replay. `None`: it is of no use any more.
    async fn ask(&self, conn: &mut Conn) -> Option<bool> {
        let timeout = self.config.pool.connect_timeout;
        match tokio::time::timeout(timeout, conn.reset_unless_held()).await {
            Ok(Ok(free)) if conn.is_idle() => Some(free),
            Ok(Ok(_)) => None,
            Ok(Err(error)) => {
                tracing::info!(%error, "a parked connection could not be reset; closed");
                None
            }
            Err(_) => {
                tracing::warn!(?timeout, "a parked connection's reset was not answered in time; closed");
                None
            }
        }
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
                Err(ConnectError::PoolTimeout { backend: name(), waited, size: pool.size(), queued: queued.position })
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
            pool.shelf().forget(owner);
        }
    }

    /// Whether a connection that the session has parked was closed without the server having said that nothing is lost
    /// by it. Says so once.
    pub fn take_lost(&self, owner: Owner, backend: BackendId) -> bool {
        self.pool(backend).shelf().take_lost(owner)
    }

    /// Whether somebody waits for a connection to this backend.
    pub fn is_waited_for(&self, backend: BackendId) -> bool {
        self.pool(backend).waiting.load(Ordering::Relaxed) > 0
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
        // What is parked is too old only if it can be done without, which is asked when it is needed again.
        if matches!(state, State::Parked(_)) || born.elapsed() < self.config.pool.max_lifetime {
            let (pool, since) = (self.pool(conn.backend()), clock::now());
            pool.shelf().push(Idle { conn, registered, born, since, flags, state, held: None, moved: false });
        }
        // After the connection is in the list: who waits for the permit finds it there.
        drop(permit);
    }

    /// Closes connections that were idle for too long or are too old; those that are parked only if they know nothing that
    /// their sessions cannot replay. Resets those whose sessions have ended. Called every second.
    pub async fn sweep(&self) {
        let (idle_timeout, max_lifetime) = (self.config.pool.idle_timeout, self.config.pool.max_lifetime);
        for (pool, backend) in self.pools.iter().zip(&self.config.backends) {
            pool.resize();
            pool.shelf().expire(idle_timeout, max_lifetime);
            while let Ok(permit) = Arc::clone(&pool.permits).try_acquire_owned() {
                let Some((owner, mut idle)) = pool.shelf().take_expired(idle_timeout, max_lifetime) else { break };
                let asking = Asking { pool, owner };
                match self.ask(&mut idle.conn).await {
                    Some(false) => pool.shelf().hold(idle, permit),
                    Some(true) => {}
                    None => pool.shelf().lose(idle.state),
                }
                drop(asking);
            }
            // A session's locks end with it, whether or not somebody needs its connection.
            while let Ok(permit) = Arc::clone(&pool.permits).try_acquire_owned() {
                let Some(mut idle) = pool.shelf().take_abandoned() else { break };
                if self.is_reset(&mut idle.conn).await {
                    idle.state = State::Clean;
                    pool.shelf().push(idle);
                }
                drop(permit);
            }
            let usage = pool.usage();
            metrics::pool(&backend.name, pool.size.load(Ordering::Relaxed), usage.used, usage.idle, usage.waiting);
        }
    }

    /// Whether a living connection of this process is the server's session `session`.
    pub fn holds(&self, backend: BackendId, session: u64) -> bool {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).contains(&(backend, session))
    }

    /// Whether less than half of a backend's pool is in use.
    pub fn has_plenty(&self, backend: BackendId) -> bool {
        let pool = self.pool(backend);
        pool.permits.available_permits() * 2 > pool.size()
    }

    /// How full a backend's pool is.
    pub fn usage(&self, backend: BackendId) -> Usage {
        self.pool(backend).usage()
    }
}

fn size_of(backend: &crate::config::Backend, config: &Config) -> usize {
    backend.pool_size.unwrap_or(config.pool.size)
}

/// Moved to the caller's thread. `None`: that could not be done; closed.
fn adopted(idle: Idle) -> Option<Idle> {
    match idle.conn.adopt() {
        Ok(conn) => Some(Idle { conn, moved: true, ..idle }),
        Err(error) => {
            tracing::info!(%error, "an idle connection could not be taken over; closed");
            None
        }
    }
}

/// A session lives on one thread: what it has parked is at home there, unless another one was about to take it.
fn at_home(idle: Idle) -> Option<Idle> {
    if idle.moved { adopted(idle) } else { Some(idle) }
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
