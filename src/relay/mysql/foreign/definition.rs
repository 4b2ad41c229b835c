//! Column and parameter definitions as a MySQL server sends them (`ColumnDefinition41`).

use crate::sql::translate::MyColumn;
use crate::wire::mysql::read::{put_lenenc, put_lenenc_bytes};
use crate::wire::value::{ColumnWire, MyType};

/// What a definition says beside the column's own type.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// The client's database, for columns of tables.
    pub database: String,
    /// Collation id of texts.
    pub collation: u16,
    /// As MariaDB writes it.
    pub mariadb: bool,
}

impl Table {
    fn wire(&self, ty: &MyType) -> ColumnWire {
        if self.mariadb { ty.wire_mariadb(self.collation) } else { ty.wire(self.collation) }
    }
}

const NOT_NULL: u16 = 1;
const PRIMARY_KEY: u16 = 2;
const UNIQUE_KEY: u16 = 4;
const AUTO_INCREMENT: u16 = 512;

/// The definition of a result column.
pub fn column_definition(column: &MyColumn, table: &Table) -> Vec<u8> {
    let wire = table.wire(&column.ty);
    let mut flags = wire.flags | if column.nullable { 0 } else { NOT_NULL };
    let Some(origin) = &column.origin else {
        return definition(["", "", "", &column.name, ""], ColumnWire { flags, ..wire });
    };
    for (holds, flag) in
        [(origin.primary, PRIMARY_KEY), (origin.unique, UNIQUE_KEY), (origin.auto_increment, AUTO_INCREMENT)]
    {
        flags |= if holds { flag } else { 0 };
    }
    let names = [&table.database, &origin.alias, &origin.table, &column.name, &origin.column].map(String::as_str);
    definition(names, ColumnWire { flags, ..wire })
}

/// The definition of a parameter.
pub fn parameter_definition(ty: &MyType, table: &Table) -> Vec<u8> {
    definition(["", "", "", "?", ""], table.wire(ty))
}

/// Names: database, table's alias, table, column's alias, column.
fn definition(names: [&str; 5], wire: ColumnWire) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    put_lenenc_bytes(&mut out, b"def");
    for name in names {
        put_lenenc_bytes(&mut out, name.as_bytes());
    }
    put_lenenc(&mut out, 12);
    out.extend_from_slice(&wire.collation.to_le_bytes());
    out.extend_from_slice(&wire.length.to_le_bytes());
    out.push(wire.code);
    out.extend_from_slice(&wire.flags.to_le_bytes());
    out.extend_from_slice(&[wire.decimals, 0, 0]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::translate::Origin;
    use crate::wire::mysql::Reader;

    #[test]
    fn a_definition_has_the_names_in_the_protocol_s_order() {
        let origin = Origin {
            table: String::from("stock"),
            alias: String::from("s"),
            column: String::from("id"),
            primary: true,
            unique: false,
            auto_increment: true,
        };
        let column =
            MyColumn { name: String::from("n"), ty: MyType::Int(false), origin: Some(origin), nullable: false };
        let bytes =
            column_definition(&column, &Table { database: String::from("shop"), collation: 45, mariadb: false });
        let mut reader = Reader::new(&bytes);
        for name in ["def", "shop", "s", "stock", "n", "id"] {
            assert_eq!(reader.lenenc_bytes(), Some(name.as_bytes()));
        }
        assert_eq!(reader.rest().len(), 13);
        let flags = u16::from_le_bytes([reader.rest()[8], reader.rest()[9]]);
        assert_eq!(
            flags & (NOT_NULL | PRIMARY_KEY | UNIQUE_KEY | AUTO_INCREMENT),
            NOT_NULL | PRIMARY_KEY | AUTO_INCREMENT
        );
    }
}
