//! Aggregates and window functions.
//!
//! FILTER becomes a CASE whose other rows are NULL, which both servers leave out.

use sqlparser::ast::{
    DuplicateTreatment, Expr, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArguments, OrderByExpr,
    WindowFrame, WindowFrameBound, WindowFrameUnits, WindowSpec, WindowType,
};

use super::divide::Side;
use super::expr::sql;
use super::scope::Scope;
use super::types::{NUMERIC, base, called, is_float, is_int, is_moment, is_number, is_numeric, is_text};
use super::{Typed, Walk};
use crate::base::{Fault, FaultKind};
use crate::sql::translate::Sql;
use crate::wire::value::PgType;

/// Functions that PostgreSQL knows as aggregates; some are refused later, by name.
pub(super) fn is_aggregate(name: &str) -> bool {
    matches!(
        name,
        "count"
            | "sum"
            | "avg"
            | "min"
            | "max"
            | "bool_and"
            | "bool_or"
            | "every"
            | "string_agg"
            | "array_agg"
            | "json_agg"
            | "jsonb_agg"
            | "json_object_agg"
            | "jsonb_object_agg"
            | "stddev"
            | "stddev_pop"
            | "stddev_samp"
            | "variance"
            | "var_pop"
            | "var_samp"
            | "bit_and"
            | "bit_or"
            | "bit_xor"
            | "mode"
            | "percentile_cont"
            | "percentile_disc"
            | "corr"
            | "covar_pop"
            | "covar_samp"
            | "xmlagg"
            | "any_value"
    )
}

/// What is the same for every aggregate of a call.
struct Parts {
    distinct: &'static str,
    /// `` OVER (…)``, or nothing.
    over: Sql,
    /// FILTER's condition.
    filter: Option<Sql>,
}

impl Parts {
    /// An argument, NULL where the filter does not hold.
    fn kept(&self, value: &Sql) -> Sql {
        match &self.filter {
            Some(filter) => sql!["CASE WHEN ", filter, " THEN ", value, " END"],
            None => value.clone(),
        }
    }

    fn call(&self, name: &str, value: &Sql) -> Sql {
        sql![name, "(", self.distinct, self.kept(value), ")", &self.over]
    }
}

