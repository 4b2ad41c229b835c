//! What the tests share: one bed and one pair of servers for each engine, and a shop with its own Handfast for each test.

use std::future::Future;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use handfast::base::{Dialect, Engine, clock};
use handfast::testbed::{Answer, Bed, Direct, Handfast, Order, Server, Shop, SqlError, available};

/// In-doubt branches are finished by then.
pub const SETTLE_MAX: Duration = Duration::from_secs(30);

pub fn bed() -> &'static Arc<Bed> {
    static BED: OnceLock<Arc<Bed>> = OnceLock::new();
    BED.get_or_init(|| Arc::new(Bed::new().unwrap()))
}

/// The engine's two shared servers. Tests that kill servers start their own.
pub fn servers(engine: Engine) -> (Arc<Server>, Arc<Server>) {
    static PAIRS: [OnceLock<(Arc<Server>, Arc<Server>)>; 3] = [OnceLock::new(), OnceLock::new(), OnceLock::new()];
    let slot = match engine {
        Engine::Postgres => &PAIRS[0],
        Engine::Mariadb => &PAIRS[1],
        Engine::Mysql => &PAIRS[2],
    };
    slot.get_or_init(|| own_servers(engine, "shared")).clone()
}

/// Two servers for one test alone.
pub fn own_servers(engine: Engine, name: &str) -> (Arc<Server>, Arc<Server>) {
    let (store, delivery) = (format!("{name}-{engine:?}-store"), format!("{name}-{engine:?}-delivery"));
    let mut started = Server::start_all(bed(), &[(engine, &store), (engine, &delivery)]).unwrap();
    let delivery = started.pop().unwrap();
    (Arc::new(started.pop().unwrap()), Arc::new(delivery))
}

pub fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_handfast"))
}

/// Runs a test's story, unless the engine is not installed; then it is counted as skipped.
pub fn on<F: Future<Output = ()>>(engine: Engine, name: &str, story: impl FnOnce(Engine) -> F) {
    if !available(engine) {
        return skip(&format!("{name} ({engine:?} is not installed here)"));
    }
    runtime().block_on(story(engine));
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Notes a test that did not run. `tests/run.sh` counts these.
pub fn skip(what: &str) {
    println!("SKIPPED: {what}");
    if let Some(path) = std::env::var_os("HANDFAST_SKIPS") {
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
        writeln!(file, "it: {what}").unwrap();
    }
}

/// A test for each engine from one story.
macro_rules! on_every_engine {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        on_every_engine!(@engine postgres, Postgres, $($name)*);
        on_every_engine!(@engine mariadb, Mariadb, $($name)*);
        on_every_engine!(@engine mysql, Mysql, $($name)*);
    };
    (@engine $module:ident, $engine:ident, $($name:ident)*) => {
        mod $module {
            use handfast::base::Engine;
            $(
                #[test]
                fn $name() {
                    let name = concat!(module_path!(), "::", stringify!($name));
                    crate::bed::on(Engine::$engine, name, super::$name);
                }
            )*
        }
    };
}
pub(crate) use on_every_engine;

/// A shop with its Handfast.
pub struct Stand {
    pub shop: Arc<Shop>,
    pub handfast: Arc<Handfast>,
}

static NUMBER: AtomicU32 = AtomicU32::new(1);

