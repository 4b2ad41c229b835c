//! JSON: documents of PostgreSQL's `jsonb`, which keeps keys in MySQL's order and prints them alike.

use sqlparser::ast::{BinaryOperator, Expr};

use super::super::scope::Scope;
use super::super::typed::{Class, fill, small_int, text};
use super::super::{Open, Typed, Walk};
use super::string::one;
use crate::base::Fault;
use crate::sql::translate::Sql;
use crate::wire::value::{MyType, PgType};

impl Walk<'_> {
    pub(super) fn of_json(&mut self, name: &str, mut args: Vec<Typed>) -> Result<Option<Typed>, Fault> {
        Ok(Some(match (name, args.len()) {
            ("JSON_EXTRACT", 2) => {
                let path = args.remove(1);
                self.extracted(one(args), &path)?
            }
            ("JSON_UNQUOTE", 1) => self.unquoted(one(args))?,
            ("JSON_LENGTH", 1 | 2) => {
                let path = (args.len() == 2).then(|| args.remove(1));
                let document = match path {
                    Some(path) => self.extracted(one(args), &path)?.sql,
                    None => self.document(one(args))?,
                };
                let sql = fill(
                    "(CASE jsonb_typeof({0}) WHEN 'array' THEN jsonb_array_length({0}) WHEN 'object' THEN \
                     (SELECT count(*)::int4 FROM jsonb_object_keys({0})) WHEN 'null' THEN 1 WHEN 'string' THEN 1 \
                     WHEN 'number' THEN 1 WHEN 'boolean' THEN 1 END)",
                    &[&document],
                );
                Typed::new(sql, small_int(self.mariadb()), PgType::Int4).digits(10)
            }
            ("JSON_VALID", 1) if args.first().is_some_and(|t| t.class() == Class::Json) => {
                let arg = one(args);
                let sql = fill("(CASE WHEN {0} IS NOT NULL THEN 1 END)", &[&arg.sql]);
                Typed::new(sql, small_int(self.mariadb()), PgType::Int4).digits(1)
            }
            ("JSON_TYPE", 1) => {
                let document = self.document(one(args))?;
                let sql = fill(
                    "(CASE jsonb_typeof({0}) WHEN 'number' THEN \
                     CASE WHEN {0}::text ~ '^-?[0-9]+$' THEN 'INTEGER' ELSE 'DOUBLE' END \
                     ELSE upper(jsonb_typeof({0})) END)",
                    &[&document],
                );
                Typed::new(sql, text(if self.mariadb() { 12 } else { 17 }), PgType::Text)
            }
            ("JSON_CONTAINS", 2 | 3) if !self.mariadb() => {
                let path = (args.len() == 3).then(|| args.remove(2));
                let Some(Open::Literal(part)) = args.remove(1).open else {
                    return Err(self.refused("JSON_CONTAINS of anything but a literal"));
                };
                let part = self.text_literal(&part)?;
                let document = match path {
                    Some(path) => self.extracted(one(args), &path)?.sql,
                    None => self.document(one(args))?,
                };
                Typed::truth(fill("({0} @> {1}::jsonb)", &[&document, &part]), self.mariadb())
            }
            ("JSON_OBJECT", n) if n % 2 == 0 => self.built("jsonb_build_object", args, true)?,
            ("JSON_ARRAY", _) => self.built("jsonb_build_array", args, false)?,
            _ => return Ok(None),
        }))
    }

    /// `->`, `->>`
    pub(in super::super) fn arrow(
        &mut self,
        left: &Expr,
        op: &BinaryOperator,
        right: &Expr,
        scope: &Scope<'_>,
    ) -> Result<Typed, Fault> {
        let (document, path) = (self.expr(left, scope)?, self.expr(right, scope)?);
        let out = self.extracted(document, &path)?;
        if *op == BinaryOperator::LongArrow { self.unquoted(out) } else { Ok(out) }
    }

    fn document(&mut self, typed: Typed) -> Result<Sql, Fault> {
        match (&typed.pg, typed.class()) {
            (PgType::Jsonb, _) => Ok(typed.sql),
            (PgType::Json, _) => Ok(fill("({0}::jsonb)", &[&typed.sql])),
            _ => Err(self.refused(format!("JSON in {}", typed.ty.sql()))),
        }
    }

    fn json_type(&self) -> MyType {
        if self.mariadb() { MyType::Text(u32::MAX) } else { MyType::Json }
    }

    fn extracted(&mut self, document: Typed, path: &Typed) -> Result<Typed, Fault> {
        let aggregate = document.aggregate;
        let Some(Open::Literal(path)) = &path.open else {
            return Err(self.refused("a JSON path that is not a literal"));
        };
        let keys = steps(path).ok_or_else(|| self.refused(format!("the JSON path {path}")))?;
        let document = self.document(document)?;
        let mut sql = document;
        for key in keys {
            sql = match key {
                Step::Key(key) => fill("({0} -> {1})", &[&sql, &self.text_literal(&key)?]),
                // A value that is no array is taken for an array of itself.
                Step::Index(0) => fill("(CASE WHEN jsonb_typeof({0}) = 'array' THEN {0} -> 0 ELSE {0} END)", &[&sql]),
                Step::Index(n) => fill(&format!("({{0}} -> {n})"), &[&sql]),
            };
        }
        let out = Typed::new(sql, self.json_type(), PgType::Jsonb);
        Ok(Typed { aggregate, ..out })
    }

    /// A string without its quotes, anything else as it is printed.
    fn unquoted(&mut self, typed: Typed) -> Result<Typed, Fault> {
        let aggregate = typed.aggregate;
        let document = self.document(typed)?;
        let sql = fill(
            "(CASE jsonb_typeof({0}) WHEN 'string' THEN {0} #>> ARRAY[]::text[] ELSE {0}::text END)",
            &[&document],
        );
        let out = Typed::new(sql, MyType::Text(u32::MAX), PgType::Text);
        Ok(Typed { aggregate, collation: super::super::Collated::Column, ..out })
    }

    fn built(&mut self, call: &str, args: Vec<Typed>, object: bool) -> Result<Typed, Fault> {
        let mut parts = Vec::new();
        let mut keys: Vec<String> = Vec::new();
        let aggregate = args.iter().any(|t| t.aggregate);
        for (at, arg) in args.into_iter().enumerate() {
            if object && at % 2 == 0 {
                let Some(Open::Literal(key)) = &arg.open else {
                    return Err(self.refused("JSON_OBJECT with keys that are not literals"));
                };
                keys.push(key.clone());
            }
            parts.push(self.json_value(arg)?);
        }
        // MySQL sorts keys as jsonb does; MariaDB leaves them as they are written.
        let sorted = keys.is_sorted_by(|a, b| (a.len(), a) < (b.len(), b));
        if self.mariadb() && !sorted {
            return Err(self.refused("JSON_OBJECT with keys in this order"));
        }
        let sql = Sql::joined(parts, ", ").wrapped(&format!("{call}("), ")");
        let ty = if self.mariadb() { text(256) } else { MyType::Json };
        let out = Typed::new(sql, ty, PgType::Jsonb).nullable(false);
        Ok(Typed { aggregate, ..out })
    }

    fn json_value(&mut self, typed: Typed) -> Result<Sql, Fault> {
        if typed.is_null() {
            return Ok(Sql::text("NULL::text"));
        }
        match (typed.class(), &typed.pg) {
            (Class::Int, PgType::Bool) if typed.ty == MyType::Bool => Ok(fill("({0}::int4)", &[&typed.sql])),
            (Class::Int, PgType::Bool) if typed.number.is_some() => Ok(typed.sql),
            (Class::Int, PgType::Bool) => Err(self.refused("a truth value in JSON")),
            (Class::Int, _) => Ok(typed.sql),
            (Class::Decimal, _) => {
                let settled = self.settle(typed)?;
                Ok(settled.sql)
            }
            (Class::Text | Class::Date, _) => {
                let text = self.text(typed)?;
                Ok(text.sql)
            }
            (Class::Json, PgType::Jsonb | PgType::Json) => Ok(typed.sql),
            _ => Err(self.refused(format!("{} in JSON", typed.ty.sql()))),
        }
    }
}

enum Step {
    Key(String),
    Index(u32),
}

/// The steps of `$.a.b[0]."c d"`.
fn steps(path: &str) -> Option<Vec<Step>> {
    let mut rest = path.trim().strip_prefix('$')?;
    let mut out = Vec::new();
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix(".\"") {
            let (key, behind) = quoted.split_once('"')?;
            if key.contains('\\') {
                return None;
            }
            out.push(Step::Key(key.to_owned()));
            rest = behind;
        } else if let Some(named) = rest.strip_prefix('.') {
            let end = named.find(['.', '[']).unwrap_or(named.len());
            let (key, behind) = named.split_at(end);
            let clean = key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'$');
            if key.is_empty() || !clean || key.starts_with(|c: char| c.is_ascii_digit()) {
                return None;
            }
            out.push(Step::Key(key.to_owned()));
            rest = behind;
        } else {
            let (index, behind) = rest.strip_prefix('[')?.split_once(']')?;
            out.push(Step::Index(index.parse().ok()?));
            rest = behind;
        }
    }
    Some(out)
}
