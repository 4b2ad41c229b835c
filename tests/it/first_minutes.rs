//! The first minutes of somebody new: from two running databases to the first distributed commit by `init`, `check` and
//! `serve`, with the real program. Prints what he sees.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use handfast::base::clock;
use handfast::testbed::Direct;

use crate::bed::{SETTLE_MAX, bed, binary, runtime, skip};
use crate::check_finds::{Two, pair};

/// Whoever reads the documentation should not need longer; the programs themselves take seconds.
const MINUTES_MAX: Duration = Duration::from_secs(300);

/// `serve`, ended with the test.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended by itself, which is as well.
        if self.0.kill().is_ok() {
            self.0.wait().unwrap();
        }
    }
}

/// Runs one command as a person would type it, and prints it with its answer. Gives what it printed.
fn typed(folder: &Path, variables: &[(&str, &str)], words: &[&str]) -> (String, i32) {
    let output =
        Command::new(binary()).args(words).current_dir(folder).envs(variables.iter().copied()).output().unwrap();
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    println!("$ handfast {}\n{text}", words.join(" "));
    (text, output.status.code().unwrap())
}

fn serve(folder: &Path, variables: &[(&str, &str)]) -> Serving {
    println!("$ handfast serve");
    let log = std::fs::File::create(folder.join("serve.log")).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(binary()).arg("serve").current_dir(folder);
    command.envs(variables.iter().copied()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    Serving(command.spawn().unwrap())
}

async fn client(url: &str, folder: &Path) -> Direct {
    let deadline = clock::now() + SETTLE_MAX;
    loop {
        let error = match Direct::connect(url).await {
            Ok(direct) => return direct,
            Err(error) => error,
        };
        let log = std::fs::read_to_string(folder.join("serve.log")).unwrap();
        assert!(clock::now() < deadline && !log.contains("error:"), "{error}\n{log}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// `BEGIN` to `COMMIT` over both databases.
async fn order(client: &mut Direct, number: i64) {
    for sql in [
        String::from("BEGIN"),
        format!("UPDATE items SET reserved_for = {number} WHERE sku = 'lamp'"),
        format!("UPDATE agents SET order_id = {number} WHERE name = 'Ann'"),
        String::from("COMMIT"),
    ] {
        println!("> {sql};");
        client.run(&sql).await.unwrap();
    }
}

async fn arrived(two: &Two, number: i64) {
    for (server, database, sql) in [
        (&two.store, two.store_name(), "SELECT reserved_for FROM items WHERE sku = 'lamp'"),
        (&two.delivery, two.delivery_name(), "SELECT order_id FROM agents WHERE name = 'Ann'"),
    ] {
        let mut direct = Direct::connect(&server.root_url(&database)).await.unwrap();
        assert_eq!(direct.number(sql).await.unwrap(), number, "{database}");
        direct.close().await;
    }
}

#[test]
fn from_two_databases_to_the_first_distributed_commit() {
    let Some((store, delivery)) = pair() else { return skip("first_minutes: PostgreSQL or MariaDB is not installed") };
    runtime().block_on(async {
        let two = Two::new(&store, &delivery).await;
        let folder = two.folder.clone();
        let (pg, my, admin) = (bed().free_port(), bed().free_port(), bed().free_port());
        let (pg_at, my_at, admin_at) =
            (format!("127.0.0.1:{pg}"), format!("127.0.0.1:{my}"), format!("127.0.0.1:{admin}"));
        let (from_store, from_delivery) = (store.url(&two.store_name()), delivery.url(&two.delivery_name()));
        let begun = clock::now();
        let ports = ["--postgres", &pg_at, "--mysql", &my_at, "--admin", &admin_at];
        let init = ["init", "--from", &from_store, "--from", &from_delivery, "--secrets", "secrets"];
        let (told, code) = typed(&folder, &[], &[&init[..], &ports[..]].concat());
        assert_eq!(code, 0, "{told}");
        assert!(
            told.contains("wrote handfast.toml")
                && told.contains("handfast check")
                && told.contains("psql postgres://app@"),
            "{told}"
        );
        let text = std::fs::read_to_string(folder.join("handfast.toml")).unwrap();
        println!("--- handfast.toml\n{text}---");
        assert!(!text.contains("app:app"), "no password in the clear: {text}");
        for file in std::fs::read_dir(folder.join("secrets")).unwrap() {
            let mode = file.unwrap().metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }

        let (told, code) = typed(&folder, &[], &["check", "--strict"]);
        assert!(code == 0 && told.ends_with("0 errors, 0 warnings\n"), "{told}");

        let (told, code) = typed(&folder, &[], &["explain", "UPDATE agents SET order_id = 7 WHERE name = 'Ann'"]);
        let rule = format!("agents -> {} (MySQL)   rule handfast.toml:", two.delivery_name());
        assert!(code == 0 && told.contains(&rule), "{told}");
        assert!(told.contains("sent as      UPDATE `agents`") && told.contains("one phase on"), "{told}");
        let both = "BEGIN; UPDATE items SET sku = 'x'; UPDATE agents SET order_id = 7; COMMIT";
        let (told, code) = typed(&folder, &[], &["explain", both, "-o", "json"]);
        let told: serde_json::Value = serde_json::from_str(&told).unwrap();
        assert_eq!((code, &told["commit"]["phases"]), (0, &serde_json::json!(2)), "{told:#}");
        assert_eq!(told["commit"]["writers"], serde_json::json!([two.delivery_name(), two.store_name()]));
        assert_eq!(told["statements"][1]["backend"], two.store_name());
        assert_eq!(told["statements"][1]["tables"][0]["name"], "items");
        let (told, code) = typed(&folder, &[], &["explain", "SELECT * FROM items, agents", "-o", "json"]);
        let told: serde_json::Value = serde_json::from_str(&told).unwrap();
        assert_eq!(code, 1, "{told:#}");
        assert!(told["statements"][0]["refused"].as_str().unwrap().contains("HF0201"), "{told:#}");

        let serving = serve(&folder, &[]);
        let password = std::fs::read_to_string(folder.join("secrets/app.client")).unwrap();
        let password = password.trim();
        let url = format!("postgres://app:{password}@{pg_at}/{}?sslmode=disable", two.store_name());
        let mut psql = client(&url, &folder).await;
        order(&mut psql, 1001).await;
        arrived(&two, 1001).await;
        let took = begun.elapsed();
        println!("from two databases to the first distributed commit: {:.1} s", took.as_secs_f64());
        assert!(took < MINUTES_MAX);
        psql.close().await;

        // The same file serves clients of the other dialect.
        let url = format!("mysql://app:{password}@{my_at}/{}", two.store_name());
        let mut mariadb = client(&url, &folder).await;
        order(&mut mariadb, 1002).await;
        arrived(&two, 1002).await;
        mariadb.close().await;
        let (told, code) = typed(&folder, &[], &["journal", "dump"]);
        assert!(code == 0 && told.contains("_store/"), "both commits were decided: {told}");
        let (told, code) = typed(&folder, &[], &["check"]);
        assert!(code == 0 && told.contains("[instance-running]"), "check is right beside a running one: {told}");
        drop(serving);
    });
}

#[test]
fn passwords_may_be_in_the_environment_and_no_file_is_overwritten() {
    let Some((store, delivery)) = pair() else { return skip("first_minutes: PostgreSQL or MariaDB is not installed") };
    runtime().block_on(async {
        let two = Two::new(&store, &delivery).await;
        let folder = two.folder.clone();
        let (pg, admin) = (format!("127.0.0.1:{}", bed().free_port()), format!("127.0.0.1:{}", bed().free_port()));
        let my = format!("127.0.0.1:{}", bed().free_port());
        let from_store = store.url(&two.store_name()).replace("app:app@", "app:${PG_PASSWORD}@");
        let from_delivery = delivery.url(&two.delivery_name());
        let init = [
            "init",
            "--from",
            &from_store,
            "--from",
            &from_delivery,
            "--postgres",
            &pg,
            "--mysql",
            &my,
            "--admin",
            &admin,
        ];
        let (told, code) = typed(&folder, &[("PG_PASSWORD", "app")], &init);
        assert_eq!(code, 0, "{told}");
        let text = std::fs::read_to_string(folder.join("handfast.toml")).unwrap();
        assert!(text.contains("password = \"${PG_PASSWORD}\""), "{text}");
        let delivery_variable = format!("{}_PASSWORD", two.delivery_name().to_uppercase());
        assert!(told.contains(&format!("export {delivery_variable}=")), "{told}");
        assert!(told.contains("export APP_CLIENT_PASSWORD="), "{told}");
        let (told, code) = typed(&folder, &[], &init);
        assert!(code == 2 && told.contains("is not overwritten"), "{told}");

        let set = [("PG_PASSWORD", "app"), (delivery_variable.as_str(), "app"), ("APP_CLIENT_PASSWORD", "chosen")];
        let (told, code) = typed(&folder, &[], &["check"]);
        assert!(code == 2 && told.contains("environment variable"), "{told}");
        let (told, code) = typed(&folder, &set, &["check", "--strict"]);
        assert_eq!(code, 0, "{told}");
        let _serving = serve(&folder, &set);
        let url = format!("postgres://app:chosen@{pg}/{}?sslmode=disable", two.store_name());
        let mut psql = client(&url, &folder).await;
        order(&mut psql, 7).await;
        arrived(&two, 7).await;
        psql.close().await;
    });
}

#[test]
fn a_table_in_both_databases_is_left_to_a_person() {
    let Some((store, delivery)) = pair() else { return skip("first_minutes: PostgreSQL or MariaDB is not installed") };
    runtime().block_on(async {
        let two = Two::new(&store, &delivery).await;
        for (server, database) in [(&store, two.store_name()), (&delivery, two.delivery_name())] {
            let mut direct = Direct::connect(&server.url(&database)).await.unwrap();
            direct.run("CREATE TABLE customers (id int PRIMARY KEY)").await.unwrap();
            direct.close().await;
        }
        let (from_store, from_delivery) = (store.url(&two.store_name()), delivery.url(&two.delivery_name()));
        let init = ["init", "--from", &from_store, "--from", &from_delivery, "--secrets", "secrets"];
        let (told, code) = typed(&two.folder, &[], &init);
        assert!(code == 0 && told.contains("look for DECIDE"), "{told}");
        let text = std::fs::read_to_string(two.folder.join("handfast.toml")).unwrap();
        assert!(text.contains("# DECIDE: table customers is in"), "{text}");
        assert!(!text.lines().any(|line| line.starts_with("\"customers\"")), "{text}");
        // A database that does not answer: nothing is written.
        let nowhere = format!("postgres://app:app@127.0.0.1:{}/x", bed().free_port());
        let (told, code) = typed(&two.folder, &[], &["init", "--from", &nowhere, "--output", "other.toml"]);
        assert!(code == 1 && told.contains("Nothing was written") && !two.folder.join("other.toml").exists(), "{told}");
        let (told, code) = typed(&two.folder, &[], &["init", "--from", "http://x/y", "--output", "other.toml"]);
        assert!(code == 2 && told.contains("neither postgres:// nor mysql://"), "{told}");
    });
}

#[test]
fn another_kind_of_server_than_the_url_says_is_told_and_nothing_is_left() {
    let Some((store, delivery)) = pair() else { return skip("first_minutes: PostgreSQL or MariaDB is not installed") };
    runtime().block_on(async {
        let two = Two::new(&store, &delivery).await;
        let (from_store, from_delivery) = (store.url(&two.store_name()), delivery.url(&two.delivery_name()));
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let nobody = format!("mysql://app:app@{}/x", silent.local_addr().unwrap());
        let as_mysql = from_store.replacen("postgres", "mysql", 1).replacen("?sslmode=disable", "", 1);
        let as_postgres = from_delivery.replacen("mysql", "postgres", 1);
        for (url, told, fix) in [
            (as_mysql, "a PostgreSQL server answers there", "write postgres://"),
            (format!("{as_postgres}?sslmode=disable"), "a MySQL server answers there", "write mysql://"),
            (as_postgres, "a MySQL server answers there", "write mysql://"),
            (nobody, "nothing was said for 6 s: is this a MySQL server?", "start the server, or correct the url"),
        ] {
            let init = ["init", "--from", &url, "--secrets", "secrets"];
            let (said, code) = typed(&two.folder, &[], &init);
            assert!(code == 1 && said.contains(told) && said.contains(fix), "{url}: {said}");
            assert!(said.contains("Nothing was written") && !two.folder.join("secrets").exists(), "{said}");
        }
        // All is there but the place for the file.
        let init = ["init", "--from", &from_store, "--secrets", "secrets", "--output", "no/such/folder.toml"];
        let (said, code) = typed(&two.folder, &[], &init);
        assert!(code == 1 && said.contains("nothing was written"), "{said}");
        assert!(!two.folder.join("secrets").exists(), "{said}");
    });
}
