//! Aggregates.

use sqlparser::ast::{
    DuplicateTreatment, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArgumentList, OrderByExpr,
    Value as Written,
};

use super::arithmetic::{cut_quotient, kept_digits, unsigned, with_frac};
use super::scope::Scope;
use super::typed::{Class, decimal, fill};
use super::{Typed, Walk};
use crate::base::Fault;
use crate::sql::translate::Sql;
use crate::wire::value::{MyType, PgType};

/// What SUM adds to the digits of whole numbers and DECIMALs.
const SUM_DIGITS: u32 = 22;
/// What AVG adds to the digits behind the point.
const AVERAGE_DIGITS: u32 = 4;

impl Walk<'_> {
    /// `over` is printed behind each call: a window, or nothing.
    pub(super) fn aggregate(
        &mut self,
        name: &str,
        list: &FunctionArgumentList,
        over: &str,
        scope: &Scope<'_>,
    ) -> Result<Option<Typed>, Fault> {
        let known = [
            "COUNT",
            "SUM",
            "AVG",
            "MIN",
            "MAX",
            "GROUP_CONCAT",
            "BIT_AND",
            "BIT_OR",
            "BIT_XOR",
            "STD",
            "STDDEV",
            "STDDEV_POP",
            "STDDEV_SAMP",
            "VARIANCE",
            "VAR_POP",
            "VAR_SAMP",
        ];
        if !known.contains(&name) {
            return Ok(None);
        }
        let distinct = match list.duplicate_treatment {
            Some(DuplicateTreatment::Distinct) => "DISTINCT ",
            Some(DuplicateTreatment::All) | None => "",
        };
        if name == "GROUP_CONCAT" && over.is_empty() {
            return self.group_concat(list, !distinct.is_empty(), scope).map(Some);
        }
        if !list.clauses.is_empty() || (!distinct.is_empty() && !over.is_empty()) {
            return Err(self.refused(format!("this form of {name}")));
        }
        if name == "COUNT" {
            return self.count(list, distinct, over, scope).map(Some);
        }
        let [FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))] = &list.args[..] else {
            return Err(self.refused(format!("this form of {name}")));
        };
        let value = self.expr(expr, scope)?;
        let out = match name {
            "SUM" => self.sum(value, distinct, over)?,
            "AVG" => self.average(value, distinct, over)?,
            "MIN" | "MAX" => self.extremum(name, value, over)?,
            "BIT_AND" | "BIT_OR" | "BIT_XOR" => self.bit_aggregate(name, value, over)?,
            _ => self.deviation(name, value, distinct, over)?,
        };
        Ok(Some(Typed { aggregate: over.is_empty(), nullable: out.nullable, ..out }))
    }

    fn count(
        &mut self,
        list: &FunctionArgumentList,
        distinct: &str,
        over: &str,
        scope: &Scope<'_>,
    ) -> Result<Typed, Fault> {
        let out = |sql: Sql| {
            let typed = Typed::new(sql, MyType::BigInt(false), PgType::Int8).nullable(false).digits(20);
            Typed { aggregate: over.is_empty(), ..typed }
        };
        if let [FunctionArg::Unnamed(FunctionArgExpr::Wildcard | FunctionArgExpr::WildcardWithOptions(_))] =
            &list.args[..]
        {
            if !distinct.is_empty() {
                return Err(self.refused("COUNT(DISTINCT *)"));
            }
            return Ok(out(Sql::text(format!("count(*){over}"))));
        }
        let args = self.arguments("COUNT", list)?;
        let mut values = Vec::new();
        for arg in args {
            let typed = self.expr(arg, scope)?;
            let typed = self.settle(typed)?;
            values.push(if distinct.is_empty() { typed.sql } else { self.comparable(&typed) });
        }
        match &values[..] {
            [value] => Ok(out(fill(&format!("count({distinct}{{0}}){over}"), &[value]))),
            [_, ..] if !distinct.is_empty() => {
                let known = Sql::joined(values.iter().map(|v| fill("{0} IS NOT NULL", &[v])), " AND ");
                let row = Sql::joined(values.clone(), ", ");
                Ok(out(fill("count(DISTINCT CASE WHEN {0} THEN ROW({1}) END)", &[&known, &row])))
            }
            _ => Err(self.refused("this form of COUNT")),
        }
    }

    fn sum(&mut self, value: Typed, distinct: &str, over: &str) -> Result<Typed, Fault> {
        let value = self.number_of(value, &MyType::Double)?;
        let (p, s) = value.precision();
        let frac = value.frac();
        match value.class() {
            Class::Int if value.ty != MyType::BigInt(true) => {
                let narrow = matches!(value.pg, PgType::Int2 | PgType::Int4);
                let sql = match value.pg {
                    PgType::Bool => fill("({0}::int4)", &[&value.sql]),
                    _ if narrow => value.sql,
                    _ => self.int8(value)?,
                };
                let sql = fill(&format!("(sum({distinct}{{0}}){over}::numeric)"), &[&sql]);
                Ok(Typed::new(sql, decimal(p + SUM_DIGITS, 0), PgType::Numeric(None)))
            }
            Class::Int | Class::Decimal => {
                let sql = fill(&format!("sum({distinct}{{0}}){over}"), &[&self.numeric(value)?]);
                Ok(with_frac(Typed::new(sql, decimal(p + SUM_DIGITS, s), PgType::Numeric(None)), frac))
            }
            _ => {
                let sql = fill(&format!("sum({distinct}{{0}}){over}"), &[&self.double(value)?]);
                Ok(Typed::new(sql, MyType::Double, PgType::Float8))
            }
        }
    }

    fn average(&mut self, value: Typed, distinct: &str, over: &str) -> Result<Typed, Fault> {
        let value = self.number_of(value, &MyType::Double)?;
        let (p, s) = value.precision();
        if !matches!(value.class(), Class::Int | Class::Decimal) {
            let sql = fill(&format!("avg({distinct}{{0}}){over}"), &[&self.double(value)?]);
            return Ok(Typed::new(sql, MyType::Double, PgType::Float8));
        }
        let frac = kept_digits(value.frac(), 0);
        let number = self.numeric(value)?;
        let total = fill(&format!("sum({distinct}{{0}}){over}"), &[&number]);
        let count = fill(&format!("count({distinct}{{0}}){over}"), &[&number]);
        let ty = decimal(p + AVERAGE_DIGITS, s + AVERAGE_DIGITS);
        Ok(with_frac(Typed::new(cut_quotient(&total, &count, frac), ty, PgType::Numeric(None)), frac))
    }

    fn extremum(&mut self, name: &str, value: Typed, over: &str) -> Result<Typed, Fault> {
        let value = self.settle(value)?;
        let call = name.to_ascii_lowercase();
        let (sql, ty, pg) = match (value.class(), &value.pg) {
            (Class::Int, PgType::Bool) => (fill("({0}::int4)", &[&value.sql]), MyType::TinyInt(false), PgType::Int4),
            (Class::Text, PgType::Uuid) => {
                let text = self.text(value.clone())?;
                (fill("({0} COLLATE \"C\")", &[&text.sql]), value.ty.clone(), PgType::Text)
            }
            (Class::Text, _) => (self.sortable(&value)?, value.ty.clone(), value.pg.clone()),
            (Class::Int | Class::Decimal | Class::Double | Class::Date | Class::DateTime | Class::Time, _) => {
                (value.sql.clone(), value.ty.clone(), value.pg.clone())
            }
            _ => return Err(self.refused(format!("{name} of {}", value.ty.sql()))),
        };
        let sql = fill(&format!("{call}({{0}}){over}"), &[&sql]);
        Ok(Typed { sql, ty, pg, nullable: true, number: None, ..value })
    }

    fn bit_aggregate(&mut self, name: &str, value: Typed, over: &str) -> Result<Typed, Fault> {
        let bits = self.int8(value)?;
        let none = if name == "BIT_AND" { "-1" } else { "0" };
        let call = name.to_ascii_lowercase();
        let sql = fill(&format!("COALESCE({call}({{0}}){over}, {none})"), &[&bits]);
        Ok(Typed::new(unsigned(&sql), MyType::BigInt(true), PgType::Numeric(None)).nullable(false))
    }

    fn deviation(&mut self, name: &str, value: Typed, distinct: &str, over: &str) -> Result<Typed, Fault> {
        if !distinct.is_empty() {
            return Err(self.refused(format!("{name} of distinct values")));
        }
        let call = match name {
            "STD" | "STDDEV" | "STDDEV_POP" => "stddev_pop",
            "STDDEV_SAMP" => "stddev_samp",
            "VARIANCE" | "VAR_POP" => "var_pop",
            _ => "var_samp",
        };
        let value = self.number_of(value, &MyType::Double)?;
        let scale = matches!(value.class(), Class::Int | Class::Decimal).then(|| value.precision().1 + AVERAGE_DIGITS);
        // Of whole numbers and DECIMALs PostgreSQL's result is exact; MySQL's sums of doubles come to the same digits.
        let sql = if scale.is_some() {
            fill(&format!("({call}({{0}}){over}::float8)"), &[&self.numeric(value)?])
        } else {
            fill(&format!("{call}({{0}}){over}"), &[&self.double(value)?])
        };
        let frac = scale.filter(|_| self.mariadb()).and_then(|s| u8::try_from(s).ok());
        Ok(Typed { frac, ..Typed::new(sql, MyType::Double, PgType::Float8) })
    }

    fn group_concat(&mut self, list: &FunctionArgumentList, distinct: bool, scope: &Scope<'_>) -> Result<Typed, Fault> {
        let mut separator = ",".to_owned();
        let mut order: &[OrderByExpr] = &[];
        for clause in &list.clauses {
            match clause {
                FunctionArgumentClause::OrderBy(items) => order = items,
                FunctionArgumentClause::Separator(value) => match &value.value {
                    Written::SingleQuotedString(text) | Written::DoubleQuotedString(text) => separator.clone_from(text),
                    _ => return Err(self.refused("this SEPARATOR")),
                },
                _ => return Err(self.refused("this form of GROUP_CONCAT")),
            }
        }
        let args = self.arguments("GROUP_CONCAT", list)?;
        let single = match &args[..] {
            [one] => Some(*one),
            _ => None,
        };
        let mut values = Vec::new();
        for arg in args {
            values.push(self.expr(arg, scope)?);
        }
        let first = values.first().cloned();
        let texts = values.into_iter().map(|t| self.text(t)).collect::<Result<Vec<_>, _>>()?;
        let parts: Vec<&Typed> = texts.iter().collect();
        let wide = if self.mariadb() { 16_777_215 } else { 65_535 };
        let shape = Typed::new(Sql::new(), MyType::Text(wide), PgType::Text).collated_as(&parts);
        let text = Sql::joined(texts.into_iter().map(|t| t.sql), " || ");
        let sep = self.text_literal(&separator)?;
        let sql = if !distinct {
            let order = self.order_within(order, scope)?;
            fill("string_agg({0}, {1}{2})", &[&text, &sep, &order])
        } else if order.is_empty() {
            fill("string_agg(DISTINCT {0}, {1})", &[&text, &sep])
        } else {
            let (Some(one), Some(value), [item]) = (single, first, order) else {
                return Err(self.refused("GROUP_CONCAT of distinct values in this order"));
            };
            if item.expr != *one || !matches!(value.class(), Class::Int | Class::Text | Class::Date) {
                return Err(self.refused("GROUP_CONCAT of distinct values in another order"));
            }
            self.sortable(&value)?;
            let value = self.settle(value)?;
            let value =
                if value.pg == PgType::Bool { fill("({0}::int4)", &[&value.sql]) } else { self.comparable(&value) };
            let way = if item.options.asc == Some(false) { " DESC" } else { "" };
            fill(
                &format!(
                    "array_to_string(array_agg(DISTINCT {{0}} ORDER BY {{0}}{way}) FILTER (WHERE {{0}} IS NOT NULL), {{1}})"
                ),
                &[&value, &sep],
            )
        };
        Ok(Typed { sql: self.within_group_concat(sql), aggregate: true, nullable: true, ..shape })
    }

    /// MySQL cuts what is too long; here it is an error. PostgreSQL computes one aggregate once, however often it stands there.
    fn within_group_concat(&self, sql: Sql) -> Sql {
        let bytes_max = self.request.facts.group_concat_bytes_max;
        if bytes_max == 0 {
            return sql;
        }
        let what = "'the result of GROUP_CONCAT is longer than group_concat_max_len'";
        // Some of it must depend on the row, else it is computed, and fails, while the statement is planned.
        let fails = format!("CAST({what} || substr({{0}}, 1, 0) AS int4)::text");
        fill(&format!("(CASE WHEN octet_length({{0}}) > {bytes_max} THEN {fails} ELSE {{0}} END)"), &[&sql])
    }

    fn order_within(&mut self, items: &[OrderByExpr], scope: &Scope<'_>) -> Result<Sql, Fault> {
        if items.is_empty() {
            return Ok(Sql::new());
        }
        Ok(self.order_by(items, scope)?.wrapped(" ORDER BY ", ""))
    }
}
