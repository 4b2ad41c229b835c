//! Numbers in, numbers out.

use sqlparser::ast::BinaryOperator;

use super::super::typed::{Class, decimal, fill, small_int};
use super::super::{Typed, Walk};
use super::string::one;
use crate::base::Fault;
use crate::sql::translate::Sql;
use crate::wire::value::{MyType, PgType};

impl Walk<'_> {
    pub(super) fn of_numbers(&mut self, name: &str, mut args: Vec<Typed>) -> Result<Option<Typed>, Fault> {
        let nullable = args.iter().any(|t| t.nullable);
        let function = |template: &'static str, undefined: bool| Some((template, undefined));
        let doubles = match (name, args.len()) {
            ("POW" | "POWER", 2) => function("power({0}, {1})", false),
            ("SQRT", 1) => function("(CASE WHEN {0} >= 0 THEN sqrt({0}) END)", true),
            ("EXP", 1) => function("exp({0})", false),
            ("LN" | "LOG", 1) => function("(CASE WHEN {0} > 0 THEN ln({0}) END)", true),
            ("LOG10", 1) => function("(CASE WHEN {0} > 0 THEN log({0}) END)", true),
            ("LOG2", 1) => function("(CASE WHEN {0} > 0 THEN ln({0}) / ln(2::float8) END)", true),
            ("LOG", 2) => function("(CASE WHEN {0} > 0 AND {0} <> 1 AND {1} > 0 THEN ln({1}) / ln({0}) END)", true),
            ("SIN", 1) => function("sin({0})", false),
            ("COS", 1) => function("cos({0})", false),
            ("TAN", 1) => function("tan({0})", false),
            ("ASIN", 1) => function("(CASE WHEN {0} BETWEEN -1 AND 1 THEN asin({0}) END)", true),
            ("ACOS", 1) => function("(CASE WHEN {0} BETWEEN -1 AND 1 THEN acos({0}) END)", true),
            ("ATAN", 1) => function("atan({0})", false),
            ("ATAN2" | "ATAN", 2) => function("atan2({0}, {1})", false),
            ("DEGREES", 1) => function("({0} * (180::float8 / pi()))", false),
            ("RADIANS", 1) => function("({0} * (pi() / 180::float8))", false),
            _ => None,
        };
        if let Some((template, undefined)) = doubles {
            let values = args.into_iter().map(|t| self.double(t)).collect::<Result<Vec<_>, _>>()?;
            let parts: Vec<&Sql> = values.iter().collect();
            let out = Typed::new(fill(template, &parts), MyType::Double, PgType::Float8);
            return Ok(Some(out.nullable(nullable || undefined)));
        }
        Ok(Some(match (name, args.len()) {
            ("MOD", 2) => {
                let right = args.remove(1);
                self.calculated(args.remove(0), &BinaryOperator::Modulo, right)?
            }
            ("ABS", 1) => self.absolute(one(args))?,
            ("CEIL" | "CEILING", 1) => self.to_whole("ceil", one(args))?,
            ("FLOOR", 1) => self.to_whole("floor", one(args))?,
            ("ROUND", 1) => self.rounded(one(args), 0, false)?,
            ("ROUND" | "TRUNCATE", 2) => match args.get(1).and_then(Typed::constant) {
                Some(places @ -30..=30) => {
                    args.truncate(1);
                    self.rounded(one(args), places, name == "TRUNCATE")?
                }
                _ => return Err(self.refused(format!("{name} to anything but a known number of digits"))),
            },
            ("SIGN", 1) => {
                let value = self.number_of(one(args), &MyType::Double)?;
                let value = if value.class() == Class::Int { self.numeric(value)? } else { value.sql };
                let sql = fill("(sign({0})::int4)", &[&value]);
                Typed::new(sql, small_int(self.mariadb()), PgType::Int4).nullable(nullable).digits(1)
            }
            ("PI", 0) => {
                let out = Typed::new(Sql::text("pi()"), MyType::Double, PgType::Float8).nullable(false);
                Typed { frac: Some(6), ..out }
            }
            ("BIT_COUNT", 1) => {
                let bits = self.int8(one(args))?;
                let sql = fill("(bit_count({0}::bit(64))::int4)", &[&bits]);
                Typed::new(sql, small_int(self.mariadb()), PgType::Int4).nullable(nullable).digits(2)
            }
            _ => return Ok(None),
        }))
    }

    fn absolute(&mut self, typed: Typed) -> Result<Typed, Fault> {
        let typed = self.number_of(typed, &MyType::Double)?;
        let nullable = typed.nullable;
        let out = match typed.class() {
            Class::Int => {
                let digits = typed.digits;
                let sql = fill("abs({0})", &[&self.int8(typed)?]);
                self.whole_result(sql, digits)
            }
            Class::Decimal => {
                let (ty, frac) = (typed.ty.clone(), typed.frac);
                let sql = fill("abs({0})", &[&self.numeric(typed)?]);
                Typed { frac, ..Typed::new(sql, ty, PgType::Numeric(None)) }
            }
            _ => Typed::new(fill("abs({0})", &[&self.double(typed)?]), MyType::Double, PgType::Float8),
        };
        Ok(out.nullable(nullable))
    }

    fn to_whole(&mut self, call: &str, typed: Typed) -> Result<Typed, Fault> {
        let typed = self.number_of(typed, &MyType::Double)?;
        let nullable = typed.nullable;
        let (p, s) = typed.precision();
        let out = match typed.class() {
            Class::Int => {
                let (digits, ty) = (typed.digits, typed.ty.clone());
                let number = self.int8_of(typed)?;
                let out = self.whole_result(number, digits);
                if self.mariadb() && digits <= 10 && ty != MyType::BigInt(false) {
                    Typed { ty: MyType::Int(false), ..out }
                } else {
                    Typed { ty: MyType::BigInt(false), ..out }
                }
            }
            Class::Decimal if p - s.min(p) <= 17 => {
                let sql = fill(&format!("({call}({{0}})::int8)"), &[&self.numeric(typed)?]);
                let digits = u8::try_from(p - s.min(p) + 1).unwrap_or(18);
                let ty = if self.mariadb() && digits < 10 { MyType::Int(false) } else { MyType::BigInt(false) };
                Typed::new(sql, ty, PgType::Int8).digits(digits)
            }
            Class::Decimal => {
                let sql = fill(&format!("{call}({{0}})"), &[&self.numeric(typed)?]);
                Typed::new(sql, decimal(p - s.min(p) + 1, 0), PgType::Numeric(None))
            }
            _ => Typed::new(fill(&format!("{call}({{0}})"), &[&self.double(typed)?]), MyType::Double, PgType::Float8),
        };
        Ok(out.nullable(nullable))
    }

    fn int8_of(&mut self, typed: Typed) -> Result<Sql, Fault> {
        if typed.ty == MyType::BigInt(true) {
            return Err(self.refused("rounding BIGINT UNSIGNED"));
        }
        self.int8(typed)
    }

    /// DECIMAL rounds half away from zero; DOUBLE to the even neighbour, as its hardware does.
    fn rounded(&mut self, typed: Typed, places: i64, cut: bool) -> Result<Typed, Fault> {
        let typed = self.number_of(typed, &MyType::Double)?;
        let nullable = typed.nullable;
        let call = if cut { "trunc" } else { "round" };
        let out = match typed.class() {
            Class::Int if places >= 0 => {
                let digits = typed.digits;
                let wide = matches!(typed.ty, MyType::BigInt(_)) && digits >= 10;
                let sql = self.int8_of(typed)?;
                let ty = if self.mariadb() && !wide { MyType::Int(false) } else { MyType::BigInt(false) };
                Typed::new(sql, ty, PgType::Int8).digits(digits)
            }
            Class::Int => {
                let digits = typed.digits;
                let number = self.int8_of(typed)?;
                let sql = fill(&format!("({call}({{0}}::numeric, {places})::int8)"), &[&number]);
                self.whole_result(sql, digits.saturating_add(1))
            }
            Class::Decimal => {
                let (p, s) = typed.precision();
                let asked = u32::try_from(places.max(0)).unwrap_or(30);
                // MySQL does not add digits by ROUND; MariaDB does.
                let scale = if self.mariadb() && !cut { asked } else { asked.min(s) };
                let at = if places < 0 { places } else { i64::from(scale) };
                let grows = u32::from(!cut && scale < s);
                let number = self.numeric(typed)?;
                let sql = fill(&format!("{call}({{0}}, {at})"), &[&number]);
                Typed::new(sql, decimal(p - s.min(p) + scale + grows, scale), PgType::Numeric(None))
            }
            _ => {
                let power = format!("1{}::float8", "0".repeat(usize::try_from(places.unsigned_abs()).unwrap_or(0)));
                let template = match places {
                    0 => format!("{call}({{0}})"),
                    1.. => format!("({call}({{0}} * {power}) / {power})"),
                    _ => format!("({call}({{0}} / {power}) * {power})"),
                };
                Typed::new(fill(&template, &[&self.double(typed)?]), MyType::Double, PgType::Float8)
            }
        };
        Ok(out.nullable(nullable))
    }
}
