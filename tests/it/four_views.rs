//! 3 a.m., looked at from four sides at once: the dashboard in a browser, the console by psql and by the mariadb client, the command
//! line, and HTTP. All say the same of the same transaction, while it is in doubt, when somebody wants to resolve it wrongly, and when
//! all is whole again.
//!
//! With HANDFAST_SHOTS=FOLDER the story also makes the README's screenshots, after some more orders.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use handfast::base::{Dialect, Engine, clock};
use handfast::testbed::{Handfast, Order, Server, Shop, available};
use serde_json::{Value, json};

use crate::bed::{SETTLE_MAX, Stand, bed, binary, runtime, skip, until};
use crate::http;
use crate::operator::InDoubt;

/// A row must be in the browser this soon after the failpoint.
const ROW_MS_MAX: u64 = 2000;
/// All sides are asked again until they were asked between two changes.
const AGREE_MAX: Duration = Duration::from_secs(60);
/// Orders before each act: enough for the numbers, and for the screenshots' curves.
const ORDERS: u64 = 3;
const ORDERS_FOR_SHOTS: u64 = 1500;
/// Tried on the routing page for its picture.
const TRIED: &str = "UPDATE orders SET item = 'lamp' WHERE id = 7; UPDATE agents SET order_id = 7 WHERE name = 'Ann'";

#[test]
fn dashboard_console_command_line_and_http_say_the_same_of_a_transaction_in_doubt_and_its_end() {
    let name = "dashboard_console_command_line_and_http_say_the_same_of_a_transaction_in_doubt_and_its_end";
    if !available(Engine::Postgres) || !available(Engine::Mariadb) {
        return skip(&format!("{name} (PostgreSQL or MariaDB is not installed here)"));
    }
    runtime().block_on(story(name));
}

async fn story(name: &str) {
    let mut started =
        Server::start_all(bed(), &[(Engine::Postgres, "views-store"), (Engine::Mariadb, "views-delivery")]).unwrap();
    let (delivery, store) = (Arc::new(started.pop().unwrap()), Arc::new(started.pop().unwrap()));
    let shop = Shop::create(bed(), &store, &delivery, "shop").await.unwrap().told_in(Dialect::Postgres);
    let config = shop.config_with("users = [\"app\"]\n").replace("[listen]", "name = \"hf-1\"\n\n[listen]");
    let handfast = Arc::new(Handfast::with_config(binary(), &shop, &config).unwrap());
    let shop = Arc::new(shop);
    let stand = || Stand { shop: Arc::clone(&shop), handfast: Arc::clone(&handfast) };

    // Act 1: delivery dies between decision and commit, comes back, and nobody does anything.
    let halted = orders_until_the_halt(&stand(), 0).await;
    let Some(mut browser) = Browser::open(handfast.admin_port()) else {
        return skip(&format!("{name} (no Chromium here)"));
    };
    let doubt = in_doubt(stand(), &delivery, 1_000_001, &halted, &mut browser).await;
    let said = Views { doubt: &doubt }.agree(&mut browser).await;
    said.is_in_doubt("delivery", "store", "XA COMMIT '");
    browser.shot("#/now now 840");
    browser.shot(&format!("#/transactions/{} in-doubt 800", doubt.name));
    delivery.restart().unwrap();
    doubt.whole().await;
    Views { doubt: &doubt }.agree(&mut browser).await.is_settled();
    browser.shot(&format!("#/routing routing 780 {TRIED}"));

    // Act 2: the clients' own home dies, and somebody wants to resolve it: wrongly, then rightly.
    let halted = orders_until_the_halt(&stand(), 2_000_000).await;
    let doubt = in_doubt(stand(), &store, 3_000_001, &halted, &mut browser).await;
    let views = Views { doubt: &doubt };
    views.agree(&mut browser).await.is_in_doubt("store", "delivery", "COMMIT PREPARED '");
    views.refuse_a_rollback(&mut browser);
    views.agree(&mut browser).await.is_in_doubt("store", "delivery", "COMMIT PREPARED '");
    store.restart().unwrap();
    let resolved = || browser.ask(&format!("resolve {} commit", doubt.name));
    views.resolve_rightly(resolved).await;
    doubt.whole().await;
    views.agree(&mut browser).await.is_settled();
    browser.ask("bye");
}

