//! What a client may ask of its last statement: ROW_COUNT(), FOUND_ROWS(), SHOW WARNINGS and kin. Only the connection that
//! ran it knows; when another session has taken that one meanwhile, or we have asked it something ourselves, the answer
//! comes from here. So does CONNECTION_ID(), which is the session's and not that of whichever connection it has now.

use bytes::BytesMut;

use super::asked::{Asked, Fact, asked, is_diagnostic, items, may_ask};
use super::query::Said;
use super::run::Run;
use super::text::{holds, words};
use super::{Ran, Session, Step, Stop};
use crate::backend::mysql::column_type;
use crate::base::{BackendId, Fault, FaultKind};
use crate::relay::mysql::Relayed;
use crate::sql::{Kind, Statement};
use crate::wire::mysql::read::put_lenenc_bytes;
use crate::wire::mysql::{Reader, com, status};

/// Warnings that are kept; a connection stays until the next statement for more.
const LIST_BYTES_MAX: usize = 64 * 1024;

/// What the last statement left to be asked for.
#[derive(Debug)]
pub(super) struct Aftermath {
    /// The participant and the tenure of the connection that knows it.
    place: Option<(BackendId, u64)>,
    /// That connection was asked something by us since.
    disturbed: bool,
    row_count: i64,
    /// To be asked for if it is `None`.
    found_rows: Option<u64>,
    warnings: u16,
    /// The error's number and SQLSTATE.
    failed: Option<(u16, String)>,
    /// The answer to SHOW WARNINGS.
    list: Option<Vec<BytesMut>>,
}

impl Default for Aftermath {
    fn default() -> Self {
        Self { place: None, disturbed: false, row_count: 0, found_rows: Some(0), warnings: 0, failed: None, list: None }
    }
}

impl Aftermath {
    /// Takes note of an OK that was ours alone.
    pub(super) fn say_ok(&mut self) {
        (self.row_count, self.warnings, self.failed, self.list) = (0, 0, None, None);
    }
}

impl Session {
    /// Takes note of what a statement came to.
    pub(super) fn remember(
        &mut self,
        participant: BackendId,
        statement: Option<&Statement>,
        text: &[u8],
        relayed: &Relayed,
    ) {
        let number = self.pooling.number(participant);
        let after = &mut self.aftermath;
        let first = words(text, 3);
        let diagnoses = is_diagnostic(&first);
        // Without tables and without a word to say, a query leaves the last one's warnings.
        let quiet = statement.is_some_and(|s| s.kind == Kind::Query && s.tables.is_empty());
        let quiet = quiet && relayed.errno.is_none() && relayed.warnings == 0;
        let same = after.place == Some((participant, number));
        if !(diagnoses || quiet) || !same && after.list.is_none() {
            let failed = relayed.errno.map(|errno| (errno, relayed.sqlstate.clone().unwrap_or_default()));
            (after.warnings, after.failed, after.list) = (relayed.warnings, failed, None);
            after.disturbed = false;
        }
        after.place = if after.list.is_some() { None } else { Some((participant, number)) };
        after.row_count = if relayed.rows_last || relayed.errno.is_some() {
            -1
        } else {
            i64::try_from(relayed.affected_last).unwrap_or(i64::MAX)
        };
        if relayed.rows {
            after.found_rows = (!holds(text, b"sql_calc_found_rows")).then_some(relayed.row_number);
        }
    }

    /// Reads the last statement's warnings while they are there, and whether a failed one has left a transaction open.
    pub(super) async fn read_diagnostics(&mut self, at: usize) -> std::io::Result<()> {
        let participant = self.attached[at].participant;
        let number = self.pooling.number(participant);
        let after = &self.aftermath;
        let here = after.place == Some((participant, number)) && !after.disturbed && after.list.is_none();
        let worth = after.warnings > 0 || after.failed.is_some();
        let counts = after.found_rows.is_none();
        if !here || !(worth || counts) || self.txn.participant(participant).is_some() {
            return Ok(());
        }
        let conn = &mut self.attached[at].conn;
        if counts {
            let row = conn.row(b"SELECT FOUND_ROWS()", LIST_BYTES_MAX).await?;
            self.aftermath.found_rows = row.and_then(|row| text_number(row.first()?.value.as_ref()?));
            self.aftermath.disturbed = true;
        }
        if !worth {
            return Ok(());
        }
        let conn = &mut self.attached[at].conn;
        let list = conn.payloads(b"SHOW WARNINGS", LIST_BYTES_MAX).await?;
        let flags = conn.status();
        if self.native {
            use crate::backend::mysql::Open;
            conn.set_open(if flags & status::IN_TRANS != 0 { Open::Plain } else { Open::None });
            self.pooling.status = Some(flags);
        }
        if list.is_none()
            && let Some(tenure) = self.pooling.tenure_mut(participant)
        {
            tenure.until_next = true;
        }
        self.aftermath.list = list;
        self.aftermath.disturbed = true;
        Ok(())
    }

