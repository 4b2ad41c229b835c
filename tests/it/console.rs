//! The SQL console: every client reads its tables, an operator sees what is in doubt, pauses and kills; nobody else gets in.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use handfast::base::{Dialect, Engine, clock};
use handfast::testbed::{Direct, Handfast, Order, Server, Shop, available};

use crate::bed::{SETTLE_MAX, Stand, bed, binary, on, on_every_engine, own_servers, servers, skip, unique_name, until};
use crate::clients::drivers;

on_every_engine! {
    what_is_in_doubt_is_seen_and_explained_in_the_console;
    a_paused_backend_s_statements_wait_and_those_that_run_finish;
    the_configuration_is_read_again_and_its_changes_are_told;
    a_killed_client_s_transaction_is_rolled_back;
    who_is_no_operator_is_refused;
    a_client_learns_what_became_of_its_transactions;
}

/// A shop whose user may open the console.
async fn stand(store: &Arc<Server>, delivery: &Arc<Server>, more: &str) -> Stand {
    let shop = Shop::create(bed(), store, delivery, &unique_name()).await.unwrap();
    let other = "[[users]]\nname = \"other\"\npassword = \"app\"\n\n[backends.store]";
    let config = shop.config_with(&format!("users = [\"app\"]\n{more}")).replace("[backends.store]", other);
    let handfast = Handfast::with_config(binary(), &shop, &config).unwrap();
    Stand { shop: Arc::new(shop), handfast: Arc::new(handfast) }
}

/// A stand on the engine's shared servers, started.
async fn started(engine: Engine, more: &str) -> Stand {
    let (store, delivery) = servers(engine);
    let stand = stand(&store, &delivery, more).await;
    stand.handfast.start().unwrap();
    stand
}

/// The console's URL for a user.
fn url(stand: &Stand, user: &str) -> String {
    let dialect = stand.shop.dialect();
    let scheme = if dialect == Dialect::Postgres { "postgres" } else { "mysql" };
    format!("{scheme}://{user}:app@127.0.0.1:{}/handfast", stand.handfast.port(dialect))
}

async fn console(stand: &Stand) -> Direct {
    Direct::connect(&url(stand, "app")).await.unwrap()
}

async fn what_is_in_doubt_is_seen_and_explained_in_the_console(engine: Engine) {
    let (store, delivery) = own_servers(engine, "console");
    let stand = stand(&store, &delivery, "").await;
    stand.start_to_die("after-decision");
    let mut client = stand.client().await;
    client.run("BEGIN").await.unwrap();
    client.run_all(&Order::numbered(1).statements()).await.unwrap();
    client.run("COMMIT").await.expect_err("it dies");
    stand.handfast.wait_exit(SETTLE_MAX).expect("it died");
    delivery.stop();
    stand.handfast.start().unwrap();
    let mut console = console(&stand).await;
    let mut name = String::new();
    let deadline = clock::now() + SETTLE_MAX;
    while name.is_empty() {
        assert!(clock::now() < deadline, "{}", stand.handfast.log_tail());
        let found = console.run("SELECT name FROM transactions WHERE state = 'in_doubt'").await.unwrap();
        name = found.first().unwrap_or_default().to_owned();
    }
    let mut ask = async |sql: &str| console.run(sql).await.unwrap().first().unwrap_or_default().to_owned();
    assert!(name.starts_with("hf1."), "{name}");
    assert_eq!(ask("SELECT decision FROM transactions WHERE state = 'in_doubt'").await, "commit");
    let why = ask("SELECT why FROM transactions WHERE state = 'in_doubt'").await;
    assert!(why.contains("delivery"), "{why}");
    let by_hand =
        ask(&format!("SELECT by_hand FROM branches WHERE transaction = '{name}' AND backend = 'delivery'")).await;
    assert!(by_hand.contains("COMMIT") && by_hand.contains(&name), "{by_hand}");
    assert_eq!(ask("SELECT in_doubt FROM status").await, "1");
    assert_eq!(ask("SELECT count(*) FROM transactions WHERE age > 0 AND state = 'in_doubt'").await, "1");
    // The application that asks for it hears the same.
    let mut client = stand.client().await;
    let told = client.run(&format!("SHOW handfast.transaction '{name}'")).await.unwrap();
    assert_eq!(told.rows[0][1].as_deref(), Some("in doubt"), "{told:?}");
    delivery.restart().unwrap();
    stand.settled().await;
    let deadline = clock::now() + SETTLE_MAX;
    while ask("SELECT in_doubt FROM status").await != "0" {
        assert!(clock::now() < deadline, "{}", stand.handfast.log_tail());
    }
    assert_eq!(ask(&format!("SELECT state FROM transactions WHERE name = '{name}'")).await, "committed");
    let told = client.run(&format!("SHOW handfast.transaction '{name}'")).await.unwrap();
    assert_eq!(told.rows[0][1].as_deref(), Some("committed"), "{told:?}");
    assert_eq!(stand.sides(1).await, (1, 1));
}

