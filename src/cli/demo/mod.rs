//! `handfast demo`: real databases, real clients, real `kill -9`. The store is on PostgreSQL, delivery on MariaDB. Four acts,
//! played by a PostgreSQL client and by a MariaDB client: an order; the same by hand, half done; Handfast killed at its three
//! worst moments; many orders under havoc.

mod acts;
mod by_hand;
mod client;
mod screen;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use crate::base::{Dialect, Engine};
use crate::testbed::{Bed, Handfast, Server, Shop, TestbedError};
use screen::Screen;

/// What the user asked of the demo.
#[derive(Clone, Debug, clap::Args)]
pub struct DemoArgs {
    /// Waits for nobody; exits 0 only if everything is whole
    #[arg(long)]
    pub check: bool,
    /// Keeps the scratch folder (data, journals, diagnostics)
    #[arg(long)]
    pub keep: bool,
    /// Waits for Enter before each act
    #[arg(long)]
    pub step: bool,
    /// Orders of the last act, from each kind of client
    #[arg(long, default_value_t = 200, value_name = "N")]
    pub orders: u64,
    /// Decides the random moments of the last act
    #[arg(long, default_value_t = 7, value_name = "N")]
    pub seed: u64,
    /// The child of act 2: an order by hand over two URLs, to be killed between its two COMMITs
    #[arg(long, hide = true, num_args = 2, value_names = ["STORE", "DELIVERY"])]
    pub by_hand: Vec<String>,
}

/// The two databases with Handfast before them, for clients of one dialect.
#[derive(Debug)]
struct Stand {
    title: &'static str,
    shop: Arc<Shop>,
    handfast: Arc<Handfast>,
}

/// Plays the demo; see [`DemoArgs`]. Exit: 0 whole, 1 something is not, 3 a database is not installed.
pub fn run(args: &DemoArgs) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("cannot start: {error}"), 1),
    };
    if let [store, delivery] = args.by_hand.as_slice() {
        return runtime.block_on(by_hand::child(store, delivery));
    }
    let screen = Screen::new(args);
    let ended = runtime.block_on(async {
        // Dropping the play ends every child of it.
        tokio::select! {
            ended = play(args, &screen) => Some(ended),
            _ = tokio::signal::ctrl_c() => None,
        }
    });
    match ended {
        Some(Ok(true)) => ExitCode::SUCCESS,
        Some(Ok(false)) => ExitCode::from(1),
        Some(Err(error @ TestbedError::Missing { .. })) => fail(&error.to_string(), 3),
        Some(Err(error)) => fail(&error.to_string(), 1),
        None => {
            screen.line("\nStopped; everything it started is ended.");
            ExitCode::from(130)
        }
    }
}

fn fail(message: &str, code: u8) -> ExitCode {
    tracing::debug!(message, "the demo ends");
    screen::complain(&format!("handfast demo: {message}"));
    ExitCode::from(code)
}

async fn play(args: &DemoArgs, screen: &Screen) -> Result<bool, TestbedError> {
    let version = env!("CARGO_PKG_VERSION");
    screen.line(&format!(
        "handfast {version} demo: throw-away databases in a scratch folder, removed at the end (--keep keeps it)"
    ));
    let bed = Arc::new(Bed::new()?);
    if args.keep {
        bed.keep()?;
        screen.line(&format!("  scratch folder  {}", bed.folder().display()));
    }
    let stands = set_up(&bed, screen).await?;
    let mut whole = true;
    for stand in &stands {
        whole &= acts::play(stand, args, screen).await?;
    }
    screen.line("");
    for stand in &stands {
        stand.handfast.start()?;
    }
    screen.line(if whole { "Everything is whole." } else { "NOT EVERYTHING IS WHOLE." });
    if screen.interactive() {
        invite(&stands, screen).await;
    }
    drop(stands);
    drop(bed);
    Ok(whole)
}

/// Starts both servers at the same time, then makes a shop for each dialect's clients.
async fn set_up(bed: &Arc<Bed>, screen: &Screen) -> Result<Vec<Stand>, TestbedError> {
    screen.line("\nStarting PostgreSQL for the store and MariaDB for delivery.");
    let began = crate::base::clock::now();
    let for_servers = Arc::clone(bed);
    let mut starting = tokio::task::JoinSet::new();
    starting.spawn_blocking(move || {
        Server::start_all(&for_servers, &[(Engine::Postgres, "store"), (Engine::Mariadb, "delivery")])
    });
    let mut servers = Vec::new();
    while let Some(started) = starting.join_next().await {
        servers.extend(started.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?);
    }
    let mut servers = servers.into_iter().map(Arc::new);
    let mut stands = Vec::new();
    let (Some(store), Some(delivery)) = (servers.next(), servers.next()) else { return Ok(stands) };
    let (a, b) = (store.port(), delivery.port());
    screen.line(&format!("  store     PostgreSQL  127.0.0.1:{a}   stock, orders"));
    screen.line(&format!("  delivery  MariaDB     127.0.0.1:{b}   agents, assignments"));
    let voices = [("a PostgreSQL client", "pg", Dialect::Postgres), ("a MariaDB client", "maria", Dialect::Mysql)];
    for (title, name, voice) in voices {
        let shop = Arc::new(Shop::create(bed, &store, &delivery, name).await?.told_in(voice));
        let handfast = Arc::new(Handfast::new(&binary()?, &shop)?);
        handfast.start()?;
        screen.line(&format!("  handfast  for {title:<20}  {}", handfast.url(voice)));
        stands.push(Stand { title, shop, handfast });
    }
    screen.line(&format!("  ready in {:.1} s", began.elapsed().as_secs_f64()));
    Ok(stands)
}

/// This very program, as the proxy.
fn binary() -> Result<PathBuf, TestbedError> {
    std::env::current_exe().map_err(|source| TestbedError::Io { what: "finding this program".into(), source })
}

async fn invite(stands: &[Stand], screen: &Screen) {
    screen.line("\nTry it yourself (Ctrl-C ends everything; tables stock, orders | agents, assignments):");
    for stand in stands {
        let dialect = stand.shop.dialect();
        let port = stand.handfast.port(dialect);
        screen.line(&match dialect {
            Dialect::Postgres => format!("  psql postgres://app:app@127.0.0.1:{port}/shop"),
            Dialect::Mysql => format!("  mariadb -h127.0.0.1 -P{port} -uapp -papp shop"),
        });
    }
    std::future::pending::<()>().await;
}
