//! Real clients, one script each (`tests/clients`): the same script runs against one plain server that holds all tables and
//! against Handfast over two. Then COMMIT is killed in the middle under each of them.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;

use handfast::base::{Dialect, Engine};
use handfast::testbed::{Handfast, Order, Shop, available};

use crate::bed::{Stand, bed, binary, on, servers, skip, unique_name};

struct Script {
    program: PathBuf,
    arguments: Vec<PathBuf>,
    node_path: Option<PathBuf>,
}

fn scripts() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

/// Where `tests/setup/clients.sh` put the drivers.
pub fn drivers() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    target.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target")).join("clients")
}

/// How a script is run; `None`: its driver or program is not here.
fn script(name: &str) -> Option<Script> {
    let file = scripts().join(name);
    let found = |program: &str| {
        std::env::split_paths(&std::env::var_os("PATH")?).map(|f| f.join(program)).find(|f| f.is_file())
    };
    let (program, arguments, node_path) = if name.ends_with(".py") {
        (drivers().join("python/bin/python3"), vec![file], None)
    } else if name.ends_with(".js") {
        (found("node")?, vec![file], Some(drivers().join("node/node_modules")))
    } else if name.ends_with(".sh") {
        found(name.trim_end_matches(".sh"))?;
        (PathBuf::from("/bin/bash"), vec![file], None)
    } else {
        (drivers().join(name), vec![], None)
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
        let mut running = tokio::task::JoinSet::new();
        running.spawn_blocking(move || command.output().unwrap());
        running.join_next().await.unwrap().unwrap()
    }
}

const STEPS: [&str; 5] = ["ok connect", "ok one-backend", "ok two-backends", "ok rollback", "ok error-class"];

fn assert_steps(name: &str, against: &str, output: &Output, steps: &[&str], log: &str) {
    let stdout = String::from_utf8_lossy(&output.stdout);
    let said: Vec<&str> = stdout.lines().collect();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said == steps, "{name} against {against}: {said:?}\n{stderr}\n{log}");
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
        Stand { shop: Arc::new(shop), handfast: Arc::new(handfast) }
    }
}

/// The same against a plain server: what is wrong there is the script's fault.
async fn against_a_plain_server(script: &Script, name: &str, engine: Engine) {
    let (server, _) = servers(engine);
    let plain = Stand::over(&server, &server).await;
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
    assert_steps(name, "a plain server", &output, &STEPS, "");
}

fn a_client(name: &'static str, topology: Topology) {
    let Topology { client, store, delivery } = topology;
    let what = format!("{name} as a client of {client:?}, store on {store:?}, delivery on {delivery:?}");
    if !topology.is_here() {
        return skip(&what);
    }
    let Some(script) = script(name) else { return skip(&what) };
    on(client, name, |client| async move {
        if store == delivery {
            against_a_plain_server(&script, name, client).await;
        }
        let stand = topology.stand().await;
        let port = stand.handfast.port(client.dialect());
        let output = script.run(port, "shop", "all", 100).await;
        assert_steps(&what, "Handfast", &output, &STEPS, &stand.handfast.log_tail());
        let orders = stand.store("SELECT COUNT(*) FROM orders").await;
        assert_eq!(orders, stand.delivery("SELECT COUNT(*) FROM assignments").await);
        assert!(stand.handfast.is_running());
        if !matches!(name, "pgbench.sh" | "sysbench.sh") {
            for (point, order, there) in
                [("after-prepare", 200, 0), ("after-decision", 201, 1), ("before-reply", 202, 1)]
            {
                // SQLAlchemy looks at a PostgreSQL server in a transaction of its own first, and rolls it back.
                let looks_first = point == "before-reply" && name == "sqlalchemy_pg_client.py";
                stand.start_to_die(if looks_first { "before-reply:2" } else { point });
                let output = script.run(port, "shop", "kill", order).await;
                assert_steps(&what, point, &output, &["ok killed"], &stand.handfast.log_tail());
                stand.handfast.start().unwrap();
                stand.settled().await;
                assert_eq!(stand.sides(order).await, (there, there), "{what}: {point}");
            }
        }
    });
}

