//! What an operator does by hand: finishing everything while nothing serves, looking at branches of others, stopping in order,
//! and asking from another machine.

use std::process::{Command, Stdio};

use handfast::base::{Dialect, Engine};
use handfast::testbed::{Direct, Order};
use serde_json::{Value, json};

use crate::bed::{SETTLE_MAX, Stand, binary, on_every_engine, own_servers, unique_name, until};
use crate::{hands, http};

on_every_engine! {
    everything_is_finished_from_the_journal_while_nothing_serves;
    branches_of_others_are_told_by_whose_they_are;
    a_drain_lets_open_transactions_end_and_phase_two_is_never_abandoned;
    an_operators_port_for_the_network_wants_its_token;
}

/// `handfast …`: exit code, standard output, standard error.
fn command(stand: &Stand, words: &[&str]) -> (i32, String, String) {
    let output = Command::new(binary()).arg("-c").arg(stand.handfast.config()).args(words).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Prepares a branch past Handfast, on the store; its name as lists have it.
async fn plant(stand: &Stand, gtrid: &str, qualifier: &str, counter: u32) -> String {
    hands::prepare(stand, gtrid, qualifier, counter).await.close().await;
    let xid = hands::xid(gtrid, qualifier);
    match stand.shop.dialect() {
        Dialect::Postgres => format!("{gtrid}/{qualifier}"),
        Dialect::Mysql if xid.matches(',').count() == 2 => xid,
        Dialect::Mysql => format!("{xid},1"),
    }
}

async fn uproot(stand: &Stand, gtrid: &str, qualifier: &str) {
    hands::roll_back(&stand.shop.store, stand.shop.dialect(), gtrid, qualifier).await;
}

async fn everything_is_finished_from_the_journal_while_nothing_serves(engine: Engine) {
    let (store, delivery) = own_servers(engine, "offline");
    let stand = Stand::over(&store, &delivery).await;
    let of_others = (format!("app-{}", unique_name()), "0");
    plant(&stand, &of_others.0, of_others.1, 0).await;

    stand.cut_off("after-decision", 1).await;
    let before = stand.shop.branches().await.unwrap();
    assert_eq!(before.len(), 2, "{before:?}");
    let (code, text, error) = command(&stand, &["recover", "--offline", "--dry-run"]);
    assert_eq!((code, error.as_str()), (0, ""), "{text}");
    assert!(text.starts_with("1 decided transactions are not known to be finished\n"), "{text}");
    assert_eq!(text.matches("  would be committed\n").count(), 2, "{text}");
    assert!(text.contains(&of_others.0) && text.contains("left alone: not Handfast's"), "{text}");
    assert_eq!(stand.shop.branches().await.unwrap(), before, "a dry run changes nothing");
    let (code, text, error) = command(&stand, &["recover", "--offline"]);
    assert_eq!((code, error.as_str()), (0, ""), "{text}");
    assert_eq!(text, "1 decided transactions were unfinished; 2 branches committed, 0 rolled back\n");
    assert_eq!((stand.sides(1).await, stand.shop.branches().await.unwrap().len()), ((1, 1), 0));

    stand.cut_off("after-prepare", 2).await;
    let (code, text, error) = command(&stand, &["recover", "--offline", "--dry-run"]);
    assert_eq!((code, error.as_str()), (0, ""), "{text}");
    assert!(text.starts_with("0 decided transactions are not known to be finished\n"), "{text}");
    assert_eq!(text.matches("  would be rolled back (if this journal has named it)\n").count(), 2, "{text}");
    let (code, text, error) = command(&stand, &["recover", "--offline"]);
    assert_eq!((code, error.as_str()), (0, ""), "{text}");
    assert!(text.contains("; 0 branches committed, 2 rolled back\n"), "{text}");
    assert_eq!((stand.sides(2).await, stand.shop.branches().await.unwrap().len()), ((0, 0), 0));

    // What cannot be reached is told by name, and finished the next time.
    stand.cut_off("after-decision", 3).await;
    delivery.kill9();
    let short = ["--set", "limits.drain_timeout=3s", "recover", "--offline"];
    let (code, text, error) = command(&stand, &short);
    assert_eq!(code, 1, "{text}{error}");
    assert!(error.contains("error: backend \"delivery\": "), "{error}");
    assert!(error.contains("is decided COMMIT and not finished on delivery"), "{error}");
    delivery.restart().unwrap();
    let (code, text, error) = command(&stand, &["recover", "--offline"]);
    assert_eq!((code, error.as_str()), (0, ""), "{text}");
    assert_eq!((stand.sides(3).await, stand.shop.branches().await.unwrap().len()), ((1, 1), 0));

    // One journal has one process.
    stand.handfast.start().unwrap();
    let (code, text, error) = command(&stand, &["recover", "--offline"]);
    assert!(code == 1 && text.is_empty() && error.starts_with("error: "), "{code} {text}{error}");
    uproot(&stand, &of_others.0, of_others.1).await;
}

async fn branches_of_others_are_told_by_whose_they_are(engine: Engine) {
    let (store, delivery) = own_servers(engine, "owners");
    let stand = Stand::over(&store, &delivery).await;
    let prefix = stand.shop.prefix();
    let cluster = prefix.trim_end_matches('.');
    // A journal, so that there is a node.
    stand.handfast.start().unwrap();
    let node = http::read_json(stand.handfast.admin_port(), "/api/v1/status")["node"].as_str().unwrap().to_owned();
    assert!(stand.handfast.stop(SETTLE_MAX).is_some_and(|status| status.success()));
    let (code, text, _) = command(&stand, &["transactions", "strangers"]);
    assert!(code == 0 && text.starts_with("no strangers"), "{code} {text}");
    let planted = [
        (format!("app-{}", unique_name()), "0", "other software"),
        (format!("{cluster}x.n.1.1"), "0.1", "other cluster"),
        // It only looks like ours.
        (format!("{prefix}{node}.1.01"), "0.1", "other software"),
        (format!("{prefix}other-node.7.1"), "0.1", "other node"),
        // A start that this journal knows nothing of.
        (format!("{prefix}{node}.7.1"), "0.1", "lost journal"),
    ];
    let mut expected = Vec::new();
    for (counter, (gtrid, qualifier, owner)) in (0..).zip(&planted) {
        expected.push((plant(&stand, gtrid, qualifier, counter).await, (*owner).to_owned()));
    }
    expected.sort();
    for running in [false, true] {
        if running {
            stand.handfast.start().unwrap();
        }
        let told = || -> Vec<(String, String)> {
            let (code, text, error) = command(&stand, &["transactions", "strangers", "-o", "json"]);
            assert!(running || code == 1, "{code} {text}{error}");
            assert_eq!(error.contains("asking the backends themselves"), !running, "{error}");
            let told: Value = serde_json::from_str(&text).unwrap();
            let rows = told["strangers"].as_array().unwrap();
            assert!(rows.iter().all(|row| row["backend"] == "store"), "{told}");
            let text_of = |value: &Value| value.as_str().unwrap().to_owned();
            let mut rows: Vec<_> = rows.iter().map(|row| (text_of(&row["name"]), text_of(&row["owner"]))).collect();
            rows.sort();
            rows
        };
        // The running one tells what its settlers have seen.
        until("all are told", SETTLE_MAX, || async { !running || told().len() == expected.len() }).await;
        assert_eq!(told(), expected, "running: {running}");
        let (code, text, _) = command(&stand, &["transactions", "strangers"]);
        assert_eq!(code, 1, "{text}");
        for words in
            ["Another Handfast cluster finishes it.", "Its journal is lost", "Not Handfast's, and never touched."]
        {
            assert!(text.contains(words), "{text}");
        }
    }
    let mut left = stand.shop.store.direct().await.unwrap();
    let there = left.branches().await.unwrap();
    left.close().await;
    assert_eq!(there.len(), planted.len(), "{there:?}");
    for (gtrid, qualifier, _) in &planted {
        uproot(&stand, gtrid, qualifier).await;
    }
}

async fn a_drain_lets_open_transactions_end_and_phase_two_is_never_abandoned(engine: Engine) {
    let stand = Stand::cold(engine).await;
    let halted = stand.shop.folder().join("halted");
    stand.start_to_die(&format!("after-decision@{}", halted.display()));
    let url = stand.handfast.url(stand.shop.dialect());
    let (mut open, mut idle) = (stand.client().await, stand.client().await);
    idle.run("SELECT 1").await.unwrap();
    open.run("BEGIN").await.unwrap();
    open.run_all(&Order::numbered(1).store_statements()).await.unwrap();
    let mut draining = Command::new(binary());
    draining.arg("-c").arg(stand.handfast.config()).args(["drain", "--wait"]).stderr(Stdio::piped());
    let mut draining = draining.spawn().unwrap();
    until("nobody else is let in", SETTLE_MAX, || async { Direct::connect(&url).await.is_err() }).await;
    assert!(idle.run("SELECT 1").await.is_err(), "who is idle is sent away");
    // The open one goes on to its end, with what it had not touched before.
    open.run_all(&Order::numbered(1).delivery_statements()).await.unwrap();
    let commit = async { open.run("COMMIT").await.expect("it is decided") };
    let halting = async {
        until("it is decided, and nobody is told", SETTLE_MAX, || async { halted.exists() }).await;
        assert!(stand.handfast.is_running(), "phase two is waited for");
        assert!(draining.try_wait().unwrap().is_none(), "and who has asked for the end waits, too");
        std::fs::remove_file(&halted).unwrap();
    };
    tokio::join!(commit, halting);
    drop((open, idle));
    let waited = tokio::task::spawn_blocking(move || draining.wait_with_output().unwrap()).await.unwrap();
    let told = String::from_utf8(waited.stderr).unwrap();
    assert!(waited.status.success() && told.contains("draining: open transactions may end"), "{told}");
    let status = stand.handfast.wait_exit(SETTLE_MAX).expect("it ends");
    assert!(status.success(), "{status}\n{}", stand.handfast.log_tail());
    assert_eq!(stand.sides(1).await, (1, 1));
    assert_eq!(stand.shop.branches().await.unwrap(), Vec::<String>::new());
    let (code, _, error) = command(&stand, &["drain"]);
    assert!(code == 1 && error.contains("error"), "nothing runs any more: {error}");
}

async fn an_operators_port_for_the_network_wants_its_token(engine: Engine) {
    const TOKEN: &str = "correct-horse-battery";
    let stand = Stand::cold(engine).await;
    let text = std::fs::read_to_string(stand.handfast.config()).unwrap();
    let port = stand.handfast.admin_port();
    let local = format!("[admin]\nlisten = \"127.0.0.1:{port}\"\n");
    assert!(text.contains(&local), "{text}");
    let open = text.replacen(&local, &format!("[admin]\nlisten = \"0.0.0.0:{port}\"\n"), 1);
    std::fs::write(stand.handfast.config(), &open).unwrap();
    let (code, out, error) = command(&stand, &["serve"]);
    assert!(code == 2 && error.contains("error[HF0117]: `admin.listen` is open to the network"), "{code} {out}{error}");
    let token = stand.shop.folder().join("token");
    std::fs::write(&token, format!("{TOKEN}\n")).unwrap();
    let guarded = open.replacen("[admin]\n", &format!("[admin]\ntoken_file = \"{}\"\n", token.display()), 1);
    std::fs::write(stand.handfast.config(), guarded).unwrap();
    stand.handfast.start().unwrap();
    let good = format!("Authorization: Bearer {TOKEN}");
    let json_body = "Content-Type: application/json";
    for (method, path, body) in [
        ("GET", "/api/v1/status", ""),
        ("GET", "/api/v1/transactions", ""),
        ("GET", "/metrics", ""),
        ("POST", "/api/v1/reload", "{}"),
    ] {
        for headers in [&[json_body][..], &[json_body, "Authorization: Bearer correct-horse-batterx"]] {
            let refused = http::ask(port, method, path, headers, body);
            assert_eq!(refused.status, 401, "{method} {path} {headers:?}: {}", refused.body);
            assert_eq!(refused.json()["code"], json!("HF0601"), "{}", refused.body);
        }
        let done = http::ask(port, method, path, &[json_body, &good], body);
        assert_eq!(done.status, 200, "{method} {path}: {}", done.body);
    }
    for path in ["/healthz", "/readyz", "/"] {
        assert_eq!(http::get(port, path).status, 200, "{path}: probes and the page itself hold no secret");
    }
    // The command line brings the token of the configuration.
    let (code, text, error) = command(&stand, &["status"]);
    assert!(code == 0 && text.contains("All whole"), "{code} {text}{error}");
}
