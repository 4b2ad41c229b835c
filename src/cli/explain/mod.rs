//! `handfast explain "SQL"`: what the proxy reads in a text and where each statement goes. A backend is asked only for the
//! tables of a statement that must be translated.

mod foreign;

use std::path::Path;

use super::{ClientKind, Exit, block_on, print};
use crate::base::{BackendId, Dialect};
use crate::config::Config;
use crate::route::{Edit, Plan, RouteTable};
use crate::sql::{Access, AnalysisCache, Kind, Reading, Statement};

pub(super) fn run(path: &Path, config: &Config, sql: &str, client: Option<ClientKind>) -> Exit {
    block_on(explain(path, config, sql, client))
}

async fn explain(path: &Path, config: &Config, sql: &str, client: Option<ClientKind>) -> Exit {
    let dialect = client.map_or_else(|| default_dialect(config), ClientKind::dialect);
    let analysis = AnalysisCache::new(1).analyze(Reading::new(dialect), sql.as_bytes());
    let routes = RouteTable::new(config);
    let (mut out, mut exit) = (String::new(), Exit::Ok);
    if analysis.statements.is_empty() {
        out.push_str("no statement: answered by Handfast itself\n");
    }
    for statement in &analysis.statements {
        let plan = routes.plan(dialect, sql.as_bytes(), statement);
        if matches!(plan, Plan::Refuse(_)) {
            exit = Exit::Problem;
        }
        let mut lines = of_statement(path, config, dialect, sql, statement, &plan);
        if let Plan::Foreign { backend, tables } = &plan {
            let own = sql.get(statement.span.clone()).unwrap_or(sql);
            match foreign::translated(config, dialect, own, *backend, tables).await {
                Ok(more) => lines.extend(more),
                Err(why) => {
                    exit = Exit::Problem;
                    lines.push(("refused".to_owned(), why));
                }
            }
        }
        out.extend(lines.into_iter().map(|(name, value)| format!("{name:<13}{value}\n")));
        out.push('\n');
    }
    print(&out);
    exit
}

fn default_dialect(config: &Config) -> Dialect {
    match (config.listen.postgres, config.listen.mysql) {
        (None, Some(_)) => Dialect::Mysql,
        (Some(_), _) | (None, None) => Dialect::Postgres,
    }
}

fn of_statement(
    path: &Path,
    config: &Config,
    dialect: Dialect,
    sql: &str,
    statement: &Statement,
    plan: &Plan,
) -> Vec<(String, String)> {
    let text = sql.get(statement.span.clone()).unwrap_or(sql).trim();
    let mut lines = vec![("statement".to_owned(), text.to_owned())];
    let read = if statement.parsed { "parsed" } else { "read by its words: the parser does not know it" };
    let access = match statement.access {
        Access::Read => "only reads",
        Access::MaybeWrite => "may write",
        Access::Write => "writes",
    };
    lines.push(("read as".to_owned(), format!("{}, {access}, {read} ({dialect})", kind(statement))));
    for table in &statement.tables {
        let name = table.schema.as_ref().map_or(table.name.clone(), |schema| format!("{schema}.{}", table.name));
        lines.push(("names".to_owned(), name));
    }
    if let Some(name) = &statement.backend_override {
        lines.push(("override".to_owned(), format!("backend={name} in a comment")));
    }
    match plan {
        Plan::Anywhere if is_ours(&statement.kind) => {
            lines.push((
                "goes to".to_owned(),
                "Handfast: it begins and ends transactions on every participant".to_owned(),
            ));
        }
        Plan::Anywhere => {
            let home = config.home(dialect).map_or("none", |id| config.backend(id).name.as_str());
            lines.push(("goes to".to_owned(), format!("the transaction's only participant, else home ({home})")));
        }
        Plan::One { backend, edits } => {
            lines.push(("goes to".to_owned(), owner(config, *backend)));
            lines.extend(rules(path, config, *backend, statement));
            if !edits.is_empty() {
                lines.push(("sent as".to_owned(), edited(sql, statement, edits)));
            }
        }
        Plan::Foreign { backend, .. } => {
            lines.push(("goes to".to_owned(), format!("{}, translated", owner(config, *backend))));
        }
        Plan::Refuse(fault) => lines.push(("refused".to_owned(), fault.to_string())),
    }
    if let Some(why) = statement.unpreparable {
        lines.push(("transaction".to_owned(), format!("cannot be committed in two phases afterwards: {why:?}")));
    }
    lines
}

/// Control of transactions, which the session itself does.
fn is_ours(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::Begin(_)
            | Kind::Commit(_)
            | Kind::Rollback(_)
            | Kind::Savepoint(_)
            | Kind::RollbackTo(_)
            | Kind::Release(_)
            | Kind::SetTransaction(_)
            | Kind::SetAutocommit(_)
    )
}

/// The kind's name without what it carries.
fn kind(statement: &Statement) -> String {
    let debug = format!("{:?}", statement.kind);
    debug.split([' ', '(']).next().unwrap_or_default().to_owned()
}

fn owner(config: &Config, backend: BackendId) -> String {
    let backend = config.backend(backend);
    format!("{} ({} at {})", backend.name, backend.dialect, backend.address)
}

/// The rules that name one of the tables for this backend, as a help for the eye; the route itself is made in `route`.
fn rules(path: &Path, config: &Config, backend: BackendId, statement: &Statement) -> Vec<(String, String)> {
    let exact = |pattern: &str| {
        statement.tables.iter().any(|table| {
            let full = table.schema.as_ref().map(|schema| format!("{schema}.{}", table.name));
            pattern == table.name || full.as_deref() == Some(pattern)
        })
    };
    let of_backend = config.tables.iter().filter(|rule| rule.backend == backend && exact(&rule.pattern));
    let line = |line: usize, pattern: &str| format!("{}:{line}  \"{pattern}\"", path.display());
    of_backend.map(|rule| ("rule".to_owned(), line(rule.line, &rule.pattern))).collect()
}

/// The statement's own part of the text, with its edits.
fn edited(sql: &str, statement: &Statement, edits: &[Edit]) -> String {
    let (mut out, mut at) = (String::new(), statement.span.start);
    for edit in edits {
        out.push_str(sql.get(at..edit.span.start).unwrap_or_default());
        out.push_str(&edit.text);
        at = edit.span.end;
    }
    out.push_str(sql.get(at..statement.span.end).unwrap_or_default());
    out.trim().to_owned()
}
