//! Prepared statements on a connection that does not know them: they are prepared there again, with the types that they
//! had, before they are used; and if they would give something else than the client was told, it is told what the server
//! tells in that case.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::names::{Lives, Prepared};
use super::oops::Oops;
use super::pipeline::Pending;
use super::{Session, slots};
use crate::base::{BackendId, Fault, FaultKind};
use crate::relay::pg::{Description, Pass, Until, answer, description};
use crate::sql::{Kind, Statement};
use crate::wire::pg::HEADER_BYTES;
use crate::wire::pg::client::{self as message, Target};

pub(super) fn changed() -> Oops {
    Fault::verbatim(FaultKind::NotSupported, "cached plan must not change result type").into()
}

/// The Parse of a statement as it is sent on another connection: the types of its parameters are what they were.
fn typed(prepared: &Prepared) -> Bytes {
    let Some(known) = prepared.described.as_ref().filter(|known| !known.parameters.is_empty()) else {
        return prepared.frame.clone();
    };
    let Ok(parse) = message::parse(&prepared.frame[HEADER_BYTES..]) else { return prepared.frame.clone() };
    let mut frame = BytesMut::new();
    message::put_parse_typed(&mut frame, parse.name, parse.text, &known.parameters);
    frame.freeze()
}

impl Session {
    fn prepared_mut(&mut self, name: &[u8]) -> Option<&mut Prepared> {
        self.names.statements.get_mut(name).map(Arc::make_mut)
    }

    /// Asks, behind the Parse of a named statement, what it takes and gives: it may have to be prepared elsewhere.
    pub(super) fn learn(&mut self, backend: BackendId, name: &Bytes) -> Result<(), Oops> {
        if !self.pooling || name.is_empty() {
            return Ok(());
        }
        let mut frame = BytesMut::new();
        message::put_describe(&mut frame, Target::Statement, name);
        self.conn(backend)?.queue_extended(&frame);
        self.pipeline.pending.push_back(Pending::Description { name: name.clone(), pass: Pass::Asides, again: false });
        Ok(())
    }

    /// The statement, and its backend made ready; prepared again if the connection is not the one that it was parsed on.
    pub(super) async fn reach(&mut self, name: &[u8], prepared: &Prepared) -> Result<Option<BackendId>, Oops> {
        let Lives::On(backend) = prepared.lives else { return Ok(None) };
        self.turn_to(backend).await?;
        let generation = self.slot(backend).map_or(0, |slot| slot.generation);
        if prepared.frame.is_empty() {
            return Ok(Some(backend));
        }
        if prepared.changed {
            return Err(changed());
        }
        if generation != prepared.generation {
            self.prepare_again(backend, name, prepared, generation).await?;
        }
        Ok(Some(backend))
    }

    /// Without a wait, unless it gives rows: nothing may run of which the client would take the rows for something else.
    async fn prepare_again(
        &mut self,
        backend: BackendId,
        name: &[u8],
        prepared: &Prepared,
        generation: u64,
    ) -> Result<(), Oops> {
        let name = Bytes::copy_from_slice(name);
        let gives_rows = prepared.described.as_ref().is_some_and(|known| known.columns.is_some());
        let mut frames = BytesMut::from(&typed(prepared)[..]);
        if gives_rows {
            message::put_describe(&mut frames, Target::Statement, &name);
        }
        self.conn(backend)?.queue_extended(&frames);
        self.pipeline.pending.push_back(Pending::Again { name: name.clone() });
        if let Some(known) = self.prepared_mut(&name) {
            known.generation = generation;
        }
        if gives_rows {
            self.pipeline.pending.push_back(Pending::Description { name, pass: Pass::Asides, again: true });
            self.drain(false).await?;
        }
        Ok(())
    }

    /// It is not prepared where it should have been.
    pub(super) fn not_again(&mut self, name: &[u8]) {
        if let Some(known) = self.prepared_mut(name) {
            known.generation = 0;
        }
    }

