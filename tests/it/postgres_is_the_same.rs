//! The same PostgreSQL script gives the same frames directly and through Handfast: over one backend, over two with the
//! script's tables at home, over two with them on the other one, and over two with a part of them on each. The scripts are
//! in `postgres_is_the_same/`; what differs by design stands there with its reason.

mod client;
mod message;

use std::collections::HashMap;
use std::path::Path;

use handfast::base::{Engine, clock};
use handfast::testbed::{Database, Direct, Handfast, Shop};

use crate::bed::{SETTLE_MAX, Stand, bed, binary, on, refused, servers, unique_name};
use client::Client;
use message::Message;

const SCRIPTS: &[&str] =
    &["reading", "writing", "transactions", "settings", "protocol", "copying", "definitions", "others"];

/// So many frames of an answer are shown, from the first one that differs.
const SHOWN_MAX: usize = 8;

/// Made anew before each script.
const TABLES: &str = "
    SET synchronous_commit = off; SET lock_timeout = '20s'; SET client_min_messages = error;
    DROP SCHEMA public CASCADE; CREATE SCHEMA public;
    CREATE TABLE t (id int PRIMARY KEY, name text, n int NOT NULL DEFAULT 0);
    CREATE TABLE u (id serial PRIMARY KEY, t_id int, word varchar(10) UNIQUE, at timestamptz NOT NULL DEFAULT '2024-01-01 UTC',
        CONSTRAINT small CHECK (t_id < 1000));
    CREATE TABLE types (a smallint, b int, c bigint, d numeric(20,5), e real, f double precision, g boolean, h char(5),
        i varchar(20), j text, k bytea, l date, m time(3), n timetz, o timestamp, p timestamptz, q interval, r uuid, s json,
        t jsonb, u inet, v cidr, w macaddr, x bit(5), y varbit, z int[], aa text[], ab point, ac box, ad circle, ae int4range,
        af tstzrange, ag tsvector, ah tsquery, ai xml, aj money, ak name, al oid, am \"char\", an pg_lsn, ao int4multirange,
        ap lseg, aq path, ar polygon, as_ line, at macaddr8);
    INSERT INTO t VALUES (1, 'one', 1), (2, NULL, 2), (3, 'é€', 3);
    INSERT INTO types VALUES (-1, 2, 9223372036854775807, 12345.6789, 1.5, -2.25e100, true, 'abc', 'é', 'text', '\\x00ff',
        '2024-02-29', '12:34:56.789', '12:34:56+02', '2024-01-02 03:04:05.678901', '2024-01-02 03:04:05+00', '1 mon 2 days 03:00',
        '00000000-0000-0000-0000-000000000001', '{\"a\": 1}', '{\"b\": [1, null]}', '10.0.0.1/8', '10.0.0.0/8',
        '08:00:2b:01:02:03', B'10101', B'1', '{1,NULL,3}', '{\"a b\",NULL}', '(1,2)', '(1,2),(3,4)', '<(1,2),3>', '[1,5)',
        '[2024-01-01,)', 'a fat cat', 'fat & cat', '<a/>', '12.34', 'name', 42, 'c', '16/B374D848', '{[1,3),[5,7)}',
        '[(0,0),(1,1)]', '[(0,0),(1,1)]', '((0,0),(1,1),(1,0))', '{1,2,3}', '08:00:2b:01:02:03:04:05');
    INSERT INTO types (a) VALUES (NULL);
    RESET lock_timeout; RESET client_min_messages";

/// Where scripts are run.
#[derive(Clone)]
struct Place {
    port: u16,
    user: &'static str,
    database: String,
}

/// How Handfast is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Setup {
    OneBackend,
    Home,
    Away,
    Spread,
}

impl Setup {
    fn word(self) -> &'static str {
        match self {
            Self::OneBackend => "one",
            Self::Home => "home",
            Self::Away => "away",
            Self::Spread => "spread",
        }
    }

    /// What of the script's tables is on the other backend.
    fn away(self) -> &'static [&'static str] {
        match self {
            Self::OneBackend | Self::Home => &[],
            Self::Away => &["t", "u", "types", "made*", "missing", "v"],
            Self::Spread => &["u", "made2"],
        }
    }

    fn config(self, config: &str) -> String {
        if self == Self::OneBackend {
            let (before, rest) = config.split_once("[backends.delivery]").unwrap();
            return format!("{before}[journal]{}", rest.split_once("[journal]").unwrap().1);
        }
        let away: String = self.away().iter().map(|table| format!("\"{table}\" = \"delivery\"\n")).collect();
        config.replace("[tables]\n", &format!("[tables]\n{away}"))
    }
}