macro_rules! clients {
    ($($test:ident: $script:literal on $client:ident, store on $store:ident, delivery on $delivery:ident;)*) => { $(
        #[test]
        fn $test() {
            let (client, store, delivery) = (Engine::$client, Engine::$store, Engine::$delivery);
            a_client($script, Topology { client, store, delivery });
        }
    )* };
    ($($test:ident: $script:literal on $engine:ident;)*) => {
        clients! { $($test: $script on $engine, store on $engine, delivery on $engine;)* }
    };
}

clients! {
    psql_works: "psql.sh" on Postgres;
    psycopg_works: "psycopg_client.py" on Postgres;
    asyncpg_works: "asyncpg_client.py" on Postgres;
    sqlalchemy_works_on_postgres: "sqlalchemy_pg_client.py" on Postgres;
    node_pg_works: "pg_client.js" on Postgres;
    pgbench_works: "pgbench.sh" on Postgres;
    the_mariadb_client_works: "mariadb.sh" on Mariadb;
    pymysql_works_on_mariadb: "pymysql_client.py" on Mariadb;
    sqlalchemy_works_on_mariadb: "sqlalchemy_my_client.py" on Mariadb;
    mysql2_works_on_mariadb: "mysql2_client.js" on Mariadb;
    go_sql_driver_works_on_mariadb: "go-mysql" on Mariadb;
    sysbench_works: "sysbench.sh" on Mariadb;
    pymysql_works_on_mysql: "pymysql_client.py" on Mysql;
    sqlalchemy_works_on_mysql: "sqlalchemy_my_client.py" on Mysql;
    mysql2_works_on_mysql: "mysql2_client.js" on Mysql;
    go_sql_driver_works_on_mysql: "go-mysql" on Mysql;
}

// The same scripts, unchanged, with one service on the other engine.
clients! {
    psql_works_over_both: "psql.sh" on Postgres, store on Postgres, delivery on Mariadb;
    psycopg_works_over_postgres_and_mariadb: "psycopg_client.py" on Postgres, store on Postgres, delivery on Mariadb;
    psycopg_works_over_postgres_and_mysql: "psycopg_client.py" on Postgres, store on Postgres, delivery on Mysql;
    asyncpg_works_over_postgres_and_mariadb: "asyncpg_client.py" on Postgres, store on Postgres, delivery on Mariadb;
    asyncpg_works_over_postgres_and_mysql: "asyncpg_client.py" on Postgres, store on Postgres, delivery on Mysql;
    sqlalchemy_works_over_postgres_and_mariadb: "sqlalchemy_pg_client.py" on Postgres, store on Postgres, delivery on Mariadb;
    sqlalchemy_works_over_postgres_and_mysql: "sqlalchemy_pg_client.py" on Postgres, store on Postgres, delivery on Mysql;
    node_pg_works_over_both: "pg_client.js" on Postgres, store on Postgres, delivery on Mariadb;
    pgbench_works_over_both: "pgbench.sh" on Postgres, store on Postgres, delivery on Mariadb;
    the_mariadb_client_works_over_both: "mariadb.sh" on Mariadb, store on Postgres, delivery on Mariadb;
    pymysql_works_over_mariadb_and_postgres: "pymysql_client.py" on Mariadb, store on Postgres, delivery on Mariadb;
    pymysql_works_over_mysql_and_postgres: "pymysql_client.py" on Mysql, store on Postgres, delivery on Mysql;
    mysql2_works_over_mariadb_and_postgres: "mysql2_client.js" on Mariadb, store on Postgres, delivery on Mariadb;
    mysql2_works_over_mysql_and_postgres: "mysql2_client.js" on Mysql, store on Postgres, delivery on Mysql;
    sqlalchemy_works_over_mariadb_and_postgres: "sqlalchemy_my_client.py" on Mariadb, store on Postgres, delivery on Mariadb;
    sqlalchemy_works_over_mysql_and_postgres: "sqlalchemy_my_client.py" on Mysql, store on Postgres, delivery on Mysql;
    go_sql_driver_works_over_mariadb_and_postgres: "go-mysql" on Mariadb, store on Postgres, delivery on Mariadb;
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
