//! The console for PostgreSQL clients: simple and extended protocol, values as text or binary.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::sync::watch;

use super::Console;
use super::answer::{Answer, NAMES_MAX, Statement};
use super::cell::Cell;
use super::command::Effect;
use super::query::{Output, Row};
use crate::base::limits::CONSOLE_TEXT_BYTES_MAX;
use crate::base::{Fault, FaultKind};
use crate::relay::pg::Client;
use crate::session::pg::Stop;
use crate::wire::pg::client::{self as message, Target, tag};
use crate::wire::pg::error::{Severity, put_fault};
use crate::wire::pg::frame::put;
use crate::wire::pg::server::{self, Status, put_complete, put_empty, put_ready};
use crate::wire::pg::{HEADER_BYTES, Header, WireError};
use crate::wire::value::pg::{Format, Style, decode, encode};
use crate::wire::value::{PgType, Value};

/// OID of `unknown`.
const UNKNOWN: u32 = 705;

/// A prepared statement.
#[derive(Debug)]
struct Prepared {
    /// `None`: an empty text.
    statement: Option<Statement>,
    types: Vec<PgType>,
}

/// A portal.
#[derive(Debug)]
struct Portal {
    prepared: Arc<Prepared>,
    values: Vec<Cell>,
    formats: Vec<Format>,
    /// Rows that were not asked for yet, once it has run, and how its end is told.
    left: Option<(VecDeque<Row>, String)>,
}

/// Why a session ends.
#[derive(Debug)]
enum Exit {
    /// The client is gone, or has said so.
    Gone,
    /// It is told why.
    Fatal(Fault),
}

impl From<io::Error> for Exit {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

/// A client at the console.
pub struct Session {
    client: Client,
    console: Console,
    statements: HashMap<Bytes, Arc<Prepared>>,
    portals: HashMap<Bytes, Portal>,
    status: Status,
    /// After an error, up to the Sync.
    skipping: bool,
}

fn violation(error: &WireError) -> Fault {
    Fault::new(FaultKind::ProtocolViolation, error.to_string())
}

fn missing(what: &str, name: &[u8]) -> Fault {
    let kind = if what == "portal" { FaultKind::UnknownPortal } else { FaultKind::UnknownStatement };
    Fault::verbatim(kind, format!("{what} \"{}\" does not exist", String::from_utf8_lossy(name)))
}

impl Session {
    /// For a client that has logged in and was told so.
    pub fn new(client: Client, console: Console) -> Self {
        let (statements, portals) = (HashMap::new(), HashMap::new());
        Self { client, console, statements, portals, status: Status::Idle, skipping: false }
    }

    /// Greets it and serves it until it leaves or `leave` ends.
    pub async fn run(mut self, pid: i32, secret: &[u8], mut leave: watch::Receiver<Stop>) {
        for (name, shown) in TOLD {
            let value = self.console.variables().pg(name).unwrap_or_default().to_owned();
            server::put_parameter(&mut self.client.out, shown.as_bytes(), value.as_bytes());
        }
        server::put_key_data(&mut self.client.out, pid, secret);
        put_ready(&mut self.client.out, Status::Idle);
        if let Err(Exit::Fatal(fault)) = self.serve(&mut leave).await {
            put_fault(&mut self.client.out, Severity::Fatal, &fault);
        }
        if let Err(error) = self.client.flush().await {
            tracing::debug!(%error, "a client of the console is gone");
        }
    }

