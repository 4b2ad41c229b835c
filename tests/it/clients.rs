//! Real clients, one script each (`tests/clients`): the same script runs against one plain server that holds all tables and
//! against Handfast over two. Then COMMIT is killed in the middle under each of them.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex, OnceLock};

use handfast::base::{Dialect, Engine};
use handfast::testbed::{Handfast, Order, Shop, available};

use tokio::sync::OnceCell;

use crate::bed::{Stand, bed, binary, on, servers, skip, unique_name};
use crate::clients_table;

struct Script {
    program: PathBuf,
    arguments: Vec<OsString>,
    node_path: Option<PathBuf>,
}

/// What a script exits with when its driver is not installed.
const NOT_HERE: i32 = 4;

/// Where `tests/setup/clients.sh` put the drivers.
pub fn drivers() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    target.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target")).join("clients")
}

/// How a script is run; `None`: its language or program is not here.
fn script(name: &str) -> Option<Script> {
    let found = |program: &str| {
        std::env::split_paths(&std::env::var_os("PATH")?).map(|f| f.join(program)).find(|f| f.is_file())
    };
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name);
    let stem = file.file_stem().expect("a script has a name").to_owned();
    let itself = || vec![file.clone().into_os_string()];
    let (program, arguments, node_path) = match name.split_once('/').expect("a folder for each language").0 {
        "python" => (drivers().join("python/bin/python3"), itself(), None),
        "node" => (found("node")?, itself(), Some(drivers().join("node/node_modules"))),
        "php" => (found("php")?, itself(), None),
        "ruby" => (found("ruby")?, itself(), None),
        "go" => (drivers().join("go").join(&stem), vec![], None),
        "java" => {
            let folder = drivers().join("java");
            let mut path = folder.join("classes").into_os_string();
            path.push(":");
            path.push(folder.join("lib/*"));
            // A short life: no time for the optimizer, little memory.
            let flags = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m", "-cp"].map(OsString::from);
            let there = folder.join("classes").join(format!("{}.class", stem.display())).is_file();
            let program = if there { found("java")? } else { return None };
            (program, flags.into_iter().chain([path, stem]).collect(), None)
        }
        _ => {
            found(stem.to_str()?)?;
            (PathBuf::from("/bin/bash"), itself(), None)
        }
    };
    let here = program.is_file() && node_path.as_ref().is_none_or(|path| path.is_dir());
    here.then_some(Script { program, arguments, node_path })
}

impl Script {
    async fn run(&self, port: u16, database: &str, mode: &str, order: u64) -> Output {
        let mut command = Command::new("timeout");
        command.arg("120").arg(&self.program).args(&self.arguments);
        command.args(["127.0.0.1", &port.to_string(), "app", "app", database, mode, &order.to_string()]);
        command.envs(self.node_path.as_ref().map(|path| ("NODE_PATH", path)));
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        let mut running = tokio::task::JoinSet::new();
        running.spawn_blocking(move || command.output().unwrap());
        running.join_next().await.unwrap().unwrap()
    }
}

const STEPS: [&str; 5] = ["ok connect", "ok one-backend", "ok two-backends", "ok rollback", "ok error-class"];

/// Every step was taken; what the script saw besides.
fn steps(name: &str, against: &str, output: &Output, steps: &[&str], log: &str) -> Vec<String> {
    let stdout = String::from_utf8_lossy(&output.stdout);
    let (said, saw): (Vec<&str>, Vec<&str>) = stdout.lines().partition(|line| !line.starts_with("saw "));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said == steps, "{name} against {against}: {said:?}\n{stderr}\n{saw:#?}\n{log}");
    saw.into_iter().map(str::to_owned).collect()
}

/// Whose dialect the client speaks, and where the two services are.
#[derive(Clone, Copy)]
pub struct Topology {
    pub client: Engine,
    pub store: Engine,
    pub delivery: Engine,
}

impl Topology {
    pub fn is_here(self) -> bool {
        [self.client, self.store, self.delivery].into_iter().all(available)
    }

