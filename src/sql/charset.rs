//! What a byte is in the client's character set. In some, a byte that looks like a backslash or a quote may be the second
//! half of a character, and servers read it so; whoever reads it otherwise sees another statement than the server.
//!
//! Source: `my_ismbchar` of MySQL's and MariaDB's `strings/ctype-*.c`.

/// The client's character set, as far as it matters for cutting a text into tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ClientCharset {
    /// A byte that looks like ASCII is ASCII: UTF-8, the single-byte sets, and of the others euckr, ujis, gb2312.
    #[default]
    AsciiSafe,
    /// GBK.
    Gbk,
    /// Big5.
    Big5,
    /// Shift-JIS, and Microsoft's (cp932).
    Sjis,
    /// GB 18030: two or four bytes.
    Gb18030,
}

impl ClientCharset {
    /// By the server's name of the set (`@@character_set_client`).
    pub fn named(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "gbk" => Self::Gbk,
            "big5" => Self::Big5,
            "sjis" | "cp932" => Self::Sjis,
            "gb18030" => Self::Gb18030,
            _safe => Self::AsciiSafe,
        }
    }

    /// Bytes of the character that a text starts with: 1 unless it is one of several bytes, whole and valid.
    pub(super) fn width(self, text: &[u8]) -> usize {
        let &[head, tail, ref rest @ ..] = text else { return 1 };
        if head < 0x80 {
            return 1;
        }
        let low = (0x40..=0x7e).contains(&tail);
        let two = match self {
            Self::AsciiSafe => false,
            Self::Gbk => (0x81..=0xfe).contains(&head) && (low || (0x80..=0xfe).contains(&tail)),
            Self::Big5 => (0xa1..=0xf9).contains(&head) && (low || (0xa1..=0xfe).contains(&tail)),
            Self::Sjis => matches!(head, 0x81..=0x9f | 0xe0..=0xfc) && (low || (0x80..=0xfc).contains(&tail)),
            Self::Gb18030 => (0x81..=0xfe).contains(&head) && (low || (0x80..=0xfe).contains(&tail)),
        };
        let digit = |byte: u8| byte.is_ascii_digit();
        match rest {
            _ if two => 2,
            [third, last, ..] if self == Self::Gb18030 && digit(tail) && digit(*last) => {
                if (0x81..=0xfe).contains(&head) && (0x81..=0xfe).contains(third) { 4 } else { 1 }
            }
            [..] => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backslash_is_a_half_only_where_the_set_says_so() {
        let widths = |text: &[u8]| {
            [
                ClientCharset::AsciiSafe,
                ClientCharset::Gbk,
                ClientCharset::Big5,
                ClientCharset::Sjis,
                ClientCharset::Gb18030,
            ]
            .map(|set| set.width(text))
        };
        assert_eq!(widths(b"\xbf\\"), [1, 2, 2, 1, 2]);
        assert_eq!(widths(b"\x95\\"), [1, 2, 1, 2, 2]);
        assert_eq!(widths(b"\xff\\"), [1; 5]);
        assert_eq!(widths(b"\xbf'"), [1; 5]);
        assert_eq!(widths(b"\x81\x30\x81\x30"), [1, 1, 1, 1, 4]);
        assert_eq!(widths(b"\x81\x30\x81'"), [1; 5]);
        assert_eq!(widths(b"\xbf"), [1; 5]);
        assert_eq!(widths(b"a\\"), [1; 5]);
        assert_eq!(widths(b""), [1; 5]);
    }

    #[test]
    fn sets_are_found_by_the_servers_names() {
        assert_eq!(ClientCharset::named("GBK"), ClientCharset::Gbk);
        assert_eq!(ClientCharset::named("cp932"), ClientCharset::Sjis);
        assert_eq!(ClientCharset::named("utf8mb4"), ClientCharset::AsciiSafe);
    }
}