    async fn serve(&mut self, leave: &mut watch::Receiver<Stop>) -> Result<(), Exit> {
        loop {
            let head = self.next(leave).await?;
            let frame = self.client.take(head.total_bytes);
            match head.tag {
                tag::QUERY => self.on_query(&frame[HEADER_BYTES..]).await,
                tag::PARSE | tag::BIND | tag::DESCRIBE | tag::EXECUTE | tag::CLOSE if self.skipping => {}
                tag::PARSE | tag::BIND | tag::DESCRIBE | tag::EXECUTE | tag::CLOSE => {
                    if let Err(fault) = self.extended(head.tag, &frame).await {
                        self.tell(&fault);
                        self.skipping = true;
                    }
                }
                tag::FLUSH => self.client.flush().await?,
                tag::SYNC => {
                    self.skipping = false;
                    if self.status == Status::Idle {
                        self.portals.clear();
                    }
                    put_ready(&mut self.client.out, self.status);
                }
                tag::TERMINATE => return Ok(()),
                tag::COPY_DATA | tag::COPY_DONE | tag::COPY_FAIL => {}
                tag::FUNCTION_CALL => {
                    self.tell(&Fault::new(FaultKind::NotSupported, "the console has no functions to call"));
                    put_ready(&mut self.client.out, self.status);
                }
                other => {
                    let text = format!("invalid frontend message type {other}");
                    return Err(Exit::Fatal(Fault::new(FaultKind::ProtocolViolation, text)));
                }
            }
        }
    }

    /// The next whole message. What was answered is sent before waiting.
    async fn next(&mut self, leave: &mut watch::Receiver<Stop>) -> Result<Header, Exit> {
        loop {
            match self.client.header() {
                Ok(Some(head)) if head.total_bytes > CONSOLE_TEXT_BYTES_MAX + HEADER_BYTES => {
                    let what = format!("a message of {} bytes is too large for the console", head.total_bytes);
                    return Err(Exit::Fatal(Fault::new(FaultKind::TooLarge, what)));
                }
                Ok(Some(head)) if self.client.buffered().len() >= head.total_bytes => return Ok(head),
                Ok(_) => {}
                Err(error) => return Err(Exit::Fatal(violation(&error))),
            }
            self.client.flush().await?;
            tokio::select! {
                filled = self.client.fill() => filled?,
                // Nobody left who could say so: the house is gone.
                _ = leave.wait_for(|stop| *stop != Stop::No) => {
                    let text = "terminating connection due to administrator command";
                    return Err(Exit::Fatal(Fault::new(FaultKind::ShuttingDown, text)));
                }
            }
        }
    }

    fn tell(&mut self, fault: &Fault) {
        put_fault(&mut self.client.out, Severity::Error, fault);
        if self.status == Status::Open {
            self.status = Status::Failed;
        }
    }

    async fn on_query(&mut self, body: &[u8]) {
        if self.skipping {
            return;
        }
        if let Err(fault) = self.query(body).await {
            self.tell(&fault);
        }
        self.statements.remove(&b""[..]);
        self.portals.remove(&b""[..]);
        put_ready(&mut self.client.out, self.status);
    }

    async fn query(&mut self, body: &[u8]) -> Result<(), Fault> {
        let text = message::text(body).map_err(|error| violation(&error))?;
        let statements = self.console.statements(text)?;
        if statements.is_empty() {
            put_empty(&mut self.client.out, server::tag::EMPTY_QUERY);
        }
        for text in statements {
            let statement = self.console.read(&text)?;
            if statement.parameters > 0 {
                return Err(Fault::verbatim(FaultKind::Syntax, "there is no parameter $1"));
            }
            let answer = self.done(&statement, &[]).await?;
            let formats = vec![Format::Text; statement.outputs.len()];
            if !statement.outputs.is_empty() {
                put_description(&mut self.client.out, &statement.outputs, &formats);
            }
            for row in &answer.rows {
                put_row(&mut self.client.out, row, &statement.outputs, &formats)?;
            }
            put_end(&mut self.client.out, &answer.tag);
        }
        Ok(())
    }

