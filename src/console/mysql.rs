//! The console for MySQL clients: texts, and prepared statements with binary rows.

use std::collections::HashMap;
use std::io;

use bytes::BytesMut;
use tokio::sync::watch;

use super::answer::{NAMES_MAX, Statement};
use super::cell::Cell;
use super::query::Output;
use super::{Console, DATABASE};
use crate::base::limits::CONSOLE_TEXT_BYTES_MAX;
use crate::base::{Fault, FaultKind};
use crate::relay::mysql::Client;
use crate::relay::mysql::foreign::{Form, Table, column_definition, parameter_definition};
use crate::sql::translate::MyColumn;
use crate::wire::mysql::answer::{self, Done};
use crate::wire::mysql::read::{put_lenenc, put_lenenc_bytes};
use crate::wire::mysql::{FrameError, Reader, com, status};
use crate::wire::value::mysql::{decode_parameter, encode_binary, encode_text};
use crate::wire::value::{MyType, Value};

/// Collation utf8mb4_general_ci, which every server and driver knows.
const UTF8MB4: u16 = 45;

/// Bytes of COM_STMT_EXECUTE before the bitmap of NULLs: id (4), flags (1), iterations (4).
const HEAD_BYTES: usize = 9;

/// Bytes of parameters that come in pieces.
const PIECES_BYTES_MAX: usize = CONSOLE_TEXT_BYTES_MAX;

/// A prepared statement.
#[derive(Debug)]
struct Prepared {
    statement: Statement,
    /// As sent last: clients send them once.
    types: Vec<u8>,
    pieces: HashMap<u16, Vec<u8>>,
    pieces_bytes: usize,
}

/// A client at the console.
pub struct Session {
    client: Client,
    console: Console,
    prepared: HashMap<u32, Prepared>,
    last_id: u32,
    table: Table,
}

/// Whether the session goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    On,
    End,
}

impl Session {
    /// For a client that has logged in and was told so.
    pub fn new(client: Client, console: Console) -> Self {
        let table = Table { database: DATABASE.to_owned(), collation: UTF8MB4, mariadb: false };
        Self { client, console, prepared: HashMap::new(), last_id: 0, table }
    }

    /// Serves it until it leaves, is killed, or `leave` becomes true.
    pub async fn serve(mut self, mut leave: watch::Receiver<bool>) {
        let mut killed = self.client.kill_switch();
        loop {
            if let Err(error) = self.client.flush().await {
                return tracing::debug!(%error, "a client of the console is gone");
            }
            let command = tokio::select! {
                command = self.client.command() => command,
                // Nobody left who could say so: the house is gone.
                _ = leave.wait_for(|leave| *leave) => break self.farewell(),
                _ = killed.wait_for(|killed| *killed) => return,
            };
            let next = match command {
                Ok(Some(payload)) => self.command(&payload).await,
                Ok(None) => return,
                Err(error) => match error.get_ref().and_then(|inner| inner.downcast_ref::<FrameError>()) {
                    Some(FrameError::TooLarge { .. }) => {
                        self.tell(&Fault::new(FaultKind::TooLarge, "a text too large for the console"));
                        Next::On
                    }
                    Some(FrameError::OutOfOrder { .. }) | None => return,
                },
            };
            if next == Next::End {
                break;
            }
        }
        let flushed: io::Result<()> = self.client.flush().await;
        if let Err(error) = flushed {
            tracing::debug!(%error, "a client of the console is gone");
        }
    }

    fn farewell(&mut self) {
        let fault = Fault::new(FaultKind::ShuttingDown, "Server shutdown in progress");
        self.client.resume(0);
        self.tell(&fault);
    }

    fn tell(&mut self, fault: &Fault) {
        self.client.put(&answer::fault(fault));
    }

    fn ok(&mut self) {
        self.client.put(&answer::ok(Done { status: status::AUTOCOMMIT, ..Done::default() }));
    }

