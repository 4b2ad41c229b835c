//! Commands: what a text asks for, if it is no SELECT.

use super::tables::TABLES;
use crate::base::{Dialect, Fault, FaultKind};
use crate::config::nearest;
use crate::sql::Reading;
use crate::sql::lex::Lexer;

/// What is done to the house.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Reads the configuration again.
    Reload,
    /// New statements for a backend wait.
    Pause(String),
    /// They go on.
    Resume(String),
    /// Ends when the open transactions have.
    Drain,
    /// Ends a transaction in doubt.
    Resolve {
        /// Its name.
        name: String,
        /// COMMIT rather than ROLLBACK.
        commit: bool,
    },
    /// Ends a client's session.
    Kill {
        /// Whose listener; `None`: whichever has it.
        protocol: Option<Dialect>,
        /// Its number.
        id: u64,
    },
    /// Where a statement would go.
    Explain {
        /// As whom; `None`: somebody who may use every backend.
        user: Option<String>,
        /// The statement.
        sql: String,
    },
}

/// What a statement does to the console's own transaction, which is only told, never needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    None,
    /// It begins.
    Begin,
    /// It ends.
    End,
    /// It is whole again.
    Mend,
}

/// A text as it is understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// Nothing.
    Empty,
    /// The text is a SELECT of the client.
    Select,
    /// The same as this SELECT, and how its end is told.
    Rewritten(String, &'static str),
    /// Something to do.
    Do(Command),
    /// A parameter of PostgreSQL.
    Parameter(String),
    /// Answered by a tag alone.
    Tag(&'static str, Effect),
}

/// The words of a text: quotes and comments are taken off, a last semicolon too.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut chars = text.chars().peekable();
    let mut word: Option<String> = None;
    while let Some(c) = chars.next() {
        match c {
            '\'' | '"' | '`' => {
                let mut quoted = word.take().unwrap_or_default();
                while let Some(inner) = chars.next() {
                    if inner == c && chars.next_if_eq(&c).is_none() {
                        break;
                    }
                    quoted.push(inner);
                }
                words.push(quoted);
            }
            '-' if chars.peek() == Some(&'-') => while chars.next().is_some_and(|c| c != '\n') {},
            '/' if chars.peek() == Some(&'*') => {
                let mut last = ' ';
                chars.next();
                for c in chars.by_ref() {
                    if last == '*' && c == '/' {
                        break;
                    }
                    last = c;
                }
            }
            c if c.is_whitespace() || matches!(c, ';' | '(' | ')' | ',' | '=') => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// Words after which a name is looked for in "did you mean".
const VERBS: &[&str] = &[
    "SELECT", "SHOW", "RELOAD", "PAUSE", "RESUME", "DRAIN", "RESOLVE", "KILL", "EXPLAIN", "SET", "BEGIN", "COMMIT",
    "ROLLBACK", "DESCRIBE", "USE",
];

/// Understands one statement. Errors: nothing that the console knows, with what it may have meant.
pub fn read(text: &str, dialect: Dialect) -> Result<Said, Fault> {
    let words = words(text);
    let upper: Vec<String> = words.iter().map(|word| word.to_uppercase()).collect();
    let said: Vec<&str> = upper.iter().map(String::as_str).collect();
    let Some(first) = said.first() else { return Ok(Said::Empty) };
    Ok(match (*first, said.get(1..).unwrap_or_default()) {
        ("SELECT" | "WITH" | "TABLE" | "VALUES", _) => Said::Select,
        ("SHOW", rest) => show(text, &words, rest, dialect)?,
        ("DESCRIBE" | "DESC", [_]) => described(&words[1]),
        ("EXPLAIN", ["ROUTE", "FOR", "USER", _, _, ..]) => {
            let rest = after(text, dialect, 5);
            // A name without quotes goes on to the next white space, whatever it is made of.
            let sql = rest.find(char::is_whitespace).map_or("", |at| &rest[at..]);
            Said::Do(Command::Explain { user: Some(words[4].clone()), sql: whole(sql) })
        }
        ("EXPLAIN", ["ROUTE", ..]) => Said::Do(Command::Explain { user: None, sql: whole(after(text, dialect, 2)) }),
        ("EXPLAIN", [_]) if dialect == Dialect::Mysql => described(&words[1]),
        ("RELOAD", []) => Said::Do(Command::Reload),
        ("DRAIN", []) => Said::Do(Command::Drain),
        ("PAUSE", [_]) => Said::Do(Command::Pause(words[1].clone())),
        ("RESUME", [_]) => Said::Do(Command::Resume(words[1].clone())),
        ("RESOLVE", [_, outcome @ ("COMMIT" | "ROLLBACK")]) => {
            Said::Do(Command::Resolve { name: words[1].clone(), commit: *outcome == "COMMIT" })
        }
        ("KILL", rest) => kill(rest)?,
        ("BEGIN", _) => Said::Tag("BEGIN", Effect::Begin),
        ("START", ["TRANSACTION", ..]) => Said::Tag("START TRANSACTION", Effect::Begin),
        ("COMMIT" | "END", _) => Said::Tag("COMMIT", Effect::End),
        ("ROLLBACK", ["TO", ..] | ["WORK" | "TRANSACTION", "TO", ..]) => Said::Tag("ROLLBACK", Effect::Mend),
        ("ROLLBACK" | "ABORT", _) => Said::Tag("ROLLBACK", Effect::End),
        ("SAVEPOINT", [_]) => Said::Tag("SAVEPOINT", Effect::None),
        ("RELEASE", _) => Said::Tag("RELEASE", Effect::None),
        ("SET", [_, ..]) => Said::Tag("SET", Effect::None),
        ("RESET", [_, ..]) => Said::Tag("RESET", Effect::None),
        ("DISCARD", ["ALL"]) => Said::Tag("DISCARD ALL", Effect::None),
        ("DEALLOCATE", [_, ..]) => Said::Tag("DEALLOCATE", Effect::None),
        ("USE", [database]) if database.eq_ignore_ascii_case(super::DATABASE) => Said::Tag("USE", Effect::None),
        ("RESOLVE", _) => return Err(usage("RESOLVE 'name' COMMIT, or RESOLVE 'name' ROLLBACK")),
        ("PAUSE" | "RESUME", _) => return Err(usage(&format!("{first} backend"))),
        ("EXPLAIN", _) => return Err(usage("EXPLAIN ROUTE sql, or EXPLAIN ROUTE FOR USER name sql")),
        (other, _) => {
            let fault = Fault::new(FaultKind::Syntax, format!("the console does not know {}", shown(&words[0])));
            return Err(match nearest(other, VERBS.iter().copied()) {
                Some(near) => fault.hint(format!("Did you mean {near}? SHOW HELP lists what there is.")),
                None => fault.hint("SHOW HELP lists what there is."),
            });
        }
    })
}

fn shown(word: &str) -> String {
    let short: String = word.chars().take(40).collect();
    format!("\"{short}\"")
}

fn usage(how: &str) -> Fault {
    Fault::new(FaultKind::Syntax, "the command is not whole").hint(format!("Write {how}."))
}

/// The text behind its first words.
fn after(text: &str, dialect: Dialect, count: usize) -> &str {
    let words = Lexer::new(Reading::new(dialect), text.as_bytes());
    let end = words.take(count).last().map_or(0, |token| token.end);
    text.get(end..).unwrap_or_default()
}

fn whole(sql: &str) -> String {
    sql.trim().trim_end_matches(';').trim_end().to_owned()
}

fn kill(rest: &[&str]) -> Result<Said, Fault> {
    let (protocol, rest) = match rest {
        ["POSTGRES" | "POSTGRESQL" | "PG", rest @ ..] => (Some(Dialect::Postgres), rest),
        ["MYSQL" | "MARIADB", rest @ ..] => (Some(Dialect::Mysql), rest),
        ["CONNECTION" | "CLIENT" | "HARD" | "SOFT", rest @ ..] | rest => (None, rest),
    };
    match rest {
        [id] => match id.parse() {
            Ok(id) => Ok(Said::Do(Command::Kill { protocol, id })),
            Err(_) => Err(usage("KILL and the id of a client; SHOW CLIENTS lists them")),
        },
        [] | [_, ..] => Err(usage("KILL and the id of a client; SHOW CLIENTS lists them")),
    }
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "").replace('\'', "''"))
}

fn described(table: &str) -> Said {
    let table = literal(&table.rsplit('.').next().unwrap_or(table).to_lowercase());
    Said::Rewritten(
        format!(
            "SELECT column_name AS Field, column_type AS Type, is_nullable AS `Null`, column_key AS `Key`, \
             column_default AS `Default`, extra AS Extra FROM information_schema.columns WHERE table_name = {table}"
        )
        .replace('`', ""),
        "SHOW",
    )
}

/// SHOW, of both kinds of servers and of the console.
fn show(text: &str, words: &[String], rest: &[&str], dialect: Dialect) -> Result<Said, Fault> {
    let rewritten = |sql: &str| Ok(Said::Rewritten(sql.to_owned(), "SHOW"));
    let mysql = dialect == Dialect::Mysql;
    let rest: &[&str] = match rest {
        ["GLOBAL" | "SESSION" | "FULL" | "EXTENDED", rest @ ..] if mysql => rest,
        other => other,
    };
    let full = words.iter().any(|word| word.eq_ignore_ascii_case("full"));
    match rest {
        ["TABLES", ..] if mysql => {
            let second = if full { ", table_type AS Table_type" } else { "" };
            let sql = format!("SELECT table_name AS Tables_in_handfast{second} FROM information_schema.tables");
            Ok(Said::Rewritten(format!("{sql}{}", condition(text, "table_name")), "SHOW"))
        }
        ["TABLES"] => rewritten("SELECT table_name AS name, table_comment AS about FROM information_schema.tables"),
        ["RULES"] => rewritten("SELECT * FROM tables"),
        ["HELP"] => Ok(Said::Rewritten(String::from("SELECT * FROM console_help"), "SHOW")),
        ["VERSION"] => {
            Ok(Said::Rewritten(format!("SELECT {} AS version", literal(&super::variables::comment())), "SHOW"))
        }
        ["DATABASES" | "SCHEMAS", ..] => Ok(Said::Rewritten(
            format!("SELECT {} AS {}", literal(super::DATABASE), if mysql { "`Database`" } else { "name" }),
            "SHOW",
        )),
        ["VARIABLES" | "STATUS", ..] if mysql && rest[0] == "VARIABLES" || matches!(rest, ["STATUS", _, ..]) => {
            let sql = "SELECT variable_name AS Variable_name, variable_value AS `Value` FROM information_schema.session_variables";
            Ok(Said::Rewritten(format!("{sql}{}", condition(text, "variable_name")), "SHOW"))
        }
        ["WARNINGS" | "ERRORS", ..] if mysql => rewritten(
            "SELECT '' AS `Level`, 0 AS `Code`, '' AS `Message` FROM information_schema.session_variables WHERE false",
        ),
        ["COLUMNS" | "FIELDS", "FROM" | "IN", _, ..] => {
            let table = words.iter().position(|word| matches!(word.to_uppercase().as_str(), "FROM" | "IN"));
            Ok(described(table.and_then(|at| words.get(at + 1)).map_or("", String::as_str)))
        }
        [
            "COLLATION" | "ENGINES" | "PLUGINS" | "CHARSET" | "EVENTS" | "TRIGGERS" | "PROCEDURE" | "FUNCTION"
            | "INDEX" | "KEYS" | "CHARACTER" | "TABLE" | "GRANTS",
            ..,
        ] if mysql => rewritten("SELECT '' AS Name FROM information_schema.session_variables WHERE false"),
        ["PROCESSLIST"] => rewritten("SELECT * FROM clients"),
        ["TRANSACTION", "ISOLATION", "LEVEL"] => Ok(Said::Parameter("transaction_isolation".to_owned())),
        ["TIME", "ZONE"] => Ok(Said::Parameter("timezone".to_owned())),
        ["ALL"] if !mysql => rewritten("SELECT name, setting FROM pg_settings"),
        [name] if TABLES.iter().any(|table| table.name.eq_ignore_ascii_case(name)) => {
            Ok(Said::Rewritten(format!("SELECT * FROM {}", name.to_lowercase()), "SHOW"))
        }
        [_] if !mysql => Ok(Said::Parameter(words[1].clone())),
        [] => Err(usage("SHOW and what; SHOW HELP lists what there is")),
        [name, ..] => Err(no_show(name)),
    }
}

/// What SHOW does not know.
pub fn no_show(name: &str) -> Fault {
    let more = ["HELP", "VERSION", "RULES", "TABLES", "VARIABLES", "DATABASES"];
    let known: Vec<String> = TABLES.iter().map(|table| table.name.to_uppercase()).collect();
    let near = nearest(&name.to_uppercase(), known.iter().map(String::as_str).chain(more)).map(str::to_owned);
    let fault = Fault::new(FaultKind::Syntax, format!("the console does not know SHOW {}", shown(name)));
    match near {
        Some(near) => fault.hint(format!("Did you mean SHOW {near}? SHOW HELP lists what there is.")),
        None => fault.hint("SHOW HELP lists what there is."),
    }
}

/// ` WHERE …` of a SHOW: its LIKE or WHERE.
fn condition(text: &str, name: &str) -> String {
    let upper = text.to_ascii_uppercase();
    let rest = |at: usize| text[at..].trim().trim_end_matches(';').to_owned();
    if let Some(at) = upper.find(" WHERE ") {
        return format!(" {}", rest(at)).replace("Tables_in_handfast", name);
    }
    match upper.find(" LIKE ") {
        Some(at) => format!(" WHERE {name} {}", rest(at)),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Said, Fault> {
        super::read(text, Dialect::Postgres)
    }

    #[test]
    fn commands_are_read_whatever_their_case_and_quotes() {
        assert_eq!(read("pause delivery;").unwrap(), Said::Do(Command::Pause("delivery".into())));
        assert_eq!(read("PAUSE \"delivery\"").unwrap(), Said::Do(Command::Pause("delivery".into())));
        let resolve = Command::Resolve { name: "hf1.a.b.1.2".into(), commit: false };
        assert_eq!(read("-- now\nresolve 'hf1.a.b.1.2' rollback ;").unwrap(), Said::Do(resolve));
        assert_eq!(read("KILL 7").unwrap(), Said::Do(Command::Kill { protocol: None, id: 7 }));
        let pg = Command::Kill { protocol: Some(Dialect::Postgres), id: 7 };
        assert_eq!(read("kill postgres 7").unwrap(), Said::Do(pg));
        assert_eq!(read("EXPLAIN ROUTE SELECT 1 ;").unwrap(), explained(None, "SELECT 1"));
        assert_eq!(read("/* why */ EXPLAIN ROUTE\nSELECT 1").unwrap(), explained(None, "SELECT 1"));
        for name in ["my-app", "'my-app'", "\"my-app\""] {
            let told = read(&format!("EXPLAIN route FOR USER {name} -- him\n SELECT 'FOR USER'")).unwrap();
            assert_eq!(told, explained(Some("my-app"), "-- him\n SELECT 'FOR USER'"), "{name}");
        }
        assert_eq!(read("EXPLAIN ROUTE FOR USER app").unwrap(), explained(None, "FOR USER app"), "no statement");
        assert_eq!(read(" ; ").unwrap(), Said::Empty);
    }

    fn explained(user: Option<&str>, sql: &str) -> Said {
        Said::Do(Command::Explain { user: user.map(str::to_owned), sql: sql.to_owned() })
    }

    #[test]
    fn a_word_that_is_nearly_one_is_suggested() {
        let hint = |text: &str| read(text).unwrap_err().hint.unwrap();
        assert!(hint("SHOWW TABLES").contains("SHOW?"), "{}", hint("SHOWW TABLES"));
        assert!(hint("RESLOVE 'x' COMMIT").contains("RESOLVE?"));
        assert!(no_show("TRANSACTION").hint.unwrap().contains("SHOW TRANSACTIONS?"));
        assert!(hint("RESOLVE 'x'").contains("RESOLVE 'name' COMMIT"));
    }

    #[test]
    fn no_text_makes_reading_it_panic() {
        for text in
            ["'", "\"", "/*", "/* *", "--", "SHOW", "KILL", "KILL x", "show 'ä", "EXPLAIN ROUTE", "\u{0}", "SHOW '"]
        {
            for dialect in [Dialect::Postgres, Dialect::Mysql] {
                drop(super::read(text, dialect));
            }
        }
    }
}
