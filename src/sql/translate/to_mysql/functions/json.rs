//! JSON columns: `->`, `->>`, `#>`, `#>>` by written keys.

use sqlparser::ast::{BinaryOperator as Op, Expr, Value as Ast};

use super::super::compare::inside;
use super::super::expr::sql;
use super::super::operators::{constant, raise, undefined};
use super::super::scope::Scope;
use super::super::{Typed, Walk};
use super::Call;
use crate::base::{Fault, FaultKind};
use crate::sql::translate::Sql;
use crate::wire::value::PgType;

/// A step into a value.
enum Step {
    Key(String),
    Element(u32),
}

impl Walk<'_> {
    pub(in super::super) fn json_access(
        &mut self,
        left: &Expr,
        op: &Op,
        right: &Expr,
        scope: &Scope<'_>,
    ) -> Result<Typed, Fault> {
        let value = self.expr(left, scope)?;
        if value.ty != PgType::Json {
            return Err(undefined(&value.ty, op, &PgType::Unknown));
        }
        let steps = self.steps(op, right)?;
        let mut at = value.sql;
        for step in &steps {
            at = self.step(&at, step)?;
        }
        if matches!(op, Op::Arrow | Op::HashArrow) {
            return Ok(Typed::new(at, PgType::Json));
        }
        // JSON's null is SQL's here; a text `null` is not.
        Ok(self.json_text(&at))
    }

    /// What kind of value it is. MySQL's name for it has a collation that meets no other; MariaDB's is not utf8mb4.
    fn json_type(&self, value: &Sql) -> Sql {
        match self.mariadb() {
            true => sql!["JSON_TYPE(", value, ")"],
            false => sql!["JSON_TYPE(", value, ") COLLATE ", self.binary_collation()],
        }
    }

    /// A value's text. MySQL's JSON functions give texts of a collation of their own.
    fn json_text(&self, at: &Sql) -> Typed {
        let text = sql!["CONVERT(JSON_UNQUOTE(", at, ") USING utf8mb4) COLLATE ", self.binary_collation()];
        let text = sql!["IF(", self.json_type(at), " = 'NULL', NULL, ", text, ")"];
        Typed::new(text, PgType::Text).exactly()
    }

    fn steps(&mut self, op: &Op, right: &Expr) -> Result<Vec<Step>, Fault> {
        let path = matches!(op, Op::HashArrow | Op::HashLongArrow);
        if let Some(n) = constant(right) {
            return match n.parse() {
                Ok(n) if !path => Ok(vec![Step::Element(n)]),
                _ => Err(self.refused(format!("{op} {n}"))),
            };
        }
        let Expr::Value(value) = inside(right) else {
            return Err(self.refused(format!("{op} by anything but a literal")));
        };
        let Ast::SingleQuotedString(text) = &value.value else {
            return Err(self.refused(format!("{op} by anything but a literal")));
        };
        if !path {
            return Ok(vec![Step::Key(text.clone())]);
        }
        let Some(inner) = text.strip_prefix('{').and_then(|t| t.strip_suffix('}')) else {
            return Err(self.refused(format!("{op} '{text}'")));
        };
        inner
            .split(',')
            .map(|part| match part.trim() {
                "" => Err(self.refused(format!("{op} '{text}'"))),
                part if part.contains(['"', '\\', '{', '}']) || part.eq_ignore_ascii_case("null") => {
                    Err(self.refused(format!("{op} '{text}'")))
                }
                part if part.bytes().all(|b| b.is_ascii_digit()) => {
                    // A number steps into objects by key, too.
                    part.parse().map(Step::Element).map_err(|_| self.refused(format!("{op} '{text}'")))
                }
                part => Ok(Step::Key(part.to_owned())),
            })
            .collect()
    }

    fn step(&self, value: &Sql, step: &Step) -> Result<Sql, Fault> {
        match step {
            Step::Key(key) => {
                let path = self.quoted(&format!("$.\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\"")))?;
                Ok(sql!["JSON_EXTRACT(", value, ", ", &path, ")"])
            }
            // MySQL takes a value that is no array for an array of one.
            Step::Element(n) => {
                let path = format!("'$[{n}]'");
                let array = sql![self.json_type(value), " = 'ARRAY'"];
                Ok(sql!["IF(", array, ", JSON_EXTRACT(", value, ", ", &path, "), NULL)"])
            }
        }
    }

    pub(super) fn json_function(&mut self, call: &Call<'_>, scope: &Scope<'_>) -> Result<Option<Typed>, Fault> {
        let text = match call.name {
            "json_extract_path" => false,
            "json_extract_path_text" => true,
            "json_array_length" | "json_typeof" => return self.json_about(call, scope).map(Some),
            "json_build_object" => return self.json_object(call, scope).map(Some),
            "json_build_array" => {
                let mut items = vec![Sql::text("'['")];
                for (n, arg) in call.args.iter().enumerate() {
                    if n > 0 {
                        items.push(Sql::text("', '"));
                    }
                    items.push(self.json_of(arg, scope)?);
                }
                items.push(Sql::text("']'"));
                return Ok(Some(self.mysql_call("CONCAT", &items, PgType::Json)));
            }
            "to_json" => {
                self.count(call, 1..=1)?;
                let Some(arg) = call.args.first() else { return Err(self.no_such(call, &[])) };
                let typed = self.expr(arg, scope)?;
                if typed.open.is_some() {
                    return Err(self.refused("to_json of a value of unknown type"));
                }
                return Ok(Some(Typed::new(self.json_text_of(&typed)?, PgType::Json)));
            }
            _ => return Ok(None),
        };
        let Some((value, keys)) = call.args.split_first() else { return Err(self.no_such(call, &[])) };
        let value = self.expr(value, scope)?;
        if value.ty != PgType::Json {
            return Err(self.no_such(call, &[&value.ty]));
        }
        let mut at = value.sql;
        for key in keys {
            let key = self.written(key, "json_extract_path by anything but literals")?;
            if key.bytes().all(|b| b.is_ascii_digit()) {
                return Err(self.refused("json_extract_path by a number"));
            }
            at = self.step(&at, &Step::Key(key))?;
        }
        Ok(Some(match text {
            true => self.json_text(&at),
            false => Typed::new(at, PgType::Json),
        }))
    }

    /// `json_array_length`, `json_typeof`
    fn json_about(&mut self, call: &Call<'_>, scope: &Scope<'_>) -> Result<Typed, Fault> {
        self.count(call, 1..=1)?;
        let Some(value) = call.args.first() else { return Err(self.no_such(call, &[])) };
        let value = self.expr(value, scope)?;
        if value.ty != PgType::Json {
            return Err(self.no_such(call, &[&value.ty]));
        }
        let ty = self.json_type(&value.sql);
        let other = raise(sql!["BIT_LENGTH(CAST(", &value, " AS CHAR))"]);
        Ok(match call.name {
            "json_array_length" => {
                Typed::new(sql!["IF(", ty, " = 'ARRAY', JSON_LENGTH(", &value, "), ", other, ")"], PgType::Int4)
            }
            _ => Typed::new(
                sql![
                    "(CASE ",
                    ty,
                    " WHEN 'OBJECT' THEN 'object' WHEN 'ARRAY' THEN 'array' WHEN 'STRING' THEN 'string'",
                    " WHEN 'BOOLEAN' THEN 'boolean' WHEN 'NULL' THEN 'null' WHEN 'INTEGER' THEN 'number'",
                    " WHEN 'UNSIGNED INTEGER' THEN 'number' WHEN 'DOUBLE' THEN 'number' WHEN 'DECIMAL' THEN 'number'",
                    " ELSE ",
                    other,
                    " END)"
                ],
                PgType::Text,
            ),
        })
    }

    /// `json_build_object('a', x, …)`: as PostgreSQL prints it, with its blanks and its order.
    fn json_object(&mut self, call: &Call<'_>, scope: &Scope<'_>) -> Result<Typed, Fault> {
        let mut pieces = Vec::new();
        let mut before = "{".to_owned();
        for pair in call.args.chunks(2) {
            let [key, value] = pair else {
                let what = "argument list must have even number of elements";
                return Err(Fault::new(FaultKind::InvalidText, what));
            };
            let key = self.written(key, "json_build_object with a key that is not a literal")?;
            if key.chars().any(char::is_control) {
                return Err(self.refused("json_build_object with such a key"));
            }
            let key = key.replace('\\', "\\\\").replace('"', "\\\"");
            pieces.push(self.quoted(&format!("{before}\"{key}\" : "))?.sql);
            pieces.push(self.json_of(value, scope)?);
            before = ", ".to_owned();
        }
        pieces.push(self.quoted(if pieces.is_empty() { "{}" } else { "}" })?.sql);
        Ok(self.mysql_call("CONCAT", &pieces, PgType::Json))
    }

    /// A value within JSON, where NULL is `null`.
    fn json_of(&mut self, expr: &Expr, scope: &Scope<'_>) -> Result<Sql, Fault> {
        let typed = self.expr(expr, scope)?;
        let typed = self.settle(typed)?;
        Ok(sql!["COALESCE(", self.json_text_of(&typed)?, ", 'null')"])
    }

    /// A value's text as JSON.
    fn json_text_of(&mut self, typed: &Typed) -> Result<Sql, Fault> {
        Ok(match super::super::types::base(&typed.ty) {
            PgType::Bool | PgType::Int2 | PgType::Int4 | PgType::Int8 | PgType::Numeric(_) => {
                self.as_text(typed.clone())?.sql
            }
            PgType::Date | PgType::Uuid => sql!["CONCAT('\"', ", &self.as_text(typed.clone())?, ", '\"')"],
            PgType::Text | PgType::Varchar(_) => {
                let quoted = sql!["(JSON_QUOTE(", typed, ") COLLATE ", self.binary_collation(), ")"];
                if !self.mariadb() {
                    return Ok(quoted);
                }
                // MariaDB prints these with large letters.
                let odd = sql![typed, " REGEXP '[\\x0B\\x0E\\x0F\\x1A-\\x1F]'"];
                sql!["IF(", odd, ", ", raise(sql!["CHAR_LENGTH(", typed, ")"]), ", ", quoted, ")"]
            }
            PgType::Json => sql!["(CAST(", typed, " AS CHAR) COLLATE ", self.binary_collation(), ")"],
            other => return Err(self.refused(format!("the JSON of a {} value", super::called(&other)))),
        })
    }
}
