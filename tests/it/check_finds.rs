//! `handfast check` finds each problem that was planted on real servers, by its name, and nothing on a healthy pair.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};

use handfast::base::Engine;
use handfast::testbed::{Direct, Server, available};
use serde_json::Value;

use crate::bed::{bed, binary, runtime, skip, unique_name};

/// A PostgreSQL and a MariaDB, alike in their time zones.
pub fn pair() -> Option<(Arc<Server>, Arc<Server>)> {
    static PAIR: OnceLock<(Arc<Server>, Arc<Server>)> = OnceLock::new();
    if !available(Engine::Postgres) || !available(Engine::Mariadb) {
        return None;
    }
    let start = || {
        let postgres = Server::start_with(bed(), Engine::Postgres, "alike-postgres", &["-c", "timezone=UTC"]).unwrap();
        let mariadb = Server::start_with(bed(), Engine::Mariadb, "alike-mariadb", &["--default-time-zone=+00:00"]);
        (Arc::new(postgres), Arc::new(mariadb.unwrap()))
    };
    Some(PAIR.get_or_init(start).clone())
}

/// Two databases with some tables, and a healthy configuration over them.
pub struct Two {
    pub name: String,
    pub store: Arc<Server>,
    pub delivery: Arc<Server>,
    pub folder: PathBuf,
}

impl Two {
    pub async fn new(store: &Arc<Server>, delivery: &Arc<Server>) -> Self {
        let name = unique_name();
        let folder = bed().folder().join(format!("two-{name}"));
        std::fs::create_dir_all(&folder).unwrap();
        let (store, delivery) = (Arc::clone(store), Arc::clone(delivery));
        let two = Self { name, store, delivery, folder };
        for (server, database) in [(&two.store, two.store_name()), (&two.delivery, two.delivery_name())] {
            let (home, more) = match server.engine() {
                Engine::Postgres => ("postgres", " OWNER app"),
                Engine::Mariadb | Engine::Mysql => ("", " CHARACTER SET utf8mb4"),
            };
            root(server, home, &[&format!("CREATE DATABASE {database}{more}")]).await;
        }
        two.app(
            &two.store,
            &two.store_name(),
            &[
                "CREATE TABLE items (sku varchar(40) PRIMARY KEY, reserved_for bigint)",
                "CREATE TABLE orders (id bigint PRIMARY KEY, sku varchar(40) NOT NULL)",
                "INSERT INTO items (sku) VALUES ('lamp'), ('chair')",
            ],
        )
        .await;
        two.app(
            &two.delivery,
            &two.delivery_name(),
            &[
                "CREATE TABLE agents (name varchar(40) PRIMARY KEY, order_id bigint)",
                "INSERT INTO agents (name) VALUES ('Ann'), ('Ben')",
            ],
        )
        .await;
        two
    }

    pub fn store_name(&self) -> String {
        format!("{}_store", self.name)
    }

    pub fn delivery_name(&self) -> String {
        format!("{}_delivery", self.name)
    }

    async fn app(&self, server: &Server, database: &str, sql: &[&str]) {
        run(&server.url(database), sql).await;
    }

    async fn on_store(&self, sql: &str) {
        root(&self.store, &self.store_name(), &[sql]).await;
    }

    async fn on_delivery(&self, sql: &str) {
        root(&self.delivery, &self.delivery_name(), &[sql]).await;
    }

    /// The configuration, with replacements.
    fn config(&self, changes: &[(&str, &str)]) -> String {
        let both = self.store.engine().dialect() != self.delivery.engine().dialect();
        let mut text = format!(
            "[node]\ncluster = \"{name}\"\n\n[listen]\npostgres = \"127.0.0.1:{pg}\"\n{mysql}database = \"shop\"\n\n\
             [[users]]\nname = \"app\"\npassword = \"app\"\n\n[backends.store]\nurl = \"{store}\"\ndefault = true\n\n\
             [backends.delivery]\nurl = \"{delivery}\"\n{home}\n\
             [tables]\n\"items\" = \"store\"\n\"orders\" = \"store\"\n\"agents\" = \"delivery\"\n\n\
             [journal]\npath = \"{journal}\"\n",
            name = self.name,
            pg = bed().free_port(),
            mysql = if both { format!("mysql = \"127.0.0.1:{}\"\n", bed().free_port()) } else { String::new() },
            home = if both { "default = true\n" } else { "" },
            store = self.store.url(&self.store_name()),
            delivery = self.delivery.url(&self.delivery_name()),
            journal = self.folder.join("journal").display(),
        );
        for (from, to) in changes {
            assert!(text.contains(from), "{from} is not in {text}");
            text = text.replace(from, to);
        }
        text
    }

