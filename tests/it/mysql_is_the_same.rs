//! The same MySQL script gives the same packets directly and through Handfast: over one backend, over two with the
//! script's tables at home, and over two with them on the other one. The scripts are `mysql_is_the_same/scripts.txt`; what
//! differs by design stands there with its reason.

pub(crate) mod client;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use handfast::base::Engine;
use handfast::testbed::{Direct, Handfast, Shop};
use handfast::wire::mysql::{caps, com};

use crate::bed::{SETTLE_MAX, Stand, bed, binary, on, refused, servers, unique_name};
use client::{Choices, Client, Shape, whichever_plan};

/// Made anew before each script.
const TABLES: &[&str] = &[
    "SET SESSION lock_wait_timeout=20",
    "DROP TABLE IF EXISTS made, made2, t, u, types, other",
    "DROP VIEW IF EXISTS v",
    "DROP PROCEDURE IF EXISTS p",
    "DROP PROCEDURE IF EXISTS made",
    "DROP FUNCTION IF EXISTS made",
    "DROP FUNCTION IF EXISTS made2",
    "DROP EVENT IF EXISTS ev",
    "CREATE TABLE t (id int PRIMARY KEY AUTO_INCREMENT, name varchar(40), n int NOT NULL DEFAULT 0) CHARSET utf8mb4",
    "CREATE TABLE u (id int PRIMARY KEY, big longblob, UNIQUE KEY named (id))",
    "CREATE TABLE types (a tinyint, b smallint unsigned, c mediumint, d int, e bigint unsigned, f float, g double, \
     h decimal(20,5), i date, j time(3), k datetime(6), l timestamp NULL, m year, n char(5), o varchar(20), p binary(4), \
     q blob, r text, s enum('x','y'), t set('a','b','c'), u bit(9), v json)",
    "INSERT INTO t (id, name, n) VALUES (1, 'one', 1), (2, NULL, 2), (3, 'é€', 3)",
    "INSERT INTO types VALUES (-1, 2, 3, 4, 18446744073709551615, 1.5, 2.25, 12345.67890, '2024-02-29', '-12:34:56.789', \
     '2024-01-02 03:04:05.678901', '2024-01-02 03:04:05', 1999, 'abc', 'é', 'ab', 'blob', 'text', 'y', 'a,c', 257, '{\"a\": 1}')",
    "INSERT INTO types (a) VALUES (NULL)",
    "CREATE PROCEDURE p(IN x int, OUT y int) BEGIN SELECT x; SELECT id, name FROM t; SET y = x + 1; END",
];

struct Script {
    name: String,
    /// Not with its tables on another backend than home.
    home_only: bool,
    /// One engine only.
    engine: Option<Engine>,
    steps: Vec<String>,
}

fn scripts(engine: Engine, files: &[&str]) -> Vec<Script> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/mysql_is_the_same");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let mut scripts: Vec<Script> = Vec::new();
    let texts: Vec<String> = files.iter().map(|name| read(name)).collect();
    for line in texts.iter().flat_map(|text| text.lines()) {
        if let Some(title) = line.strip_prefix("== ") {
            let engine = [("[mariadb]", Engine::Mariadb), ("[mysql]", Engine::Mysql)];
            let engine = engine.into_iter().find(|(mark, _)| title.contains(mark)).map(|(_, engine)| engine);
            let home_only = title.contains("[home]");
            scripts.push(Script { name: title.to_owned(), home_only, engine, steps: Vec::new() });
        } else if let Some(script) = scripts.last_mut()
            && !line.is_empty()
            && !line.starts_with('#')
        {
            script.steps.push(line.to_owned());
        }
    }
    scripts.retain(|script| script.engine.is_none_or(|only| only == engine));
    if let Ok(only) = std::env::var("HANDFAST_SCRIPT") {
        scripts.retain(|script| script.name.contains(&only));
    }
    scripts
}

/// Where a script is run.
#[derive(Clone)]
struct Place {
    port: u16,
    database: String,
}

