//! The walk over an answer's packets: pure, bytes in, bytes out.

use bytes::{Buf, BytesMut};

use super::{Passing, Relayed, Shape};
use crate::backend::mysql::server_error;
use crate::base::limits::{MYSQL_PACKET_BYTES_MAX, RELAY_BUFFER_BYTES};
use crate::wire::mysql::answer::{self, Answer};
use crate::wire::mysql::packet::{HEADER_BYTES, head};
use crate::wire::mysql::read::Reader;
use crate::wire::mysql::status;

/// OK, ERR and EOF are small; only rows and column definitions may be larger.
const CONTROL_BYTES_MAX: usize = 1 << 20;

/// Of the EOF before OUT parameters.
const OUT_PARAMETERS: u16 = status::PS_OUT_PARAMS | status::MORE_RESULTS;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// OK, ERR, LOCAL INFILE or the number of columns.
    First,
    /// So many column definitions, then EOF.
    Columns(u64),
    /// Rows up to EOF or ERR.
    Rows,
    /// The answer to COM_STMT_PREPARE.
    PreparedFirst,
    /// So many definitions and EOF; then so many more and EOF.
    Definitions(u16, u16),
    /// Column definitions up to EOF.
    Fields,
    /// One packet, whatever it is.
    Line,
    /// The end.
    Done,
}

/// What the walk waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// More bytes of the backend.
    Need,
    /// The client, so that memory stays bounded.
    Flush,
    /// The client's file, sent to the backend from this sequence number on.
    LocalFile {
        /// The backend's next number.
        next_seq: u8,
    },
    /// Nothing: the answer is over.
    Done,
}

pub(super) struct Walk {
    how: Passing,
    state: State,
    swallow: usize,
    /// The next packet continues a payload of 2^24 − 1 bytes.
    continued: bool,
    /// Bytes of the current packet that are still to be passed on.
    left: usize,
    /// The backend's next packet has this number.
    due: u8,
    /// The rows are OUT parameters: another answer follows whatever their end says.
    out_parameters: bool,
    relayed: Relayed,
}

/// What one control packet means for the walk.
enum Turn {
    Pass,
    Swallow,
    LocalFile,
}

type Malformed = &'static str;

impl Walk {
    /// Over an answer whose first packet has the number `due`.
    pub(super) fn new(how: Passing, due: u8) -> Self {
        let state = match how.shape {
            Shape::Results => State::First,
            Shape::Prepared { .. } => State::PreparedFirst,
            Shape::Rows => State::Rows,
            Shape::Fields => State::Fields,
            Shape::Line => State::Line,
        };
        Self {
            how,
            state,
            swallow: how.swallow,
            continued: false,
            left: 0,
            due,
            out_parameters: false,
            relayed: Relayed::default(),
        }
    }

    /// Whether the client holds half a payload.
    pub(super) fn is_torn(&self) -> bool {
        self.left > 0 || self.continued
    }

    pub(super) fn into_relayed(self) -> Relayed {
        self.relayed
    }

    /// Passes on what can be passed on.
    pub(super) fn advance(
        &mut self,
        inbuf: &mut BytesMut,
        out: &mut BytesMut,
        seq: &mut u8,
    ) -> Result<Progress, Malformed> {
        let mut at = 0;
        let progress = loop {
            let here = self.left.min(inbuf.len() - at);
            at += here;
            self.left -= here;
            if self.left > 0 {
                break Progress::Need;
            }
            if self.state == State::Done {
                break Progress::Done;
            }
            if out.len() + at >= RELAY_BUFFER_BYTES {
                break Progress::Flush;
            }
            let Some((len, number)) = head(&inbuf[at..]) else { break Progress::Need };
            let first = inbuf.get(at + HEADER_BYTES).copied();
            if len > 0 && first.is_none() {
                break Progress::Need;
            }
            if !self.continued && self.is_control(len, first) {
                if len > CONTROL_BYTES_MAX {
                    return Err("an oversized control packet");
                }
                let Some(packet) = inbuf.get_mut(at..at + HEADER_BYTES + len) else { break Progress::Need };
                self.in_order(number)?;
                match self.control(&mut packet[HEADER_BYTES..])? {
                    Turn::Pass => {}
                    Turn::Swallow => {
                        // Ours come before anything of the client's, so there is no run before them.
                        inbuf.advance(HEADER_BYTES + len);
                        continue;
                    }
                    Turn::LocalFile => {
                        number_packet(packet, seq);
                        at += HEADER_BYTES + len;
                        break Progress::LocalFile { next_seq: number.wrapping_add(1) };
                    }
                }
            } else {
                self.in_order(number)?;
                if !self.continued {
                    self.definition_or_row();
                }
            }
            self.continued = len == MYSQL_PACKET_BYTES_MAX;
            number_packet(&mut inbuf[at..], seq);
            at += HEADER_BYTES;
            self.left = len;
        };
        out.extend_from_slice(&inbuf[..at]);
        inbuf.advance(at);
        Ok(progress)
    }

