//! `handfast explain "SQL"`: what the proxy reads in a text, where each statement goes and as what, and how it would be
//! committed. A backend is asked only for the tables of a statement that must be translated.

mod commit;
mod foreign;

use std::path::Path;

use serde_json::{Value, json};

use self::commit::Participants;
use super::{ClientKind, Exit, Output, block_on, print};
use crate::base::{BackendId, Dialect};
use crate::config::Config;
use crate::route::{Edit, Plan, RouteTable};
use crate::sql::{Access, AnalysisCache, Kind, Reading, Statement};

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question<'a> {
    pub(super) path: &'a Path,
    pub(super) config: &'a Config,
    pub(super) sql: &'a str,
    pub(super) client: Option<ClientKind>,
    pub(super) output: Output,
}

pub(super) fn run(question: Question<'_>) -> Exit {
    block_on(explain(question))
}

async fn explain(question: Question<'_>) -> Exit {
    let Question { config, sql, client, .. } = question;
    let dialect = client.map_or_else(|| default_dialect(config), ClientKind::dialect);
    let analysis = AnalysisCache::new(1).analyze(Reading::new(dialect), sql.as_bytes());
    let routes = RouteTable::new(config);
    let (mut all, mut participants, mut exit) = (Vec::new(), Participants::default(), Exit::Ok);
    for statement in &analysis.statements {
        let plan = routes.plan(dialect, sql.as_bytes(), statement);
        let mut told = of_statement(question, &routes, dialect, statement, &plan);
        if let Plan::Foreign { backend, tables } = &plan {
            let own = sql.get(statement.span.clone()).unwrap_or(sql);
            match foreign::translated(config, dialect, own, *backend, tables).await {
                Ok(more) => told.more.extend(more),
                Err(why) => told.refused = Some(why),
            }
        }
        if told.refused.is_some() {
            exit = Exit::Problem;
        }
        participants.note(config, statement, &plan);
        all.push(told);
    }
    let commit = participants.told(config);
    print(&match question.output {
        Output::Table => text(&all, &commit),
        Output::Json => {
            let statements: Vec<Value> = all.iter().map(Told::json).collect();
            let value =
                json!({ "client": dialect.to_string(), "statements": statements, "commit": participants.json(config) });
            format!("{value:#}\n")
        }
    });
    exit
}

fn text(all: &[Told], commit: &[String]) -> String {
    let mut out = String::new();
    if all.is_empty() {
        out.push_str("no statement: answered by Handfast itself\n");
    }
    for told in all {
        out.extend(told.lines().into_iter().map(|(name, value)| format!("{name:<13}{value}\n")));
        out.push('\n');
    }
    for (number, line) in commit.iter().enumerate() {
        out.push_str(&format!("{:<13}{line}\n", if number == 0 { "commit" } else { "" }));
    }
    out
}

fn default_dialect(config: &Config) -> Dialect {
    match (config.listen.postgres, config.listen.mysql) {
        (None, Some(_)) => Dialect::Mysql,
        (Some(_), _) | (None, None) => Dialect::Postgres,
    }
}

/// What is known of one statement.
#[derive(Debug)]
struct Told {
    statement: String,
    kind: String,
    access: &'static str,
    parsed: bool,
    dialect: Dialect,
    tables: Vec<TableTold>,
    goes_to: String,
    backend: Option<String>,
    sent_as: Option<String>,
    /// Lines that only a translation or an odd statement has.
    more: Vec<(String, String)>,
    refused: Option<String>,
}

/// Where one table is, and who says so.
#[derive(Debug)]
struct TableTold {
    name: String,
    backend: Option<String>,
    dialect: Option<Dialect>,
    why: String,
}

impl Told {
    fn lines(&self) -> Vec<(String, String)> {
        let read = if self.parsed { "parsed" } else { "read by its words: the parser does not know it" };
        let mut lines = vec![
            ("statement".to_owned(), self.statement.clone()),
            ("read as".to_owned(), format!("{}, {}, {read} ({} client)", self.kind, self.access, self.dialect)),
        ];
        for TableTold { name, backend, dialect, why } in &self.tables {
            let dialect = dialect.map_or_else(String::new, |dialect| format!(" ({dialect})"));
            let to = backend.as_deref().unwrap_or("wherever the statement goes");
            lines.push(("table".to_owned(), format!("{name} -> {to}{dialect}   {why}")));
        }
        lines.push(("goes to".to_owned(), self.goes_to.clone()));
        lines.extend(self.sent_as.clone().map(|text| ("sent as".to_owned(), text)));
        lines.extend(self.more.iter().cloned());
        lines.extend(self.refused.clone().map(|why| ("refused".to_owned(), why)));
        lines
    }

