//! Texts that want to hurt: nothing panics, nothing overflows, nothing takes long, nothing is lost.

use std::sync::Arc;

use proptest::prelude::*;

use super::corpus::{statements, store_and_delivery};
use super::names::only;
use crate::base::Dialect;
use crate::sql::lex::Lexer;
use crate::sql::{AnalysisCache, Reading, analyze};

const DIALECTS: [Dialect; 2] = [Dialect::Postgres, Dialect::Mysql];

#[test]
fn five_thousand_terms_are_read_as_one_select() {
    let terms: Vec<String> = (0..5_000).map(|n| format!("a = {n}")).collect();
    let text = format!("SELECT * FROM agents WHERE {}", terms.join(" OR "));
    for dialect in DIALECTS {
        let statement = only(dialect, &text);
        assert!(statement.parsed);
        assert_eq!(statement.tables.len(), 1);
    }
}

#[test]
fn a_million_open_parentheses_fall_back_to_identifiers() {
    for text in [format!("SELECT {}", "(".repeat(1_000_000)), format!("SELECT * FROM {}agents", "(".repeat(1_000_000))]
    {
        for dialect in DIALECTS {
            assert!(!only(dialect, &text).parsed);
        }
    }
}

#[test]
fn long_chains_of_anything_are_linear() {
    let unions = vec!["SELECT 1 FROM agents"; 5_000].join(" UNION ALL ");
    assert_eq!(only(Dialect::Postgres, &unions).tables.len(), 5_000);
    let ctes: Vec<String> = (0..5_000).map(|n| format!("c{n} AS (SELECT 1)")).collect();
    assert!(!only(Dialect::Postgres, &format!("WITH {} SELECT * FROM c1", ctes.join(", "))).parsed);
    let rows = "(1, 'x', now()),".repeat(200_000);
    let bulk = only(Dialect::Mysql, &format!("INSERT INTO agents (a, b, c) VALUES {rows}(1)"));
    assert!(bulk.parsed);
    assert_eq!(bulk.tables.len(), 1);
    assert!(!only(Dialect::Postgres, &format!("SELECT * FROM {}a", "a, ".repeat(50_000))).parsed);
    for mark in ["/*", "$a", "'", "\"", "`", "/*!", "$a$b"] {
        for dialect in DIALECTS {
            analyze(Reading::new(dialect), mark.repeat(200_000).as_bytes());
        }
    }
}

#[test]
fn splitting_loses_nothing_and_cuts_only_at_semicolons() {
    let postgres = "SELECT ';' ; /* ; */ SELECT $$;$$;;SELECT \";\" -- ;\n; SELECT 'a\\';CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2); COMMIT";
    let analysis = analyze(Reading::new(Dialect::Postgres), postgres.as_bytes());
    let parts: Vec<&str> = analysis.statements.iter().map(|s| &postgres[s.span.clone()]).collect();
    assert_eq!(
        parts,
        [
            "SELECT ';'",
            "/* ; */ SELECT $$;$$",
            "SELECT \";\" -- ;",
            "SELECT 'a\\'",
            "CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2)",
            "COMMIT",
        ]
    );
    let mysql = "SELECT 'a\\';'; # ;\nCOMMIT; CREATE PROCEDURE p() BEGIN SELECT 1; SELECT 2; END; ";
    let analysis = analyze(Reading::new(Dialect::Mysql), mysql.as_bytes());
    let parts: Vec<&str> = analysis.statements.iter().map(|s| &mysql[s.span.clone()]).collect();
    assert_eq!(parts, ["SELECT 'a\\';'", "# ;\nCOMMIT", "CREATE PROCEDURE p() BEGIN SELECT 1; SELECT 2; END;"]);
    assert!(analyze(Reading::new(Dialect::Postgres), b" ; -- x\n;").statements.is_empty());
}

