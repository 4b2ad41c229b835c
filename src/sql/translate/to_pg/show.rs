//! SHOW and DESCRIBE of a table that lives on PostgreSQL: computed from its schema, in the form that MySQL's tools and ORMs read.

use std::sync::Arc;

use sqlparser::ast::{
    Ident, ObjectName, ObjectNamePart, ShowStatementFilter, ShowStatementFilterPosition, ShowStatementIn,
    ShowStatementOptions,
};

use super::Walk;
use crate::base::Fault;
use crate::sql::Access;
use crate::sql::translate::{Column, Default, Gives, MyColumn, Named, Sql, Step, Table, ToPg, Verb, literal};
use crate::wire::value::{MyType, Value};

/// The text of a cell; `None`: NULL.
type Cell = Option<String>;

impl Walk<'_> {
    /// SHOW [FULL] COLUMNS.
    pub(super) fn show_columns(&self, full: bool, options: &ShowStatementOptions) -> Result<ToPg, Fault> {
        let ShowStatementOptions {
            show_in: Some(place),
            starts_with: None,
            limit: None,
            limit_from: None,
            filter_position,
        } = options
        else {
            return Err(self.refused("this form of SHOW COLUMNS"));
        };
        let ShowStatementIn { clause: _, parent_type: None, parent_name: Some(object) } = place else {
            return Err(self.refused("this form of SHOW COLUMNS"));
        };
        let pattern = match filter_position {
            None => None,
            Some(
                ShowStatementFilterPosition::Suffix(ShowStatementFilter::Like(p))
                | ShowStatementFilterPosition::Infix(ShowStatementFilter::Like(p)),
            ) => Some(p.as_str()),
            Some(_) => return Err(self.refused("SHOW COLUMNS … WHERE")),
        };
        let (_, table) = self.table(object)?;
        Ok(self.columns_of(&table, full, pattern))
    }

    /// DESCRIBE.
    pub(super) fn describe(&self, object: &ObjectName) -> Result<ToPg, Fault> {
        let (_, table) = self.table(object)?;
        Ok(self.columns_of(&table, false, None))
    }

    fn columns_of(&self, table: &Table, full: bool, pattern: Option<&str>) -> ToPg {
        let mut rows = Vec::with_capacity(table.columns.len());
        for column in table.columns.iter().filter(|c| pattern.is_none_or(|p| like(&c.name, p))) {
            let null = if column.not_null { "NO" } else { "YES" };
            let mut row = vec![Some(column.name.clone()), Some(self.type_text(column))];
            if full {
                row.push(self.is_text(column).then(|| self.collation_name().to_owned()));
            }
            row.extend([
                Some(null.to_owned()),
                Some(key_of(table, &column.name).to_owned()),
                self.default_text(column, false),
                Some(extra(column).to_owned()),
            ]);
            if full {
                row.extend([Some("select,insert,update,references".to_owned()), Some(String::new())]);
            }
            rows.push(row);
        }
        let names: &[(&str, bool)] = if full {
            &[
                ("Field", false),
                ("Type", false),
                ("Collation", true),
                ("Null", false),
                ("Key", false),
                ("Default", true),
                ("Extra", false),
                ("Privileges", false),
                ("Comment", false),
            ]
        } else {
            &[("Field", false), ("Type", false), ("Null", false), ("Key", false), ("Default", true), ("Extra", false)]
        };
        self.told(names.iter().map(|(name, nullable)| text_column(name, *nullable)).collect(), rows)
    }

    /// SHOW CREATE TABLE.
    pub(super) fn show_create(&self, object: &ObjectName) -> Result<ToPg, Fault> {
        let (named, table) = self.table(object)?;
        let mut lines = Vec::with_capacity(table.columns.len() + table.uniques.len());
        for column in &table.columns {
            let mut line = format!("  {} {}", quoted(&column.name), self.type_text(column));
            if column.not_null {
                line.push_str(" NOT NULL");
            }
            match (&column.default, self.default_text(column, true)) {
                (Default::Generated, _) => line.push_str(" AUTO_INCREMENT"),
                (_, Some(default)) => line.push_str(&format!(" DEFAULT {default}")),
                (_, None) if !column.not_null && !matches!(self.seen(column), MyType::Blob(_)) => {
                    line.push_str(" DEFAULT NULL");
                }
                (_, None) => {}
            }
            lines.push(line);
        }
        for unique in &table.uniques {
            let list: Vec<String> = unique.columns.iter().map(|c| quoted(c)).collect();
            let list = list.join(",");
            lines.push(if unique.primary {
                format!("  PRIMARY KEY ({list})")
            } else {
                format!("  UNIQUE KEY {} ({list})", quoted(key_name(&table, &unique.name)))
            });
        }
        let text = format!(
            "CREATE TABLE {} (\n{}\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE={}",
            quoted(&named.name),
            lines.join(",\n"),
            self.collation_name()
        );
        let columns = vec![text_column("Table", false), text_column("Create Table", false)];
        Ok(self.told(columns, vec![vec![Some(named.name.clone()), Some(text)]]))
    }

    /// What the parser reads as a variable: SHOW INDEX, SHOW KEYS.
    pub(super) fn show_words(&self, words: &[Ident]) -> Result<ToPg, Fault> {
        let texts: Vec<&str> = words.iter().map(|w| w.value.as_str()).collect();
        let is = |at: usize, options: &[&str]| {
            texts.get(at).is_some_and(|t| options.iter().any(|o| t.eq_ignore_ascii_case(o)))
        };
        let from = ["FROM", "IN"];
        if !is(0, &["INDEX", "INDEXES", "KEYS"]) || !is(1, &from) {
            return Err(self.refused("this form of SHOW"));
        }
        let parts = match (words.get(2), words.get(4)) {
            (Some(table), None) if words.len() == 3 => vec![table.clone()],
            (Some(table), Some(schema)) if words.len() == 5 && is(3, &from) => vec![schema.clone(), table.clone()],
            _ => return Err(self.refused("this form of SHOW INDEX")),
        };
        let object = ObjectName(parts.into_iter().map(ObjectNamePart::Identifier).collect());
        let (named, table) = self.table(&object)?;
        Ok(self.keys_of(named, &table))
    }

    fn keys_of(&self, named: &Named, table: &Arc<Table>) -> ToPg {
        let some = |text: &str| Some(text.to_owned());
        let mut rows = Vec::new();
        for unique in &table.uniques {
            let key = if unique.primary { "PRIMARY" } else { key_name(table, &unique.name) };
            for (at, column) in unique.columns.iter().enumerate() {
                let nullable = table.column(column).is_some_and(|c| !c.not_null);
                let mut row = vec![
                    some(&named.name),
                    some("0"),
                    some(key),
                    Some((at + 1).to_string()),
                    some(column),
                    some("A"),
                    some("0"),
                    None,
                    None,
                    some(if nullable { "YES" } else { "" }),
                    some("BTREE"),
                    some(""),
                    some(""),
                ];
                if self.request.reading.mariadb {
                    row.push(some("NO"));
                } else {
                    row.extend([some("YES"), None]);
                }
                rows.push(row);
            }
        }
        let number = |name: &str, ty: MyType, nullable: bool| MyColumn { ty, ..text_column(name, nullable) };
        let mut columns = vec![
            text_column("Table", false),
            number("Non_unique", MyType::BigInt(false), false),
            text_column("Key_name", false),
            number("Seq_in_index", MyType::BigInt(false), false),
            text_column("Column_name", false),
            text_column("Collation", true),
            number("Cardinality", MyType::BigInt(false), true),
            number("Sub_part", MyType::BigInt(false), true),
            text_column("Packed", true),
            text_column("Null", false),
            text_column("Index_type", false),
            text_column("Comment", true),
            text_column("Index_comment", false),
        ];
        if self.request.reading.mariadb {
            columns.push(text_column("Ignored", false));
        } else {
            columns.extend([text_column("Visible", false), text_column("Expression", true)]);
        }
        self.told(columns, rows)
    }

    /// Rows that are known already, by way of the backend as any others.
    fn told(&self, columns: Vec<MyColumn>, rows: Vec<Vec<Cell>>) -> ToPg {
        let none = rows.is_empty();
        let rows = if none { vec![columns.iter().map(|_| None).collect()] } else { rows };
        let print = |(cell, column): (Cell, &MyColumn)| match cell {
            None => Sql::text("NULL"),
            Some(text) if matches!(column.ty, MyType::BigInt(_)) => Sql::text(format!("CAST({text} AS bigint)")),
            Some(text) => {
                let printed = literal::postgres(&Value::Text(text), &MyType::Text(u32::MAX));
                // A name or type of a schema never has what a literal cannot keep.
                printed.map_or_else(|_| Sql::text("NULL"), Sql::text)
            }
        };
        let printed =
            rows.into_iter().map(|row| Sql::joined(row.into_iter().zip(&columns).map(print), ", ").wrapped("(", ")"));
        let mut sql = Sql::joined(printed, ", ").wrapped("VALUES ", "");
        if none {
            sql.push(" LIMIT 0");
        }
        self.done(vec![Step { sql, gives: Gives::Rows }], columns, Verb::Select, Access::Read)
    }

    fn is_text(&self, column: &Column) -> bool {
        matches!(self.seen(column), MyType::Char(_) | MyType::Varchar(_) | MyType::Text(_))
    }

    fn collation_name(&self) -> &'static str {
        if self.request.reading.mariadb { "utf8mb4_nopad_bin" } else { "utf8mb4_0900_bin" }
    }

    /// A type as SHOW prints it: MariaDB still shows how wide integers are displayed.
    fn type_text(&self, column: &Column) -> String {
        let ty = self.seen(column);
        let widths = match &ty {
            MyType::TinyInt(u) => Some(("tinyint", if *u { 3 } else { 4 }, *u)),
            MyType::SmallInt(u) => Some(("smallint", if *u { 5 } else { 6 }, *u)),
            MyType::MediumInt(u) => Some(("mediumint", if *u { 8 } else { 9 }, *u)),
            MyType::Int(u) => Some(("int", if *u { 10 } else { 11 }, *u)),
            MyType::BigInt(u) => Some(("bigint", 20, *u)),
            _ => None,
        };
        match widths {
            Some((word, width, unsigned)) if self.request.reading.mariadb => {
                format!("{word}({width}){}", if unsigned { " unsigned" } else { "" })
            }
            _ => ty.sql(),
        }
    }

    /// A default as MySQL would show it; `written`: as in CREATE TABLE, else as in SHOW COLUMNS.
    fn default_text(&self, column: &Column, written: bool) -> Cell {
        let Default::Expression(text) = &column.default else { return None };
        // `'x'::character varying`: the type is the column's.
        let bare = text.split("::").next().unwrap_or(text).trim().trim_start_matches('(').trim_end_matches(')');
        if text.starts_with('\'') {
            let inner = bare.strip_prefix('\'').and_then(|b| b.strip_suffix('\'')).unwrap_or(bare).replace("''", "'");
            return Some(if written { format!("'{}'", inner.replace('\'', "''")) } else { inner });
        }
        let lower = text.to_ascii_lowercase();
        if lower.starts_with("now(") || lower.starts_with("current_timestamp") || lower.contains("statement_timestamp")
        {
            return Some(self.now_text(column));
        }
        let value = match lower.as_str() {
            "true" => "1".to_owned(),
            "false" => "0".to_owned(),
            _ if bare.parse::<f64>().is_ok() => bare.to_owned(),
            _ => return Some(text.clone()),
        };
        Some(if written && !self.request.reading.mariadb { format!("'{value}'") } else { value })
    }

    fn now_text(&self, column: &Column) -> String {
        let digits = match self.seen(column) {
            MyType::DateTime(n) | MyType::Timestamp(n) => n,
            _ => 0,
        };
        match (self.request.reading.mariadb, digits) {
            (true, 0) => "current_timestamp()".to_owned(),
            (true, n) => format!("current_timestamp({n})"),
            (false, 0) => "CURRENT_TIMESTAMP".to_owned(),
            (false, n) => format!("CURRENT_TIMESTAMP({n})"),
        }
    }
}

