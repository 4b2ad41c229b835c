//! SET and USE: run now, and kept as text for the connections that the session opens later.

use super::aftermath::Aftermath;
use super::leavings::assignments;
use super::query::Said;
use super::text::{holds, user_variables, words};
use super::{Ran, Session, Step, Stop, login};
use crate::base::{BackendId, Dialect, Engine, Fault, FaultKind};
use crate::relay::mysql::Shape;
use crate::sql::{Access, Characteristics, ClientCharset, Kind, Reading, SetScope};
use crate::wire::mysql::handshake::{Login, read_change_user};
use crate::wire::mysql::{answer, caps, com};

/// Settings kept by one session at most: each is replayed on every connection that the session opens.
const SETTINGS_MAX: usize = 500;

/// A SET to be replayed.
#[derive(Debug)]
pub(super) struct Setting {
    /// Later ones have higher ones.
    pub(super) number: u64,
    pub(super) text: Vec<u8>,
    names: Vec<String>,
}

impl Setting {
    /// Whether it sets this.
    pub(super) fn sets(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|n| n == name)
    }
}

/// The one user variable that a `SET @name = …` without any other variable in it assigns, with its `@`. The parser leaves
/// user variables out of the names.
fn the_user_variable(text: &[u8]) -> Option<String> {
    let assigns = words(text, 2).get(1).is_some_and(|w| w.starts_with('@') && !w.starts_with("@@"));
    let alone = text.iter().filter(|b| **b == b'@').count() == 1;
    if assigns && alone { user_variables(text).pop().map(|name| format!("@{name}")) } else { None }
}

