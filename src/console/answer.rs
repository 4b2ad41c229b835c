//! One statement of the console: read, described, and done.

use std::sync::Arc;

use sqlparser::ast::Statement as Tree;

use super::catalog::{self, Tables};
use super::cell::{Cell, Kind};
use super::command::{self, Command, Effect, Said};
use super::house;
use super::query::{Environment, Output, Row, Select, compile, no_setting, refused};
use super::variables::{Variables, comment};
use crate::base::limits::CONSOLE_TEXT_BYTES_MAX;
use crate::base::{Dialect, Engine, Fault, FaultKind, clock};
use crate::session::Services;
use crate::sql::translate::with_tree;
use crate::sql::{Reading, analyze};

/// Prepared statements and portals of one client.
pub(super) const NAMES_MAX: usize = 1000;

/// The console as one client sees it.
#[derive(Debug)]
pub struct Console {
    services: Arc<Services>,
    dialect: Dialect,
    user: String,
    connection: u32,
    version: String,
    variables: Variables,
}

/// What a client who comes to the console is.
#[derive(Clone, Debug)]
pub struct Guest {
    /// The wire that it speaks.
    pub dialect: Dialect,
    /// Its login name.
    pub user: String,
    /// Its connection's number.
    pub connection: u32,
    /// The version in the greeting.
    pub server_version: String,
    /// PostgreSQL: parameters of the greeting.
    pub parameters: Vec<(String, String)>,
}

/// A statement that was read.
#[derive(Debug)]
pub(super) struct Statement {
    what: What,
    /// Columns of its result; none: it gives no rows.
    pub outputs: Vec<Output>,
    /// How many parameters it has.
    pub parameters: usize,
    /// What it does to the client's transaction.
    pub effect: Effect,
}

#[derive(Debug)]
enum What {
    Empty,
    Select(Box<Select>, &'static str),
    Do(Command),
    Parameter(String),
    Tag(&'static str),
}

/// What came of one.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// Its rows.
    pub rows: Vec<Row>,
    /// How its end is told; empty: the text held nothing.
    pub tag: String,
}

impl Console {
    /// For one client.
    pub fn new(services: Arc<Services>, guest: Guest) -> Self {
        let Guest { dialect, user, connection, server_version, parameters } = guest;
        let variables = Variables::new(dialect, &server_version, &user, &parameters);
        // Drivers read the number in it.
        let version = match dialect {
            Dialect::Postgres => format!("PostgreSQL {server_version} ({})", comment()),
            Dialect::Mysql => server_version,
        };
        Self { services, dialect, user, connection, version, variables }
    }

    /// Those that run now: an operator who has said RELOAD asks about what came of it.
    fn services(&self) -> Arc<Services> {
        self.services.renewed().unwrap_or_else(|| Arc::clone(&self.services))
    }

    /// Variables, for the greeting.
    pub(super) fn variables(&self) -> &Variables {
        &self.variables
    }

    /// The statements of a text, each by its own text. Errors: it is too long, or no text.
    pub(super) fn statements(&self, text: &[u8]) -> Result<Vec<String>, Fault> {
        if text.len() > CONSOLE_TEXT_BYTES_MAX {
            let what = format!("a text of {} bytes is too large for the console", text.len());
            return Err(
                Fault::new(FaultKind::TooLarge, what).hint(format!("{CONSOLE_TEXT_BYTES_MAX} bytes are the most."))
            );
        }
        let analysis = analyze(Reading::new(self.dialect), text);
        let own = |statement: &crate::sql::Statement| text.get(statement.span.clone()).unwrap_or_default();
        let as_text = |bytes: &[u8]| {
            let fault = || Fault::new(FaultKind::InvalidText, "the console reads UTF-8 only");
            std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| fault())
        };
        analysis.statements.iter().map(|statement| as_text(own(statement))).collect()
    }

