//! With `pool.mode = "transaction"` a session parks its connections whenever it waits for its client: it gets the same one
//! back unless another session had to take it. What cannot be given to another connection holds it (`tenure`); what can
//! be is kept as text. Values that only the server knows are read before parking.

use super::leavings::{assignments, leavings};
use super::settings::{Setting, plain_name};
use super::tenure::Tenure;
use super::{Attached, Session, Stop};
use crate::backend::Conn;
use crate::backend::mysql::{Cell, MysqlConn, Open};
use crate::base::BackendId;
use crate::relay::mysql::Relayed;
use crate::sql::{Kind, Statement};
use crate::wire::mysql::status;

/// A value of a user variable that is kept by the session; a connection stays for longer ones.
const VALUE_BYTES_MAX: usize = 64 * 1024;

impl Session {
    /// Takes note of what a statement has left on a connection.
    pub(super) fn note(
        &mut self,
        participant: BackendId,
        statement: Option<&Statement>,
        text: &[u8],
        relayed: &Relayed,
    ) {
        if let Some(flags) = relayed.status {
            self.pooling.status = Some(flags);
        }
        if !self.pooling.on {
            return;
        }
        self.remember(participant, statement, text, relayed);
        let unreadable = relayed.errno == Some(1064);
        let mut left = leavings(text, statement, self.reading, unreadable);
        match statement.map(|s| &s.kind) {
            // Also the one that had this name is gone then.
            Some(Kind::Prepare(name)) if relayed.errno.is_some() => drop(self.named.remove(name)),
            Some(Kind::Deallocate(Some(name))) if relayed.errno.is_none() => drop(self.named.remove(name)),
            Some(_) | None => {}
        }
        if let Some(Kind::Execute(name)) = statement.map(|s| &s.kind) {
            left.stays |= self.named.get(name).is_none_or(|named| named.stays);
            left.key = true;
        }
        let kind = statement.map(|s| &s.kind);
        let setting = matches!(kind, Some(Kind::Set { .. } | Kind::SetSessionCharacteristics(_)));
        if setting {
            let all = assignments(text, self.reading);
            if !all.iter().all(|a| a.repeats) {
                left.stays |= all.iter().any(|a| !a.repeats && a.name.is_none());
                left.values.extend(all.into_iter().filter_map(|a| a.name));
            }
        }
        // What is for the next statement outlives settings, failures, and queries of nothing.
        let passing = setting || relayed.errno.is_some();
        let passing = passing || statement.is_some_and(|s| s.kind == Kind::Query && s.tables.is_empty());
        left.until_next &= relayed.errno.is_none();
        let generated = relayed.insert_id;
        let told = generated != 0 && !left.key && is_generated(text, generated);
        let Some(tenure) = self.pooling.tenure_mut(participant) else { return };
        left.until_next |= passing && tenure.until_next;
        tenure.two_phase |= matches!(statement.map(|s| &s.kind), Some(Kind::TwoPhase(_)));
        tenure.leave(left);
        if told {
            tenure.key = Some(generated);
        } else if generated != 0 {
            tenure.key = None;
        }
    }

    /// Before the session waits for its client: reads what only the servers know, and parks what is not needed.
    pub(super) async fn park(&mut self) -> Result<(), Stop> {
        if !self.pooling.on {
            return Ok(());
        }
        for at in (0..self.attached.len()).rev() {
            let participant = self.attached[at].participant;
            if let Err(source) = self.read_values(at).await {
                tracing::info!(backend = participant.0, %source, "a connection broke while a session's values were read");
                let attached = self.attached.remove(at);
                self.services.pools.release(Conn::Mysql(attached.conn)).await;
                return Err(Stop::Close);
            }
            if self.may_be_parked(at) {
                self.park_one(at).await;
            }
        }
        self.park_foreign().await;
        Ok(())
    }

    fn may_be_parked(&self, at: usize) -> bool {
        let Attached { participant, conn } = &self.attached[at];
        let free = !self.pooling.stays && self.pooling.cursors.is_empty() && !self.locked && !self.flush_locked;
        let held = self.pooling.tenure(*participant).is_none_or(Tenure::is_held);
        let enlisted = self.txn.participants.iter().any(|p| p.backend == *participant);
        free && !held && !enlisted && conn.open() == Open::None && !conn.is_broken()
    }