    /// Says that a connection was asked something by us.
    pub(super) fn after_reading(&mut self, participant: BackendId, found_rows: Option<u64>) {
        if self.aftermath.place == Some((participant, self.pooling.number(participant))) {
            self.aftermath.disturbed = true;
            self.aftermath.found_rows = self.aftermath.found_rows.or(found_rows);
        }
    }

    /// Answers what a text asks of the statement before it, if the connection that it would go to does not know. `None`:
    /// it may go on as it is.
    pub(super) async fn asked_of_before(&mut self, said: Said<'_>) -> Result<Option<Ran>, Stop> {
        let text = said.own();
        if !self.pooling.on || self.after.is_some() || !may_ask(text) {
            return Ok(None);
        }
        let Ok((backend, _)) = self.target(said) else { return Ok(None) };
        let first = words(text, 3);
        let asked = asked(text, self.reading);
        let diagnoses = is_diagnostic(&first);
        if !diagnoses && asked.is_empty() {
            return Ok(None);
        }
        let Some(at) = self.ready(backend).await? else { return Ok(Some(Ran::Failed)) };
        let participant = self.attached[at].participant;
        let known = self.is_known_to(participant);
        if diagnoses {
            return if known { Ok(None) } else { self.diagnose(said, at, &first).await };
        }
        if known && asked.iter().all(|a| a.fact != Fact::Connection) {
            return Ok(None);
        }
        let asked: Vec<_> = asked.into_iter().filter(|a| !known || a.fact == Fact::Connection).collect();
        match items(text, self.reading, &asked) {
            Some(items) => self.select_facts(said, backend, at, &items).await.map(Some),
            None => self.spelled_out(said, backend, &asked).await.map(Some),
        }
    }

    fn fact(&self, fact: Fact) -> i64 {
        let after = &self.aftermath;
        let signed = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        match fact {
            Fact::RowCount => after.row_count,
            Fact::FoundRows => after.found_rows.map_or(0, signed),
            Fact::Warnings => i64::from(after.warnings.max(u16::from(after.failed.is_some()))),
            Fact::Errors => i64::from(after.failed.is_some()),
            Fact::Connection => i64::from(self.entry.id()),
        }
    }

    /// SHOW WARNINGS and its kin, out of what was read.
    async fn diagnose(&mut self, said: Said<'_>, at: usize, first: &[String]) -> Result<Option<Ran>, Stop> {
        let Some(list) = self.aftermath.list.clone() else {
            // There was nothing: what the connection could show is of its last user's, or of ours.
            self.tell(at, b"DO 0").await?;
            return Ok(None);
        };
        let first: Vec<&str> = first.iter().map(String::as_str).collect();
        let errors_only = match first.as_slice() {
            ["SHOW", "WARNINGS"] => false,
            ["SHOW", "ERRORS"] => true,
            _other if self.signalled(at).await? => return Ok(None),
            _other => {
                let what = "in this form, after a statement whose connection serves another client now";
                let text = format!("{} {what}", first.join(" "));
                let fault = Fault::new(FaultKind::NotSupported, text).hint("Ask by SHOW WARNINGS.");
                return Ok(Some(self.fault(&fault)));
            }
        };
        let columns = 4;
        for (at, mut payload) in list.into_iter().enumerate() {
            self.patch_end(&mut payload, said.more);
            let row = at > columns && !(payload.first() == Some(&0xfe) && payload.len() < 9);
            if !(row && errors_only && Reader::new(&payload).lenenc_bytes() != Some(b"Error")) {
                self.client.put(&payload);
            }
        }
        self.aftermath.row_count = -1;
        Ok(Some(Ran::Fine))
    }