    fn json(&self) -> Value {
        let table = |told: &TableTold| json!({ "name": told.name, "backend": told.backend, "why": told.why });
        let more = |name: &str| -> Vec<&str> {
            self.more.iter().filter(|(of, _)| of == name).map(|(_, value)| value.as_str()).collect()
        };
        let sent: Vec<&str> = self.sent_as.as_deref().into_iter().chain(more("sent as")).collect();
        json!({
            "statement": self.statement,
            "kind": self.kind,
            "access": self.access,
            "parsed": self.parsed,
            "tables": self.tables.iter().map(table).collect::<Vec<_>>(),
            "backend": self.backend,
            "goes_to": self.goes_to,
            "sent_as": sent,
            "answers": more("answers"),
            "parameters": more("parameters"),
            "refused": self.refused,
        })
    }
}

fn of_statement(
    question: Question<'_>,
    routes: &RouteTable,
    dialect: Dialect,
    statement: &Statement,
    plan: &Plan,
) -> Told {
    let Question { config, sql, .. } = question;
    let mut more = Vec::new();
    if let Some(name) = &statement.backend_override {
        more.push(("override".to_owned(), format!("backend={name} in a comment")));
    }
    if let Some(why) = statement.unpreparable {
        more.push(("transaction".to_owned(), format!("cannot be committed in two phases afterwards: {why:?}")));
    }
    let name = |id: BackendId| Some(config.backend(id).name.clone());
    let (goes_to, backend, sent_as, refused) = match plan {
        Plan::Anywhere if is_ours(&statement.kind) => {
            (String::from("Handfast: it begins and ends transactions on every participant"), None, None, None)
        }
        Plan::Anywhere => {
            let home = config.home(dialect).map_or("none", |id| config.backend(id).name.as_str());
            (format!("the transaction's only participant, else home ({home})"), None, None, None)
        }
        Plan::One { backend, edits } => {
            let sent = (!edits.is_empty()).then(|| edited(sql, statement, edits));
            (owner(config, *backend), name(*backend), sent, None)
        }
        Plan::Foreign { backend, .. } => {
            (format!("{}, translated", owner(config, *backend)), name(*backend), None, None)
        }
        Plan::Refuse(fault) => (String::from("nowhere"), None, None, Some(fault.to_string())),
    };
    Told {
        statement: sql.get(statement.span.clone()).unwrap_or(sql).trim().to_owned(),
        kind: kind(statement),
        access: match statement.access {
            Access::Read => "only reads",
            Access::MaybeWrite => "may write",
            Access::Write => "writes",
        },
        parsed: statement.parsed,
        dialect,
        tables: statement.tables.iter().map(|table| of_table(question, routes, dialect, table)).collect(),
        goes_to,
        backend,
        sent_as,
        more,
        refused,
    }
}

fn of_table(question: Question<'_>, routes: &RouteTable, dialect: Dialect, table: &crate::sql::TableRef) -> TableTold {
    let Question { config, path, .. } = question;
    let schema = table.schema.as_deref();
    let name = schema.map_or_else(|| table.name.clone(), |schema| format!("{schema}.{}", table.name));
    let (id, why) = match routes.leads_to(dialect, schema, &table.name) {
        Some((id, Some(line))) => {
            let rule = config.tables.iter().find(|rule| rule.line == line);
            let pattern = rule.map_or("", |rule| rule.pattern.as_str());
            (Some(id), format!("rule {}:{line}  \"{pattern}\" = \"{}\"", path.display(), config.backend(id).name))
        }
        Some((id, None)) => (Some(id), String::from("its qualifier is the backend's name")),
        None if routes.is_catalog(dialect, schema, &table.name) => (None, String::from("a catalog of the server")),
        None => (config.home(dialect), format!("no rule: home of {dialect} clients")),
    };
    let backend = id.map(|id| config.backend(id));
    let (backend, dialect) = (backend.map(|b| b.name.clone()), backend.map(|b| b.dialect));
    TableTold { name, backend, dialect, why }
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
