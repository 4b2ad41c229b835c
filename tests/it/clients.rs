//! Real clients, one script each (`tests/clients`): the same script runs against one plain server that holds all tables and
//! against Handfast over two. Then COMMIT is killed in the middle under each of them.

use std::path::PathBuf;
use std::process::{Command, Output};

use handfast::base::{Dialect, Engine};
use handfast::testbed::{Order, free_port};

use crate::bed::{Stand, on, servers, skip};

struct Script {
    program: PathBuf,
    arguments: Vec<PathBuf>,
    node_path: Option<PathBuf>,
}

fn scripts() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

/// Where `tests/setup/clients.sh` put the drivers.
fn drivers() -> PathBuf {
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

fn a_client(name: &'static str, engine: Engine) {
    let Some(script) = script(name) else { return skip(&format!("{name} on {engine:?}: the client is not installed")) };
    on(engine, name, |engine| async move {
        // The same against a plain server: what is wrong there is the script's fault.
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

        let stand = Stand::start(engine).await;
        let port = stand.handfast.port(stand.shop.dialect());
        let output = script.run(port, "shop", "all", 100).await;
        assert_steps(name, "Handfast", &output, &STEPS, &stand.handfast.log_tail());
        let orders = stand.store("SELECT COUNT(*) FROM orders").await;
        assert_eq!(orders, stand.delivery("SELECT COUNT(*) FROM assignments").await);
        assert!(stand.handfast.is_running());
        if !matches!(name, "pgbench.sh" | "sysbench.sh") {
            for (point, order, there) in
                [("after-prepare", 200, 0), ("after-decision", 201, 1), ("before-reply", 202, 1)]
            {
                stand.start_to_die(point);
                let output = script.run(port, "shop", "kill", order).await;
                assert_steps(name, point, &output, &["ok killed"], &stand.handfast.log_tail());
                stand.handfast.start().unwrap();
                stand.settled().await;
                assert_eq!(stand.sides(order).await, (there, there), "{name}: {point}");
            }
        }
    });
}

macro_rules! clients {
    ($($test:ident: $script:literal on $engine:ident;)*) => { $(
        #[test]
        fn $test() {
            a_client($script, Engine::$engine);
        }
    )* };
}

clients! {
    psql_works: "psql.sh" on Postgres;
    psycopg_works: "psycopg_client.py" on Postgres;
    asyncpg_works: "asyncpg_client.py" on Postgres;
    node_pg_works: "pg_client.js" on Postgres;
    pgbench_works: "pgbench.sh" on Postgres;
    the_mariadb_client_works: "mariadb.sh" on Mariadb;
    pymysql_works_on_mariadb: "pymysql_client.py" on Mariadb;
    mysql2_works_on_mariadb: "mysql2_client.js" on Mariadb;
    go_sql_driver_works_on_mariadb: "go-mysql" on Mariadb;
    sysbench_works: "sysbench.sh" on Mariadb;
    pymysql_works_on_mysql: "pymysql_client.py" on Mysql;
    mysql2_works_on_mysql: "mysql2_client.js" on Mysql;
    go_sql_driver_works_on_mysql: "go-mysql" on Mysql;
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
                Dialect::Postgres => format!("postgres://app:app@127.0.0.1:{}/shop", free_port()),
                Dialect::Mysql => format!("mysql://app:app@127.0.0.1:{}/shop", free_port()),
            };
            assert!(!handfast::testbed::Direct::connect(&nobody).await.expect_err("nobody listens there").is_answer());
            let mut client = stand.client().await;
            client.run("BEGIN").await.unwrap();
            client.run_all(&Order::numbered(1).statements()).await.unwrap();
            client.run("COMMIT").await.unwrap();
        });
    }
}
