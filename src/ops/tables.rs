//! Rules against tables: which tables clients do not find by their names, and which names mean several. `handfast check` asks the
//! same of what it has seen; the house looks at the backends when somebody asks, and not more often than each minute.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::House;
use super::model::{DoublyTable, Rule, Tables, UnroutedTable};
use super::transactions::protocol_name;
use crate::backend::probe::{self, TableFacts};
use crate::base::{BackendId, Dialect, clock};
use crate::config::Config;
use crate::route::RouteTable;

/// What was seen is shown for so long.
const KEPT: Duration = Duration::from_secs(60);
/// A look does not wait longer for backends that do not answer.
const LOOK_TIMEOUT: Duration = Duration::from_secs(3);
/// Tables of a backend that are looked at.
const TABLES_MAX: usize = 10_000;
/// Tables that are told, of both lists.
const LISTED_MAX: usize = 500;

/// The dialects whose clients can connect.
pub fn dialects(config: &Config) -> impl Iterator<Item = Dialect> + use<> {
    let all = [(Dialect::Postgres, config.listen.postgres), (Dialect::Mysql, config.listen.mysql)];
    all.into_iter().filter(|(_, address)| address.is_some()).map(|(dialect, _)| dialect)
}

/// Tables by the name that clients say, where several backends have one.
pub fn twice<'a>(seen: impl Iterator<Item = (BackendId, &'a [TableFacts])>) -> BTreeMap<String, Vec<BackendId>> {
    let mut owners: BTreeMap<String, Vec<BackendId>> = BTreeMap::new();
    for (id, tables) in seen {
        for table in tables {
            let all = owners.entry(table.name.to_lowercase()).or_default();
            if table.bare && !table.stand_in && !all.contains(&id) {
                all.push(id);
            }
        }
    }
    owners.retain(|_, all| all.len() > 1);
    owners
}

/// Whether a rule names this very table: that is a decision.
pub fn is_decided(config: &Config, name: &str) -> bool {
    config.tables.iter().any(|rule| rule.pattern.eq_ignore_ascii_case(name))
}

/// Where the statements of these clients go that name a table so.
pub fn meant(
    config: &Config,
    routes: &RouteTable,
    client: Dialect,
    schema: Option<&str>,
    name: &str,
) -> Option<BackendId> {
    routes.leads_to(client, schema, name).map(|(id, _)| id).or_else(|| config.home(client))
}

/// Tables of a backend that clients of a dialect do not find by their names, unless the name means several.
pub fn unreached<'a>(
    config: &Config,
    routes: &RouteTable,
    client: Dialect,
    (id, tables): (BackendId, &'a [TableFacts]),
    twice: &BTreeMap<String, Vec<BackendId>>,
) -> Vec<&'a TableFacts> {
    let renamed = |table: &TableFacts| {
        let full = full_name(table);
        let means = |rename: &String| rename.eq_ignore_ascii_case(&table.name) || rename.eq_ignore_ascii_case(&full);
        config.tables.iter().any(|rule| rule.backend == id && rule.rename.as_ref().is_some_and(means))
    };
    let reaches = |table: &TableFacts| meant(config, routes, client, schema(table), &table.name) == Some(id);
    let missing =
        |t: &&TableFacts| !t.stand_in && !reaches(t) && !renamed(t) && !twice.contains_key(&t.name.to_lowercase());
    tables.iter().filter(missing).collect()
}

/// The schema that a statement must say to mean this table.
fn schema(table: &TableFacts) -> Option<&str> {
    (!table.bare).then_some(table.schema.as_str())
}

fn full_name(table: &TableFacts) -> String {
    format!("{}.{}", table.schema, table.name)
}

/// As a statement would name it.
pub fn said_name(table: &TableFacts) -> String {
    if table.bare { table.name.clone() } else { full_name(table) }
}