    /// What `check` finds, as names, its exit code, and what it printed.
    async fn check(&self, changes: &[(&str, &str)]) -> Found {
        self.check_text(&self.config(changes), &[]).await
    }

    async fn check_text(&self, text: &str, more: &[&str]) -> Found {
        let path = self.folder.join(format!("{}.toml", unique_name()));
        std::fs::write(&path, text).unwrap();
        let words: Vec<String> = more.iter().map(ToString::to_string).collect();
        tokio::task::spawn_blocking(move || checked(&path, &words)).await.unwrap()
    }
}

/// What a run of `check` said.
struct Found {
    names: Vec<String>,
    code: i32,
    json: Value,
}

impl Found {
    /// The one finding of this name.
    #[track_caller]
    fn one(&self, name: &str) -> &Value {
        let findings = self.json["findings"].as_array().unwrap();
        let found: Vec<&Value> = findings.iter().filter(|finding| finding["name"] == name).collect();
        assert_eq!(found.len(), 1, "{name} in {:#}", self.json);
        found[0]
    }

    /// It is found, is an error, and the fix says how.
    #[track_caller]
    fn error(&self, name: &str, fix: &str) {
        self.finding(name, "error", fix);
        assert_eq!(self.code, 1, "{:#}", self.json);
    }

    #[track_caller]
    fn warning(&self, name: &str, fix: &str) {
        self.finding(name, "warn", fix);
    }

    #[track_caller]
    fn finding(&self, name: &str, severity: &str, fix: &str) {
        let found = self.one(name);
        assert_eq!(found["severity"], severity, "{found:#}");
        assert!(found["fix"].as_str().unwrap().contains(fix), "{found:#}");
    }
}

fn checked(path: &Path, more: &[String]) -> Found {
    let output = Command::new(binary()).args(["check", "-o", "json", "-c"]).arg(path).args(more).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let json: Value = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr)));
    let name = |finding: &Value| finding["name"].as_str().unwrap().to_owned();
    let names = json["findings"].as_array().unwrap().iter().map(name).collect();
    Found { names, code: output.status.code().unwrap(), json }
}

async fn run(url: &str, sql: &[&str]) {
    let mut direct = Direct::connect(url).await.unwrap();
    direct.run_all(sql).await.unwrap();
    direct.close().await;
}

async fn root(server: &Server, database: &str, sql: &[&str]) {
    run(&server.root_url(database), sql).await;
}

/// Runs a story on the shared pair.
fn on_the_pair<F: Future<Output = ()>>(name: &str, story: impl FnOnce(Two) -> F) {
    let Some((store, delivery)) = pair() else { return skip(&format!("check_finds::{name}: a server is missing")) };
    runtime().block_on(async { story(Two::new(&store, &delivery).await).await });
}

#[test]
fn nothing_on_a_healthy_pair() {
    on_the_pair("healthy", async |two| {
        let found = two.check_text(&two.config(&[]), &["--strict"]).await;
        assert_eq!((found.names.as_slice(), found.code), (&[] as &[String], 0), "{:#}", found.json);
    });
}

#[test]
fn prepared_transactions_off_and_a_dead_backend() {
    let Some((store, delivery)) = pair() else { return skip("check_finds: a server is missing") };
    runtime().block_on(async {
        let off = ["-c", "max_prepared_transactions=0", "-c", "timezone=UTC"];
        let off = Arc::new(Server::start_with(bed(), Engine::Postgres, "prepared-off", &off).unwrap());
        let two = Two::new(&off, &delivery).await;
        let found = two.check(&[]).await;
        found.error("prepared-transactions-off", "ALTER SYSTEM SET max_prepared_transactions");
        assert_eq!(found.names.len(), 1, "{:#}", found.json);
        off.kill9();
        let found = two.check(&[]).await;
        found.error("backend-down", "start the server");
        assert!(!found.names.contains(&"rule-without-table".to_owned()), "a dead backend's tables are not guessed");
        // Alive, and the login is wrong.
        let two = Two::new(&store, &delivery).await;
        two.check(&[("postgres://app:app", "postgres://app:wrong")]).await.error("backend-down", "password");
        two.check(&[("mysql://app:app", "mysql://app:wrong")]).await.error("backend-down", "IDENTIFIED BY");
        two.check(&[(&two.delivery_name(), "nowhere")]).await.error("backend-down", "CREATE DATABASE nowhere");
    });
}

