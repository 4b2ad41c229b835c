//! Catalogs, as far as clients list tables and columns by them: `\d`, SHOW TABLES, drivers' metadata, Grafana. Every other
//! catalog is there and has no rows, which is true: the console has no indexes, functions, keys or triggers.

use super::DATABASE;
use super::cell::{Cell, Kind};
use super::query::{Catalog, Columns, Found, Row};
use super::tables::{self, COMMANDS, TABLES};
use super::variables::Variables;
use crate::base::Dialect;

use Kind::{Bool, Int, Text};

/// OIDs of the console's schema, and of its first table.
const SCHEMA_OID: i64 = 2200;
const TABLE_OID: i64 = 16384;

const PG_NAMESPACE: Columns = &[("oid", Int), ("nspname", Text), ("nspowner", Int), ("nspacl", Text)];
const PG_DATABASE: Columns = &[
    ("oid", Int),
    ("datname", Text),
    ("datdba", Int),
    ("encoding", Int),
    ("datcollate", Text),
    ("datctype", Text),
    ("datistemplate", Bool),
    ("datallowconn", Bool),
    ("datacl", Text),
    ("daticulocale", Text),
    ("datlocprovider", Text),
];
const PG_CLASS: Columns = &[
    ("oid", Int),
    ("relname", Text),
    ("relnamespace", Int),
    ("reltype", Int),
    ("reloftype", Int),
    ("relowner", Int),
    ("relam", Int),
    ("reltablespace", Int),
    ("reltuples", Kind::Float),
    ("reltoastrelid", Int),
    ("relhasindex", Bool),
    ("relpersistence", Text),
    ("relkind", Text),
    ("relnatts", Int),
    ("relchecks", Int),
    ("relhasrules", Bool),
    ("relhastriggers", Bool),
    ("relrowsecurity", Bool),
    ("relforcerowsecurity", Bool),
    ("relreplident", Text),
    ("relispartition", Bool),
    ("relacl", Text),
    ("reloptions", Text),
];
const PG_ATTRIBUTE: Columns = &[
    ("attrelid", Int),
    ("attname", Text),
    ("atttypid", Int),
    ("attlen", Int),
    ("attnum", Int),
    ("atttypmod", Int),
    ("attnotnull", Bool),
    ("atthasdef", Bool),
    ("attisdropped", Bool),
    ("attidentity", Text),
    ("attgenerated", Text),
    ("attcollation", Int),
    ("attstorage", Text),
    ("attcompression", Text),
    ("attstattarget", Int),
    ("attndims", Int),
];
const PG_TYPE: Columns = &[
    ("oid", Int),
    ("typname", Text),
    ("typnamespace", Int),
    ("typlen", Int),
    ("typtype", Text),
    ("typcategory", Text),
    ("typrelid", Int),
    ("typelem", Int),
    ("typarray", Int),
    ("typbasetype", Int),
    ("typtypmod", Int),
    ("typdelim", Text),
    ("typnotnull", Bool),
    ("typcollation", Int),
];
const PG_TABLES: Columns = &[("schemaname", Text), ("tablename", Text), ("tableowner", Text)];
const PG_SETTINGS: Columns =
    &[("name", Text), ("setting", Text), ("unit", Text), ("category", Text), ("vartype", Text)];
const VARIABLES: Columns = &[("variable_name", Text), ("variable_value", Text)];
const HELP: Columns = &[("command", Text), ("what", Text)];
const INFORMATION_TABLES: Columns = &[
    ("table_catalog", Text),
    ("table_schema", Text),
    ("table_name", Text),
    ("table_type", Text),
    ("engine", Text),
    ("table_rows", Int),
    ("table_comment", Text),
    ("is_insertable_into", Text),
];
const INFORMATION_COLUMNS: Columns = &[
    ("table_catalog", Text),
    ("table_schema", Text),
    ("table_name", Text),
    ("column_name", Text),
    ("ordinal_position", Int),
    ("column_default", Text),
    ("is_nullable", Text),
    ("data_type", Text),
    ("character_maximum_length", Int),
    ("numeric_precision", Int),
    ("numeric_scale", Int),
    ("datetime_precision", Int),
    ("udt_name", Text),
    ("column_type", Text),
    ("column_key", Text),
    ("extra", Text),
    ("column_comment", Text),
    ("is_generated", Text),
    ("generation_expression", Text),
];
const INFORMATION_SCHEMATA: Columns = &[
    ("catalog_name", Text),
    ("schema_name", Text),
    ("schema_owner", Text),
    ("default_character_set_name", Text),
    ("default_collation_name", Text),
];