/// A step: `2:` the second session, `2&` it is sent there and answered at `2.`; `!word …` a command; else SQL.
fn step(place: &Place, clients: &mut HashMap<char, Client>, line: &str) -> Vec<String> {
    let (who, line) = match line.split_at_checked(2) {
        Some(("2:", rest)) => ('2', rest.trim_start()),
        Some(("2&" | "2.", _)) => ('2', line),
        _ => ('1', line),
    };
    if let Some(wanted) = line.strip_prefix("!login") {
        clients.remove(&who);
        return match Client::connect(place.port, &choices(place, wanted)) {
            Ok(client) => {
                clients.insert(who, client);
                vec!["logged in".into()]
            }
            Err(error) => vec![format!("no login: {error}")],
        };
    }
    let line = &numbered(clients, line);
    let client = match clients.entry(who) {
        std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
        std::collections::hash_map::Entry::Vacant(entry) => {
            match Client::connect(place.port, &Choices::usual(&place.database)) {
                Ok(client) => entry.insert(client),
                Err(error) => return vec![format!("no login: {error}")],
            }
        }
    };
    if let Some(sql) = line.strip_prefix("2&") {
        client.start(com::QUERY, sql.trim_start().as_bytes()).unwrap();
        return Vec::new();
    }
    if line.starts_with("2.") {
        return client.answer(Shape::Results);
    }
    match line.strip_prefix('!') {
        Some(command) => special(client, command),
        None => client.query(line.as_bytes()),
    }
}

/// `!login word … name=value …`
fn choices(place: &Place, wanted: &str) -> Choices {
    let mut choices = Choices::usual(&place.database);
    for word in wanted.split_whitespace() {
        match word.split_once('=').unwrap_or((word, "")) {
            ("found_rows", _) => choices.capabilities |= caps::FOUND_ROWS,
            ("ignore_space", _) => choices.capabilities |= caps::IGNORE_SPACE,
            ("no_local", _) => choices.capabilities &= !caps::LOCAL_FILES,
            ("no_multi", _) => {
                choices.capabilities &= !(caps::MULTI_STATEMENTS | caps::MULTI_RESULTS | caps::PS_MULTI_RESULTS);
            }
            ("charset", number) => choices.charset = number.parse().unwrap(),
            ("password", password) => choices.password = password.to_owned(),
            ("database", database) => choices.database = database.to_owned(),
            unknown => panic!("no such choice: {unknown:?}"),
        }
    }
    choices
}

