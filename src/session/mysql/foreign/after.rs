//! What the client may ask of the statement before, when that ran on PostgreSQL: its own server does not know of it.
//! Answered from what we know, or refused; never answered by a server that ran something else.

use super::super::query::Said;
use super::super::run::Run;
use super::super::text::{holds, words};
use super::super::{Ran, Session, Step, Stop};
use crate::base::{BackendId, Fault, FaultKind};
use crate::sql::{Access, Statement};
use crate::wire::mysql::answer;
use crate::wire::mysql::read::put_lenenc_bytes;

/// The last statement, which ran on PostgreSQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::session::mysql) struct After {
    row_count: i64,
    /// It gave rows.
    found_rows: Option<u64>,
    error: Option<(u16, String)>,
}

impl After {
    pub(super) fn rows(rows: u64) -> Self {
        Self { row_count: -1, found_rows: Some(rows), error: None }
    }

    pub(super) fn count(affected: u64) -> Self {
        Self { row_count: i64::try_from(affected).unwrap_or(i64::MAX), found_rows: None, error: None }
    }

    pub(super) fn failed(errno: u16, message: String) -> Self {
        Self { row_count: -1, found_rows: None, error: Some((errno, message)) }
    }
}

impl Session {
    /// Answers a question about a foreign statement before it; `None`: it is no such question.
    pub(in crate::session::mysql) async fn asked_after(&mut self, said: Said<'_>) -> Result<Option<Ran>, Stop> {
        let Some(after) = self.after.clone() else { return Ok(None) };
        let text = said.own();
        let first: Vec<String> = words(text, 3);
        let first: Vec<&str> = first.iter().map(String::as_str).collect();
        if matches!(first.as_slice(), ["SHOW", "WARNINGS" | "ERRORS", ..]) {
            return Ok(Some(self.show_diagnostics(after, said.more)));
        }
        let (counts, finds) = (holds(text, b"row_count("), holds(text, b"found_rows("));
        let counted = holds(text, b"@@warning_count") || holds(text, b"@@error_count");
        let diagnoses =
            counted || holds(text, b"get diagnostics") || first.first() == Some(&"SHOW") && holds(text, b"count(");
        if !counts && !finds && !diagnoses {
            return Ok(None);
        }
        let number = match (only_call(text), after.found_rows) {
            (Some("row_count"), _) => Some(after.row_count),
            (Some("found_rows"), Some(rows)) => i64::try_from(rows).ok(),
            (Some(_) | None, _) => None,
        };
        let Some(number) = number else {
            let what = if counts {
                "ROW_COUNT()"
            } else if finds {
                "FOUND_ROWS()"
            } else {
                "diagnostics"
            };
            let text = format!("{what} in this form, after a statement that ran on a backend of the other dialect");
            let fault = Fault::new(FaultKind::NotSupported, text)
                .hint("Ask by SELECT ROW_COUNT() or SELECT FOUND_ROWS() alone, or read it from the answer.");
            return Ok(Some(self.fault(&fault)));
        };
        let name = String::from_utf8_lossy(text.trim_ascii().get("select".len()..).unwrap_or_default());
        let select = format!("SELECT {number} AS `{}`", name.trim());
        let run = Run {
            backend: self.home,
            text: select.as_bytes(),
            statement: Some(said.statement),
            enlist: false,
            one: true,
            more: said.more,
        };
        let ran = self.run(run).await?;
        Ok(Some(Ran::of(ran)))
    }

    fn show_diagnostics(&mut self, after: After, more: bool) -> Ran {
        let more = if more { crate::wire::mysql::status::MORE_RESULTS } else { 0 };
        let flags = self.status() | more;
        self.client.put(&[3]);
        for name in ["Level", "Code", "Message"] {
            self.client.put(&answer::text_column(name));
        }
        self.client.put(&answer::eof(flags, 0));
        if let Some((errno, message)) = after.error {
            let mut row = Vec::new();
            for value in ["Error", &errno.to_string(), &message] {
                put_lenenc_bytes(&mut row, value.as_bytes());
            }
            self.client.put(&row);
        }
        self.client.put(&answer::eof(flags, 0));
        Ran::Fine
    }

    /// Before a statement on a server of this client's dialect: it must know the key that PostgreSQL generated last, if it
    /// can be asked for it, or may generate one itself. `Failed`: the client was told why not.
    pub(in crate::session::mysql) async fn tell_key(
        &mut self,
        backend: BackendId,
        text: &[u8],
        statement: Option<&Statement>,
    ) -> Step {
        self.after = None;
        let Some(key) = self.untold_key else { return Ok(Ran::Fine) };
        let reads = statement.is_some_and(|s| s.access == Access::Read);
        if reads && !holds(text, b"last_insert_id") && !holds(text, b"@@identity") {
            return Ok(Ran::Fine);
        }
        let Some(at) = self.ready(backend).await? else { return Ok(Ran::Failed) };
        self.untold_key = None;
        self.tell(at, format!("SET last_insert_id={key}").as_bytes()).await?;
        Ok(Ran::Fine)
    }

    /// The session's last generated key, whoever made it. `None`: it could not be asked for, and the client was told.
    pub(super) async fn last_key(&mut self) -> Result<Option<u64>, Stop> {
        if let Some(key) = self.untold_key {
            return Ok(Some(key));
        }
        let backend = self.key_at.unwrap_or(self.home);
        let Some(at) = self.ready(backend).await? else { return Ok(None) };
        match self.attached[at].conn.value(b"SELECT LAST_INSERT_ID()").await {
            Ok(key) => {
                let text = String::from_utf8(key.unwrap_or_default()).unwrap_or_default();
                Ok(Some(text.parse().unwrap_or(0)))
            }
            Err(source) => {
                self.backend_lost(at, &source, false).await?;
                Ok(None)
            }
        }
    }
}

/// The function, if the text is `SELECT f()` and nothing else.
fn only_call(text: &[u8]) -> Option<&'static str> {
    let text: String = String::from_utf8_lossy(text).to_ascii_lowercase();
    let mut words = text.trim().split_ascii_whitespace();
    match (words.next(), words.next(), words.next()) {
        (Some("select"), Some("row_count()"), None) => Some("row_count"),
        (Some("select"), Some("found_rows()"), None) => Some("found_rows"),
        _other => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_question_alone_is_answered() {
        assert_eq!(only_call(b" SELECT  Row_Count() "), Some("row_count"));
        assert_eq!(only_call(b"select found_rows()"), Some("found_rows"));
        assert_eq!(only_call(b"select row_count() + 1"), None);
    }
}