/// Handfast is started, to halt at the decision after some orders; these.
async fn orders_until_the_halt(stand: &Stand, from: u64) -> PathBuf {
    let count = if std::env::var_os("HANDFAST_SHOTS").is_some() { ORDERS_FOR_SHOTS } else { ORDERS };
    let halted = stand.shop.folder().join("halted");
    stand.start_to_die(&format!("after-decision:{}@{}", count + 1, halted.display()));
    let mut client = stand.client().await;
    for number in from..from + count {
        client.run("BEGIN").await.unwrap();
        client.run_all(&Order::numbered(number).statements()).await.unwrap();
        client.run("COMMIT").await.unwrap();
    }
    halted
}

/// A backend dies behind the decision; the open page shows it in time.
async fn in_doubt(
    stand: Stand,
    dead: &Arc<Server>,
    order: u64,
    halted: &std::path::Path,
    browser: &mut Browser,
) -> InDoubt {
    browser.ask("watch");
    browser.say("row");
    let doubt = InDoubt::halted(stand, Arc::clone(dead), order, halted).await;
    let row = browser.hear();
    assert_eq!(row["name"], json!(doubt.name));
    let took = row["wall_ms"].as_u64().unwrap().saturating_sub(doubt.since_wall_ms);
    println!("the row was in the browser {took} ms after the failpoint");
    assert!(took < ROW_MS_MAX, "the row came after {took} ms");
    until("the status knows that it is down", SETTLE_MAX, || async {
        !http::read_json(doubt.port(), "/api/v1/status")["backends_down"].as_array().unwrap().is_empty()
    })
    .await;
    doubt
}

/// What a side says of the transaction, and of the whole.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    name: String,
    state: String,
    decision: String,
    why: String,
    next: String,
    /// Backend and state.
    branches: Vec<(String, String)>,
    /// Backend and SQL.
    by_hand: Vec<(String, String)>,
    /// The whole in a sentence, without what a second changes.
    sentence: String,
    in_doubt: String,
}

impl Said {
    #[track_caller]
    fn is_in_doubt(&self, dead: &str, alive: &str, verb: &str) {
        assert_eq!((self.state.as_str(), self.decision.as_str(), self.in_doubt.as_str()), ("in doubt", "commit", "1"));
        let mut branches =
            vec![(alive.to_owned(), "committed".to_owned()), (dead.to_owned(), "unreachable".to_owned())];
        branches.sort();
        assert_eq!(self.branches, branches);
        assert!(self.why.starts_with(&format!("it is decided COMMIT, and {dead} has not confirmed yet: ")), "{self:?}");
        assert!(self.next.starts_with(&format!("Nothing to do: Handfast commits it on {dead} as soon as")), "{self:?}");
        let [(on, sql)] = self.by_hand.as_slice() else { panic!("{self:?}") };
        assert!(on == dead && sql.starts_with(verb) && sql.contains(&self.name), "{self:?}");
        let plain = format!("1 transaction is in doubt: it waits for {dead}, which does not answer");
        assert!(self.sentence.starts_with(&plain), "{self:?}");
    }

    #[track_caller]
    fn is_settled(&self) {
        assert_eq!((self.state.as_str(), self.decision.as_str(), self.in_doubt.as_str()), ("committed", "commit", "0"));
        assert_eq!((self.why.as_str(), self.next.as_str()), ("", "Nothing: it is committed everywhere."));
        let committed = |(_, state): &(String, String)| state == "committed";
        assert!(self.branches.len() == 2 && self.branches.iter().all(committed), "{self:?}");
        assert!(self.by_hand.is_empty() && self.sentence.starts_with("All whole."), "{self:?}");
    }
}

/// One word for a state, whoever writes it how; blanks as HTML has them.
fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn word(text: &str) -> String {
    plain(text).to_lowercase().replace('_', " ")
}

/// The sentence without its ages and rates.
fn steady(sentence: &str) -> String {
    let words = sentence.split_whitespace();
    let mut words: Vec<&str> = words.skip_while(|word| word.is_empty()).collect();
    for at in 0..words.len() {
        if words[at] == "(for"
            || words.get(at + 1).is_some_and(|next| next.starts_with("transaction") && next.contains("/min"))
        {
            let age = if words[at] == "(for" { at + 1 } else { at };
            words[age] = "N";
        }
    }
    words.join(" ").replace("transaction/min", "transactions/min")
}