/// `{2}` is the second session's number.
fn numbered(clients: &HashMap<char, Client>, line: &str) -> String {
    let mut line = line.to_owned();
    for (who, client) in clients {
        line = line.replace(&format!("{{{who}}}"), &client.thread_id.to_string());
    }
    line
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// `a|b|3|c` is `abbbc`.
fn repeated(pieces: &[&str]) -> String {
    let mut text = String::new();
    for (at, piece) in pieces.iter().enumerate() {
        match piece.parse::<usize>() {
            Ok(count) => text.push_str(&pieces[at - 1].repeat(count - 1)),
            Err(_) => text.push_str(piece),
        }
    }
    text
}

fn columns(count: u32) -> Vec<u8> {
    let columns: Vec<String> = (0..count).map(|n| format!("{n} AS c{n}")).collect();
    format!("SELECT {}", columns.join(",")).into_bytes()
}

fn special(client: &mut Client, line: &str) -> Vec<String> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let values: Vec<&str> = rest.split('|').collect();
    let number = rest.parse::<u32>().unwrap_or(0);
    let id = client.statement.to_le_bytes();
    match word {
        "prepare" => client.ask(com::STMT_PREPARE, rest.as_bytes(), Shape::Prepared),
        "execute" => client.ask(com::STMT_EXECUTE, &client.execution(&values, false), Shape::Results),
        "cursor" => client.ask(com::STMT_EXECUTE, &client.execution(&values, true), Shape::Results),
        "fetch" => client.ask(com::STMT_FETCH, &[id, number.to_le_bytes()].concat(), Shape::Rows),
        "reset" => client.ask(com::STMT_RESET, &id, Shape::Results),
        "close" => client.ask(com::STMT_CLOSE, &id, Shape::None),
        "long" => client.ask(com::STMT_SEND_LONG_DATA, &[&id[..], &[0, 0], rest.as_bytes()].concat(), Shape::None),
        "database" => client.ask(com::INIT_DB, rest.as_bytes(), Shape::Results),
        "ping" => client.ask(com::PING, b"", Shape::Results),
        "fields" => client.ask(com::FIELD_LIST, &[rest.as_bytes(), b"\0"].concat(), Shape::Rows),
        "statistics" => client.ask(com::STATISTICS, b"", Shape::Line),
        "reset_connection" => client.ask(com::RESET_CONNECTION, b"", Shape::Results),
        "refresh" => client.ask(com::REFRESH, &[u8::try_from(number).unwrap()], Shape::Results),
        // Who else is connected differs.
        "processes" => client.ask(com::PROCESS_INFO, b"", Shape::Results).into_iter().take(1).collect(),
        "option" => client.ask(com::SET_OPTION, &[u8::try_from(number).unwrap(), 0], Shape::Results),
        "raw" => client.raw(&unhex(rest)),
        "hex" => client.query(&unhex(rest)),
        "preparehex" => client.ask(com::STMT_PREPARE, &unhex(rest), Shape::Prepared),
        "executed" => client.ask(com::STMT_EXECUTE, &[&id[..], &unhex(rest)].concat(), Shape::Results),
        "seq" => {
            let (number, text) = rest.split_once(' ').unwrap();
            client.ask_numbered(number.parse().unwrap(), text.as_bytes())
        }
        "text" => client.query(format!("SELECT '{}' = ''", "x".repeat(number as usize - 14)).as_bytes()),
        "rows" => client.query(format!("SELECT REPEAT('r', {number}) UNION ALL SELECT 'x'").as_bytes()),
        "columns" => client.query(&columns(number)),
        "prepared_columns" => client.ask(com::STMT_PREPARE, &columns(number), Shape::Prepared),
        "repeat" => client.query(repeated(&values).as_bytes()),
        "change_user" => client.change_user(values[0], values[1], values[2]),
        "kill" => client.ask(com::PROCESS_KILL, &number.to_le_bytes(), Shape::Results),
        "many" => {
            client.file = (0..number).flat_map(|n| format!("{n}\n").into_bytes()).collect();
            Vec::new()
        }
        "longs" => {
            let numbers: Vec<usize> = rest.split(' ').map(|n| n.parse().unwrap()).collect();
            let piece = [&id[..], &[u8::try_from(numbers[0]).unwrap(), 0], &vec![b'l'; numbers[1]]].concat();
            (0..numbers[2]).flat_map(|_| client.ask(com::STMT_SEND_LONG_DATA, &piece, Shape::None)).collect()
        }
        "command" => client.ask(u8::try_from(number).unwrap(), b"x", Shape::Results),
        "file" => {
            client.file = rest.replace("\\n", "\n").replace("\\t", "\t").into_bytes();
            Vec::new()
        }
        "big" => client.query(&[b"INSERT INTO u VALUES (1, '", "x".repeat(number as usize).as_bytes(), b"')"].concat()),
        "bytes" => client.query(&rest.split(',').map(|byte| byte.parse().unwrap()).collect::<Vec<u8>>()),
        unknown => panic!("no such step: {unknown}"),
    }
}

/// Returns when a statement is blocked, or sleeps: only then may the script go on.
async fn waits_there(root: &mut Direct, sql: &str) {
    let blocked = if sql.contains("SLEEP") {
        format!(
            "SELECT COUNT(*) FROM information_schema.processlist WHERE state = 'User sleep' AND info LIKE '%{sql}%'"
        )
    } else {
        format!(
            "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT' AND trx_query LIKE '%{sql}%'"
        )
    };
    let deadline = handfast::base::clock::now() + SETTLE_MAX;
    while root.number(&blocked).await.unwrap() == 0 {
        assert!(handfast::base::clock::now() < deadline, "{sql} does not wait");
        // InnoDB answers from a copy that it renews only when nobody has asked for 100 ms.
        tokio::time::sleep(std::time::Duration::from_millis(150)).await;
    }
}

