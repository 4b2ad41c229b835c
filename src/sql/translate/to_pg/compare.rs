//! Comparisons: what MySQL compares as what, and by which collation.

use sqlparser::ast::{BinaryOperator, Expr, Query};

use super::scope::Scope;
use super::typed::{Class, fill};
use super::{Collated, Open, Typed, Walk};
use crate::base::Fault;
use crate::sql::translate::Sql;
use crate::wire::value::{MyType, PgType};

/// Two pieces that PostgreSQL compares as MySQL would.
pub(super) struct Pair {
    pub(super) left: Sql,
    pub(super) right: Sql,
}

impl Walk<'_> {
    pub(super) fn comparison(
        &mut self,
        left: &Expr,
        op: &BinaryOperator,
        right: &Expr,
        scope: &Scope<'_>,
    ) -> Result<Typed, Fault> {
        if let (Some(a), Some(b)) = (row(left), row(right)) {
            return self.rows_compared(a, op, b, scope);
        }
        let left = self.expr(left, scope)?;
        let right = self.expr(right, scope)?;
        self.compared(left, op, right)
    }

    pub(super) fn compared(&mut self, left: Typed, op: &BinaryOperator, right: Typed) -> Result<Typed, Fault> {
        let sign = match op {
            BinaryOperator::Eq => "=",
            BinaryOperator::NotEq => "<>",
            BinaryOperator::Lt => "<",
            BinaryOperator::LtEq => "<=",
            BinaryOperator::Gt => ">",
            BinaryOperator::GtEq => ">=",
            BinaryOperator::Spaceship => "IS NOT DISTINCT FROM",
            other => return Err(self.refused(format!("the operator {other}"))),
        };
        let order = !matches!(sign, "=" | "<>" | "IS NOT DISTINCT FROM");
        let aggregate = left.aggregate || right.aggregate;
        let nullable = sign.len() <= 2 && (left.nullable || right.nullable);
        let pair = self.pair(left, right, order)?;
        let sql = fill(&format!("({{0}} {sign} {{1}})"), &[&pair.left, &pair.right]);
        let out = Typed::truth(sql, self.mariadb()).nullable(nullable);
        Ok(Typed { aggregate, ..out })
    }

    fn rows_compared(
        &mut self,
        left: &[Expr],
        op: &BinaryOperator,
        right: &[Expr],
        scope: &Scope<'_>,
    ) -> Result<Typed, Fault> {
        if left.len() != right.len() || !matches!(op, BinaryOperator::Eq | BinaryOperator::Spaceship) {
            return Err(self.refused("this comparison of rows"));
        }
        let mut all = Vec::new();
        for (a, b) in left.iter().zip(right) {
            all.push(self.comparison(a, op, b, scope)?);
        }
        let parts: Vec<&Typed> = all.iter().collect();
        let sql = Sql::joined(all.iter().map(|t| t.sql.clone()), " AND ").wrapped("(", ")");
        Ok(Typed::truth(sql, self.mariadb()).of(&parts))
    }

    /// Both sides in the type that MySQL compares them in. `order`: more than equality is asked.
    ///
    /// Errors: pairs that MySQL would compare in a way that PostgreSQL cannot.
    pub(super) fn pair(&mut self, left: Typed, right: Typed, order: bool) -> Result<Pair, Fault> {
        if let Some(pair) = self.pair_of_bools(&left, &right) {
            return Ok(pair);
        }
        let (left, right) = self.decided(left, right)?;
        if left.is_null() || right.is_null() {
            return self.pair_with_null(left, right);
        }
        use Class::{Bytes, Date, DateTime, Decimal, Double, Int, Json, Text, Time};
        match (left.class(), right.class()) {
            (Int | Decimal | Double, Int | Decimal | Double) => {
                Ok(Pair { left: self.comparable_number(left)?, right: self.comparable_number(right)? })
            }
            (Text, Text) => self.pair_of_texts(left, right, order),
            (Date, Date) | (Time, Time) => Ok(Pair { left: left.sql, right: right.sql }),
            (Date | DateTime, Date | DateTime) => self.pair_of_moments(left, right),
            (Bytes, Bytes) => Ok(Pair { left: left.sql, right: right.sql }),
            (Json, Int | Decimal) if !order && right.pg != PgType::Bool => {
                let right = self.numeric(right)?;
                Ok(Pair { left: left.sql, right: fill("to_jsonb({0})", &[&right]) })
            }
            (Json, Text) if !order => {
                let right = self.text(right)?;
                Ok(Pair { left: left.sql, right: fill("to_jsonb({0})", &[&right.sql]) })
            }
            (Bytes, Text) | (Text, Bytes) => Ok(Pair { left: self.octets_of(left)?, right: self.octets_of(right)? }),
            _ => Err(self.refused(format!("comparing {} with {}", left.ty.sql(), right.ty.sql()))),
        }
    }

    /// A boolean column beside 0, 1, TRUE or FALSE stays boolean, so that PostgreSQL may use its indexes.
    fn pair_of_bools(&self, left: &Typed, right: &Typed) -> Option<Pair> {
        let word = |t: &Typed| match t.constant() {
            Some(0) => Some(Sql::text("false")),
            Some(1) => Some(Sql::text("true")),
            _ => None,
        };
        let column = |t: &Typed| t.pg == PgType::Bool && t.open.is_none() && t.number.is_none();
        if column(left) && column(right) {
            return Some(Pair { left: left.sql.clone(), right: right.sql.clone() });
        }
        if column(left) {
            return word(right).map(|right| Pair { left: left.sql.clone(), right });
        }
        if column(right) {
            return word(left).map(|left| Pair { left, right: right.sql.clone() });
        }
        None
    }

    /// Literals and parameters as what they stand beside.
    fn decided(&mut self, left: Typed, right: Typed) -> Result<(Typed, Typed), Fault> {
        let (a, b) = (left.open.is_some(), right.open.is_some());
        Ok(match (a, b) {
            (true, false) => (self.decided_beside(left, &right)?, right),
            (false, true) => {
                let right = self.decided_beside(right, &left)?;
                (left, right)
            }
            (true, true) => {
                let left = self.beside_open(left, &right)?;
                let right = self.beside_open(right, &left)?;
                (left, right)
            }
            (false, false) => (left, right),
        })
    }

    /// An undecided parameter beside a literal or another parameter.
    fn beside_open(&mut self, open: Typed, other: &Typed) -> Result<Typed, Fault> {
        match (&open.open, open.class()) {
            (Some(Open::Parameter(at)), Class::Null) => {
                let at = *at;
                let ty = match other.class() {
                    Class::Null | Class::Text => MyType::Varchar(65_535 / 4),
                    _ => other.ty.clone(),
                };
                Ok(self.decide(at, ty))
            }
            _ => Ok(open),
        }
    }

    fn decided_beside(&mut self, open: Typed, other: &Typed) -> Result<Typed, Fault> {
        if open.is_null() {
            return Ok(open);
        }
        match other.class() {
            Class::Int | Class::Decimal | Class::Double => self.beside_number(open, other),
            Class::Date | Class::DateTime => self.beside_moment(open, other),
            Class::Time => {
                let sql = self.clock(open)?;
                Ok(Typed::new(sql, MyType::Time(6), PgType::Time(None)))
            }
            Class::Text => match (&open.open, open.class()) {
                (Some(Open::Parameter(at)), Class::Null) => {
                    let at = *at;
                    Ok(self.decide(at, MyType::Varchar(65_535 / 4)))
                }
                _ => Ok(Typed { open: keep_literal(open.open.clone()), ..open }),
            },
            Class::Bytes => match (&open.open, open.class()) {
                (Some(Open::Parameter(at)), Class::Null) => {
                    let at = *at;
                    Ok(self.decide(at, MyType::Blob(u32::MAX)))
                }
                _ => Ok(open),
            },
            Class::Json if other.pg == PgType::Jsonb && matches!(open.open, Some(Open::Literal(_))) => {
                Ok(Typed { open: keep_literal(open.open.clone()), ..open })
            }
            Class::Null | Class::Json | Class::Other => {
                Err(self.refused(format!("comparing a value of type {}", other.ty.sql())))
            }
        }
    }

    fn beside_number(&mut self, open: Typed, other: &Typed) -> Result<Typed, Fault> {
        let wish = match &other.ty {
            MyType::Bool => MyType::BigInt(false),
            MyType::TinyInt(u) | MyType::SmallInt(u) | MyType::MediumInt(u) | MyType::Int(u) => MyType::BigInt(*u),
            other => other.clone(),
        };
        match (&open.open, open.class()) {
            // MySQL compares a whole number with a text as doubles; a clean number says the same.
            (Some(Open::Literal(_)), _) => self.number_of(open, &wish),
            (Some(Open::Parameter(_)), Class::Int | Class::Decimal | Class::Double) => Ok(open),
            (Some(Open::Parameter(at)), Class::Null | Class::Text) => {
                let at = *at;
                Ok(self.decide(at, wish))
            }
            _ => Err(self.refused(format!("comparing {} with {}", open.ty.sql(), other.ty.sql()))),
        }
    }

    fn beside_moment(&mut self, open: Typed, other: &Typed) -> Result<Typed, Fault> {
        match (&open.open, open.class()) {
            (Some(Open::Parameter(at)), Class::Null) => {
                let at = *at;
                let date = other.class() == Class::Date;
                Ok(self.decide(at, if date { MyType::Date } else { MyType::DateTime(6) }))
            }
            _ => {
                let typed = self.moment_of(open, 6)?;
                Ok(Typed { open: None, ..typed })
            }
        }
    }

    /// MariaDB compares a quotient as its type shows it, MySQL with all digits that it kept.
    fn comparable_number(&mut self, typed: Typed) -> Result<Sql, Fault> {
        let rounds = self.mariadb() && typed.class() == Class::Decimal && typed.frac.is_some();
        let typed = if rounds { self.settle(typed)? } else { typed };
        Ok(match (&typed.pg, typed.class()) {
            (PgType::Bool, _) => fill("({0}::int4)", &[&typed.sql]),
            _ => typed.sql,
        })
    }

    fn pair_with_null(&mut self, left: Typed, right: Typed) -> Result<Pair, Fault> {
        let null = |t: &Typed, other: &Typed| if t.is_null() { self.cast_to(&t.sql, &other.pg) } else { t.sql.clone() };
        Ok(Pair { left: null(&left, &right), right: null(&right, &left) })
    }

    fn pair_of_moments(&mut self, left: Typed, right: Typed) -> Result<Pair, Fault> {
        let zoned = |t: &Typed| matches!(t.pg, PgType::TimestampTz(_));
        if zoned(&left) && zoned(&right) {
            return Ok(Pair { left: left.sql, right: right.sql });
        }
        // A moment beside a local time: the column stays as it is, so that PostgreSQL may use its indexes.
        if zoned(&left) {
            return Ok(Pair { left: left.sql.clone(), right: self.instant(right)? });
        }
        if zoned(&right) {
            return Ok(Pair { left: self.instant(left)?, right: right.sql });
        }
        Ok(Pair { left: left.sql, right: right.sql })
    }

    fn pair_of_texts(&mut self, left: Typed, right: Typed, order: bool) -> Result<Pair, Fault> {
        if left.collation != Collated::Column
            && right.collation != Collated::Column
            && !(Self::is_plain_text(&left) && Self::is_plain_text(&right))
        {
            return Err(self.refused("comparing two texts by the connection's collation"));
        }
        if let Some(pair) = self.pair_of_uuids(&left, &right)? {
            return Ok(pair);
        }
        let (left, right) = (self.text(left)?, self.text(right)?);
        if order || !left.exact || !right.exact {
            return Ok(Pair { left: fill("({0} COLLATE \"C\")", &[&left.sql]), right: right.sql });
        }
        Ok(Pair { left: left.sql, right: right.sql })
    }

    /// A UUID beside a literal in PostgreSQL's own form.
    fn pair_of_uuids(&self, left: &Typed, right: &Typed) -> Result<Option<Pair>, Fault> {
        let canonical = |t: &Typed| match &t.open {
            Some(Open::Literal(text)) => {
                let hex = |b: &u8| b.is_ascii_digit() || (b'a'..=b'f').contains(b);
                let dashes = [8, 13, 18, 23];
                text.len() == 36
                    && text.bytes().enumerate().all(|(n, b)| if dashes.contains(&n) { b == b'-' } else { hex(&b) })
            }
            _ => false,
        };
        if left.pg == PgType::Uuid && right.pg == PgType::Uuid {
            return Ok(Some(Pair { left: left.sql.clone(), right: right.sql.clone() }));
        }
        if left.pg == PgType::Uuid && canonical(right) {
            return Ok(Some(Pair { left: left.sql.clone(), right: fill("({0}::uuid)", &[&right.sql]) }));
        }
        if right.pg == PgType::Uuid && canonical(left) {
            return Ok(Some(Pair { left: fill("({0}::uuid)", &[&left.sql]), right: right.sql.clone() }));
        }
        Ok(None)
    }

    pub(super) fn between(
        &mut self,
        (expr, low, high): (&Expr, &Expr, &Expr),
        negated: bool,
        scope: &Scope<'_>,
    ) -> Result<Typed, Fault> {
        let value = self.expr(expr, scope)?;
        let (low, high) = (self.expr(low, scope)?, self.expr(high, scope)?);
        // MySQL compares all three in one type: a date between two texts is compared as dates only if both are dates.
        let above = self.compared(value.clone(), &BinaryOperator::GtEq, low)?;
        let below = self.compared(value, &BinaryOperator::LtEq, high)?;
        let template = if negated { "(NOT ({0} AND {1}))" } else { "({0} AND {1})" };
        let sql = fill(template, &[&above.sql, &below.sql]);
        Ok(Typed::truth(sql, self.mariadb()).of(&[&above, &below]))
    }

    pub(super) fn in_list(
        &mut self,
        expr: &Expr,
        list: &[Expr],
        negated: bool,
        scope: &Scope<'_>,
    ) -> Result<Typed, Fault> {
        let mut any = Vec::new();
        let mut value: Option<Sql> = None;
        let mut plain = Vec::new();
        for item in list {
            if let (Some(a), Some(b)) = (row(expr), row(item)) {
                any.push(self.rows_compared(a, &BinaryOperator::Eq, b, scope)?);
                continue;
            }
            let left = self.expr(expr, scope)?;
            let right = self.expr(item, scope)?;
            let flags = Typed::truth(Sql::new(), self.mariadb()).of(&[&left, &right]);
            let pair = self.pair(left, right, false)?;
            let same = value.as_ref().is_none_or(|v| *v == pair.left);
            value.get_or_insert_with(|| pair.left.clone());
            let equal = fill("({0} = {1})", &[&pair.left, &pair.right]);
            plain.push((same, pair.right));
            any.push(Typed { sql: equal, ..flags });
        }
        if any.is_empty() {
            return Err(self.refused("an empty IN list"));
        }
        let parts: Vec<&Typed> = any.iter().collect();
        let not = if negated { "NOT " } else { "" };
        let sql = match value {
            Some(value) if plain.len() == any.len() && plain.iter().all(|(same, _)| *same) => {
                let items = Sql::joined(plain.into_iter().map(|(_, sql)| sql), ", ");
                fill(&format!("({{0}} {not}IN ({{1}}))"), &[&value, &items])
            }
            _ => {
                let either = Sql::joined(any.iter().map(|t| t.sql.clone()), " OR ");
                fill(&format!("({not}({{0}}))"), &[&either])
            }
        };
        Ok(Typed::truth(sql, self.mariadb()).of(&parts))
    }

    /// `x IN (SELECT …)`, `(a, b) IN (SELECT …)`; `x > ANY (SELECT …)`.
    pub(super) fn in_query(
        &mut self,
        expr: &Expr,
        between: &str,
        order: bool,
        query: &Query,
        scope: &Scope<'_>,
    ) -> Result<Typed, Fault> {
        let selected = self.query(query, Some(scope))?;
        let left: &[Expr] = row(expr).unwrap_or(std::slice::from_ref(expr));
        if left.len() != selected.columns.len() {
            return Err(Fault::new(
                crate::base::FaultKind::OneColumn,
                format!("Operand should contain {} column(s)", left.len()),
            ));
        }
        let (mut sides, mut nullable, mut aggregate) = (Vec::new(), false, false);
        for (expr, column) in left.iter().zip(&selected.columns) {
            let own = self.expr(expr, scope)?;
            let theirs = self.column(column);
            nullable |= own.nullable || theirs.nullable;
            aggregate |= own.aggregate;
            let (own_class, their_class) = (own.class(), theirs.class());
            let zoned = |t: &Typed| matches!(t.pg, PgType::TimestampTz(_));
            if own.open.is_none() && zoned(&own) != zoned(&theirs) {
                return Err(self.refused("comparing a TIMESTAMP with a subquery's DATETIME"));
            }
            if (own.pg == PgType::Uuid || theirs.pg == PgType::Uuid) && own.pg != theirs.pg {
                return Err(self.refused("comparing a UUID with a subquery's text"));
            }
            let theirs_sql = theirs.sql.clone();
            let pair = self.pair(own, theirs, order)?;
            if pair.right != theirs_sql {
                return Err(self.refused(format!("comparing {own_class:?} with a subquery's {their_class:?}")));
            }
            sides.push(pair.left);
        }
        let one = sides.len() == 1;
        let value = Sql::joined(sides, ", ");
        let value = if one { value } else { value.wrapped("(", ")") };
        let sql = fill(&format!("({{0}} {between} ({{1}}))"), &[&value, &selected.sql]);
        let out = Typed::truth(sql, self.mariadb()).nullable(nullable);
        Ok(Typed { aggregate, ..out })
    }
}

fn keep_literal(open: Option<Open>) -> Option<Open> {
    match open {
        Some(Open::Literal(text)) => Some(Open::Literal(text)),
        _ => None,
    }
}

/// The parts of `(a, b)`.
pub(super) fn row(expr: &Expr) -> Option<&[Expr]> {
    match expr {
        Expr::Tuple(parts) => Some(parts),
        _ => None,
    }
}
