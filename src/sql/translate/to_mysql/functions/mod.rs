//! Functions, by kind. A function that is not here is refused by its name.

mod datetime;
mod json;
mod math;
mod string;
mod to_char;
mod to_char_number;

use sqlparser::ast::{
    CeilFloorKind, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, TrimWhereField, Value,
};

use super::expr::sql;
use super::scope::Scope;
use super::types::{called, is_float, is_int, is_number, is_text};
use super::{Typed, Walk};
use crate::base::{Fault, FaultKind};
use crate::sql::translate::Sql;
use crate::wire::value::PgType;

/// A call on its way.
pub(super) struct Call<'c> {
    /// PostgreSQL's name, folded.
    pub(super) name: &'c str,
    pub(super) args: &'c [&'c Expr],
}

impl Walk<'_> {
    /// Everything that reads like a function call.
    pub(super) fn function_like(&mut self, expr: &Expr, scope: &Scope<'_>) -> Result<Typed, Fault> {
        match expr {
            Expr::Function(function) => self.function(function, scope),
            Expr::Ceil { expr, field } => self.ceil_or_floor("ceil", expr, field, scope),
            Expr::Floor { expr, field } => self.ceil_or_floor("floor", expr, field, scope),
            Expr::Position { expr, r#in } => self.call("position", &[expr, r#in], scope),
            Expr::Substring { expr, substring_from, substring_for, special: _, shorthand: _ } => {
                match (substring_from, substring_for) {
                    (Some(from), Some(count)) => self.call("substr", &[expr, from, count], scope),
                    (Some(from), None) => self.call("substr", &[expr, from], scope),
                    (None, Some(count)) => {
                        let one = Expr::Value(Value::Number("1".to_owned(), false).with_empty_span());
                        self.call("substr", &[expr, &one, count], scope)
                    }
                    (None, None) => Err(self.refused("this form of substring")),
                }
            }
            Expr::Trim { trim_where, trim_what, expr, trim_characters } => {
                let name = match trim_where {
                    Some(TrimWhereField::Leading) => "ltrim",
                    Some(TrimWhereField::Trailing) => "rtrim",
                    Some(TrimWhereField::Both) | None => "btrim",
                };
                match (trim_what, trim_characters.as_deref()) {
                    (None, None) => self.call(name, &[expr], scope),
                    (Some(what), None) => self.call(name, &[expr, what], scope),
                    (None, Some([what])) => self.call(name, &[expr, what], scope),
                    _ => Err(self.refused("this form of trim")),
                }
            }
            Expr::Overlay { expr, overlay_what, overlay_from, overlay_for } => {
                let mut args: Vec<&Expr> = vec![expr, overlay_what, overlay_from];
                args.extend(overlay_for.as_deref());
                self.call("overlay", &args, scope)
            }
            other => {
                let text = other.to_string();
                let short: String = text.chars().take(60).collect();
                Err(self.refused(format!("the expression {short}")))
            }
        }
    }

    fn ceil_or_floor(
        &mut self,
        name: &str,
        expr: &Expr,
        field: &CeilFloorKind,
        scope: &Scope<'_>,
    ) -> Result<Typed, Fault> {
        use sqlparser::ast::DateTimeField;
        match field {
            CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) => self.call(name, &[expr], scope),
            other => Err(self.refused(format!("{name} of {other:?}"))),
        }
    }

    fn function(&mut self, function: &Function, scope: &Scope<'_>) -> Result<Typed, Fault> {
        let Function { name, uses_odbc_syntax, parameters, args, filter, null_treatment, over, within_group } =
            function;
        let parts: Vec<String> =
            name.0.iter().map(|p| p.as_ident().map(super::scope::fold).unwrap_or_default()).collect();
        let name = match parts.as_slice() {
            [name] => name.as_str(),
            [schema, name] if schema == "pg_catalog" => name.as_str(),
            _ => return Err(self.refused(format!("the function {name}"))),
        };
        if *uses_odbc_syntax || *parameters != FunctionArguments::None {
            return Err(self.refused(format!("this form of {name}")));
        }
        if over.is_some() || super::aggregate::is_aggregate(name) {
            if null_treatment.is_some() || !within_group.is_empty() {
                return Err(self.refused(format!("this form of {name}")));
            }
            return self.aggregate(name, args, filter.as_deref(), over.as_ref(), scope);
        }
        if filter.is_some() || null_treatment.is_some() || !within_group.is_empty() {
            return Err(self.refused(format!("this form of {name}")));
        }
        let list = match args {
            FunctionArguments::None => return self.bare(name),
            FunctionArguments::List(list) => list,
            FunctionArguments::Subquery(_) => return Err(self.refused(format!("{name} of a subquery"))),
        };
        if list.duplicate_treatment.is_some() || !list.clauses.is_empty() {
            return Err(self.refused(format!("this form of {name}")));
        }
        let args = self.plain_args(name, &list.args)?;
        self.call(name, &args, scope)
    }

    /// Arguments without names or stars.
    pub(super) fn plain_args<'f>(&self, name: &str, args: &'f [FunctionArg]) -> Result<Vec<&'f Expr>, Fault> {
        args.iter()
            .map(|arg| match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Ok(expr),
                _ => Err(self.refused(format!("this form of {name}"))),
            })
            .collect()
    }

    /// Functions without parentheses: `current_date`.
    fn bare(&mut self, name: &str) -> Result<Typed, Fault> {
        self.word(name)?.ok_or_else(|| self.refused(format!("the function {name}")))
    }

    /// A word that PostgreSQL reads as a function.
    pub(super) fn word(&mut self, name: &str) -> Result<Option<Typed>, Fault> {
        Ok(match name {
            "current_date" | "current_timestamp" | "localtimestamp" => Some(self.clock(name, None)?),
            "current_user" | "session_user" | "user" | "current_role" => {
                let user = self.request.facts.user.clone();
                Some(self.fact(&user, PgType::Name)?)
            }
            "current_catalog" => {
                let database = self.request.facts.database.clone();
                Some(self.fact(&database, PgType::Name)?)
            }
            _ => None,
        })
    }

    fn fact(&self, text: &str, ty: PgType) -> Result<Typed, Fault> {
        Ok(Typed { open: None, ty, ..self.quoted(text)? })
    }

    /// A function of plain arguments.
    pub(super) fn call(&mut self, name: &str, args: &[&Expr], scope: &Scope<'_>) -> Result<Typed, Fault> {
        let call = Call { name, args };
        match name {
            "coalesce" => return self.coalesce(args, scope),
            "nullif" => {
                return match args {
                    [a, b] => self.nullif(a, b, scope),
                    _ => Err(self.no_such(&call, &[])),
                };
            }
            "num_nulls" | "num_nonnulls" if !args.is_empty() => return self.nulls(name, args, scope),
            "greatest" | "least" if !args.is_empty() => return self.extreme(name, args, scope),
            "current_database" if args.is_empty() => {
                let database = self.request.facts.database.clone();
                return self.fact(&database, PgType::Name);
            }
            "date_part" => {
                return match args {
                    [field, from] => {
                        let field = self.written(field, "date_part of a field that is not a literal")?;
                        self.extract(&field, from, false, scope)
                    }
                    _ => Err(self.no_such(&call, &[])),
                };
            }
            "starts_with" => {
                return match args {
                    [s, p] => self.starts_with(s, p, scope),
                    _ => Err(self.no_such(&call, &[])),
                };
            }
            "timezone" => {
                return match args {
                    [zone, at] => self.at_time_zone(at, zone, scope),
                    _ => Err(self.no_such(&call, &[])),
                };
            }
            "mod" => {
                return match args {
                    [a, b] => self.binary(a, &sqlparser::ast::BinaryOperator::Modulo, b, scope),
                    _ => Err(self.no_such(&call, &[])),
                };
            }
            _ => {}
        }
        if let Some(typed) = self.string_function(&call, scope)? {
            return Ok(typed);
        }
        if let Some(typed) = self.math_function(&call, scope)? {
            return Ok(typed);
        }
        if let Some(typed) = self.moment_function(&call, scope)? {
            return Ok(typed);
        }
        if let Some(typed) = self.json_function(&call, scope)? {
            return Ok(typed);
        }
        Err(self.refused(format!("the function {name}")))
    }

    /// `num_nulls(a, b, …)`, `num_nonnulls(a, b, …)`
    fn nulls(&mut self, name: &str, args: &[&Expr], scope: &Scope<'_>) -> Result<Typed, Fault> {
        let test = if name == "num_nulls" { " IS NULL)" } else { " IS NOT NULL)" };
        let mut out = Vec::new();
        for arg in args {
            let typed = self.expr(arg, scope)?;
            out.push(sql!["(", &self.settle(typed)?, test]);
        }
        Ok(Typed::new(Sql::joined(out, " + ").wrapped("(", ")"), PgType::Int4))
    }

    /// A quoted literal's text, where PostgreSQL would take an expression but only a literal can be translated.
    pub(super) fn written(&self, expr: &Expr, what: &str) -> Result<String, Fault> {
        match super::compare::inside(expr) {
            Expr::Value(value) => match &value.value {
                Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) => Ok(text.clone()),
                _ => Err(self.refused(what)),
            },
            Expr::Cast { expr, .. } => self.written(expr, what),
            _ => Err(self.refused(what)),
        }
    }

    /// PostgreSQL's error for arguments that fit no function of the name.
    pub(super) fn no_such(&self, call: &Call<'_>, types: &[&PgType]) -> Fault {
        let types: Vec<String> = types.iter().map(|ty| called(ty)).collect();
        let what = format!("function {}({}) does not exist", call.name, types.join(", "));
        Fault::new(FaultKind::UndefinedFunction, what)
            .hint("No function matches the given name and argument types. You might need to add explicit type casts.")
    }

    /// A text argument.
    pub(super) fn text_arg(&mut self, call: &Call<'_>, at: usize, scope: &Scope<'_>) -> Result<Typed, Fault> {
        let Some(expr) = call.args.get(at) else { return Err(self.no_such(call, &[])) };
        let typed = self.expr(expr, scope)?;
        if typed.open.is_some() {
            return self.coerce(typed, &PgType::Text);
        }
        if !is_text(&typed.ty) {
            return Err(self.no_such(call, &[&typed.ty]));
        }
        Ok(typed)
    }

    /// An integer argument.
    pub(super) fn int_arg(&mut self, call: &Call<'_>, at: usize, scope: &Scope<'_>) -> Result<Typed, Fault> {
        let Some(expr) = call.args.get(at) else { return Err(self.no_such(call, &[])) };
        let typed = self.expr(expr, scope)?;
        if typed.open.is_some() {
            return self.coerce(typed, &PgType::Int4);
        }
        if !matches!(typed.ty, PgType::Int2 | PgType::Int4) {
            return Err(self.no_such(call, &[&typed.ty]));
        }
        self.operand(expr, typed, &PgType::Int4)
    }

    /// A number, as `double precision`. Numerics have functions of their own, with scales of their own.
    pub(super) fn float_arg(&mut self, call: &Call<'_>, at: usize, scope: &Scope<'_>) -> Result<Typed, Fault> {
        let Some(expr) = call.args.get(at) else { return Err(self.no_such(call, &[])) };
        let typed = self.expr(expr, scope)?;
        if typed.open.is_some() {
            return self.coerce(typed, &PgType::Float8);
        }
        if is_int(&typed.ty) || is_float(&typed.ty) {
            return self.widen(typed, &PgType::Float8);
        }
        if is_number(&typed.ty) {
            return Err(self.refused(format!("{} of numeric", call.name)));
        }
        Err(self.no_such(call, &[&typed.ty]))
    }

    /// A constant that is an integer.
    pub(super) fn constant_int(&self, expr: &Expr) -> Option<i64> {
        super::operators::constant(expr).and_then(|n| n.parse().ok())
    }

    /// How many arguments there are, else PostgreSQL's error.
    pub(super) fn count(&self, call: &Call<'_>, counts: std::ops::RangeInclusive<usize>) -> Result<(), Fault> {
        if counts.contains(&call.args.len()) { Ok(()) } else { Err(self.no_such(call, &[])) }
    }

    /// A function of MySQL over pieces.
    pub(super) fn mysql_call(&self, name: &str, args: &[Sql], ty: PgType) -> Typed {
        Typed::new(sql![name, "(", Sql::joined(args.iter().cloned(), ", "), ")"], ty)
    }
}
