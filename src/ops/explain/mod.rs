//! Where a text's statements would go, what each becomes for a backend of the other dialect, and how it would be committed:
//! for `handfast explain`, the console's EXPLAIN ROUTE and `POST /api/v1/explain`. Nothing is run; a backend is asked only for the
//! tables of a statement that must be translated.

mod commit;
mod foreign;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use self::commit::Transactions;
use super::House;
use crate::backend::schema::Schemas;
use crate::base::ids::NAME_PREFIX;
use crate::base::{BackendId, Dialect, Fault, FaultKind};
use crate::config::{Config, Origin, TableRule, nearest};
use crate::route::{Edit, Plan, Reach, RouteTable};
use crate::sql::{Access, AnalysisCache, Kind, Reading, Statement, names_temporary, refused_over_several};

pub use self::commit::Ending;

/// What there is to say of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explained {
    /// All of it for people, line by line.
    pub plan: Vec<String>,
    /// As whose text it was read: `PostgreSQL` or `MySQL`.
    pub client: String,
    /// Each statement.
    pub statements: Vec<ExplainedStatement>,
    /// How its transaction would end.
    pub commit: Ending,
}

impl Explained {
    /// Whether a statement of it would be refused.
    pub fn refused(&self) -> bool {
        self.statements.iter().any(|statement| statement.refused.is_some())
    }
}

/// One statement of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainedStatement {
    /// Its own part of the text.
    pub statement: String,
    /// What it is, in a word.
    pub kind: String,
    /// Whether it writes, in words.
    pub access: String,
    /// Whether the parser knows it; else it was read by its words.
    pub parsed: bool,
    /// The tables that it names.
    pub tables: Vec<ExplainedTable>,
    /// Where it goes; none: it depends on the transaction, or nowhere.
    pub backend: Option<String>,
    /// The same in words.
    pub goes_to: String,
    /// What that backend is sent, if it is another text.
    pub sent_as: Vec<String>,
    /// A translation's columns.
    pub answers: Vec<String>,
    /// A translation's parameters.
    pub parameters: Vec<String>,
    /// Why it is refused.
    pub refused: Option<String>,
    /// What to do about that.
    pub hint: Option<String>,
    /// What else is to be said: what, and its text.
    #[serde(skip)]
    notes: Vec<(&'static str, String)>,
}

/// Where one table is, and who says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainedTable {
    /// As the statement names it.
    pub name: String,
    /// Its owner; none: wherever the statement goes.
    pub backend: Option<String>,
    /// Which rule says so, or why without one.
    pub why: String,
    #[serde(skip)]
    dialect: Option<Dialect>,
}

/// Whose text is to be explained.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// Which protocol its client speaks; `None`: that of the first listener.
    pub client: Option<Dialect>,
    /// As whom the client has logged in; `None`: somebody who may use every backend.
    pub user: Option<&'a str>,
}

/// Explains a text.
///
/// # Errors
/// There is no such user.
pub async fn explain(config: &Config, schemas: &Schemas, asked: Asked<'_>, sql: &str) -> Result<Explained, Fault> {
    let dialect = asked.client.unwrap_or_else(|| default_dialect(config));
    let routes = RouteTable::new(config);
    let reach = match asked.user {
        Some(user) => Some(routes.reach(user).ok_or_else(|| no_user(config, user))?),
        None => None,
    };
    let question = Question { config, sql, dialect, alone: alone(config, dialect) };
    let analysis = AnalysisCache::new(1).analyze(Reading::new(dialect), sql.as_bytes());
    let (mut statements, mut transactions) = (Vec::new(), Transactions::new(config, dialect));
    for statement in &analysis.statements {
        let plan = planned(question, &routes, reach.as_ref(), statement);
        let mut told = of_statement(question, &routes, statement, &plan);
        if let Plan::Foreign { backend, tables } = &plan {
            match foreign::translated(schemas, dialect, statement, told.statement.as_bytes(), *backend, tables).await {
                Ok(translated) => translated.tell(&mut told),
                Err(fault) => told.refuse(&fault),
            }
        }
        transactions.note(statement, &plan, commits_before(question, statement));
        statements.push(told);
    }
    let plan = lines(&statements, question, asked.user, &transactions.told());
    Ok(Explained { plan, client: dialect.to_string(), statements, commit: transactions.ending() })
}

impl House {
    /// The same, by the configuration that runs. One at a time: whoever asks often takes one connection to a backend at most.
    ///
    /// # Errors
    /// There is no such user.
    pub async fn explain(&self, asked: Asked<'_>, sql: &str) -> Result<Explained, Fault> {
        let _turn = self.explaining.lock().await;
        let config = self.config();
        explain(&config, &Schemas::new(config.clone()), asked, sql).await
    }
}

