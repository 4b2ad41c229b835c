//! Parse, Bind, Describe, Execute, Close and Flush.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::again::changed;
use super::control::{in_failed_transaction, mends};
use super::names::{Lives, Portal, Prepared};
use super::oops::Oops;
use super::pipeline::Pending;
use super::place::{Placed, edited};
use super::{Exit, Session};
use crate::base::{BackendId, Dialect, Fault, FaultKind};
use crate::relay::pg::{Pass, Until};
use crate::session::transaction::Mode;
use crate::session::watch::one;
use crate::sql::{Kind, Statement};
use crate::wire::pg::client::{self as message, Target, tag};
use crate::wire::pg::error::Origin;
use crate::wire::pg::server::{self, put_complete};
use crate::wire::pg::{HEADER_BYTES, WireError};

fn wire(error: &WireError) -> Oops {
    error.into()
}

fn no_such(what: &str, name: &[u8]) -> Oops {
    let name = String::from_utf8_lossy(name);
    let text = if name.is_empty() {
        format!("unnamed {what} does not exist")
    } else {
        format!("{what} \"{name}\" does not exist")
    };
    Fault::verbatim(FaultKind::UnknownStatement, text).into()
}

impl Session {
    pub(super) async fn on_extended(&mut self, tag: u8, frame: Bytes) -> Result<(), Exit> {
        if self.pipeline.skipping {
            return Ok(());
        }
        // Of one that its client has left in the middle.
        self.watch.take();
        let done = match tag {
            tag::PARSE => self.on_parse(&frame).await,
            tag::BIND => self.on_bind(&frame).await,
            tag::DESCRIBE => self.on_describe(&frame).await,
            tag::EXECUTE => self.on_execute(&frame).await,
            tag::CLOSE => self.on_close(&frame).await,
            _ => self.drain(false).await,
        };
        let Err(oops) = done else { return Ok(()) };
        let oops = match oops {
            // The replies before ours come first; if one of them is an error, ours never happened.
            Oops::Fault(_) | Oops::Server(..) => match self.drain(false).await {
                Ok(()) => {
                    self.watch_refused(&oops);
                    self.watch.end(&self.services, Dialect::Postgres);
                    oops
                }
                Err(earlier) => earlier,
            },
            Oops::Told | Oops::Exit(_) => oops,
        };
        self.tell(oops).await?;
        self.pipeline.skipping = true;
        Ok(())
    }

    fn expect(&mut self, until: Until, origin: Option<Arc<Origin>>) {
        let (pass, watched) = (Pass::All, self.watch.take());
        self.pipeline.pending.push_back(Pending::Backend {
            until,
            pass,
            parsed: None,
            executed: None,
            origin,
            watched,
        });
    }

    /// Statements that only a transaction's end may follow are refused; others must be.
    fn check_failed(&mut self, prepared: &Prepared) -> Result<(), Oops> {
        if self.failed_backend().is_some_and(|backend| prepared.lives == Lives::On(backend)) {
            // The server refuses it in its own words.
            return Ok(());
        }
        let allowed = prepared.statement().is_some_and(|statement| mends(&statement.kind))
            || prepared.analysis.statements.is_empty();
        match (self.txn.mode == Mode::Failed && !allowed, prepared.changed) {
            (true, _) => Err(in_failed_transaction().into()),
            (false, true) => Err(changed()),
            (false, false) => Ok(()),
        }
    }