    /// Runs one, in its transaction, which is only told and never needed.
    async fn done(&mut self, statement: &Statement, values: &[Cell]) -> Result<Answer, Fault> {
        if self.status == Status::Failed && !matches!(statement.effect, Effect::End | Effect::Mend) {
            let text = "current transaction is aborted, commands ignored until end of transaction block";
            return Err(Fault::verbatim(FaultKind::InFailedTransaction, text));
        }
        let mut answer = self.console.run(statement, values).await?;
        match statement.effect {
            Effect::None => {}
            Effect::Begin => self.status = Status::Open,
            Effect::Mend => self.status = if self.status == Status::Failed { Status::Open } else { self.status },
            Effect::End => {
                if self.status == Status::Failed {
                    answer.tag = String::from("ROLLBACK");
                }
                self.status = Status::Idle;
            }
        }
        Ok(answer)
    }

    async fn extended(&mut self, tag: u8, frame: &Bytes) -> Result<(), Fault> {
        let body = &frame[HEADER_BYTES..];
        match tag {
            tag::PARSE => self.parse(frame, body),
            tag::BIND => self.bind(frame, body),
            tag::DESCRIBE => self.describe(body),
            tag::EXECUTE => self.execute(body).await,
            _ => self.close(body),
        }
    }

    fn parse(&mut self, frame: &Bytes, body: &[u8]) -> Result<(), Fault> {
        let parse = message::parse(body).map_err(|error| violation(&error))?;
        if !parse.name.is_empty() && self.statements.contains_key(parse.name) {
            let text = format!("prepared statement \"{}\" already exists", String::from_utf8_lossy(parse.name));
            return Err(Fault::verbatim(FaultKind::DuplicateStatement, text));
        }
        if self.statements.len() >= NAMES_MAX {
            return Err(Fault::new(FaultKind::TooLarge, format!("more than {NAMES_MAX} prepared statements")));
        }
        let mut texts = self.console.statements(parse.text)?;
        let statement = match (texts.pop(), texts.is_empty()) {
            (None, _) => None,
            (Some(text), true) => Some(self.console.read(&text)?),
            (Some(_), false) => {
                let text = "cannot insert multiple commands into a prepared statement";
                return Err(Fault::verbatim(FaultKind::Syntax, text));
            }
        };
        let mut types: Vec<PgType> = message::type_oids(parse.types)
            .map_err(|error| violation(&error))?
            .into_iter()
            .map(|oid| if matches!(oid, 0 | UNKNOWN) { PgType::Text } else { PgType::from_oid(oid, -1) })
            .collect();
        let needed = statement.as_ref().map_or(0, |statement| statement.parameters);
        types.resize(needed.max(types.len()), PgType::Text);
        self.statements.insert(frame.slice_ref(parse.name), Arc::new(Prepared { statement, types }));
        put_empty(&mut self.client.out, server::tag::PARSE_COMPLETE);
        Ok(())
    }

    fn bind(&mut self, frame: &Bytes, body: &[u8]) -> Result<(), Fault> {
        let (portal, name) = message::bind(body).map_err(|error| violation(&error))?;
        let bind = message::bind_whole(body).map_err(|error| violation(&error))?;
        let prepared = self.statements.get(name).cloned().ok_or_else(|| missing("prepared statement", name))?;
        let (given, needed) = (bind.values.len(), prepared.types.len());
        if given != needed {
            let name = String::from_utf8_lossy(name);
            let text = format!(
                "bind message supplies {given} parameters, but prepared statement \"{name}\" requires {needed}"
            );
            return Err(Fault::new(FaultKind::ProtocolViolation, text));
        }
        if self.portals.len() >= NAMES_MAX {
            return Err(Fault::new(FaultKind::TooLarge, format!("more than {NAMES_MAX} portals")));
        }
        let formats = spread(&bind.formats, needed)?;
        let mut values = Vec::with_capacity(needed);
        for (at, ((bytes, format), ty)) in bind.values.iter().zip(formats).zip(&prepared.types).enumerate() {
            let value = match bytes {
                None => Value::Null,
                Some(bytes) => decode(ty, format, &Style::ours(), bytes)
                    .map_err(|error| Fault::new(FaultKind::InvalidText, format!("parameter ${}: {error}", at + 1)))?,
            };
            values.push(Cell::parameter(value)?);
        }
        let columns = prepared.statement.as_ref().map_or(0, |statement| statement.outputs.len());
        let formats = spread(&bind.results, columns)?;
        self.portals.insert(frame.slice_ref(portal), Portal { prepared, values, formats, left: None });
        put_empty(&mut self.client.out, server::tag::BIND_COMPLETE);
        Ok(())
    }

