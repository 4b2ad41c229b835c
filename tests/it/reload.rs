//! The configuration is read again while clients work: sessions take it between their transactions, and a wrong one changes
//! nothing.

use std::process::{Command, Output};

use handfast::base::{Dialect, Engine};
use handfast::testbed::{Direct, Handfast};
use serde_json::{Value, json};

use crate::bed::{SETTLE_MAX, Stand, binary, on, on_every_engine, skip, unique_name, until};
use crate::certs::{certs, client, listen_tls};
use crate::http;
use crate::raw_pg::{Raw, SSL_REQUEST, tcp, tls};

on_every_engine! {
    a_table_moves_between_two_transactions_of_one_session;
    a_backend_is_added_and_takes_part_in_two_phases;
}

/// Rewrites the file.
fn write(handfast: &Handfast, change: impl FnOnce(String) -> String) {
    let text = std::fs::read_to_string(handfast.config()).unwrap();
    let changed = change(text.clone());
    assert_ne!(text, changed, "the test changes something");
    std::fs::write(handfast.config(), changed).unwrap();
}

/// Asks for it by HTTP; the lines of the difference.
fn reload(handfast: &Handfast) -> Result<Vec<String>, Value> {
    let answer = http::post(handfast.admin_port(), "/api/v1/reload", &json!({}));
    let body = answer.json();
    if answer.status == 422 {
        return Err(body);
    }
    assert_eq!(answer.status, 200, "{body}");
    Ok(body["changes"].as_array().unwrap().iter().map(|c| c["text"].as_str().unwrap().to_owned()).collect())
}

async fn a_table_moves_between_two_transactions_of_one_session(engine: Engine) {
    let stand = Stand::cold(engine).await;
    for database in [&stand.shop.store, &stand.shop.delivery] {
        let mut direct = database.direct().await.unwrap();
        direct.run("CREATE TABLE moved (id bigint PRIMARY KEY)").await.unwrap();
        if engine == Engine::Postgres {
            direct.run("GRANT ALL ON moved TO PUBLIC").await.unwrap();
        }
        direct.close().await;
    }
    write(&stand.handfast, |text| text.replace("[tables]\n", "[tables]\n\"moved\" = \"store\"\n"));
    stand.handfast.start().unwrap();
    let mut client = stand.client().await;
    client.run("INSERT INTO moved VALUES (1)").await.unwrap();
    client.run("BEGIN").await.unwrap();
    client.run("INSERT INTO moved VALUES (2)").await.unwrap();
    write(&stand.handfast, |text| text.replace("\"moved\" = \"store\"", "\"moved\" = \"delivery\""));
    assert_eq!(reload(&stand.handfast).unwrap(), ["~ tables.moved: store -> delivery"]);
    // Its transaction ends as it began.
    client.run("INSERT INTO moved VALUES (3)").await.unwrap();
    client.run("COMMIT").await.unwrap();
    client.run("INSERT INTO moved VALUES (4)").await.unwrap();
    client.run("BEGIN").await.unwrap();
    client.run("INSERT INTO moved VALUES (5)").await.unwrap();
    client.run("UPDATE stock SET reserved = reserved + 1 WHERE item = 'lamp'").await.unwrap();
    client.run("COMMIT").await.unwrap();
    client.close().await;
    assert_eq!(stand.store("SELECT SUM(id) FROM moved WHERE id <= 3").await, 6);
    assert_eq!(
        (stand.store("SELECT COUNT(*) FROM moved").await, stand.delivery("SELECT SUM(id) FROM moved").await),
        (3, 9)
    );
    assert!(reload(&stand.handfast).unwrap().is_empty(), "nothing has changed since");
}