pub fn unique_name() -> String {
    format!("t{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

impl Stand {
    /// On the shared servers, started.
    pub async fn start(engine: Engine) -> Self {
        let stand = Self::cold(engine).await;
        stand.handfast.start().unwrap();
        stand
    }

    /// On the shared servers; Handfast is not started.
    pub async fn cold(engine: Engine) -> Self {
        let (store, delivery) = servers(engine);
        Self::over(&store, &delivery).await
    }

    /// On given servers; Handfast is not started.
    pub async fn over(store: &Arc<Server>, delivery: &Arc<Server>) -> Self {
        Self::told_in(store, delivery, store.engine().dialect()).await
    }

    /// The same, with clients of this dialect.
    pub async fn told_in(store: &Arc<Server>, delivery: &Arc<Server>, voice: Dialect) -> Self {
        let shop = Shop::create(bed(), store, delivery, &unique_name()).await.unwrap().told_in(voice);
        let handfast = Handfast::new(binary(), &shop).unwrap();
        Self { shop: Arc::new(shop), handfast: Arc::new(handfast) }
    }

    /// Starts it to die at a failpoint, and waits until it takes clients.
    pub fn start_to_die(&self, failpoint: &str) {
        self.handfast.launch(Some(failpoint)).unwrap();
        self.handfast.wait_ready(SETTLE_MAX).unwrap();
    }

    /// An order whose COMMIT is cut off by this failpoint.
    pub async fn cut_off(&self, failpoint: &str, id: u64) {
        self.start_to_die(failpoint);
        let mut client = self.client().await;
        client.run("BEGIN").await.unwrap();
        client.run_all(&Order::numbered(id).statements()).await.unwrap();
        client.run("COMMIT").await.expect_err("it dies");
        self.handfast.wait_exit(SETTLE_MAX).expect("it died");
    }

    pub async fn client(&self) -> Direct {
        self.client_of(self.shop.dialect()).await
    }

    /// A client of one dialect, logged in.
    pub async fn client_of(&self, dialect: Dialect) -> Direct {
        Direct::connect(&self.handfast.url(dialect)).await.unwrap()
    }

    /// A number from the store, past Handfast.
    pub async fn store(&self, sql: &str) -> i64 {
        let mut direct = self.shop.store.direct().await.unwrap();
        let number = direct.number(sql).await.unwrap();
        direct.close().await;
        number
    }

    /// A number from delivery, past Handfast.
    pub async fn delivery(&self, sql: &str) -> i64 {
        let mut direct = self.shop.delivery.direct().await.unwrap();
        let number = direct.number(sql).await.unwrap();
        direct.close().await;
        number
    }

    /// On which sides an order is: (store, delivery).
    pub async fn sides(&self, id: u64) -> (i64, i64) {
        let store = self.store(&format!("SELECT COUNT(*) FROM orders WHERE id = {id}")).await;
        (store, self.delivery(&format!("SELECT COUNT(*) FROM assignments WHERE order_id = {id}")).await)
    }

    /// Runs SQL on delivery as administrator, past Handfast.
    pub async fn on_delivery(&self, sql: &str) {
        let mut direct = self.shop.delivery.direct().await.unwrap();
        direct.run(sql).await.unwrap();
        direct.close().await;
    }

    /// Waits until no branch of this shop is left on any server.
    pub async fn settled(&self) {
        let deadline = clock::now() + SETTLE_MAX;
        loop {
            // A server that was just restarted may drop its first connections.
            let branches = self.shop.branches().await;
            if branches.as_ref().is_ok_and(Vec::is_empty) {
                return;
            }
            assert!(clock::now() < deadline, "still prepared: {branches:?}\n{}", self.handfast.log_tail());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Asserts an error that the server answered, with the dialect's own code.
#[track_caller]
pub fn refused(result: Result<Answer, SqlError>, dialect: Dialect, sqlstate: &str, errno: u16) -> SqlError {
    let error = result.expect_err("it must be refused");
    match dialect {
        Dialect::Postgres => assert_eq!(error.state.as_deref(), Some(sqlstate), "{error}"),
        Dialect::Mysql => assert_eq!(error.number, Some(errno), "{error}"),
    }
    error
}

/// Polls until `check` holds.
pub async fn until<F: Future<Output = bool>>(what: &str, limit: Duration, mut check: impl FnMut() -> F) {
    let deadline = clock::now() + limit;
    while !check().await {
        assert!(clock::now() < deadline, "not within {limit:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