/// What was seen last.
#[derive(Debug, Default)]
pub(super) struct Look {
    kept: Mutex<Option<Seen>>,
    /// Whoever looks holds it; who comes meanwhile is told what was seen before.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Clone, Debug)]
struct Seen {
    at: Instant,
    wall_ms: u64,
    config: Arc<Config>,
    unrouted: Vec<UnroutedTable>,
    doubly: Vec<DoublyTable>,
    unlisted: usize,
    unseen: Vec<String>,
}

impl Look {
    fn kept(&self) -> Option<Seen> {
        // Replaced as a whole.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks, unless that was done just now or is being done.
    async fn again(&self, config: Arc<Config>) {
        let Ok(_turn) = self.turn.try_lock() else { return };
        if self.kept().is_some_and(|seen| seen.at.elapsed() < KEPT && Arc::ptr_eq(&seen.config, &config)) {
            return;
        }
        let ask = async |backend| match tokio::time::timeout(LOOK_TIMEOUT, probe::tables(backend, TABLES_MAX)).await {
            Ok(Ok(tables)) => Some(tables),
            Ok(Err(error)) => {
                tracing::debug!(%error, "a backend's tables could not be looked at");
                None
            }
            Err(_) => None,
        };
        let looked = join_all(config.backends.iter().map(ask)).await;
        let seen = judged(config, &looked);
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
    }
}

/// `looked`: of each backend, in their order; none: it did not answer.
fn judged(config: Arc<Config>, looked: &[Option<Vec<TableFacts>>]) -> Seen {
    let routes = RouteTable::new(&config);
    let numbered = || (0..).map(BackendId).zip(looked);
    let seen = || numbered().filter_map(|(id, tables)| Some((id, tables.as_deref()?)));
    let name = |id: BackendId| config.backend(id).name.clone();
    let several = twice(seen());
    let mut doubly: Vec<DoublyTable> = Vec::new();
    for (table, owners) in several.iter().filter(|(table, _)| !is_decided(&config, table)) {
        for client in dialects(&config) {
            let goes_to = meant(&config, &routes, client, None, table).map(name);
            match doubly.last_mut().filter(|last| last.table == *table && last.goes_to == goes_to) {
                Some(same) => same.clients.push(protocol_name(client).to_owned()),
                None => doubly.push(DoublyTable {
                    table: table.clone(),
                    backends: owners.iter().copied().map(name).collect(),
                    clients: vec![protocol_name(client).to_owned()],
                    goes_to,
                }),
            }
        }
    }
    let mut unrouted: BTreeMap<(BackendId, String, Option<String>), Vec<String>> = BTreeMap::new();
    for one in seen() {
        for client in dialects(&config) {
            for table in unreached(&config, &routes, client, one, &several) {
                let goes_to = meant(&config, &routes, client, schema(table), &table.name).map(name);
                let clients = unrouted.entry((one.0, said_name(table), goes_to)).or_default();
                clients.push(protocol_name(client).to_owned());
            }
        }
    }
    let unrouted = unrouted.into_iter().map(|((id, table, goes_to), clients)| UnroutedTable {
        table,
        backend: name(id),
        clients,
        goes_to,
    });
    let (mut unrouted, all): (Vec<UnroutedTable>, usize) = (unrouted.collect(), doubly.len());
    let unlisted = (unrouted.len() + all).saturating_sub(LISTED_MAX);
    doubly.truncate(LISTED_MAX);
    unrouted.truncate(LISTED_MAX - doubly.len());
    let unseen = numbered().filter(|(_, tables)| tables.is_none()).map(|(id, _)| name(id)).collect();
    Seen { at: clock::now(), wall_ms: clock::wall_ms(), config, unrouted, doubly, unlisted, unseen }
}

impl House {
    /// The table rules, as configured.
    pub fn rules(&self) -> Vec<Rule> {
        let rule = |rule: &crate::config::TableRule| Rule {
            pattern: rule.pattern.clone(),
            backend: self.backend_name(rule.backend),
            table: rule.rename.clone(),
            line: rule.line,
        };
        self.config().tables.iter().map(rule).collect()
    }