    /// Brings the one condition of the last statement into this connection, so that it can be asked in any form.
    async fn signalled(&mut self, at: usize) -> Result<bool, Stop> {
        let Some(list) = &self.aftermath.list else { return Ok(false) };
        let [_count, _, _, _, _end, row, _last] = list.as_slice() else { return Ok(false) };
        let mut cells = Reader::new(row);
        let (Some(level), Some(code), Some(message)) =
            (cells.lenenc_bytes(), cells.lenenc_bytes(), cells.lenenc_bytes())
        else {
            return Ok(false);
        };
        let sqlstate = match (level, &self.aftermath.failed) {
            (b"Error", Some((_, sqlstate))) => sqlstate.as_str(),
            (b"Warning", None) => "01000",
            (_, Some(_) | None) => return Ok(false),
        };
        let mut text = format!("SIGNAL SQLSTATE '{sqlstate}' SET MYSQL_ERRNO=").into_bytes();
        text.extend_from_slice(code);
        text.extend_from_slice(b",MESSAGE_TEXT=_utf8mb4 X'");
        text.extend(message.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()));
        text.push(b'\'');
        let expected = std::str::from_utf8(code).ok().and_then(|code| code.parse::<u16>().ok());
        let fails = level == b"Error";
        match self.attached[at].conn.run(&text).await {
            Ok((_, error)) => Ok(if fails { error.map(|e| e.errno) == expected } else { error.is_none() }),
            Err(source) => self.backend_lost(at, &source, false).await.map(|_| false),
        }
    }

    /// `SELECT ROW_COUNT(), FOUND_ROWS()`: run as it is, so that the columns are the server's; with our values in the row.
    async fn select_facts(&mut self, said: Said<'_>, backend: BackendId, at: usize, items: &[Option<Fact>]) -> Step {
        self.last = Some(backend);
        self.attached[at].conn.queue(com::QUERY, &[said.own()]);
        self.facts_in_a_row(at, items, false, said.more).await
    }

    /// The facts that a prepared SELECT asks for, if its connection does not know them.
    pub(super) fn facts_due(&self, participant: BackendId, text: &[u8]) -> Option<Vec<Option<Fact>>> {
        if !self.pooling.on || self.after.is_some() || !may_ask(text) {
            return None;
        }
        let known = self.is_known_to(participant);
        let asked = asked(text, self.reading).into_iter().filter(|a| !known || a.fact == Fact::Connection);
        let asked: Vec<_> = asked.collect();
        items(text, self.reading, &asked).filter(|_| !asked.is_empty())
    }

    /// Whether the connection to this participant has run the last statement, and nothing since.
    fn is_known_to(&self, participant: BackendId) -> bool {
        let after = &self.aftermath;
        let nothing = after.place.is_none() && after.list.is_none();
        nothing || after.place == Some((participant, self.pooling.number(participant))) && !after.disturbed
    }

    /// Runs what is queued and passes its one row on with our values in it. `binary`: it is a prepared statement's.
    pub(super) async fn facts_in_a_row(&mut self, at: usize, items: &[Option<Fact>], binary: bool, more: bool) -> Step {
        let payloads = match self.attached[at].conn.read_payloads(LIST_BYTES_MAX).await {
            Ok(payloads) => payloads.unwrap_or_default(),
            Err(source) => return self.backend_lost(at, &source, false).await,
        };
        let types: Vec<_> = payloads.iter().skip(1).take(items.len()).map(|d| column_type(d)).collect();
        let row = items.len() + 2;
        for (number, mut payload) in payloads.into_iter().enumerate() {
            if payload.first() == Some(&0xff) {
                return Ok(self.refuse(&payload));
            }
            if number == row {
                let replaced = if binary { self.binary(&payload, items, &types) } else { self.text(&payload, items) };
                self.client.put(&replaced);
                continue;
            }
            self.patch_end(&mut payload, more);
            self.client.put(&payload);
        }
        self.aftermath.row_count = -1;
        self.aftermath.found_rows = Some(1);
        self.aftermath.disturbed = true;
        Ok(Ran::Fine)
    }

    /// In an EOF, what is ours to say of the session's status.
    fn patch_end(&self, payload: &mut BytesMut, more: bool) {
        let end = payload.first() == Some(&0xfe) && payload.len() < 9;
        if end && let Some(flags) = payload.get_mut(3..5) {
            let raw = u16::from_le_bytes([flags[0], flags[1]]);
            let more = if more { status::MORE_RESULTS } else { 0 };
            let patched = raw & !self.status_mask() | self.status() & self.status_mask() | more;
            flags.copy_from_slice(&patched.to_le_bytes());
        }
    }

    fn text(&self, row: &[u8], items: &[Option<Fact>]) -> Vec<u8> {
        let (mut reader, mut out) = (Reader::new(row), Vec::with_capacity(row.len() + 16));
        for item in items {
            let value = reader.lenenc_bytes().unwrap_or_default();
            match item {
                Some(fact) => put_lenenc_bytes(&mut out, self.fact(*fact).to_string().as_bytes()),
                None => put_lenenc_bytes(&mut out, value),
            }
        }
        out
    }

    /// A binary row: 0, a bitmap of NULLs with two bits more, values of 8 bytes, or 4 for an INT.
    fn binary(&self, row: &[u8], items: &[Option<Fact>], types: &[Option<u8>]) -> Vec<u8> {
        const INT: u8 = 3;
        let mut out = row.to_vec();
        let mut at = 1 + (items.len() + 9) / 8;
        for (item, ty) in items.iter().zip(types) {
            let width = if *ty == Some(INT) { 4 } else { 8 };
            if let (Some(fact), Some(place)) = (item, out.get_mut(at..at + width)) {
                place.copy_from_slice(&self.fact(*fact).to_le_bytes()[..width]);
            }
            at += width;
        }
        out
    }

    /// Anywhere else in a text: by its value.
    async fn spelled_out(&mut self, said: Said<'_>, backend: BackendId, asked: &[Asked]) -> Step {
        let (mut text, mut at) = (Vec::new(), 0);
        for one in asked {
            text.extend_from_slice(said.own().get(at..one.span.start).unwrap_or_default());
            text.extend_from_slice(format!("({})", self.fact(one.fact)).as_bytes());
            at = one.span.end;
        }
        text.extend_from_slice(said.own().get(at..).unwrap_or_default());
        let analysis = self.services.analyses.analyze(self.reading, &text);
        let [statement] = analysis.statements.as_slice() else {
            let run = Run { backend, text: &text, statement: None, enlist: false, one: true, more: said.more };
            return self.run(run).await.map(Ran::of);
        };
        let said = Said { text: &text, statement, alone: true, more: said.more };
        Box::pin(self.statement(said)).await
    }
}

fn text_number(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