#[test]
fn fewer_prepared_transactions_or_connections_than_the_pool() {
    on_the_pair("few", async |two| {
        let config = format!("{}\n[pool]\nsize = 150\n", two.config(&[]));
        let found = two.check_text(&config, &[]).await;
        found.warning("prepared-transactions-few", "ALTER SYSTEM SET max_prepared_transactions = 150;");
        assert_eq!(found.code, 0, "warnings alone are no failure");
        let strict = two.check_text(&config, &["--strict"]).await;
        assert_eq!(strict.code, 1, "unless they are asked to be");
        let config = format!("{}\n[pool]\nsize = 1000\n", two.config(&[]));
        let found = two.check_text(&config, &[]).await;
        assert_eq!(found.names.iter().filter(|name| *name == "connections-few").count(), 2, "{:#}", found.json);
    });
}

#[test]
fn a_table_that_cannot_roll_back() {
    on_the_pair("myisam", async |two| {
        two.on_delivery("CREATE TABLE audit_old (x int) ENGINE = MyISAM").await;
        let found = two.check(&[("\"agents\"", "\"audit_old\" = \"delivery\"\n\"agents\"")]).await;
        found.error("table-not-transactional", "ALTER TABLE `audit_old` ENGINE = InnoDB;");
        assert_eq!(found.names.len(), 1, "{:#}", found.json);
    });
}

#[test]
fn tables_that_a_crash_empties_or_that_cannot_be_prepared() {
    on_the_pair("unlogged", async |two| {
        two.on_store("CREATE UNLOGGED TABLE scratch (x int); GRANT ALL ON scratch TO app").await;
        let found = two.check(&[("\"agents\"", "\"scratch\" = \"store\"\n\"agents\"")]).await;
        found.warning("table-unlogged", "SET LOGGED");
    });
}

#[test]
fn a_missing_privilege() {
    on_the_pair("privilege", async |two| {
        two.on_store("CREATE TABLE secrets (x int)").await;
        let found = two.check(&[("\"agents\"", "\"secrets\" = \"store\"\n\"agents\"")]).await;
        found.error("privilege-missing", "GRANT SELECT, INSERT, UPDATE, DELETE ON \"public\".\"secrets\" TO \"app\";");
    });
}

#[test]
fn a_missing_privilege_and_a_stranger_on_mysql() {
    let Some((store, _)) = pair() else { return skip("check_finds: a server is missing") };
    if !available(Engine::Mysql) {
        return skip("check_finds: MySQL is not installed");
    }
    runtime().block_on(async {
        let mysql = Server::start_with(bed(), Engine::Mysql, "unprivileged", &["--default-time-zone=+00:00"]).unwrap();
        let two = Two::new(&store, &Arc::new(mysql)).await;
        let found = two.check(&[]).await;
        assert_eq!(found.names, [] as [&str; 0], "{:#}", found.json);
        two.on_delivery("CREATE USER poor@'127.0.0.1' IDENTIFIED BY 'app'").await;
        let grant = format!("GRANT SELECT, INSERT, UPDATE, DELETE ON {}.* TO poor@'127.0.0.1'", two.delivery_name());
        two.on_delivery(&grant).await;
        let found = two.check(&[("mysql://app:app", "mysql://poor:app")]).await;
        found.error("privilege-missing", "GRANT XA_RECOVER_ADMIN ON *.* TO");
        for sql in [
            "XA START 'myapp-77'; INSERT INTO agents (name) VALUES ('Stray'); XA END 'myapp-77'; XA PREPARE 'myapp-77'",
        ] {
            let mut direct = Direct::connect(&two.delivery.root_url(&two.delivery_name())).await.unwrap();
            for part in sql.split("; ") {
                direct.run(part).await.unwrap();
            }
            direct.close().await;
        }
        let found = two.check(&[]).await;
        found.warning("stranger-branch", "XA ROLLBACK");
        assert!(found.one("stranger-branch")["what"].as_str().unwrap().contains("myapp-77"));
        two.on_delivery("XA ROLLBACK 'myapp-77'").await;
    });
}

#[test]
fn a_stranger_branch() {
    on_the_pair("stranger", async |two| {
        let sql = "BEGIN; INSERT INTO orders VALUES (1, 'x'); PREPARE TRANSACTION 'myapp-77'";
        run(&two.store.url(&two.store_name()), &[sql]).await;
        let found = two.check(&[]).await;
        found.warning("stranger-branch", "ROLLBACK PREPARED 'myapp-77';");
        // What looks like ours and is of a journal that is not here is another thing.
        run(&two.store.url(&two.store_name()), &["ROLLBACK PREPARED 'myapp-77'"]).await;
        let lost = format!("hf1.{}.gone.7.1/0.1", two.name);
        run(&two.store.url(&two.store_name()), &[&sql.replace("myapp-77", &lost)]).await;
        let config = two.config(&[("[listen]", "name = \"gone\"\n\n[listen]")]);
        let found = two.check_text(&config, &[]).await;
        found.warning("branch-of-lost-journal", "restore its journal");
        run(&two.store.url(&two.store_name()), &[&format!("ROLLBACK PREPARED '{lost}'")]).await;
    });
}

