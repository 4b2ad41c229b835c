//! Other databases of the home server (`listen.other_databases`): made, used, distributed never, and dropped through us.

use std::time::Duration;

use handfast::base::{Dialect, Engine, clock};
use handfast::testbed::{Direct, Handfast};

use crate::bed::{Stand, binary, on_every_engine};

on_every_engine! {
    a_database_that_a_client_makes_is_its_to_use_and_to_drop;
    other_databases_are_refused_unless_they_are_opened;
}

fn url(stand: &Stand, handfast: &Handfast, engine: Engine, database: &str) -> String {
    let scheme = match engine.dialect() {
        Dialect::Postgres => "postgres",
        Dialect::Mysql => "mysql",
    };
    let off = if engine == Engine::Postgres { "?sslmode=disable" } else { "" };
    format!("{scheme}://app:app@127.0.0.1:{}/{database}{off}", handfast.port(stand.shop.dialect()))
}

async fn a_database_that_a_client_makes_is_its_to_use_and_to_drop(engine: Engine) {
    let stand = Stand::cold(engine).await;
    let config =
        stand.shop.config().replacen("database = \"shop\"", "database = \"shop\"\nother_databases = \"home\"", 1);
    let handfast = Handfast::with_config(binary(), &stand.shop, &config).unwrap();
    handfast.start().unwrap();
    let beside = format!("{}_beside", stand.shop.store.name);
    let mut shop = Direct::connect(&url(&stand, &handfast, engine, "shop")).await.unwrap();
    let missing = Direct::connect(&url(&stand, &handfast, engine, &beside)).await.unwrap_err();
    assert!(missing.message.contains(&beside), "{missing}");
    shop.run(&format!("CREATE DATABASE {beside}")).await.unwrap();
    let mut there = Direct::connect(&url(&stand, &handfast, engine, &beside)).await.unwrap();
    // A name that a rule leads elsewhere in the house is this database's own here.
    there.run("CREATE TABLE agents (name varchar(40) PRIMARY KEY)").await.unwrap();
    for statement in ["BEGIN", "INSERT INTO agents VALUES ('Zoe')", "COMMIT"] {
        there.run(statement).await.unwrap();
    }
    assert_eq!(there.run("SELECT name FROM agents").await.unwrap().first(), Some("Zoe"));
    let mut direct = Direct::connect(&stand.shop.store.server.root_url(&beside)).await.unwrap();
    assert_eq!(direct.run("SELECT name FROM agents").await.unwrap().first(), Some("Zoe"));
    direct.close().await;
    // The house's own is what it was.
    let courier = shop.run("SELECT name FROM agents WHERE name = 'Ann'").await.unwrap();
    assert_eq!(courier.first(), Some("Ann"));
    assert_eq!(shop.run("SELECT count(*) FROM agents WHERE name = 'Zoe'").await.unwrap().first(), Some("0"));
    there.close().await;
    let deadline = clock::now() + Duration::from_secs(20);
    while let Err(error) = shop.run(&format!("DROP DATABASE {beside}")).await {
        // PostgreSQL drops no database with a session in it, and sessions take a moment to go.
        assert!(error.state.as_deref() == Some("55006") && clock::now() < deadline, "{error}");
    }
    assert!(Direct::connect(&url(&stand, &handfast, engine, &beside)).await.is_err());
    // Clients that connect again to what they were told they are in.
    if engine == Engine::Postgres {
        let own = shop.run("SELECT current_database()").await.unwrap();
        let mut again = Direct::connect(&url(&stand, &handfast, engine, own.first().unwrap())).await.unwrap();
        assert_eq!(again.run("SELECT name FROM agents WHERE name = 'Ann'").await.unwrap().first(), Some("Ann"));
    }
}

async fn other_databases_are_refused_unless_they_are_opened(engine: Engine) {
    let stand = Stand::start(engine).await;
    let home = if engine == Engine::Postgres { "postgres" } else { "information_schema" };
    let refused = Direct::connect(&url(&stand, &stand.handfast, engine, home)).await.unwrap_err();
    assert!(refused.message.contains(home), "{refused}");
    let code = if engine == Engine::Postgres { "3D000" } else { "42000" };
    assert_eq!(refused.state.as_deref(), Some(code), "{refused}");
}
