//! Tables of a MySQL or MariaDB backend.

use sqlx::Row;
use sqlx::mysql::{MySqlConnection, MySqlRow};

use crate::backend::control::{ControlError, failed, mysql_connection};
use crate::base::Engine;
use crate::config::Backend;
use crate::sql::translate::{Column, ColumnType, Default, Table, Unique};
use crate::wire::value::MyType;

/// A control connection to MySQL or MariaDB.
#[derive(Debug)]
pub(super) struct MysqlAsker {
    backend: String,
    database: String,
    conn: MySqlConnection,
    mariadb: bool,
    /// `lower_case_table_names` is not 0: names match without case.
    caseless: bool,
}

const TABLES: &str = "SELECT table_schema, table_name, table_type FROM information_schema.tables \
     WHERE table_schema = ? AND table_name = ?";

const COLUMNS: &str = "SELECT column_name, column_type, is_nullable, column_default, extra, character_set_name, \
     collation_name FROM information_schema.columns WHERE table_schema = ? AND table_name = ? ORDER BY ordinal_position";

const UNIQUES: &str = "SELECT index_name, column_name, sub_part, table_name FROM information_schema.statistics \
     WHERE table_schema = ? AND table_name = ? AND non_unique = 0 \
     ORDER BY index_name <> 'PRIMARY', index_name, seq_in_index";

/// MariaDB's JSON is LONGTEXT with this check.
const CHECKS: &str = "SELECT check_clause FROM information_schema.check_constraints \
     WHERE constraint_schema = ? AND table_name = ?";

impl MysqlAsker {
    pub(super) async fn connect(backend: &Backend) -> Result<Self, ControlError> {
        let about = || failed(&backend.name, "connecting for table schemas");
        let mut conn = mysql_connection(backend).await.map_err(about())?;
        let read =
            |row: MySqlRow| -> Result<(String, i64), sqlx::Error> { Ok((text(&row, 0)?, row.try_get_unchecked(1)?)) };
        let row = sqlx::query("SELECT VERSION(), @@lower_case_table_names").fetch_one(&mut conn).await;
        let (version, folding) = row.and_then(read).map_err(about())?;
        Ok(Self {
            backend: backend.name.clone(),
            database: backend.database.clone(),
            conn,
            mariadb: version.contains("MariaDB"),
            caseless: folding != 0,
        })
    }

    pub(super) fn engine(&self) -> Engine {
        if self.mariadb { Engine::Mariadb } else { Engine::Mysql }
    }

    pub(super) async fn table(&mut self, schema: Option<&str>, name: &str) -> Result<Option<Table>, ControlError> {
        let about = failed(&self.backend, "asking for a table's schema");
        self.ask(schema, name).await.map_err(about)
    }

    async fn ask(&mut self, schema: Option<&str>, name: &str) -> Result<Option<Table>, sqlx::Error> {
        let database = schema.map_or_else(|| self.database.clone(), str::to_owned);
        let Some((database, stored, view)) = self.find(&database, name).await? else { return Ok(None) };
        let json = if self.mariadb { self.json_checks(&database, &stored).await? } else { Vec::new() };
        let rows = self.rows(COLUMNS, &database, &stored).await?;
        let mut columns = Vec::with_capacity(rows.len());
        for row in &rows {
            // Invisible columns are in no `*` and in no INSERT without names: to clients they are not there.
            if !text(row, 4)?.to_ascii_uppercase().contains("INVISIBLE") {
                columns.push(self.column(row, &json)?);
            }
        }
        let (uniques, other_uniques) = self.uniques(&database, &stored, &columns).await?;
        let schema = schema.map(|_| database);
        Ok(Some(Table { schema, name: stored, columns, uniques, other_uniques, view, referenced: false }))
    }

    async fn rows(&mut self, sql: &'static str, database: &str, name: &str) -> Result<Vec<MySqlRow>, sqlx::Error> {
        sqlx::query(sql).bind(database).bind(name).fetch_all(&mut self.conn).await
    }

