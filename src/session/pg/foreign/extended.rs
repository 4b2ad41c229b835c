//! The extended protocol for a backend of the other dialect: statements and portals live here, in the session.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::run::{Call, Completed};
use super::{Here, Target};
use crate::base::{Fault, FaultKind};
use crate::relay::pg::foreign::{described, value_fault};
use crate::session::pg::names::{self, Leftover, Lives, Portal};
use crate::session::pg::oops::Oops;
use crate::session::pg::pipeline::Pending;
use crate::session::pg::{Exit, Session};
use crate::session::transaction::Mode;
use crate::sql::cursor::{Command, Declared, command, declared};
use crate::sql::translate::{PgColumn, ToMysql, Verb};
use crate::sql::{Characteristics, Kind};
use crate::telemetry::statements::Route;
use crate::wire::pg::client::{self as message, tag};
use crate::wire::pg::server::{self, put_complete, put_empty};
use crate::wire::pg::{WireError, header};
use crate::wire::value::pg::{Format, Style, decode};
use crate::wire::value::{PgType, Value};

/// OID of `unknown`.
const UNKNOWN: u32 = 705;

/// What the session keeps of a prepared statement for a backend of the other dialect.
#[derive(Debug)]
pub(in crate::session::pg) struct Prepared {
    what: What,
    declared: Vec<Option<PgType>>,
    /// As the client was told, or could have been.
    parameters: Vec<PgType>,
    columns: Vec<PgColumn>,
}

/// What is done with it.
#[derive(Debug)]
enum What {
    /// Its text is run.
    Run(Target),
    /// Part of its text is, and the rows are kept under this name.
    Declare(Target, String, Declared),
    /// No backend is asked.
    Here(Here),
}

/// What the session keeps of a portal.
#[derive(Debug)]
pub(in crate::session::pg) struct Bound {
    values: Vec<Value>,
    formats: Vec<Format>,
}

fn wire(error: &WireError) -> Oops {
    Exit::violation(error).into()
}

fn violation(text: String) -> Oops {
    Fault::new(FaultKind::ProtocolViolation, text).into()
}

/// Format codes as sent, spread over `count` places.
fn spread(codes: &[i16], count: usize, what: &str) -> Result<Vec<Format>, Oops> {
    let format = |code: &i16| match code {
        0 => Ok(Format::Text),
        1 => Ok(Format::Binary),
        other => Err(violation(format!("unsupported format code: {other}"))),
    };
    match codes {
        [] => Ok(vec![Format::Text; count]),
        [one] => Ok(vec![format(one)?; count]),
        several if several.len() == count => several.iter().map(format).collect(),
        several => Err(violation(format!("bind message has {} {what} formats but {count} are needed", several.len()))),
    }
}

/// The statement's own text.
fn own_text(prepared: &names::Prepared) -> Bytes {
    match prepared.statement() {
        Some(statement) => prepared.text.slice(statement.span.clone()),
        None => prepared.text.clone(),
    }
}

impl Session {
    /// Parse: translated at once, so that what is wrong is told here, as the client's own server would.
    pub(in crate::session::pg) async fn parse_foreign(
        &mut self,
        name: Bytes,
        types: &[u8],
        mut prepared: names::Prepared,
        target: Target,
    ) -> Result<(), Oops> {
        let kind = prepared.statement().map_or(Kind::Other, |statement| statement.kind.clone());
        self.check_foreign(&target, &kind).await?;
        self.check_name(&name)?;
        let oids = message::type_oids(types).map_err(|error| wire(&error))?;
        let known = |oid: u32| (oid != 0 && oid != UNKNOWN).then(|| PgType::from_oid(oid, -1));
        let types: Vec<Option<PgType>> = oids.into_iter().map(known).collect();
        let mut text = own_text(&prepared);
        let what = if let Kind::Declare(name) = kind {
            let read = declared(self.reading, &text)?;
            text = text.slice(read.query.clone());
            What::Declare(target.clone(), name, read)
        } else {
            What::Run(target.clone())
        };
        let view = self.view().await?;
        let translation = self.translated(&target, &text, &types, &view).await?;
        prepared.foreign = Some(Arc::new(Prepared {
            columns: if matches!(what, What::Run(_)) { translation.columns.clone() } else { Vec::new() },
            what,
            declared: types,
            parameters: translation.parameters.clone(),
        }));
        self.keep_prepared(name, prepared);
        Ok(())
    }

    /// Parse of what the session does itself.
    pub(in crate::session::pg) fn parse_here(
        &mut self,
        name: Bytes,
        mut prepared: names::Prepared,
        here: Here,
    ) -> Result<(), Oops> {
        self.check_name(&name)?;
        let columns = match &here {
            Here::Cursor(name) if matches!(command(self.reading, &own_text(&prepared))?, Command::Fetch(_)) => {
                self.names.foreign_cursors.get(name).map(|cursor| cursor.columns.clone()).unwrap_or_default()
            }
            Here::Outcome(_) => super::outcome::columns(),
            Here::Cursor(_) | Here::Deallocate(_) => Vec::new(),
        };
        let (declared, parameters) = (Vec::new(), Vec::new());
        prepared.foreign = Some(Arc::new(Prepared { what: What::Here(here), declared, parameters, columns }));
        self.keep_prepared(name, prepared);
        Ok(())
    }

