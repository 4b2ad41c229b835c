//! `handfast catalog sync`: tools see tables of the other backends in the home databases.

use std::process::{Command, Output};

use handfast::base::{Dialect, Engine};

use crate::bed::{Stand, binary, on, servers};

async fn catalog(stand: &Stand, words: &[&str]) -> Output {
    let mut command = Command::new(binary());
    command.arg("-c").arg(stand.shop.folder().join("handfast.toml")).arg("catalog").args(words);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

async fn mixed(engine: Engine) -> Stand {
    let (store, _) = servers(Engine::Postgres);
    let (delivery, _) = servers(engine);
    let stand = Stand::over(&store, &delivery).await;
    stand.handfast.start().unwrap();
    stand
}

async fn tools_see_the_tables_of_the_other_backend(engine: Engine) {
    let stand = mixed(engine).await;
    let synced = catalog(&stand, &["sync"]).await;
    assert!(synced.status.success(), "{}", said(&synced));

    let mut pg = stand.client_of(Dialect::Postgres).await;
    let columns = "SELECT column_name, data_type, is_nullable FROM information_schema.columns \
                   WHERE table_name = 'agents' ORDER BY ordinal_position";
    let seen = pg.run(columns).await.unwrap().rows;
    let seen: Vec<Vec<&str>> =
        seen.iter().map(|row| row.iter().map(|c| c.as_deref().unwrap_or("-")).collect()).collect();
    assert_eq!(seen, [["name", "character varying", "NO"], ["order_id", "bigint", "YES"]]);
    let comment = pg.run("SELECT obj_description('agents'::regclass)").await.unwrap();
    assert!(comment.first().unwrap().starts_with("handfast: rows live in backend delivery"), "{comment:?}");

    let mut my = stand.client_of(Dialect::Mysql).await;
    let tables = my.run("SHOW TABLES").await.unwrap().rows;
    let names: Vec<&str> = tables.iter().filter_map(|row| row[0].as_deref()).collect();
    assert!(names.contains(&"stock") && names.contains(&"agents"), "{names:?}");

    // The rows are the real ones all the same.
    pg.run("INSERT INTO agents (name) VALUES ('seen')").await.unwrap();
    assert_eq!(pg.number("SELECT count(*) FROM agents WHERE name = 'seen'").await.unwrap(), 1);
    pg.close().await;
    my.close().await;
}

async fn a_stand_in_takes_no_rows(engine: Engine) {
    let stand = mixed(engine).await;
    assert!(catalog(&stand, &["sync"]).await.status.success());
    let mut store = stand.shop.store.direct().await.unwrap();
    let refused = store.run("INSERT INTO agents (name) VALUES ('stray')").await.unwrap_err();
    assert_eq!(refused.state.as_deref(), Some("23514"), "{refused}");
    store.close().await;
    let mut delivery = stand.shop.delivery.direct().await.unwrap();
    let refused = delivery.run("INSERT INTO stock (item, reserved) VALUES ('stray', 1)").await.unwrap_err();
    assert!(refused.message.contains("rows live in backend store"), "{refused}");
    delivery.close().await;
}

async fn syncing_follows_changes_and_touches_nothing_real(engine: Engine) {
    let stand = mixed(engine).await;
    assert!(catalog(&stand, &["sync"]).await.status.success());
    let again = said(&catalog(&stand, &["sync"]).await);
    assert!(again.contains("as before") && !again.contains("made"), "{again}");

    let mut delivery = stand.shop.delivery.direct().await.unwrap();
    delivery.run("ALTER TABLE agents ADD COLUMN phone varchar(20)").await.unwrap();
    delivery.close().await;
    let changed = said(&catalog(&stand, &["sync"]).await);
    assert!(changed.contains("made anew"), "{changed}");

    let dropped = catalog(&stand, &["drop"]).await;
    assert!(dropped.status.success(), "{}", said(&dropped));
    let mut store = stand.shop.store.direct().await.unwrap();
    store.run("CREATE TABLE agents (mine int)").await.unwrap();
    store.run("INSERT INTO agents VALUES (1)").await.unwrap();
    let refused = catalog(&stand, &["sync"]).await;
    assert!(!refused.status.success() && said(&refused).contains("a real table of this name"), "{}", said(&refused));
    assert!(catalog(&stand, &["drop"]).await.status.success());
    assert_eq!(store.number("SELECT mine FROM agents").await.unwrap(), 1);
    store.close().await;
}

mod on_mariadb {
    use handfast::base::Engine::Mariadb;

    use crate::bed::on;

    #[test]
    fn tools_see_the_tables_of_the_other_backend() {
        on(Mariadb, "stand-ins", super::tools_see_the_tables_of_the_other_backend);
    }

    #[test]
    fn a_stand_in_takes_no_rows() {
        on(Mariadb, "stand-ins", super::a_stand_in_takes_no_rows);
    }

    #[test]
    fn syncing_follows_changes_and_touches_nothing_real() {
        on(Mariadb, "stand-ins", super::syncing_follows_changes_and_touches_nothing_real);
    }
}

#[test]
fn tools_see_the_tables_of_the_other_backend_on_mysql() {
    on(Engine::Mysql, "stand-ins", tools_see_the_tables_of_the_other_backend);
}