    async fn command(&mut self, payload: &[u8]) -> Next {
        let (command, body) = payload.split_first().map_or((0, &[][..]), |(command, body)| (*command, body));
        match command {
            com::QUIT => return Next::End,
            com::QUERY => self.query(body).await,
            com::INIT_DB if body.eq_ignore_ascii_case(DATABASE.as_bytes()) => self.ok(),
            com::INIT_DB => {
                let name = String::from_utf8_lossy(body).into_owned();
                let fault = Fault::new(FaultKind::NoSuchDatabase, format!("Unknown database '{name}'"));
                self.tell(&fault.hint("Log in again to leave the console."));
            }
            com::PING => self.ok(),
            com::RESET_CONNECTION => {
                self.prepared.clear();
                self.ok();
            }
            com::SET_OPTION => self.client.put(&answer::eof(status::AUTOCOMMIT, 0)),
            com::STATISTICS => self.client.put(super::variables::comment().as_bytes()),
            com::FIELD_LIST => self.fields(body),
            com::STMT_PREPARE => {
                if let Err(fault) = self.prepare(body) {
                    self.tell(&fault);
                }
            }
            com::STMT_EXECUTE => {
                if let Err(fault) = self.execute(body).await {
                    self.tell(&fault);
                }
            }
            com::STMT_SEND_LONG_DATA => self.piece(body),
            com::STMT_CLOSE => {
                let id = Reader::new(body).u32().unwrap_or_default();
                self.prepared.remove(&id);
            }
            com::STMT_RESET => self.reset(body),
            com::PROCESS_KILL => {
                let id = Reader::new(body).u32().unwrap_or_default();
                self.query(format!("KILL mysql {id}").as_bytes()).await;
            }
            com::CHANGE_USER => {
                self.tell(&Fault::new(FaultKind::NotSupported, "the console's user cannot be changed"));
                return Next::End;
            }
            _ => self.tell(&Fault::verbatim(FaultKind::UnknownCommand, "Unknown command")),
        }
        Next::On
    }

    async fn query(&mut self, text: &[u8]) {
        let statements = match self.console.statements(text) {
            Ok(statements) => statements,
            Err(fault) => return self.tell(&fault),
        };
        if statements.is_empty() {
            return self.client.put(&answer::err(1065, "42000", "Query was empty"));
        }
        let last = statements.len() - 1;
        for (at, text) in statements.iter().enumerate() {
            if let Err(fault) = self.one(text, at < last).await {
                return self.tell(&fault);
            }
        }
    }

    /// One statement of a text; `more`: another answer follows.
    async fn one(&mut self, text: &str, more: bool) -> Result<(), Fault> {
        let statement = self.console.read(text)?;
        if statement.parameters > 0 {
            return Err(Fault::new(FaultKind::Syntax, "there is a ? in a text that is not prepared"));
        }
        self.run(&statement, &[], Form::Text, more).await
    }

    async fn run(&mut self, statement: &Statement, values: &[Cell], form: Form, more: bool) -> Result<(), Fault> {
        let answer = self.console.run(statement, values).await?;
        let status = status::AUTOCOMMIT | if more { status::MORE_RESULTS } else { 0 };
        if statement.outputs.is_empty() {
            self.client.put(&answer::ok(Done { status, ..Done::default() }));
            return Ok(());
        }
        // Every row is made before the first is sent: an error cannot stand between rows and their end.
        let rows: Result<Vec<BytesMut>, Fault> =
            answer.rows.iter().map(|row| packed(row, &statement.outputs, form)).collect();
        let rows = rows?;
        let mut count = Vec::new();
        put_lenenc(&mut count, u64::try_from(statement.outputs.len()).unwrap_or(u64::MAX));
        self.client.put(&count);
        self.columns(&statement.outputs);
        self.client.put(&answer::eof(status, 0));
        for row in &rows {
            self.client.put(row);
        }
        self.client.put(&answer::eof(status, 0));
        Ok(())
    }

