//! What the clients' tests saw, as `tests/clients/results.tsv` keeps it and README's tables show it. A run that sees
//! something else fails; `HANDFAST_CLIENTS=write` makes the file and the tables anew instead.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;

use handfast::base::{Dialect, Engine};

use crate::clients::{ALL, Client, Topology};

const ABOUT: &str = "# What tests/it/clients.rs saw: script, the client's server, the store's, the delivery service's, steps that passed, clients and \
                     their versions.\n# HANDFAST_CLIENTS=write cargo test --test it clients   makes it anew; README's tables come from it.\n";
const TICK: &str = " ✓ |";

/// What one test saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The columns of README that it stands for.
    pub steps: Vec<String>,
    /// The driver and what came with it, each with its version.
    pub itself: Vec<String>,
}

type Key = (String, String);
type Rows = BTreeMap<Key, Row>;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn results() -> PathBuf {
    root().join("tests/clients/results.tsv")
}

fn writes() -> bool {
    std::env::var("HANDFAST_CLIENTS").is_ok_and(|wish| wish == "write")
}

/// As the file names it: the client's server, the store's and the delivery service's.
fn over(topology: Topology) -> String {
    [topology.client, topology.store, topology.delivery].map(Engine::name).join(" ")
}

fn read() -> Rows {
    let text = std::fs::read_to_string(results()).unwrap_or_default();
    let mut rows = Rows::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [script, over, steps, itself] = fields[..] else { panic!("tests/clients/results.tsv: {line:?}") };
        let list = |text: &str| text.split(", ").map(str::to_owned).collect();
        rows.insert((script.to_owned(), over.to_owned()), Row { steps: list(steps), itself: list(itself) });
    }
    rows
}

fn write(rows: &Rows) {
    let lines = rows.iter().map(|((script, over), row)| {
        format!("{script}\t{over}\t{}\t{}\n", row.steps.join(", "), row.itself.join(", "))
    });
    std::fs::write(results(), ABOUT.to_owned() + &lines.collect::<String>()).unwrap();
}

/// Without what changes from one patch to the next: `psycopg 3.2` of `psycopg 3.2.9`, `psql 15` of `psql 15.20`.
fn without_patch(client: &str) -> String {
    let (name, version) = client.rsplit_once(' ').expect("a name and a version");
    let parts: Vec<&str> = version.split('.').collect();
    let kept = parts.len().saturating_sub(1).clamp(1, 2);
    format!("{name} {}", parts[..kept].join("."))
}

/// What the script says of itself, taken out of what it saw.
pub fn itself(saw: &[String]) -> Vec<String> {
    saw.iter().filter_map(|line| line.strip_prefix("saw itself ")).map(without_patch).collect()
}

/// Compares what a run just saw with what is kept, or keeps it.
pub fn record(script: &str, topology: Topology, steps: &[&str], itself: Vec<String>) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    assert!(!itself.is_empty(), "{script} does not tell its version: tests/setup/clients.sh builds it anew");
    let row = Row { steps: steps.iter().map(|step| (*step).to_owned()).collect(), itself };
    let key = (script.to_owned(), over(topology));
    let _held = ONE_AT_A_TIME.lock().unwrap();
    let mut rows = read();
    if writes() {
        rows.retain(|(script, over), _| every_test().any(|key| key == (script.clone(), over.clone())));
        rows.insert(key, row);
        write(&rows);
        write_readme(&rows);
        return;
    }
    let kept = rows.get(&key).unwrap_or_else(|| panic!("{key:?} is not in tests/clients/results.tsv; it saw {row:?}"));
    assert_eq!(kept.steps, row.steps, "{key:?}: tests/clients/results.tsv says other steps");
    // What comes with the system is of the system's version, and not for a test to choose.
    if ["shell/", "php/", "ruby/"].iter().any(|folder| script.starts_with(folder)) {
        if kept.itself != row.itself {
            println!("NOTE: here it is {:?}, README says {:?}", row.itself, kept.itself);
        }
    } else {
        assert_eq!(kept.itself, row.itself, "{key:?}: tests/clients/results.tsv says other versions");
    }
}

fn every_test() -> impl Iterator<Item = Key> {
    ALL.iter().flat_map(|list| list.iter()).map(|Client { script, topology }| ((*script).to_owned(), over(*topology)))
}

/// The columns of a table, and what a script's rows say of each.
struct Column {
    title: &'static str,
    holds: fn(&[(&Topology, &Row)]) -> bool,
}

fn has(rows: &[(&Topology, &Row)], mixed: bool, step: &str) -> bool {
    rows.iter().any(|(topology, row)| topology.is_mixed() == mixed && row.steps.iter().any(|one| one == step))
}