impl Walk<'_> {
    /// An aggregate, or any function with OVER.
    pub(super) fn aggregate(
        &mut self,
        name: &str,
        args: &FunctionArguments,
        filter: Option<&Expr>,
        over: Option<&WindowType>,
        scope: &Scope<'_>,
    ) -> Result<Typed, Fault> {
        let FunctionArguments::List(list) = args else { return Err(self.refused(format!("this form of {name}"))) };
        let distinct = match list.duplicate_treatment {
            Some(DuplicateTreatment::Distinct) => "DISTINCT ",
            Some(DuplicateTreatment::All) | None => "",
        };
        if over.is_some() && !distinct.is_empty() {
            return Err(Fault::new(FaultKind::NotSupported, "DISTINCT is not implemented for window functions"));
        }
        let mut order: &[OrderByExpr] = &[];
        for clause in &list.clauses {
            match clause {
                FunctionArgumentClause::OrderBy(items) if name == "string_agg" => order = items,
                FunctionArgumentClause::OrderBy(_) if matches!(name, "count" | "sum" | "min" | "max" | "avg") => {}
                other => return Err(self.refused(format!("{other} in {name}"))),
            }
        }
        let filter = match filter {
            Some(filter) => Some(self.boolean(filter, scope, "FILTER")?.sql),
            None => None,
        };
        let over_sql = match over {
            Some(window) => sql![" OVER (", self.window(window, scope)?, ")"],
            None => Sql::new(),
        };
        let parts = Parts { distinct, over: over_sql, filter };
        let typed = if is_aggregate(name) {
            self.aggregate_of(name, &list.args, order, &parts, scope)?
        } else {
            if parts.filter.is_some() {
                return Err(self.refused(format!("FILTER of {name}")));
            }
            match (name, over) {
                ("percent_rank" | "cume_dist", Some(window)) if self.mariadb() && list.args.is_empty() => {
                    self.share(name, window, &parts.over, scope)?
                }
                _ => self.window_function(name, &list.args, &parts.over, scope)?,
            }
        };
        if over.is_none() {
            self.aggregates += 1;
        }
        Ok(typed)
    }

    fn aggregate_of(
        &mut self,
        name: &str,
        args: &[FunctionArg],
        order: &[OrderByExpr],
        parts: &Parts,
        scope: &Scope<'_>,
    ) -> Result<Typed, Fault> {
        if let ("count", [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)]) = (name, args) {
            let value = match &parts.filter {
                Some(_) => parts.call("COUNT", &Sql::text("1")),
                None => sql!["COUNT(*)", &parts.over],
            };
            return Ok(Typed::new(value, PgType::Int8));
        }
        let plain = self.plain_args(name, args)?;
        if name == "string_agg" {
            return self.string_agg(&plain, order, parts, scope);
        }
        let [expr] = plain.as_slice() else { return Err(self.refused(format!("this form of {name}"))) };
        if matches!(super::compare::inside(expr), Expr::Tuple(_)) {
            return Err(self.refused(format!("{name} of a row")));
        }
        let typed = self.expr(expr, scope)?;
        match name {
            "count" => {
                let typed = self.settle(typed)?;
                self.distinct_ready(&typed, parts)?;
                let key = if parts.distinct.is_empty() { typed.sql } else { self.comparable(&typed) };
                Ok(Typed::new(parts.call("COUNT", &key), PgType::Int8))
            }
            "sum" | "avg" => self.sum_or_avg(name, typed, parts),
            "min" | "max" => self.least_or_greatest(name, typed, parts),
            "bool_and" | "every" | "bool_or" => {
                let typed = if typed.open.is_some() { self.coerce(typed, &PgType::Bool)? } else { typed };
                if typed.ty != PgType::Bool {
                    return Err(no_such(name, &typed.ty));
                }
                let function = if name == "bool_or" { "MAX" } else { "MIN" };
                let truth = sql!["(", &typed, " <> 0)"];
                Ok(Typed::new(parts.call(function, &truth), PgType::Bool))
            }
            "bit_and" | "bit_or" if is_int(&typed.ty) => {
                let bits = parts.call(&name.to_ascii_uppercase(), &sql!["CAST(", &typed, " AS SIGNED)"]);
                // Of no value MySQL gives all bits, or none.
                let any = parts.call("COUNT", &typed.sql);
                Ok(Typed::new(sql!["IF(", any, " = 0, NULL, CAST(", bits, " AS SIGNED))"], typed.ty))
            }
            other => Err(self.refused(format!("the aggregate {other}"))),
        }
    }

    fn distinct_ready(&self, typed: &Typed, parts: &Parts) -> Result<(), Fault> {
        if parts.distinct.is_empty() { Ok(()) } else { self.sortable(&typed.ty) }
    }

    fn sum_or_avg(&mut self, name: &str, typed: Typed, parts: &Parts) -> Result<Typed, Fault> {
        let ty = base(&typed.ty);
        if typed.open.is_some() {
            let what = format!("function {name}(unknown) is not unique");
            return Err(Fault::new(FaultKind::UndefinedFunction, what));
        }
        if ty == PgType::Interval {
            return Err(self.refused(format!("{name} of intervals")));
        }
        if !is_number(&ty) || ty == PgType::Oid {
            return Err(no_such(name, &ty));
        }
        if is_float(&ty) {
            return match (name, &ty) {
                ("sum", PgType::Float4) => Err(self.refused("sum of real")),
                ("sum", _) => Ok(Typed::new(parts.call("SUM", &typed.sql), PgType::Float8)),
                _ => Ok(Typed::new(parts.call("AVG", &typed.sql), PgType::Float8)),
            };
        }
        let side = Side::of(None, &typed.ty);
        let sum = parts.call("SUM", &typed.sql);
        if name == "avg" {
            let count = parts.call("COUNT", &typed.sql);
            let by = Side::of(None, &PgType::Int8);
            return Ok(self.quotient(&side.printed(&sum), &by.printed(&count), &count));
        }
        if is_int(&ty) && ty != PgType::Int8 {
            return Ok(Typed::new(sql!["CAST(", sum, " AS SIGNED)"], PgType::Int8));
        }
        let mut out = Typed::new(sum, NUMERIC);
        if is_numeric(&ty) && typed.shown.is_some() {
            // Values of different scales: the sum has the largest one.
            let shown = typed.as_shown();
            let scale = sql!["CHAR_LENGTH(", &shown, ") - LOCATE('.', CONCAT(", &shown, ", '.'))"];
            let scale = parts.call("MAX", &sql!["GREATEST(0, ", scale, ")"]);
            out.shown = Some(super::divide::with_scale(&out.sql, &scale));
        }
        Ok(out)
    }

    fn least_or_greatest(&mut self, name: &str, typed: Typed, parts: &Parts) -> Result<Typed, Fault> {
        let typed = self.settle(typed)?;
        let ty = base(&typed.ty);
        let fits = is_number(&ty) || is_text(&ty) || is_moment(&ty) || matches!(ty, PgType::Time(_));
        if ty == PgType::Interval {
            return Err(self.refused(format!("{name} of intervals")));
        }
        if !fits {
            return Err(no_such(name, &ty));
        }
        let function = if name == "min" { "MIN" } else { "MAX" };
        let mut out = Typed::new(parts.call(function, &self.comparable(&typed)), typed.ty.clone());
        if is_text(&ty) {
            out.exact = true;
            out.ty = PgType::Text;
        } else if !is_numeric(&ty) {
            out.ty = ty.clone();
        }
        if ty == PgType::Float4 {
            out.shown = Some(sql!["(", &out, " + 0e0)"]);
        }
        Ok(out)
    }

    /// `string_agg(x, ',' ORDER BY …)`
    fn string_agg(
        &mut self,
        args: &[&Expr],
        order: &[OrderByExpr],
        parts: &Parts,
        scope: &Scope<'_>,
    ) -> Result<Typed, Fault> {
        let [value, separator] = args else { return Err(self.refused("this form of string_agg")) };
        if parts.over.parts().iter().any(|_| true) {
            return Err(self.refused("string_agg with OVER"));
        }
        let separator = self.written(separator, "string_agg with a separator that is not a literal")?;
        let typed = self.expr(value, scope)?;
        let typed = self.settle(typed)?;
        if !is_text(&typed.ty) {
            return Err(no_such("string_agg", &typed.ty));
        }
        let key = if parts.distinct.is_empty() { typed.sql.clone() } else { self.comparable(&typed) };
        let mut out = sql!["GROUP_CONCAT(", parts.distinct, parts.kept(&key)];
        if !order.is_empty() {
            out.append(sql![" ORDER BY ", self.order_by(order, scope)?]);
        }
        out.append(sql![" SEPARATOR ", &separator_text(&separator), ")"]);
        Ok(Typed::new(out, PgType::Text))
    }

    /// What is between the parentheses of OVER.
    fn window(&mut self, window: &WindowType, scope: &Scope<'_>) -> Result<Sql, Fault> {
        let WindowType::WindowSpec(spec) = window else { return Err(self.refused("a named window")) };
        let WindowSpec { window_name: None, partition_by, order_by, window_frame } = spec else {
            return Err(self.refused("a named window"));
        };
        let mut pieces = Vec::new();
        if !partition_by.is_empty() {
            let mut keys = Vec::new();
            for key in partition_by {
                let typed = self.expr(key, scope)?;
                self.sortable(&typed.ty)?;
                keys.push(self.comparable(&typed));
            }
            pieces.push(sql!["PARTITION BY ", Sql::joined(keys, ", ")]);
        }
        if !order_by.is_empty() {
            pieces.push(sql!["ORDER BY ", self.order_by(order_by, scope)?]);
        }
        if let Some(frame) = window_frame {
            pieces.push(self.frame(frame)?);
        }
        Ok(Sql::joined(pieces, " "))
    }

    fn frame(&self, frame: &WindowFrame) -> Result<Sql, Fault> {
        let WindowFrame { units, start_bound, end_bound } = frame;
        let word = match units {
            WindowFrameUnits::Rows => "ROWS",
            WindowFrameUnits::Range => "RANGE",
            WindowFrameUnits::Groups => return Err(self.refused("a frame of GROUPS")),
        };
        let start = self.bound(start_bound, *units)?;
        Ok(match end_bound {
            None => Sql::text(format!("{word} {start}")),
            Some(end) => Sql::text(format!("{word} BETWEEN {start} AND {}", self.bound(end, *units)?)),
        })
    }

    fn bound(&self, bound: &WindowFrameBound, units: WindowFrameUnits) -> Result<String, Fault> {
        let (distance, word) = match bound {
            WindowFrameBound::CurrentRow => return Ok("CURRENT ROW".to_owned()),
            WindowFrameBound::Preceding(distance) => (distance, "PRECEDING"),
            WindowFrameBound::Following(distance) => (distance, "FOLLOWING"),
        };
        match distance {
            None => Ok(format!("UNBOUNDED {word}")),
            Some(distance) => match self.constant_int(distance) {
                Some(n @ 0..) if units == WindowFrameUnits::Rows => Ok(format!("{n} {word}")),
                _ => Err(self.refused("a frame whose bound is not a number of rows")),
            },
        }
    }

    /// `percent_rank()`, `cume_dist()` on MariaDB, whose own have ten digits only.
    fn share(&mut self, name: &str, window: &WindowType, over: &Sql, scope: &Scope<'_>) -> Result<Typed, Fault> {
        let WindowType::WindowSpec(spec) = window else { return Err(self.refused("a named window")) };
        if spec.window_frame.is_some() {
            return Err(self.refused(format!("a frame of {name}")));
        }
        let whole = WindowSpec { order_by: Vec::new(), ..spec.clone() };
        let all = sql!["COUNT(*) OVER (", self.window(&WindowType::WindowSpec(whole), scope)?, ")"];
        let value = match name {
            "percent_rank" => sql!["IF(", &all, " = 1, 0e0, (RANK()", over, " - 1) * 1e0 / ((", &all, " - 1) * 1e0))"],
            _ => sql!["(COUNT(*)", over, " * 1e0 / (", &all, " * 1e0))"],
        };
        Ok(Typed::new(value, PgType::Float8))
    }

    fn window_function(
        &mut self,
        name: &str,
        args: &[FunctionArg],
        over: &Sql,
        scope: &Scope<'_>,
    ) -> Result<Typed, Fault> {
        let args = self.plain_args(name, args)?;
        let plain = |ty: PgType| Ok(Typed::new(sql![&name.to_ascii_uppercase(), "()", over], ty));
        match (name, args.as_slice()) {
            ("row_number" | "rank" | "dense_rank", []) => plain(PgType::Int8),
            ("percent_rank" | "cume_dist", []) => plain(PgType::Float8),
            ("ntile", [n]) => match self.constant_int(n) {
                Some(n @ 1..) => Ok(Typed::new(sql!["NTILE(", &n.to_string(), ")", over], PgType::Int4)),
                _ => Err(self.refused("ntile of anything but a constant")),
            },
            ("first_value" | "last_value", [value]) => {
                let typed = self.expr(value, scope)?;
                let typed = self.settle(typed)?;
                Ok(picked(&typed, |piece| sql![&name.to_ascii_uppercase(), "(", piece, ")", over]))
            }
            ("nth_value", [value, n]) => {
                let typed = self.expr(value, scope)?;
                let typed = self.settle(typed)?;
                let Some(n @ 1..) = self.constant_int(n) else {
                    return Err(self.refused("nth_value of anything but a constant"));
                };
                Ok(picked(&typed, |piece| sql!["NTH_VALUE(", piece, ", ", &n.to_string(), ")", over]))
            }
            ("lag" | "lead", [value, rest @ ..]) if rest.len() <= 2 => self.neighbour(name, value, rest, over, scope),
            _ => Err(self.refused(format!("the window function {name}"))),
        }
    }

    fn neighbour(
        &mut self,
        name: &str,
        value: &Expr,
        rest: &[&Expr],
        over: &Sql,
        scope: &Scope<'_>,
    ) -> Result<Typed, Fault> {
        let n = match rest.first() {
            None => 1,
            Some(n) => match self.constant_int(n) {
                Some(n @ 0..) => n,
                _ => return Err(self.refused(format!("{name} by anything but a constant"))),
            },
        };
        let typed = self.expr(value, scope)?;
        let typed = self.settle(typed)?;
        let upper = name.to_ascii_uppercase();
        let n = n.to_string();
        let Some(default) = rest.get(1) else {
            return Ok(picked(&typed, |piece| sql![&upper, "(", piece, ", ", &n, ")", over]));
        };
        let default = self.expr(default, scope)?;
        let (both, ty) = self.together(vec![typed, default], name)?;
        let [value, default] = both.as_slice() else { return Err(self.refused(name)) };
        let picked = sql![&upper, "(", value, ", ", &n, ")", over];
        // MariaDB has no default: a constant's neighbour is NULL only where there is no row.
        let none = sql![&upper, "(1, ", &n, ")", over, " IS NULL"];
        let mut out = Typed::new(sql!["CASE WHEN ", none, " THEN ", default, " ELSE ", picked, " END"], ty);
        out.exact = is_text(&out.ty);
        Ok(out)
    }
}

/// A value of another row: of the same type, shown alike.
fn picked(typed: &Typed, form: impl Fn(&Sql) -> Sql) -> Typed {
    let mut out = Typed::new(form(&typed.sql), typed.ty.clone());
    out.exact = typed.exact;
    out.shown = typed.shown.as_ref().map(form);
    out
}

fn no_such(name: &str, ty: &PgType) -> Fault {
    Fault::new(FaultKind::UndefinedFunction, format!("function {name}({}) does not exist", called(ty)))
}

/// SEPARATOR takes a plain or a hexadecimal literal only.
fn separator_text(text: &str) -> String {
    if text.chars().all(|c| c == ' ' || (c.is_ascii_graphic() && !matches!(c, '\'' | '\\'))) {
        return format!("'{text}'");
    }
    let digits: String = text.bytes().map(|b| format!("{b:02X}")).collect();
    format!("X'{digits}'")
}
