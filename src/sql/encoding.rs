//! Texts in encodings in which a part of a character can look like a quote or a backslash. The server converts a text before
//! it reads it; here such parts are blotted out, byte for byte, so that what is found stands at the same place in the
//! original. Source: PostgreSQL's `pg_wchar.h` and `wchar.c` (the encodings that only clients may use, and how long a
//! character is).

use std::borrow::Cow;

/// What matters of a client's encoding for reading its texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// UTF-8, or bytes that the server takes as they are.
    #[default]
    Utf8,
    /// Every byte of a character beyond ASCII has its high bit set: the EUC family, ISO 8859, Windows code pages …
    Safe,
    /// BIG5, GBK, UHC: a byte with the high bit begins a character of two.
    Pairs,
    /// SJIS, SHIFT_JIS_2004: as that, but for the half-width katakana, which are one byte.
    Sjis,
    /// GB18030: characters of two or four bytes.
    Gb18030,
    /// JOHAB: characters of two bytes, or of three behind 0x8F.
    Johab,
}

impl Encoding {
    /// By the name that PostgreSQL reports.
    pub fn of_postgres(name: &[u8]) -> Self {
        match name {
            b"UTF8" | b"SQL_ASCII" => Self::Utf8,
            b"BIG5" | b"GBK" | b"UHC" => Self::Pairs,
            b"SJIS" | b"SHIFT_JIS_2004" => Self::Sjis,
            b"GB18030" => Self::Gb18030,
            b"JOHAB" => Self::Johab,
            _ => Self::Safe,
        }
    }

    /// Bytes of the character at the front of `text`, which begins with a byte whose high bit is set.
    fn character_bytes(self, text: &[u8]) -> usize {
        match (self, text) {
            (Self::Utf8 | Self::Safe, _) | (Self::Sjis, [0xA1..=0xDF, ..]) => 1,
            (Self::Gb18030, [_, b'0'..=b'9', ..]) => 4,
            (Self::Johab, [0x8F, ..]) => 3,
            (Self::Pairs | Self::Sjis | Self::Gb18030 | Self::Johab, _) => 2,
        }
    }

    /// The text with the ASCII bytes inside longer characters replaced: of the same length, and safe to be read byte by
    /// byte. A character that is cut off by the end is the server's to refuse.
    pub fn readable(self, text: &[u8]) -> Cow<'_, [u8]> {
        if matches!(self, Self::Utf8 | Self::Safe) || text.is_ascii() {
            return Cow::Borrowed(text);
        }
        let mut read = text.to_vec();
        let mut at = 0;
        while let Some(&byte) = text.get(at) {
            let bytes = if byte.is_ascii() { 1 } else { self.character_bytes(&text[at..]) };
            let end = (at + bytes).min(text.len());
            for part in &mut read[at..end] {
                *part |= if bytes > 1 { 0x80 } else { 0 };
            }
            at = end;
        }
        Cow::Owned(read)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::Dialect;
    use crate::sql::{Reading, analyze};

    fn statements(encoding: &[u8], text: &[u8]) -> usize {
        let reading = Reading { encoding: Encoding::of_postgres(encoding), ..Reading::new(Dialect::Postgres) };
        analyze(reading, text).statements.len()
    }

    #[test]
    fn a_part_of_a_character_is_no_quote_and_no_backslash() {
        // SJIS 表 is 95 5C, BIG5 功 is A5 5C, GBK 乗 is 81 5C, all with a backslash; GB18030 has characters of four bytes with
        // digits in them; SJIS's half-width ｱ is B1 alone.
        let cases: &[(&[u8], &[u8], usize)] = &[
            (b"SJIS", b"select E'\x95\x5c'; select 2", 2),
            (b"UTF8", b"select E'\x95\x5c'; select 2", 1),
            (b"SHIFT_JIS_2004", b"select E'\x95\x5c'; select 2", 2),
            (b"SJIS", b"select 'x\xb1'; select 2", 2),
            (b"BIG5", b"select E'\xa5\x5c'; select 2", 2),
            (b"GBK", b"select E'\x81\x5c'; select 2", 2),
            (b"UHC", b"select E'\x81\x5c'; select 2", 2),
            (b"GB18030", b"select E'\x81\x30\x81\x30', E'\x81\x5c'; select 2", 2),
            (b"JOHAB", b"select E'\x8f\xa1\x5c', E'\xd0\x5c'; select 2", 2),
            (b"EUC_JP", b"select E'\xa5\xa5'; select 2", 2),
            (b"LATIN1", b"select E'\xe9\\\\'; select 2", 2),
        ];
        for (encoding, text, count) in cases {
            assert_eq!(statements(encoding, text), *count, "{}", String::from_utf8_lossy(encoding));
        }
    }

    proptest! {
        #[test]
        fn what_is_read_has_the_same_length_and_the_same_ascii_outside(text in prop::collection::vec(any::<u8>(), 0..60)) {
            for name in [&b"SJIS"[..], b"BIG5", b"GB18030", b"JOHAB", b"LATIN1", b"UTF8"] {
                let read = Encoding::of_postgres(name).readable(&text);
                prop_assert_eq!(read.len(), text.len());
                prop_assert!(read.iter().zip(&text).all(|(a, b)| a == b || (*a == b | 0x80)));
            }
        }
    }
}
