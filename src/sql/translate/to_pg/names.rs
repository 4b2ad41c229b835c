//! The names of result columns: what the client wrote, letter by letter.

use sqlparser::ast::{Expr, Ident, Value};
use sqlparser::dialect::MySqlDialect;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use super::Walk;

/// Words between SELECT and its list.
const MODIFIERS: &[&str] = &[
    "DISTINCT",
    "DISTINCTROW",
    "ALL",
    "HIGH_PRIORITY",
    "STRAIGHT_JOIN",
    "SQL_SMALL_RESULT",
    "SQL_BIG_RESULT",
    "SQL_BUFFER_RESULT",
    "SQL_NO_CACHE",
    "SQL_CACHE",
    "SQL_CALC_FOUND_ROWS",
];

/// A text's tokens with the byte where each begins and ends.
#[derive(Debug)]
struct Piece {
    token: Token,
    begins: Location,
    bytes: std::ops::Range<usize>,
}

/// The texts of a SELECT's items: `start` is where the word SELECT stands. Empty if they cannot be told.
pub(super) fn item_texts(text: &str, start: Location) -> Vec<String> {
    let dialect = MySqlDialect {};
    let Ok(tokens) = Tokenizer::new(&dialect, text).with_unescape(false).tokenize_with_location() else {
        return Vec::new();
    };
    let pieces = pieces(text, tokens);
    let Some(at) = pieces.iter().position(|p| p.begins == start) else { return Vec::new() };
    let list = pieces[at + 1..].iter().skip_while(|p| modifier(&p.token));
    let mut out = Vec::new();
    let mut depth = 0_usize;
    let mut item: Option<std::ops::Range<usize>> = None;
    for piece in list {
        match &piece.token {
            Token::LParen => depth += 1,
            Token::RParen if depth == 0 => break,
            Token::RParen => depth -= 1,
            Token::Comma if depth == 0 => {
                out.extend(item.take().map(|range| text[range].to_owned()));
                continue;
            }
            token if depth == 0 && ends(token) => break,
            _ => {}
        }
        item = Some(item.map_or(piece.bytes.start, |i| i.start)..piece.bytes.end);
    }
    out.extend(item.map(|range| text[range].to_owned()));
    out
}

/// Tokens that are no white space or comment, with their bytes.
fn pieces(text: &str, tokens: Vec<TokenWithSpan>) -> Vec<Piece> {
    let mut out = Vec::new();
    let mut chars = text.char_indices();
    let mut here = Location::new(1, 1);
    let mut byte = 0;
    let mut reach = |to: Location| {
        while here < to {
            let Some((at, c)) = chars.next() else { break };
            byte = at + c.len_utf8();
            here = if c == '\n' { Location::new(here.line + 1, 1) } else { Location::new(here.line, here.column + 1) };
        }
        byte
    };
    for TokenWithSpan { token, span } in tokens {
        let bytes = reach(span.start)..reach(span.end);
        if !matches!(token, Token::Whitespace(_) | Token::EOF) {
            out.push(Piece { token, begins: span.start, bytes });
        }
    }
    out
}

fn modifier(token: &Token) -> bool {
    matches!(token, Token::Word(w) if w.quote_style.is_none() && MODIFIERS.contains(&w.value.to_uppercase().as_str()))
}

fn ends(token: &Token) -> bool {
    match token {
        Token::SemiColon => true,
        Token::Word(w) if w.quote_style.is_none() => matches!(
            w.keyword,
            Keyword::FROM
                | Keyword::INTO
                | Keyword::UNION
                | Keyword::EXCEPT
                | Keyword::INTERSECT
                | Keyword::WHERE
                | Keyword::GROUP
                | Keyword::HAVING
                | Keyword::ORDER
                | Keyword::LIMIT
                | Keyword::FOR
                | Keyword::LOCK
                | Keyword::WINDOW
        ),
        _ => false,
    }
}

/// The name of a column, if the expression is nothing else: as written here.
pub(super) fn column_words(expr: &Expr) -> Option<Vec<Ident>> {
    match expr {
        Expr::Identifier(ident) => Some(vec![ident.clone()]),
        Expr::CompoundIdentifier(idents) => Some(idents.clone()),
        Expr::Nested(inner) => column_words(inner),
        _ => None,
    }
}

impl Walk<'_> {
    /// MySQL's name for a result column without an alias. `text`: as the item is written.
    pub(super) fn item_name(&self, expr: &Expr, text: Option<&String>) -> String {
        if let Some(words) = column_words(expr)
            && let Some(last) = words.last()
        {
            return last.value.clone();
        }
        if let Expr::Value(value) = expr {
            match &value.value {
                // MySQL names `'a' 'b'` by its first part, MariaDB by the whole.
                Value::SingleQuotedString(s) | Value::DoubleQuotedString(s) => {
                    let first =
                        if self.request.reading.mariadb { None } else { text.and_then(|t| first_of_several(t)) };
                    return first.unwrap_or(s).trim_start().to_owned();
                }
                Value::Null => return "NULL".to_owned(),
                Value::Boolean(b) if self.request.reading.mariadb => return b.to_string().to_uppercase(),
                _ => {}
            }
        }
        text.cloned().unwrap_or_else(|| Self::column_name(expr))
    }
}

/// Of plain quoted texts beside each other, what the first one holds.
fn first_of_several(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let (first, rest) = text.get(1..)?.split_once(quote)?;
    let several = rest.starts_with(|c: char| c.is_ascii_whitespace()) && !first.contains('\\');
    several.then_some(first)
}