    /// The service whose server is not the client's own, if they differ.
    fn away(self) -> &'static str {
        if self.store.dialect() == self.client.dialect() { "delivery" } else { "store" }
    }

    /// Handfast over both; tables that the client makes for visits are away, too.
    pub async fn stand(self) -> Stand {
        let (store, delivery) = (servers(self.store).0, servers(self.delivery).1);
        let shop = Shop::create(bed(), &store, &delivery, &unique_name()).await.unwrap();
        let config = shop.config().replace("[tables]\n", &format!("[tables]\n\"visits\" = \"{}\"\n", self.away()));
        let handfast = Handfast::with_config(binary(), &shop, &config).unwrap();
        handfast.start().unwrap();
        let stand = Stand { shop: Arc::new(shop), handfast: Arc::new(handfast) };
        in_utf8(&stand).await;
        stand
    }

    /// The database that clients log in to. MySQL's ask the catalogs for it by its name, so they give the home database's.
    fn database(self, stand: &Stand) -> &str {
        match self.client.dialect() {
            Dialect::Postgres => "shop",
            Dialect::Mysql if self.store.dialect() == Dialect::Mysql => &stand.shop.store.name,
            Dialect::Mysql => &stand.shop.delivery.name,
        }
    }

    pub fn is_mixed(self) -> bool {
        self.store.dialect() != self.delivery.dialect()
    }
}

/// Tables that clients make themselves are in UTF-8, as their databases are nowadays.
async fn in_utf8(stand: &Stand) {
    for database in [&stand.shop.store, &stand.shop.delivery] {
        if database.server.engine().dialect() == Dialect::Mysql {
            let mut root = database.direct().await.unwrap();
            root.run(&format!("ALTER DATABASE {} CHARACTER SET utf8mb4", database.name)).await.unwrap();
            root.close().await;
        }
    }
}

/// What was seen, whatever the databases are called.
fn nameless(saw: Vec<String>, stand: &Stand) -> Vec<String> {
    let (store, delivery) = (&stand.shop.store.name, &stand.shop.delivery.name);
    saw.into_iter().map(|line| line.replace(store, "shop").replace(delivery, "shop")).collect()
}

/// Whether a line is the same when the table `visits` is on a server of the other dialect. What is not: the words of a
/// refusal, and the sizes and flags of its columns.
fn crosses(line: &str) -> bool {
    !["visits error", "visits column", "visits row column", "visits prepared row column", "visits found column"]
        .iter()
        .any(|words| line.contains(words))
}