    async fn park_one(&mut self, at: usize) {
        let participant = self.attached[at].participant;
        let untouched = self.entry.withdraw(participant).await;
        let mut conn = self.attached.remove(at).conn;
        // A KILL that came late would hit whoever has the connection next.
        if untouched && conn.flush().await.is_ok() {
            self.services.pools.park(self.pooling.owner, Conn::Mysql(conn));
        }
    }

    async fn park_foreign(&mut self) {
        let enlisted: Vec<_> = self.txn.participants.iter().map(|p| p.backend).collect();
        for at in 0..self.foreign.len() {
            let backend = self.foreign[at].backend;
            if enlisted.contains(&backend) || self.foreign[at].conn.is_none() {
                continue;
            }
            let untouched = self.entry.withdraw(backend).await;
            if let Some(conn) = self.foreign[at].conn.take()
                && untouched
            {
                self.services.pools.park(self.pooling.owner, Conn::Pg(conn));
            }
        }
    }

    /// Reads what other connections will have to be told. Errors: the connection broke.
    async fn read_values(&mut self, at: usize) -> std::io::Result<()> {
        let participant = self.attached[at].participant;
        self.read_diagnostics(at).await?;
        let parks = self.may_be_parked(at);
        let Some(tenure) = self.pooling.tenure_mut(participant) else { return Ok(()) };
        if tenure.unread.is_empty() && (tenure.key.is_some() || !parks) {
            return Ok(());
        }
        let mut names = std::mem::take(&mut tenure.unread);
        names.sort_unstable();
        names.dedup();
        let row = self.row_of(at, "SELECT LAST_INSERT_ID(),FOUND_ROWS()", &names).await?;
        self.after_reading(participant, row.as_deref().and_then(|row| number(row.get(1))));
        let Some(row) = row else {
            tracing::debug!("values of a session could not be read: it keeps its connection");
            self.pooling.stays = true;
            return Ok(());
        };
        if let Some(tenure) = self.pooling.tenure_mut(participant) {
            tenure.key = number(row.first());
        }
        let Some(literals) = literals(row.get(2..)) else {
            self.pooling.stays = true;
            return Ok(());
        };
        if names.is_empty() {
            return Ok(());
        }
        // Whether the server takes them is to be known now, not when they are needed.
        let pairs: Vec<_> = names.iter().zip(&literals).map(|(name, literal)| format!("{name}={literal}")).collect();
        if let (_, Some(error)) = self.attached[at].conn.run(format!("SET {}", pairs.join(",")).as_bytes()).await? {
            tracing::debug!(errno = error.errno, "a session keeps its connection: {}", error.message);
            self.pooling.stays = true;
            return Ok(());
        }
        for (name, literal) in names.into_iter().zip(literals) {
            self.keep_value(name, &literal);
        }
        self.all_told(participant);
        Ok(())
    }

    /// A row of these expressions and, behind them, of what [`literals`] needs of each of these variables.
    async fn row_of(&mut self, at: usize, first: &str, names: &[String]) -> std::io::Result<Option<Vec<Cell>>> {
        let values: String = names.iter().map(|n| format!(",{n},HEX({n}),CHARSET({n}),COLLATION({n})")).collect();
        self.attached[at].conn.row(format!("{first}{values}").as_bytes(), VALUE_BYTES_MAX * 4).await
    }

    /// What these variables are on a connection, as the SET that makes them so elsewhere; `None` if they have no literals.
    /// Errors: the connection broke.
    pub(super) async fn as_settings(&mut self, at: usize, names: &[String]) -> std::io::Result<Option<String>> {
        let row = self.row_of(at, "SELECT 1", names).await?;
        let Some(literals) = row.and_then(|row| literals(row.get(1..))) else { return Ok(None) };
        let pairs: Vec<_> = names.iter().zip(&literals).map(|(name, literal)| format!("{name}={literal}")).collect();
        Ok(Some(format!("SET {}", pairs.join(","))))
    }

    /// A value that was read, as a setting like any other.
    fn keep_value(&mut self, name: String, literal: &str) {
        let text = format!("SET {name}={literal}");
        if let Some(variable) = name.strip_prefix("@`").and_then(|n| n.strip_suffix('`')) {
            // From now on its value is known everywhere.
            self.variables.remove(variable);
        }
        self.keep(text.as_bytes(), vec![plain_name(&name)]);
    }

