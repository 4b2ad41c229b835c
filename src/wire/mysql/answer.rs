//! OK, ERR and EOF: written for clients, read from backends.

use super::read::{Reader, put_lenenc};
use crate::base::Fault;

/// An OK packet's facts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Rows changed (or found).
    pub affected: u64,
    /// AUTO_INCREMENT value made.
    pub insert_id: u64,
    /// [`super::status`].
    pub status: u16,
    /// How many warnings SHOW WARNINGS will list.
    pub warnings: u16,
}

/// An ERR packet's facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Error number.
    pub errno: u16,
    /// SQLSTATE.
    pub sqlstate: String,
    /// Text; lossy where it is not UTF-8.
    pub message: String,
}

/// What the first packet of an answer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// OK: no rows.
    Ok(Done),
    /// ERR.
    Err(Refusal),
    /// EOF: status only (COM_SET_OPTION, the end of rows).
    Eof {
        /// [`super::status`].
        status: u16,
        /// Warnings.
        warnings: u16,
    },
    /// The server asks for a local file.
    LocalFile,
    /// A result set with so many columns.
    Columns(u64),
}

/// Reads the first packet of an answer to a text; `None` if malformed.
pub fn read(payload: &[u8]) -> Option<Answer> {
    let mut r = Reader::new(payload);
    match *payload.first()? {
        0x00 => read_ok(payload).map(Answer::Ok),
        0xff => read_err(payload).map(Answer::Err),
        0xfe if payload.len() < 9 => read_eof(payload).map(|(status, warnings)| Answer::Eof { status, warnings }),
        0xfb => Some(Answer::LocalFile),
        _ => r.lenenc().map(Answer::Columns),
    }
}

/// Reads an OK packet.
pub fn read_ok(payload: &[u8]) -> Option<Done> {
    let mut r = Reader::new(payload);
    r.u8()?;
    Some(Done { affected: r.lenenc()?, insert_id: r.lenenc()?, status: r.u16()?, warnings: r.u16()? })
}

/// Where an OK packet's status flags stand in its payload.
pub fn ok_status_at(payload: &[u8]) -> Option<usize> {
    let mut r = Reader::new(payload);
    r.u8()?;
    r.lenenc()?;
    r.lenenc()?;
    let at = payload.len() - r.rest().len();
    r.u16().map(|_| at)
}

/// Reads an EOF packet: status and warnings.
pub fn read_eof(payload: &[u8]) -> Option<(u16, u16)> {
    let mut r = Reader::new(payload);
    r.u8()?;
    let warnings = r.u16()?;
    Some((r.u16()?, warnings))
}

/// Reads an ERR packet, with or without SQLSTATE (there is none before the login).
pub fn read_err(payload: &[u8]) -> Option<Refusal> {
    let mut r = Reader::new(payload);
    r.u8()?;
    let errno = r.u16()?;
    let mut sqlstate = String::from("HY000");
    if r.rest().first() == Some(&b'#') {
        r.u8()?;
        sqlstate = String::from_utf8_lossy(r.bytes(5)?).into_owned();
    }
    Some(Refusal { errno, sqlstate, message: String::from_utf8_lossy(r.rest()).into_owned() })
}

/// An OK packet's payload.
pub fn ok(facts: Done) -> Vec<u8> {
    let mut out = Vec::with_capacity(16);
    out.push(0);
    put_lenenc(&mut out, facts.affected);
    put_lenenc(&mut out, facts.insert_id);
    out.extend_from_slice(&facts.status.to_le_bytes());
    out.extend_from_slice(&facts.warnings.to_le_bytes());
    out
}

/// An EOF packet's payload.
pub fn eof(status: u16, warnings: u16) -> [u8; 5] {
    let (s, w) = (status.to_le_bytes(), warnings.to_le_bytes());
    [0xfe, w[0], w[1], s[0], s[1]]
}

/// An ERR packet's payload. The text is cut at 512 bytes less one, as servers do.
pub fn err(errno: u16, sqlstate: &str, message: &str) -> Vec<u8> {
    const TEXT_BYTES_MAX: usize = 511;
    let mut out = vec![0xff];
    out.extend_from_slice(&errno.to_le_bytes());
    out.push(b'#');
    out.extend_from_slice(sqlstate.as_bytes());
    let cut = (0..=message.len().min(TEXT_BYTES_MAX)).rev().find(|&at| message.is_char_boundary(at)).unwrap_or(0);
    out.extend_from_slice(&message.as_bytes()[..cut]);
    out
}

/// A fault of ours as an ERR packet's payload.
pub fn fault(fault: &Fault) -> Vec<u8> {
    err(fault.kind.errno(), fault.kind.mysql_state(), &fault.mysql_message())
}

/// A column definition's payload: a text column of a table that is none.
pub fn text_column(name: &str) -> Vec<u8> {
    const UTF8MB4: u16 = 45;
    const VAR_STRING: u8 = 0xfd;
    let mut out = Vec::with_capacity(40);
    for part in ["def", "", "", "", name, name] {
        super::read::put_lenenc_bytes(&mut out, part.as_bytes());
    }
    out.push(0x0c);
    out.extend_from_slice(&UTF8MB4.to_le_bytes());
    out.extend_from_slice(&2048_u32.to_le_bytes());
    out.extend_from_slice(&[VAR_STRING, 0, 0, 31, 0, 0]);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::FaultKind;

    proptest! {
        #[test]
        fn an_ok_reads_back_and_its_status_is_found(affected: u64, insert_id: u64, status: u16, warnings: u16) {
            let facts = Done { affected, insert_id, status, warnings };
            let payload = ok(facts);
            prop_assert_eq!(read(&payload), Some(Answer::Ok(facts)));
            let at = ok_status_at(&payload).unwrap();
            prop_assert_eq!(&payload[at..at + 2], &status.to_le_bytes());
        }

        #[test]
        fn no_bytes_make_reading_an_answer_panic(bytes: Vec<u8>) {
            read(&bytes);
            ok_status_at(&bytes);
        }
    }

    #[test]
    fn an_error_is_cut_between_characters() {
        let payload = err(1105, "HY000", &"ä".repeat(400));
        let back = read_err(&payload).unwrap();
        assert_eq!((back.errno, back.sqlstate.as_str()), (1105, "HY000"));
        assert_eq!(back.message, "ä".repeat(255));
    }

    #[test]
    fn a_fault_says_its_number_and_our_code() {
        let back = read_err(&fault(&Fault::new(FaultKind::TooManyClients, "full"))).unwrap();
        assert_eq!(
            (back.errno, back.sqlstate.as_str(), back.message.as_str()),
            (1040, "08004", "full (hint: Use fewer connections, or raise limits.clients.) [HF0501]")
        );
    }
}