fn pairs(mut all: Vec<(String, String)>) -> Vec<(String, String)> {
    all.sort();
    all
}

/// The transaction from all sides.
struct Views<'d> {
    doubt: &'d InDoubt,
}

impl Views<'_> {
    /// Asks every side until all were asked of the same moment. They must say the same.
    async fn agree(&self, browser: &mut Browser) -> Said {
        let deadline = clock::now() + AGREE_MAX;
        loop {
            let told = self.http();
            let others = [
                ("the command line in JSON", self.command_line_json()),
                ("the command line", self.command_line()),
                ("the console by psql", self.console(|sql| self.psql(sql))),
                ("the console by mariadb", self.console(|sql| self.mariadb(sql))),
                ("the dashboard", self.dashboard(browser)),
            ];
            let mut differing = others.iter().filter(|(_, said)| *said != told).peekable();
            if differing.peek().is_none() {
                return told;
            }
            // Attempts are counted, and a database comes back, while they are asked one after the other.
            assert!(clock::now() < deadline, "HTTP says {told:#?}\n{:#?}", differing.collect::<Vec<_>>());
        }
    }

    fn of_json(transaction: &Value, status: &Value) -> Said {
        let text = |value: &Value| plain(value.as_str().unwrap_or_default());
        let branches = transaction["branches"].as_array().unwrap();
        let by_hand = branches.iter().filter(|b| !b["by_hand"].is_null());
        Said {
            name: text(&transaction["name"]),
            state: word(&text(&transaction["state"])),
            decision: text(&transaction["decision"]),
            why: text(&transaction["why"]),
            next: text(&transaction["next"]),
            branches: pairs(branches.iter().map(|b| (text(&b["backend"]), word(&text(&b["state"])))).collect()),
            by_hand: pairs(by_hand.map(|b| (text(&b["backend"]), text(&b["by_hand"]))).collect()),
            sentence: steady(status["sentence"].as_str().unwrap()),
            in_doubt: status["in_doubt"].to_string(),
        }
    }

    fn http(&self) -> Said {
        Self::of_json(&self.doubt.transaction(), &http::read_json(self.doubt.port(), "/api/v1/status"))
    }

    fn command_line_json(&self) -> Said {
        let (_, transaction, _) = self.doubt.command(&["transactions", "show", &self.doubt.name, "-o", "json"]);
        let (_, status, _) = self.doubt.command(&["status", "-o", "json"]);
        Self::of_json(&serde_json::from_str(&transaction).unwrap(), &serde_json::from_str(&status).unwrap())
    }

    /// As people read it: `show`, `list`, `status`.
    fn command_line(&self) -> Said {
        let (_, shown, _) = self.doubt.command(&["transactions", "show", &self.doubt.name]);
        let after = |word: &str| -> Vec<String> {
            let lines = shown.lines().filter_map(|line| line.strip_prefix(word));
            lines.map(plain).collect()
        };
        let state = after("state ").remove(0);
        let (state, decision) = state.split_once(", decision ").unwrap();
        let branches = shown.lines().skip_while(|line| *line != "branches").skip(1);
        let branches = branches.take_while(|line| line.starts_with("  ")).map(|line| {
            let mut cells = line.trim().split("  ");
            (cells.next().unwrap().to_owned(), cells.map(str::trim).find(|cell| !cell.is_empty()).unwrap().to_owned())
        });
        let by_hand = after("by hand ").into_iter().map(|line| {
            let (backend, sql) = line.strip_prefix("on ").unwrap().split_once(": ").unwrap();
            (backend.to_owned(), sql.to_owned())
        });
        let (_, listed, _) = self.doubt.command(&["transactions", "list"]);
        let (_, status, _) = self.doubt.command(&["status"]);
        let sentence = steady(status.lines().next().unwrap());
        // The list ends with the same sentence, unless time has gone on between the two.
        let same = listed.lines().last().map(steady).as_deref() == Some(sentence.as_str());
        Said {
            name: shown.lines().next().unwrap().to_owned(),
            state: state.to_owned(),
            decision: decision.split(',').next().unwrap().to_lowercase(),
            why: after("why ").pop().unwrap_or_default(),
            next: after("what now ").remove(0),
            branches: pairs(branches.collect()),
            by_hand: pairs(by_hand.collect()),
            sentence: if same { sentence } else { format!("two sentences: {sentence} / {listed}") },
            in_doubt: listed.lines().filter(|line| line.starts_with("hf1.")).count().to_string(),
        }
    }

    /// By SQL, which `ask` runs: rows of cells, NULL is empty.
    fn console(&self, ask: impl Fn(&str) -> Vec<Vec<String>>) -> Said {
        let name = &self.doubt.name;
        let columns = "name, state, decision, why, next";
        let [mut t] =
            <[Vec<String>; 1]>::try_from(ask(&format!("SELECT {columns} FROM transactions WHERE name = '{name}'")))
                .unwrap();
        let branches = ask(&format!("SELECT backend, state, by_hand FROM branches WHERE transaction = '{name}'"));
        let status = ask("SELECT sentence, in_doubt FROM status").remove(0);
        let pair = |row: &Vec<String>, at: usize| (row[0].clone(), plain(&row[at]));
        let by_hand = branches.iter().filter(|row| !row[2].is_empty()).map(|row| pair(row, 2)).collect();
        let branches = branches.iter().map(|row| (row[0].clone(), word(&row[1]))).collect();
        let (next, why) = (plain(&t.pop().unwrap()), plain(&t.pop().unwrap()));
        Said {
            name: t[0].clone(),
            state: word(&t[1]),
            decision: t[2].clone(),
            why,
            next,
            branches: pairs(branches),
            by_hand: pairs(by_hand),
            sentence: steady(&status[0]),
            in_doubt: status[1].clone(),
        }
    }

    fn psql_run(&self, sql: &str) -> std::process::Output {
        let port = self.doubt.stand.handfast.port(Dialect::Postgres).to_string();
        let mut command = Command::new("timeout");
        command.args(["60", "psql", "-X", "-h", "127.0.0.1", "-p", &port, "-U", "app", "-d", "handfast"]);
        command
            .args(["-v", "VERBOSITY=verbose", "-At", "-F", "\u{1f}", "-c", sql])
            .env("PGPASSWORD", "app")
            .output()
            .unwrap()
    }

    fn mariadb_run(&self, sql: &str) -> std::process::Output {
        let port = self.doubt.stand.handfast.port(Dialect::Mysql).to_string();
        let mut command = Command::new("timeout");
        command.args(["60", "mariadb", "--no-defaults", "-h", "127.0.0.1", "-P", &port, "-uapp", "-papp", "handfast"]);
        command.args(["-N", "-B", "--raw", "-e", sql]).output().unwrap()
    }

    fn psql(&self, sql: &str) -> Vec<Vec<String>> {
        rows(&self.psql_run(sql), '\u{1f}')
    }

    fn mariadb(&self, sql: &str) -> Vec<Vec<String>> {
        let null = |cell: String| if cell == "NULL" { String::new() } else { cell };
        rows(&self.mariadb_run(sql), '\t').into_iter().map(|row| row.into_iter().map(null).collect()).collect()
    }

    fn dashboard(&self, browser: &mut Browser) -> Said {
        let page = browser.ask(&format!("transaction {}", self.doubt.name));
        let now = browser.ask("status");
        let text = |value: &Value| plain(value.as_str().unwrap_or_default());
        let list = |value: &Value| -> Vec<(String, String)> {
            value.as_array().unwrap().iter().map(|pair| (text(&pair[0]), text(&pair[1]))).collect()
        };
        let by_hand = list(&page["by_hand"]).into_iter();
        let by_hand = by_hand.map(|(on, sql)| (on.strip_prefix("on ").unwrap().to_owned(), sql)).collect();
        let branches = list(&page["branches"]).into_iter().map(|(backend, state)| (backend, word(&state))).collect();
        Said {
            name: text(&page["name"]),
            state: word(&text(&page["state"])),
            decision: text(&page["decision"]).split(" at ").next().unwrap().to_lowercase(),
            why: text(&page["why"]),
            next: text(&page["next"]),
            branches: pairs(branches),
            by_hand: pairs(by_hand),
            sentence: steady(now["sentence"].as_str().unwrap()),
            in_doubt: text(&now["in_doubt"]),
        }
    }

    /// All sides refuse it, in the same words and with the same code.
    fn refuse_a_rollback(&self, browser: &mut Browser) {
        let name = &self.doubt.name;
        let answer = http::post(
            self.doubt.port(),
            &format!("/api/v1/transactions/{name}/resolve"),
            &json!({"outcome": "rollback"}),
        );
        let problem = answer.json();
        assert_eq!((answer.status, &problem["code"]), (409, &json!("HF0306")), "{problem}");
        let title = problem["title"].as_str().unwrap();
        assert!(title.ends_with("rolling back store would leave it half done"), "{title}");
        let (code, _, cli) = self.doubt.command(&["transactions", "resolve", name, "--rollback"]);
        assert_eq!(code, 1);
        let sql = format!("RESOLVE '{name}' ROLLBACK");
        let (psql, mariadb) = (self.psql_run(&sql), self.mariadb_run(&sql));
        assert!(!psql.status.success() && !mariadb.status.success());
        let page = browser.ask(&format!("resolve {name} rollback"));
        let error = |output: &std::process::Output| String::from_utf8_lossy(&output.stderr).into_owned();
        for (side, said) in [
            ("the command line", cli),
            ("psql", error(&psql)),
            ("mariadb", error(&mariadb)),
            ("the dashboard", page["refused"].as_str().unwrap_or_default().to_owned()),
        ] {
            assert!(plain(&said).contains(title), "{side}: {said}");
        }
        assert!(page["refused"].as_str().unwrap().contains("HF0306"), "{page}");
    }

    /// The database is back: the form of the dashboard, or a settler before it, finishes it; who asks once more hears that it is done.
    async fn resolve_rightly(&self, mut resolved: impl FnMut() -> Value) {
        let name = &self.doubt.name;
        let page = resolved();
        assert_eq!(page["refused"], Value::Null, "{page}");
        let commit = || self.doubt.command(&["transactions", "resolve", name, "--commit"]).0;
        until("it is resolved", SETTLE_MAX, || async { commit() == 0 }).await;
        let done = self.psql(&format!("RESOLVE '{name}' COMMIT"));
        assert_eq!(done[0][..2], [name.clone(), String::from("committed")]);
        assert_eq!(self.mariadb(&format!("RESOLVE '{name}' COMMIT")), done);
    }
}

