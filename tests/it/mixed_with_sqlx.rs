//! An application with sqlx: typed parameters and binary results, with the store on PostgreSQL and delivery on MariaDB or
//! MySQL, from either side.

use handfast::base::{Dialect, Engine};
use sqlx::mysql::MySqlConnection;
use sqlx::{Connection, PgConnection};

use crate::bed::{on, skip};
use crate::clients::Topology;

const NOTE: &str = "it's \\ \"quoted\" 😀\n";

type VisitRow = (i64, String, Option<String>, bool, Option<f64>, Option<Vec<u8>>);

async fn place_pg(connection: &mut PgConnection, id: i64) -> Result<(), sqlx::Error> {
    for (sql, text) in [
        ("UPDATE stock SET reserved = reserved + ($1 > 0)::int WHERE item = $2", "lamp"),
        ("INSERT INTO orders (id, item, agent, at) VALUES ($1, $2, 'Ann', CURRENT_TIMESTAMP)", "lamp"),
        ("UPDATE agents SET order_id = $1 WHERE name = $2", "Ann"),
        ("INSERT INTO assignments (order_id, agent) VALUES ($1, $2)", "Ann"),
    ] {
        let done = sqlx::query(sql).bind(id).bind(text).execute(&mut *connection).await?;
        assert_eq!(done.rows_affected(), 1, "{sql}");
    }
    Ok(())
}

async fn story_pg(url: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let mut transaction = connection.begin().await.unwrap();
    place_pg(&mut transaction, 100).await.unwrap();
    transaction.commit().await.unwrap();
    let mut transaction = connection.begin().await.unwrap();
    place_pg(&mut transaction, 101).await.unwrap();
    transaction.rollback().await.unwrap();
    let mut transaction = connection.begin().await.unwrap();
    let error = place_pg(&mut transaction, 100).await.unwrap_err();
    assert!(error.as_database_error().is_some_and(|e| e.is_unique_violation()), "{error}");
    transaction.rollback().await.unwrap();
    let booked: Vec<(i64, String)> = sqlx::query_as("SELECT order_id, agent FROM assignments WHERE order_id >= $1")
        .bind(100_i64)
        .fetch_all(&mut connection)
        .await
        .unwrap();
    assert_eq!(booked, [(100, "Ann".to_owned())]);
    let free: Vec<(String, Option<i64>)> =
        sqlx::query_as("SELECT name, order_id FROM agents WHERE name = ANY($1) ORDER BY name")
            .bind(["Ann", "Ben", "ann"].as_slice())
            .fetch_all(&mut connection)
            .await
            .unwrap();
    assert_eq!(free, [("Ann".to_owned(), Some(100)), ("Ben".to_owned(), None)]);

    sqlx::query("CREATE TABLE visits (id bigserial PRIMARY KEY, agent varchar(40) NOT NULL, note text, done boolean NOT NULL DEFAULT false, hours double precision, photo bytea)")
        .execute(&mut connection)
        .await
        .unwrap();
    let key: (i64,) =
        sqlx::query_as("INSERT INTO visits (agent, note, done, hours, photo) VALUES ($1, $2, $3, $4, $5) RETURNING id")
            .bind("Ann")
            .bind(NOTE)
            .bind(true)
            .bind(0.1_f64)
            .bind([0_u8, 255, 39, 92].as_slice())
            .fetch_one(&mut connection)
            .await
            .unwrap();
    assert_eq!(key.0, 1);
    sqlx::query("INSERT INTO visits (agent, note) VALUES ($1, $2)")
        .bind("Ben")
        .bind(None::<String>)
        .execute(&mut connection)
        .await
        .unwrap();
    let rows: Vec<VisitRow> = sqlx::query_as("SELECT id, agent, note, done, hours, photo FROM visits ORDER BY id")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    assert_eq!(rows, visits());
    connection.close().await.unwrap();
}

fn visits() -> Vec<VisitRow> {
    vec![
        (1, "Ann".to_owned(), Some(NOTE.to_owned()), true, Some(0.1), Some(vec![0, 255, 39, 92])),
        (2, "Ben".to_owned(), None, false, None, None),
    ]
}