/// Catalogs with rows: schema, name, columns.
const CATALOGS: &[(&str, &str, Columns)] = &[
    ("pg_catalog", "pg_namespace", PG_NAMESPACE),
    ("pg_catalog", "pg_database", PG_DATABASE),
    ("pg_catalog", "pg_class", PG_CLASS),
    ("pg_catalog", "pg_attribute", PG_ATTRIBUTE),
    ("pg_catalog", "pg_type", PG_TYPE),
    ("pg_catalog", "pg_tables", PG_TABLES),
    ("pg_catalog", "pg_settings", PG_SETTINGS),
    ("pg_catalog", "console_help", HELP),
    ("information_schema", "session_variables", VARIABLES),
    ("information_schema", "tables", INFORMATION_TABLES),
    ("information_schema", "columns", INFORMATION_COLUMNS),
    ("information_schema", "schemata", INFORMATION_SCHEMATA),
];

/// How a catalog's rows are told apart from a table's of the same name.
fn key(schema: &str, name: &'static str) -> &'static str {
    match (schema, name) {
        ("information_schema", "tables") => "information_schema.tables",
        (_, other) => other,
    }
}

/// Tables and catalogs.
#[derive(Clone, Copy, Debug)]
pub struct Tables {
    /// The client's.
    pub dialect: Dialect,
}

impl Catalog for Tables {
    fn find(&self, schema: Option<&str>, name: &str) -> Found {
        let own = match self.dialect {
            Dialect::Postgres => "public",
            Dialect::Mysql => DATABASE,
        };
        if schema.is_none_or(|schema| schema == own || schema == DATABASE)
            && let Some(table) = TABLES.iter().find(|table| table.name == name)
        {
            return Found::Table(table.name, table.columns);
        }
        let visible = schema.unwrap_or("pg_catalog");
        let here = CATALOGS.iter().find(|(at, other, _)| *at == visible && *other == name);
        if let Some((at, name, columns)) = here {
            return Found::Table(key(at, name), columns);
        }
        let catalog =
            matches!(schema, Some("pg_catalog" | "information_schema" | "mysql" | "performance_schema" | "sys"))
                || (schema.is_none() && name.starts_with("pg_"));
        if catalog { Found::Empty } else { Found::None }
    }

    fn names(&self) -> Vec<&'static str> {
        TABLES.iter().map(|table| table.name).collect()
    }
}

fn oid(kind: Kind) -> i64 {
    i64::from(kind.pg().oid())
}

/// What `format_type` says.
pub fn type_name(oid_asked: i64) -> &'static str {
    const KINDS: [Kind; 6] = [Kind::Bool, Kind::Int, Kind::Float, Kind::Text, Kind::Span, Kind::Moment];
    KINDS.into_iter().find(|kind| oid(*kind) == oid_asked).map_or("???", Kind::name)
}

fn no() -> Cell {
    Cell::Bool(false)
}