#[track_caller]
fn rows(output: &std::process::Output, between: char) -> Vec<Vec<String>> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    // psql tells a command's tag behind its rows.
    let lines = text.lines().filter(|line| *line != "RESOLVE");
    lines.map(|line| line.split(between).map(str::to_owned).collect()).collect()
}

/// A person at the dashboard: `tests/web/reader.mjs`.
struct Browser {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
}

impl Browser {
    /// None: there is no Chromium, or no node to drive it.
    fn open(port: u16) -> Option<Self> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/web/run.sh");
        let mut command = Command::new("bash");
        command.arg(script).arg("reader.mjs").arg(format!("http://127.0.0.1:{port}"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (to, from) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        let mut browser = Self { child, to, from };
        let mut line = String::new();
        if browser.from.read_line(&mut line).unwrap() > 0 {
            return Some(browser);
        }
        let code = browser.child.wait().unwrap().code();
        // 127: no node.
        assert!(matches!(code, Some(3 | 127)), "the browser's script ended with {code:?}");
        None
    }

    fn say(&mut self, line: &str) {
        writeln!(self.to.as_mut().unwrap(), "{line}").unwrap();
    }

    fn hear(&mut self) -> Value {
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        assert_eq!(answer.get("error"), None, "{}", answer["error"].as_str().unwrap_or_default());
        answer
    }

    fn ask(&mut self, line: &str) -> Value {
        self.say(line);
        self.hear()
    }

    /// One of the README's pictures, if somebody wants them.
    fn shot(&mut self, what: &str) {
        if std::env::var_os("HANDFAST_SHOTS").is_some() {
            self.ask(&format!("shoot {what}"));
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The end of its input ends it and its Chromium; a test that fails does not wait for them.
        self.to = None;
        if !std::thread::panicking() {
            self.child.wait().ok();
        }
    }
}