    /// A packet with another number is not this answer's: the rest of an older one, or of nobody's.
    fn in_order(&mut self, number: u8) -> Result<(), Malformed> {
        if number != self.due {
            return Err("a packet out of order");
        }
        self.due = number.wrapping_add(1);
        Ok(())
    }

    /// The client has sent packets up to this number, and the backend goes on behind them.
    pub(super) fn resume(&mut self, number: u8) {
        self.due = number;
    }

    /// Whether the walk must look into this packet.
    fn is_control(&self, len: usize, first: Option<u8>) -> bool {
        match self.state {
            State::First | State::PreparedFirst | State::Line | State::Done => true,
            State::Columns(0) | State::Definitions(0, _) => true,
            State::Columns(_) | State::Rows | State::Definitions(..) | State::Fields => {
                first == Some(0xff) || first == Some(0xfe) && len < 9
            }
        }
    }

    fn definition_or_row(&mut self) {
        match &mut self.state {
            State::Columns(left) => *left = left.saturating_sub(1),
            State::Definitions(left, _) => *left = left.saturating_sub(1),
            State::Rows => self.relayed.row_number += 1,
            State::First | State::PreparedFirst | State::Fields | State::Line | State::Done => {}
        }
    }

    fn control(&mut self, payload: &mut [u8]) -> Result<Turn, Malformed> {
        if self.state == State::Line {
            self.state = State::Done;
            return Ok(Turn::Pass);
        }
        if payload.first() == Some(&0xff) {
            answer::read_err(payload).ok_or("a malformed error")?;
            return Ok(self.error(payload));
        }
        match self.state {
            State::First => self.first(payload),
            State::PreparedFirst => self.prepared(payload),
            State::Columns(_) => {
                let raw = self.patch_eof(payload)?;
                if raw & status::CURSOR_EXISTS != 0 {
                    self.end_of_result(raw);
                } else {
                    self.out_parameters = raw & OUT_PARAMETERS == OUT_PARAMETERS;
                    self.state = State::Rows;
                }
                Ok(Turn::Pass)
            }
            State::Rows | State::Fields => {
                let raw = self.patch_eof(payload)?;
                let more = if std::mem::take(&mut self.out_parameters) { status::MORE_RESULTS } else { 0 };
                self.end_of_result(raw | more);
                Ok(Turn::Pass)
            }
            State::Definitions(_, next) => {
                self.patch_eof(payload)?;
                self.state = if next > 0 { State::Definitions(next, 0) } else { State::Done };
                Ok(Turn::Pass)
            }
            State::Line | State::Done => Err("a packet after the end"),
        }
    }

    fn error(&mut self, payload: &[u8]) -> Turn {
        self.state = State::Done;
        let error = server_error(payload);
        if self.swallow > 0 {
            self.relayed.prefix_error = Some(error);
            return Turn::Swallow;
        }
        self.relayed.errno = Some(error.errno);
        self.relayed.sqlstate = Some(error.sqlstate);
        Turn::Pass
    }

    fn first(&mut self, payload: &mut [u8]) -> Result<Turn, Malformed> {
        match answer::read(payload).ok_or("a malformed answer")? {
            Answer::Ok(done) if self.swallow > 0 => {
                if done.status & status::MORE_RESULTS == 0 {
                    return Err("an answer is missing");
                }
                self.swallow -= 1;
                self.relayed.swallowed += 1;
                Ok(Turn::Swallow)
            }
            Answer::Ok(done) => {
                self.relayed.affected = self.relayed.affected.saturating_add(done.affected);
                self.relayed.affected_last = done.affected;
                self.relayed.warnings = done.warnings;
                self.relayed.rows_last = false;
                if done.insert_id != 0 {
                    self.relayed.insert_id = done.insert_id;
                }
                self.relayed.matched |= done.affected == 0 && says_matched(payload);
                let at = answer::ok_status_at(payload).ok_or("a malformed OK")?;
                self.patch(payload, at, done.status);
                self.end_of_result(done.status);
                Ok(Turn::Pass)
            }
            Answer::Eof { .. } => {
                let raw = self.patch_eof(payload)?;
                self.end_of_result(raw);
                Ok(Turn::Pass)
            }
            Answer::LocalFile if self.swallow == 0 => Ok(Turn::LocalFile),
            Answer::Columns(count) if self.swallow == 0 => {
                self.relayed.rows = true;
                self.relayed.rows_last = true;
                self.relayed.row_number = 0;
                self.state = State::Columns(count);
                Ok(Turn::Pass)
            }
            Answer::LocalFile | Answer::Columns(_) | Answer::Err(_) => Err("an answer that was not asked for"),
        }
    }

