//! Puts the parts together: split, classify, walk; and the fallback to identifiers.

use std::ops::Range;

use super::classify::{Class, classify};
use super::head::Head;
use super::split::{Piece, Splitter};
use super::tables::{Entry, Found, identifiers, walk};
use super::{Access, Analysis, Fingerprint, Kind, Reading, Statement};

/// What a text holds, without a cache.
pub fn analyze(reading: Reading, text: &[u8]) -> Analysis {
    let readable = reading.encoding.readable(text);
    let text = readable.as_ref();
    let statements = Splitter::new(reading, text).map(|piece| statement(reading, text, piece)).collect();
    Analysis { statements, fingerprint: Fingerprint::of(reading, text) }
}

fn statement(reading: Reading, text: &[u8], piece: Piece) -> Statement {
    let head = Head { text, tokens: &piece.head, at: 0, reading, cut: piece.cut };
    let class = classify(&head);
    let found = class.walk.map(|(at, entry)| follow(reading, text, at, piece.span.clone(), entry));
    conclude(reading, text, piece, class, found)
}

fn follow(reading: Reading, text: &[u8], at: usize, span: Range<usize>, entry: Entry) -> Found {
    if entry != Entry::Literal {
        return walk(reading, text, span, at, entry);
    }
    // The literal's contents stand for themselves (`head::plain_literal`), so that their places are the text's.
    let end = text.get(at + 1..span.end).and_then(|t| t.iter().position(|b| matches!(b, b'\'' | b'"')));
    let inner = at + 1..end.map_or(span.end, |n| at + 1 + n);
    let piece = text.get(..inner.end).unwrap_or_default();
    let mut class = None;
    if let Some(first) = Splitter::within(reading, piece, inner.start).next() {
        let head = Head { text: piece, tokens: &first.head, at: 0, reading, cut: first.cut };
        class = Some(classify(&head));
    }
    let mut found = walk(reading, text, inner, 0, Entry::Query);
    if let Some(class) = class {
        found.sure &= class.known;
        if class.walk.is_none() {
            found.tables = class.tables;
        }
    }
    found
}

fn conclude(reading: Reading, text: &[u8], piece: Piece, class: Class, found: Option<Found>) -> Statement {
    let mut out = Statement {
        span: piece.span,
        kind: class.kind,
        tables: class.tables,
        access: class.access,
        unpreparable: class.unpreparable,
        backend_override: piece.backend,
        parsed: class.known,
        qualifiers: Vec::new(),
        leaves_state: class.leaves_state,
        asks_sequence: false,
    };
    if let Some(found) = found {
        out.tables.extend(found.tables);
        out.qualifiers = found.qualifiers;
        out.parsed &= found.sure;
        if !class.only_plans {
            out.access = out.access.max(found.access);
            out.unpreparable = out.unpreparable.or(found.unpreparable);
            out.leaves_state |= found.leaves_state;
            out.asks_sequence = found.asks_sequence;
        }
        // A query that is not understood may do anything.
        if !found.sure && out.access == Access::Read && out.kind == Kind::Query {
            out.access = Access::MaybeWrite;
        }
    }
    if !out.parsed {
        out.tables = identifiers(reading, text, out.span.clone());
        out.qualifiers = Vec::new();
    }
    out
}