/// `@name` of a user variable, the bare name of a setting.
pub(super) fn plain_name(name: &str) -> String {
    let name = name.replace('`', "");
    name.strip_prefix("@@session.").unwrap_or(&name).to_owned()
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
            names.extend(with.isolation.map(|_| "transaction_isolation".to_owned()));
            names.extend(with.read_only.map(|_| "transaction_read_only".to_owned()));
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
            return self.set_from_placed_variable(said, autocommit.is_some()).await;
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
            self.keep_or_read(&text, names.clone());
            self.tell_others(&text).await?;
        }
        if !self.native && autocommit.is_some() {
            // Ours alone: under XA the backends' own autocommit stays on.
            self.keep(b"SET autocommit=1", vec!["autocommit".into()]);
            self.tell_all(b"SET autocommit=1").await?;
        }
        for at in 0..self.attached.len() {
            self.all_told(self.attached[at].participant);
        }
        let read = ["sql_mode", "names", "character"];
        self.reading_stale |= names.is_empty() || names.iter().any(|n| read.iter().any(|r| n.contains(r)));
        Ok(Ran::Fine)
    }

    /// A SET whose values come from a variable that one backend alone knows: it is run there, and what the session's
    /// settings came to is told to the others.
    async fn set_from_placed_variable(&mut self, said: Said<'_>, autocommit: bool) -> Step {
        if autocommit && !self.native {
            let text = "SET autocommit together with a user variable that was set from a table";
            let fault = Fault::new(FaultKind::NotSupported, text).hint("Set autocommit by a statement of its own.");
            return Ok(self.fault(&fault));
        }
        let variables = user_variables(said.own());
        let place = variables.iter().find_map(|name| self.variables.get(name)).map_or(self.home, |place| *place);
        if self.route(said, true).await? == Ran::Failed {
            return Ok(Ran::Failed);
        }
        let all = assignments(said.own(), self.reading);
        let settings = all.into_iter().filter_map(|a| a.name).filter(|name| name.starts_with("@@"));
        let settings: Vec<_> = settings.collect();
        let Some(at) = self.position(self.participant(place)).filter(|_| !settings.is_empty()) else {
            return Ok(Ran::Fine);
        };
        (self.facts, self.reading_stale) = (None, true);
        if self.pooling.on {
            // They are read when the connection is parked.
            return Ok(Ran::Fine);
        }
        let told = match self.as_settings(at, &settings).await {
            Ok(told) => told,
            Err(source) => {
                tracing::warn!(%source, "a connection broke while a session's settings were read");
                return Err(Stop::Close);
            }
        };
        if let Some(text) = told {
            self.keep(text.as_bytes(), settings.iter().map(|name| plain_name(name)).collect());
            self.tell_all(text.as_bytes()).await?;
        } else {
            tracing::warn!("settings that came from a table's values could not be told to the other backends");
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
    pub(super) fn keep(&mut self, text: &[u8], names: Vec<String>) {
        let variables = names.iter().filter(|n| n.starts_with('@')).count();
        let absolute = !names.is_empty() && text.iter().filter(|b| **b == b'@').count() <= variables;
        if absolute {
            self.settings.retain(|s| s.names != names);
        }
        self.pooling.said += 1;
        self.settings.push(Setting { number: self.pooling.said, text: text.to_vec(), names });
    }

    /// Keeps a setting that may be replayed as it is. Values that would be others elsewhere, or later, are read before the
    /// connection is parked (`park`); what cannot be read holds it.
    pub(super) fn keep_or_read(&mut self, text: &[u8], names: Vec<String>) {
        if !self.pooling.on {
            return self.keep(text, names);
        }
        const ONCE: &[&str] =
            &["insert_id", "last_insert_id", "identity", "rand_seed1", "rand_seed2", "gtid_next", "pseudo_thread_id"];
        let prepared = !self.prepared.is_empty() || !self.named.is_empty();
        let reads = names
            .iter()
            .any(|n| matches!(n.as_str(), "names" | "character set" | "sql_mode" | "character_set_client" | "charset"));
        // Statements are prepared again under the settings of another moment.
        self.pooling.stays |= prepared && reads;
        self.pooling.stays |= names.iter().any(|n| ONCE.contains(&n.as_str()));
        let all = assignments(text, self.reading);
        if all.iter().all(|a| a.repeats) {
            let told = || all.iter().map(|a| a.name.as_deref().map(plain_name)).collect::<Option<Vec<_>>>();
            let names = if names.is_empty() { told().unwrap_or_default() } else { names };
            self.keep(text, names);
        }
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

    /// How a text is read depends on `sql_mode` and on the client's character set. If they may have changed, and it makes a
    /// difference for this text, the server is asked what they came to. Not before: the question itself changes what SHOW
    /// WARNINGS and ROW_COUNT() answer.
    pub(super) async fn renew_reading(&mut self, text: &[u8]) -> Step {
        let delicate = |b: &u8| matches!(b, b'"' | b'\\' | 0x80..);
        if !self.reading_stale || !text.iter().any(delicate) {
            return Ok(Ran::Fine);
        }
        let Some(at) = self.ready(self.home).await? else { return Ok(Ran::Failed) };
        // Binary, as 0x20 is: no character set of results changes it.
        match self.attached[at].conn.value(b"SELECT CONCAT(@@character_set_client,0x20,@@sql_mode)").await {
            Ok(answer) => {
                let answer = answer.unwrap_or_default();
                let charset = answer.split(|b| *b == b' ').next().unwrap_or_default();
                self.reading.charset = ClientCharset::named(&String::from_utf8_lossy(charset));
                self.reading.ansi_quotes = holds(&answer, b"ANSI_QUOTES");
                self.reading.backslash_escapes = !holds(&answer, b"NO_BACKSLASH_ESCAPES");
                self.reading_stale = false;
                Ok(Ran::Fine)
            }
            Err(source) => self.backend_lost(at, &source, false).await,
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
        let routes = &self.services.routes;
        let named = String::from_utf8_lossy(&name);
        if let Err(fault) = routes.admit_database(&self.reach, Dialect::Mysql, &named, self.home) {
            return Ok(self.fault(&fault));
        }
        let Some(at) = self.ready(self.home).await? else { return Ok(Ran::Failed) };
        let conn = &mut self.attached[at].conn;
        conn.queue(com::INIT_DB, &[&name]);
        let Some(relayed) = self.exchange(at, Shape::Results, 0, more, false).await? else { return Ok(Ran::Failed) };
        self.note(self.participant(self.home), None, b"", &relayed);
        if relayed.errno.is_none() {
            // They were made for the database before.
            self.pooling.stays |= !self.named.is_empty();
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
            self.reading.charset = super::attach::client_charset(home.charset);
        }
        self.ok();
        Ok(())
    }

    fn set_login(&mut self, login: Login) {
        let home = self.services.mysql_home.as_ref().map_or(0, |home| home.charset);
        self.login = super::attach::with_charset(login, home);
        self.reading.charset = super::attach::client_charset(self.login.charset);
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
        self.flush_locked = false;
        self.pooling.forget();
        self.aftermath = Aftermath::default();
        self.last = None;
        self.facts = None;
        self.after = None;
        self.untold_key = None;
        self.key_at = None;
        self.home_database = None;
        let mariadb = self.reading.mariadb;
        self.reading = Reading { mariadb, ..Reading::new(Dialect::Mysql) };
        self.reading.charset = super::attach::client_charset(self.login.charset);
        self.reading_stale = false;
        self.multi = self.login.capabilities & caps::MULTI_STATEMENTS != 0;
    }

    /// Whether a session may change to a database of this name.
    fn serves(&self, database: &[u8]) -> bool {
        let config = &self.services.config;
        let of_backend =
            |b: &crate::config::Backend| b.name.as_bytes() == database || b.database.as_bytes() == database;
        config.listen.database.as_bytes() == database || config.backends.iter().any(of_backend)
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
        let fresh = !self.reading.mariadb || login.proof.is_empty();
        match login::authenticate(&mut self.client, &services, &login, self.scramble, fresh).await {
            Ok(_) if !login.database.is_empty() && !self.serves(&login.database) => {
                let text = format!("Unknown database '{}'", String::from_utf8_lossy(&login.database));
                let hint = format!("This session is in \"{}\"; log in anew.", services.config.listen.database);
                self.fault(&Fault::new(FaultKind::NoSuchDatabase, text).hint(hint));
                Err(Stop::Close)
            }
            Ok((user, scramble)) => {
                let reach = match self.services.admit(&self.present, &user) {
                    Ok(reach) => reach,
                    Err(fault) => {
                        self.fault(&fault);
                        return Err(Stop::Close);
                    }
                };
                self.scramble = scramble;
                self.entry.set_user(&user);
                (self.user, self.reach) = (user, reach);
                self.set_login(login);
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