/// Clients that take every connection that is not held, between any two steps.
struct Thieves(Vec<Client>);

/// Connections to a backend where there are thieves.
const SCARCE: usize = 2;

impl Thieves {
    fn new(place: &Place) -> Self {
        Self((0..SCARCE).map(|_| Client::connect(place.port, &Choices::usual(&place.database)).unwrap()).collect())
    }

    /// `held`: so many connections are in transactions.
    fn take_all(&mut self, held: usize) {
        const WHERE: [&str; 2] = ["/* handfast: backend=store */", "/* handfast: backend=delivery */"];
        for (number, thief) in self.0.iter_mut().enumerate().skip(held) {
            for place in WHERE {
                thief.query(format!("{place} SELECT GET_LOCK('thief{number}', 0)").as_bytes());
            }
        }
        for thief in &mut self.0 {
            for place in WHERE {
                thief.query(format!("{place} SELECT RELEASE_ALL_LOCKS()").as_bytes());
            }
        }
    }
}

/// Whether an answer says that a transaction is open; an error says nothing.
fn in_transaction(answer: &[String], before: bool) -> bool {
    let Some(last) = answer.last() else { return before };
    let after = |mark: &str| last.find(mark).map(|at| &last[at + mark.len()..]);
    let flags = after("EOF Some((").or_else(|| after("status: "));
    let digits = flags.map(|f| f.chars().take_while(char::is_ascii_digit).collect::<String>());
    digits.and_then(|d| d.parse::<u16>().ok()).map_or(before, |flags| flags & 1 != 0)
}

/// All answers of a script, in a place whose tables are made anew by `root`.
async fn run(place: &Place, root: &mut Direct, script: &Script) -> Vec<Vec<String>> {
    run_among(place, root, script, &mut Thieves(Vec::new())).await
}

async fn run_among(place: &Place, root: &mut Direct, script: &Script, thieves: &mut Thieves) -> Vec<Vec<String>> {
    for sql in TABLES {
        root.run(sql).await.unwrap();
    }
    let mut clients = HashMap::new();
    let mut open = [false; 2];
    let mut answers = Vec::with_capacity(script.steps.len());
    for line in &script.steps {
        let line = line.strip_prefix('~').unwrap_or(line);
        if !line.starts_with("2.") {
            thieves.take_all(open.iter().filter(|open| **open).count());
        }
        let mut answer = step(place, &mut clients, line);
        if line.contains("SHOW ") {
            answer = answer.into_iter().map(whichever_plan).collect();
        }
        let who = usize::from(line.starts_with('2'));
        open[who] = line.starts_with("2&") || in_transaction(&answer, open[who]);
        answers.push(answer);
        if let Some(sql) = line.strip_prefix("2&") {
            waits_there(root, sql.trim_start()).await;
        }
    }
    answers
}

/// Handfast over the databases of `shop`, as `edit` changes its configuration.
async fn through(shop: &Shop, edit: impl Fn(String) -> String) -> (Arc<Handfast>, Place) {
    let own = Shop::create(bed(), &shop.store.server, &shop.delivery.server, &unique_name()).await.unwrap();
    let config = own.config().replace(&own.store.url(), &shop.store.url());
    let config = edit(config.replace(&own.delivery.url(), &shop.delivery.url()));
    let handfast = Handfast::with_config(binary(), &own, &config).unwrap();
    handfast.start().unwrap();
    let port = handfast.port(own.dialect());
    (Arc::new(handfast), Place { port, database: "shop".to_owned() })
}

fn one_backend(config: String) -> String {
    let (before, rest) = config.split_once("[backends.delivery]").unwrap();
    format!("{before}[journal]{}", rest.split_once("[journal]").unwrap().1)
}

