use std::sync::Arc;

use super::*;
use crate::base::Engine;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap()
}

async fn a_killed_server_keeps_prepared_branches(engine: Engine) {
    let bed = Bed::new().unwrap();
    let server = Arc::new(Server::start(&bed, engine, "one").unwrap());
    let shop = Shop::create(&bed, &server, &server, "pair").await.unwrap();
    let mut client = Direct::connect(&shop.store.url()).await.unwrap();
    let update = "UPDATE stock SET reserved = 7 WHERE item = 'lamp'";
    let statements = match engine {
        Engine::Postgres => ["BEGIN", update, "PREPARE TRANSACTION 'hf1.pair.n.1.1/0'", "SELECT 1"],
        Engine::Mariadb | Engine::Mysql => {
            ["XA START 'hf1.pair.n.1.1','0'", update, "XA END 'hf1.pair.n.1.1','0'", "XA PREPARE 'hf1.pair.n.1.1','0'"]
        }
    };
    client.run_all(&statements).await.unwrap();
    server.kill9();
    assert!(!server.is_running());
    server.restart().unwrap();
    assert!(shop.branches().await.unwrap().contains(&"hf1.pair.n.1.1/0".to_owned()));
}

#[test]
fn a_killed_postgres_keeps_prepared_branches() {
    if available(Engine::Postgres) {
        runtime().block_on(a_killed_server_keeps_prepared_branches(Engine::Postgres));
    }
}

#[test]
fn a_killed_mariadb_keeps_prepared_branches() {
    if available(Engine::Mariadb) {
        runtime().block_on(a_killed_server_keeps_prepared_branches(Engine::Mariadb));
    }
}

#[test]
fn a_killed_mysql_keeps_prepared_branches() {
    if available(Engine::Mysql) {
        runtime().block_on(a_killed_server_keeps_prepared_branches(Engine::Mysql));
    }
}

#[test]
fn a_dropped_bed_leaves_no_folder() {
    let bed = Bed::new().unwrap();
    let folder = bed.folder().to_path_buf();
    assert!(folder.is_dir());
    drop(bed);
    assert!(!folder.exists());
}