fn no_user(config: &Config, name: &str) -> Fault {
    let fault = Fault::new(FaultKind::BadRequest, format!("there is no user \"{name}\" in the configuration"));
    match nearest(name, config.users.iter().map(|user| user.name.as_str())) {
        Some(near) => fault.hint(format!("Did you mean {near}?")),
        None => fault.hint("users.name says who may log in."),
    }
}

/// Where a session of this client sends it, as far as that depends on the text alone.
fn planned(question: Question<'_>, routes: &RouteTable, reach: Option<&Reach>, statement: &Statement) -> Plan {
    let Question { config, sql, dialect, alone } = question;
    let own = sql.get(statement.span.clone()).unwrap_or(sql);
    if let Some(Err(fault)) = reach.map(|reach| routes.admit_at_home(reach, dialect)) {
        return Plan::Refuse(fault);
    }
    if let Kind::TwoPhase(name) = &statement.kind
        && (name.as_deref().is_some_and(|name| name.contains(NAME_PREFIX)) || own.contains(NAME_PREFIX))
    {
        let text = format!("names with \"{NAME_PREFIX}\" belong to Handfast");
        return Plan::Refuse(Fault::new(FaultKind::ReservedName, text));
    }
    if !alone && let Some(fault) = refused_over_several(&statement.kind, own.as_bytes(), dialect) {
        return Plan::Refuse(fault);
    }
    // A server's notices and its prepared transactions are those of the client's home.
    if let (Dialect::Postgres, Kind::Notify | Kind::TwoPhase(_), Some(backend)) =
        (dialect, &statement.kind, config.home(dialect))
    {
        return Plan::One { backend, edits: Vec::new() };
    }
    match reach {
        Some(reach) => routes.plan_for(reach, dialect, sql.as_bytes(), statement),
        None => routes.plan(dialect, sql.as_bytes(), statement),
    }
}

/// Whether this client's transactions are its server's own: there is one participant, which speaks MySQL.
fn alone(config: &Config, dialect: Dialect) -> bool {
    let ids = || (0..config.backends.len()).filter_map(|at| u16::try_from(at).ok().map(BackendId));
    dialect == Dialect::Mysql
        && config.home(dialect).is_some_and(|home| ids().all(|id| config.same_participant(id, home)))
}

#[derive(Clone, Copy)]
struct Question<'a> {
    config: &'a Config,
    sql: &'a str,
    dialect: Dialect,
    /// Transactions are the server's own.
    alone: bool,
}

/// Names before values stand in a column of their own.
fn line(name: &str, value: &str) -> String {
    format!("{name:<13}{value}")
}

fn lines(all: &[ExplainedStatement], question: Question<'_>, user: Option<&str>, commit: &[String]) -> Vec<String> {
    let mut out = Vec::new();
    if all.is_empty() {
        out.push(String::from("no statement: answered by Handfast itself"));
    }
    let whose = match user {
        Some(user) => format!("{} client, as {user}", question.dialect),
        None => format!("{} client", question.dialect),
    };
    for told in all {
        out.extend(told.lines(&whose));
        out.push(String::new());
    }
    out.extend(commit.iter().enumerate().map(|(number, text)| line(if number == 0 { "commit" } else { "" }, text)));
    while out.last().is_some_and(String::is_empty) {
        out.pop();
    }
    out
}

impl ExplainedStatement {
    fn refuse(&mut self, fault: &Fault) {
        self.refused = Some(fault.to_string());
        self.hint = fault.hint.clone().or_else(|| fault.kind.advice());
    }

    fn lines(&self, whose: &str) -> Vec<String> {
        let read = if self.parsed { "parsed" } else { "read by its words: the parser does not know it" };
        let mut lines = vec![
            line("statement", &self.statement),
            line("read as", &format!("{}, {}, {read} ({whose})", self.kind, self.access)),
        ];
        for ExplainedTable { name, backend, dialect, why } in &self.tables {
            let dialect = dialect.map_or_else(String::new, |dialect| format!(" ({dialect})"));
            let to = backend.as_deref().unwrap_or("wherever the statement goes");
            lines.push(line("table", &format!("{name} -> {to}{dialect}   {why}")));
        }
        lines.push(line("goes to", &self.goes_to));
        lines.extend(self.notes.iter().map(|(name, value)| line(name, value)));
        let parts = [("sent as", &self.sent_as), ("parameters", &self.parameters), ("answers", &self.answers)];
        for (name, values) in parts {
            lines.extend(values.iter().map(|value| line(name, value)));
        }
        lines.extend(self.refused.iter().map(|why| line("refused", why)));
        lines.extend(self.hint.iter().map(|hint| line("hint", hint)));
        lines
    }
}

fn default_dialect(config: &Config) -> Dialect {
    match (config.listen.postgres, config.listen.mysql) {
        (None, Some(_)) => Dialect::Mysql,
        (Some(_), _) | (None, None) => Dialect::Postgres,
    }
}

