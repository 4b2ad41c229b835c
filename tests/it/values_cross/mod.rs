//! Values cross between the dialects without loss, or are refused: through a real driver, in text and in binary, a table of
//! the other dialect answers the same bytes as the client's own.

mod literals;
mod mysql;
mod postgres;

use std::sync::Arc;

use handfast::base::Engine;
use handfast::testbed::{Direct, Handfast, Shop, available};

use crate::bed::{Stand, bed, binary, runtime, servers, skip, unique_name};

/// Home is the store's engine; tables named `away_…` are on delivery.
async fn stand(home: Engine, away: Engine) -> Stand {
    let (store, delivery) = (servers(home).0, servers(away).0);
    let shop = Shop::create(bed(), &store, &delivery, &unique_name()).await.unwrap();
    let config = shop.config().replace("[tables]\n", "[tables]\n\"away_*\" = \"delivery\"\n");
    let handfast = Handfast::with_config(binary(), &shop, &config).unwrap();
    handfast.start().unwrap();
    Stand { shop: Arc::new(shop), handfast: Arc::new(handfast) }
}

fn between(home: Engine, away: Engine, story: impl AsyncFnOnce(&Stand) -> Vec<String>) {
    if !available(home) || !available(away) {
        return skip(&format!("values between {home:?} and {away:?}"));
    }
    runtime().block_on(async {
        let stand = stand(home, away).await;
        let wrong = story(&stand).await;
        assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    });
}

/// A type on its own server and on the other's; values as literals of the client's.
struct Case {
    home: &'static str,
    away: &'static str,
    values: Vec<String>,
    /// What the other side's type has no place for: told as out of range.
    refused: &'static [&'static str],
}

fn case(home: &'static str, away: &'static str, values: &[&str], refused: &'static [&'static str]) -> Case {
    Case { home, away, values: values.iter().map(|v| (*v).to_owned()).collect(), refused }
}

/// Tables `home_N` and `away_N`, each on its side.
async fn tables(stand: &Stand, cases: &[Case]) {
    let mut store = Direct::connect(&stand.shop.store.url()).await.unwrap();
    let mut delivery = Direct::connect(&stand.shop.delivery.url()).await.unwrap();
    for (at, Case { home, away, .. }) in cases.iter().enumerate() {
        store.run(&format!("CREATE TABLE home_{at} (id bigint PRIMARY KEY, v {home})")).await.unwrap();
        delivery.run(&format!("CREATE TABLE away_{at} (id bigint PRIMARY KEY, v {away})")).await.unwrap();
    }
    store.close().await;
    delivery.close().await;
}

fn compare<T: std::fmt::Debug + PartialEq>(wrong: &mut Vec<String>, what: &str, home: &T, away: &T) {
    if home != away {
        let (home, away) = (format!("{home:?}"), format!("{away:?}"));
        let short = |text: &str| text.chars().take(1500).collect::<String>();
        wrong.push(format!("{what}: at home {} away {}", short(&home), short(&away)));
    }
}