#[test]
fn a_text_is_kept_when_it_comes_again_and_a_reading_has_its_own() {
    let cache = AnalysisCache::new(16);
    let reading = Reading::new(Dialect::Mysql);
    cache.analyze(reading, b"SELECT '\\' FROM a -- '");
    assert!(cache.is_empty(), "it may never come again");
    let first = cache.analyze(reading, b"SELECT '\\' FROM a -- '");
    assert!(Arc::ptr_eq(&first, &cache.analyze(reading, b"SELECT '\\' FROM a -- '")));
    let other = cache.analyze(Reading { backslash_escapes: false, ..reading }, b"SELECT '\\' FROM a -- '");
    assert_ne!(first.statements[0].tables.len(), other.statements[0].tables.len());
    cache.analyze(Reading { backslash_escapes: false, ..reading }, b"SELECT '\\' FROM a -- '");
    for _ in 0..3 {
        cache.analyze(reading, &vec![b'x'; 20_000]);
    }
    assert_eq!(cache.len(), 2);
}

/// Holds for every text whatsoever.
fn check(text: &[u8]) {
    for dialect in DIALECTS {
        for (backslash_escapes, ansi_quotes, mariadb) in [(false, true, true), (true, false, false)] {
            let reading = Reading { backslash_escapes, ansi_quotes, mariadb, ..Reading::new(dialect) };
            let mut end = 0;
            for token in Lexer::new(reading, text) {
                assert!(token.start >= end && token.end > token.start && token.end <= text.len());
                end = token.end;
            }
            let analysis = analyze(reading, text);
            let mut end = 0;
            let routes = store_and_delivery(dialect);
            for statement in &analysis.statements {
                let span = &statement.span;
                assert!(span.start >= end && span.end >= span.start && span.end <= text.len());
                end = span.end;
                for table in statement.tables.iter().chain(&statement.qualifiers) {
                    assert!(span.start <= table.span.start && table.span.end <= span.end);
                    assert!(table.span.start <= table.name_span.start && table.name_span.end == table.span.end);
                }
                routes.plan(dialect, text, statement);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_panic(text in proptest::collection::vec(any::<u8>(), 0..300)) {
        check(&text);
    }

    #[test]
    fn random_words_never_panic(words in proptest::collection::vec(proptest::sample::select(WORDS), 0..60)) {
        check(words.join(" ").as_bytes());
        check(words.concat().as_bytes());
    }

    #[test]
    fn mutated_real_statements_never_panic(
        index in any::<proptest::sample::Index>(),
        at in any::<proptest::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<proptest::sample::Index>(),
    ) {
        let all = statements();
        let (_, text) = &all[index.index(all.len())];
        let mut bytes = text.clone().into_bytes();
        if !bytes.is_empty() {
            let place = at.index(bytes.len());
            bytes[place] = byte;
            check(&bytes);
            bytes.truncate(cut.index(bytes.len()));
        }
        check(&bytes);
    }
}

const WORDS: &[&str] = &[
    "SELECT",
    "FROM",
    "WITH",
    "RECURSIVE",
    "AS",
    "(",
    ")",
    ",",
    ";",
    ".",
    "a",
    "\"b\"",
    "`c`",
    "'",
    "\"",
    "`",
    "$$",
    "$x$",
    "/*",
    "*/",
    "/*!",
    "--",
    "#",
    "\n",
    "INSERT",
    "INTO",
    "UPDATE",
    "SET",
    "DELETE",
    "USING",
    "JOIN",
    "ON",
    "MERGE",
    "CREATE",
    "TABLE",
    "VIEW",
    "FUNCTION",
    "BEGIN",
    "ATOMIC",
    "END",
    "CASE",
    "LIKE",
    "UNION",
    "VALUES",
    "ONLY",
    "LATERAL",
    "@",
    "@@",
    ":=",
    "::",
    "=",
    "E'",
    "U&\"\\0061\"",
    "1",
    "1e",
    "0x",
    "?",
    "$1",
    "[",
    "]",
    "{",
    "}",
    "COPY",
    "TO",
    "PREPARE",
    "EXECUTE",
    "DECLARE",
    "CURSOR",
    "FOR",
    "GLOBAL",
    "autocommit",
    "TRANSACTION",
    "XA",
    "SHOW",
    "EXPLAIN",
    "ANALYZE",
    "set_config",
    "agents",
    "items",
    "delivery",
    "handfast: backend=x",
    "SEARCH",
    "BY",
    "LOCK",
    "TABLES",
    "DROP",
    "\\",
];