fn number(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Rows of a catalog; `None`: it is none of ours.
pub fn rows(key: &str, dialect: Dialect, variables: &Variables, user: &str) -> Option<Vec<Row>> {
    let schema = match dialect {
        Dialect::Postgres => "public",
        Dialect::Mysql => DATABASE,
    };
    Some(match key {
        "pg_namespace" => [(11, "pg_catalog"), (SCHEMA_OID, "public")]
            .into_iter()
            .map(|(oid, name)| vec![Cell::Int(oid), name.into(), Cell::Int(10), Cell::Null])
            .collect(),
        "pg_database" => {
            let locale = || Cell::from("C.UTF-8");
            let mut row: Row = vec![Cell::Int(5), DATABASE.into(), Cell::Int(10), Cell::Int(6), locale(), locale()];
            row.extend([no(), Cell::Bool(true), Cell::Null, Cell::Null, Cell::from("c")]);
            vec![row]
        }
        "pg_class" => TABLES.iter().enumerate().map(|(at, table)| class(at, table)).collect(),
        "pg_attribute" => TABLES.iter().enumerate().flat_map(|(at, table)| attributes(at, table)).collect(),
        "pg_type" => [(Kind::Bool, "bool"), (Int, "int8"), (Kind::Float, "float8"), (Text, "text")]
            .into_iter()
            .chain([(Kind::Span, "interval"), (Kind::Moment, "timestamptz")])
            .map(|(kind, name)| of_type(kind, name))
            .collect(),
        "pg_tables" => TABLES.iter().map(|table| vec![schema.into(), table.name.into(), user.into()]).collect(),
        "pg_settings" => variables
            .all()
            .map(|(name, value)| vec![name.into(), value.text().into(), Cell::Null, "Handfast".into(), "string".into()])
            .collect(),
        "console_help" => {
            let shows = TABLES
                .iter()
                .filter(|table| table.name != "tables")
                .map(|table| vec![format!("SHOW {}", table.name.to_uppercase()).into(), Cell::from(table.about)]);
            COMMANDS.iter().map(|(command, what)| vec![(*command).into(), (*what).into()]).chain(shows).collect()
        }
        "session_variables" => variables.all().map(|(name, value)| vec![name.into(), value.text().into()]).collect(),
        "information_schema.tables" => TABLES
            .iter()
            .map(|table| {
                let about = Cell::from(table.about);
                let engine = Cell::from("HANDFAST");
                vec![
                    DATABASE.into(),
                    schema.into(),
                    table.name.into(),
                    "BASE TABLE".into(),
                    engine,
                    Cell::Null,
                    about,
                    "NO".into(),
                ]
            })
            .collect(),
        "columns" => TABLES.iter().flat_map(|table| columns(table, schema, dialect)).collect(),
        "schemata" => {
            let collation = Cell::from("utf8mb4_general_ci");
            vec![vec![DATABASE.into(), schema.into(), user.into(), "utf8mb4".into(), collation]]
        }
        _ => return None,
    })
}

fn class(at: usize, table: &tables::Table) -> Row {
    let none = || Cell::Int(0);
    vec![
        Cell::Int(TABLE_OID + number(at)),
        table.name.into(),
        Cell::Int(SCHEMA_OID),
        none(),
        none(),
        Cell::Int(10),
        none(),
        none(),
        Cell::Float(-1.0),
        none(),
        no(),
        "p".into(),
        "r".into(),
        table.columns.len().into(),
        none(),
        no(),
        no(),
        no(),
        no(),
        "d".into(),
        no(),
        Cell::Null,
        Cell::Null,
    ]
}

fn attributes(at: usize, table: &tables::Table) -> impl Iterator<Item = Row> {
    table.columns.iter().enumerate().map(move |(place, (name, kind))| {
        vec![
            Cell::Int(TABLE_OID + number(at)),
            (*name).into(),
            Cell::Int(oid(*kind)),
            Cell::Int(i64::from(kind.pg().wire_bytes())),
            (place + 1).into(),
            Cell::Int(-1),
            no(),
            no(),
            no(),
            "".into(),
            "".into(),
            Cell::Int(0),
            "p".into(),
            "".into(),
            Cell::Int(-1),
            Cell::Int(0),
        ]
    })
}

fn of_type(kind: Kind, name: &str) -> Row {
    let none = || Cell::Int(0);
    let bytes = Cell::Int(i64::from(kind.pg().wire_bytes()));
    let (base, category) = (Cell::from("b"), Cell::from("U"));
    let mut row = vec![Cell::Int(oid(kind)), name.into(), Cell::Int(11), bytes, base, category];
    row.extend([none(), none(), none(), none(), Cell::Int(-1), Cell::from(","), no(), none()]);
    row
}

fn columns(table: &tables::Table, schema: &str, dialect: Dialect) -> Vec<Row> {
    let made = table.columns.iter().enumerate().map(|(place, (name, kind))| {
        let ty = match dialect {
            Dialect::Postgres => kind.name(),
            Dialect::Mysql => kind.my_name(),
        };
        let plain = ty.split('(').next().unwrap_or(ty);
        let mut row: Row = vec![DATABASE.into(), schema.into(), table.name.into(), (*name).into(), (place + 1).into()];
        row.extend([Cell::Null, Cell::from("YES"), plain.into(), Cell::Null, Cell::Null, Cell::Null, Cell::Null]);
        row.extend([plain.into(), ty.into(), Cell::from(""), Cell::from(""), Cell::from("")]);
        row.extend([Cell::from("NEVER"), Cell::Null]);
        row
    });
    made.collect()
}
