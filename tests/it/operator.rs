//! 3 a.m.: a database dies between the decision and its commit. Whatever the operator asks, HTTP or command line, says the same:
//! what is in doubt, why, what happens next, what can be done by hand. When the database is back, all settles.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use handfast::base::{Engine, clock};
use handfast::testbed::{Order, Server};
use serde_json::{Value, json};

use crate::bed::{SETTLE_MAX, Stand, binary, on_every_engine, own_servers, until};
use crate::http;

on_every_engine! {
    everybody_tells_the_same_of_a_transaction_in_doubt_and_it_settles_without_a_hand;
    resolve_finishes_what_can_be_finished_and_refuses_what_would_make_half;
    what_a_person_has_concluded_is_on_record_and_still_whole_when_the_database_is_back;
}

/// A shop with one transaction that is decided and committed, but on a backend that is dead.
pub struct InDoubt {
    pub stand: Stand,
    pub dead: Arc<Server>,
    pub order: Order,
    pub name: String,
    /// When Handfast went on behind the decision and met the dead backend, milliseconds since 1970.
    pub since_wall_ms: u64,
}

impl InDoubt {
    /// In a shop of its own, where delivery dies.
    pub async fn begin(engine: Engine, label: &str) -> Self {
        let (store, delivery) = own_servers(engine, label);
        let stand = Stand::over(&store, &delivery).await;
        let halted = stand.shop.folder().join("halted");
        stand.start_to_die(&format!("after-decision@{}", halted.display()));
        Self::halted(stand, delivery, 7, &halted).await
    }

    /// Where Handfast runs, to halt by this file as soon as an order's decision is on disk: then the server is killed, and Handfast
    /// goes on.
    pub async fn halted(stand: Stand, dead: Arc<Server>, order: u64, halted: &Path) -> Self {
        let order = Order::numbered(order);
        let mut client = stand.client().await;
        client.run("BEGIN").await.unwrap();
        client.run_all(&order.statements()).await.unwrap();
        let committing = async { client.run("COMMIT").await.expect("it is decided, so it is success") };
        let killing = async {
            until("Handfast is halted", SETTLE_MAX, || async { halted.exists() }).await;
            dead.kill9();
            std::fs::remove_file(halted).unwrap();
            clock::wall_ms()
        };
        let (_, since_wall_ms) = tokio::join!(committing, killing);
        let port = stand.handfast.admin_port();
        let doubtful = || http::read_json(port, "/api/v1/transactions?state=in_doubt");
        until("the settler has met the dead backend", SETTLE_MAX, || async {
            let first = &doubtful()["transactions"][0];
            first["branches"].as_array().is_some_and(|all| all.iter().any(|b| b["attempts"].as_u64() > Some(0)))
        })
        .await;
        let name = doubtful()["transactions"][0]["name"].as_str().unwrap().to_owned();
        Self { stand, dead, order, name, since_wall_ms }
    }

    pub fn port(&self) -> u16 {
        self.stand.handfast.admin_port()
    }

    pub fn transaction(&self) -> Value {
        http::read_json(self.port(), &format!("/api/v1/transactions/{}", self.name))
    }

    /// `handfast …`: exit code, standard output, standard error.
    pub fn command(&self, args: &[&str]) -> (i32, String, String) {
        let output = Command::new(binary()).arg("-c").arg(self.stand.handfast.config()).args(args).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    /// Waits until nothing is in doubt, and looks at the databases themselves.
    pub async fn whole(&self) {
        until("nothing is in doubt", SETTLE_MAX, || async {
            http::read_json(self.port(), "/api/v1/status")["in_doubt"] == 0
        })
        .await;
        self.stand.settled().await;
        assert_eq!(self.stand.sides(self.order.id).await, (1, 1), "{}", self.stand.handfast.log_tail());
    }
}

fn branch<'v>(transaction: &'v Value, backend: &str) -> &'v Value {
    let all = transaction["branches"].as_array().unwrap();
    all.iter().find(|b| b["backend"] == backend).unwrap_or_else(|| panic!("no {backend} in {transaction}"))
}

