//! `handfast catalog sync | drop | list`: stand-ins for tables of other backends in the home databases, so that `\d`,
//! `SHOW TABLES`, reflection and schema validation see them. Opt-in; nothing else in Handfast reads or needs them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Exit, block_on, complain, print};
use crate::backend::control::{Control, ControlError};
use crate::backend::schema::Schemas;
use crate::base::{BackendId, Dialect, Engine};
use crate::config::Config;
use crate::route::{ForeignTable, RouteTable};
use crate::sql::translate::{Named, stand_in};

/// What to do with the stand-ins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    Sync { dry_run: bool },
    Drop { dry_run: bool },
    List,
}

pub(super) fn run(config: Config, work: Work) -> Exit {
    let config = Arc::new(config);
    block_on(async {
        let routes = RouteTable::new(&config);
        let schemas = Schemas::new(Arc::clone(&config));
        let mut exit = Exit::Ok;
        for dialect in [Dialect::Postgres, Dialect::Mysql] {
            let Some(home) = config.home(dialect) else { continue };
            let of_home = Home { config: &config, routes: &routes, schemas: &schemas, dialect, home };
            if let Err(error) = of_home.work(work, &mut exit).await {
                complain(format!("error: {error}"));
                exit = Exit::Problem;
            }
        }
        exit
    })
}

/// One home database.
struct Home<'a> {
    config: &'a Config,
    routes: &'a RouteTable,
    schemas: &'a Schemas,
    dialect: Dialect,
    home: BackendId,
}

/// A table that clients of one dialect see and their home has not.
struct Elsewhere {
    backend: BackendId,
    there: ForeignTable,
}

impl Home<'_> {
    async fn work(&self, work: Work, exit: &mut Exit) -> Result<(), ControlError> {
        let mut control = Control::connect(self.config.backend(self.home)).await?;
        let engine = control.facts().await?.engine;
        let here: BTreeMap<String, String> = control.tables().await?.into_iter().collect();
        let stand_ins = here.iter().filter(|(_, comment)| comment.starts_with(stand_in::COMMENT_PREFIX));
        match work {
            Work::List => {
                for (name, comment) in stand_ins {
                    self.say(name, comment);
                }
            }
            Work::Drop { dry_run } => {
                for (name, _) in stand_ins {
                    self.apply(&mut control, name, "removed", &[stand_in::remove(name, engine)], dry_run).await?;
                }
            }
            Work::Sync { dry_run } => self.sync(&mut control, engine, &here, dry_run, exit).await?,
        }
        Ok(())
    }

    fn say(&self, name: &str, what: &str) {
        print(&format!("{:<14}{name:<32}{what}\n", self.config.backend(self.home).name));
    }

    async fn apply(
        &self,
        control: &mut Control,
        name: &str,
        done: &str,
        statements: &[String],
        dry_run: bool,
    ) -> Result<(), ControlError> {
        for sql in statements {
            if dry_run {
                print(&format!("{sql};\n"));
            } else {
                control.run(sql).await?;
            }
        }
        if !dry_run {
            self.say(name, done);
        }
        Ok(())
    }

    async fn sync(
        &self,
        control: &mut Control,
        engine: Engine,
        here: &BTreeMap<String, String>,
        dry_run: bool,
        exit: &mut Exit,
    ) -> Result<(), ControlError> {
        let elsewhere = self.elsewhere().await?;
        for (name, comment) in here {
            if comment.starts_with(stand_in::COMMENT_PREFIX) && !elsewhere.contains_key(name) {
                let removal = [stand_in::remove(name, engine)];
                self.apply(control, name, "removed: no rule leads to it any more", &removal, dry_run).await?;
            }
        }
        for (name, Elsewhere { backend, there }) in &elsewhere {
            let backend_name = &self.config.backend(*backend).name;
            let old = here.get(name);
            if old.is_some_and(|comment| !comment.starts_with(stand_in::COMMENT_PREFIX)) {
                let what = format!(
                    "error: a real table of this name is here; its rows are hidden by the rule to {backend_name}"
                );
                self.say(name, &what);
                *exit = Exit::Problem;
                continue;
            }
            let named = match self.schemas.tables(*backend, std::slice::from_ref(there)).await {
                Ok(named) => named,
                Err(fault) => {
                    self.say(name, &format!("error: {fault}"));
                    *exit = Exit::Problem;
                    continue;
                }
            };
            let Some(Named { table: Some(table), .. }) = named.first() else { continue };
            let statements = match stand_in::create(name, table, backend_name, engine) {
                Ok(statements) => statements,
                Err(column) => {
                    self.say(name, &format!("left out: {} has no type for column {column}", self.dialect));
                    continue;
                }
            };
            let (mut all, mut done) = (Vec::new(), "made");
            if let Some(comment) = old {
                if statements.iter().any(|sql| sql.contains(comment.as_str())) {
                    self.say(name, "as before");
                    continue;
                }
                all.push(stand_in::remove(name, engine));
                done = "made anew: it has changed";
            }
            all.extend(statements);
            self.apply(control, name, done, &all, dry_run).await?;
        }
        Ok(())
    }

    /// By the clients' names.
    async fn elsewhere(&self) -> Result<BTreeMap<String, Elsewhere>, ControlError> {
        let mut found = BTreeMap::new();
        for (index, backend) in self.config.backends.iter().enumerate() {
            let id = BackendId(u16::try_from(index).unwrap_or(u16::MAX));
            if id == self.home {
                continue;
            }
            let there = Control::connect(backend).await?.tables().await?;
            let plain = there
                .into_iter()
                .filter(|(_, comment)| !comment.starts_with(stand_in::COMMENT_PREFIX))
                .map(|(name, _)| name);
            let renamed = self.config.tables.iter().filter(|rule| rule.backend == id && rule.rename.is_some());
            let names: Vec<String> = plain.chain(renamed.map(|rule| rule.pattern.clone())).collect();
            for name in names {
                let owner = self.routes.owner(self.dialect, &name).filter(|(owner, _)| *owner == id);
                if let Some((backend, there)) = owner {
                    found.insert(name, Elsewhere { backend, there });
                }
            }
        }
        Ok(found)
    }
}
