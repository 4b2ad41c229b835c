//! Prepared statements for tables on PostgreSQL. They are prepared here alone: what COM_STMT_PREPARE answers comes from the
//! translation, and COM_STMT_EXECUTE sends a text with the values in it.

use std::collections::HashMap;

use super::super::prepared::Prepared;
use super::super::{Ran, Session, Step};
use super::Asked;
use crate::base::{BackendId, Fault, FaultKind};
use crate::relay::mysql::foreign::{Form, column_definition, parameter_definition};
use crate::route::ForeignTable;
use crate::sql::Kind;
use crate::wire::mysql::answer;
use crate::wire::mysql::read::put_lenenc_bytes;
use crate::wire::value::{MyType, Value, mysql};

/// Bytes of COM_STMT_EXECUTE before the bitmap of NULLs: id (4), flags (1), iterations (4).
const HEAD_BYTES: usize = 9;

/// Parameters that came in pieces, until the next execution.
#[derive(Debug, Default)]
pub(in crate::session::mysql) struct Pieces {
    by_parameter: HashMap<u16, Vec<u8>>,
    bytes: usize,
    too_large: bool,
}

impl Pieces {
    /// Adds a piece: parameter's number (2), bytes.
    pub(in crate::session::mysql) fn add(&mut self, body: &[u8], bytes_max: usize) {
        let Some((number, piece)) = body.split_first_chunk::<2>() else { return };
        self.too_large |= self.bytes + piece.len() > bytes_max;
        if !self.too_large {
            self.bytes += piece.len();
            self.by_parameter.entry(u16::from_le_bytes(*number)).or_default().extend_from_slice(piece);
        }
    }
}

/// An execution's parameters.
struct Bound {
    declared: Vec<Option<MyType>>,
    values: Vec<Value>,
}

impl Session {
    /// COM_STMT_PREPARE. `None`: it cannot be, and the client was told.
    pub(in crate::session::mysql) async fn prepare_foreign(
        &mut self,
        id: u32,
        prepared: &mut Prepared,
        backend: BackendId,
        tables: &[ForeignTable],
    ) -> Step {
        let kind = prepared.analysis.statements.first().map(|s| s.kind.clone()).unwrap_or(Kind::Other);
        if let Some(fault) = self.refused_kind(&kind, backend) {
            return Ok(self.foreign_fault(&fault));
        }
        let Some(facts) = self.facts().await? else { return Ok(Ran::Failed) };
        let text = prepared.text.clone();
        let asked = Asked {
            text: statement_of(prepared, &text),
            backend,
            tables,
            enlist: false,
            more: false,
            form: Form::Binary,
            declared: &[],
            values: &[],
        };
        let made = match self.translated(&asked, &facts).await {
            Ok(made) => made,
            Err(fault) => return Ok(self.foreign_fault(&fault)),
        };
        let number = |count: usize| u16::try_from(count).ok();
        let (Some(columns), Some(parameters)) = (number(made.columns.len()), number(made.parameters.len())) else {
            let fault = Fault::new(FaultKind::TooLarge, "a statement with more than 65535 parameters or columns");
            return Ok(self.foreign_fault(&fault));
        };
        prepared.parameters = parameters;
        prepared.pieces = Some(Pieces::default());
        let mut ok = vec![0];
        ok.extend_from_slice(&id.to_le_bytes());
        ok.extend_from_slice(&columns.to_le_bytes());
        ok.extend_from_slice(&parameters.to_le_bytes());
        ok.extend_from_slice(&[0, 0, 0]);
        self.client.put(&ok);
        let end = answer::eof(self.status(), 0);
        for ty in &made.parameters {
            self.client.put(&parameter_definition(ty, &facts.table));
        }
        if parameters > 0 {
            self.client.put(&end);
        }
        for column in &made.columns {
            self.client.put(&column_definition(column, &facts.table));
        }
        if columns > 0 {
            self.client.put(&end);
        }
        Ok(Ran::Fine)
    }