async fn a_paused_backend_s_statements_wait_and_those_that_run_finish(engine: Engine) {
    let stand = started(engine, "[pool]\nacquire_timeout = \"5s\"\n").await;
    let mut console = console(&stand).await;
    let (mut open, mut late) = (stand.client().await, stand.client().await);
    open.run("BEGIN").await.unwrap();
    open.run_all(&Order::numbered(1).statements()).await.unwrap();
    late.run("SELECT 1").await.unwrap();
    console.run("PAUSE delivery").await.unwrap();
    // Who is on it may end what he has begun.
    open.run("SELECT count(*) FROM agents").await.unwrap();
    open.run("COMMIT").await.unwrap();
    let error = late.run("SELECT count(*) FROM agents").await.unwrap_err();
    assert!(error.to_string().contains("paused"), "{error}");
    late.run("SELECT count(*) FROM orders").await.expect("the other backend is not paused");
    let mut waiting = tokio::task::JoinSet::new();
    let bound = Duration::from_millis(100);
    waiting.spawn(async move {
        late.run("SELECT count(*) FROM agents").await.unwrap();
        clock::now()
    });
    assert!(tokio::time::timeout(bound, waiting.join_next()).await.is_err(), "it waits");
    let resumed = clock::now();
    console.run("RESUME delivery").await.unwrap();
    let done = waiting.join_next().await.unwrap().unwrap();
    assert!(done >= resumed);
    assert_eq!(stand.sides(1).await, (1, 1));
}

async fn the_configuration_is_read_again_and_its_changes_are_told(engine: Engine) {
    let stand = started(engine, "").await;
    let mut console = console(&stand).await;
    assert_eq!(console.run("RELOAD").await.unwrap().rows, Vec::<Vec<Option<String>>>::new(), "nothing has changed");
    let path = stand.handfast.config();
    let config = std::fs::read_to_string(path).unwrap();
    std::fs::write(path, format!("{config}\n[pool]\nsize = 7\n")).unwrap();
    let told = console.run("RELOAD").await.unwrap();
    assert_eq!(told.rows[0][0].as_deref(), Some("pool.size"), "{told:?}");
    assert_eq!(told.rows[0][2..], [Some("7".to_owned()), Some("now".to_owned())], "{told:?}");
    let shown = console.run("SELECT value FROM config WHERE key = 'pool.size'").await.unwrap();
    assert_eq!(shown.rows[0][0].as_deref(), Some("7"), "the console shows what holds now: {shown:?}");
    std::fs::write(path, format!("{config}\n[poll]\nsize = 7\n")).unwrap();
    let error = console.run("RELOAD").await.unwrap_err();
    assert!(error.message.contains("poll"), "{error}");
}