    fn columns(&mut self, outputs: &[Output]) {
        for output in outputs {
            let column = MyColumn { name: output.name.clone(), ty: output.kind.my(), origin: None, nullable: true };
            self.client.put(&column_definition(&column, &self.table));
        }
    }

    /// COM_FIELD_LIST
    fn fields(&mut self, body: &[u8]) {
        let name = String::from_utf8_lossy(Reader::new(body).until_zero_or_end()).to_lowercase();
        match super::tables::TABLES.iter().find(|table| table.name == name) {
            Some(table) => {
                for (name, kind) in table.columns {
                    let column = MyColumn { name: (*name).to_owned(), ty: kind.my(), origin: None, nullable: true };
                    let mut definition = column_definition(&column, &self.table);
                    // No default value.
                    definition.push(0xfb);
                    self.client.put(&definition);
                }
                self.client.put(&answer::eof(status::AUTOCOMMIT, 0));
            }
            None => {
                let what = format!("Table '{DATABASE}.{name}' doesn't exist");
                self.tell(&Fault::new(FaultKind::UndefinedTable, what));
            }
        }
    }

    fn prepare(&mut self, text: &[u8]) -> Result<(), Fault> {
        let mut texts = self.console.statements(text)?;
        let (Some(text), true) = (texts.pop(), texts.is_empty()) else {
            return Err(Fault::new(FaultKind::Syntax, "one statement can be prepared at a time"));
        };
        if self.prepared.len() >= NAMES_MAX {
            return Err(Fault::new(FaultKind::TooLarge, format!("more than {NAMES_MAX} prepared statements")));
        }
        let statement = self.console.read(&text)?;
        let count = |count: usize| u16::try_from(count).unwrap_or(u16::MAX);
        let (columns, parameters) = (count(statement.outputs.len()), count(statement.parameters));
        self.last_id = self.last_id.wrapping_add(1);
        let mut ok = vec![0];
        ok.extend_from_slice(&self.last_id.to_le_bytes());
        ok.extend_from_slice(&columns.to_le_bytes());
        ok.extend_from_slice(&parameters.to_le_bytes());
        ok.extend_from_slice(&[0, 0, 0]);
        self.client.put(&ok);
        for _ in 0..parameters {
            self.client.put(&parameter_definition(&MyType::Varchar(255), &self.table));
        }
        if parameters > 0 {
            self.client.put(&answer::eof(status::AUTOCOMMIT, 0));
        }
        self.columns(&statement.outputs);
        if columns > 0 {
            self.client.put(&answer::eof(status::AUTOCOMMIT, 0));
        }
        let prepared = Prepared { statement, types: Vec::new(), pieces: HashMap::new(), pieces_bytes: 0 };
        self.prepared.insert(self.last_id, prepared);
        Ok(())
    }

    fn piece(&mut self, body: &[u8]) {
        let mut reader = Reader::new(body);
        let (Some(id), Some(number)) = (reader.u32(), reader.u16()) else { return };
        let Some(prepared) = self.prepared.get_mut(&id) else { return };
        prepared.pieces_bytes = prepared.pieces_bytes.saturating_add(reader.rest().len());
        if prepared.pieces_bytes <= PIECES_BYTES_MAX && prepared.pieces.len() <= NAMES_MAX {
            prepared.pieces.entry(number).or_default().extend_from_slice(reader.rest());
        }
    }

    fn reset(&mut self, body: &[u8]) {
        let id = Reader::new(body).u32().unwrap_or_default();
        match self.prepared.get_mut(&id) {
            Some(prepared) => {
                prepared.pieces.clear();
                prepared.pieces_bytes = 0;
                self.ok();
            }
            None => self.tell(&unknown(id)),
        }
    }

