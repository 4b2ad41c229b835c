//! Forms of MySQL that the parser does not know, put into ones that it does, token by token: a lock's older name, words that
//! only mean something to MySQL's own storage, UPDATE of a list of tables, WITH ROLLUP.

#![allow(clippy::wildcard_enum_match_arm, reason = "the tokens of a library: a hundred kinds, of which a few matter")]

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

/// The tokens that say something, with what was changed.
pub(super) fn plain(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let tokens: Vec<TokenWithSpan> = tokens.into_iter().filter(|t| !matches!(t.token, Token::Whitespace(_))).collect();
    let tokens = shared_locks(tokens);
    let tokens = rollups(tokens);
    let tokens = negations(tokens);
    match tokens.first().map(keyword) {
        Some(Keyword::UPDATE) => updated(tokens),
        Some(Keyword::DELETE) => deleted(tokens),
        _ => tokens,
    }
}

fn keyword(token: &TokenWithSpan) -> Keyword {
    match &token.token {
        Token::Word(Word { keyword, quote_style: None, .. }) => *keyword,
        _ => Keyword::NoKeyword,
    }
}

fn is(token: Option<&TokenWithSpan>, words: &[&str]) -> bool {
    match token.map(|t| &t.token) {
        Some(Token::Word(Word { value, quote_style: None, .. })) => words.iter().any(|w| value.eq_ignore_ascii_case(w)),
        _ => false,
    }
}

fn word(at: &TokenWithSpan, text: &str) -> TokenWithSpan {
    TokenWithSpan { token: Token::make_keyword(text), span: at.span }
}

/// `LOCK IN SHARE MODE` is `FOR SHARE`.
fn shared_locks(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut out = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let lock = [(0, "LOCK"), (1, "IN"), (2, "SHARE"), (3, "MODE")];
        if lock.iter().all(|(n, text)| is(tokens.get(at + n), &[text])) {
            out.extend([word(token, "FOR"), word(token, "SHARE")]);
            at += 4;
        } else {
            out.push(token.clone());
            at += 1;
        }
    }
    out
}

/// `!a.b` is `(NOT a.b)`.
fn negations(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    if !tokens.iter().any(|t| t.token == Token::ExclamationMark) {
        return tokens;
    }
    let mut out = Vec::with_capacity(tokens.len() + 8);
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        let mut end = at;
        while let (Some(Token::Word(_)), Some(Token::Period)) =
            (tokens.get(end).map(|t| &t.token), tokens.get(end + 1).map(|t| &t.token))
        {
            end += 2;
        }
        let name = matches!(tokens.get(end).map(|t| &t.token), Some(Token::Word(_)));
        let call = matches!(tokens.get(end + 1).map(|t| &t.token), Some(Token::LParen));
        if token.token != Token::ExclamationMark || !name || call {
            out.push(token.clone());
            continue;
        }
        let sign = |token| TokenWithSpan { token, span: tokens[at - 1].span };
        out.extend([sign(Token::LParen), word(token, "NOT")]);
        out.extend(tokens[at..=end].iter().cloned());
        out.push(sign(Token::RParen));
        at = end + 1;
    }
    out
}

/// `GROUP BY a, b WITH ROLLUP` is `GROUP BY ROLLUP (a, b)`.
fn rollups(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut at = 0;
    while at + 1 < tokens.len() {
        if !(is(tokens.get(at), &["WITH"]) && is(tokens.get(at + 1), &["ROLLUP"])) {
            at += 1;
            continue;
        }
        let Some(start) = group_before(&tokens, at) else {
            at += 1;
            continue;
        };
        let here = tokens[at].clone();
        tokens[at] = TokenWithSpan { token: Token::RParen, span: here.span };
        tokens.remove(at + 1);
        let open = TokenWithSpan { token: Token::LParen, span: here.span };
        tokens.splice(start..start, [word(&here, "ROLLUP"), open]);
        at += 3;
    }
    tokens
}

/// The place behind the GROUP BY that a token belongs to.
fn group_before(tokens: &[TokenWithSpan], end: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for at in (1..end).rev() {
        match &tokens[at].token {
            Token::RParen => depth += 1,
            Token::LParen => depth = depth.checked_sub(1)?,
            _ if depth == 0 && is(tokens.get(at), &["BY"]) && is(tokens.get(at - 1), &["GROUP"]) => {
                return Some(at + 1);
            }
            _ => {}
        }
    }
    None
}

/// `UPDATE a, b SET` is `UPDATE a CROSS JOIN b SET`.
fn updated(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut out = Vec::with_capacity(tokens.len());
    let mut depth = 0_usize;
    let mut list = true;
    for (at, token) in tokens.iter().enumerate() {
        match &token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            Token::Comma if list && depth == 0 => {
                out.extend([word(token, "CROSS"), word(token, "JOIN")]);
                continue;
            }
            _ if at == 1 && is(Some(token), &["LOW_PRIORITY"]) => continue,
            _ if depth == 0 && is(Some(token), &["SET"]) => list = false,
            _ => {}
        }
        out.push(token.clone());
    }
    out
}

/// `DELETE a.* FROM` is `DELETE a FROM`.
fn deleted(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut out: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut targets = true;
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        targets &= keyword(token) != Keyword::FROM;
        if out.len() == 1 && targets && is(Some(token), &["LOW_PRIORITY", "QUICK"]) {
            continue;
        }
        if targets && token.token == Token::Period && tokens.get(at).is_some_and(|t| t.token == Token::Mul) {
            at += 1;
            continue;
        }
        out.push(token.clone());
    }
    out
}
