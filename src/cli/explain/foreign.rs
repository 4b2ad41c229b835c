//! What a statement becomes for a backend of the other dialect. The backend is asked for its tables, nothing is run.

use std::sync::Arc;

use crate::backend::control::Control;
use crate::backend::schema::Schemas;
use crate::base::{BackendId, Dialect, Engine, Fault};
use crate::config::Config;
use crate::route::ForeignTable;
use crate::sql::Reading;
use crate::sql::translate::{self, Named, Part, Request, SessionFacts, Step};
use crate::wire::value::{MyType, PgType};

/// A line of the explanation: what, and its text.
type Line = (String, String);

/// The lines about the translation of `text`. `Err`: it cannot be translated, or the backend cannot be asked.
pub(super) async fn translated(
    config: &Config,
    dialect: Dialect,
    text: &str,
    backend: BackendId,
    tables: &[ForeignTable],
) -> Result<Vec<Line>, String> {
    let facts = async { Control::connect(config.backend(backend)).await?.facts().await };
    let engine = facts
        .await
        .map_err(|error| format!("not known while the backend cannot be asked for the columns: {error}"))?
        .engine;
    let named = Schemas::new(Arc::new(config.clone())).tables(backend, tables).await;
    let named = named.map_err(|fault| fault.to_string())?;
    lines(dialect, text, engine, &named).map_err(|fault| fault.to_string())
}

fn lines(dialect: Dialect, text: &str, engine: Engine, named: &[Named]) -> Result<Vec<Line>, Fault> {
    let session = SessionFacts::default();
    let reading = Reading::new(dialect);
    match dialect {
        Dialect::Postgres => {
            let declared: &[Option<PgType>] = &[];
            let request = Request { text: text.as_bytes(), reading, engine, tables: named, declared, facts: &session };
            let made = translate::to_mysql::translate(&request)?;
            let columns: Vec<String> = made.columns.iter().map(|c| format!("{} {}", c.name, c.ty.sql())).collect();
            let parameters = made.parameters.iter().map(PgType::sql).collect();
            Ok(told(&made.steps, parameters, columns))
        }
        Dialect::Mysql => {
            let declared: &[Option<MyType>] = &[];
            let request = Request { text: text.as_bytes(), reading, engine, tables: named, declared, facts: &session };
            let made = translate::to_pg::translate(&request)?;
            let columns: Vec<String> = made.columns.iter().map(|c| format!("{} {}", c.name, c.ty.sql())).collect();
            let parameters = made.parameters.iter().map(MyType::sql).collect();
            Ok(told(&made.steps, parameters, columns))
        }
    }
}

fn told(steps: &[Step], parameters: Vec<String>, columns: Vec<String>) -> Vec<Line> {
    let mut lines: Vec<Line> = steps.iter().map(|step| ("sent as".to_owned(), printed(step))).collect();
    if !parameters.is_empty() {
        lines.push(("parameters".to_owned(), parameters.join(", ")));
    }
    if !columns.is_empty() {
        lines.push(("answers".to_owned(), columns.join(", ")));
    }
    lines
}

/// A step with what is not known yet in words.
fn printed(step: &Step) -> String {
    let part = |part: &Part| match part {
        Part::Text(text) => text.clone(),
        Part::Parameter(number) => format!("${}", u32::from(*number) + 1),
        Part::Keys => "<keys of the step before>".to_owned(),
        Part::LastInsertId => "<last generated key>".to_owned(),
    };
    step.sql.parts().iter().map(part).collect()
}
