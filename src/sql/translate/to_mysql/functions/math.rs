//! Functions of numbers.

use super::super::divide::with_scale;
use super::super::expr::sql;
use super::super::operators::{in_range, raise};
use super::super::scope::Scope;
use super::super::types::{NUMERIC, base, is_float, is_int, is_number, is_numeric};
use super::super::{Typed, Walk};
use super::Call;
use crate::base::Fault;
use crate::sql::translate::Sql;
use crate::wire::value::PgType;

impl Walk<'_> {
    pub(super) fn math_function(&mut self, call: &Call<'_>, scope: &Scope<'_>) -> Result<Option<Typed>, Fault> {
        let simple = match call.name {
            "exp" => "EXP",
            "sin" => "SIN",
            "cos" => "COS",
            "tan" => "TAN",
            "atan" => "ATAN",
            "atan2" => "ATAN2",
            "abs" | "sign" | "ceil" | "ceiling" | "floor" => return self.kept(call, scope).map(Some),
            "round" | "trunc" => return self.round(call, scope).map(Some),
            "power" | "pow" => {
                self.count(call, 2..=2)?;
                let (Some(a), Some(b)) = (call.args.first(), call.args.get(1)) else {
                    return Err(self.no_such(call, &[]));
                };
                let (a, b) = (self.expr(a, scope)?, self.expr(b, scope)?);
                return self.power(a, b).map(Some);
            }
            "sqrt" => {
                self.count(call, 1..=1)?;
                let x = self.float_arg(call, 0, scope)?;
                return self.square_root(x).map(Some);
            }
            "ln" | "log" | "log10" => {
                self.count(call, 1..=1)?;
                let x = self.float_arg(call, 0, scope)?;
                let name = if call.name == "ln" { "LN(" } else { "LOG10(" };
                return Ok(Some(domain(name, &x, " <= 0")));
            }
            "pi" => {
                self.count(call, 0..=0)?;
                return Ok(Some(Typed::text("3.141592653589793e0", PgType::Float8)));
            }
            "degrees" | "radians" => {
                self.count(call, 1..=1)?;
                let Some(expr) = call.args.first() else { return Err(self.no_such(call, &[])) };
                let x = self.expr(expr, scope)?;
                // There is no such function of numeric: it becomes a double.
                let x = match is_numeric(&x.ty) {
                    true => self.widen(x, &PgType::Float8)?,
                    false => self.float_arg(call, 0, scope)?,
                };
                let by =
                    if call.name == "degrees" { " / 0.017453292519943295e0)" } else { " * 0.017453292519943295e0)" };
                return Ok(Some(Typed::new(sql!["(", &x, by], PgType::Float8)));
            }
            "random" => {
                self.count(call, 0..=0)?;
                return Ok(Some(Typed::text("RAND()", PgType::Float8)));
            }
            _ => return Ok(None),
        };
        let many = if call.name == "atan2" { 2 } else { 1 };
        self.count(call, many..=many)?;
        let mut args = Vec::new();
        for at in 0..many {
            args.push(self.float_arg(call, at, scope)?.sql);
        }
        Ok(Some(self.mysql_call(simple, &args, PgType::Float8)))
    }

    /// Functions whose result is of the argument's kind.
    fn kept(&mut self, call: &Call<'_>, scope: &Scope<'_>) -> Result<Typed, Fault> {
        self.count(call, 1..=1)?;
        let Some(expr) = call.args.first() else { return Err(self.no_such(call, &[])) };
        let typed = self.expr(expr, scope)?;
        let typed = if typed.open.is_some() { self.coerce(typed, &PgType::Float8)? } else { typed };
        if !is_number(&typed.ty) {
            return Err(self.no_such(call, &[&typed.ty]));
        }
        let name = match call.name {
            "ceil" | "ceiling" => "CEILING",
            "floor" => "FLOOR",
            "sign" => "SIGN",
            _ => "ABS",
        };
        if is_int(&typed.ty) && name == "ABS" {
            let ty = typed.ty.clone();
            let operand = self.operand(expr, typed, &ty)?;
            return Ok(Typed::new(in_range(sql!["ABS(", &operand, ")"], &ty), ty));
        }
        let ty = if is_numeric(&typed.ty) { NUMERIC } else { PgType::Float8 };
        if typed.ty == PgType::Float4 && name == "ABS" {
            return Ok(self.single(sql!["ABS(", &typed, ")"]));
        }
        let shown = typed.shown.as_ref().filter(|_| name == "ABS" && is_numeric(&ty));
        // The sign is in front of the digits.
        let shown = shown.map(|shown| sql!["TRIM(LEADING '-' FROM ", shown, ")"]);
        let operand = self.widen_if_int(typed)?;
        let mut out = self.mysql_call(name, &[operand.sql], ty);
        out.shown = shown;
        Ok(out)
    }

    /// Whole numbers go to the double's function.
    fn widen_if_int(&mut self, typed: Typed) -> Result<Typed, Fault> {
        if is_int(&typed.ty) { self.widen(typed, &PgType::Float8) } else { Ok(typed) }
    }

    /// `round`, `trunc`: half away from zero for numeric, half to even for double precision, on both servers.
    fn round(&mut self, call: &Call<'_>, scope: &Scope<'_>) -> Result<Typed, Fault> {
        self.count(call, 1..=2)?;
        let Some(expr) = call.args.first() else { return Err(self.no_such(call, &[])) };
        let typed = self.expr(expr, scope)?;
        let name = if call.name == "round" { "ROUND" } else { "TRUNCATE" };
        let Some(places) = call.args.get(1) else {
            let typed = if typed.open.is_some() { self.coerce(typed, &PgType::Float8)? } else { typed };
            if !is_number(&typed.ty) {
                return Err(self.no_such(call, &[&typed.ty]));
            }
            if is_numeric(&typed.ty) {
                return Ok(self.mysql_call(name, &[typed.sql, Sql::text("0")], NUMERIC));
            }
            let float = self.widen(typed, &PgType::Float8)?;
            return Ok(self.mysql_call(name, &[float.sql, Sql::text("0")], PgType::Float8));
        };
        let typed = if typed.open.is_some() { self.coerce(typed, &NUMERIC)? } else { typed };
        if is_float(&typed.ty) || !is_number(&typed.ty) {
            return Err(self.no_such(call, &[&typed.ty, &PgType::Int4]));
        }
        let operand = self.operand(expr, typed, &NUMERIC)?;
        if let Some(places) = self.constant_int(places) {
            let scale = places.clamp(0, 30);
            let value = sql![name, "(", &operand, ", ", &places.to_string(), ")"];
            let declared = format!(" AS DECIMAL(65,{scale}))");
            return Ok(Typed::new(sql!["CAST(", value, &declared], NUMERIC));
        }
        let places = self.int_arg(call, 1, scope)?;
        let value = sql![name, "(", &operand, ", ", &places, ")"];
        let shown = with_scale(&value, &sql!["GREATEST(", &places, ", 0)"]);
        let mut out = Typed::new(value, NUMERIC);
        out.shown = Some(shown);
        Ok(out)
    }

    /// `a ^ b`, `power(a, b)`
    pub(in super::super) fn power(&mut self, a: Typed, b: Typed) -> Result<Typed, Fault> {
        let numeric = |typed: &Typed| is_numeric(&typed.ty);
        let float = |typed: &Typed| is_float(&typed.ty);
        if (numeric(&a) || numeric(&b)) && !float(&a) && !float(&b) {
            return Err(self.refused("a power of numeric"));
        }
        for side in [&a, &b] {
            if side.open.is_none() && !is_number(&side.ty) {
                return Err(self.no_such(&Call { name: "power", args: &[] }, &[&base(&a.ty), &base(&b.ty)]));
            }
        }
        let (a, b) = (self.widen(a, &PgType::Float8)?, self.widen(b, &PgType::Float8)?);
        Ok(self.mysql_call("POW", &[a.sql, b.sql], PgType::Float8))
    }

    /// The square root of a double; of a negative number it raises.
    pub(in super::super) fn square_root(&mut self, x: Typed) -> Result<Typed, Fault> {
        Ok(domain("SQRT(", &x, " < 0"))
    }
}

/// A function that raises outside of its domain, where MySQL gives NULL.
fn domain(name: &str, x: &Typed, outside: &str) -> Typed {
    let seed = sql!["FLOOR(ABS(SIGN(", x, ")))"];
    // SIGN gives a BIGINT, so that the sum is out of range.
    let checked = sql!["IF(", x, outside, ", ", raise(seed), ", ", x, ")"];
    Typed::new(sql![name, checked, ")"], PgType::Float8)
}
