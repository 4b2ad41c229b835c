//! One statement's syntax tree, bounded: what is too deep or too long to walk safely is refused before it is parsed.
//!
//! Three bounds keep every text harmless: its bytes, how deep its parentheses nest, and how long a chain without a comma
//! or parenthesis is (operators, joins, unions and casts nest as deep as they are long). Trees of that size fit the stack on
//! which they are parsed, walked and dropped; none of the three is reached by statements that people write.

#![allow(clippy::wildcard_enum_match_arm, reason = "the tokens of a library: a hundred kinds, of which a few matter")]

use sqlparser::ast::Statement;
use sqlparser::dialect::{Dialect as Grammar, MySqlDialect, PostgreSqlDialect};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError, ParserOptions};
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer, Word};

use crate::base::{Dialect, Engine, Fault, FaultKind};
use crate::sql::Reading;
use crate::sql::lex::{Lexer, TokenKind};

use super::refused;

/// Stack for a parse, its walk and the tree's end, in bytes: chains of operators nest as deep as they are long. Only what is
/// used of it becomes memory.
const STACK_BYTES: usize = 256 * 1024 * 1024;
/// What the parser itself counts: nested expressions, subqueries and the like.
const RECURSION_MAX: usize = 300;
/// Nested parentheses and brackets.
const DEPTH_MAX: usize = 100;
/// Calls within each other: the parser reads each argument twice (it could have a name), so the innermost one 2^n times.
const CALLS_MAX: usize = 12;
/// Tokens in a row without a comma, summed over the parentheses around: as deep as a tree can get. Each level takes a few
/// KiB of the stack in a build without optimization.
const CHAIN_MAX: usize = 4_000;
/// Bytes of a statement.
const TEXT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Parses `text` and hands the tree to `walk`, both on a stack that is large enough for whatever passed the bounds.
pub fn with_tree<R: Send>(
    text: &[u8],
    reading: Reading,
    engine: Engine,
    walk: impl FnOnce(Statement) -> Result<R, Fault> + Send,
) -> Result<R, Fault> {
    let illegible = || Fault::new(FaultKind::NotTranslatable, "a statement that is not UTF-8 cannot be translated");
    let text = super::octets::legible(text, reading).ok_or_else(illegible)?;
    let text = text.as_ref();
    if text.len() > TEXT_BYTES_MAX {
        let what = format!("a statement of {} bytes is too large to translate", text.len());
        return Err(Fault::new(FaultKind::TooLarge, what).hint(format!("{TEXT_BYTES_MAX} bytes are the most.")));
    }
    readable(text, reading, engine)?;
    stacker::grow(STACK_BYTES, || walk(tree(text, reading, engine)?))
}

/// Refuses the readings that the parser does not know, where the text could be read in two ways.
fn readable(text: &str, reading: Reading, engine: Engine) -> Result<(), Fault> {
    let backslash = text.contains('\\');
    match reading.dialect {
        Dialect::Postgres if reading.backslash_escapes && backslash => {
            Err(refused("a backslash while standard_conforming_strings is off", engine))
        }
        Dialect::Mysql if !reading.backslash_escapes && backslash => {
            Err(refused("a backslash under NO_BACKSLASH_ESCAPES", engine).hint("Send the text as a parameter."))
        }
        Dialect::Mysql if reading.ansi_quotes && backslash && text.contains('"') => {
            Err(refused("a backslash beside quotes under ANSI_QUOTES", engine).hint("Send the text as a parameter."))
        }
        // Versions decide whether these run.
        Dialect::Mysql if executes_a_comment(text, reading) => Err(refused("a comment that is executed", engine)),
        Dialect::Postgres | Dialect::Mysql => Ok(()),
    }
}

/// Whether a `/*! … */` stands anywhere but in a literal or a quoted name.
fn executes_a_comment(text: &str, reading: Reading) -> bool {
    let mut tokens = Lexer::new(reading, text.as_bytes());
    let mut quoted = 0..0;
    let marks = ["/*!", "/*M!", "/*m!"];
    let mut places: Vec<usize> = marks.iter().flat_map(|mark| text.match_indices(mark)).map(|(at, _)| at).collect();
    places.sort_unstable();
    places.into_iter().any(|at| {
        while quoted.end <= at {
            let Some(token) = tokens.find(|token| matches!(token.kind, TokenKind::Str | TokenKind::Quoted)) else {
                return true;
            };
            quoted = token.start..token.end;
        }
        quoted.start > at
    })
}