    /// Reads one statement. Errors: it is none of the console's.
    pub(super) fn read(&self, text: &str) -> Result<Statement, Fault> {
        let plain = |what: What, effect: Effect| Statement { what, outputs: Vec::new(), parameters: 0, effect };
        Ok(match command::read(text, self.dialect)? {
            Said::Empty => plain(What::Empty, Effect::None),
            Said::Select => self.select(text, "SELECT")?,
            Said::Rewritten(sql, tag) => self.select(&sql, tag)?,
            Said::Tag(tag, effect) => plain(What::Tag(tag), effect),
            Said::Parameter(name) => {
                if self.variables.pg(&name).is_none() {
                    let custom = name.contains('.') || name.contains('_');
                    return Err(if custom { no_setting(&name) } else { command::no_show(&name) });
                }
                let outputs = vec![Output { name: name.to_lowercase(), kind: Kind::Text }];
                Statement { what: What::Parameter(name), outputs, parameters: 0, effect: Effect::None }
            }
            Said::Do(command) => {
                let outputs = house::outputs(&command).iter();
                let outputs = outputs.map(|(name, kind)| Output { name: (*name).to_owned(), kind: *kind }).collect();
                Statement { what: What::Do(command), outputs, parameters: 0, effect: Effect::None }
            }
        })
    }

    fn select(&self, sql: &str, tag: &'static str) -> Result<Statement, Fault> {
        let (dialect, variables) = (self.dialect, &self.variables);
        let engine = match dialect {
            Dialect::Postgres => Engine::Postgres,
            Dialect::Mysql => Engine::Mariadb,
        };
        let made = with_tree(sql.as_bytes(), Reading::new(dialect), engine, |tree| {
            let Tree::Query(query) = tree else { return Err(refused("this statement")) };
            compile(&query, dialect, &Tables { dialect }, variables)
        });
        let made = made.map_err(|fault| {
            if fault.kind != FaultKind::NotTranslatable {
                return fault;
            }
            let why = fault.message.rsplit("for translation: ").next().unwrap_or_default();
            Fault::new(FaultKind::Syntax, format!("the console cannot read this: {why}"))
                .hint("SHOW HELP lists tables and commands.")
        })?;
        let (outputs, parameters) = (made.outputs.clone(), made.parameters);
        Ok(Statement { what: What::Select(Box::new(made), tag), outputs, parameters, effect: Effect::None })
    }

    /// Does it.
    pub(super) async fn run(&self, statement: &Statement, parameters: &[Cell]) -> Result<Answer, Fault> {
        let tagged = |tag: &str| Answer { rows: Vec::new(), tag: tag.to_owned() };
        Ok(match &statement.what {
            What::Empty => Answer::default(),
            What::Tag(tag) => tagged(tag),
            What::Parameter(name) => {
                let value = self.variables.pg(name).map(Cell::from);
                Answer { rows: vec![vec![value.into()]], tag: String::from("SHOW") }
            }
            What::Do(command) => {
                let (rows, tag) = house::act(&self.services(), self.dialect, command, &self.user).await?;
                Answer { rows, tag }
            }
            What::Select(select, tag) => {
                let services = self.services();
                let mut tables: Vec<(&'static str, Vec<Row>)> = Vec::new();
                for name in select.tables() {
                    if tables.iter().any(|(other, _)| *other == name) {
                        continue;
                    }
                    let rows = match catalog::rows(name, self.dialect, &self.variables, &self.user) {
                        Some(rows) => rows,
                        None => house::rows(&services, name).await,
                    };
                    tables.push((name, rows));
                }
                let environment = Environment {
                    dialect: self.dialect,
                    version: &self.version,
                    user: &self.user,
                    connection: self.connection,
                    now_ms: clock::wall_ms(),
                    parameters,
                    variables: &self.variables,
                };
                let find =
                    |name: &str| tables.iter().find(|(other, _)| *other == name).map_or(&[][..], |(_, rows)| rows);
                let rows = select.run(&environment, &find)?;
                let tag = if *tag == "SELECT" { format!("SELECT {}", rows.len()) } else { (*tag).to_owned() };
                Answer { rows, tag }
            }
        })
    }
}