    fn describe(&mut self, body: &[u8]) -> Result<(), Fault> {
        let (target, name) = message::target(body).map_err(|error| violation(&error))?;
        let (prepared, formats) = match target {
            Target::Statement => {
                let prepared = self.statements.get(name).ok_or_else(|| missing("prepared statement", name))?;
                let oids: Vec<u32> = prepared.types.iter().map(PgType::oid).collect();
                server::put_parameters(&mut self.client.out, &oids);
                (Arc::clone(prepared), Vec::new())
            }
            Target::Portal => {
                let portal = self.portals.get(name).ok_or_else(|| missing("portal", name))?;
                (Arc::clone(&portal.prepared), portal.formats.clone())
            }
        };
        match &prepared.statement {
            Some(statement) if !statement.outputs.is_empty() => {
                put_description(&mut self.client.out, &statement.outputs, &formats);
            }
            Some(_) | None => put_empty(&mut self.client.out, server::tag::NO_DATA),
        }
        Ok(())
    }

    async fn execute(&mut self, body: &[u8]) -> Result<(), Fault> {
        let (name, rows_max) = message::execute(body).map_err(|error| violation(&error))?;
        let portal = self.portals.get(name).ok_or_else(|| missing("portal", name))?;
        let (prepared, formats) = (Arc::clone(&portal.prepared), portal.formats.clone());
        let Some(statement) = &prepared.statement else {
            put_empty(&mut self.client.out, server::tag::EMPTY_QUERY);
            return Ok(());
        };
        if portal.left.is_none() {
            let values = portal.values.clone();
            let answer = self.done(statement, &values).await?;
            if let Some(portal) = self.portals.get_mut(name) {
                portal.left = Some((answer.rows.into(), answer.tag));
            }
        }
        let Some((rows, tag)) = self.portals.get_mut(name).and_then(|portal| portal.left.as_mut()) else {
            return Err(missing("portal", name));
        };
        let most = usize::try_from(rows_max).ok().filter(|most| *most > 0).unwrap_or(usize::MAX);
        let mut count = 0_usize;
        while count < most {
            let Some(row) = rows.pop_front() else { break };
            put_row(&mut self.client.out, &row, &statement.outputs, &formats)?;
            count += 1;
        }
        if count == most && !statement.outputs.is_empty() {
            put_empty(&mut self.client.out, server::tag::SUSPENDED);
        } else {
            let tag = if tag.starts_with("SELECT") { format!("SELECT {count}") } else { tag.clone() };
            put_end(&mut self.client.out, &tag);
        }
        Ok(())
    }