struct Script {
    name: String,
    /// Words in brackets: the setups in which it is not run.
    not_in: Vec<String>,
    steps: Vec<Step>,
}

#[derive(Clone)]
struct Step {
    /// As written.
    line: String,
    /// The setups in which it differs by design; `all`: everywhere.
    differs_in: Vec<String>,
    /// Which session.
    who: char,
    does: Does,
}

#[derive(Clone)]
enum Does {
    /// Sends, and reads what comes.
    Ask(Vec<Message>),
    /// Sends, and waits until it is blocked in the server.
    Start(Vec<Message>),
    /// Reads what `Start` has left.
    Finish,
    /// Logs in with more startup parameters.
    Connect(Vec<(String, String)>),
    /// Waits for a frame that nobody asked for.
    Hear,
    /// Cancels what runs.
    Cancel,
}

/// `[~[(setups)] ][N]: …`: session N; `N& …` it blocks; `N.` and then it ends; `> …` messages, divided by ` ;; `; else SQL.
fn step(line: &str, name: &str) -> Step {
    let (mut rest, mut differs_in) = (line, Vec::new());
    if let Some(after) = line.strip_prefix('~') {
        (differs_in, rest) = match after.strip_prefix('(').and_then(|after| after.split_once(')')) {
            Some((setups, rest)) => {
                (setups.split(',').map(|setup| setup.trim().to_owned()).collect(), rest.trim_start())
            }
            None => (vec![String::from("all")], after.trim_start()),
        };
    }
    let mut chars = rest.chars();
    let (who, mark) = match (chars.next(), chars.next()) {
        (Some(who), Some(mark @ (':' | '&' | '.'))) if who.is_ascii_digit() => (who, Some(mark)),
        _ => ('1', None),
    };
    if mark.is_some() {
        rest = rest[2..].trim_start();
    }
    let rest = rest.replace("@name@", name);
    let does = match (mark, rest.strip_prefix('>')) {
        (Some('.'), _) => Does::Finish,
        (_, None) if rest.starts_with("!connect") => {
            let pairs = rest["!connect".len()..].split(" ;; ").filter_map(|pair| pair.trim().split_once('='));
            Does::Connect(pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
        }
        (_, None) if rest == "!hear" => Does::Hear,
        (_, None) if rest == "!cancel" => Does::Cancel,
        (mark, messages) => {
            let messages = match messages {
                Some(messages) => messages.split(" ;; ").map(Message::read).collect(),
                None => vec![Message::Query(rest.into_bytes())],
            };
            if mark == Some('&') { Does::Start(messages) } else { Does::Ask(messages) }
        }
    };
    Step { line: line.to_owned(), differs_in, who, does }
}

/// The scripts of a file.
fn file(file: &str, shop: &str) -> Vec<Script> {
    let mut scripts: Vec<Script> = Vec::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/postgres_is_the_same");
    for line in std::fs::read_to_string(folder.join(format!("{file}.txt"))).unwrap().lines() {
        if let Some(title) = line.strip_prefix("== ") {
            let (name, marks) = title.split_once('[').unwrap_or((title, ""));
            let marks = marks.trim_end_matches(']').split(',').map(|word| word.trim().to_owned());
            let not_in = marks.filter(|word| !word.is_empty()).collect();
            scripts.push(Script { name: format!("{file}: {}", name.trim()), not_in, steps: Vec::new() });
        } else if let Some(script) = scripts.last_mut()
            && !line.starts_with('#')
            && !line.is_empty()
        {
            script.steps.push(step(line.strip_prefix('|').unwrap_or(line), shop));
        }
    }
    scripts
}

/// Every beginning with every end, where they meet two backends.
fn mixes(shop: &str) -> Vec<Script> {
    let parts = file("mixes", shop);
    let (begins, ends): (Vec<_>, Vec<_>) = parts.iter().partition(|part| part.name.starts_with("mixes: <"));
    let not_in: Vec<String> = [Setup::OneBackend, Setup::Home, Setup::Away].map(|setup| setup.word().to_owned()).into();
    let mix = |begin: &Script, end: &Script| Script {
        name: format!("{} {}", begin.name, end.name),
        not_in: not_in.clone(),
        steps: begin.steps.iter().chain(&end.steps).cloned().collect(),
    };
    begins.iter().flat_map(|begin| ends.iter().map(|end| mix(begin, end)).collect::<Vec<_>>()).collect()
}

fn scripts(shop: &str) -> Vec<Script> {
    let mut scripts: Vec<Script> = SCRIPTS.iter().flat_map(|name| file(name, shop)).chain(mixes(shop)).collect();
    if let Ok(only) = std::env::var("HANDFAST_SCRIPT") {
        scripts.retain(|script| script.name.contains(&only));
    }
    scripts
}

fn connect(place: &Place, more: &[(String, String)]) -> std::io::Result<Client> {
    let mut parameters = vec![("user", place.user), ("database", &place.database)];
    parameters.extend(more.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    Client::connect(place.port, &parameters, place.user)
}

/// Returns when a session is blocked: only then may the script go on.
async fn is_blocked(roots: &mut [&mut Direct]) {
    let blocked = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' \
        AND (wait_event_type = 'Lock' OR wait_event = 'PgSleep')";
    let deadline = clock::now() + SETTLE_MAX;
    loop {
        for root in &mut *roots {
            if root.number(blocked).await.unwrap() > 0 {
                return;
            }
        }
        assert!(clock::now() < deadline, "no statement is blocked");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

/// Makes the tables anew, when the sessions before are gone with all that they held.
async fn prepare(root: &mut Direct) {
    let held = "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE a.datname = current_database() \
        AND pid <> pg_backend_pid() AND a.backend_type = 'client backend' AND l.locktype <> 'virtualxid'";
    let deadline = clock::now() + SETTLE_MAX;
    while root.number(held).await.unwrap() > 0 {
        assert!(clock::now() < deadline, "a script's session still holds locks");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    root.run(TABLES).await.unwrap();
}

/// All answers of a script. `roots` are the administrators of the databases that it may touch.
async fn run(place: &Place, roots: &mut [&mut Direct], script: &Script) -> Vec<Vec<String>> {
    for root in &mut *roots {
        prepare(root).await;
    }
    let mut clients: HashMap<char, Client> = HashMap::new();
    let mut answers = Vec::with_capacity(script.steps.len());
    for step in &script.steps {
        let more: &[(String, String)] = if let Does::Connect(more) = &step.does { more } else { &[] };
        if !clients.contains_key(&step.who) || matches!(step.does, Does::Connect(_)) {
            clients.remove(&step.who);
            match connect(place, more) {
                Ok(client) => clients.insert(step.who, client),
                Err(error) => {
                    answers.push(vec![format!("no login: {error}")]);
                    continue;
                }
            };
        }
        let client = clients.get_mut(&step.who).unwrap();
        answers.push(match &step.does {
            Does::Connect(_) => client.greeting.clone(),
            Does::Ask(messages) => match client.send(messages) {
                Ok(()) => client.answers(),
                Err(_) => vec![String::from("end of the connection")],
            },
            Does::Start(messages) => {
                client.send(messages).unwrap();
                is_blocked(roots).await;
                Vec::new()
            }
            Does::Finish => client.answers(),
            Does::Hear => client.unasked(),
            Does::Cancel => {
                client.cancel().unwrap();
                Vec::new()
            }
        });
    }
    answers
}

/// What is not the same, a line each.
fn differences(script: &Script, setup: Setup, expected: &[Vec<String>], seen: &[Vec<String>]) -> Vec<String> {
    let mut list = Vec::new();
    for ((step, expected), seen) in script.steps.iter().zip(expected).zip(seen) {
        let by_design = step.differs_in.iter().any(|word| word == "all" || word == setup.word());
        let (mut expected, mut seen) = (expected.clone(), seen.clone());
        for (expected, seen) in expected.iter_mut().zip(&mut seen) {
            without_places_in_sources(expected, seen);
        }
        if expected != seen && !by_design {
            let same = expected.iter().zip(&seen).take_while(|(expected, seen)| expected == seen).count();
            let frames = |frames: &[String]| {
                frames.iter().skip(same).take(SHOWN_MAX).cloned().collect::<Vec<_>>().join("\n      ")
            };
            let (line, name, setup) = (&step.line, &script.name, setup.word());
            let (direct, through) = (frames(&expected), frames(&seen));
            list.push(format!("{name} ({setup}): {line}\n    direct, after {same} that are the same\n      {direct}\n    through\n      {through}"));
        }
    }
    list
}

/// What Handfast says in the server's words has no line of the server's sources; all else of it must be the same.
fn without_places_in_sources(expected: &mut String, seen: &str) {
    let is_told = |frame: &str| frame.starts_with("E ") || frame.starts_with("N ");
    if is_told(expected) && is_told(seen) && !seen.contains(" R=") {
        expected.truncate(expected.find(" F=").unwrap_or(expected.len()));
    }
}

async fn the_same_frames(setup: Setup) {
    let (store, delivery) = servers(Engine::Postgres);
    let shop = Shop::create(bed(), &store, &delivery, &unique_name()).await.unwrap();
    let own = Shop::create(bed(), &store, &delivery, &unique_name()).await.unwrap();
    let as_root = |database: &Database| database.server.root_url(&database.name);
    let config = own.config().replace(&own.store.url(), &as_root(&shop.store));
    let config = setup.config(&config.replace(&own.delivery.url(), &as_root(&shop.delivery)));
    let handfast = Handfast::with_config(binary(), &own, &config).unwrap();
    handfast.start().unwrap();
    let through = Place { port: handfast.port(own.dialect()), user: "app", database: String::from("shop") };
    let compared = if setup == Setup::Away { &shop.delivery } else { &shop.store };
    let direct = Place { port: compared.server.port(), user: "handfast", database: compared.name.clone() };
    let mut at_store = shop.store.direct().await.unwrap();
    let mut at_delivery = shop.delivery.direct().await.unwrap();
    let (mut found, mut count) = (Vec::new(), 0);
    let name = format!("{}_{}", setup.word(), unique_name());
    for script in &scripts(&name) {
        if script.not_in.iter().any(|word| word == setup.word()) {
            continue;
        }
        count += 1;
        let mut roots = [&mut at_store, &mut at_delivery];
        let touched = if setup.away().is_empty() { 1 } else { 2 };
        let expected = run(&direct, &mut roots[..touched], script).await;
        let seen = run(&through, &mut roots[..touched], script).await;
        found.extend(differences(script, setup, &expected, &seen));
        if std::env::var_os("HANDFAST_SHOW").is_some() {
            for (step, expected) in script.steps.iter().zip(&expected) {
                println!("{}\n    {}", step.line, expected.join("\n    "));
            }
        }
    }
    println!("{count} scripts, {} differences ({})", found.len(), setup.word());
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert!(count > 0);
}

#[test]
fn one_postgres_answers_the_same_frames_through_us() {
    on(Engine::Postgres, "one_postgres_answers_the_same_frames", |_| the_same_frames(Setup::OneBackend));
}

#[test]
fn postgres_answers_the_same_frames_at_home() {
    on(Engine::Postgres, "postgres_answers_the_same_frames_at_home", |_| the_same_frames(Setup::Home));
}

#[test]
fn postgres_answers_the_same_frames_from_another_backend() {
    on(Engine::Postgres, "postgres_answers_the_same_frames_from_another", |_| the_same_frames(Setup::Away));
}

#[test]
fn postgres_answers_the_same_frames_with_tables_on_two() {
    on(Engine::Postgres, "postgres_answers_the_same_frames_with_tables_on_two", |_| the_same_frames(Setup::Spread));
}

#[test]
fn a_clients_process_id_is_the_one_that_its_server_knows() {
    on(Engine::Postgres, "a_clients_process_id", |engine| async move {
        let stand = Stand::start(engine).await;
        let parameters = [("user", "app"), ("database", "shop")];
        let mut clients = Vec::new();
        for _ in 0..3 {
            let mut client = Client::connect(stand.handfast.port(stand.shop.dialect()), &parameters, "app").unwrap();
            let sql = format!("SELECT 'same' WHERE pg_backend_pid() = {}", client.pid());
            for sql in ["BEGIN", &sql, "COMMIT", &sql] {
                client.send(&[Message::Query(sql.as_bytes().to_vec())]).unwrap();
                let answers = client.answers().join(" ");
                assert!(!sql.contains("same") || answers.contains("same"), "{sql}: {answers}");
            }
            clients.push(client);
        }
    });
}

#[test]
fn a_role_that_a_backend_does_not_know_runs_nothing_there() {
    on(Engine::Postgres, "a_role_that_a_backend_does_not_know", |engine| async move {
        let stand = Stand::start(engine).await;
        let role = format!("{}_role", unique_name());
        let mut root = stand.shop.store.direct().await.unwrap();
        for sql in [format!("CREATE ROLE {role}"), format!("GRANT {role} TO app")] {
            root.run(&sql).await.unwrap();
        }
        let mut client = stand.client().await;
        client.run(&format!("SET ROLE {role}")).await.unwrap();
        for _ in 0..2 {
            refused(client.run("SELECT count(*) FROM tallies").await, stand.shop.dialect(), "22023", 0);
        }
        client.run("BEGIN").await.unwrap();
        refused(client.run("UPDATE tallies SET n = 1").await, stand.shop.dialect(), "22023", 0);
        client.run("ROLLBACK").await.unwrap();
        client.run("RESET ROLE").await.unwrap();
        assert_eq!(client.number("SELECT count(*) FROM tallies").await.unwrap(), 8);
        assert_eq!(stand.delivery("SELECT sum(n) FROM tallies").await, 0);
        client.close().await;
        for sql in [format!("REVOKE {role} FROM app"), format!("DROP ROLE {role}")] {
            root.run(&sql).await.unwrap();
        }
    });
}