    async fn on_parse(&mut self, frame: &Bytes) -> Result<(), Oops> {
        let parse = message::parse(&frame[HEADER_BYTES..]).map_err(|error| wire(&error))?;
        self.hear_settings().await?;
        let analysis = self.read(parse.text)?;
        self.watch.begin(&self.services, &analysis, parse.text, false);
        let name = frame.slice_ref(parse.name);
        let mut prepared = Prepared {
            analysis,
            text: frame.slice_ref(parse.text),
            lives: Lives::Here,
            generation: 0,
            foreign: None,
            frame: frame.clone(),
            described: None,
            changed: false,
            origin: None,
        };
        if let Some(backend) = self.failed_backend()
            && !prepared.statement().is_some_and(|one| mends(&one.kind) || self.ends_one_of_several(&one.kind))
        {
            return self.parse_on(backend, name, prepared).await;
        }
        self.check_failed(&prepared)?;
        if prepared.statement().is_some_and(|statement| statement.kind.control().is_some()) {
            self.names.statements.insert(name, Arc::new(prepared));
            self.pipeline.pending.push_back(Pending::Own(server::tag::PARSE_COMPLETE));
            return Ok(());
        }
        let (backend, edits) = match prepared.statement() {
            Some(statement) => match self.place(parse.text, statement)? {
                Placed::Native(backend, edits) => (backend, edits),
                Placed::Here(here) => return self.parse_here(name, prepared, here),
                Placed::Foreign(target) => return self.parse_foreign(name, parse.types, prepared, target).await,
            },
            // Empty, or several statements, which the server refuses.
            None => (self.anywhere(), Vec::new()),
        };
        if !edits.is_empty() {
            let text = edited(parse.text, 0..parse.text.len(), &edits);
            let mut rewritten = BytesMut::new();
            message::put_parse_typed(&mut rewritten, parse.name, &text, parse.types);
            prepared.frame = rewritten.freeze();
            let edits = edits.into_iter().map(|edit| (edit.span, edit.text)).collect();
            prepared.origin = Some(Arc::new(self.origin(&prepared.text, 0, edits)));
        }
        self.parse_on(backend, name, prepared).await
    }

    async fn parse_on(&mut self, backend: BackendId, name: Bytes, mut prepared: Prepared) -> Result<(), Oops> {
        if let Some(old) = self.names.statements.get(&name).filter(|_| !name.is_empty())
            && old.lives != Lives::On(backend)
        {
            return Err(duplicate(&name));
        }
        self.watch.went(one(prepared.statement()), backend);
        self.turn_to(backend).await?;
        self.reach_named(prepared.statement()).await?;
        prepared.lives = Lives::On(backend);
        prepared.generation = self.slot(backend).map_or(0, |slot| slot.generation);
        let earlier = self.names.statements.get(&name).filter(|old| !name.is_empty() && !old.frame.is_empty());
        if earlier.is_some_and(|old| old.generation != prepared.generation) {
            // The server of this connection does not know that.
            return Err(duplicate(&name));
        }
        self.conn(backend)?.queue_extended(&prepared.frame);
        let fresh = !self.names.statements.contains_key(&name) || name.is_empty();
        let origin = prepared.origin.clone();
        if fresh {
            self.names.statements.insert(name.clone(), Arc::new(prepared));
        }
        let parsed = fresh.then_some(name);
        let (until, pass, watched) = (Until::Parsed, Pass::All, self.watch.take());
        let pending = Pending::Backend { until, pass, parsed: parsed.clone(), executed: None, origin, watched };
        self.pipeline.pending.push_back(pending);
        parsed.map_or(Ok(()), |name| self.learn(backend, &name))
    }

    /// What the statement names has to be prepared on this connection, too.
    async fn reach_named(&mut self, statement: Option<&Statement>) -> Result<(), Oops> {
        let Some(Kind::Execute(name) | Kind::Deallocate(Some(name))) = statement.map(|s| &s.kind) else {
            return Ok(());
        };
        match self.names.statements.get(name.as_bytes()).cloned() {
            Some(named) => self.reach(name.as_bytes(), &named).await.map(|_| ()),
            None => Ok(()),
        }
    }

    async fn on_bind(&mut self, frame: &Bytes) -> Result<(), Oops> {
        let body = &frame[HEADER_BYTES..];
        let (portal, name) = message::bind(body).map_err(|error| wire(&error))?;
        let Some(prepared) = self.names.statements.get(name).cloned() else {
            return Err(no_such("prepared statement", name));
        };
        self.watch.begin(&self.services, &prepared.analysis, &prepared.text, false);
        self.check_failed(&prepared)?;
        if prepared.lives == Lives::Foreign {
            return self.bind_foreign(frame.slice_ref(portal), name, body, prepared).await;
        }
        let plain = is_plain_bind(body, portal.len() + name.len() + 2);
        if let Some(backend) = self.reach(name, &prepared).await? {
            self.watch.went(one(prepared.statement()), backend);
            self.reach_named(prepared.statement()).await?;
            self.conn(backend)?.queue_extended(frame);
            self.pipeline.executed |= self.txn.mode == Mode::Autocommit;
            self.expect(Until::Bound, prepared.origin.clone());
        } else {
            check_counts(body, &prepared, name)?;
            self.pipeline.pending.push_back(Pending::Own(server::tag::BIND_COMPLETE));
        }
        self.names.portals.insert(frame.slice_ref(portal), Portal { prepared, plain, done: false, foreign: None });
        Ok(())
    }

