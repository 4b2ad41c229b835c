//! The databases' own tools, and migrations, cannot tell Handfast from the server: what they print is the same directly and
//! through Handfast, over one backend and over two; a dump through Handfast is the server's own, and restores.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use handfast::base::{Dialect, Engine};
use handfast::testbed::{Handfast, Shop};

use crate::bed::{Stand, bed, binary, on, own_servers, skip, unique_name};
use crate::clients::drivers;

/// Where a tool connects to.
#[derive(Clone)]
struct Place {
    engine: Engine,
    port: u16,
    database: String,
}

impl Place {
    /// A tool with what it needs to log in here; the database is the last argument of all of them.
    fn run(&self, program: &str, arguments: &[&str], input: &[u8]) -> String {
        let mut command = Command::new("timeout");
        command.args(["120", program]);
        match self.engine.dialect() {
            Dialect::Postgres => command.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "app"]),
            Dialect::Mysql => {
                command.args(["--no-defaults", "-h127.0.0.1", &format!("-P{}", self.port), "-uapp", "-papp"])
            }
        };
        command.args(arguments).arg(&self.database).env("PGPASSWORD", "app").env("LC_ALL", "C.UTF-8");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        // Whoever writes and does not read stops both; a tool may end before it has read all.
        let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        let text = [output.stdout, b"\n-- stderr\n".to_vec(), output.stderr].concat();
        format!("{}-- {:?}\n", String::from_utf8_lossy(&text), output.status.code())
    }
}

/// One server with the tools' tables, directly and through Handfast with one and with two backends.
struct Places {
    direct: Place,
    one: Place,
    two: Place,
    shop: Shop,
    _running: [Handfast; 2],
}

fn sql(file: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/tools").join(file)).unwrap()
}