    /// The catalogs compare without case where the server itself would not.
    async fn find(&mut self, database: &str, name: &str) -> Result<Option<(String, String, bool)>, sqlx::Error> {
        for row in self.rows(TABLES, database, name).await? {
            let (in_database, stored, kind) = (text(&row, 0)?, text(&row, 1)?, text(&row, 2)?);
            let exact = stored == name && in_database == database;
            if (exact || self.caseless) && kind != "SEQUENCE" {
                return Ok(Some((in_database, stored, kind.contains("VIEW"))));
            }
        }
        Ok(None)
    }

    /// Columns that a check holds to JSON.
    async fn json_checks(&mut self, database: &str, table: &str) -> Result<Vec<String>, sqlx::Error> {
        let rows = self.rows(CHECKS, database, table).await?;
        let mut columns = Vec::new();
        for row in &rows {
            let clause = text(row, 0)?;
            let column = clause.strip_prefix("json_valid(`").and_then(|rest| rest.strip_suffix("`)"));
            columns.extend(column.map(|column| column.replace("``", "`")));
        }
        Ok(columns)
    }

    fn column(&self, row: &MySqlRow, json: &[String]) -> Result<Column, sqlx::Error> {
        let (name, written, extra) = (text(row, 0)?, text(row, 1)?, text(row, 4)?.to_ascii_lowercase());
        let (charset, collation) = (optional(row, 5)?, optional(row, 6)?);
        let is_json = written == "longtext" && collation.as_deref() == Some("utf8mb4_bin") && json.contains(&name);
        let ty = MyType::parse(&written, is_json);
        let default = if extra.contains("auto_increment") {
            Default::Generated
        } else if extra.contains("virtual generated") || extra.contains("stored generated") {
            Default::Computed
        } else {
            optional(row, 3)?.map_or(Default::None, |text| self.default(text, &ty, &extra))
        };
        let not_null = text(row, 2)? == "NO";
        Ok(Column { name, ty: ColumnType::My(ty), not_null, default, charset, collation })
    }

    /// MariaDB prints an expression; MySQL prints a bare value unless it says otherwise.
    fn default(&self, text: String, ty: &MyType, extra: &str) -> Default {
        if self.mariadb && text == "NULL" {
            return Default::None;
        }
        let bare = text.parse::<f64>().is_ok() || matches!(ty, MyType::Bit(_));
        if self.mariadb || extra.contains("default_generated") || text.starts_with("CURRENT_TIMESTAMP") || bare {
            return Default::Expression(text);
        }
        Default::Expression(format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''")))
    }

    async fn uniques(
        &mut self,
        database: &str,
        table: &str,
        columns: &[Column],
    ) -> Result<(Vec<Unique>, bool), sqlx::Error> {
        let (mut uniques, mut odd): (Vec<Unique>, Vec<String>) = (Vec::new(), Vec::new());
        for row in self.rows(UNIQUES, database, table).await? {
            let (name, column) = (text(&row, 0)?, optional(&row, 1)?);
            let prefix: Option<i64> = row.try_get_unchecked(2)?;
            if text(&row, 3)? != table {
                continue;
            }
            let known = column.filter(|column| prefix.is_none() && columns.iter().any(|c| c.name == *column));
            let Some(column) = known else {
                odd.push(name);
                continue;
            };
            match uniques.iter_mut().find(|unique| unique.name == name) {
                Some(unique) => unique.columns.push(column),
                None => uniques.push(Unique { primary: name == "PRIMARY", name, columns: vec![column] }),
            }
        }
        uniques.retain(|unique| !odd.contains(&unique.name));
        Ok((uniques, !odd.is_empty()))
    }
}

/// The catalogs' texts come as several types, by version.
fn text(row: &MySqlRow, at: usize) -> Result<String, sqlx::Error> {
    Ok(optional(row, at)?.unwrap_or_default())
}

fn optional(row: &MySqlRow, at: usize) -> Result<Option<String>, sqlx::Error> {
    let bytes: Option<Vec<u8>> = row.try_get_unchecked(at)?;
    Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}
