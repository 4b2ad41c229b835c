//! A user may be configured with what `handfast hash-password` prints: then no file of Handfast's holds the password, and both
//! wires' clients log in by it.

use std::io::Write;
use std::process::{Command, Stdio};

use handfast::base::{Dialect, Engine};
use handfast::testbed::{Direct, Handfast};

use crate::bed::{Stand, binary, on_every_engine};

on_every_engine! {
    clients_log_in_by_a_stored_verifier_and_only_with_the_password;
}

/// What the command prints for a password that it reads.
fn hashed(password: &str) -> String {
    let mut command = Command::new(binary());
    let mut child =
        command.arg("hash-password").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the command runs");
    writeln!(child.stdin.take().unwrap(), "{password}").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

async fn clients_log_in_by_a_stored_verifier_and_only_with_the_password(engine: Engine) {
    let stand = Stand::cold(engine).await;
    let line = hashed("s3cret & more");
    assert!(line.starts_with("password_hash = \"SCRAM-SHA-256$4096:") && !line.contains("s3cret"), "{line}");
    let user = format!("\n[[users]]\nname = \"kept\"\n{line}");
    let handfast = Handfast::with_config(binary(), &stand.shop, &stand.shop.config_with(&user)).unwrap();
    handfast.start().unwrap();
    let (scheme, port) = match engine.dialect() {
        Dialect::Postgres => ("postgres", handfast.port(Dialect::Postgres)),
        Dialect::Mysql => ("mysql", handfast.port(Dialect::Mysql)),
    };
    // The driver takes the plugin of the greeting: SCRAM on PostgreSQL, mysql_native_password on MariaDB,
    // caching_sha2_password on MySQL.
    let url = |password: &str| format!("{scheme}://kept:{password}@127.0.0.1:{port}/shop");
    let mut client = Direct::connect(&url("s3cret%20%26%20more")).await.unwrap();
    assert!(client.number("SELECT COUNT(*) FROM stock").await.unwrap() > 0);
    client.close().await;
    for wrong in ["s3cret", "", "app"] {
        assert!(Direct::connect(&url(wrong)).await.is_err(), "{wrong:?}");
    }
    commands(engine, port);
    let log = handfast.log_text();
    assert!(!log.contains("s3cret") && !log.contains("SCRAM-SHA-256$"), "{log}");
}

/// The servers' own clients, those that are installed.
fn commands(engine: Engine, port: u16) {
    let port = port.to_string();
    let mut command = match engine {
        Engine::Postgres => {
            let mut psql = Command::new("psql");
            psql.args(["-h", "127.0.0.1", "-p", &port, "-U", "kept", "-d", "shop", "-Atc", "SELECT 7"]);
            psql
        }
        Engine::Mariadb | Engine::Mysql => {
            let mut mariadb = Command::new("mariadb");
            mariadb.args(["--no-defaults", "--protocol=tcp", "--host=127.0.0.1", "--user=kept", "--batch"]);
            mariadb.arg(format!("--port={port}")).args(["--skip-column-names", "-e", "SELECT 7", "shop"]);
            mariadb
        }
    };
    for (password, right) in [("s3cret & more", true), ("wrong", false)] {
        let Ok(output) = command.env("PGPASSWORD", password).env("MYSQL_PWD", password).output() else { return };
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        assert_eq!((output.status.success(), said == "7"), (right, right), "{password}: {output:?}");
    }
}
