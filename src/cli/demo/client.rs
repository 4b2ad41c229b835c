//! Act 1 is played by the database's own command-line client, so that the visitor sees what he would type himself.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::Stand;
use crate::base::Dialect;
use crate::testbed::{Direct, TestbedError};

/// A client that takes longer hangs.
const CLIENT_MAX: Duration = Duration::from_secs(30);

/// Runs the statements by `psql` or `mariadb`, or, where that is not installed, by a connection of our own. Gives who did it.
pub(super) async fn play(stand: &Stand, statements: &[&str]) -> Result<&'static str, TestbedError> {
    let dialect = stand.shop.dialect();
    let url = stand.handfast.url(dialect);
    let (program, mut command) = command(dialect, stand.handfast.port(dialect), &url);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let Ok(mut child) = command.spawn() else {
        let told = |error: crate::testbed::SqlError| failed("a client", error.to_string());
        let mut direct = Direct::connect(&url).await.map_err(told)?;
        direct.run_all(statements).await.map_err(told)?;
        direct.close().await;
        return Ok("a plain connection");
    };
    if let Some(mut stdin) = child.stdin.take() {
        let script: String = statements.iter().map(|sql| format!("{sql};\n")).collect();
        let written = stdin.write_all(script.as_bytes()).await;
        written.map_err(TestbedError::io(format!("writing to {program}")))?;
    }
    let ended = tokio::time::timeout(CLIENT_MAX, child.wait_with_output()).await;
    let output = ended.map_err(|_| failed(program, format!("no end within {CLIENT_MAX:?}")))?;
    let output = output.map_err(TestbedError::io(format!("running {program}")))?;
    if output.status.success() {
        return Ok(program);
    }
    Err(failed(program, String::from_utf8_lossy(&output.stderr).into_owned()))
}

fn command(dialect: Dialect, port: u16, url: &str) -> (&'static str, Command) {
    match dialect {
        Dialect::Postgres => {
            let mut command = Command::new("psql");
            command.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", url]);
            ("psql", command)
        }
        Dialect::Mysql => {
            let mut command = Command::new("mariadb");
            command.args(["--no-defaults", "-h127.0.0.1", &format!("-P{port}"), "-uapp", "shop"]);
            command.env("MYSQL_PWD", "app");
            ("mariadb", command)
        }
    }
}

fn failed(what: &str, why: String) -> TestbedError {
    TestbedError::Sql { what: what.to_owned(), why }
}