    /// Reads the answer to a Parse of ours.
    pub(super) async fn drain_again(&mut self, name: &[u8]) -> Result<(), Oops> {
        let Some(backend) = self.pipeline.current else { return Ok(()) };
        self.conn(backend)?;
        let Some(conn) = slots::conn(&mut self.slots, backend) else { return Ok(()) };
        self.client.origin = self.names.statements.get(name).and_then(|prepared| prepared.origin.clone());
        let answered = answer(conn, &mut self.client, Until::Parsed, Pass::Asides).await;
        self.client.origin = None;
        let done = match answered {
            Ok(done) => done,
            Err(error) => return Err(self.relay_failed(backend, error)),
        };
        if done.failed {
            self.not_again(name);
            return Err(Oops::Told);
        }
        Ok(())
    }

    /// Reads a description: the first one is kept, later ones must be the same.
    pub(super) async fn drain_description(&mut self, name: &[u8], pass: Pass, again: bool) -> Result<(), Oops> {
        let Some(backend) = self.pipeline.current else { return Ok(()) };
        self.conn(backend)?;
        let Some(conn) = slots::conn(&mut self.slots, backend) else { return Ok(()) };
        let said = match description(conn, &mut self.client, pass).await {
            Ok(Some(said)) => said,
            Ok(None) => return Err(Oops::Told),
            Err(error) => return Err(self.relay_failed(backend, error)),
        };
        let Some(known) = self.prepared_mut(name) else { return Ok(()) };
        if !again {
            known.described = Some(Arc::new(said));
        } else if known.described.as_deref().map(columns) != Some(columns(&said)) {
            known.changed = true;
            return Err(changed());
        }
        Ok(())
    }

    /// Queues, before a text, what its names need: SQL may EXECUTE and DEALLOCATE what the protocol has prepared.
    pub(super) fn queue_named(&mut self, backend: BackendId, statements: &[Statement]) -> Result<(), Oops> {
        for statement in statements {
            let (Kind::Execute(name) | Kind::Deallocate(Some(name))) = &statement.kind else { continue };
            let Some(prepared) = self.names.statements.get(name.as_bytes()).cloned() else { continue };
            let generation = self.slot(backend).map_or(0, |slot| slot.generation);
            let lives_here = prepared.lives == Lives::On(backend) && !prepared.frame.is_empty();
            if !lives_here || prepared.generation == generation {
                continue;
            }
            let conn = self.conn(backend)?;
            conn.queue_extended(&typed(&prepared));
            conn.queue_sync();
            if let Some(slot) = self.slot(backend) {
                slot.prefix.push_back(false);
            }
            if let Some(known) = self.prepared_mut(name.as_bytes()) {
                known.generation = generation;
            }
        }
        Ok(())
    }

    /// Queues what SQL has PREPAREd on an earlier connection.
    pub(super) fn queue_prepares(&mut self, backend: BackendId) {
        let Some(slot) = self.slots.iter_mut().find(|slot| slot.backend == backend) else { return };
        let Some(conn) = slot.conn.as_mut() else { return };
        let of_sql = |p: &&Arc<Prepared>| p.lives == Lives::On(backend) && p.frame.is_empty() && !p.text.is_empty();
        for prepared in self.names.statements.values().filter(of_sql) {
            conn.queue_query(&prepared.text);
            slot.prefix.push_back(false);
        }
    }

    /// Keeps the text of a PREPARE as it was sent.
    pub(super) fn note_sent(&mut self, statement: &Statement, sent: &[u8]) {
        if let Kind::Prepare(name) = &statement.kind
            && let Some(prepared) = self.prepared_mut(name.as_bytes())
        {
            prepared.text = Bytes::copy_from_slice(sent);
        }
    }
}

fn columns(description: &Description) -> Option<&Bytes> {
    description.columns.as_ref()
}
