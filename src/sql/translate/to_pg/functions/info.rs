//! What the session knows.

use super::super::typed::text;
use super::super::{Typed, Walk};
use crate::base::Fault;
use crate::sql::translate::{Part, Sql};
use crate::wire::value::{MyType, PgType};

impl Walk<'_> {
    pub(super) fn of_session(&mut self, name: &str, args: Vec<Typed>) -> Result<Option<Typed>, Fault> {
        Ok(Some(match (name, args.len()) {
            ("LAST_INSERT_ID", 0) => {
                let sql = Sql::part(Part::LastInsertId).wrapped("(", "::numeric)");
                Typed::new(sql, MyType::BigInt(true), PgType::Numeric(None)).nullable(false)
            }
            ("DATABASE" | "SCHEMA", 0) => {
                let database = self.request.facts.database.clone();
                let sql = if database.is_empty() { Sql::text("NULL::text") } else { self.text_literal(&database)? };
                Typed::new(sql, text(64), PgType::Text)
            }
            _ => return Ok(None),
        }))
    }
}