fn tables_away(config: String) -> String {
    let away: String = ["t", "u", "types", "other", "made", "made2", "v", "missing"]
        .iter()
        .map(|table| format!("\"{table}\" = \"delivery\"\n"))
        .collect();
    config.replace("[tables]\n", &format!("[tables]\n{away}"))
}

async fn the_same_packets(engine: Engine) {
    let (store, delivery) = servers(engine);
    let shop = Shop::create(bed(), &store, &delivery, &unique_name()).await.unwrap();
    let mut at_store = shop.store.direct().await.unwrap();
    let mut at_delivery = shop.delivery.direct().await.unwrap();
    for root in [&mut at_store, &mut at_delivery] {
        root.run("SET GLOBAL max_allowed_packet = 67108864").await.unwrap();
    }
    let (_one, one) = through(&shop, one_backend).await;
    let (_home, home) = through(&shop, |config| config).await;
    let (_away, away) = through(&shop, tables_away).await;
    let place = |database: &handfast::testbed::Database| Place {
        port: database.server.port(),
        database: database.name.clone(),
    };
    let (store, delivery) = (place(&shop.store), place(&shop.delivery));
    let (mut differences, mut count) = (Vec::new(), 0);
    for script in &scripts(engine, &["scripts.txt", "wire.txt"]) {
        count += 1;
        let expected = run(&store, &mut at_store, script).await;
        let mut seen = vec![("one backend", expected.clone(), run(&one, &mut at_store, script).await)];
        seen.push(("home", expected, run(&home, &mut at_store, script).await));
        if !script.home_only {
            let expected = run(&delivery, &mut at_delivery, script).await;
            seen.push(("away", expected, run(&away, &mut at_delivery, script).await));
        }
        for (whence, expected, seen) in &seen {
            for ((line, expected), seen) in script.steps.iter().zip(expected).zip(seen) {
                // What differs by design says so.
                if expected != seen && !line.starts_with('~') {
                    let name = &script.name;
                    differences.push(format!("{name}, {whence}: {line}\n  direct  {expected:#?}\n  through {seen:#?}"));
                }
            }
        }
    }
    println!("{count} scripts, {} differences", differences.len());
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(count > 0);
}

fn scarce(config: String) -> String {
    let pool = format!("[pool]\nmode = \"transaction\"\nsize = {SCARCE}\nacquire_timeout = \"100ms\"\n\n[journal]");
    config.replace("[journal]", &pool)
}

/// The same with a pool that other clients empty between any two steps: nothing that a session has may be lost.
async fn the_same_packets_among_thieves(engine: Engine) {
    let (store, delivery) = servers(engine);
    let shop = Shop::create(bed(), &store, &delivery, &unique_name()).await.unwrap();
    let mut at_store = shop.store.direct().await.unwrap();
    let mut at_delivery = shop.delivery.direct().await.unwrap();
    for root in [&mut at_store, &mut at_delivery] {
        root.run("SET GLOBAL max_allowed_packet = 67108864").await.unwrap();
    }
    let (_one, one) = through(&shop, |config| scarce(one_backend(config))).await;
    let (_home, home) = through(&shop, scarce).await;
    let (_away, away) = through(&shop, |config| scarce(tables_away(config))).await;
    let place = |database: &handfast::testbed::Database| Place {
        port: database.server.port(),
        database: database.name.clone(),
    };
    let (store, delivery) = (place(&shop.store), place(&shop.delivery));
    let mut thieves = [&one, &home, &away].map(Thieves::new);
    let (mut differences, mut count) = (Vec::new(), 0);
    for script in &scripts(engine, &["scripts.txt"]) {
        count += 1;
        let expected = run(&store, &mut at_store, script).await;
        let ran = run_among(&one, &mut at_store, script, &mut thieves[0]).await;
        let mut seen = vec![("one backend", expected.clone(), ran)];
        seen.push(("home", expected, run_among(&home, &mut at_store, script, &mut thieves[1]).await));
        if !script.home_only {
            let expected = run(&delivery, &mut at_delivery, script).await;
            seen.push(("away", expected, run_among(&away, &mut at_delivery, script, &mut thieves[2]).await));
        }
        for (whence, expected, seen) in &seen {
            for ((line, expected), seen) in script.steps.iter().zip(expected).zip(seen) {
                if expected != seen && !line.starts_with('~') {
                    let name = &script.name;
                    differences.push(format!("{name}, {whence}: {line}\n  direct  {expected:#?}\n  through {seen:#?}"));
                }
            }
        }
    }
    println!("{count} scripts, {} differences", differences.len());
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(count > 0);
}