async fn everybody_tells_the_same_of_a_transaction_in_doubt_and_it_settles_without_a_hand(engine: Engine) {
    let doubt = InDoubt::begin(engine, "operator").await;
    let shown = doubt.transaction();
    assert_eq!((&shown["state"], &shown["decision"]), (&json!("in_doubt"), &json!("commit")), "{shown:#}");
    assert_eq!(branch(&shown, "store")["state"], "committed", "{shown:#}");
    assert_eq!(branch(&shown, "store")["by_hand"], Value::Null);
    let waiting = branch(&shown, "delivery");
    assert_eq!(waiting["state"], "unreachable", "{shown:#}");
    let by_hand = waiting["by_hand"].as_str().unwrap();
    let verb = if engine == Engine::Postgres { "COMMIT PREPARED" } else { "XA COMMIT" };
    assert!(by_hand.starts_with(verb) && by_hand.contains(&doubt.name), "{by_hand}");
    let why = shown["why"].as_str().unwrap();
    assert!(why.contains("decided COMMIT") && why.contains("delivery"), "{why}");
    let what: Vec<&str> = shown["timeline"].as_array().unwrap().iter().map(|e| e["what"].as_str().unwrap()).collect();
    for expected in ["prepare sent", "prepared", "decided", "committed", "failed"] {
        assert!(what.contains(&expected), "{expected} is not in {what:?}");
    }
    until("the status knows that delivery is down", SETTLE_MAX, || async {
        http::read_json(doubt.port(), "/api/v1/status")["backends_down"] == json!(["delivery"])
    })
    .await;
    let status = http::read_json(doubt.port(), "/api/v1/status");
    assert_eq!(status["in_doubt"], 1);
    let sentence = status["sentence"].as_str().unwrap();
    let plain = "1 transaction is in doubt: it waits for delivery, which does not answer (for ";
    assert!(sentence.starts_with(plain), "{sentence}");
    assert!(sentence.ends_with("Handfast commits it when delivery is back."), "{sentence}");

    let (code, text, _) = doubt.command(&["transactions", "list"]);
    assert!(code == 1 && text.contains(&doubt.name) && text.contains("delivery unreachable"), "{code}\n{text}");
    let (code, text, _) = doubt.command(&["transactions", "list", "-o", "json"]);
    let listed: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &listed["transactions"][0]["name"]), (1, &json!(doubt.name)));
    let (code, text, _) = doubt.command(&["transactions", "show", &doubt.name]);
    assert!(
        code == 1 && text.contains(by_hand) && text.contains("what now   Nothing to do: Handfast commits it"),
        "{text}"
    );
    let (code, text, _) = doubt.command(&["status"]);
    assert!(code == 1 && text.contains(plain), "{code}\n{text}");
    let (code, text, _) = doubt.command(&["status", "--quiet"]);
    assert_eq!((code, text.as_str()), (0, ""), "it takes clients");
    let metrics = http::get(doubt.port(), "/metrics").body;
    assert!(metrics.lines().any(|line| line == "handfast_in_doubt_transactions 1"), "{metrics}");

    doubt.dead.restart().unwrap();
    doubt.whole().await;
    let shown = doubt.transaction();
    assert_eq!((&shown["state"], &shown["why"]), (&json!("committed"), &Value::Null), "{shown:#}");
    assert_eq!(shown["timeline"].as_array().unwrap().last().unwrap()["what"], "settled", "{shown:#}");
    let (code, text, _) = doubt.command(&["transactions", "list"]);
    assert!(code == 0 && text.starts_with("All whole."), "{code}\n{text}");
}

async fn resolve_finishes_what_can_be_finished_and_refuses_what_would_make_half(engine: Engine) {
    let doubt = InDoubt::begin(engine, "resolve").await;
    let path = format!("/api/v1/transactions/{}/resolve", doubt.name);
    for body in [json!({"outcome": "rollback"}), json!({"outcome": "rollback", "force": true, "who": "ann"})] {
        let answer = http::post(doubt.port(), &path, &body);
        let problem = answer.json();
        assert_eq!((answer.status, &problem["code"]), (409, &json!("HF0306")), "{problem}");
        assert_eq!(answer.media_type, "application/problem+json");
        assert!(
            problem["title"].as_str().unwrap().contains("rolling back delivery would leave it half done"),
            "{problem}"
        );
    }
    let (code, text, error) = doubt.command(&["transactions", "resolve", &doubt.name, "--rollback"]);
    assert!(code == 1 && text.is_empty() && error.starts_with("error[HF0306]: "), "{code}\n{text}{error}");
    let (code, _, error) = doubt.command(&["transactions", "show", "hf1.no.such.1.1"]);
    assert!(code == 1 && error.starts_with("error[HF0307]: "), "{error}");

    doubt.dead.restart().unwrap();
    let resolved = || doubt.command(&["transactions", "resolve", &doubt.name, "--commit", "-o", "json"]);
    until("a resolve succeeds", SETTLE_MAX, || async { resolved().0 == 0 }).await;
    doubt.whole().await;
    let (code, text, _) = resolved();
    let again: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &again["state"]), (0, &json!("committed")), "asking twice is asking once");
    let (code, ..) = doubt.command(&["transactions", "resolve", &doubt.name, "--rollback"]);
    assert_eq!(code, 1, "what is committed is committed");
}

async fn what_a_person_has_concluded_is_on_record_and_still_whole_when_the_database_is_back(engine: Engine) {
    let doubt = InDoubt::begin(engine, "conclude").await;
    let resolve = ["transactions", "resolve", &doubt.name, "--commit"];
    let (code, _, error) = doubt.command(&[&resolve[..], &["--force-heuristic", "--who", "ann"]].concat());
    assert!(code == 1 && error.starts_with("error[HF0306]: ") && error.contains("--give-up delivery"), "{error}");
    assert_eq!(http::read_json(doubt.port(), "/api/v1/status")["in_doubt"], 1, "nothing is given up by the way");
    let (code, _, error) = doubt.command(&[&resolve[..], &["--give-up", "delivery", "--who", " "]].concat());
    assert!(code == 1 && error.starts_with("error[HF0602]: "), "{error}");
    let (code, text, error) = doubt.command(&[&resolve[..], &["--give-up", "delivery", "--who", "ann"]].concat());
    assert!(code == 0 && text.contains("given up by ann"), "{code}\n{text}{error}");
    let verb = if engine == Engine::Postgres { "COMMIT PREPARED" } else { "XA COMMIT" };
    assert!(text.contains(&format!("by hand    on delivery: {verb}")), "what to run if it comes back: {text}");
    assert_eq!(http::read_json(doubt.port(), "/api/v1/status")["in_doubt"], 0);
    let (_, text, _) = doubt.command(&["journal", "dump"]);
    assert!(text.contains(&format!("concluded {}", doubt.name)) && text.contains(" given up"), "{text}");
    assert!(doubt.stand.handfast.log_text().contains("A PERSON HAS CONCLUDED A TRANSACTION"));

    doubt.dead.restart().unwrap();
    until("the branch that came back is committed, as decided", SETTLE_MAX, || async {
        doubt.stand.shop.branches().await.is_ok_and(|left| left.is_empty())
    })
    .await;
    doubt.whole().await;
    let (_, text, _) = doubt.command(&["journal", "dump"]);
    assert!(text.contains("by \"ann\""), "{text}");
}