    fn check_name(&self, name: &Bytes) -> Result<(), Oops> {
        if name.is_empty() || !self.names.statements.contains_key(name) {
            return Ok(());
        }
        let text = format!("prepared statement \"{}\" already exists", String::from_utf8_lossy(name));
        Err(Fault::new(FaultKind::DuplicateStatement, text).into())
    }

    fn keep_prepared(&mut self, name: Bytes, mut prepared: names::Prepared) {
        prepared.lives = Lives::Foreign;
        prepared.frame = Bytes::new();
        self.names.statements.insert(name, Arc::new(prepared));
        self.pipeline.pending.push_back(Pending::Own(server::tag::PARSE_COMPLETE));
    }

    /// Bind: the values are read by their types.
    pub(in crate::session::pg) async fn bind_foreign(
        &mut self,
        portal: Bytes,
        name: &[u8],
        body: &[u8],
        prepared: Arc<names::Prepared>,
    ) -> Result<(), Oops> {
        let Some(foreign) = prepared.foreign.clone() else { return Err(nothing_foreign()) };
        let bind = message::bind_whole(body).map_err(|error| wire(&error))?;
        let (given, needed) = (bind.values.len(), foreign.parameters.len());
        if given != needed {
            let name = String::from_utf8_lossy(name);
            let text = format!(
                "bind message supplies {given} parameters, but prepared statement \"{name}\" requires {needed}"
            );
            return Err(violation(text));
        }
        let formats = spread(&bind.formats, needed, "parameter")?;
        // Only values need it, and it may ask the home server, which can be down when an outcome is asked for.
        let style = if needed == 0 { Style::ours() } else { self.view().await?.style.clone() };
        let mut values = Vec::with_capacity(needed);
        for (at, ((bytes, format), ty)) in bind.values.iter().zip(&formats).zip(&foreign.parameters).enumerate() {
            values.push(match bytes {
                None => Value::Null,
                Some(bytes) => decode(ty, *format, &style, bytes)
                    .map_err(|error| value_fault(&error, &format!("parameter ${}", at + 1)))?,
            });
        }
        let formats = spread(&bind.results, foreign.columns.len(), "result")?;
        self.names.leftovers.remove(&portal);
        let bound = Some(Arc::new(Bound { values, formats }));
        self.names.portals.insert(portal, Portal { prepared, plain: needed == 0, done: false, foreign: bound });
        self.pipeline.pending.push_back(Pending::Own(server::tag::BIND_COMPLETE));
        Ok(())
    }

    /// Describe of a statement (`bound`: of a portal).
    pub(in crate::session::pg) fn describe_foreign(
        &mut self,
        prepared: &names::Prepared,
        bound: Option<&Bound>,
    ) -> Result<(), Oops> {
        let foreign = prepared.foreign.as_ref().ok_or_else(nothing_foreign)?;
        let mut frames = BytesMut::new();
        if bound.is_none() {
            let oids: Vec<u32> = foreign.parameters.iter().map(PgType::oid).collect();
            server::put_parameters(&mut frames, &oids);
        }
        if foreign.columns.is_empty() {
            put_empty(&mut frames, server::tag::NO_DATA);
        } else {
            let formats = bound.map(|bound| bound.formats.as_slice()).unwrap_or_default();
            server::put_row_description(&mut frames, &described(&foreign.columns, formats));
        }
        self.pipeline.pending.push_back(Pending::OwnFrames(frames.freeze()));
        Ok(())
    }

    /// Execute: everything before it is answered first.
    pub(in crate::session::pg) async fn execute_foreign(
        &mut self,
        name: Bytes,
        rows_max: i32,
        portal: Portal,
    ) -> Result<(), Oops> {
        let rows_max = u64::try_from(rows_max).ok().filter(|rows| *rows > 0).unwrap_or(u64::MAX);
        self.drain(false).await?;
        if self.names.leftovers.contains_key(&name) {
            return self.go_on(&name, rows_max, &portal).await;
        }
        let (Some(foreign), Some(bound)) = (portal.prepared.foreign.clone(), portal.foreign.clone()) else {
            return Err(nothing_foreign());
        };
        let text = own_text(&portal.prepared);
        let completed = match &foreign.what {
            What::Here(here) => return self.do_here(here, &text, Some(&bound.formats)).await,
            What::Declare(target, cursor, read) => {
                self.check_declare(read.hold)?;
                let run =
                    Run { target, text: &text[read.query.clone()], rows_max: 0, cursor: Some((cursor, read.hold)) };
                self.execute_one(&portal, &foreign, &bound, run).await?
            }
            What::Run(target) => {
                let run = Run { target, text: &text, rows_max, cursor: None };
                self.execute_one(&portal, &foreign, &bound, run).await?
            }
        };
        let suspended = completed.sent == rows_max && !foreign.columns.is_empty();
        let tag = if completed.tag.starts_with("SELECT ") { None } else { Some(completed.tag.clone()) };
        self.names.leftovers.insert(name, Leftover { rows: completed.later, tag });
        if suspended {
            put_empty(&mut self.client.out, server::tag::SUSPENDED);
        } else {
            put_complete(&mut self.client.out, &completed.tag);
        }
        Ok(())
    }

