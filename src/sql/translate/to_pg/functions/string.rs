//! Text in, text out.

use super::super::pattern::common_pattern;
use super::super::typed::{Class, fill, small_int, text};
use super::super::{Collated, Open, Typed, Walk};
use crate::base::Fault;
use crate::sql::translate::{Sql, literal};
use crate::wire::value::{MyType, PgType, Value};

impl Walk<'_> {
    pub(super) fn of_texts(&mut self, name: &str, args: Vec<Typed>) -> Result<Option<Typed>, Fault> {
        let wide: u64 = args.iter().map(Typed::characters).sum();
        Ok(Some(match (name, args.len()) {
            ("CONCAT", 1..) => {
                let (args, shape) = self.all_texts(args, text(wide))?;
                let sql = Sql::joined(args, " || ").wrapped("(", ")");
                Typed { sql, ..shape }
            }
            ("CONCAT_WS", 2..) => {
                let nullable = args.first().is_some_and(|t| t.nullable);
                let seps = u64::try_from(args.len()).unwrap_or(2).saturating_sub(2);
                let sep = args.first().map_or(1, Typed::characters);
                let wide = wide - sep + sep * seps;
                let (args, shape) = self.all_texts(args, text(wide))?;
                let sql = Sql::joined(args, ", ").wrapped("concat_ws(", ")");
                Typed { sql, nullable, ..shape }
            }
            ("LOWER" | "LCASE", 1) => self.of_one("lower({0})", args, None)?,
            ("UPPER" | "UCASE", 1) => self.of_one("upper({0})", args, None)?,
            ("LTRIM", 1) => self.of_one("ltrim({0}, ' ')", args, None)?,
            ("RTRIM", 1) => self.of_one("rtrim({0}, ' ')", args, None)?,
            ("TRIM", 1) => self.of_one("btrim({0}, ' ')", args, None)?,
            ("REVERSE", 1) => self.of_one("reverse({0})", args, None)?,
            ("SPACE", 1) => {
                let n = args.first().and_then(Typed::constant).unwrap_or(16_384);
                let [n4] = self.counts(args)?;
                let sql = fill("repeat(' ', {0})", &[&n4]);
                Typed::new(sql, text(u64::try_from(n).unwrap_or(0)), PgType::Text)
            }
            ("REPEAT", 2) => {
                let times =
                    args.get(1).and_then(Typed::constant).map_or(u64::from(u32::MAX), |n| n.try_into().unwrap_or(0));
                let wide = args.first().map_or(0, Typed::characters).saturating_mul(times);
                self.with_counts("repeat({0}, {1})", args, text(wide))?
            }
            ("LEFT", 2) => self.ended("left({0}, GREATEST({1}, 0))", args)?,
            ("RIGHT", 2) => self.ended("right({0}, GREATEST({1}, 0))", args)?,
            ("SUBSTRING" | "SUBSTR" | "MID", 2 | 3) => self.substring(args)?,
            ("SUBSTRING_INDEX", 3) => self.substring_index(args)?,
            ("LPAD" | "RPAD", 3) => self.padded(name, args)?,
            ("REPLACE", 3) => {
                let wide = args.first().map_or(0, Typed::characters);
                let grow = args.get(2).map_or(0, Typed::characters) > args.get(1).map_or(0, Typed::characters);
                let ty = text(if grow { wide * args.get(2).map_or(1, Typed::characters).max(1) } else { wide });
                let (args, shape) = self.all_texts(args, ty)?;
                let sql = Sql::joined(args, ", ").wrapped("replace(", ")");
                Typed { sql, ..shape }
            }
            ("INSERT", 4) => self.text_inserted(args)?,
            _ => return self.of_codes(name, args, wide),
        }))
    }

    /// Texts as codes and digests, and texts made of numbers.
    fn of_codes(&mut self, name: &str, args: Vec<Typed>, wide: u64) -> Result<Option<Typed>, Fault> {
        Ok(Some(match (name, args.len()) {
            ("HEX", 1) => self.hex(args)?,
            ("UNHEX", 1) => {
                let n = u32::try_from(wide / 2).unwrap_or(u32::MAX);
                let (args, shape) = self.all_texts(args, MyType::Varbinary(n))?;
                let parts: Vec<&Sql> = args.iter().collect();
                Typed { sql: fill("decode({0}, 'hex')", &parts), pg: PgType::Bytea, nullable: true, ..shape }
            }
            ("MD5", 1) => self.digest("md5({0})", args, 32)?,
            ("SHA2", 2) => self.sha2(args)?,
            ("TO_BASE64", 1) => {
                let octets = self.octets_of(one(args))?;
                Typed::new(fill("encode({0}, 'base64')", &[&octets]), text(wide * 6), PgType::Text)
            }
            ("BIN", 1) => {
                let bits = self.int8(one(args))?;
                let sql = fill(
                    "COALESCE(NULLIF(ltrim({0}::bit(64)::text, '0'), ''), CASE WHEN {0} IS NOT NULL THEN '0' END)",
                    &[&bits],
                );
                plain(Typed::new(sql, text(65), PgType::Text))
            }
            ("CHAR", 1..) => self.characters_of(args)?,
            ("REGEXP_REPLACE", 3) => self.regexp_replaced(args)?,
            ("ELT", 2..) => self.elt(args)?,
            ("FORMAT", 2) => self.format(args)?,
            ("UUID", 0) => Typed::new(Sql::text("(gen_random_uuid()::text)"), text(36), PgType::Text).nullable(false),
            _ => return Ok(None),
        }))
    }

    /// All as text, and what a text made of them is.
    pub(super) fn all_texts(&mut self, args: Vec<Typed>, ty: MyType) -> Result<(Vec<Sql>, Typed), Fault> {
        let args = args.into_iter().map(|t| self.text(t)).collect::<Result<Vec<_>, _>>()?;
        let parts: Vec<&Typed> = args.iter().collect();
        let shape = Typed::new(Sql::new(), ty, PgType::Text).of(&parts).collated_as(&parts);
        Ok((args.into_iter().map(|t| t.sql).collect(), shape))
    }

    /// A template over one text.
    fn of_one(&mut self, template: &str, args: Vec<Typed>, ty: Option<MyType>) -> Result<Typed, Fault> {
        let ty = ty.unwrap_or_else(|| text(args.first().map_or(0, Typed::characters)));
        let (args, shape) = self.all_texts(args, ty)?;
        let parts: Vec<&Sql> = args.iter().collect();
        Ok(Typed { sql: fill(template, &parts), ..shape })
    }

    /// Whole numbers that PostgreSQL's text functions take: of 32 bits, larger ones cut to the largest.
    pub(super) fn counts<const N: usize>(&mut self, args: Vec<Typed>) -> Result<[Sql; N], Fault> {
        let mut out = Vec::with_capacity(N);
        for arg in args {
            out.push(match arg.constant().map(i32::try_from) {
                Some(Ok(n)) => Sql::text(if n < 0 { format!("({n})") } else { n.to_string() }),
                _ => fill("(LEAST(GREATEST({0}, -2147483647), 2147483647)::int4)", &[&self.int8(arg)?]),
            });
        }
        out.try_into().map_err(|_| self.refused("this number of arguments"))
    }

    /// A template over a text and a count.
    fn with_counts(&mut self, template: &str, mut args: Vec<Typed>, ty: MyType) -> Result<Typed, Fault> {
        let rest = args.split_off(1);
        let flags = Typed::new(Sql::new(), MyType::Null, PgType::Unknown).of(&rest.iter().collect::<Vec<_>>());
        let [n] = self.counts(rest)?;
        let (args, shape) = self.all_texts(args, ty)?;
        let Some(value) = args.first() else { return Err(self.refused("no arguments")) };
        let nullable = shape.nullable || flags.nullable;
        Ok(Typed { sql: fill(template, &[value, &n]), nullable, ..shape })
    }

    fn ended(&mut self, template: &str, args: Vec<Typed>) -> Result<Typed, Fault> {
        let own = args.first().map_or(0, Typed::characters);
        let n = args.get(1).and_then(Typed::constant).map_or(own, |n| u64::try_from(n).unwrap_or(0));
        self.with_counts(template, args, text(own.min(n)))
    }

    /// From a place counted from 1, or from the end if it is negative; 0 and places before the start give nothing.
    pub(in super::super) fn substring(&mut self, mut args: Vec<Typed>) -> Result<Typed, Fault> {
        let own = args.first().map_or(0, Typed::characters);
        let length = (args.len() == 3).then(|| args.remove(2));
        let place = args.remove(1);
        let nullable = place.nullable || length.as_ref().is_some_and(|t| t.nullable);
        let known = length.as_ref().and_then(Typed::constant).map(|n| u64::try_from(n).unwrap_or(0));
        let constant = place.constant();
        let [at] = self.counts(vec![place])?;
        let (value, shape) = self.all_texts(args, text(known.map_or(own, |n| n.min(own))))?;
        let Some(value) = value.first() else { return Err(self.refused("no arguments")) };
        let tail = match constant {
            Some(0) => fill("left({0}, 0)", &[value]),
            Some(n) if n > 0 => fill("substr({0}, {1})", &[value, &at]),
            Some(n) => {
                let n = n.unsigned_abs();
                fill(&format!("(CASE WHEN char_length({{0}}) < {n} THEN '' ELSE right({{0}}, {n}) END)"), &[value])
            }
            None => fill(
                "(CASE WHEN {1} > 0 THEN substr({0}, {1}) WHEN {1} < 0 AND char_length({0}) >= - {1} \
                 THEN right({0}, - {1}) WHEN {1} IS NOT NULL THEN left({0}, 0) END)",
                &[value, &at],
            ),
        };
        let sql = match length {
            None => tail,
            Some(length) => {
                let [n] = self.counts(vec![length])?;
                fill("left({0}, GREATEST({1}, 0))", &[&tail, &n])
            }
        };
        Ok(Typed { sql, nullable: shape.nullable || nullable, ..shape })
    }

    fn substring_index(&mut self, mut args: Vec<Typed>) -> Result<Typed, Fault> {
        let count = args.pop().and_then(|t| t.constant());
        let own = args.first().map_or(0, Typed::characters);
        let delimiter = match args.get(1).and_then(|t| t.open.clone()) {
            Some(Open::Literal(text)) if !text.is_empty() => text,
            _ => return Err(self.refused("SUBSTRING_INDEX by anything but a literal")),
        };
        let (parts, shape) = self.all_texts(args, text(own))?;
        let [value, sep] = &parts[..] else { return Err(self.refused("this SUBSTRING_INDEX")) };
        let sql = match count {
            Some(0) => fill("left({0}, 0)", &[value]),
            Some(n) if n > 0 => {
                fill(&format!("array_to_string((string_to_array({{0}}, {{1}}))[1:{n}], {{1}})"), &[value, sep])
            }
            Some(n) if delimiter.chars().count() == 1 => {
                let skip = n.unsigned_abs() - 1;
                fill(
                    &format!(
                        "array_to_string((string_to_array({{0}}, {{1}}))[GREATEST(cardinality(string_to_array({{0}}, \
                         {{1}})) - {skip}, 1):], {{1}})"
                    ),
                    &[value, sep],
                )
            }
            _ => return Err(self.refused("this SUBSTRING_INDEX")),
        };
        Ok(Typed { sql, ..shape })
    }

    /// LPAD, RPAD: longer texts are cut at their right end. An empty pad differs between MySQL and MariaDB.
    fn padded(&mut self, name: &str, mut args: Vec<Typed>) -> Result<Typed, Fault> {
        let pad = args.remove(2);
        let length = args.remove(1);
        let wide = length.constant().map_or(u64::from(u32::MAX), |n| u64::try_from(n).unwrap_or(0));
        if !matches!(&pad.open, Some(Open::Literal(text)) if !text.is_empty()) {
            return Err(self.refused(format!("{name} with anything but a literal")));
        }
        args.push(pad);
        let nullable = length.nullable || length.constant().is_none_or(|n| n < 0);
        let negative = length.constant().is_none_or(|n| n < 0);
        let [n] = self.counts(vec![length])?;
        let (parts, shape) = self.all_texts(args, text(wide))?;
        let [value, pad] = &parts[..] else { return Err(self.refused("this pad")) };
        let call = fill(&format!("{}({{0}}, {{1}}, {{2}})", name.to_ascii_lowercase()), &[value, &n, pad]);
        let sql = if negative { fill("(CASE WHEN {0} >= 0 THEN {1} END)", &[&n, &call]) } else { call };
        Ok(Typed { sql, nullable: nullable || shape.nullable, ..shape })
    }

    fn text_inserted(&mut self, mut args: Vec<Typed>) -> Result<Typed, Fault> {
        let new = args.remove(3);
        let (Some(length), Some(at)) = (args.remove(2).constant(), args.remove(1).constant()) else {
            return Err(self.refused("INSERT() at anything but a known place"));
        };
        if at < 1 || length < 0 || at > 1_000_000 || length > 1_000_000 {
            return Err(self.refused("INSERT() outside of the text"));
        }
        args.push(new);
        let wide = args.iter().map(Typed::characters).sum();
        let (parts, shape) = self.all_texts(args, text(wide))?;
        let [value, new] = &parts[..] else { return Err(self.refused("this INSERT()")) };
        let (before, behind) = (at - 1, at + length);
        let sql = fill(
            &format!(
                "(CASE WHEN char_length({{0}}) < {at} THEN {{0}} ELSE left({{0}}, {before}) || {{1}} || \
                 substr({{0}}, {behind}) END)"
            ),
            &[value, new],
        );
        Ok(Typed { sql, ..shape })
    }

    fn hex(&mut self, args: Vec<Typed>) -> Result<Typed, Fault> {
        let arg = one(args);
        let (nullable, characters) = (arg.nullable, arg.characters());
        let out = match arg.class() {
            Class::Int | Class::Decimal => {
                let n = self.int8(arg)?;
                Typed::new(fill("upper(to_hex({0}))", &[&n]), text(16), PgType::Text)
            }
            Class::Text | Class::Bytes => {
                let wide = if arg.class() == Class::Bytes { characters * 2 } else { characters * 8 };
                let octets = self.octets_of(arg)?;
                Typed::new(fill("upper(encode({0}, 'hex'))", &[&octets]), text(wide), PgType::Text)
            }
            _ => return Err(self.refused(format!("HEX of {}", arg.ty.sql()))),
        };
        Ok(out.nullable(nullable))
    }

    fn digest(&mut self, template: &str, args: Vec<Typed>, characters: u64) -> Result<Typed, Fault> {
        let arg = one(args);
        let nullable = arg.nullable;
        let octets = self.octets_of(arg)?;
        Ok(Typed::new(fill(template, &[&octets]), text(characters), PgType::Text).nullable(nullable))
    }

    fn sha2(&mut self, mut args: Vec<Typed>) -> Result<Typed, Fault> {
        let bits = match args.pop().and_then(|t| t.constant()) {
            Some(0 | 256) => 256,
            Some(n @ (224 | 384 | 512)) => n,
            _ => return Err(self.refused("this length of SHA2")),
        };
        let characters = u64::try_from(bits / 4).unwrap_or(128);
        self.digest(&format!("encode(sha{bits}({{0}}), 'hex')"), args, characters)
    }

    /// CHAR(65, 66): octets of known numbers.
    fn characters_of(&mut self, args: Vec<Typed>) -> Result<Typed, Fault> {
        let octets: Option<Vec<u8>> = args.iter().map(|t| t.constant().and_then(|n| u8::try_from(n).ok())).collect();
        let octets = octets.ok_or_else(|| self.refused("CHAR of anything but numbers up to 255"))?;
        let count = u32::try_from(octets.len()).unwrap_or(u32::MAX);
        let printed = literal::postgres(&Value::Bytes(octets), &MyType::Blob(u32::MAX))?;
        Ok(Typed::new(Sql::text(format!("({printed})")), MyType::Varbinary(count * 4), PgType::Bytea))
    }

    /// REGEXP_REPLACE of every match, by a text without references.
    fn regexp_replaced(&mut self, args: Vec<Typed>) -> Result<Typed, Fault> {
        let clean = match (args.get(1).map(|t| &t.open), args.get(2).map(|t| &t.open)) {
            (Some(Some(Open::Literal(pattern))), Some(Some(Open::Literal(new)))) => {
                common_pattern(pattern) && !new.contains(['\\', '$', '&'])
            }
            _ => false,
        };
        let column = args.first().is_some_and(|t| t.class() == Class::Text && t.collation == Collated::Column);
        if !clean || !column {
            return Err(self.refused("this REGEXP_REPLACE"));
        }
        let (parts, shape) = self.all_texts(args, MyType::Text(u32::MAX))?;
        let sql = Sql::joined(parts, ", ").wrapped("regexp_replace(", ", 'g')");
        Ok(Typed { sql, ..shape })
    }

    fn elt(&mut self, mut args: Vec<Typed>) -> Result<Typed, Fault> {
        let n = args.remove(0);
        let aggregate = n.aggregate;
        let wide = args.iter().map(Typed::characters).max().unwrap_or(0);
        let n = self.int8(n)?;
        let (texts, shape) = self.all_texts(args, text(wide))?;
        let mut sql = fill("(CASE {0}", &[&n]);
        for (at, value) in texts.into_iter().enumerate() {
            sql.push(&format!(" WHEN {} THEN ", at + 1)).append(value);
        }
        sql.push(" END)");
        Ok(Typed { sql, nullable: true, aggregate: shape.aggregate || aggregate, ..shape })
    }

    /// FORMAT(x, d): grouped by thousands; a number that becomes 0 keeps its sign.
    fn format(&mut self, mut args: Vec<Typed>) -> Result<Typed, Fault> {
        let digits = match args.pop().and_then(|t| t.constant()) {
            Some(n @ 0..=30) => usize::try_from(n).unwrap_or(0),
            _ => return Err(self.refused("FORMAT to anything but a known number of digits")),
        };
        let arg = one(args);
        if !matches!(arg.class(), Class::Int | Class::Decimal) {
            return Err(self.refused(format!("FORMAT of {}", arg.ty.sql())));
        }
        let nullable = arg.nullable;
        let number = self.numeric(arg)?;
        let whole = "999,".repeat(21);
        let point = if digits > 0 { format!(".{}", "0".repeat(digits)) } else { String::new() };
        let sql = fill(
            &format!(
                "(CASE WHEN {{0}} < 0 AND round({{0}}, {digits}) = 0 THEN '-' ELSE '' END || \
                 to_char(round({{0}}, {digits}), 'FM{whole}990{point}'))"
            ),
            &[&number],
        );
        Ok(plain(Typed::new(sql, text(if self.mariadb() { 14 } else { 48 }), PgType::Text).nullable(nullable)))
    }

    /// A whole number that is a text's measure.
    pub(super) fn measure(&mut self, template: &str, args: Vec<Typed>) -> Result<Typed, Fault> {
        let ty = small_int(self.mariadb());
        let (args, shape) = self.all_texts(args, ty)?;
        let parts: Vec<&Sql> = args.iter().collect();
        Ok(Typed { sql: fill(template, &parts), pg: PgType::Int4, ..shape }.digits(10))
    }
}

/// Text of digits and signs.
pub(super) fn plain(typed: Typed) -> Typed {
    Typed { collation: Collated::Plain, ..typed }
}

/// The only argument.
pub(super) fn one(mut args: Vec<Typed>) -> Typed {
    args.pop().unwrap_or_else(|| Typed::new(Sql::text("NULL"), MyType::Null, PgType::Unknown))
}