    /// The rules, and what is wrong between them and the backends' tables: seen at most a minute ago, unless a backend did not
    /// answer or somebody else is looking.
    pub async fn tables(&self) -> Tables {
        self.look.again(self.config()).await;
        let rules = self.rules();
        match self.look.kept() {
            Some(Seen { unrouted, doubly, unlisted, unseen, wall_ms, .. }) => {
                Tables { rules, unrouted, doubly, unlisted, unseen, looked_wall_ms: Some(wall_ms) }
            }
            None => Tables {
                rules,
                unrouted: Vec::new(),
                doubly: Vec::new(),
                unlisted: 0,
                unseen: Vec::new(),
                looked_wall_ms: None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::probe::TableKind;
    use crate::config::{Overrides, World, parse};

    fn config() -> Arc<Config> {
        let text = "[node]\ncluster = \"c\"\n[listen]\npostgres = \"127.0.0.1:1\"\nmysql = \"127.0.0.1:2\"\n\
            [[users]]\nname = \"app\"\npassword = \"app\"\n\
            [backends.store]\nurl = \"postgres://app:app@127.0.0.1:3/store\"\ndefault = true\n\
            [backends.delivery]\nurl = \"mysql://app:app@127.0.0.1:4/delivery\"\ndefault = true\n\
            [tables]\nagents = \"delivery\"\nseen = \"store\"\n[journal]\npath = \"/tmp/journal\"\n";
        let world = World { env: &|_| None, read_file: &|_| Err(std::io::ErrorKind::NotFound.into()) };
        Arc::new(parse(text, "handfast.toml", &Overrides::default(), world).unwrap())
    }

    fn table(name: &str) -> TableFacts {
        let (schema, name) = name.split_once('.').unwrap_or(("public", name));
        let (schema, name, bare) = (schema.to_owned(), name.to_owned(), schema == "public");
        TableFacts { schema, name, bare, kind: TableKind::Sound, stand_in: false }
    }

    #[test]
    fn tables_that_a_name_does_not_lead_to_and_names_of_two_tables_are_told_by_client() {
        let config = config();
        let on = |names: &[&str]| Some(names.iter().map(|name| table(name)).collect::<Vec<_>>());
        // In the order of the backends' names: delivery, store.
        let looked =
            [on(&["agents", "routes", "Customers", "seen"]), on(&["stock", "customers", "audit.stock", "seen"])];
        let seen = judged(Arc::clone(&config), &looked);
        let both = |table: &str, client: &str, goes_to: &str| DoublyTable {
            table: table.to_owned(),
            backends: vec![String::from("delivery"), String::from("store")],
            clients: vec![client.to_owned()],
            goes_to: Some(goes_to.to_owned()),
        };
        assert_eq!(seen.doubly, [both("customers", "postgres", "store"), both("customers", "mysql", "delivery")]);
        let lost = |table: &str, backend: &str, client: &str, goes_to: &str| UnroutedTable {
            table: table.to_owned(),
            backend: backend.to_owned(),
            clients: vec![client.to_owned()],
            goes_to: Some(goes_to.to_owned()),
        };
        let expected = [
            lost("routes", "delivery", "postgres", "store"),
            lost("audit.stock", "store", "mysql", "delivery"),
            lost("stock", "store", "mysql", "delivery"),
        ];
        assert_eq!(seen.unrouted, expected);
        assert_eq!((seen.unlisted, seen.unseen.len()), (0, 0));
        let seen = judged(config, &[None, on(&["stock"])]);
        assert_eq!(seen.unseen, ["delivery"]);
    }

    #[test]
    fn many_tables_are_counted_and_not_all_listed() {
        let many: Vec<TableFacts> = (0..LISTED_MAX + 7).map(|number| table(&format!("t{number}"))).collect();
        let seen = judged(config(), &[Some(many), Some(Vec::new())]);
        assert_eq!((seen.unrouted.len(), seen.unlisted), (LISTED_MAX, 7));
    }
}