    async fn execute(&mut self, body: &[u8]) -> Result<(), Fault> {
        let id = Reader::new(body).u32().unwrap_or_default();
        // Out of the map while it runs: nobody else looks for it meanwhile.
        let mut prepared = self.prepared.remove(&id).ok_or_else(|| unknown(id))?;
        let done = match bind(&mut prepared, body) {
            Ok(values) => self.run(&prepared.statement, &values, Form::Binary, false).await,
            Err(fault) => Err(fault),
        };
        self.prepared.insert(id, prepared);
        done
    }
}

fn unknown(id: u32) -> Fault {
    let text = format!("Unknown prepared statement handler ({id}) given to mysqld_stmt_execute");
    Fault::verbatim(FaultKind::UnknownStatement, text)
}

/// Reads an execution's body: after the head a bitmap of NULLs, "types follow" (1), types (2 each), values.
fn bind(prepared: &mut Prepared, body: &[u8]) -> Result<Vec<Cell>, Fault> {
    let count = prepared.statement.parameters;
    let pieces = std::mem::take(&mut prepared.pieces);
    if std::mem::take(&mut prepared.pieces_bytes) > PIECES_BYTES_MAX {
        return Err(Fault::new(FaultKind::TooLarge, "parameters too large for the console"));
    }
    let mut values = Vec::with_capacity(count);
    if count == 0 {
        return Ok(values);
    }
    let malformed = || Fault::new(FaultKind::ProtocolViolation, "malformed COM_STMT_EXECUTE");
    let bitmap = body.get(HEAD_BYTES..HEAD_BYTES + count.div_ceil(8)).ok_or_else(malformed)?;
    let (&sent, mut rest) = body[HEAD_BYTES + bitmap.len()..].split_first().ok_or_else(malformed)?;
    if sent == 1 {
        let (types, behind) = rest.split_at_checked(2 * count).ok_or_else(malformed)?;
        prepared.types = types.to_vec();
        rest = behind;
    }
    if prepared.types.len() != 2 * count {
        return Err(malformed());
    }
    for (at, ty) in prepared.types.chunks_exact(2).enumerate() {
        let (code, unsigned) = (ty[0], ty[1] & 0x80 != 0);
        let value = if let Some(piece) = u16::try_from(at).ok().and_then(|at| pieces.get(&at)) {
            Value::Text(String::from_utf8_lossy(piece).into_owned())
        } else if bitmap[at / 8] & 1 << (at % 8) != 0 {
            Value::Null
        } else {
            let (value, used) = decode_parameter(code, unsigned, rest)
                .map_err(|error| Fault::new(FaultKind::NotConvertible, format!("parameter {}: {error}", at + 1)))?;
            rest = rest.get(used..).unwrap_or_default();
            value
        };
        values.push(Cell::parameter(value)?);
    }
    Ok(values)
}

/// A row's payload.
fn packed(row: &[Cell], outputs: &[Output], form: Form) -> Result<BytesMut, Fault> {
    let mut out = BytesMut::new();
    let bitmap_at = 1;
    if form == Form::Binary {
        // Two bits of the bitmap are reserved.
        out.resize(bitmap_at + (outputs.len() + 2).div_ceil(8), 0);
    }
    for (at, output) in outputs.iter().enumerate() {
        let value = row.get(at).cloned().unwrap_or(Cell::Null).cast(output.kind)?.for_mysql();
        let failed = |error: crate::wire::value::ValueError| Fault::new(FaultKind::NotConvertible, error.to_string());
        match (form, value) {
            (Form::Text, Value::Null) => out.extend_from_slice(&[0xfb]),
            (Form::Binary, Value::Null) => out[bitmap_at + (at + 2) / 8] |= 1 << ((at + 2) % 8),
            (Form::Text, value) => {
                let mut text = BytesMut::new();
                encode_text(&value, &output.kind.my(), &mut text).map_err(failed)?;
                let mut sized = Vec::with_capacity(text.len() + 9);
                put_lenenc_bytes(&mut sized, &text);
                out.extend_from_slice(&sized);
            }
            (Form::Binary, value) => encode_binary(&value, &output.kind.my(), &mut out).map_err(failed)?,
        }
    }
    Ok(out)
}