#[test]
fn a_journal_that_a_restart_loses() {
    let shm = Path::new("/dev/shm");
    let magic = rustix::fs::statfs(shm).map(|found| found.f_type);
    if magic.ok() != Some(0x0102_1994) {
        return skip("check_finds: /dev/shm is no tmpfs");
    }
    on_the_pair("tmpfs", async |two| {
        let journal = two.folder.join("journal").display().to_string();
        let found = two.check(&[(journal.as_str(), "/dev/shm/handfast-check-journal")]).await;
        found.error("journal-on-tmpfs", "journal.path");
        assert_eq!(found.names.len(), 1, "{:#}", found.json);
        assert!(!Path::new("/dev/shm/handfast-check-journal").exists(), "check makes nothing");
        let found = two.check(&[(journal.as_str(), "/proc/nowhere")]).await;
        found.error("journal-unusable", "install -d");
    });
}

#[test]
fn settings_that_differ() {
    on_the_pair("settings", async |two| {
        two.on_store(&format!("ALTER DATABASE {} SET timezone = 'Europe/Berlin'", two.store_name())).await;
        let found = two.check(&[]).await;
        found.warning("time-zone-differs", "SET timezone = 'UTC';");
        assert_eq!(found.names.len(), 1, "{:#}", found.json);
        two.on_store(&format!("ALTER DATABASE {} RESET timezone", two.store_name())).await;
        // The fix for another zone is right as it stands, sign and all.
        let zone = "SET timezone = '<+02:00>-02:00'";
        let mut store = Direct::connect(&two.store.url(&two.store_name())).await.unwrap();
        store.run(zone).await.unwrap();
        assert_eq!(store.number("SELECT extract(timezone FROM now())::int").await.unwrap(), 7200);
        store.close().await;
        two.on_delivery(&format!("ALTER DATABASE {} CHARACTER SET latin1", two.delivery_name())).await;
        two.check(&[]).await.warning("charset-differs", "CHARACTER SET utf8mb4");
        // Of one dialect, levels and collations must be alike, too.
        let same = Two::new(&two.store, &two.store).await;
        let level = "SET default_transaction_isolation = 'serializable'";
        same.on_store(&format!("ALTER DATABASE {} {level}", same.delivery_name())).await;
        let found = same.check(&[]).await;
        found.warning("isolation-differs", "SET default_transaction_isolation");
        assert_eq!(found.names.len(), 1, "{:#}", found.json);
    });
}

#[test]
fn tables_and_rules_that_do_not_meet() {
    on_the_pair("tables", async |two| {
        for sql in ["CREATE TABLE customers (id int PRIMARY KEY)", "CREATE TABLE lonely (id int PRIMARY KEY)"] {
            run(&two.delivery.url(&two.delivery_name()), &[sql]).await;
        }
        run(&two.store.url(&two.store_name()), &["CREATE TABLE customers (id int PRIMARY KEY)"]).await;
        let found = two.check(&[("\"agents\"", "\"nowhere\" = \"delivery\"\n\"agents\"")]).await;
        found.warning("table-on-two-backends", "\"customers\" = \"delivery\"");
        assert!(
            found.one("table-on-two-backends")["what"]
                .as_str()
                .unwrap()
                .contains("PostgreSQL clients mean the one in store")
        );
        found.warning("rule-without-table", "create the table");
        found.warning("table-without-rule", "\"lonely\" = \"delivery\"");
        let decided = [("\"agents\"", "\"customers\" = \"store\"\n\"lonely\" = \"delivery\"\n\"agents\"")];
        assert_eq!(two.check(&decided).await.names, [] as [&str; 0]);
    });
}

#[test]
fn a_port_that_is_taken_and_an_instance_that_runs() {
    on_the_pair("ports", async |two| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let text = two.config(&[]);
        let line = text.lines().find(|line| line.starts_with("postgres = ")).unwrap();
        let taken = text.replace(line, &format!("postgres = \"{address}\""));
        two.check_text(&taken, &[]).await.error("port-taken", "ss -ltnp");
        drop(listener);
        // The real thing: it runs, and check is asked beside it.
        let journal = two.folder.join("journal");
        std::fs::create_dir_all(&journal).unwrap();
        let lock = std::fs::File::create(journal.join("lock")).unwrap();
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
        two.check_text(&text, &[]).await.error("instance-running", "journal.path");
    });
}