fn text_column(name: &str, nullable: bool) -> MyColumn {
    MyColumn { name: name.to_owned(), ty: MyType::Text(u32::MAX), origin: None, nullable }
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// The name of a key as the client knows it: those that it made have the table's name before theirs.
fn key_name<'k>(table: &Table, key: &'k str) -> &'k str {
    key.strip_prefix(table.name.as_str()).and_then(|rest| rest.strip_prefix('_')).unwrap_or(key)
}

fn key_of(table: &Table, column: &str) -> &'static str {
    if table.primary().is_some_and(|p| p.columns.iter().any(|c| c == column)) {
        return "PRI";
    }
    let first = |u: &&crate::sql::translate::Unique| u.columns.first().is_some_and(|c| c == column);
    match table.uniques.iter().filter(first).map(|u| u.columns.len()).min() {
        Some(1) => "UNI",
        Some(_) => "MUL",
        None => "",
    }
}

fn extra(column: &Column) -> &'static str {
    match column.default {
        Default::Generated => "auto_increment",
        Default::Computed => "STORED GENERATED",
        Default::None | Default::Expression(_) => "",
    }
}

/// LIKE without case, as for names of columns.
fn like(name: &str, pattern: &str) -> bool {
    let name: Vec<char> = name.to_lowercase().chars().collect();
    let pattern: Vec<char> = pattern.to_lowercase().chars().collect();
    // `row[n]`: the pattern so far fits the first n characters.
    let mut row: Vec<bool> = vec![false; name.len() + 1];
    row[0] = true;
    let mut at = 0;
    while at < pattern.len() {
        let mut next = vec![false; name.len() + 1];
        let escaped = pattern[at] == '\\' && at + 1 < pattern.len();
        at += usize::from(escaped);
        match pattern[at] {
            '%' if !escaped => {
                let mut any = false;
                for (n, slot) in next.iter_mut().enumerate() {
                    any |= row[n];
                    *slot = any;
                }
            }
            c => {
                for n in 1..next.len() {
                    next[n] = row[n - 1] && (name[n - 1] == c || (c == '_' && !escaped));
                }
            }
        }
        row = next;
        at += 1;
    }
    row[name.len()]
}