#[test]
fn mariadb_answers_the_same_packets_when_every_connection_is_taken_between_any_two_statements() {
    on(Engine::Mariadb, "mariadb_among_thieves", the_same_packets_among_thieves);
}

#[test]
fn mysql_answers_the_same_packets_when_every_connection_is_taken_between_any_two_statements() {
    on(Engine::Mysql, "mysql_among_thieves", the_same_packets_among_thieves);
}

#[test]
fn mariadb_answers_the_same_packets_through_us() {
    on(Engine::Mariadb, "mariadb_answers_the_same_packets_through_us", the_same_packets);
}

#[test]
fn mysql_answers_the_same_packets_through_us() {
    on(Engine::Mysql, "mysql_answers_the_same_packets_through_us", the_same_packets);
}

#[test]
fn a_variable_that_another_backend_set_is_refused_and_never_null() {
    on(Engine::Mariadb, "a_variable_that_another_backend_set", |engine| async move {
        let stand = Stand::start(engine).await;
        let mut client = stand.client().await;
        client.run("UPDATE tallies SET n = 7 WHERE id = 1").await.unwrap();
        client.run("SELECT n INTO @n FROM tallies WHERE id = 1").await.unwrap();
        assert_eq!(client.number("SELECT @n + 0").await.unwrap(), 7);
        refused(client.run("UPDATE counters SET n = @n WHERE id = 1").await, stand.shop.dialect(), "", 1235);
        client.run("UPDATE tallies SET n = @n + 1 WHERE id = 2").await.unwrap();
        assert_eq!(stand.delivery("SELECT n FROM tallies WHERE id = 2").await, 8);
        client.run("SET @n = 3").await.unwrap();
        client.run("UPDATE counters SET n = @n WHERE id = 1").await.unwrap();
        assert_eq!(stand.store("SELECT n FROM counters WHERE id = 1").await, 3);
    });
}

#[test]
fn another_backends_database_is_not_used_and_the_error_says_what_to_do() {
    on(Engine::Mariadb, "another_backends_database", |engine| async move {
        let stand = Stand::start(engine).await;
        let mut client = stand.client().await;
        for name in ["delivery", &stand.shop.delivery.name] {
            let error = refused(client.run(&format!("USE {name}")).await, stand.shop.dialect(), "", 1049);
            assert!(error.message.contains("[tables]"), "{error}");
        }
        assert_eq!(client.number("SELECT COUNT(*) FROM delivery.tallies").await.unwrap(), 8);
    });
}

#[test]
fn drivers_that_ask_for_autocommit_hear_the_sessions_own() {
    on(Engine::Mariadb, "drivers_that_ask_for_autocommit", |engine| async move {
        let stand = Stand::start(engine).await;
        let mut client = stand.client().await;
        for (set, expected) in [("SET autocommit = 0", 0), ("SET autocommit = 1", 1)] {
            client.run(set).await.unwrap();
            assert_eq!(client.number("SELECT @@session.autocommit").await.unwrap(), expected);
        }
    });
}

#[test]
fn a_user_variable_may_be_set_any_number_of_times() {
    on(Engine::Mariadb, "a_user_variable_may_be_set_any_number_of_times", |engine| async move {
        let stand = Stand::start(engine).await;
        let mut client = stand.client().await;
        for number in 0..600 {
            client.run(&format!("SET @a = {number}")).await.unwrap();
        }
        assert_eq!(client.number("SELECT @a").await.unwrap(), 599);
    });
}
