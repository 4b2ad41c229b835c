//! A plain client: behind Handfast's back (to see what really is in a database) or through it.

use std::future::Future;
use std::time::Duration;

use sqlx::mysql::{MySqlConnection, MySqlDatabaseError};
use sqlx::{AssertSqlSafe, Column, Connection, Either, Executor, PgConnection, Row};

/// No answer by then is an answer too.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// A connection of either dialect that speaks text.
#[derive(Debug)]
pub enum Direct {
    /// To a PostgreSQL wire.
    Postgres(PgConnection),
    /// To a MySQL wire.
    Mysql(MySqlConnection),
}

/// What a statement answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Column names of the last result.
    pub columns: Vec<String>,
    /// All rows, as text; `None` is NULL.
    pub rows: Vec<Vec<Option<String>>>,
    /// Rows affected, of all statements.
    pub affected: u64,
}

impl Answer {
    /// The first column of the first row.
    pub fn first(&self) -> Option<&str> {
        self.rows.first()?.first()?.as_deref()
    }
}

/// Why a statement has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} (state {state:?}, number {number:?})")]
pub struct SqlError {
    /// SQLSTATE, when the server answered.
    pub state: Option<String>,
    /// MySQL's error number, when a MySQL wire answered.
    pub number: Option<u16>,
    /// The text.
    pub message: String,
    /// PostgreSQL's hint.
    pub hint: Option<String>,
}

impl SqlError {
    /// Whether the other side answered at all; otherwise the connection broke and the outcome is unknown.
    pub fn is_answer(&self) -> bool {
        self.state.is_some()
    }

    fn silence(message: &str) -> Self {
        Self { state: None, number: None, message: message.to_owned(), hint: None }
    }
}

impl From<sqlx::Error> for SqlError {
    fn from(error: sqlx::Error) -> Self {
        let Some(database) = error.as_database_error() else {
            return Self::silence(&error.to_string());
        };
        let mysql = database.try_downcast_ref::<MySqlDatabaseError>();
        let pg = database.try_downcast_ref::<sqlx::postgres::PgDatabaseError>();
        Self {
            state: database.code().map(|code| code.into_owned()),
            number: mysql.map(MySqlDatabaseError::number),
            message: database.message().to_owned(),
            hint: pg.and_then(|pg| pg.hint()).map(ToOwned::to_owned),
        }
    }
}

async fn in_time<T>(work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, SqlError> {
    match tokio::time::timeout(ANSWER_MAX, work).await {
        Ok(done) => done.map_err(SqlError::from),
        Err(_) => Err(SqlError::silence("no answer in time")),
    }
}

macro_rules! collect {
    ($connection:expr, $sql:expr) => {{
        let mut answer = Answer::default();
        let mut stream = $connection.fetch_many(sqlx::raw_sql(AssertSqlSafe($sql.to_owned())));
        while let Some(item) = std::future::poll_fn(|context| stream.as_mut().poll_next(context)).await {
            match item? {
                Either::Left(done) => answer.affected += done.rows_affected(),
                Either::Right(row) => {
                    answer.columns = row.columns().iter().map(|column| column.name().to_owned()).collect();
                    let read = |index| row.try_get_unchecked::<Option<String>, usize>(index);
                    answer.rows.push((0..row.len()).map(read).collect::<Result<_, _>>()?);
                }
            }
        }
        Ok(answer)
    }};
}

impl Direct {
    /// Connects by URL (`postgres://…` or `mysql://…`).
    pub async fn connect(url: &str) -> Result<Self, SqlError> {
        if url.starts_with("postgres") {
            in_time(PgConnection::connect(url)).await.map(Self::Postgres)
        } else {
            in_time(MySqlConnection::connect(url)).await.map(Self::Mysql)
        }
    }

    /// Runs one text (several statements if the wire allows) by the simple protocol.
    pub async fn run(&mut self, sql: &str) -> Result<Answer, SqlError> {
        match self {
            Self::Postgres(connection) => in_time(async { collect!(connection, sql) }).await,
            Self::Mysql(connection) => in_time(async { collect!(connection, sql) }).await,
        }
    }

    /// Runs one statement as a prepared one, with integers bound; gives the rows affected.
    pub async fn run_prepared(&mut self, sql: &'static str, values: &[i64]) -> Result<u64, SqlError> {
        match self {
            Self::Postgres(connection) => {
                let query = values.iter().fold(sqlx::query(sql), |query, value| query.bind(*value));
                in_time(query.execute(connection)).await.map(|done| done.rows_affected())
            }
            Self::Mysql(connection) => {
                let query = values.iter().fold(sqlx::query(sql), |query, value| query.bind(*value));
                in_time(query.execute(connection)).await.map(|done| done.rows_affected())
            }
        }
    }

    /// Runs several texts, stopping at the first error.
    pub async fn run_all<S: AsRef<str>>(&mut self, statements: &[S]) -> Result<(), SqlError> {
        for sql in statements {
            self.run(sql.as_ref()).await?;
        }
        Ok(())
    }

    /// The first value of the first row as a number.
    pub async fn number(&mut self, sql: &str) -> Result<i64, SqlError> {
        let answer = self.run(sql).await?;
        let number = answer.first().and_then(|text| text.parse().ok());
        number.ok_or_else(|| SqlError::silence(&format!("no number in the answer to {sql}")))
    }

    /// The names of the prepared branches that the server lists, as `gtrid/bqual` on MySQL.
    pub async fn branches(&mut self) -> Result<Vec<String>, SqlError> {
        let text = |cell: &Option<String>| cell.clone().unwrap_or_default();
        match self {
            Self::Postgres(_) => {
                let sql = "SELECT gid FROM pg_prepared_xacts WHERE database = current_database() ORDER BY 1";
                Ok(self.run(sql).await?.rows.iter().map(|row| row.first().map(text).unwrap_or_default()).collect())
            }
            Self::Mysql(_) => {
                let split = |row: &Vec<Option<String>>| {
                    let length: usize = row.get(1).map(text).unwrap_or_default().parse().unwrap_or(0);
                    let data = row.get(3).map(text).unwrap_or_default();
                    match data.split_at_checked(length) {
                        Some((gtrid, bqual)) => format!("{gtrid}/{bqual}"),
                        None => data,
                    }
                };
                Ok(self.run("XA RECOVER").await?.rows.iter().map(split).collect())
            }
        }
    }

    /// Says goodbye in order.
    pub async fn close(self) {
        let closed = match self {
            Self::Postgres(connection) => in_time(connection.close()).await,
            Self::Mysql(connection) => in_time(connection.close()).await,
        };
        if let Err(error) = closed {
            tracing::debug!(%error, "closing a connection");
        }
    }
}