async fn a_backend_is_added_and_takes_part_in_two_phases(engine: Engine) {
    let stand = Stand::cold(engine).await;
    stand.handfast.start().unwrap();
    let mut client = stand.client().await;
    client.run("UPDATE stock SET reserved = 0 WHERE item = 'lamp'").await.unwrap();
    // A third database on delivery's server, with its name first of all: ids are not places in the alphabet.
    let name = format!("{}_audit", unique_name());
    let mut root = stand.shop.delivery.direct().await.unwrap();
    root.run(&format!("CREATE DATABASE {name}")).await.unwrap();
    root.close().await;
    let server = &stand.shop.delivery.server;
    let mut audit = Direct::connect(&server.root_url(&name)).await.unwrap();
    audit.run("CREATE TABLE audit (id bigint PRIMARY KEY)").await.unwrap();
    if engine == Engine::Postgres {
        audit.run("GRANT ALL ON audit TO PUBLIC").await.unwrap();
    }
    write(&stand.handfast, |text| {
        let backend = format!("[backends.audit]\nurl = \"{}\"\n\n[tables]\n\"audit\" = \"audit\"\n", server.url(&name));
        text.replace("[tables]\n", &backend)
    });
    let told = reload(&stand.handfast).unwrap();
    assert!(told.contains(&"+ tables.audit = audit".to_owned()), "{told:?}");
    assert!(told.iter().any(|line| line.starts_with("+ backends.audit.url = ")), "{told:?}");
    client.run("BEGIN").await.unwrap();
    client.run("INSERT INTO audit VALUES (7)").await.unwrap();
    client.run("UPDATE stock SET reserved = 5 WHERE item = 'lamp'").await.unwrap();
    client.run("COMMIT").await.unwrap();
    client.close().await;
    assert_eq!(audit.number("SELECT SUM(id) FROM audit").await.unwrap(), 7);
    assert_eq!(stand.store("SELECT reserved FROM stock WHERE item = 'lamp'").await, 5);
    audit.close().await;
    let backends = http::read_json(stand.handfast.admin_port(), "/api/v1/backends");
    let names: Vec<_> = backends["backends"].as_array().unwrap().iter().map(|b| b["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["delivery", "store", "audit"]);
    until("the new backend has a settler", SETTLE_MAX, || async {
        http::read_json(stand.handfast.admin_port(), "/api/v1/backends")["backends"][2]["up"] == true
    })
    .await;
    assert_eq!(
        stand.handfast.stop(SETTLE_MAX).map(|status| status.success()),
        Some(true),
        "{}",
        stand.handfast.log_tail()
    );
}

#[test]
fn a_wrong_configuration_changes_nothing_and_says_why() {
    on(Engine::Postgres, "a_wrong_configuration_changes_nothing", |engine| async move {
        let stand = Stand::start(engine).await;
        let good = std::fs::read_to_string(stand.handfast.config()).unwrap();
        let mut client = stand.client().await;
        for (wrong, code, piece) in [
            (format!("{good}\n[limits]\nclient = 4\n"), "HF0102", "did you mean `clients`?"),
            (good.replace("\"agents\" = \"delivery\"", "\"agents\" = \"nobody\""), "HF0110", "nobody"),
            (
                format!("{good}\n[backends.new]\nurl = \"postgres://app@127.0.0.1:1/x\"\n"),
                "HF0141",
                "new backend \"new\"",
            ),
            ("[listen".to_owned(), "HF0101", "not TOML"),
        ] {
            std::fs::write(stand.handfast.config(), &wrong).unwrap();
            let problem = reload(&stand.handfast).unwrap_err();
            assert_eq!((problem["code"].as_str(), problem["status"].as_u64()), (Some(code), Some(422)), "{problem}");
            assert!(problem["errors"][0].as_str().unwrap().contains(piece), "{problem}");
            assert!(stand.handfast.log_text().contains("the configuration was not taken"));
            client.run("UPDATE agents SET order_id = 1 WHERE name = 'Ann'").await.unwrap();
        }
        let tells = |line: &str| {
            let told = http::get(stand.handfast.admin_port(), "/metrics").body;
            assert!(told.lines().any(|told| told == line), "{line} is not in {told}");
        };
        tells("handfast_config_reloads_total{outcome=\"refused\"} 4");
        tells("handfast_config_last_reload_successful 0");
        std::fs::write(stand.handfast.config(), &good).unwrap();
        assert!(reload(&stand.handfast).unwrap().is_empty(), "all is as it was");
        tells("handfast_config_reloads_total{outcome=\"taken\"} 1");
        tells("handfast_config_last_reload_successful 1");
        client.close().await;
    });
}

fn run(words: &[&str], stand: &Stand) -> Output {
    Command::new(binary()).args(words).arg("-c").arg(stand.handfast.config()).output().unwrap()
}

#[test]
fn a_signal_and_the_command_line_do_the_same() {
    on(Engine::Postgres, "a_signal_and_the_command_line", |engine| async move {
        let stand = Stand::start(engine).await;
        let size =
            || http::read_json(stand.handfast.admin_port(), "/api/v1/backends")["backends"][0]["pool"]["size"].clone();
        write(&stand.handfast, |text| format!("{text}\n[limits]\nclients = 999\n[backends.delivery.pool]\nsize = 3\n"));
        let told = run(&["reload"], &stand);
        let text = String::from_utf8_lossy(&told.stdout).into_owned();
        assert!(told.status.success() && text.contains("~ limits.clients: 1000 -> 999\n"), "{told:?}");
        assert_eq!(size(), 3);
        write(&stand.handfast, |text| text.replace("size = 3", "size = 4").replace("\"shop\"", "\"shop\" # the same"));
        let pid = rustix::process::Pid::from_raw(stand.handfast.pid().unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
        until("SIGHUP was heard", SETTLE_MAX, || async { size() == 4 }).await;
        write(&stand.handfast, |text| text.replace("[journal]\n", "[journal]\nkeep = \"1d\"\n"));
        let told = run(&["reload"], &stand);
        let text = String::from_utf8_lossy(&told.stdout).into_owned();
        assert_eq!(text, "~ journal.keep: 7d -> 1d (needs a restart; unchanged until then)\n");
        let values = http::read_json(stand.handfast.admin_port(), "/api/v1/config");
        let keep = values["values"].as_array().unwrap().iter().find(|value| value["key"] == "journal.keep").unwrap();
        assert_eq!((keep["value"].as_str(), keep["origin"].as_str()), (Some("7d"), Some("default")));
        stand.handfast.kill9();
        assert_eq!(run(&["reload"], &stand).status.code(), Some(1), "nobody runs");
    });
}

#[test]
fn a_new_user_logs_in_and_a_pool_that_was_made_smaller_keeps_to_it() {
    on(Engine::Postgres, "a_new_user_logs_in", |engine| async move {
        let stand = Stand::start(engine).await;
        let port = stand.handfast.port(Dialect::Postgres);
        let url = format!("postgres://night:shift@127.0.0.1:{port}/shop?sslmode=disable");
        assert!(Direct::connect(&url).await.is_err());
        write(&stand.handfast, |text| {
            let user = "[[users]]\nname = \"night\"\npassword = \"shift\"\n";
            format!("{text}\n[backends.store.pool]\nsize = 1\n\n{user}")
        });
        let told = reload(&stand.handfast).unwrap();
        assert!(told.contains(&"+ users.night.password = *** (for new connections)".to_owned()), "{told:?}");
        assert!(told.contains(&"+ backends.store.pool.size = 1".to_owned()), "{told:?}");
        let mut night = Direct::connect(&url).await.unwrap();
        night.run("BEGIN").await.unwrap();
        night.run("SELECT * FROM stock").await.unwrap();
        // The driver asks the server something at its login.
        let refused = match Direct::connect(&stand.handfast.url(Dialect::Postgres)).await {
            Ok(mut other) => other.run("SELECT * FROM stock").await.unwrap_err(),
            Err(refused) => refused,
        };
        assert!(refused.to_string().contains("pool.size 1"), "{refused}");
        night.run("COMMIT").await.unwrap();
        night.close().await;
        let deadline = handfast::base::clock::now() + SETTLE_MAX;
        while let Err(error) = Direct::connect(&stand.handfast.url(Dialect::Postgres)).await {
            assert!(handfast::base::clock::now() < deadline, "its place is not free: {error}");
        }
    });
}

#[test]
fn a_renewed_certificate_is_shown_to_new_clients() {
    on(Engine::Postgres, "a_renewed_certificate", |engine| async move {
        let Some(folder) = certs() else { return skip("a_renewed_certificate: no openssl here") };
        let stand = Stand::cold(engine).await;
        let own = stand.shop.folder().join("tls");
        std::fs::create_dir(&own).unwrap();
        let copy = |from: &str, to: &str| std::fs::copy(folder.join(from), own.join(to)).unwrap();
        copy("server.crt", "server.crt");
        copy("server.key", "server.key");
        write(&stand.handfast, |text| {
            let tls = listen_tls("").replace(&folder.display().to_string(), &own.display().to_string());
            format!("{text}{tls}")
        });
        stand.handfast.start().unwrap();
        let port = stand.handfast.port(Dialect::Postgres);
        let shown = || {
            let mut stream = tcp(port);
            std::io::Write::write_all(&mut stream, &SSL_REQUEST).unwrap();
            std::io::Read::read_exact(&mut stream, &mut [0]).unwrap();
            let stream = tls(stream, &client(&[], None)).unwrap();
            stream.conn.peer_certificates().unwrap()[0].to_vec()
        };
        let before = shown();
        let mut old = Raw::connect(port, "shop").unwrap();
        copy("self.crt", "server.crt");
        copy("self.key", "server.key");
        let told = reload(&stand.handfast).unwrap();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].contains("listen.tls.cert = ") && told[0].contains("its content has changed"), "{told:?}");
        assert_ne!(before, shown());
        assert_eq!(crate::raw_pg::column(&old.query(b"select 1")), ["1"]);
        // A key that does not fit is refused, and the good one stays.
        copy("server.key", "server.key");
        let good = shown();
        let smaller = "[backends.store.pool]\nsize = 1\n\n[tables]\n";
        write(&stand.handfast, |text| text.replace("[tables]\n", smaller));
        assert_eq!(reload(&stand.handfast).unwrap_err()["code"], "HF0116");
        assert_eq!(good, shown());
        // Nor is anything else taken of what was refused.
        let mut another = Raw::connect(port, "shop").unwrap();
        assert_eq!(crate::raw_pg::column(&another.query(b"select 2")), ["2"]);
        assert_eq!(crate::raw_pg::column(&old.query(b"select 3")), ["3"]);
    });
}

#[test]
fn a_prepared_statement_of_a_moved_table_is_never_run_on_the_old_one() {
    on(Engine::Postgres, "a_prepared_statement_of_a_moved_table", |engine| async move {
        let stand = Stand::start(engine).await;
        stand.on_delivery("CREATE TABLE counters (id bigint PRIMARY KEY, n bigint NOT NULL)").await;
        stand.on_delivery("GRANT ALL ON counters TO PUBLIC").await;
        let mut raw = Raw::connect(stand.handfast.port(Dialect::Postgres), "shop").unwrap();
        let parse = |text: &str| [b"c\0", text.as_bytes(), b"\0\0\0"].concat();
        let insert = "insert into counters values (100, 1)";
        raw.send(b'P', &parse(insert)).unwrap();
        raw.send(b'S', b"").unwrap();
        raw.until(b"Z");
        write(&stand.handfast, |text| text.replace("\"counters\" = \"store\"", "\"counters\" = \"delivery\""));
        reload(&stand.handfast).unwrap();
        let execute = |raw: &mut Raw| {
            raw.send(b'B', b"\0c\0\0\0\0\0\0\0").unwrap();
            raw.send(b'E', b"\0\0\0\0\0").unwrap();
            raw.send(b'S', b"").unwrap();
            raw.until(b"Z")
        };
        let refused = execute(&mut raw);
        assert_eq!(crate::raw_pg::states(&refused), ["0A000"], "as a server says it whose table has changed");
        raw.send(b'C', b"Sc\0").unwrap();
        raw.send(b'P', &parse(insert)).unwrap();
        assert_eq!(crate::raw_pg::states(&execute(&mut raw)), [""; 0]);
        assert_eq!(stand.delivery("SELECT COUNT(*) FROM counters").await, 1);
        assert_eq!(stand.store("SELECT COUNT(*) FROM counters WHERE id = 100").await, 0);
    });
}

#[test]
fn a_backend_with_unfinished_branches_is_not_given_up() {
    on(Engine::Postgres, "a_backend_with_unfinished_branches", |engine| async move {
        let doubt = crate::operator::InDoubt::begin(engine, "reload-unfinished").await;
        let stand = &doubt.stand;
        let good = std::fs::read_to_string(stand.handfast.config()).unwrap();
        let (head, tail) = good.split_once("[backends.delivery]\n").unwrap();
        let rest = tail.split_once("[tables]").unwrap().1.replace("\"delivery\"", "\"store\"");
        std::fs::write(stand.handfast.config(), format!("{head}[tables]{rest}")).unwrap();
        let problem = reload(&stand.handfast).unwrap_err();
        assert_eq!(problem["code"], "HF0140", "{problem}");
        std::fs::write(stand.handfast.config(), good.replace(&doubt.dead.port().to_string(), "1")).unwrap();
        assert_eq!(reload(&stand.handfast).unwrap_err()["code"], "HF0140", "moved is as bad as gone");
        doubt.dead.restart().unwrap();
        doubt.whole().await;
        until("nothing is unfinished", SETTLE_MAX, || async {
            reload(&stand.handfast).is_ok_and(|told| told.iter().all(|line| line.contains("needs a restart")))
        })
        .await;
    });
}