fn of_statement(question: Question<'_>, routes: &RouteTable, statement: &Statement, plan: &Plan) -> ExplainedStatement {
    let Question { config, sql, dialect, alone } = question;
    let mut notes = Vec::new();
    if let Some(name) = &statement.backend_override {
        notes.push(("override", format!("backend={name} in a comment")));
    }
    if let Some(why) = statement.unpreparable {
        notes.push(("transaction", format!("cannot be committed in two phases afterwards: it has {}", why.words())));
    }
    let name = |id: BackendId| Some(config.backend(id).name.clone());
    if commits_before(question, statement) {
        notes.push(("transaction", String::from("commits what is open before it, and is in none, as on MySQL")));
    }
    let (goes_to, backend, sent_as) = match plan {
        Plan::Anywhere if statement.kind.control().is_some() && !alone => {
            (String::from("Handfast: it begins and ends transactions on every participant"), None, Vec::new())
        }
        Plan::Anywhere => (anywhere(config, dialect, &statement.kind), None, Vec::new()),
        Plan::One { backend, edits } => {
            let sent = (!edits.is_empty()).then(|| edited(sql, statement, edits));
            (owner(config, *backend), name(*backend), sent.into_iter().collect())
        }
        Plan::Foreign { backend, .. } => {
            (format!("{}, translated", owner(config, *backend)), name(*backend), Vec::new())
        }
        Plan::Refuse(_) => (String::from("nowhere"), None, Vec::new()),
    };
    let access = match statement.access {
        Access::Read => "only reads",
        Access::MaybeWrite => "may write",
        Access::Write => "writes",
    };
    let mut told = ExplainedStatement {
        statement: sql.get(statement.span.clone()).unwrap_or(sql).trim().to_owned(),
        kind: statement.kind.word().to_owned(),
        access: access.to_owned(),
        parsed: statement.parsed,
        tables: statement.tables.iter().map(|table| of_table(question, routes, table)).collect(),
        backend,
        goes_to,
        sent_as,
        answers: Vec::new(),
        parameters: Vec::new(),
        refused: None,
        hint: None,
        notes,
    };
    if let Plan::Refuse(fault) = plan {
        told.refuse(fault);
    }
    told
}

fn of_table(question: Question<'_>, routes: &RouteTable, table: &crate::sql::TableRef) -> ExplainedTable {
    let Question { config, dialect, .. } = question;
    let schema = table.schema.as_deref();
    let name = schema.map_or_else(|| table.name.clone(), |schema| format!("{schema}.{}", table.name));
    let (id, why) = match routes.leads_to(dialect, schema, &table.name) {
        Some((id, Some(line))) => {
            let rule = config.tables.iter().find(|rule| rule.line == line);
            (Some(id), rule.map_or_else(|| format!("rule of line {line}"), |rule| told_rule(config, rule)))
        }
        Some((id, None)) => (Some(id), String::from("its qualifier is the backend's name")),
        None if routes.is_catalog(dialect, schema, &table.name) => (None, String::from("a catalog of the server")),
        None => (config.home(dialect), format!("no rule: home of {dialect} clients")),
    };
    let backend = id.map(|id| config.backend(id));
    let (backend, dialect) = (backend.map(|b| b.name.clone()), backend.map(|b| b.dialect));
    ExplainedTable { name, backend, dialect, why }
}

/// A rule, and where it stands.
fn told_rule(config: &Config, rule: &TableRule) -> String {
    let stands = config.settings.iter().find_map(|setting| match &setting.origin {
        Origin::File { file, line } if *line == rule.line && setting.key.starts_with("tables.") => Some(file.as_str()),
        Origin::File { .. } | Origin::Default | Origin::Environment { .. } | Origin::Option => None,
    });
    let place = stands.map_or_else(String::new, |file| format!(" {file}:{}", rule.line));
    format!("rule{place}  \"{}\" = \"{}\"", rule.pattern, config.backend(rule.backend).name)
}

/// Where something goes that names no table.
fn anywhere(config: &Config, dialect: Dialect, kind: &Kind) -> String {
    let home = config.home(dialect).map_or("none", |id| config.backend(id).name.as_str());
    let only = format!("the transaction's only participant, else home ({home})");
    if matches!(kind, Kind::Execute(_) | Kind::Deallocate(Some(_)) | Kind::Cursor(Some(_))) {
        return format!("where its name was made in the session; if nowhere, {only}");
    }
    only
}

/// MySQL's implicit commit, where transactions are Handfast's.
fn commits_before(question: Question<'_>, statement: &Statement) -> bool {
    let Question { sql, dialect, alone, .. } = question;
    let own = sql.get(statement.span.clone()).unwrap_or(sql).as_bytes();
    let temporary = || names_temporary(Reading::new(dialect), own);
    let ends = matches!(statement.kind, Kind::Ddl | Kind::LockTables | Kind::OutsideTransaction);
    dialect == Dialect::Mysql && !alone && ends && !temporary()
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
