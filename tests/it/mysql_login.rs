//! Who may come in by the MySQL wire and how the house itself is let in: passwords, TLS on both legs, and what is offered.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use handfast::base::{Dialect, Engine};
use handfast::testbed::{Direct, Handfast, Server, Shop};
use handfast::wire::mysql::caps;
use handfast::wire::mysql::handshake::Greeting;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::bed::{Stand, bed, binary, on, servers, skip, unique_name};
use crate::certs;

fn openssl(folder: &Path, words: &str) {
    let output = Command::new("openssl").current_dir(folder).args(words.split(' ')).output().unwrap();
    assert!(output.status.success(), "openssl {words}: {}", String::from_utf8_lossy(&output.stderr));
}

/// `ca.pem`, `server.pem` and `server.key` for this machine; and `other.pem`, which has signed nothing.
fn certificates(folder: &Path) {
    std::fs::write(folder.join("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n").unwrap();
    let root = |name: &str| {
        openssl(
            folder,
            &format!("req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={name} -keyout {name}.key -out {name}.pem"),
        );
    };
    root("ca");
    root("other");
    openssl(folder, "req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr");
    openssl(
        folder,
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.pem",
    );
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // Servers run as somebody else.
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    }
}

fn mariadb(port: u16, words: &[&str], sql: &str) -> Output {
    let mut command = Command::new("mariadb");
    command.args(["--no-defaults", "--protocol=tcp", "--host=127.0.0.1", "--user=app", "--password=app", "--batch"]);
    command.arg(format!("--port={port}")).args(words).args(["--skip-column-names", "-e", sql, "shop"]).output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn has(program: &str) -> bool {
    Command::new(program).arg("version").output().is_ok()
}

#[test]
fn both_legs_are_encrypted_and_verified_from_the_client_to_the_server() {
    on(Engine::Mariadb, "both_legs_are_encrypted_and_verified", |engine| async move {
        if !has("openssl") || !has("mariadb") {
            return skip("both_legs_are_encrypted_and_verified (openssl or mariadb is not installed here)");
        }
        let folder = bed().folder().join(format!("tls-{}", unique_name()));
        std::fs::create_dir(&folder).unwrap();
        certificates(&folder);
        let file = |name: &str| folder.join(name).display().to_string();
        let options = [
            format!("--ssl-ca={}", file("ca.pem")),
            format!("--ssl-cert={}", file("server.pem")),
            format!("--ssl-key={}", file("server.key")),
        ];
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let server = Arc::new(Server::start_with(bed(), engine, "tls-mariadb", &options).unwrap());
        let shop = Shop::create(bed(), &server, &server, &unique_name()).await.unwrap();
        let mut root = shop.store.direct().await.unwrap();
        root.run("ALTER USER app@'127.0.0.1' REQUIRE SSL").await.unwrap();
        let listen = format!(
            "[listen.tls]\nmode = \"require\"\ncert = \"{}\"\nkey = \"{}\"\n\n[[users]]",
            file("server.pem"),
            file("server.key")
        );
        let verified = |config: &str, ca: &str| {
            let mut config = config.replacen("[[users]]", &listen, 1);
            for database in [&shop.store, &shop.delivery] {
                let (plain, with) = (format!("{}\"", database.url()), database.url());
                let with = format!("{with}?tls=verify-full\"\ntls_ca_file = \"{}\"", file(ca));
                config = config.replace(&plain, &with);
            }
            config
        };
        let config = verified(&shop.config(), "ca.pem");
        let handfast = Handfast::with_config(binary(), &shop, &config).unwrap();
        handfast.start().unwrap();
        let port = handfast.port(Dialect::Mysql);
        let (ca, other) = (format!("--ssl-ca={}", file("ca.pem")), format!("--ssl-ca={}", file("other.pem")));
        let cipher = "SHOW SESSION STATUS LIKE 'Ssl_cipher'; BEGIN; UPDATE counters SET n = 7 WHERE id = 1; \
                      UPDATE tallies SET n = 7 WHERE id = 1; COMMIT; SELECT n FROM tallies WHERE id = 1";
        let good = said(&mariadb(port, &["--ssl", "--ssl-verify-server-cert", &ca], cipher));
        assert!(good.contains("Ssl_cipher\tTLS_") && good.trim_end().ends_with('7'), "{good}");
        let doubtful = mariadb(port, &["--ssl", "--ssl-verify-server-cert", &other], "SELECT 1");
        assert!(!doubtful.status.success() && said(&doubtful).contains("certificate"), "{}", said(&doubtful));
        let plain = mariadb(port, &["--skip-ssl"], "SELECT 1");
        assert!(!plain.status.success() && said(&plain).contains("without TLS"), "{}", said(&plain));
        assert!(handfast.stop(std::time::Duration::from_secs(20)).is_some());
        // A server that the configured roots have not signed is not used.
        let config = verified(&shop.config(), "other.pem");
        let handfast = Handfast::with_config(binary(), &shop, &config).unwrap();
        assert!(handfast.start().is_err(), "{}", handfast.log_tail());
        assert!(handfast.log_text().to_lowercase().contains("certificate"), "{}", handfast.log_tail());
    });
}

#[test]
fn the_house_proves_itself_to_mysql_in_full_by_tls_and_by_rsa_key() {
    on(Engine::Mysql, "the_house_proves_itself_to_mysql_in_full", |engine| async move {
        for option in ["?tls=disable", "?tls=require"] {
            let (store, delivery) = servers(engine);
            let shop = Shop::create(bed(), &store, &delivery, &unique_name()).await.unwrap();
            let mut config = shop.config();
            for database in [&shop.store, &shop.delivery] {
                config = config.replace(&format!("{}\"", database.url()), &format!("{}{option}\"", database.url()));
                // The server forgets who has proven themselves: the short proof is not enough now.
                let mut root = Direct::connect(&database.server.root_url(&database.name)).await.unwrap();
                root.run("FLUSH PRIVILEGES").await.unwrap();
            }
            let handfast = Handfast::with_config(binary(), &shop, &config).unwrap();
            handfast.start().unwrap();
            let mut client = Direct::connect(&handfast.url(Dialect::Mysql)).await.unwrap();
            for sql in ["BEGIN", "UPDATE counters SET n = 7", "UPDATE tallies SET n = 7", "COMMIT"] {
                client.run(sql).await.unwrap();
            }
            assert_eq!(client.number("SELECT MIN(n) FROM tallies").await.unwrap(), 7);
        }
    });
}

fn greeting(port: u16) -> Greeting {
    use std::io::Read;
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    let mut head = [0; 4];
    stream.read_exact(&mut head).unwrap();
    let mut payload = vec![0; usize::from(head[0])];
    stream.read_exact(&mut payload).unwrap();
    // MariaDB's own capabilities stand in the last four of the ten reserved bytes.
    let reserved = payload.iter().position(|b| *b == 0).unwrap() + 4 + 9 + 2 + 1 + 2 + 2 + 1 + 1;
    assert_eq!(payload[reserved..reserved + 10], [0; 10]);
    Greeting::read(&payload).unwrap()
}

#[test]
fn the_greeting_offers_what_is_done_and_nothing_else() {
    for engine in [Engine::Mariadb, Engine::Mysql] {
        on(engine, "the_greeting_offers_what_is_done", |engine| async move {
            let stand = Stand::start(engine).await;
            let ours = greeting(stand.handfast.port(Dialect::Mysql));
            assert_eq!(ours.capabilities, caps::OFFERED);
            // By their bits, whatever the constants say: compression by zlib, session tracking, OK instead of EOF, optional
            // metadata, compression by zstd, query attributes, more factors than one.
            for bit in [5, 23, 24, 25, 26, 27, 28] {
                assert_eq!(ours.capabilities >> bit & 1, 0, "bit {bit}");
            }
        });
    }
}

#[test]
fn a_client_that_would_like_compression_works_without() {
    on(Engine::Mariadb, "a_client_that_would_like_compression", |engine| async move {
        if !has("mariadb") {
            return skip("a_client_that_would_like_compression (mariadb is not installed here)");
        }
        let stand = Stand::start(engine).await;
        let output = mariadb(stand.handfast.port(Dialect::Mysql), &["--compress"], "SELECT COUNT(*) FROM tallies");
        assert_eq!(said(&output).trim(), "8");
    });
}

#[test]
fn a_handshake_may_come_together_with_the_request_for_tls() {
    on(Engine::Mariadb, "a_handshake_may_come_together_with_the_request_for_tls", |engine| async move {
        if certs::certs().is_none() {
            return skip("a_handshake_may_come_together_with_the_request_for_tls (openssl is not installed here)");
        }
        let stand = Stand::cold(engine).await;
        let config = stand.shop.config().replacen("[[users]]", &format!("{}\n[[users]]", certs::listen_tls("")), 1);
        let handfast = Handfast::with_config(binary(), &stand.shop, &config).unwrap();
        handfast.start().unwrap();
        let address = ("127.0.0.1", handfast.port(Dialect::Mysql));
        let mut tcp = tokio::net::TcpStream::connect(address).await.unwrap();
        let mut greeting = [0_u8; 4];
        tcp.read_exact(&mut greeting).await.unwrap();
        let mut rest = vec![0_u8; usize::from(greeting[0])];
        tcp.read_exact(&mut rest).await.unwrap();
        let name = rustls_pki_types::ServerName::try_from("localhost").unwrap();
        let mut tls = rustls::ClientConnection::new(certs::client(&[], None), name).unwrap();
        let flags = caps::SSL | caps::PROTOCOL_41 | caps::PLUGIN_AUTH;
        let mut both = vec![32, 0, 0, 1];
        both.extend(flags.to_le_bytes());
        both.extend([0, 0, 0, 1, 45]);
        both.extend([0; 23]);
        tls.write_tls(&mut both).unwrap();
        tcp.write_all(&both).await.unwrap();
        let mut record = [0_u8; 5];
        tcp.read_exact(&mut record).await.expect("an answer to the handshake");
        assert_eq!(record[..2], [22, 3], "a TLS handshake record");
    });
}
