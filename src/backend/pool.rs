//! A bounded pool of connections per backend. A connection whose state is uncertain is closed, never given back.
//!
//! A connection in use holds a [`Lease`] (a permit of the pool's semaphore) inside itself, so that wherever it is dropped,
//! its place in the pool is free again. Idle connections hold none; as they all once had one, idle and used together are
//! never more than `pool.size`.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
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

/// The pools of all backends.
#[derive(Debug)]
pub struct Pools {
    config: Arc<Config>,
    pools: Vec<Pool>,
    live: Live,
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
        Self { config, pools, live: Live::default() }
    }

    fn pool(&self, backend: BackendId) -> &Pool {
        &self.pools[usize::from(backend.0)]
    }

    /// A connection, reset, for the exclusive use of one session: an idle one, a new one, or after waiting in the bounded
    /// queue. Errors: see [`ConnectError`].
    pub async fn acquire(&self, backend: BackendId) -> Result<Conn, ConnectError> {
        self.acquire_with(backend, 0).await
    }

    /// The same, for a connection opened with these extra MySQL capability flags (which cannot be changed later).
    pub async fn acquire_with(&self, backend: BackendId, flags: u32) -> Result<Conn, ConnectError> {
        let pool = self.pool(backend);
        let permit = self.permit(backend, pool).await?;
        let idle = pool.take_idle(flags).and_then(|idle| match idle.conn.adopt() {
            Ok(conn) => Some((conn, idle.registered, idle.born)),
            Err(error) => {
                tracing::info!(backend = backend.0, %error, "an idle connection could not be taken over; closed");
                None
            }
        });
        let (mut conn, registered, born) = match idle {
            Some(idle) => idle,
            None => {
                let conn = self.connect(backend, flags).await?;
                let registered = Registered::new(&self.live, &conn);
                (conn, registered, clock::now())
            }
        };
        conn.set_lease(Lease { permit, registered, born, flags });
        Ok(conn)
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
        if !conn.is_idle() {
            return;
        }
        let timeout = self.config.pool.connect_timeout;
        match tokio::time::timeout(timeout, conn.reset()).await {
            Ok(Ok(())) if conn.is_idle() => self.keep(conn),
            Ok(Ok(())) => {
                tracing::warn!(backend = conn.backend().0, "a connection was not idle after its reset; closed")
            }
            Ok(Err(error)) => tracing::info!(%error, "a connection could not be reset; closed"),
            Err(_) => tracing::warn!(?timeout, "a connection's reset was not answered in time; closed"),
        }
    }

    fn keep(&self, mut conn: Conn) {
        let Some(Lease { permit, registered, born, flags }) = conn.take_lease() else { return };
        if born.elapsed() < self.config.pool.max_lifetime {
            let pool = self.pool(conn.backend());
            pool.idle().push(Idle { conn, registered, born, since: clock::now(), flags });
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

    /// The youngest idle connection with these flags that is not dead. Without one, makes room for a new connection.
    fn take_idle(&self, flags: u32) -> Option<Idle> {
        let mut idle = self.idle();
        while let Some(at) = idle.iter().rposition(|i| i.flags == flags) {
            let mut found = idle.swap_remove(at);
            if found.conn.is_quiet() {
                return Some(found);
            }
        }
        let used = self.size - self.permits.available_permits();
        while !idle.is_empty() && idle.len() + used > self.size {
            idle.swap_remove(0);
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
