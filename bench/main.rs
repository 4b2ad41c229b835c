//! The bench; see `bench/run.sh`. Everything that is compared runs in turns within one run, because a machine's speed
//! changes from minute to minute.

#![allow(missing_docs, clippy::unwrap_used, reason = "a program to be read by its output")]

mod commits;
mod reads;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use handfast::base::Engine;
use handfast::testbed::{Bed, Handfast, Server, Shop};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let binary = PathBuf::from(arguments.next().expect("usage: bench HANDFAST [SECONDS]"));
    let seconds: u64 = arguments.next().map_or(5, |text| text.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(run(&binary, Duration::from_secs(seconds)));
}

async fn run(binary: &std::path::Path, length: Duration) {
    let bed = Bed::new().unwrap();
    for engine in [Engine::Postgres, Engine::Mariadb] {
        let mut servers = Server::start_all(
            &bed,
            &[(engine, &format!("{engine:?}-store")), (engine, &format!("{engine:?}-delivery"))],
        )
        .unwrap();
        let delivery = Arc::new(servers.pop().unwrap());
        let store = Arc::new(servers.pop().unwrap());
        let name = format!("b{}", engine as u8);
        let shop = Arc::new(Shop::create(&bed, &store, &delivery, &name).await.unwrap());
        let handfast = Arc::new(Handfast::new(binary, &shop).unwrap());
        handfast.start().unwrap();
        match engine {
            Engine::Postgres => reads::measure(&bed, &shop, &handfast, length).await,
            Engine::Mariadb | Engine::Mysql => {}
        }
        commits::measure(&shop, &handfast, length).await;
    }
}

/// The value below which `percent` of the sorted samples lie.
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let index = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(index).copied().unwrap_or(f64::NAN)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    percentile(&values, 50)
}
