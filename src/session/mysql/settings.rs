//! SET and USE: run now, and kept as text for the connections that the session opens later.

use super::query::Said;
use super::text::{user_variables, words};
use super::{Ran, Session, Step, Stop, login};
use crate::base::{BackendId, Dialect, Engine, Fault, FaultKind};
use crate::relay::mysql::Shape;
use crate::sql::{Access, Characteristics, Kind, Reading, SetScope};
use crate::wire::mysql::handshake::read_change_user;
use crate::wire::mysql::{answer, caps, com};

/// Settings kept by one session at most: each is replayed on every connection that the session opens.
const SETTINGS_MAX: usize = 500;

/// A SET to be replayed.
#[derive(Debug)]
pub(super) struct Setting {
    pub(super) text: Vec<u8>,
    names: Vec<String>,
}

/// The one user variable that a `SET @name = …` without any other variable in it assigns, with its `@`. The parser leaves
/// user variables out of the names.
fn the_user_variable(text: &[u8]) -> Option<String> {
    let assigns = words(text, 2).get(1).is_some_and(|w| w.starts_with('@') && !w.starts_with("@@"));
    let alone = text.iter().filter(|b| **b == b'@').count() == 1;
    if assigns && alone { user_variables(text).pop().map(|name| format!("@{name}")) } else { None }
}

impl Session {
    /// SET: on the home connection first, whose answer the client gets; then on the others.
    pub(super) async fn set(&mut self, said: Said<'_>) -> Step {
        let (mut scope, mut names, mut autocommit) = (SetScope::Session, Vec::new(), None);
        if let Kind::Set { scope: s, names: n, autocommit: a } = &said.statement.kind {
            (scope, names, autocommit) = (*s, n.clone(), *a);
        }
        if names.is_empty() {
            names.extend(the_user_variable(said.own()));
        }
        if let Kind::SetSessionCharacteristics(with) = &said.statement.kind {
            self.read_only = with.read_only.unwrap_or(self.read_only);
        }
        if !said.statement.tables.is_empty() || said.statement.access == Access::Write && scope != SetScope::Global {
            return self.route(said, true).await;
        }
        let assigned = names.iter().filter(|n| n.starts_with('@')).count();
        if said.text.iter().filter(|b| **b == b'@').count() <= assigned {
            // Their new values are known everywhere.
            self.variables
                .retain(|known, _| !names.iter().any(|n| n.trim_matches(['@', '`']).to_lowercase() == *known));
        } else if self.uses_placed_variable(said) {
            return self.route(said, true).await;
        }
        let text = match self.target(said) {
            Ok((_, text)) => text,
            Err(fault) => return Ok(self.fault(&fault)),
        };
        if self.settings.len() >= SETTINGS_MAX {
            let text = format!("more than {SETTINGS_MAX} settings in one session");
            return Ok(self.fault(&Fault::new(FaultKind::TooLarge, text)));
        }
        if !self.native
            && let Some(on) = autocommit
            && self.autocommit_among_others(on, said.more).await? == Ran::Failed
        {
            return Ok(Ran::Failed);
        }
        let run = super::run::Run {
            backend: self.home,
            text: &text,
            statement: Some(said.statement),
            enlist: false,
            one: true,
            more: said.more,
        };
        // Also after a failure: of several assignments some may hold.
        self.facts = None;
        if Ran::of(self.run(run).await?) == Ran::Failed {
            return Ok(Ran::Failed);
        }
        if scope != SetScope::Global {
            self.keep(&text, names.clone());
            self.tell_others(&text).await?;
        }
        if !self.native && autocommit.is_some() {
            // Ours alone: under XA the backends' own autocommit stays on.
            self.keep(b"SET autocommit=1", vec!["autocommit".into()]);
            self.tell_all(b"SET autocommit=1").await?;
        }
        if names.is_empty() || names.iter().any(|n| n.contains("sql_mode")) {
            self.read_sql_mode().await?;
        }
        Ok(Ran::Fine)
    }

    /// `SET autocommit=…, other=…`: what SET autocommit would do, before the rest is run.
    async fn autocommit_among_others(&mut self, on: bool, more: bool) -> Step {
        if on && !self.autocommit && self.end_before(more).await? == Ran::Failed {
            return Ok(Ran::Failed);
        }
        if !self.txn.participants.is_empty() {
            let fault =
                Fault::new(FaultKind::ActiveTransaction, "SET autocommit among other settings in a transaction")
                    .hint("Set autocommit by a statement of its own.");
            return Ok(self.fault(&fault));
        }
        self.autocommit = on;
        Ok(Ran::Fine)
    }

    /// Keeps a setting; an older one of the same names is forgotten if the new one cannot depend on it.
    fn keep(&mut self, text: &[u8], names: Vec<String>) {
        let variables = names.iter().filter(|n| n.starts_with('@')).count();
        let absolute = !names.is_empty() && text.iter().filter(|b| **b == b'@').count() <= variables;
        if absolute {
            self.settings.retain(|s| s.names != names);
        }
        self.settings.push(Setting { text: text.to_vec(), names });
    }

    async fn tell_others(&mut self, text: &[u8]) -> Result<(), Stop> {
        let home = self.participant(self.home);
        for at in (0..self.attached.len()).rev() {
            if self.attached[at].participant != home {
                self.tell(at, text).await?;
            }
        }
        Ok(())
    }

    async fn tell_all(&mut self, text: &[u8]) -> Result<(), Stop> {
        for at in (0..self.attached.len()).rev() {
            self.tell(at, text).await?;
        }
        Ok(())
    }

