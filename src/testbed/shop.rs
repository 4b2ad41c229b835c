//! The story: a store and a delivery service with a database each. An order reserves a packet in the store and an agent in
//! delivery, in one plain `BEGIN … COMMIT`; either both are reserved or none.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::direct::{Direct, SqlError};
use super::{Bed, Server, TestbedError};
use crate::base::{Dialect, Engine};

/// The story's tables and their backends, for `[tables]`.
pub const fn tables() -> &'static [(&'static str, &'static str)] {
    &[
        ("stock", "store"),
        ("orders", "store"),
        ("counters", "store"),
        ("agents", "delivery"),
        ("assignments", "delivery"),
        ("tallies", "delivery"),
    ]
}

/// One database on one server.
#[derive(Clone, Debug)]
pub struct Database {
    /// Where.
    pub server: Arc<Server>,
    /// Its name there.
    pub name: String,
}

impl Database {
    /// The application's URL.
    pub fn url(&self) -> String {
        self.server.url(&self.name)
    }

    /// Connects as administrator, past Handfast.
    pub async fn direct(&self) -> Result<Direct, SqlError> {
        Direct::connect(&self.server.root_url(&self.name)).await
    }

    async fn create(&self, schema: &[&str]) -> Result<(), TestbedError> {
        let failed = |error: SqlError| TestbedError::Sql { what: self.name.clone(), why: error.to_string() };
        let (home, owner) = match self.server.engine() {
            Engine::Postgres => ("postgres", " OWNER app"),
            Engine::Mariadb | Engine::Mysql => ("", ""),
        };
        let mut root = Direct::connect(&self.server.root_url(home)).await.map_err(failed)?;
        if self.server.engine() == Engine::Postgres {
            for name in self.server.take_ended() {
                // One with a prepared transaction in it stays: its test wants it so.
                if let Err(error) = root.run(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await {
                    tracing::debug!(name, %error, "a database of a test that has ended stays");
                }
            }
        }
        root.run(&format!("CREATE DATABASE {}{owner}", self.name)).await.map_err(failed)?;
        root.close().await;
        let mut app = Direct::connect(&self.url()).await.map_err(failed)?;
        app.run_all(schema).await.map_err(failed)?;
        app.close().await;
        Ok(())
    }
}

/// One order, as statements.
#[derive(Clone, Debug)]
pub struct Order {
    /// Unique.
    pub id: u64,
    /// What is reserved in the store.
    pub item: String,
    /// Who is booked in delivery.
    pub agent: String,
}

impl Order {
    /// An order for one of sixteen items by one of sixteen agents, so that orders meet each other on rows now and then.
    pub fn numbered(id: u64) -> Self {
        Self { id, item: format!("i{}", id % 16), agent: format!("a{}", id / 7 % 16) }
    }

    /// What changes in the store.
    pub fn store_statements(&self) -> [String; 2] {
        let Self { id, item, agent } = self;
        [
            format!("UPDATE stock SET reserved = reserved + 1 WHERE item = '{item}'"),
            format!("INSERT INTO orders (id, item, agent, at) VALUES ({id}, '{item}', '{agent}', CURRENT_TIMESTAMP)"),
        ]
    }

    /// What changes in delivery.
    pub fn delivery_statements(&self) -> [String; 2] {
        let Self { id, agent, .. } = self;
        [
            format!("UPDATE agents SET order_id = {id} WHERE name = '{agent}'"),
            format!("INSERT INTO assignments (order_id, agent) VALUES ({id}, '{agent}')"),
        ]
    }

    /// All of it, without BEGIN and COMMIT.
    pub fn statements(&self) -> Vec<String> {
        self.store_statements().into_iter().chain(self.delivery_statements()).collect()
    }
}

/// The two databases and what Handfast needs to stand before them.
#[derive(Debug)]
pub struct Shop {
    /// `stock`, `orders`, `counters`.
    pub store: Database,
    /// `agents`, `assignments`, `tallies`.
    pub delivery: Database,
    cluster: String,
    folder: PathBuf,
    ports: Vec<(Dialect, u16)>,
    admin_port: u16,
    voice: Dialect,
    _ending: Ending,
}

/// When a shop goes, its databases are not needed any more, nor is its journal; what failed is left for a look.
#[derive(Debug)]
struct Ending {
    databases: [Database; 2],
    journal: PathBuf,
    kept: Arc<AtomicBool>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        for database in &self.databases {
            database.server.end_database(&database.name);
        }
        if self.kept.load(Ordering::Relaxed) || std::thread::panicking() {
            return;
        }
        // Hundreds of preallocated segments would fill a small disk.
        if let Err(error) = std::fs::remove_dir_all(&self.journal) {
            tracing::debug!(folder = %self.journal.display(), %error, "left to the janitor");
        }
    }
}

const STORE: &[&str] = &[
    "CREATE TABLE stock (item varchar(40) PRIMARY KEY, reserved bigint NOT NULL)",
    "CREATE TABLE orders (id bigint PRIMARY KEY, item varchar(40) NOT NULL, agent varchar(40) NOT NULL, at timestamp NOT NULL)",
    "CREATE TABLE counters (id bigint PRIMARY KEY, n bigint NOT NULL)",
    "INSERT INTO stock (item, reserved) VALUES ('packet', 0), ('lamp', 0), ('chair', 0)",
    "INSERT INTO stock (item, reserved) VALUES ('i0',0),('i1',0),('i2',0),('i3',0),('i4',0),('i5',0),('i6',0),('i7',0)",
    "INSERT INTO stock (item, reserved) VALUES ('i8',0),('i9',0),('i10',0),('i11',0),('i12',0),('i13',0),('i14',0),('i15',0)",
    "INSERT INTO counters (id, n) VALUES (0,0),(1,0),(2,0),(3,0),(4,0),(5,0),(6,0),(7,0)",
];