    async fn on_describe(&mut self, frame: &Bytes) -> Result<(), Oops> {
        let (target, name) = message::target(&frame[HEADER_BYTES..]).map_err(|error| wire(&error))?;
        let backend = match target {
            Target::Statement => {
                let Some(prepared) = self.names.statements.get(name).cloned() else {
                    return Err(no_such("prepared statement", name));
                };
                self.check_failed(&prepared)?;
                if prepared.lives == Lives::Foreign {
                    return self.describe_foreign(&prepared, None);
                }
                self.reach(name, &prepared).await?
            }
            Target::Portal if self.names.portals.get(name).is_some_and(|portal| portal.foreign.is_some()) => {
                let Some(portal) = self.names.portals.get(name).cloned() else { return Err(no_such_portal(name)) };
                return self.describe_foreign(&portal.prepared, portal.foreign.as_deref());
            }
            Target::Portal => {
                if let Some(frame) = self.described_cursor(&String::from_utf8_lossy(name)) {
                    self.pipeline.pending.push_back(Pending::OwnFrames(frame.freeze()));
                    return Ok(());
                }
                self.portal_backend(name).await?
            }
        };
        match (backend, target) {
            (Some(backend), _) => {
                self.conn(backend)?.queue_extended(frame);
                // Of the unnamed statement nothing else was asked.
                if self.pooling && target == Target::Statement && name.is_empty() {
                    let description = Pending::Description { name: Bytes::new(), pass: Pass::All, again: false };
                    self.pipeline.pending.push_back(description);
                } else {
                    self.expect(Until::Described, None);
                }
            }
            (None, Target::Statement) => {
                let prepared = self.names.statements.get(name);
                let oids = prepared.map(|prepared| own_types(prepared)).transpose()?.unwrap_or_default();
                self.pipeline.pending.push_back(Pending::OwnDescription(oids));
            }
            (None, Target::Portal) => self.pipeline.pending.push_back(Pending::Own(server::tag::NO_DATA)),
        }
        Ok(())
    }

    /// The backend of a portal, made ready; `None`: the session's own. A cursor that SQL declared is a portal, too.
    async fn portal_backend(&mut self, name: &[u8]) -> Result<Option<BackendId>, Oops> {
        let lives = match self.names.portals.get(name) {
            Some(portal) => portal.prepared.lives,
            None => {
                let cursor = self.names.cursors.get(String::from_utf8_lossy(name).as_ref());
                cursor.map(|backend| Lives::On(*backend)).ok_or_else(|| no_such_portal(name))?
            }
        };
        match lives {
            Lives::Here | Lives::Foreign => Ok(None),
            Lives::On(backend) => {
                self.turn_to(backend).await?;
                Ok(Some(backend))
            }
        }
    }

    async fn on_execute(&mut self, frame: &Bytes) -> Result<(), Oops> {
        let (name, rows_max) = message::execute(&frame[HEADER_BYTES..]).map_err(|error| wire(&error))?;
        let portal = self.names.portals.get(name).cloned();
        if let Some(portal) = &portal {
            let prepared = &portal.prepared;
            self.watch.begin(&self.services, &prepared.analysis, &prepared.text, true);
            self.check_failed(prepared)?;
        }
        if let Some(portal) = portal.as_ref().filter(|portal| portal.foreign.is_some()) {
            self.execute_foreign(frame.slice_ref(name), rows_max, portal.clone()).await?;
            self.watch.end(&self.services, Dialect::Postgres);
            return Ok(());
        }
        if let Some(portal) = &portal
            && portal.prepared.lives == Lives::Here
            && let Some(statement) = portal.prepared.statement()
        {
            if portal.done {
                let text = format!("portal \"{}\" cannot be run", String::from_utf8_lossy(name));
                return Err(Fault::verbatim(FaultKind::PortalDone, text).into());
            }
            self.drain(false).await?;
            let tag = self.control(&statement.kind, &portal.prepared.text).await?;
            if matches!(statement.kind, Kind::Commit(_) | Kind::Rollback(_)) {
                self.names.forget_portals();
            } else if let Some(portal) = self.names.portals.get_mut(name) {
                portal.done = true;
            }
            put_complete(&mut self.client.out, tag);
            self.watch.end(&self.services, Dialect::Postgres);
            return Ok(());
        }
        let mut copies = false;
        let mut executed = None;
        if let Some(Portal { prepared, plain, done: _, foreign: _ }) = portal {
            if let (Some(statement), Lives::On(backend)) = (prepared.statement(), prepared.lives) {
                self.admit(backend, statement)?;
                copies = statement.kind == Kind::CopyIn;
            }
            executed = Some((prepared, plain));
        }
        let Some(backend) = self.portal_backend(name).await? else { return Err(no_such_portal(name)) };
        if let Some((prepared, _)) = &executed
            && let Some(statement) = prepared.statement()
        {
            self.mark(backend, statement);
            self.watch.went(one(Some(statement)), backend);
        }
        self.pipeline.executed |= self.txn.mode == Mode::Autocommit;
        self.conn(backend)?.queue_extended(frame);
        let origin = executed.as_ref().and_then(|(prepared, _)| prepared.origin.clone());
        let (until, pass, watched) = (Until::Executed, Pass::All, self.watch.take());
        self.pipeline.pending.push_back(Pending::Backend { until, pass, parsed: None, executed, origin, watched });
        // COPY data follows: the server must be in that state before anything else is sent.
        if copies { self.drain(false).await } else { Ok(()) }
    }