    /// Runs a setting on a connection; one that its server does not know is left out, as at [`Self::attach`].
    pub(super) async fn tell(&mut self, at: usize, text: &[u8]) -> Result<(), Stop> {
        match self.attached[at].conn.run(text).await {
            Ok((_, None)) => Ok(()),
            Ok((_, Some(error))) => {
                tracing::debug!(errno = error.errno, "a setting was not taken over: {}", error.message);
                Ok(())
            }
            Err(source) => {
                tracing::warn!(%source, "a connection broke while its settings were changed");
                Err(Stop::Close)
            }
        }
    }

    /// How texts are read depends on `sql_mode`; the server says what it came to.
    async fn read_sql_mode(&mut self) -> Result<(), Stop> {
        let Some(at) = self.position(self.participant(self.home)) else { return Ok(()) };
        match self.attached[at].conn.value(b"SELECT @@sql_mode").await {
            Ok(mode) => {
                let mode = mode.unwrap_or_default();
                self.reading.ansi_quotes = super::text::holds(&mode, b"ANSI_QUOTES");
                self.reading.backslash_escapes = !super::text::holds(&mode, b"NO_BACKSLASH_ESCAPES");
                Ok(())
            }
            Err(source) => {
                tracing::warn!(%source, "a connection broke while its sql_mode was read");
                Err(Stop::Close)
            }
        }
    }

    /// USE and COM_INIT_DB. The name that clients know the house by, and the home database's own, are the home database;
    /// any other must exist on the home backend.
    pub(super) async fn use_database(&mut self, database: &[u8], more: bool) -> Step {
        let config = &self.services.config;
        let home = config.backend(self.home).database.as_bytes();
        let other = config.backends.iter().enumerate().find(|(at, b)| {
            let id = u16::try_from(*at).map(BackendId);
            let away = id.is_ok_and(|id| !config.same_participant(id, self.home));
            let homes = database == home || database == config.listen.database.as_bytes();
            away && !homes && (b.name.as_bytes() == database || b.database.as_bytes() == database)
        });
        if let Some((_, other)) = other {
            let text = format!("Unknown database '{}' on the home backend", String::from_utf8_lossy(database));
            let hint = format!(
                "It is backend \"{}\": its tables are found by their names without USE, by [tables] or as {}.table.",
                other.name, other.name
            );
            return Ok(self.fault(&Fault::new(FaultKind::NoSuchDatabase, text).hint(hint)));
        }
        let name = if database == config.listen.database.as_bytes() { home.to_vec() } else { database.to_vec() };
        let Some(at) = self.ready(self.home).await? else { return Ok(Ran::Failed) };
        let conn = &mut self.attached[at].conn;
        conn.queue(com::INIT_DB, &[&name]);
        let Some(relayed) = self.exchange(at, Shape::Results, 0, more, false).await? else { return Ok(Ran::Failed) };
        if relayed.errno.is_none() {
            self.attached[at].conn.set_database(&name);
            self.home_database = Some(name);
            self.facts = None;
        }
        Ok(Ran::of(Some(relayed)))
    }

    /// COM_SET_OPTION: several statements in one text, or not.
    pub(super) fn set_option(&mut self, body: &[u8]) {
        match body {
            [0, 0] => self.multi = true,
            [1, 0] => self.multi = false,
            _unknown => {
                self.unknown_command();
                return;
            }
        }
        self.client.put(&answer::eof(self.status(), 0));
    }

    /// COM_RESET_CONNECTION: all state goes; the connections go back and come again reset.
    pub(super) async fn reset_connection(&mut self) -> Result<(), Stop> {
        self.forget_all().await;
        if let Some(home) = self.services.mysql_home.as_ref().filter(|home| home.engine == Engine::Mysql) {
            // MySQL falls back to its own character set, MariaDB to the one of the login.
            self.login.charset = home.charset;
        }
        self.ok();
        Ok(())
    }

    async fn forget_all(&mut self) {
        self.detach_all().await;
        self.settings.clear();
        self.prepared.clear();
        self.named.clear();
        self.warnings.clear();
        self.autocommit = true;
        self.read_only = false;
        self.variables.clear();
        self.next = Characteristics::default();
        self.locked = false;
        self.last = None;
        self.facts = None;
        self.after = None;
        self.untold_key = None;
        self.key_at = None;
        self.home_database = None;
        let mariadb = self.reading.mariadb;
        self.reading = Reading { mariadb, ..Reading::new(Dialect::Mysql) };
        self.multi = self.login.capabilities & caps::MULTI_STATEMENTS != 0;
    }

    /// COM_CHANGE_USER: another login on this connection.
    pub(super) async fn change_user(&mut self, body: &[u8]) -> Result<(), Stop> {
        self.forget_all().await;
        let Some(login) = read_change_user(body, self.login.capabilities) else {
            self.fault(&Fault::new(FaultKind::ProtocolViolation, "malformed COM_CHANGE_USER"));
            return Err(Stop::Close);
        };
        let services = self.services.clone();
        // MySQL asks again always. MariaDB takes a proof by the scramble that was answered before; its C library has no other.
        let fresh = !self.reading.mariadb;
        match login::authenticate(&mut self.client, &services, &login, self.scramble, fresh).await {
            Ok((user, scramble)) => {
                self.scramble = scramble;
                self.entry.set_user(&user);
                self.user = user;
                self.login = login;
                self.ok();
                Ok(())
            }
            Err(login::LoginError::Io(error)) => Err(error.into()),
            Err(login::LoginError::Refused(fault)) => {
                self.fault(&fault);
                Err(Stop::Close)
            }
        }
    }
}
