//! CREATE INDEX and DROP INDEX.

use sqlparser::ast::{CreateIndex, Expr, IndexType, ObjectName, ObjectNamePart};

use super::define::plain_column;
use crate::base::{Engine, Fault};
use crate::sql::translate::to_mysql::Walk;
use crate::sql::translate::to_mysql::names::quoted;
use crate::sql::translate::to_mysql::scope::{ScopeColumn, fold};
use crate::sql::translate::{Sql, ToMysql};
use crate::wire::value::PgType;

/// Characters of a long text that an index holds: 3,072 bytes at most.
const PREFIX_CHARS: u32 = 191;

/// Whether an operator class only says that texts compare by their bytes, for LIKE, as they do over there anyway. Django
/// gives every indexed text a second index of this kind.
fn compares_bytes(class: &ObjectName) -> bool {
    let [ObjectNamePart::Identifier(name)] = class.0.as_slice() else { return false };
    matches!(fold(name).as_str(), "text_pattern_ops" | "varchar_pattern_ops" | "bpchar_pattern_ops")
}

impl Walk<'_> {
    pub(super) fn create_index(&mut self, create: &CreateIndex) -> Result<ToMysql, Fault> {
        let CreateIndex {
            name,
            table_name,
            using,
            columns,
            unique,
            concurrently: _,
            if_not_exists,
            include,
            nulls_distinct: None | Some(true),
            with,
            predicate: None,
            index_options,
            alter_options,
        } = create
        else {
            return Err(self.refused("a partial index, or NULLS NOT DISTINCT"));
        };
        let plain = include.is_empty() && with.is_empty() && index_options.is_empty() && alter_options.is_empty();
        if !plain || !matches!(using, None | Some(IndexType::BTree | IndexType::Hash)) {
            return Err(self.refused("an option of this index"));
        }
        let (named, table) = self.table(table_name)?;
        let physical = self.physical(named);
        let seen: Vec<ScopeColumn> = table.columns.iter().map(|c| plain_column(&c.name, &self.seen(c))).collect();
        if *unique {
            self.key_columns(columns, &seen)?;
        }
        let mut parts = Vec::new();
        let mut names = Vec::new();
        for column in columns {
            let Expr::Identifier(ident) = &column.column.expr else {
                return Err(self.refused("an index on an expression"));
            };
            if column.operator_class.as_ref().is_some_and(|class| !compares_bytes(class)) {
                return Err(self.refused("an operator class"));
            }
            let found = self.writable(&table, &fold(ident))?;
            let ty = self.seen(found);
            let mut part = quoted(&found.name);
            let long = matches!(ty, PgType::Text | PgType::Bytea | PgType::Varchar(None))
                || matches!(ty, PgType::Varchar(Some(n)) if n > 768);
            if long {
                part.push(&format!("({PREFIX_CHARS})"));
            }
            if column.column.options.asc == Some(false) {
                part.push(" DESC");
            }
            names.push(found.name.clone());
            parts.push(part);
        }
        let name = match name {
            Some(name) => self.bare_name(name)?,
            None => format!("{}_{}_idx", table.name, names.join("_")),
        };
        let mut sql = Sql::text(if *unique { "CREATE UNIQUE INDEX " } else { "CREATE INDEX " });
        if *if_not_exists {
            match self.engine() {
                Engine::Mariadb => {
                    sql.push("IF NOT EXISTS ");
                }
                Engine::Mysql | Engine::Postgres => return Err(self.refused("CREATE INDEX IF NOT EXISTS")),
            }
        }
        sql.append(quoted(&name)).push(" ON ").append(physical).push(" (").append(Sql::joined(parts, ", ")).push(")");
        Ok(self.ddl_done(sql, "CREATE INDEX"))
    }

    /// PostgreSQL does not name the table: it must be known by its unique keys.
    pub(super) fn drop_index(&mut self, names: &[ObjectName], if_exists: bool) -> Result<ToMysql, Fault> {
        let [name] = names else { return Err(self.refused("DROP INDEX of several indexes")) };
        let (_, ident) = self.parts(name)?;
        let wanted = fold(ident);
        let found = self.request.tables.iter().find(|named| {
            named.table.as_ref().is_some_and(|t| t.uniques.iter().any(|u| u.name == wanted && !u.primary))
        });
        let Some(named) = found.filter(|_| !if_exists) else {
            return Err(self
                .refused("DROP INDEX without its table")
                .hint("Send DROP INDEX name ON table to its backend in the backend's own dialect."));
        };
        let mut sql = quoted(&wanted).wrapped("DROP INDEX ", " ON ");
        sql.append(self.physical(named));
        Ok(self.ddl_done(sql, "DROP INDEX"))
    }
}
