//! Act 2: the same order as applications do it today, with a transaction on each database and two COMMITs; a real process
//! is killed between them.

use std::process::{ExitCode, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};

use super::Stand;
use crate::testbed::{Direct, Order, SqlError, TestbedError};

/// The order that is placed by hand.
pub(super) fn order() -> Order {
    Order { id: 1002, item: "lamp".into(), agent: "Ben".into() }
}

/// Said by the child between its two COMMITs.
const BETWEEN: &str = "between the two COMMITs";

/// The child: never ends by itself.
pub(super) async fn child(store: &str, delivery: &str) -> ExitCode {
    match place(store, delivery).await {
        Ok(()) => std::future::pending().await,
        Err(error) => super::fail(&error.to_string(), 1),
    }
}

async fn place(store: &str, delivery: &str) -> Result<(), SqlError> {
    let (mut store, mut delivery) = (Direct::connect(store).await?, Direct::connect(delivery).await?);
    store.run("BEGIN").await?;
    store.run_all(&order().store_statements()).await?;
    delivery.run("BEGIN").await?;
    delivery.run_all(&order().delivery_statements()).await?;
    store.run("COMMIT").await?;
    // Here the power goes.
    std::io::Write::write_all(&mut std::io::stdout(), format!("{BETWEEN}\n").as_bytes()).unwrap_or(());
    std::future::pending::<()>().await;
    delivery.run("COMMIT").await?;
    Ok(())
}

/// Runs the child and kills it with SIGKILL between its two COMMITs.
pub(super) async fn run_and_kill(stand: &Stand) -> Result<(), TestbedError> {
    let io = |what: &str| {
        let what = what.to_owned();
        move |source| TestbedError::Io { what, source }
    };
    let mut command = tokio::process::Command::new(super::binary()?);
    command.args(["demo", "--by-hand"]).arg(stand.shop.store.url()).arg(stand.shop.delivery.url());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).process_group(0);
    let mut child = command.spawn().map_err(io("starting the order by hand"))?;
    let stdout = child.stdout.take();
    let mut line = String::new();
    if let Some(stdout) = stdout {
        let mut stdout = BufReader::new(stdout);
        let read = tokio::time::timeout(Duration::from_secs(30), stdout.read_line(&mut line));
        read.await.unwrap_or(Ok(0)).map_err(io("hearing from the order by hand"))?;
    }
    child.kill().await.map_err(io("killing the order by hand"))?;
    if line.trim() == BETWEEN {
        return Ok(());
    }
    let why = "it did not come to the point between its COMMITs".into();
    Err(TestbedError::NotReady { who: "the order by hand".into(), why, log: line })
}