fn tree(text: &str, reading: Reading, engine: Engine) -> Result<Statement, Fault> {
    let grammar: &dyn Grammar = match reading.dialect {
        Dialect::Postgres => &PostgreSqlDialect {},
        Dialect::Mysql => &MySqlDialect {},
    };
    let tokens = Tokenizer::new(grammar, text).with_unescape(true).tokenize_with_location();
    let mut tokens = tokens.map_err(|error| unread(&error.into(), reading.dialect))?;
    bounded(&tokens)?;
    match reading.dialect {
        Dialect::Postgres => weaker_locks(&mut tokens),
        Dialect::Mysql if reading.ansi_quotes => tokens.iter_mut().for_each(quoted_name),
        Dialect::Mysql => {}
    }
    if reading.dialect == Dialect::Mysql {
        tokens = super::mysql_words::plain(tokens);
    }
    let options = ParserOptions::new().with_unescape(true);
    let parsed = Parser::new(grammar)
        .with_recursion_limit(RECURSION_MAX)
        .with_options(options)
        .with_tokens_with_locations(tokens)
        .parse_statements();
    let mut statements = parsed.map_err(|error| unread(&error, reading.dialect))?;
    match (statements.pop(), statements.is_empty()) {
        (Some(one), true) => Ok(one),
        _ => Err(refused("anything but one statement", engine)),
    }
}

fn unread(error: &ParserError, dialect: Dialect) -> Fault {
    let what = match error {
        ParserError::TokenizerError(what) | ParserError::ParserError(what) => what.as_str(),
        ParserError::RecursionLimitExceeded => "it is nested too deeply",
    };
    Fault::new(FaultKind::NotTranslatable, format!("the statement could not be read for translation: {what}")).hint(
        format!("Write it in a plainer form of {dialect}, or send it to its backend in the backend's own dialect."),
    )
}

/// Refuses what would make a tree too deep.
fn bounded(tokens: &[TokenWithSpan]) -> Result<(), Fault> {
    let mut open: Vec<(usize, bool)> = Vec::new();
    let (mut here, mut around, mut calls) = (0_usize, 0_usize, 0_usize);
    let mut named = false;
    for token in tokens {
        match &token.token {
            Token::Whitespace(_) => continue,
            Token::LParen | Token::LBracket | Token::LBrace => {
                open.push((here, named));
                calls += usize::from(named);
                around += here;
                here = 0;
            }
            Token::RParen | Token::RBracket | Token::RBrace => {
                let (before, call) = open.pop().unwrap_or((0, false));
                calls -= usize::from(call);
                around -= before;
                here = before;
            }
            Token::Comma | Token::SemiColon => here = 0,
            _ => {}
        }
        named = matches!(token.token, Token::Word(_)) && !clause(keyword(token));
        here += 1;
        if open.len() > DEPTH_MAX || here + around > CHAIN_MAX || calls > CALLS_MAX {
            return Err(Fault::new(FaultKind::TooLarge, "the statement is nested too deeply to translate").hint(format!(
                "At most {DEPTH_MAX} parentheses within each other, {CALLS_MAX} calls, and {CHAIN_MAX} words in a row \
                 without a comma."
            )));
        }
    }
    Ok(())
}

/// Words before a parenthesis that is no call.
fn clause(word: Keyword) -> bool {
    matches!(
        word,
        Keyword::IN
            | Keyword::EXISTS
            | Keyword::FROM
            | Keyword::JOIN
            | Keyword::ON
            | Keyword::WHERE
            | Keyword::HAVING
            | Keyword::SELECT
            | Keyword::AND
            | Keyword::OR
            | Keyword::NOT
            | Keyword::WHEN
            | Keyword::THEN
            | Keyword::ELSE
            | Keyword::CASE
            | Keyword::AS
            | Keyword::BY
            | Keyword::VALUES
            | Keyword::LATERAL
            | Keyword::UNION
            | Keyword::ALL
            | Keyword::EXCEPT
            | Keyword::INTERSECT
    )
}

fn keyword(token: &TokenWithSpan) -> Keyword {
    match &token.token {
        Token::Word(Word { keyword, quote_style: None, .. }) => *keyword,
        _ => Keyword::NoKeyword,
    }
}

/// `FOR NO KEY UPDATE` and `FOR KEY SHARE`, which the parser does not know, as the stronger locks beside them: MySQL has
/// no others. And `FROM ONLY t`, which it takes for a table of that name.
fn weaker_locks(tokens: &mut Vec<TokenWithSpan>) {
    let words: Vec<usize> = (0..tokens.len())
        .filter(|&at| tokens.get(at).is_some_and(|t| !matches!(t.token, Token::Whitespace(_))))
        .collect();
    let word = |at: usize| words.get(at).and_then(|&n| tokens.get(n)).map_or(Keyword::NoKeyword, keyword);
    let mut drop = Vec::new();
    for at in 0..words.len() {
        let extra = match (word(at), word(at + 1), word(at + 2), word(at + 3)) {
            (Keyword::FOR, Keyword::NO, Keyword::KEY, Keyword::UPDATE) => 2,
            (Keyword::FOR, Keyword::KEY, Keyword::SHARE, _) => 1,
            // MySQL's tables have no heirs.
            (Keyword::FROM | Keyword::UPDATE | Keyword::JOIN, Keyword::ONLY, _, _) => 1,
            _ => 0,
        };
        drop.extend((at + 1..=at + extra).filter_map(|n| words.get(n).copied()));
    }
    if drop.is_empty() {
        return;
    }
    let mut at = 0;
    tokens.retain(|_| {
        at += 1;
        !drop.contains(&(at - 1))
    });
}