    fn close(&mut self, body: &[u8]) -> Result<(), Fault> {
        let (target, name) = message::target(body).map_err(|error| violation(&error))?;
        match target {
            Target::Statement => drop(self.statements.remove(name)),
            Target::Portal => drop(self.portals.remove(name)),
        }
        put_empty(&mut self.client.out, server::tag::CLOSE_COMPLETE);
        Ok(())
    }
}

/// Parameters of the greeting: as they are kept, and as they are told.
const TOLD: &[(&str, &str)] = &[
    ("application_name", "application_name"),
    ("client_encoding", "client_encoding"),
    ("datestyle", "DateStyle"),
    ("default_transaction_read_only", "default_transaction_read_only"),
    ("in_hot_standby", "in_hot_standby"),
    ("integer_datetimes", "integer_datetimes"),
    ("intervalstyle", "IntervalStyle"),
    ("is_superuser", "is_superuser"),
    ("server_encoding", "server_encoding"),
    ("server_version", "server_version"),
    ("session_authorization", "session_authorization"),
    ("standard_conforming_strings", "standard_conforming_strings"),
    ("timezone", "TimeZone"),
];

/// Format codes as sent, spread over `count` places.
fn spread(codes: &[i16], count: usize) -> Result<Vec<Format>, Fault> {
    let format = |code: i16| match code {
        0 => Ok(Format::Text),
        1 => Ok(Format::Binary),
        other => Err(Fault::new(FaultKind::ProtocolViolation, format!("unsupported format code: {other}"))),
    };
    match codes {
        [] => Ok(vec![Format::Text; count]),
        [one] => Ok(vec![format(*one)?; count]),
        several if several.len() == count => several.iter().map(|code| format(*code)).collect(),
        several => {
            let text = format!("bind message has {} formats but {count} are needed", several.len());
            Err(Fault::new(FaultKind::ProtocolViolation, text))
        }
    }
}

fn put_description(out: &mut BytesMut, outputs: &[Output], formats: &[Format]) {
    let types: Vec<PgType> = outputs.iter().map(|output| output.kind.pg()).collect();
    let code = |at: usize| i16::from(formats.get(at) == Some(&Format::Binary));
    let columns: Vec<_> = outputs
        .iter()
        .zip(&types)
        .enumerate()
        .map(|(at, (output, ty))| (output.name.as_str(), ty.oid(), ty.wire_bytes(), ty.modifier(), code(at)))
        .collect();
    server::put_row_description(out, &columns);
}

fn put_row(out: &mut BytesMut, row: &[Cell], outputs: &[Output], formats: &[Format]) -> Result<(), Fault> {
    let mut body = BytesMut::new();
    body.put_u16(u16::try_from(outputs.len()).unwrap_or(u16::MAX));
    let mut value = BytesMut::new();
    for (at, output) in outputs.iter().enumerate() {
        let cell = row.get(at).cloned().unwrap_or(Cell::Null).cast(output.kind)?.for_pg();
        if cell == Value::Null {
            body.put_i32(-1);
            continue;
        }
        value.clear();
        let format = formats.get(at).copied().unwrap_or(Format::Text);
        encode(&cell, &output.kind.pg(), format, &Style::ours(), &mut value)
            .map_err(|error| Fault::new(FaultKind::NotConvertible, error.to_string()))?;
        body.put_i32(i32::try_from(value.len()).unwrap_or(i32::MAX));
        body.put_slice(&value);
    }
    put(out, server::tag::ROW, |b| b.put_slice(&body));
    Ok(())
}

/// How a statement's end is told.
fn put_end(out: &mut BytesMut, tag: &str) {
    if tag.is_empty() {
        put_empty(out, server::tag::EMPTY_QUERY);
    } else {
        put_complete(out, tag);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::cell::Kind;

    #[test]
    fn a_row_has_every_column_in_its_own_form() {
        let outputs = [
            Output { name: "n".into(), kind: Kind::Int },
            Output { name: "age".into(), kind: Kind::Span },
            Output { name: "none".into(), kind: Kind::Text },
        ];
        let mut out = BytesMut::new();
        let row = [Cell::Int(7), Cell::Span(42_500_000), Cell::Null];
        put_row(&mut out, &row, &outputs, &[Format::Binary, Format::Text, Format::Text]).unwrap();
        assert_eq!(out[0], b'D');
        assert_eq!(&out[5..7], &[0, 3]);
        assert_eq!(&out[7..19], &[0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 7]);
        assert_eq!(&out[23..33], b"00:00:42.5");
        assert_eq!(&out[out.len() - 4..], &[0xff; 4]);
    }
}