async fn a_killed_client_s_transaction_is_rolled_back(engine: Engine) {
    let stand = started(engine, "").await;
    let mut console = console(&stand).await;
    let mut client = stand.client().await;
    client.run("BEGIN").await.unwrap();
    client.run_all(&Order::numbered(1).statements()).await.unwrap();
    let id = console.run("SELECT max(id) FROM clients").await.unwrap().first().unwrap().to_owned();
    console.run(&format!("KILL {id}")).await.unwrap();
    client.run("COMMIT").await.expect_err("it was killed");
    until("it has left", SETTLE_MAX, || async {
        let mut console = Direct::connect(&url(&stand, "app")).await.unwrap();
        let left = console.run(&format!("SELECT count(*) FROM clients WHERE id = {id}")).await.unwrap();
        left.first() == Some("0")
    })
    .await;
    assert_eq!(stand.sides(1).await, (0, 0));
    console.run(&format!("KILL {id}")).await.expect_err("it is gone");
}

async fn who_is_no_operator_is_refused(engine: Engine) {
    let stand = started(engine, "").await;
    let error = Direct::connect(&url(&stand, "other")).await.expect_err("he is no operator").to_string();
    assert!(error.contains("may not open the console"), "{error}");
    let wrong = url(&stand, "app").replace("app:app", "app:wrong");
    assert!(Direct::connect(&wrong).await.is_err(), "a wrong password");
    // Applications are as ever.
    stand.client().await.run("SELECT 1").await.unwrap();
}

async fn a_client_learns_what_became_of_its_transactions(engine: Engine) {
    let stand = started(engine, "").await;
    let mut client = stand.client().await;
    assert_eq!(client.run("SHOW handfast.last_transaction").await.unwrap().rows.len(), 0);
    client.run("BEGIN").await.unwrap();
    client.run_all(&Order::numbered(1).statements()).await.unwrap();
    client.run("COMMIT").await.unwrap();
    let last = client.run("SHOW handfast.last_transaction").await.unwrap();
    let name = last.rows[0][0].clone().unwrap();
    assert_eq!(last.rows[0][1].as_deref(), Some("committed"), "{last:?}");
    let mut other = stand.client().await;
    let told = other.run(&format!("show HANDFAST.transaction '{name}' ;")).await.unwrap();
    assert_eq!(told.rows[0][1].as_deref(), Some("committed"), "{told:?}");
    client.run("BEGIN").await.unwrap();
    client.run_all(&Order::numbered(2).statements()).await.unwrap();
    client.run("ROLLBACK").await.unwrap();
    let last = client.run("SHOW handfast.last_transaction").await.unwrap();
    assert_eq!(last.rows[0][1].as_deref(), Some("rolled back"), "{last:?}");
    let told = other.run("SHOW handfast.transaction 'nonsense'").await.unwrap();
    assert_eq!(told.rows[0][1].as_deref(), Some("unknown name"), "{told:?}");
    // What merely looks similar is the server's to refuse.
    other.run("SHOW handfast.transactions").await.expect_err("the server does not know it");
}

/// Both listeners at once.
async fn both(engine: Engine) -> Stand {
    let (store, delivery) = (servers(Engine::Postgres).0, servers(engine).1);
    let stand = stand(&store, &delivery, "").await;
    stand.handfast.start().unwrap();
    stand
}

