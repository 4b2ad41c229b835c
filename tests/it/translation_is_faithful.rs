//! Every statement of the corpus (`tests/translate`), natively and through Handfast: the same answer, or a refusal. And few
//! refusals.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use handfast::base::{Dialect, Engine};
use handfast::testbed::{Handfast, Server, Shop, available};

use crate::bed::{bed, binary, runtime, servers, skip, unique_name};
use crate::clients::drivers;

/// The part of the corpus, in percent, that must translate.
const SHARE_MIN: &str = "92";

const TABLES: [&str; 11] = [
    "agents",
    "items",
    "orders",
    "assignments",
    "parcels",
    "tickets",
    "counters",
    "words",
    "edges",
    "legacy",
    "made_*",
];

fn python(script: &str) -> Command {
    let mut command = Command::new("timeout");
    command.arg("300").arg(drivers().join("python/bin/python3"));
    command.arg(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/translate").join(script));
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

fn name(engine: Engine) -> &'static str {
    match engine {
        Engine::Postgres => "postgres",
        Engine::Mariadb => "mariadb",
        Engine::Mysql => "mysql",
    }
}

fn corpus(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => "postgres",
        Dialect::Mysql => "mysql",
    }
}

/// Makes a database with the corpus's tables; gives its URL.
fn load(server: &Server, database: &str, dialect: Dialect, side: &str) -> String {
    let admin = match server.engine() {
        Engine::Postgres => server.url("postgres"),
        Engine::Mariadb | Engine::Mysql => server.url(""),
    };
    let mut command = python("load.py");
    command.args([&admin, database, corpus(dialect), name(server.engine()), side]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    server.url(database)
}

/// Handfast for clients of the home's dialect, whose tables are on the other server.
fn handfast(shop: &Shop, home: &str, other: &str) -> Handfast {
    let fronts: String =
        shop.ports().iter().map(|(dialect, port)| format!("{} = \"127.0.0.1:{port}\"\n", corpus(*dialect))).collect();
    let rules: String = TABLES.iter().map(|table| format!("\"{table}\" = \"other\"\n")).collect();
    let config = format!(
        "[node]\ncluster = \"corpus\"\n[listen]\n{fronts}database = \"shop\"\n\
         [[users]]\nname = \"app\"\npassword = \"app\"\n\
         [backends.home]\nurl = \"{home}\"\ndefault = true\n[backends.other]\nurl = \"{other}\"\ndefault = true\n\
         [tables]\nmissing = \"other\"\n{rules}\n[journal]\npath = \"{}\"\n[admin]\nlisten = \"127.0.0.1:{}\"\n",
        shop.journal().display(),
        shop.admin_port(),
    );
    Handfast::with_config(binary(), shop, &config).unwrap()
}

fn faithful(home: Engine, other: Engine) {
    let what = format!("the corpus of {home:?} clients on {other:?}");
    if !available(home) || !available(other) || !drivers().join("python/bin/python3").is_file() {
        return skip(&what);
    }
    let (dialect, unique) = (home.dialect(), unique_name());
    let ((home, _), (other, _)) = (servers(home), servers(other));
    let native_url = load(&home, &format!("{unique}_native"), dialect, "native");
    let home_url = load(&home, &format!("{unique}_home"), dialect, "empty");
    let other_url = load(&other, &format!("{unique}_corpus"), dialect, "foreign");
    let shop = runtime().block_on(Shop::create(bed(), &home, &other, &unique)).unwrap();
    let handfast = Arc::new(handfast(&shop, &home_url, &other_url));
    handfast.start().unwrap();
    let mut command = python("run.py");
    command.args([corpus(dialect), &native_url, &handfast.url(dialect), name(other.engine())]);
    command.args(["--foreign", &other_url, "--share", SHARE_MIN]);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{}", said.lines().last().unwrap_or_default());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what}\n{said}\n{stderr}\n{}", handfast.log_tail());
    assert!(!handfast.log_text().contains("panicked"), "{}", handfast.log_tail());
}

#[test]
fn postgres_clients_hear_the_truth_from_mariadb() {
    faithful(Engine::Postgres, Engine::Mariadb);
}

#[test]
fn postgres_clients_hear_the_truth_from_mysql() {
    faithful(Engine::Postgres, Engine::Mysql);
}

#[test]
fn mariadb_clients_hear_the_truth_from_postgres() {
    faithful(Engine::Mariadb, Engine::Postgres);
}

#[test]
fn mysql_clients_hear_the_truth_from_postgres() {
    faithful(Engine::Mysql, Engine::Postgres);
}