const COLUMNS: [Column; 6] = [
    Column { title: "connect", holds: |rows| has(rows, false, "connect") },
    Column { title: "one database", holds: |rows| has(rows, false, "one") },
    Column { title: "two", holds: |rows| has(rows, false, "two") },
    Column { title: "mixed", holds: |rows| has(rows, true, "two") },
    Column { title: "kill", holds: |rows| has(rows, false, "kill") },
    Column {
        title: "also on MySQL",
        holds: |rows| rows.iter().any(|(topology, _)| topology.client == Engine::Mysql && !topology.is_mixed()),
    },
];

fn language(script: &str) -> &'static str {
    match script.split('/').next() {
        Some("python") => " (Python)",
        Some("node") => " (Node)",
        Some("go") => " (Go)",
        Some("java") => " (Java)",
        Some("ruby") => " (Ruby)",
        _ => "",
    }
}

/// The table of one dialect's clients: those of a language with the same ticks are one line, in the order of the tests.
fn table(rows: &Rows, dialect: Dialect) -> String {
    let columns = &COLUMNS[..if dialect == Dialect::Postgres { 5 } else { 6 }];
    let mut lines: Vec<(String, String, Vec<String>)> = Vec::new();
    let mut seen = Vec::new();
    let clients = || ALL.iter().flat_map(|list| list.iter()).filter(|one| one.topology.client.dialect() == dialect);
    for Client { script, .. } in clients() {
        if seen.contains(script) {
            continue;
        }
        seen.push(script);
        let of_it: Vec<(&Topology, &Row)> = clients()
            .filter(|one| one.script == *script)
            .filter_map(|one| Some((&one.topology, rows.get(&((*script).to_owned(), over(one.topology)))?)))
            .collect();
        let ticks: String = columns.iter().map(|column| if (column.holds)(&of_it) { TICK } else { " |" }).collect();
        let folder = script.split('/').next().expect("a folder for each language").to_owned();
        let named = of_it.first().map_or_else(Vec::new, |(_, row)| row.itself.clone());
        match lines.iter_mut().find(|(other, same, _)| (other, same) == (&folder, &ticks)) {
            Some((_, _, names)) => {
                names.extend(named.into_iter().filter(|name| !names.contains(name)).collect::<Vec<_>>())
            }
            None => lines.push((folder, ticks, named)),
        }
    }
    let who = if dialect == Dialect::Postgres { "client of PostgreSQL" } else { "client of MariaDB and MySQL" };
    let head: String = columns.iter().map(|column| format!(" {} |", column.title)).collect();
    let mut out = format!("| {who} |{head}\n|{}\n", "---|".repeat(columns.len() + 1));
    for (folder, ticks, names) in lines {
        let language = language(&folder);
        out.push_str(&format!("| {}{language} |{ticks}\n", names.join(", ")));
    }
    out
}

const BEGIN: &str = "<!-- clients: made by tests/it/clients_table.rs -->\n";
const END: &str = "<!-- clients end -->\n";

/// README with the tables that the rows give.
fn readme(rows: &Rows) -> (String, String) {
    let text = std::fs::read_to_string(root().join("README.md")).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("README marks where the clients' tables begin");
    let (_, after) = rest.split_once(END).expect("README marks where the clients' tables end");
    let tables = format!("{}\n{}", table(rows, Dialect::Postgres), table(rows, Dialect::Mysql));
    let wanted = format!("{before}{BEGIN}\n{tables}\n{END}{after}");
    (text, wanted)
}

fn write_readme(rows: &Rows) {
    std::fs::write(root().join("README.md"), readme(rows).1).unwrap();
}

#[test]
fn readme_shows_what_the_clients_did() {
    // While it is made anew, the tests of the clients write it.
    if writes() {
        return;
    }
    let (text, wanted) = readme(&read());
    assert!(text == wanted, "README's tables are not those of tests/clients/results.tsv, which give:\n{wanted}");
}

#[test]
fn every_row_of_the_results_is_a_test_and_every_test_has_its_row() {
    if writes() {
        return;
    }
    let mut tests: Vec<Key> = every_test().collect();
    tests.sort();
    assert_eq!(read().into_keys().collect::<Vec<_>>(), tests);
}

#[test]
fn a_version_is_told_without_its_patch() {
    for (whole, shown) in [
        ("psycopg 3.2.9", "psycopg 3.2"),
        ("psql 15.20", "psql 15"),
        ("ActiveRecord 6.1.7.10", "ActiveRecord 6.1"),
        ("MariaDB Connector/J 3.5.4", "MariaDB Connector/J 3.5"),
        ("x 7", "x 7"),
    ] {
        assert_eq!(without_patch(whole), shown);
    }
}