    fn prepared(&mut self, payload: &mut [u8]) -> Result<Turn, Malformed> {
        let mut r = Reader::new(payload);
        let facts = (|| {
            r.u8()?;
            Some((r.u32()?, r.u16()?, r.u16()?))
        })();
        let (backend_id, columns, parameters) = facts.ok_or("a malformed answer to PREPARE")?;
        if let Shape::Prepared { id } = self.how.shape {
            payload[1..5].copy_from_slice(&id.to_le_bytes());
        }
        self.relayed.prepared = Some((backend_id, parameters));
        self.state = match (parameters, columns) {
            (0, 0) => State::Done,
            (0, columns) => State::Definitions(columns, 0),
            (parameters, columns) => State::Definitions(parameters, columns),
        };
        Ok(Turn::Pass)
    }

    /// Our flags instead of the backend's; returns what the backend said.
    fn patch_eof(&mut self, payload: &mut [u8]) -> Result<u16, Malformed> {
        let (raw, warnings) = answer::read_eof(payload).ok_or("a malformed EOF")?;
        self.relayed.warnings = warnings;
        if payload[0] != 0xfe {
            return Err("no EOF where one was due");
        }
        self.patch(payload, 3, raw);
        Ok(raw)
    }

    fn patch(&mut self, payload: &mut [u8], at: usize, raw: u16) {
        // Servers say "more follows" in every OK and EOF of a statement that is not the last.
        let more = if self.how.more { status::MORE_RESULTS } else { 0 };
        let ours = raw & !self.how.status_mask | self.how.status & self.how.status_mask | more;
        payload[at..at + 2].copy_from_slice(&ours.to_le_bytes());
    }

    /// An OK or EOF that ends one result; another follows if it says so.
    fn end_of_result(&mut self, raw: u16) {
        self.relayed.status = Some(raw);
        if raw & status::MORE_RESULTS != 0 {
            self.state = State::First;
            return;
        }
        self.state = State::Done;
    }
}

fn number_packet(packet: &mut [u8], seq: &mut u8) {
    packet[3] = *seq;
    *seq = seq.wrapping_add(1);
}