fn installed(programs: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    programs.iter().all(|program| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

impl Places {
    async fn new(engine: Engine) -> Self {
        let (store, delivery) = own_servers(engine, &unique_name());
        let shop = Shop::create(bed(), &store, &delivery, &unique_name()).await.unwrap();
        // Tools ask catalogs for the name that they were given: clients know the home database by its own.
        let named = |config: &str| config.replace("\"shop\"", &format!("{:?}", shop.store.name));
        let rules = shop.config().replace("[tables]\n", "[tables]\n\"away_*\" = \"delivery\"\n");
        let two = Handfast::with_config(binary(), &shop, &named(&rules)).unwrap();
        two.start().unwrap();
        let dialect = engine.dialect();
        let database = &shop.store;
        if engine != Engine::Postgres {
            let mut root = database.direct().await.unwrap();
            root.run(&format!("ALTER DATABASE {} CHARACTER SET utf8mb4", database.name)).await.unwrap();
        }
        let place = |port, database: &str| Place { engine, port, database: database.to_owned() };
        let direct = place(store.port(), &database.name);
        // The same database as the only backend.
        let other = Shop::create(bed(), &store, &delivery, &unique_name()).await.unwrap();
        let text = other.config().replace(&other.store.url(), &database.url());
        let (before, rest) = text.split_once("[backends.delivery]").unwrap();
        let (_, after) = rest.split_once("[journal]").unwrap();
        let alone = Handfast::with_config(binary(), &other, &named(&format!("{before}[journal]{after}"))).unwrap();
        alone.start().unwrap();
        let places = [alone.port(dialect), two.port(dialect)].map(|port| place(port, &database.name));
        let [one, behind_two] = places;
        Self { direct, one, two: behind_two, shop, _running: [alone, two] }
    }
}

#[track_caller]
fn same(what: &str, direct: &str, through: &str) {
    let pairs = direct.lines().zip(through.lines());
    let differences: Vec<_> = pairs.enumerate().filter(|(_, (a, b))| a != b).take(10).collect();
    let lengths = (direct.lines().count(), through.lines().count());
    assert!(differences.is_empty() && lengths.0 == lengths.1, "{what}: {lengths:?}\n{differences:#?}");
}

/// Without what is made anew in each run.
fn lasting(text: &str) -> String {
    let random = ["\\restrict ", "\\unrestrict ", "-- Dump completed", "-- Host: ", "Asynchronous notification"];
    let mut lasting = String::with_capacity(text.len());
    for line in text.lines().filter(|line| !random.iter().any(|start| line.starts_with(start))) {
        // "(0.001 sec)"
        let timed = line.rfind(" (").filter(|_| line.ends_with(" sec)"));
        lasting.push_str(timed.map_or(line, |at| &line[..at]));
        lasting.push('\n');
    }
    lasting
}

#[test]
fn psql_prints_the_same_through_us() {
    if !installed(&["psql"]) {
        return skip("psql_prints_the_same_through_us (psql is not installed here)");
    }
    on(Engine::Postgres, "psql_prints_the_same_through_us", |engine| async move {
        let places = Places::new(engine).await;
        let made = places.direct.run("psql", &["-X", "-q", "-v", "ON_ERROR_STOP=1"], &sql("postgres.sql"));
        assert!(made.ends_with("Some(0)\n"), "{made}");
        let print = |place: &Place| lasting(&place.run("psql", &["-X", "-f", "-"], &sql("psql.sql")));
        let direct = print(&places.direct);
        assert!(direct.lines().count() > 1500, "{direct}");
        same("over one backend", &direct, &print(&places.one));
        same("over two", &direct, &print(&places.two));
    });
}

#[test]
fn a_postgres_database_is_dumped_and_restored_through_us() {
    if !installed(&["psql", "pg_dump", "pg_restore"]) {
        return skip("a_postgres_database_is_dumped_and_restored_through_us (pg_dump is not installed here)");
    }
    on(Engine::Postgres, "a_postgres_database_is_dumped_and_restored", |engine| async move {
        let places = Places::new(engine).await;
        let made = places.one.run("psql", &["-X", "-q", "-v", "ON_ERROR_STOP=1"], &sql("postgres.sql"));
        assert!(made.ends_with("Some(0)\n"), "{made}");
        let dump = |place: &Place, how: &[&str]| lasting(&place.run("pg_dump", how, b""));
        let before = dump(&places.direct, &[]);
        assert!(before.contains("COPY public.items") && before.ends_with("Some(0)\n"), "{before}");
        let archive = places.shop.folder().join("archive");
        let archive = archive.to_str().unwrap();
        for (what, place) in [("over one backend", &places.one), ("over two", &places.two)] {
            for how in
                [&[][..], &["--inserts"], &["--serializable-deferrable", "--schema-only"], &["--clean", "--if-exists"]]
            {
                same(&format!("{what}, pg_dump {how:?}"), &dump(&places.direct, how), &dump(place, how));
            }
            let directory = format!("{archive}-{}", place.port);
            let parallel = place.run("pg_dump", &["-Fd", "-j", "3", "-f", &directory], b"");
            assert!(parallel.ends_with("Some(0)\n"), "{parallel}");
            let plain = place.run("pg_dump", &["--clean", "--if-exists"], b"");
            let (plain, _) = plain.split_once("\n-- stderr").unwrap();
            for (how, restored) in [
                ("psql", place.run("psql", &["-X", "-q", "-v", "ON_ERROR_STOP=1"], plain.as_bytes())),
                ("psql -1", place.run("psql", &["-X", "-q", "-1", "-v", "ON_ERROR_STOP=1"], plain.as_bytes())),
                (
                    "pg_restore -j",
                    place.run("pg_restore", &["--clean", "--if-exists", "-j", "3", &directory, "-d"], b""),
                ),
                ("pg_restore -1", place.run("pg_restore", &["--clean", "--if-exists", "-1", &directory, "-d"], b"")),
            ] {
                assert!(restored.ends_with("Some(0)\n"), "{what}, {how}: {restored}");
                same(&format!("{what}, after {how}"), &before, &dump(&places.direct, &[]));
            }
        }
    });
}

#[test]
fn the_mariadb_client_shows_the_same_through_us() {
    if !installed(&["mariadb"]) {
        return skip("the_mariadb_client_shows_the_same_through_us (mariadb is not installed here)");
    }
    on(Engine::Mariadb, "the_mariadb_client_shows_the_same_through_us", |engine| async move {
        let places = Places::new(engine).await;
        let charset = "--default-character-set=utf8mb4";
        let made = places.direct.run("mariadb", &[charset], &sql("mariadb.sql"));
        assert!(made.ends_with("Some(0)\n"), "{made}");
        let print = |place: &Place| lasting(&place.run("mariadb", &["-vvv", "--force", charset], &sql("show.sql")));
        let direct = print(&places.direct);
        assert!(direct.lines().count() > 1000, "{direct}");
        same("over one backend", &direct, &print(&places.one));
        same("over two", &direct, &print(&places.two));
    });
}

#[test]
fn a_mariadb_database_is_dumped_and_restored_through_us() {
    if !installed(&["mariadb", "mariadb-dump"]) {
        return skip("a_mariadb_database_is_dumped_and_restored_through_us (mariadb-dump is not installed here)");
    }
    on(Engine::Mariadb, "a_mariadb_database_is_dumped_and_restored", |engine| async move {
        let places = Places::new(engine).await;
        let made = places.one.run("mariadb", &["--default-character-set=utf8mb4"], &sql("mariadb.sql"));
        assert!(made.ends_with("Some(0)\n"), "{made}");
        let dump = |place: &Place, how: &[&str]| lasting(&place.run("mariadb-dump", how, b""));
        let all = ["--single-transaction", "--routines", "--events", "--triggers", "--hex-blob"];
        let before = dump(&places.direct, &all);
        assert!(before.contains("INSERT INTO `items`") && before.ends_with("Some(0)\n"), "{before}");
        for (what, place) in [("over one backend", &places.one), ("over two", &places.two)] {
            for how in [
                &all[..],
                &[],
                &["--lock-all-tables"],
                &["--flush-logs"],
                &["--skip-opt"],
                &["--no-autocommit"],
                &["--xml"],
            ] {
                same(&format!("{what}, mariadb-dump {how:?}"), &dump(&places.direct, how), &dump(place, how));
            }
            for how in [
                &all[..],
                &[&all[..], &["--no-autocommit"]].concat(),
                &[&all[..], &["--skip-extended-insert", "--complete-insert"]].concat(),
            ] {
                let text = place.run("mariadb-dump", how, b"");
                let (text, _) = text.split_once("\n-- stderr").unwrap();
                let restored = place.run("mariadb", &["--default-character-set=utf8mb4"], text.as_bytes());
                assert!(restored.ends_with("Some(0)\n"), "{what}, {how:?}: {restored}");
                same(&format!("{what}, restored from {how:?}"), &before, &dump(&places.direct, &all));
            }
        }
    });
}

/// A migration tool's life, by a script that prints what it saw; with two backends, tables named `away_…` are on the other one.
fn migrates(engine: Engine, script: &'static str, module: &str, arguments: fn(&Place) -> Vec<String>) {
    let modules = drivers().join("node/node_modules");
    let (program, look) = if script.ends_with(".js") {
        (PathBuf::from("node"), ["-e", &format!("require('{module}')")].map(str::to_owned))
    } else {
        let look = ["-c".to_owned(), format!("import {module}, psycopg, pymysql")];
        (drivers().join("python/bin/python3"), look)
    };
    let here = Command::new(&program).args(look).env("NODE_PATH", &modules).output();
    if !here.is_ok_and(|output| output.status.success()) {
        return skip(&format!("{script} ({module} is not installed here)"));
    }
    on(engine, script, |engine| async move {
        let places = Places::new(engine).await;
        let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/tools").join(script);
        let story = |place: &Place| {
            let mut command = Command::new("timeout");
            command.arg("240").arg(&program).arg(&file).args(arguments(place));
            let output = command.env("PYTHONDONTWRITEBYTECODE", "1").env("NODE_PATH", &modules).output().unwrap();
            let text = [output.stdout, output.stderr].concat();
            let text = String::from_utf8_lossy(&text).into_owned();
            assert!(output.status.success() && text.contains("done"), "{script} at {}: {text}", place.port);
            // Scratch folders' names differ.
            text.lines().filter(|line| !line.contains("/tmp")).fold(String::new(), |text, line| text + line + "\n")
        };
        let direct = story(&places.direct);
        assert!(direct.lines().count() > 20, "{direct}");
        same("over one backend", &direct, &story(&places.one));
        same("over two", &direct, &story(&places.two));
    });
}

fn sqlalchemy_url(place: &Place) -> Vec<String> {
    let Place { engine, port, database } = place;
    let driver = if *engine == Engine::Postgres { "postgresql+psycopg" } else { "mysql+pymysql" };
    vec![format!("{driver}://app:app@127.0.0.1:{port}/{database}")]
}

fn django_place(place: &Place) -> Vec<String> {
    let Place { engine, port, database } = place;
    let engine = if *engine == Engine::Postgres { "postgresql" } else { "mysql" };
    vec![engine.to_owned(), port.to_string(), database.clone()]
}

#[test]
fn alembic_migrates_postgres_through_us() {
    migrates(Engine::Postgres, "alembic_migrates.py", "alembic", sqlalchemy_url);
}

#[test]
fn alembic_migrates_mariadb_through_us() {
    migrates(Engine::Mariadb, "alembic_migrates.py", "alembic", sqlalchemy_url);
}

fn knex_place(place: &Place) -> Vec<String> {
    let Place { engine, port, database } = place;
    let client = if *engine == Engine::Postgres { "pg" } else { "mysql2" };
    vec![client.to_owned(), port.to_string(), database.clone()]
}

#[test]
fn knex_migrates_postgres_through_us() {
    migrates(Engine::Postgres, "knex_migrates.js", "knex", knex_place);
}

#[test]
fn knex_migrates_mariadb_through_us() {
    migrates(Engine::Mariadb, "knex_migrates.js", "knex", knex_place);
}

#[test]
fn django_migrates_postgres_through_us() {
    migrates(Engine::Postgres, "django_migrates.py", "django", django_place);
}

#[test]
fn django_migrates_mariadb_through_us() {
    migrates(Engine::Mariadb, "django_migrates.py", "django", django_place);
}

#[test]
fn django_migrates_mysql_through_us() {
    migrates(Engine::Mysql, "django_migrates.py", "django", django_place);
}

#[test]
fn a_pooled_connection_knows_the_databases_character_set_of_now() {
    on(Engine::Mariadb, "a_pooled_connection_knows_the_databases_character_set", |engine| async move {
        let stand = Stand::start(engine).await;
        stand.client().await.close().await;
        let mut root = stand.shop.store.direct().await.unwrap();
        for collation in ["utf8mb4_bin", "latin1_swedish_ci"] {
            root.run(&format!("ALTER DATABASE {} COLLATE {collation}", stand.shop.store.name)).await.unwrap();
            let mut client = stand.client().await;
            let told = client.run("SELECT @@collation_database").await.unwrap();
            assert_eq!(told.first(), Some(collation));
            client.close().await;
        }
    });
}

#[test]
fn a_clients_own_two_phase_commit_works_on_its_home_backend() {
    on(Engine::Postgres, "a_clients_own_two_phase_commit_works_on_its_home_backend", |engine| async move {
        let stand = Stand::start(engine).await;
        let mut client = stand.client().await;
        let unknown = client.run("COMMIT PREPARED 'mine'").await.expect_err("there is none");
        assert_eq!(unknown.state.as_deref(), Some("42704"), "{unknown}");
        for (end, there) in [("COMMIT", 1), ("ROLLBACK", 0)] {
            client.run("BEGIN").await.unwrap();
            client.run(&format!("INSERT INTO counters VALUES ({}, 0)", 100 + there)).await.unwrap();
            client.run("PREPARE TRANSACTION 'mine'").await.unwrap();
            assert_eq!(
                client.number(&format!("SELECT COUNT(*) FROM counters WHERE id = {}", 100 + there)).await.unwrap(),
                0
            );
            client.run(&format!("{end} PREPARED 'mine'")).await.unwrap();
            assert_eq!(stand.store(&format!("SELECT COUNT(*) FROM counters WHERE id = {}", 100 + there)).await, there);
        }
        // The other backend's part would be left out.
        client.run("BEGIN").await.unwrap();
        client.run("INSERT INTO counters VALUES (102, 0)").await.unwrap();
        client.run("INSERT INTO tallies VALUES (102, 0)").await.unwrap();
        let refused = client.run("PREPARE TRANSACTION 'mine'").await.expect_err("two backends");
        assert_eq!(refused.state.as_deref(), Some("0A000"), "{refused}");
        client.run("ROLLBACK").await.unwrap();
        assert_eq!(stand.store("SELECT COUNT(*) FROM counters WHERE id = 102").await, 0);
        assert_eq!(stand.delivery("SELECT COUNT(*) FROM tallies WHERE id = 102").await, 0);
        assert_eq!(stand.store("SELECT COUNT(*) FROM pg_prepared_xacts WHERE gid = 'mine'").await, 0);
    });
}
