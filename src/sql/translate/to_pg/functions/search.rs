//! What is where in a text, and how long texts are.

use sqlparser::ast::{BinaryOperator, Expr, TrimWhereField};

use super::super::scope::Scope;
use super::super::typed::{Class, fill, small_int};
use super::super::{Collated, Open, Typed, Walk};
use super::string::one;
use crate::base::Fault;
use crate::sql::translate::Sql;
use crate::wire::value::{MyType, PgType};

impl Walk<'_> {
    pub(super) fn of_search(&mut self, name: &str, mut args: Vec<Typed>) -> Result<Option<Typed>, Fault> {
        Ok(Some(match (name, args.len()) {
            ("LENGTH" | "OCTET_LENGTH", 1) if args.first().is_some_and(|t| t.class() == Class::Bytes) => {
                let arg = one(args);
                let sql = fill("octet_length({0})", &[&arg.sql]);
                Typed::new(sql, small_int(self.mariadb()), PgType::Int4).of(&[&arg]).digits(10)
            }
            ("LENGTH" | "OCTET_LENGTH", 1) => self.measure("octet_length({0})", args)?,
            ("CHAR_LENGTH" | "CHARACTER_LENGTH", 1) => self.measure("char_length({0})", args)?,
            ("BIT_LENGTH", 1) => {
                let out = self.measure("bit_length({0})", args)?;
                Typed { ty: MyType::BigInt(false), ..out }
            }
            ("ASCII", 1) => self.measure(
                "(CASE WHEN octet_length({0}) = 0 THEN 0 ELSE get_byte(convert_to({0}, 'UTF8'), 0) END)",
                args,
            )?,
            ("ORD", 1) => {
                let out = self.measure(
                    "(CASE WHEN {0} = '' THEN 0 ELSE \
                     ('x' || lpad(encode(convert_to(left({0}, 1), 'UTF8'), 'hex'), 16, '0'))::bit(64)::int8 END)",
                    args,
                )?;
                Typed { pg: PgType::Int8, ..out }
            }
            ("LOCATE", 2) => self.located(args)?,
            ("INSTR", 2) => {
                args.swap(0, 1);
                self.located(args)?
            }
            ("LOCATE", 3) => self.located_from(args)?,
            ("FIELD", 2..) => self.field(args)?,
            ("FIND_IN_SET", 2) => self.find_in_set(args)?,
            ("STRCMP", 2) => {
                let [a, b] = self.matched(args, true)?;
                let sql =
                    fill("(CASE WHEN {0} = {1} THEN 0 WHEN {0} < {1} THEN -1 WHEN {0} > {1} THEN 1 END)", &[&a, &b]);
                Typed::new(sql, small_int(self.mariadb()), PgType::Int4).digits(1)
            }
            _ => return Ok(None),
        }))
    }

    /// Two texts that are compared with each other.
    fn matched(&mut self, mut args: Vec<Typed>, order: bool) -> Result<[Sql; 2], Fault> {
        let (Some(b), Some(a)) = (args.pop(), args.pop()) else { return Err(self.refused("no arguments")) };
        let (a, b) = (self.text(a)?, self.text(b)?);
        let column = a.collation == Collated::Column || b.collation == Collated::Column;
        if !(column || Self::is_plain_text(&a) && Self::is_plain_text(&b)) {
            return Err(self.refused("finding a text in another by the connection's collation"));
        }
        let a = if order { fill("({0} COLLATE \"C\")", &[&a.sql]) } else { a.sql };
        Ok([a, b.sql])
    }

    fn located(&mut self, args: Vec<Typed>) -> Result<Typed, Fault> {
        let nullable = args.iter().any(|t| t.nullable);
        let [part, whole] = self.matched(args, false)?;
        let sql = fill("strpos({1}, {0})", &[&part, &whole]);
        Ok(Typed::new(sql, small_int(self.mariadb()), PgType::Int4).nullable(nullable).digits(10))
    }

    fn located_from(&mut self, mut args: Vec<Typed>) -> Result<Typed, Fault> {
        let from = match args.pop().and_then(|t| t.constant()) {
            Some(n @ 1..=1_000_000_000) => n,
            _ => return Err(self.refused("LOCATE from anything but a known place")),
        };
        let nullable = args.iter().any(|t| t.nullable);
        let [part, whole] = self.matched(args, false)?;
        let back = from - 1;
        let sql = fill(
            &format!(
                "(CASE WHEN char_length({{1}}) < {back} THEN 0 WHEN strpos(substr({{1}}, {from}), {{0}}) = 0 THEN 0 \
                 ELSE strpos(substr({{1}}, {from}), {{0}}) + {back} END)"
            ),
            &[&part, &whole],
        );
        Ok(Typed::new(sql, small_int(self.mariadb()), PgType::Int4).nullable(nullable).digits(10))
    }

    /// The number of the first that equals; 0: none, and for NULL.
    fn field(&mut self, mut args: Vec<Typed>) -> Result<Typed, Fault> {
        let value = args.remove(0);
        let texts = value.class() == Class::Text;
        if args.iter().any(|t| (t.class() == Class::Text) != texts) {
            return Err(self.refused("FIELD of texts and numbers"));
        }
        let mut sql = Sql::text("(CASE");
        for (at, arg) in args.into_iter().enumerate() {
            let equal = self.compared(value.clone(), &BinaryOperator::Eq, arg)?;
            sql.push(" WHEN ").append(equal.sql).push(&format!(" THEN {}", at + 1));
        }
        sql.push(" ELSE 0 END)");
        Ok(Typed::new(sql, small_int(self.mariadb()), PgType::Int4).nullable(false).digits(3))
    }

    fn find_in_set(&mut self, args: Vec<Typed>) -> Result<Typed, Fault> {
        let nullable = args.iter().any(|t| t.nullable);
        let [part, list] = self.matched(args, false)?;
        let sql = fill(
            "(CASE WHEN {0} IS NOT NULL AND {1} IS NOT NULL THEN \
             COALESCE(array_position(string_to_array({1}, ','), {0}), 0) END)",
            &[&part, &list],
        );
        Ok(Typed::new(sql, small_int(self.mariadb()), PgType::Int4).nullable(nullable).digits(3))
    }

    pub(in super::super) fn position(&mut self, part: &Expr, whole: &Expr, scope: &Scope<'_>) -> Result<Typed, Fault> {
        let args = vec![self.expr(part, scope)?, self.expr(whole, scope)?];
        let aggregate = args.iter().any(|t| t.aggregate);
        let out = self.located(args)?;
        Ok(Typed { aggregate, ..out })
    }

    /// TRIM: one character, or a word of letters and digits, as often as it stands there.
    pub(in super::super) fn trimmed(
        &mut self,
        side: Option<&TrimWhereField>,
        what: Option<&Expr>,
        value: &Expr,
        scope: &Scope<'_>,
    ) -> Result<Typed, Fault> {
        let what = match what {
            None => " ".to_owned(),
            Some(expr) => match self.expr(expr, scope)?.open {
                Some(Open::Literal(text)) if !text.is_empty() => text,
                _ => return Err(self.refused("TRIM of anything but a literal")),
            },
        };
        let value = self.expr(value, scope)?;
        let value = self.text(value)?;
        let mut signs = what.chars();
        let single = signs.next().is_some() && signs.next().is_none();
        let sql = if single {
            let call = match side {
                None | Some(TrimWhereField::Both) => "btrim",
                Some(TrimWhereField::Leading) => "ltrim",
                Some(TrimWhereField::Trailing) => "rtrim",
            };
            fill(&format!("{call}({{0}}, {{1}})"), &[&value.sql, &self.text_literal(&what)?])
        } else if what.bytes().all(|b| b.is_ascii_alphanumeric()) {
            let head = format!("regexp_replace({{0}}, '^(?:{what})+', '')");
            let tail = |inner: &str| format!("regexp_replace({inner}, '(?:{what})+$', '')");
            let template = match side {
                Some(TrimWhereField::Leading) => head,
                Some(TrimWhereField::Trailing) => tail("{0}"),
                None | Some(TrimWhereField::Both) => tail(&head),
            };
            fill(&template, &[&value.sql])
        } else {
            return Err(self.refused(format!("TRIM of '{what}'")));
        };
        Ok(Typed { sql, open: None, number: None, pg: PgType::Text, ..value })
    }
}