/// `Rows matched: 3  Changed: 0  Warnings: 0`
fn says_matched(ok: &[u8]) -> bool {
    let info = ok.windows(14).position(|w| w == b"Rows matched: ");
    info.is_some_and(|at| !ok[at..].starts_with(b"Rows matched: 0 "))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::mysql::answer::{Done, err, ok};
    use crate::wire::mysql::packet::put;

    fn passing(swallow: usize, more: bool) -> Passing {
        Passing { shape: Shape::Results, swallow, status_mask: status::IN_TRANS, status: status::IN_TRANS, more }
    }

    fn packets(payloads: &[&[u8]]) -> BytesMut {
        let (mut out, mut seq) = (BytesMut::new(), 1);
        payloads.iter().for_each(|p| put(&mut out, &mut seq, &[p]));
        out
    }

    fn done(status: u16) -> Vec<u8> {
        ok(Done { affected: 2, status, ..Done::default() })
    }

    /// Feeds the bytes in pieces; returns what the client gets.
    fn walked(how: Passing, bytes: &[u8], piece: usize) -> (BytesMut, Relayed) {
        let mut walk = Walk::new(how, 1);
        let (mut inbuf, mut client, mut seq) = (BytesMut::new(), BytesMut::new(), 1);
        let mut pieces = bytes.chunks(piece);
        loop {
            let mut out = BytesMut::new();
            let progress = walk.advance(&mut inbuf, &mut out, &mut seq).unwrap();
            client.extend_from_slice(&out);
            match progress {
                Progress::Done => return (client, walk.into_relayed()),
                Progress::Need => inbuf.extend_from_slice(pieces.next().unwrap()),
                Progress::Flush => {}
                Progress::LocalFile { .. } => panic!("no file was asked for"),
            }
        }
    }

    fn result_set(row: &[u8], status: u16) -> BytesMut {
        let column = answer::text_column("c");
        packets(&[&[1], &column, &answer::eof(status, 0), row, row, &answer::eof(status, 0)])
    }

    proptest! {
        #[test]
        fn a_result_set_arrives_the_same_however_it_is_split(row in proptest::collection::vec(1_u8..0xfb, 1..400), piece in 1_usize..300) {
            let (got, relayed) = walked(passing(0, false), &result_set(&row, 2), piece);
            prop_assert_eq!(got, result_set(&row, 2 | status::IN_TRANS));
            prop_assert!(relayed.rows);
            prop_assert_eq!(relayed.status, Some(2));
        }

        #[test]
        fn no_bytes_make_the_walk_panic(bytes: Vec<u8>, swallow in 0_usize..3) {
            let mut walk = Walk::new(passing(swallow, false), 1);
            let (mut inbuf, mut out) = (BytesMut::from(&bytes[..]), BytesMut::new());
            let _progress = walk.advance(&mut inbuf, &mut out, &mut 1);
        }
    }

    #[test]
    fn rows_of_sixteen_mebibytes_pass_and_their_bytes_are_not_taken_for_packets() {
        // The continuation begins with 0xfe: an EOF, were it looked at.
        let mut row = vec![0xfe; MYSQL_PACKET_BYTES_MAX + 3];
        row[0] = 1;
        let (got, relayed) = walked(passing(0, false), &result_set(&row, 2), 1 << 20);
        assert_eq!(got.len(), result_set(&row, 2).len());
        assert_eq!(relayed.status, Some(2));
    }

    #[test]
    fn answers_to_our_own_verbs_are_kept_and_the_numbers_close_up() {
        let bytes = packets(&[&done(2 | status::MORE_RESULTS), &done(3 | status::MORE_RESULTS), &done(3)]);
        let (got, relayed) = walked(passing(2, false), &bytes, 7);
        assert_eq!(got, packets(&[&done(3)]));
        assert_eq!((relayed.swallowed, relayed.affected), (2, 2));
    }

    #[test]
    fn an_error_of_our_own_verb_reaches_nobody_but_us() {
        let bytes = packets(&[&err(1440, "XAE08", "exists")]);
        let (got, relayed) = walked(passing(1, false), &bytes, 3);
        assert!(got.is_empty());
        assert_eq!(relayed.prefix_error.map(|e| e.errno), Some(1440));
        assert_eq!(relayed.errno, None);
    }

    #[test]
    fn the_last_answer_says_that_more_follows_only_if_it_does() {
        let bytes = packets(&[&done(2)]);
        assert_eq!(walked(passing(0, true), &bytes, 4).0, packets(&[&done(3 | status::MORE_RESULTS)]));
        assert_eq!(walked(passing(0, false), &bytes, 4).0, packets(&[&done(3)]));
    }

    #[test]
    fn a_prepared_statement_gets_the_client_s_id() {
        let mut first = vec![0];
        first.extend_from_slice(&77_u32.to_le_bytes());
        first.extend_from_slice(&[1, 0, 2, 0, 0, 0, 0]);
        let definition = answer::text_column("?");
        let end = answer::eof(3, 0);
        let bytes = packets(&[&first, &definition, &definition, &end, &definition, &end]);
        let how = Passing { shape: Shape::Prepared { id: 5 }, ..passing(0, false) };
        let (got, relayed) = walked(how, &bytes, 9);
        first[1] = 5;
        assert_eq!(got, packets(&[&first, &definition, &definition, &end, &definition, &end]));
        assert_eq!(relayed.prepared, Some((77, 2)));
    }

    #[test]
    fn an_update_that_matched_rows_is_told_from_one_that_did_not() {
        let mut matched = ok(Done::default());
        matched.extend_from_slice(b"\x28Rows matched: 1  Changed: 0  Warnings: 0");
        let mut none = ok(Done::default());
        none.extend_from_slice(b"\x28Rows matched: 0  Changed: 0  Warnings: 0");
        assert!(walked(passing(0, false), &packets(&[&matched]), 99).1.matched);
        assert!(!walked(passing(0, false), &packets(&[&none]), 99).1.matched);
    }

    #[test]
    fn the_row_of_out_parameters_is_not_the_end() {
        let column = answer::text_column("y");
        let (before, behind) = (answer::eof(2 | OUT_PARAMETERS, 0), answer::eof(2, 0));
        let bytes = packets(&[&[1], &column, &before, &[0, 0, 5], &behind, &done(2)]);
        let (got, relayed) = walked(passing(0, false), &bytes, 5);
        assert_eq!((got.len(), relayed.affected), (bytes.len(), 2));
    }

    #[test]
    fn a_packet_out_of_order_is_nobody_s_answer() {
        let mut bytes = packets(&[&done(2)]);
        bytes[3] = 2;
        let refused = Walk::new(passing(0, false), 1).advance(&mut bytes.clone(), &mut BytesMut::new(), &mut 1);
        assert!(refused.is_err());
        let taken = Walk::new(passing(0, false), 2).advance(&mut bytes, &mut BytesMut::new(), &mut 1);
        assert_eq!(taken, Ok(Progress::Done));
    }
}
