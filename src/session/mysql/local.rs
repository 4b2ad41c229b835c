//! What is answered without running anything: KILL, our own warnings; and the commands COM_FIELD_LIST, COM_REFRESH.

use super::registry::Killed;
use super::text::words;
use super::{Ran, Session, Step, Stop};
use crate::backend::verbs;
use crate::base::Dialect;
use crate::relay::mysql::Shape;
use crate::route::Plan;
use crate::wire::mysql::read::put_lenenc_bytes;
use crate::wire::mysql::{Reader, answer, com};

/// MySQL has forgotten COM_PROCESS_KILL.
const WITHOUT_PROCESS_KILL: u32 = 9;

impl Session {
    /// KILL [HARD | SOFT] [CONNECTION | QUERY] id
    pub(super) async fn kill_text(&mut self, text: &[u8]) -> Step {
        let words = words(text, 5);
        let mut rest = words.iter().skip(1).map(String::as_str).peekable();
        rest.next_if(|w| matches!(*w, "HARD" | "SOFT"));
        let query_only = rest.next_if(|w| matches!(*w, "CONNECTION" | "QUERY")) == Some("QUERY");
        match rest.next().and_then(|id| id.parse().ok()) {
            Some(id) => self.kill(id, query_only).await,
            // The server says what is missing.
            None if words.len() < 2 => self.run_plain(self.home, text, None).await,
            None => Ok(self.refuse(&answer::err(1064, "42000", "KILL here takes the number of a connection"))),
        }
    }

    /// COM_PROCESS_KILL
    pub(super) async fn kill_command(&mut self, body: &[u8]) -> Result<(), Stop> {
        let version = self.services.mysql_home.as_ref().map_or("", |home| home.version.as_str());
        let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
        if !self.reading.mariadb && major.is_some_and(|major| major >= WITHOUT_PROCESS_KILL) {
            self.unknown_command();
            return Ok(());
        }
        let id = Reader::new(body).u32().unwrap_or(0);
        self.kill(u64::from(id), false).await.map(drop)
    }

    async fn kill(&mut self, id: u64, query_only: bool) -> Step {
        let sessions = self.sessions.clone();
        let own = id == u64::from(self.entry.id()) || self.attached.iter().any(|a| a.conn.session() == id);
        if own {
            let (errno, text) = match (query_only, self.reading.mariadb) {
                (false, true) => (1927, "Connection was killed"),
                (true, _) | (false, false) => (1317, "Query execution was interrupted"),
            };
            self.refuse(&answer::err(errno, "70100", text));
            return if query_only { Ok(Ran::Failed) } else { Err(Stop::Close) };
        }
        Ok(match sessions.kill(id, &self.user, query_only).await {
            Killed::Yes => self.ok(),
            Killed::Unknown => self.refuse(&answer::err(1094, "HY000", &format!("Unknown thread id: {id}"))),
            Killed::NotOwner => self.refuse(&answer::err(1095, "HY000", &format!("You are not owner of thread {id}"))),
        })
    }

    /// SHOW WARNINGS right after a COMMIT that had some.
    pub(super) fn show_warnings(&mut self) -> Ran {
        let status = self.status();
        self.client.put(&[3]);
        for name in ["Level", "Code", "Message"] {
            self.client.put(&answer::text_column(name));
        }
        self.client.put(&answer::eof(status, 0));
        for warning in self.warnings.clone() {
            let mut row = Vec::with_capacity(warning.len() + 20);
            for value in ["Warning", "1105", &warning] {
                put_lenenc_bytes(&mut row, value.as_bytes());
            }
            self.client.put(&row);
        }
        self.client.put(&answer::eof(status, 0));
        Ran::Fine
    }

    /// COM_REFRESH, as FLUSH: it commits first, on servers that know it still.
    pub(super) async fn refresh(&mut self, body: &[u8]) -> Step {
        if !self.native && self.reading.mariadb && self.end_before(false).await? == Ran::Failed {
            return Ok(Ran::Failed);
        }
        self.pass_to_home(com::REFRESH, body, Shape::Results).await
    }

    /// COM_FIELD_LIST: the columns of a table, from whoever owns it.
    pub(super) async fn field_list(&mut self, body: &[u8]) -> Step {
        let table = Reader::new(body).until_zero_or_end();
        let text = format!("SELECT * FROM {}", verbs::quote(Dialect::Mysql, &String::from_utf8_lossy(table)));
        let analysis = self.services.analyses.analyze(self.reading, text.as_bytes());
        let plan = match analysis.statements.as_slice() {
            [statement] => self.plan(text.as_bytes(), statement),
            [..] => Plan::Anywhere,
        };
        let backend = match plan {
            Plan::One { backend, .. } => backend,
            Plan::Anywhere => self.home,
            Plan::Foreign { backend, tables } => return self.foreign_fields(text.as_bytes(), backend, &tables).await,
            Plan::Refuse(fault) => return Ok(self.fault(&fault)),
        };
        let Some(at) = self.ready(backend).await? else { return Ok(Ran::Failed) };
        self.attached[at].conn.queue(com::FIELD_LIST, &[body]);
        self.exchange(at, Shape::Fields, 0, false, false).await.map(Ran::of)
    }
}