/// A test over PostgreSQL and MariaDB, with both listeners.
fn on_both(name: &str, check: impl FnOnce(&Stand)) {
    if !available(Engine::Mariadb) {
        return skip(&format!("{name} (MariaDB is not installed here)"));
    }
    on(Engine::Postgres, name, async |_| check(&both(Engine::Mariadb).await));
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

/// Runs it to its end, which must be a good one.
fn good(command: &mut Command, stand: &Stand) -> String {
    let output = command.env("PYTHONDONTWRITEBYTECODE", "1").output().unwrap();
    assert!(output.status.success(), "{command:?}: {}\n{}", said(&output), stand.handfast.log_tail());
    said(&output)
}

fn script(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/console").join(name)
}

#[test]
fn psql_reads_the_console() {
    on_both("psql_reads_the_console", |stand| {
        let port = stand.handfast.port(Dialect::Postgres).to_string();
        let psql = |arguments: &[&str]| {
            let mut command = Command::new("timeout");
            command.args(["60", "psql", "-X", "-h", "127.0.0.1", "-p", &port, "-U", "app", "-d", "handfast"]);
            good(command.args(["-v", "ON_ERROR_STOP=1"]).args(arguments).env("PGPASSWORD", "app"), stand)
        };
        assert!(psql(&["-c", "SHOW STATUS"]).contains("All whole"));
        assert!(psql(&["-c", "\\d"]).contains("transactions"));
        let described = psql(&["-c", "\\d transactions"]);
        assert!(described.contains("age") && described.contains("interval"), "{described}");
        assert!(psql(&["-c", "\\l"]).contains("handfast"));
        assert!(psql(&["-c", "SHOW HELP"]).contains("RESOLVE"));
        assert!(psql(&["-c", "SHOW VERSION"]).contains("Handfast"));
        assert!(psql(&["-Atc", "SELECT name FROM backends ORDER BY 1"]).starts_with("delivery\nstore\n"));
        let expanded =
            psql(&["-c", "BEGIN; SELECT 1; COMMIT", "-c", "SELECT backend FROM tables WHERE pattern = 'agents'"]);
        assert!(expanded.contains("delivery"), "{expanded}");
    });
}

#[test]
fn the_mariadb_client_reads_the_console() {
    on_both("the_mariadb_client_reads_the_console", |stand| {
        let port = stand.handfast.port(Dialect::Mysql).to_string();
        let mariadb = |sql: &str| {
            let mut command = Command::new("timeout");
            command.args(["60", "mariadb", "-h", "127.0.0.1", "-P", &port, "-uapp", "-papp", "handfast", "-e", sql]);
            good(&mut command, stand)
        };
        assert!(mariadb("SHOW TABLES").contains("transactions"));
        assert!(mariadb("SHOW STATUS").contains("All whole"));
        assert!(mariadb("DESCRIBE branches; SELECT name FROM backends").contains("by_hand"));
        assert!(mariadb("status").contains("Handfast") || mariadb("SELECT @@version_comment").contains("Handfast"));
        assert!(mariadb("SHOW BACKENDS\\G").contains("dialect"));
    });
}

#[test]
fn drivers_read_the_console() {
    let python = drivers().join("python/bin/python3");
    if !python.is_file() {
        return skip("drivers_read_the_console (no Python drivers here)");
    }
    on_both("drivers_read_the_console", |stand| {
        for (name, dialect) in [("reads_postgres.py", Dialect::Postgres), ("reads_mysql.py", Dialect::Mysql)] {
            let port = stand.handfast.port(dialect).to_string();
            let told = good(Command::new("timeout").arg("100").arg(&python).arg(script(name)).arg(port), stand);
            assert!(told.ends_with("done\n"), "{told}");
        }
    });
}

#[test]
fn jdbc_reads_the_console() {
    let jars = drivers().join("java/lib");
    let java = Command::new("javac").arg("-version").output().is_ok_and(|output| output.status.success());
    if !jars.is_dir() || !java {
        return skip("jdbc_reads_the_console (no Java drivers here)");
    }
    on_both("jdbc_reads_the_console", |stand| {
        let (pg, my) = (stand.handfast.port(Dialect::Postgres), stand.handfast.port(Dialect::Mysql));
        let mut command = Command::new("timeout");
        command.args(["100", "java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m", "-cp"]);
        command.arg(format!("{}/*", jars.display())).arg(script("Console.java"));
        command.arg(format!("jdbc:postgresql://127.0.0.1:{pg}/handfast?sslmode=disable"));
        command.arg(format!("jdbc:mysql://127.0.0.1:{my}/handfast?sslMode=DISABLED"));
        command.arg(format!("jdbc:mysql://127.0.0.1:{my}/handfast?sslMode=DISABLED&useServerPrepStmts=true"));
        assert!(good(&mut command, stand).ends_with("done\n"));
    });
}