/// `"x"` is a name under ANSI_QUOTES.
fn quoted_name(token: &mut TokenWithSpan) {
    if let Token::DoubleQuotedString(name) = &token.token {
        let value = name.clone();
        token.token = Token::Word(Word { value, quote_style: Some('`'), keyword: Keyword::NoKeyword });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(dialect: Dialect, text: &str) -> Result<String, Fault> {
        with_tree(text.as_bytes(), Reading::new(dialect), Engine::Mariadb, |tree| Ok(tree.to_string()))
    }

    #[test]
    fn a_deep_or_long_text_is_refused_and_never_overflows() {
        for text in [
            format!("SELECT {}1{}", "(".repeat(50_000), ")".repeat(50_000)),
            format!("SELECT 1{}", "+1".repeat(100_000)),
            format!("SELECT {}1", "- ".repeat(100_000)),
            format!("SELECT {} true", "NOT ".repeat(100_000)),
            format!("SELECT 1{}", " UNION SELECT 1".repeat(50_000)),
            format!("SELECT 1{}", "::int".repeat(50_000)),
            format!("SELECT * FROM {}a{}", "(".repeat(90), ")".repeat(90)),
            format!("SELECT {} 1 {}", "CASE WHEN true THEN ".repeat(10_000), "END ".repeat(10_000)),
            format!("SELECT {}1{}", "f(".repeat(95), ")".repeat(95)),
            format!("SELECT {}1{}", "f(".repeat(12), ")".repeat(12)),
            format!("SELECT {}1{}", "(SELECT ".repeat(95), ")".repeat(95)),
            format!("SELECT 1 IN {}1{}", "(1 IN ".repeat(95), ")".repeat(95)),
            format!("SELECT 1{}", " AND 1".repeat(1_900)),
        ] {
            for dialect in [Dialect::Postgres, Dialect::Mysql] {
                let started = crate::base::clock::now();
                drop(read(dialect, &text));
                assert!(started.elapsed().as_secs() < 20, "{} took too long", &text[..30]);
            }
        }
    }

    #[test]
    fn many_rows_and_long_lists_are_read() {
        let rows = vec!["(1, 'a', NULL)"; 20_000].join(", ");
        assert!(read(Dialect::Postgres, &format!("INSERT INTO t VALUES {rows}")).is_ok());
        let list = vec!["1"; 50_000].join(", ");
        assert!(read(Dialect::Mysql, &format!("SELECT 1 IN ({list})")).is_ok());
        assert!(read(Dialect::Postgres, &format!("SELECT 1 WHERE 1 = 1{}", " OR a = 1".repeat(900))).is_ok());
    }

    #[test]
    fn comments_are_skipped_unless_they_are_executed() {
        assert!(read(Dialect::Postgres, "/* handfast: backend=x */ SELECT 1 -- end").is_ok());
        assert!(read(Dialect::Mysql, "/* handfast: backend=x */ SELECT 1 # end").is_ok());
        assert!(read(Dialect::Mysql, "SELECT /*!50000 1 + */ 1").is_err());
        for quoted in ["SELECT '/*!', \"it's /*M!\" AS `/*!50000 x`", r"SELECT 'it\'s /*! */'", "SELECT 1 AS `a``/*!`"]
        {
            assert!(read(Dialect::Mysql, quoted).is_ok(), "{quoted}");
        }
        for executed in
            ["SELECT '/*!' /*! + 1 */", "/*M!100000 SELECT */ 1", "SELECT /* a /*! */ '/*!'", "SELECT 1 /*! 'x"]
        {
            assert!(read(Dialect::Mysql, executed).is_err(), "{executed}");
        }
        assert!(read(Dialect::Postgres, "SELECT 1; SELECT 2").is_err());
    }

    #[test]
    fn quotes_are_read_as_the_session_says_or_refused() {
        let ansi = Reading { ansi_quotes: true, ..Reading::new(Dialect::Mysql) };
        let read =
            |reading, text: &str| with_tree(text.as_bytes(), reading, Engine::Postgres, |tree| Ok(tree.to_string()));
        assert_eq!(read(ansi, "SELECT \"a\" FROM t").as_deref(), Ok("SELECT `a` FROM t"));
        assert!(read(ansi, "SELECT \"a\\\"\"").is_err());
        let plain = Reading { backslash_escapes: false, ..Reading::new(Dialect::Mysql) };
        assert!(read(plain, "SELECT 'a\\'").is_err());
        let old = Reading { backslash_escapes: true, ..Reading::new(Dialect::Postgres) };
        assert!(read(old, "SELECT 'a\\'").is_err());
        assert!(read(old, "SELECT 'a'").is_ok());
    }

    #[test]
    fn weaker_locks_become_the_stronger_ones() {
        assert_eq!(
            read(Dialect::Postgres, "SELECT 1 FROM t FOR NO KEY UPDATE").as_deref(),
            Ok("SELECT 1 FROM t FOR UPDATE")
        );
        assert_eq!(
            read(Dialect::Postgres, "SELECT 1 FROM t FOR KEY SHARE").as_deref(),
            Ok("SELECT 1 FROM t FOR SHARE")
        );
    }
}