async fn place_mysql(connection: &mut MySqlConnection, id: i64) -> Result<(), sqlx::Error> {
    for (sql, text) in [
        ("UPDATE stock SET reserved = reserved + (? > 0) WHERE item = ?", "lamp"),
        ("INSERT INTO orders (id, item, agent, at) VALUES (?, ?, 'Ann', CURRENT_TIMESTAMP)", "lamp"),
        ("UPDATE agents SET order_id = ? WHERE name = ?", "Ann"),
        ("INSERT INTO assignments (order_id, agent) VALUES (?, ?)", "Ann"),
    ] {
        let done = sqlx::query(sql).bind(id).bind(text).execute(&mut *connection).await?;
        assert_eq!(done.rows_affected(), 1, "{sql}");
    }
    Ok(())
}

async fn story_mysql(url: &str) {
    let mut connection = MySqlConnection::connect(url).await.unwrap();
    let mut transaction = connection.begin().await.unwrap();
    place_mysql(&mut transaction, 100).await.unwrap();
    transaction.commit().await.unwrap();
    let mut transaction = connection.begin().await.unwrap();
    place_mysql(&mut transaction, 101).await.unwrap();
    transaction.rollback().await.unwrap();
    let mut transaction = connection.begin().await.unwrap();
    let error = place_mysql(&mut transaction, 100).await.unwrap_err();
    assert!(error.as_database_error().is_some_and(|e| e.is_unique_violation()), "{error}");
    transaction.rollback().await.unwrap();
    let placed: Vec<(i64, String, String)> = sqlx::query_as("SELECT id, item, agent FROM orders WHERE id >= ?")
        .bind(100_i64)
        .fetch_all(&mut connection)
        .await
        .unwrap();
    assert_eq!(placed, [(100, "lamp".to_owned(), "Ann".to_owned())]);

    sqlx::query("CREATE TABLE visits (id bigint AUTO_INCREMENT PRIMARY KEY, agent varchar(40) NOT NULL, note longtext, done boolean NOT NULL DEFAULT false, hours double, photo longblob) CHARACTER SET utf8mb4")
        .execute(&mut connection)
        .await
        .unwrap();
    let done = sqlx::query("INSERT INTO visits (agent, note, done, hours, photo) VALUES (?, ?, ?, ?, ?)")
        .bind("Ann")
        .bind(NOTE)
        .bind(true)
        .bind(0.1_f64)
        .bind([0_u8, 255, 39, 92].as_slice())
        .execute(&mut connection)
        .await
        .unwrap();
    assert_eq!((done.rows_affected(), done.last_insert_id()), (1, 1));
    sqlx::query("INSERT INTO visits (agent, note) VALUES (?, ?)")
        .bind("Ben")
        .bind(None::<String>)
        .execute(&mut connection)
        .await
        .unwrap();
    let rows: Vec<VisitRow> = sqlx::query_as("SELECT id, agent, note, done, hours, photo FROM visits ORDER BY id")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    assert_eq!(rows, visits());
    connection.close().await.unwrap();
}

fn story(client: Engine, delivery: Engine) {
    let topology = Topology { client, store: Engine::Postgres, delivery };
    if !topology.is_here() {
        return skip(&format!("sqlx as a client of {client:?}, delivery on {delivery:?}"));
    }
    on(client, "sqlx", |client| async move {
        let stand = topology.stand().await;
        let url = stand.handfast.url(client.dialect());
        match client.dialect() {
            Dialect::Postgres => story_pg(&url).await,
            Dialect::Mysql => story_mysql(&url).await,
        }
        assert_eq!(stand.sides(100).await, (1, 1));
        assert_eq!(stand.sides(101).await, (0, 0));
        stand.settled().await;
    });
}

#[test]
fn a_postgres_application_uses_mariadb() {
    story(Engine::Postgres, Engine::Mariadb);
}

#[test]
fn a_postgres_application_uses_mysql() {
    story(Engine::Postgres, Engine::Mysql);
}

#[test]
fn a_mariadb_application_uses_postgres() {
    story(Engine::Mariadb, Engine::Mariadb);
}

#[test]
fn a_mysql_application_uses_postgres() {
    story(Engine::Mysql, Engine::Mysql);
}
