//! What a statement becomes for a backend of the other dialect. The backend is asked for its tables, nothing is run.

use super::ExplainedStatement;
use crate::backend::schema::Schemas;
use crate::base::{BackendId, Dialect, Engine, Fault};
use crate::route::ForeignTable;
use crate::sql::cursor::declared;
use crate::sql::translate::{self, Named, Part, Request, SessionFacts, Step};
use crate::sql::{Kind, Reading, Statement};
use crate::wire::value::{MyType, PgType};

/// What a translation is made of, in words.
pub(super) struct Translated {
    steps: Vec<String>,
    parameters: Vec<String>,
    columns: Vec<String>,
}

impl Translated {
    pub(super) fn tell(self, told: &mut ExplainedStatement) {
        let listed = |names: Vec<String>| if names.is_empty() { Vec::new() } else { vec![names.join(", ")] };
        told.sent_as = self.steps;
        told.parameters = listed(self.parameters);
        told.answers = listed(self.columns);
    }
}

/// The translation of `text`. Errors: it cannot be translated, or the backend cannot be asked.
pub(super) async fn translated(
    schemas: &Schemas,
    dialect: Dialect,
    statement: &Statement,
    text: &[u8],
    backend: BackendId,
    tables: &[ForeignTable],
) -> Result<Translated, Fault> {
    let engine = schemas.engine(backend).await?;
    if let Some(what) = statement.kind.untranslatable(dialect) {
        return Err(translate::refused(what, engine));
    }
    let named = schemas.tables(backend, tables).await?;
    // A cursor is kept by the session, which reads its query.
    let text = match (dialect, &statement.kind) {
        (Dialect::Postgres, Kind::Declare(_)) => &text[declared(Reading::new(dialect), text)?.query],
        _ => text,
    };
    made(dialect, text, engine, &named)
}

fn made(dialect: Dialect, text: &[u8], engine: Engine, named: &[Named]) -> Result<Translated, Fault> {
    let session = SessionFacts::default();
    let reading = Reading::new(dialect);
    match dialect {
        Dialect::Postgres => {
            let declared: &[Option<PgType>] = &[];
            let request = Request { text, reading, engine, tables: named, declared, facts: &session };
            let made = translate::to_mysql::translate(&request)?;
            let columns: Vec<String> = made.columns.iter().map(|c| format!("{} {}", c.name, c.ty.sql())).collect();
            let parameters = made.parameters.iter().map(PgType::sql).collect();
            Ok(Translated { steps: made.steps.iter().map(printed).collect(), parameters, columns })
        }
        Dialect::Mysql => {
            let declared: &[Option<MyType>] = &[];
            let request = Request { text, reading, engine, tables: named, declared, facts: &session };
            let made = translate::to_pg::translate(&request)?;
            let columns: Vec<String> = made.columns.iter().map(|c| format!("{} {}", c.name, c.ty.sql())).collect();
            let parameters = made.parameters.iter().map(MyType::sql).collect();
            Ok(Translated { steps: made.steps.iter().map(printed).collect(), parameters, columns })
        }
    }
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