    /// Settings that a connection has not heard yet.
    pub(super) fn untold(&self, participant: BackendId) -> impl Iterator<Item = &Setting> {
        let told = self.pooling.tenure(participant).map_or(0, |t| t.told);
        self.settings.iter().filter(move |s| s.number > told)
    }

    /// Says that a connection has heard all settings.
    pub(super) fn all_told(&mut self, participant: BackendId) {
        let said = self.pooling.said;
        if let Some(tenure) = self.pooling.tenure_mut(participant) {
            tenure.told = said;
        }
    }

    /// What a fresh connection is told besides the settings.
    pub(super) fn more_to_tell(&self, participant: BackendId) -> Vec<Vec<u8>> {
        let mut texts = Vec::new();
        if !self.pooling.on {
            return texts;
        }
        let off = self.pooling.status.is_some_and(|flags| flags & status::AUTOCOMMIT == 0);
        if self.native && (off || self.settings.iter().any(|s| s.sets("autocommit"))) {
            texts.push(format!("SET autocommit={}", u8::from(!off)).into_bytes());
        }
        let named = self.named.values().filter(|n| self.participant(n.backend) == participant);
        texts.extend(named.filter_map(|n| n.text.clone()));
        let key = self.pooling.tenure(participant).and_then(|t| t.key).unwrap_or(0);
        if key != 0 {
            texts.push(format!("DO LAST_INSERT_ID({key})").into_bytes());
        }
        texts
    }

    /// Before a connection is given back for good: not while a KILL is on its way to it, and not with a branch of the
    /// client's own on it.
    pub(super) async fn give_back(&mut self, participant: BackendId, mut conn: MysqlConn) {
        let untouched = self.entry.withdraw(participant).await;
        if self.pooling.tenure(participant).is_some_and(|t| t.two_phase) {
            conn.set_open(Open::Prepared);
        }
        if untouched {
            self.services.pools.release(Conn::Mysql(conn)).await;
        }
    }
}

fn number(cell: Option<&Cell>) -> Option<u64> {
    let value = cell?.value.as_ref()?;
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// The values of variables as literals; `None` if one has none.
fn literals(cells: Option<&[Cell]>) -> Option<Vec<String>> {
    cells.unwrap_or_default().chunks(4).map(literal).collect()
}

/// A value as a literal of the same type; `None` if it is too large or of a type that has none. The cells: the value,
/// its bytes in hexadecimal, its character set, its collation.
fn literal(cells: &[Cell]) -> Option<String> {
    const DECIMAL: u8 = 0;
    const DOUBLES: [u8; 2] = [4, 5];
    const INTEGERS: [u8; 6] = [1, 2, 3, 8, 9, 13];
    const NULL: u8 = 6;
    const TEXTS: [u8; 8] = [15, 245, 249, 250, 251, 252, 253, 254];
    const NEW_DECIMAL: u8 = 246;
    let [value, hex, charset, collation] = cells else { return None };
    let text = |cell: &Cell| cell.value.clone().and_then(|bytes| String::from_utf8(bytes).ok());
    if value.value.is_none() || value.column_type == NULL {
        return Some("NULL".to_owned());
    }
    if value.value.as_ref().is_some_and(|v| v.len() > VALUE_BYTES_MAX) {
        return None;
    }
    let ty = value.column_type;
    if TEXTS.contains(&ty) {
        let (hex, charset, collation) = (text(hex)?, text(charset)?, text(collation)?);
        let collation = if charset == "binary" { String::new() } else { format!(" COLLATE {collation}") };
        return Some(format!("_{charset} X'{hex}'{collation}"));
    }
    let plain = text(value).filter(|v| v.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)))?;
    if INTEGERS.contains(&ty) {
        return Some(if value.unsigned { format!("CAST({plain} AS UNSIGNED)") } else { plain });
    }
    if DOUBLES.contains(&ty) {
        return Some(if plain.contains(['e', 'E']) { plain } else { format!("{plain}e0") });
    }
    (ty == DECIMAL || ty == NEW_DECIMAL).then(|| if plain.contains('.') { plain } else { format!("{plain}.") })
}

/// Whether a key that an INSERT answered with cannot be one that its text gave: then LAST_INSERT_ID() is this key.
fn is_generated(text: &[u8], key: u64) -> bool {
    let digits = key.to_string();
    let computed = text.iter().any(|b| b"*/+?".contains(b)) || super::text::holds(text, b"select");
    !computed && !text.windows(digits.len()).any(|w| w == digits.as_bytes())
}