const DELIVERY: &[&str] = &[
    "CREATE TABLE agents (name varchar(40) PRIMARY KEY, order_id bigint)",
    "CREATE TABLE assignments (order_id bigint PRIMARY KEY, agent varchar(40) NOT NULL)",
    "CREATE TABLE tallies (id bigint PRIMARY KEY, n bigint NOT NULL)",
    "INSERT INTO agents (name) VALUES ('Ann'), ('Ben'), ('Cem'), ('Dee')",
    "INSERT INTO agents (name) VALUES ('a0'), ('a1'), ('a2'), ('a3'), ('a4'), ('a5'), ('a6'), ('a7')",
    "INSERT INTO agents (name) VALUES ('a8'), ('a9'), ('a10'), ('a11'), ('a12'), ('a13'), ('a14'), ('a15')",
    "INSERT INTO tallies (id, n) VALUES (0,0),(1,0),(2,0),(3,0),(4,0),(5,0),(6,0),(7,0)",
];

impl Shop {
    /// Makes both databases with the story's tables. `name` is unique in the bed, 1 to 16 bytes of `a-z 0-9`; it is also
    /// the cluster's name, so that branches on a shared server can be told apart.
    pub async fn create(
        bed: &Bed,
        store: &Arc<Server>,
        delivery: &Arc<Server>,
        name: &str,
    ) -> Result<Self, TestbedError> {
        let store = Database { server: Arc::clone(store), name: format!("{name}_store") };
        let delivery = Database { server: Arc::clone(delivery), name: format!("{name}_delivery") };
        let made = tokio::join!(store.create(STORE), delivery.create(DELIVERY));
        made.0.and(made.1)?;
        let folder = bed.folder().join(name);
        std::fs::create_dir_all(&folder).map_err(TestbedError::io(format!("making {}", folder.display())))?;
        let mut dialects = vec![store.server.engine().dialect(), delivery.server.engine().dialect()];
        dialects.sort_unstable();
        dialects.dedup();
        let ports = dialects.into_iter().map(|dialect| (dialect, bed.free_port())).collect();
        let (cluster, voice) = (name.to_owned(), store.server.engine().dialect());
        let admin_port = bed.free_port();
        let (databases, journal) = ([store.clone(), delivery.clone()], folder.join("journal"));
        let _ending = Ending { databases, journal, kept: bed.kept() };
        Ok(Self { store, delivery, cluster, folder, ports, admin_port, voice, _ending })
    }

    /// The same, with the story told by clients of this dialect; one of the two databases must speak it.
    #[must_use]
    pub fn told_in(self, voice: Dialect) -> Self {
        debug_assert!(self.ports.iter().any(|(dialect, _)| *dialect == voice), "a front of that dialect");
        Self { voice, ..self }
    }

    /// Handfast's configuration over this shop.
    pub fn config(&self) -> String {
        self.config_with("")
    }

    /// The same with more TOML at its end.
    pub fn config_with(&self, more: &str) -> String {
        let mut listen = String::new();
        for (dialect, port) in &self.ports {
            let key = match dialect {
                Dialect::Postgres => "postgres",
                Dialect::Mysql => "mysql",
            };
            listen.push_str(&format!("{key} = \"127.0.0.1:{port}\"\n"));
        }
        let mixed = self.ports.len() > 1;
        let rules: String = tables().iter().map(|(table, backend)| format!("\"{table}\" = \"{backend}\"\n")).collect();
        format!(
            "[node]\ncluster = \"{cluster}\"\n\n[listen]\n{listen}database = \"shop\"\n\n\
             [[users]]\nname = \"app\"\npassword = \"app\"\n\n\
             [backends.store]\nurl = \"{store}\"\ndefault = true\n\n\
             [backends.delivery]\nurl = \"{delivery}\"\n{second}\n[tables]\n{rules}\n\
             [journal]\npath = \"{journal}\"\n\n[admin]\nlisten = \"127.0.0.1:{admin}\"\n{more}",
            cluster = self.cluster,
            store = self.store.url(),
            delivery = self.delivery.url(),
            second = if mixed { "default = true\n" } else { "" },
            journal = self.journal().display(),
            admin = self.admin_port,
        )
    }

    /// Where Handfast keeps this shop's decisions.
    pub fn journal(&self) -> PathBuf {
        self.folder.join("journal")
    }

    /// Its scratch folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The fronts of Handfast over it.
    pub fn ports(&self) -> &[(Dialect, u16)] {
        &self.ports
    }

    /// The operator's port of Handfast over it.
    pub fn admin_port(&self) -> u16 {
        self.admin_port
    }

    /// The dialect in which the story is told: the store's, unless [`Self::told_in`] says otherwise.
    pub fn dialect(&self) -> Dialect {
        self.voice
    }

    /// The prefix of this shop's branch names.
    pub fn prefix(&self) -> String {
        format!("{}{}.", crate::base::ids::NAME_PREFIX, self.cluster)
    }

    /// This shop's prepared branches on both servers.
    pub async fn branches(&self) -> Result<Vec<String>, SqlError> {
        let (mut all, prefix) = (Vec::new(), self.prefix());
        for database in [&self.store, &self.delivery] {
            let mut direct = database.direct().await?;
            all.extend(direct.branches().await?.into_iter().filter(|name| name.starts_with(&prefix)));
            direct.close().await;
        }
        Ok(all)
    }
}
