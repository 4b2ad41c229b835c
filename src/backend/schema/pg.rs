//! Tables of a PostgreSQL backend.

use sqlx::Row;
use sqlx::postgres::{PgConnection, PgRow};

use crate::backend::control::{ControlError, failed, pg_connection};
use crate::backend::verbs;
use crate::base::Dialect;
use crate::config::Backend;
use crate::sql::translate::{Column, ColumnType, Default, Table, Unique};
use crate::wire::value::PgType;

/// A control connection to PostgreSQL.
#[derive(Debug)]
pub(super) struct PgAsker {
    backend: String,
    conn: PgConnection,
}

/// Ordinary, partitioned and foreign tables; views of both kinds. An unqualified name is looked for as the server would
/// for our role.
const RELATION: &str = "SELECT c.oid::int8, c.relkind IN ('v', 'm'), \
       EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.confrelid = c.oid AND k.contype = 'f') FROM pg_catalog.pg_class c \
     WHERE c.oid = pg_catalog.to_regclass($1) AND c.relkind IN ('r', 'p', 'f', 'v', 'm')";

/// A domain is told as the type under it, as the server itself does on the wire.
const COLUMNS: &str = "SELECT a.attname::text, \
       CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE a.atttypid END::int8, \
       CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END, \
       pg_catalog.format_type(a.atttypid, a.atttypmod), \
       a.attnotnull OR (t.typtype = 'd' AND t.typnotnull), a.attidentity::text, a.attgenerated::text, \
       COALESCE(pg_catalog.pg_get_expr(d.adbin, d.adrelid), t.typdefault), \
       CASE WHEN co.collname <> 'default' THEN co.collname::text END \
     FROM pg_catalog.pg_attribute a \
     JOIN pg_catalog.pg_type t ON t.oid = a.atttypid \
     LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
     LEFT JOIN pg_catalog.pg_collation co ON co.oid = a.attcollation \
     WHERE a.attrelid = $1::int8::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";

/// Plain: for all rows, on columns, checked at once, NULLs distinct. (The last is asked by JSON: old servers lack it.)
const UNIQUES: &str = "SELECT ic.relname::text, i.indisprimary, \
       i.indpred IS NULL AND i.indexprs IS NULL AND i.indimmediate AND i.indisvalid \
         AND COALESCE(pg_catalog.to_jsonb(i) ->> 'indnullsnotdistinct', 'false') = 'false', \
       ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, place) \
             JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum \
             WHERE k.place <= i.indnkeyatts ORDER BY k.place) \
     FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid \
     WHERE i.indrelid = $1::int8::oid AND i.indisunique ORDER BY i.indisprimary DESC, ic.relname";

impl PgAsker {
    pub(super) async fn connect(backend: &Backend) -> Result<Self, ControlError> {
        let conn = pg_connection(backend).await.map_err(failed(&backend.name, "connecting for table schemas"))?;
        Ok(Self { backend: backend.name.clone(), conn })
    }

    pub(super) async fn table(&mut self, schema: Option<&str>, name: &str) -> Result<Option<Table>, ControlError> {
        let about = failed(&self.backend, "asking for a table's schema");
        self.ask(schema, name).await.map_err(about)
    }

    async fn ask(&mut self, schema: Option<&str>, name: &str) -> Result<Option<Table>, sqlx::Error> {
        let quoted = |name: &str| verbs::quote(Dialect::Postgres, name);
        let full = schema.map_or_else(|| quoted(name), |schema| format!("{}.{}", quoted(schema), quoted(name)));
        let Some(relation) = sqlx::query(RELATION).bind(full).fetch_optional(&mut self.conn).await? else {
            return Ok(None);
        };
        let (oid, view, referenced): (i64, bool, bool) =
            (relation.try_get(0)?, relation.try_get(1)?, relation.try_get(2)?);
        let rows = sqlx::query(COLUMNS).bind(oid).fetch_all(&mut self.conn).await?;
        let columns = rows.iter().map(column).collect::<Result<_, _>>()?;
        let (mut uniques, mut other_uniques) = (Vec::new(), false);
        for row in sqlx::query(UNIQUES).bind(oid).fetch_all(&mut self.conn).await? {
            if row.try_get(2)? {
                uniques.push(Unique { name: row.try_get(0)?, primary: row.try_get(1)?, columns: row.try_get(3)? });
            } else {
                other_uniques = true;
            }
        }
        let schema = schema.map(str::to_owned);
        Ok(Some(Table { schema, name: name.to_owned(), columns, uniques, other_uniques, view, referenced }))
    }
}

fn column(row: &PgRow) -> Result<Column, sqlx::Error> {
    let (oid, modifier): (i64, i32) = (row.try_get(1)?, row.try_get(2)?);
    let mut ty = PgType::from_oid(u32::try_from(oid).unwrap_or(0), modifier);
    if let PgType::Other(oid, _) = ty {
        ty = PgType::Other(oid, row.try_get(3)?);
    }
    let (identity, computed): (String, String) = (row.try_get(5)?, row.try_get(6)?);
    let expression: Option<String> = row.try_get(7)?;
    let default = match expression {
        Some(_) if !computed.is_empty() => Default::Computed,
        Some(_) | None if !identity.is_empty() => Default::Generated,
        Some(text) if text.starts_with("nextval(") => Default::Generated,
        Some(text) => Default::Expression(text),
        None => Default::None,
    };
    let (name, not_null, collation) = (row.try_get(0)?, row.try_get(4)?, row.try_get(8)?);
    Ok(Column { name, ty: ColumnType::Pg(ty), not_null, default, charset: None, collation })
}