    async fn on_close(&mut self, frame: &Bytes) -> Result<(), Oops> {
        let (target, name) = message::target(&frame[HEADER_BYTES..]).map_err(|error| wire(&error))?;
        let lives = match target {
            Target::Statement => {
                self.names.statements.remove(name).map(|prepared| (prepared.lives, prepared.generation))
            }
            Target::Portal => self.names.forget_portal(name).map(|portal| (portal.prepared.lives, 0)),
        };
        let Some((Lives::On(backend), _)) = lives else {
            // Closing what does not exist is no error.
            self.pipeline.pending.push_back(Pending::Own(server::tag::CLOSE_COMPLETE));
            return Ok(());
        };
        if self.slot(backend).is_none() {
            self.pipeline.pending.push_back(Pending::Own(server::tag::CLOSE_COMPLETE));
            return Ok(());
        }
        self.turn_to(backend).await?;
        self.conn(backend)?.queue_extended(frame);
        self.expect(Until::Closed, None);
        Ok(())
    }
}

fn duplicate(name: &[u8]) -> Oops {
    let text = format!("prepared statement \"{}\" already exists", String::from_utf8_lossy(name));
    Fault::verbatim(FaultKind::DuplicateStatement, text).into()
}

fn no_such_portal(name: &[u8]) -> Oops {
    let text = format!("portal \"{}\" does not exist", String::from_utf8_lossy(name));
    Fault::verbatim(FaultKind::UnknownPortal, text).into()
}

/// The types that a Parse gave to parameters of a statement which has none.
fn own_types(prepared: &Prepared) -> Result<Vec<u32>, Oops> {
    let parse = message::parse(&prepared.frame[HEADER_BYTES..]).map_err(|error| wire(&error))?;
    message::type_oids(parse.types).map_err(|error| wire(&error))
}

/// The server's checks of a Bind, for a statement of the session's own.
fn check_counts(body: &[u8], prepared: &Prepared, name: &[u8]) -> Result<(), Oops> {
    let bind = message::bind_whole(body).map_err(|error| wire(&error))?;
    let (formats, given, wanted) = (bind.formats.len(), bind.values.len(), own_types(prepared)?.len());
    let text = if formats > 1 && formats != given {
        format!("bind message has {formats} parameter formats but {given} parameters")
    } else if given != wanted {
        let name = String::from_utf8_lossy(name);
        format!("bind message supplies {given} parameters, but prepared statement \"{name}\" requires {wanted}")
    } else {
        return Ok(());
    };
    Err(Fault::verbatim(FaultKind::ProtocolViolation, text).into())
}

/// Whether a Bind that has been read has no parameters: `names_bytes` is the length of both names with their zeros.
fn is_plain_bind(body: &[u8], names_bytes: usize) -> bool {
    let mut cursor = crate::wire::pg::Cursor::new(&body[names_bytes.min(body.len())..], "Bind");
    let Ok(formats) = cursor.i16() else { return false };
    cursor.bytes(2 * usize::from(formats.cast_unsigned())).is_ok() && cursor.i16() == Ok(0)
}