    /// COM_STMT_EXECUTE. A cursor may be asked for; answering by rows at once is a server's right.
    pub(in crate::session::mysql) async fn execute_foreign(
        &mut self,
        prepared: &mut Prepared,
        body: &[u8],
        backend: BackendId,
        tables: &[ForeignTable],
    ) -> Step {
        let bound = match bind(prepared, body) {
            Ok(bound) => bound,
            Err(fault) => return Ok(self.foreign_fault(&fault)),
        };
        let text = prepared.text.clone();
        let statement = prepared.analysis.statements.first();
        let commits = statement.is_some_and(|s| matches!(s.kind, Kind::Ddl | Kind::OutsideTransaction));
        let settles = statement.is_some_and(|s| matches!(s.kind, Kind::Show));
        if commits && self.end_before(false).await? == Ran::Failed {
            return Ok(Ran::Failed);
        }
        let asked = Asked {
            text: statement_of(prepared, &text),
            backend,
            tables,
            enlist: self.enlists() && !commits && !settles,
            more: false,
            form: Form::Binary,
            declared: &bound.declared,
            values: &bound.values,
        };
        self.ask(asked).await
    }
}

/// The statement without what stands around it.
fn statement_of<'a>(prepared: &Prepared, text: &'a [u8]) -> &'a [u8] {
    prepared.analysis.statements.first().and_then(|s| text.get(s.span.clone())).unwrap_or(text)
}

/// Reads an execution's body: after the head a bitmap of NULLs, "types follow" (1), types (2 each), values.
fn bind(prepared: &mut Prepared, body: &[u8]) -> Result<Bound, Fault> {
    let count = usize::from(prepared.parameters);
    let pieces = prepared.pieces.replace(Pieces::default()).unwrap_or_default();
    if pieces.too_large {
        return Err(Fault::new(
            FaultKind::TooLarge,
            "parameters sent in pieces are larger than limits.statement_bytes",
        ));
    }
    let mut bound = Bound { declared: Vec::with_capacity(count), values: Vec::with_capacity(count) };
    if count == 0 {
        return Ok(bound);
    }
    let malformed = || Fault::new(FaultKind::ProtocolViolation, "malformed COM_STMT_EXECUTE");
    let bitmap = body.get(HEAD_BYTES..HEAD_BYTES + count.div_ceil(8)).ok_or_else(malformed)?;
    let rest = &body[HEAD_BYTES + bitmap.len()..];
    let (&sent, mut rest) = rest.split_first().ok_or_else(malformed)?;
    if sent == 1 {
        let (types, values) = rest.split_at_checked(2 * count).ok_or_else(malformed)?;
        prepared.types = types.to_vec();
        rest = values;
    }
    if prepared.types.len() != 2 * count {
        return Err(malformed());
    }
    for (at, ty) in prepared.types.chunks_exact(2).enumerate() {
        let (code, unsigned) = (ty[0], ty[1] & 0x80 != 0);
        let piece = u16::try_from(at).ok().and_then(|at| pieces.by_parameter.get(&at));
        let value = if let Some(piece) = piece {
            let mut whole = Vec::with_capacity(piece.len() + 9);
            put_lenenc_bytes(&mut whole, piece);
            mysql::decode_parameter(code, unsigned, &whole).map(|(value, _)| value)
        } else if bitmap[at / 8] & 1 << (at % 8) != 0 {
            Ok(Value::Null)
        } else {
            mysql::decode_parameter(code, unsigned, rest).map(|(value, used)| {
                rest = rest.get(used..).unwrap_or_default();
                value
            })
        };
        let value = value.map_err(|e| Fault::new(FaultKind::NotConvertible, format!("parameter {}: {e}", at + 1)))?;
        bound.declared.push(declared(mysql::parameter_type(code, unsigned), &value));
        bound.values.push(value);
    }
    Ok(bound)
}

/// The type that counts. Text says little: drivers send dates, decimals and numbers as text, and the server reads it as
/// what it meets; so does the translator when it is told nothing.
fn declared(ty: MyType, value: &Value) -> Option<MyType> {
    match (value, &ty) {
        (Value::Null | Value::Text(_), _) => None,
        (
            _,
            MyType::Null | MyType::Char(_) | MyType::Varchar(_) | MyType::Text(_) | MyType::Enum(_) | MyType::Set(_),
        ) => None,
        (_, known) => Some(known.clone()),
    }
}