    async fn execute_one(
        &mut self,
        portal: &Portal,
        foreign: &Prepared,
        bound: &Bound,
        run: Run<'_>,
    ) -> Result<Completed, Oops> {
        self.watch.went(Route::Translated, run.target.backend);
        let view = self.view().await?;
        let translation = self.translated(run.target, run.text, &foreign.declared, &view).await?;
        let same = run.cursor.is_some() || translation.columns == foreign.columns;
        if !same || translation.parameters != foreign.parameters {
            return Err(Fault::new(FaultKind::NotSupported, "cached plan must not change result type").into());
        }
        if let Some(statement) = portal.prepared.statement() {
            self.admit(self.participant(run.target.backend), statement)?;
        }
        self.open_implicitly(&translation).await?;
        let text_formats = vec![Format::Text; translation.columns.len()];
        let call = Call {
            target: run.target,
            text: run.text,
            declared: &foreign.declared,
            values: &bound.values,
            view: &view,
            formats: if run.cursor.is_some() { &text_formats } else { &bound.formats },
            describe: false,
            rows_max: run.rows_max,
        };
        let Some((cursor, hold)) = run.cursor else { return self.run_foreign(&call, &translation).await };
        self.declare_foreign(cursor, hold, &call, &translation).await?;
        Ok(Completed { tag: String::from("DECLARE CURSOR"), ..Completed::default() })
    }

    /// The transaction that a statement of a pipeline needs: none if the Sync follows at once, else one that ends there.
    async fn open_implicitly(&mut self, translation: &ToMysql) -> Result<(), Oops> {
        if self.txn.mode != Mode::Autocommit {
            return Ok(());
        }
        if let Some(current) = self.pipeline.current.filter(|_| self.pipeline.executed) {
            return self.make_explicit(current, Mode::Implicit).await;
        }
        let alone = matches!(translation.verb, Verb::Ddl(_)) || (!translation.needs_transaction && self.sync_follows());
        if !alone {
            let portals = std::mem::take(&mut self.names.portals);
            self.begin(Mode::Implicit, Characteristics::default());
            self.names.portals = portals;
        }
        Ok(())
    }

    /// Whether nothing but the Sync follows, as far as it is here.
    fn sync_follows(&self) -> bool {
        let mut rest = self.client.buffered();
        loop {
            match header(rest) {
                Ok(Some(head)) if head.tag == tag::SYNC => return true,
                Ok(Some(head)) if head.tag == tag::CLOSE && rest.len() >= head.total_bytes => {
                    rest = &rest[head.total_bytes..];
                }
                Ok(_) | Err(_) => return false,
            }
        }
    }

    /// More rows of a portal that was executed before.
    async fn go_on(&mut self, name: &[u8], rows_max: u64, portal: &Portal) -> Result<(), Oops> {
        let (Some(foreign), Some(bound)) = (&portal.prepared.foreign, &portal.foreign) else {
            return Err(nothing_foreign());
        };
        let view = self.view().await?;
        let Some(left) = self.names.leftovers.get_mut(name) else { return Err(nothing_foreign()) };
        let put = left.rows.put(&foreign.columns, &bound.formats, &view.style, rows_max, &mut self.client.out);
        let count = put?;
        if count == rows_max {
            put_empty(&mut self.client.out, server::tag::SUSPENDED);
        } else {
            let tag = left.tag.clone().unwrap_or_else(|| format!("SELECT {count}"));
            put_complete(&mut self.client.out, &tag);
        }
        Ok(())
    }
}

/// A text to run, all of the statement's or a part.
struct Run<'a> {
    target: &'a Target,
    text: &'a [u8],
    rows_max: u64,
    /// The cursor that keeps the rows, and whether it outlives its transaction.
    cursor: Option<(&'a str, bool)>,
}

fn nothing_foreign() -> Oops {
    Fault::new(FaultKind::Internal, "the statement is not one for a backend of the other dialect").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_format_stands_for_all_and_none_for_text() {
        assert_eq!(spread(&[], 2, "result").unwrap(), [Format::Text, Format::Text]);
        assert_eq!(spread(&[1], 2, "result").unwrap(), [Format::Binary, Format::Binary]);
        assert_eq!(spread(&[0, 1], 2, "result").unwrap(), [Format::Text, Format::Binary]);
        assert!(spread(&[0, 1], 3, "result").is_err());
        assert!(spread(&[2], 1, "result").is_err());
    }
}