type Seen = Option<Arc<Vec<String>>>;
type AllSeen = Mutex<HashMap<(&'static str, Engine), Arc<OnceCell<Seen>>>>;

/// What the script sees on a plain server, asked once for all topologies. What is wrong there is the script's fault.
/// `None`: its driver is not here.
async fn seen_directly(script: &Script, name: &'static str, engine: Engine) -> Seen {
    static ALL: OnceLock<AllSeen> = OnceLock::new();
    let cell = Arc::clone(ALL.get_or_init(AllSeen::default).lock().unwrap().entry((name, engine)).or_default());
    cell.get_or_init(|| against_a_plain_server(script, name, engine)).await.clone()
}

async fn against_a_plain_server(script: &Script, name: &str, engine: Engine) -> Seen {
    let (server, _) = servers(engine);
    let plain = Stand::over(&server, &server).await;
    in_utf8(&plain).await;
    let both = &plain.shop.store;
    let mut app = handfast::testbed::Direct::connect(&both.url()).await.unwrap();
    app.run_all(&[
        "CREATE TABLE agents (name varchar(40) PRIMARY KEY, order_id bigint)",
        "CREATE TABLE assignments (order_id bigint PRIMARY KEY, agent varchar(40) NOT NULL)",
        "CREATE TABLE tallies (id bigint PRIMARY KEY, n bigint NOT NULL)",
        "INSERT INTO agents (name) VALUES ('Ann'), ('Ben')",
        "INSERT INTO tallies (id, n) VALUES (0,0),(1,0),(2,0),(3,0),(4,0),(5,0),(6,0),(7,0)",
    ])
    .await
    .unwrap();
    app.close().await;
    let output = script.run(server.port(), &both.name, "all", 100).await;
    if output.status.code() == Some(NOT_HERE) {
        return None;
    }
    let saw = steps(name, "a plain server", &output, &STEPS, "");
    Some(Arc::new(nameless(saw, &plain)))
}

/// The first line that differs, with its place.
fn assert_saw_the_same(what: &str, direct: &[String], through: &[String]) {
    let lines = direct.len().max(through.len());
    let differ: Vec<String> = (0..lines)
        .filter(|n| direct.get(*n) != through.get(*n))
        .map(|n| format!("  direct:  {:?}\n  through: {:?}", direct.get(n), through.get(n)))
        .collect();
    assert!(differ.is_empty(), "{what} sees {} of {lines} differently:\n{}", differ.len(), differ.join("\n"));
}

fn a_client(name: &'static str, topology: Topology) {
    let Topology { client, store, delivery } = topology;
    let what = format!("{name} as a client of {client:?}, store on {store:?}, delivery on {delivery:?}");
    if !topology.is_here() {
        return skip(&what);
    }
    let Some(script) = script(name) else { return skip(&what) };
    on(client, name, |client| async move {
        let Some(direct) = seen_directly(&script, name, client).await else { return skip(&what) };
        let stand = topology.stand().await;
        let port = stand.handfast.port(client.dialect());
        let output = script.run(port, topology.database(&stand), "all", 100).await;
        let through = steps(&what, "Handfast", &output, &STEPS, &stand.handfast.log_tail());
        let through = nameless(through, &stand);
        let itself = clients_table::itself(&through);
        let mut passed = vec!["connect", "one", "two"];
        let compared = |saw: &[String]| -> Vec<String> {
            saw.iter().filter(|line| !topology.is_mixed() || crosses(line)).cloned().collect()
        };
        assert_saw_the_same(&what, &compared(&direct), &compared(&through));
        let orders = stand.store("SELECT COUNT(*) FROM orders").await;
        assert_eq!(orders, stand.delivery("SELECT COUNT(*) FROM assignments").await);
        assert!(stand.handfast.is_running());
        if !matches!(name, "shell/pgbench.sh" | "shell/sysbench.sh") {
            for (point, order, there) in
                [("after-prepare", 200, 0), ("after-decision", 201, 1), ("before-reply", 202, 1)]
            {
                // These look at a PostgreSQL server in a transaction of their own first.
                let look_first = ["python/sqlalchemy_pg_client.py", "java/HibernatePg.java"];
                let looks_first = point == "before-reply" && look_first.contains(&name);
                stand.start_to_die(if looks_first { "before-reply:2" } else { point });
                let output = script.run(port, topology.database(&stand), "kill", order).await;
                steps(&what, point, &output, &["ok killed"], &stand.handfast.log_tail());
                stand.handfast.start().unwrap();
                stand.settled().await;
                assert_eq!(stand.sides(order).await, (there, there), "{what}: {point}");
            }
            passed.push("kill");
        }
        clients_table::record(name, topology, &passed, itself);
    });
}

/// A script, and where its services are.
pub struct Client {
    pub script: &'static str,
    pub topology: Topology,
}

/// Every client that is tested.
pub const ALL: [&[Client]; 2] = [ALIKE, MIXED];

macro_rules! clients {
    ($all:ident; $($test:ident: $script:literal on $client:ident, store on $store:ident, delivery on $delivery:ident;)*) => {
        const $all: &[Client] = &[$(
            Client { script: $script, topology: Topology { client: Engine::$client, store: Engine::$store, delivery: Engine::$delivery } },
        )*];
        $(
        #[test]
        fn $test() {
            let (client, store, delivery) = (Engine::$client, Engine::$store, Engine::$delivery);
            a_client($script, Topology { client, store, delivery });
        }
    )* };
    ($all:ident; $($test:ident: $script:literal on $engine:ident;)*) => {
        clients! { $all; $($test: $script on $engine, store on $engine, delivery on $engine;)* }
    };
}

clients! { ALIKE;
    psql_works: "shell/psql.sh" on Postgres;
    pgbench_works: "shell/pgbench.sh" on Postgres;
    psycopg_works: "python/psycopg_client.py" on Postgres;
    asyncpg_works: "python/asyncpg_client.py" on Postgres;
    pg8000_works: "python/pg8000_client.py" on Postgres;
    sqlalchemy_works_on_postgres: "python/sqlalchemy_pg_client.py" on Postgres;
    django_works_on_postgres: "python/django_pg_client.py" on Postgres;
    node_pg_works: "node/pg_client.js" on Postgres;
    postgres_js_works: "node/postgres_client.js" on Postgres;
    sequelize_works_on_postgres: "node/sequelize_pg_client.js" on Postgres;
    knex_works_on_postgres: "node/knex_pg_client.js" on Postgres;
    typeorm_works_on_postgres: "node/typeorm_pg_client.js" on Postgres;
    drizzle_works_on_postgres: "node/drizzle_pg_client.js" on Postgres;
    pgx_works: "go/pgx" on Postgres;
    lib_pq_works: "go/pq" on Postgres;
    gorm_works_on_postgres: "go/gorm-pg" on Postgres;
    pgjdbc_works: "java/PgJdbc.java" on Postgres;
    hibernate_works_on_postgres: "java/HibernatePg.java" on Postgres;
    php_pdo_works_on_postgres: "php/pdo_pgsql.php" on Postgres;
    ruby_pg_works: "ruby/pg.rb" on Postgres;
    the_mariadb_client_works: "shell/mariadb.sh" on Mariadb;
    sysbench_works: "shell/sysbench.sh" on Mariadb;
    pymysql_works_on_mariadb: "python/pymysql_client.py" on Mariadb;
    aiomysql_works_on_mariadb: "python/aiomysql_client.py" on Mariadb;
    mysqlclient_works_on_mariadb: "python/mysqlclient_client.py" on Mariadb;
    mysql_connector_python_works_on_mariadb: "python/mysqlconnector_client.py" on Mariadb;
    sqlalchemy_works_on_mariadb: "python/sqlalchemy_my_client.py" on Mariadb;
    django_works_on_mariadb: "python/django_my_client.py" on Mariadb;
    mysql2_works_on_mariadb: "node/mysql2_client.js" on Mariadb;
    the_mariadb_connector_for_node_works: "node/mariadb_client.js" on Mariadb;
    sequelize_works_on_mariadb: "node/sequelize_my_client.js" on Mariadb;
    knex_works_on_mariadb: "node/knex_my_client.js" on Mariadb;
    typeorm_works_on_mariadb: "node/typeorm_my_client.js" on Mariadb;
    drizzle_works_on_mariadb: "node/drizzle_my_client.js" on Mariadb;
    go_sql_driver_works_on_mariadb: "go/mysql" on Mariadb;
    gorm_works_on_mariadb: "go/gorm-my" on Mariadb;
    connector_j_works_on_mariadb: "java/ConnectorJ.java" on Mariadb;
    mariadb_connector_j_works: "java/MariadbJ.java" on Mariadb;
    hibernate_works_on_mariadb: "java/HibernateMy.java" on Mariadb;
    php_mysqli_works_on_mariadb: "php/mysqli.php" on Mariadb;
    php_pdo_works_on_mariadb: "php/pdo_mysql.php" on Mariadb;
    ruby_mysql2_works_on_mariadb: "ruby/mysql2.rb" on Mariadb;
    active_record_works_on_mariadb: "ruby/active_record_my.rb" on Mariadb;
    pymysql_works_on_mysql: "python/pymysql_client.py" on Mysql;
    mysql_connector_python_works_on_mysql: "python/mysqlconnector_client.py" on Mysql;
    sqlalchemy_works_on_mysql: "python/sqlalchemy_my_client.py" on Mysql;
    django_works_on_mysql: "python/django_my_client.py" on Mysql;
    mysql2_works_on_mysql: "node/mysql2_client.js" on Mysql;
    go_sql_driver_works_on_mysql: "go/mysql" on Mysql;
    connector_j_works_on_mysql: "java/ConnectorJ.java" on Mysql;
    php_mysqli_works_on_mysql: "php/mysqli.php" on Mysql;
}

// The same scripts, unchanged, with one service on the other engine.
clients! { MIXED;
    psql_works_over_both: "shell/psql.sh" on Postgres, store on Postgres, delivery on Mariadb;
    pgbench_works_over_both: "shell/pgbench.sh" on Postgres, store on Postgres, delivery on Mariadb;
    psycopg_works_over_postgres_and_mariadb: "python/psycopg_client.py" on Postgres, store on Postgres, delivery on Mariadb;
    psycopg_works_over_postgres_and_mysql: "python/psycopg_client.py" on Postgres, store on Postgres, delivery on Mysql;
    asyncpg_works_over_postgres_and_mariadb: "python/asyncpg_client.py" on Postgres, store on Postgres, delivery on Mariadb;
    asyncpg_works_over_postgres_and_mysql: "python/asyncpg_client.py" on Postgres, store on Postgres, delivery on Mysql;
    pg8000_works_over_both: "python/pg8000_client.py" on Postgres, store on Postgres, delivery on Mariadb;
    sqlalchemy_works_over_postgres_and_mariadb: "python/sqlalchemy_pg_client.py" on Postgres, store on Postgres, delivery on Mariadb;
    sqlalchemy_works_over_postgres_and_mysql: "python/sqlalchemy_pg_client.py" on Postgres, store on Postgres, delivery on Mysql;
    django_works_over_postgres_and_mariadb: "python/django_pg_client.py" on Postgres, store on Postgres, delivery on Mariadb;
    node_pg_works_over_both: "node/pg_client.js" on Postgres, store on Postgres, delivery on Mariadb;
    postgres_js_works_over_both: "node/postgres_client.js" on Postgres, store on Postgres, delivery on Mariadb;
    sequelize_works_over_postgres_and_mariadb: "node/sequelize_pg_client.js" on Postgres, store on Postgres, delivery on Mariadb;
    pgx_works_over_both: "go/pgx" on Postgres, store on Postgres, delivery on Mariadb;
    pgjdbc_works_over_both: "java/PgJdbc.java" on Postgres, store on Postgres, delivery on Mariadb;
    hibernate_works_over_postgres_and_mariadb: "java/HibernatePg.java" on Postgres, store on Postgres, delivery on Mariadb;
    php_pdo_works_over_postgres_and_mariadb: "php/pdo_pgsql.php" on Postgres, store on Postgres, delivery on Mariadb;
    ruby_pg_works_over_both: "ruby/pg.rb" on Postgres, store on Postgres, delivery on Mariadb;
    the_mariadb_client_works_over_both: "shell/mariadb.sh" on Mariadb, store on Postgres, delivery on Mariadb;
    pymysql_works_over_mariadb_and_postgres: "python/pymysql_client.py" on Mariadb, store on Postgres, delivery on Mariadb;
    pymysql_works_over_mysql_and_postgres: "python/pymysql_client.py" on Mysql, store on Postgres, delivery on Mysql;
    aiomysql_works_over_mariadb_and_postgres: "python/aiomysql_client.py" on Mariadb, store on Postgres, delivery on Mariadb;
    mysqlclient_works_over_mariadb_and_postgres: "python/mysqlclient_client.py" on Mariadb, store on Postgres, delivery on Mariadb;
    mysql_connector_python_works_over_mariadb_and_postgres: "python/mysqlconnector_client.py" on Mariadb, store on Postgres, delivery on Mariadb;
    sqlalchemy_works_over_mariadb_and_postgres: "python/sqlalchemy_my_client.py" on Mariadb, store on Postgres, delivery on Mariadb;
    sqlalchemy_works_over_mysql_and_postgres: "python/sqlalchemy_my_client.py" on Mysql, store on Postgres, delivery on Mysql;
    django_works_over_mariadb_and_postgres: "python/django_my_client.py" on Mariadb, store on Postgres, delivery on Mariadb;
    mysql2_works_over_mariadb_and_postgres: "node/mysql2_client.js" on Mariadb, store on Postgres, delivery on Mariadb;
    mysql2_works_over_mysql_and_postgres: "node/mysql2_client.js" on Mysql, store on Postgres, delivery on Mysql;
    the_mariadb_connector_for_node_works_over_both: "node/mariadb_client.js" on Mariadb, store on Postgres, delivery on Mariadb;
    go_sql_driver_works_over_mariadb_and_postgres: "go/mysql" on Mariadb, store on Postgres, delivery on Mariadb;
    connector_j_works_over_mariadb_and_postgres: "java/ConnectorJ.java" on Mariadb, store on Postgres, delivery on Mariadb;
    connector_j_works_over_mysql_and_postgres: "java/ConnectorJ.java" on Mysql, store on Postgres, delivery on Mysql;
    mariadb_connector_j_works_over_both: "java/MariadbJ.java" on Mariadb, store on Postgres, delivery on Mariadb;
    php_mysqli_works_over_mariadb_and_postgres: "php/mysqli.php" on Mariadb, store on Postgres, delivery on Mariadb;
    ruby_mysql2_works_over_mariadb_and_postgres: "ruby/mysql2.rb" on Mariadb, store on Postgres, delivery on Mariadb;
    active_record_works_over_mariadb_and_postgres: "ruby/active_record_my.rb" on Mariadb, store on Postgres, delivery on Mariadb;
}

#[test]
fn a_wrong_password_and_a_wrong_database_are_told_apart() {
    for (engine, wrong_password, wrong_database) in
        [(Engine::Postgres, "28P01", "3D000"), (Engine::Mariadb, "28000", "42000")]
    {
        on(engine, "a_wrong_password", |engine| async move {
            let stand = Stand::start(engine).await;
            let good = stand.handfast.url(stand.shop.dialect());
            for (url, state) in [
                (good.replace("app:app", "app:no"), wrong_password),
                (good.replace("/shop", "/nowhere"), wrong_database),
            ] {
                let error = handfast::testbed::Direct::connect(&url).await.expect_err("it must be refused");
                assert_eq!(error.state.as_deref(), Some(state), "{url}: {error}");
            }
            let nobody = match stand.shop.dialect() {
                Dialect::Postgres => format!("postgres://app:app@127.0.0.1:{}/shop", bed().free_port()),
                Dialect::Mysql => format!("mysql://app:app@127.0.0.1:{}/shop", bed().free_port()),
            };
            assert!(!handfast::testbed::Direct::connect(&nobody).await.expect_err("nobody listens there").is_answer());
            let mut client = stand.client().await;
            client.run("BEGIN").await.unwrap();
            client.run_all(&Order::numbered(1).statements()).await.unwrap();
            client.run("COMMIT").await.unwrap();
        });
    }
}

#[test]
fn lastval_is_asked_of_the_backend_that_made_the_key() {
    let alone = Topology { client: Engine::Postgres, store: Engine::Postgres, delivery: Engine::Postgres };
    on(Engine::Postgres, "lastval", |_| async move {
        let stand = alone.stand().await;
        let mut client = stand.client().await;
        let keyed = "(id serial PRIMARY KEY, n int)";
        client.run(&format!("CREATE TABLE visits {keyed}")).await.unwrap();
        client.run(&format!("CREATE TABLE desk {keyed}")).await.unwrap();
        for (key, table) in [(1, "visits"), (1, "desk"), (2, "desk"), (2, "visits"), (3, "desk")] {
            client.run(&format!("INSERT INTO {table} (n) VALUES (7)")).await.unwrap();
            assert_eq!(client.number("SELECT lastval()").await.unwrap(), key, "{table}");
        }
        client
            .run_all(&["BEGIN", "INSERT INTO visits (n) VALUES (1)", "UPDATE counters SET n = 1 WHERE id = 1"])
            .await
            .unwrap();
        assert_eq!(client.number("SELECT LASTVAL()").await.unwrap(), 3);
        client.run("COMMIT").await.unwrap();
    });
}
