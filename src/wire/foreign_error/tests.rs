use super::*;

fn body(fields: &[(u8, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (kind, text) in fields {
        out.push(*kind);
        out.extend(text.as_bytes());
        out.push(0);
    }
    out.push(0);
    out
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn a_postgres_driver_finds_state_and_names() {
    // Number, message as sent; SQLSTATE, table, column, constraint.
    for (errno, message, state, table, column, constraint) in [
        (1062, "Duplicate entry '1' for key 'p.PRIMARY'", "23505", "p", "", "p_pkey"),
        (1062, "Duplicate entry '1' for key 'PRIMARY'", "23505", "", "", "PRIMARY"),
        (1062, "Duplicate entry 'a' for key 'b' for key 'k.two'", "23505", "k", "", "two"),
        (
            1452,
            "Cannot add or update a child row: a foreign key constraint fails (`val_e`.`k`, CONSTRAINT `fk_p` FOREIGN KEY (`pid`) REFERENCES `p` (`id`))",
            "23503",
            "k",
            "",
            "fk_p",
        ),
        (
            1451,
            "Cannot delete or update a parent row: a foreign key constraint fails (`val_e`.`k`, CONSTRAINT `fk_p` FOREIGN KEY (`pid`) REFERENCES `p` (`id`))",
            "23503",
            "k",
            "",
            "fk_p",
        ),
        (1451, "Cannot delete or update a parent row: a foreign key constraint fails", "2BP01", "", "", ""),
        (1048, "Column 'n' cannot be null", "23502", "", "n", ""),
        (1364, "Field 'n' doesn't have a default value", "23502", "", "n", ""),
        (4025, "CONSTRAINT `c_pos` failed for `val_e`.`p`", "23514", "p", "", "c_pos"),
        (3819, "Check constraint 'c_pos' is violated.", "23514", "", "", "c_pos"),
        (1406, "Data too long for column 'u' at row 1", "22001", "", "u", ""),
        (1264, "Out of range value for column 't' at row 1", "22003", "", "t", ""),
        (1690, "BIGINT value is out of range in '(9223372036854775807 + 1)'", "22003", "", "", ""),
        (1366, "Incorrect integer value: 'x' for column `val_e`.`p`.`t` at row 1", "22P02", "", "t", ""),
        (1366, "Incorrect integer value: 'x' for column 't' at row 1", "22P02", "", "t", ""),
        (1292, "Incorrect date value: '2020-13-45' for column 'd' at row 1", "22007", "", "d", ""),
        (1292, "Truncated incorrect DOUBLE value: 'x'", "22P02", "", "", ""),
        (1365, "Division by 0", "22012", "", "", ""),
        (1054, "Unknown column 'nope' in 'SELECT'", "42703", "", "", ""),
        (1146, "Table 'val_e.nope' doesn't exist", "42P01", "", "", ""),
        (1213, "Deadlock found when trying to get lock; try restarting transaction", "40P01", "", "", ""),
        (1020, "Record has changed since last read in table 't'", "40001", "", "", ""),
        (1205, "Lock wait timeout exceeded; try restarting transaction", "55P03", "", "", ""),
        (1305, "SAVEPOINT zz does not exist", "3B001", "", "", ""),
        (1305, "FUNCTION val_e.nofunc does not exist", "42883", "", "", ""),
        (1142, "SELECT command denied to user", "42501", "", "", ""),
        (1040, "Too many connections", "53300", "", "", ""),
        (1064, "You have an error in your SQL syntax", "42601", "", "", ""),
        (1969, "Query execution was interrupted (max_statement_time exceeded)", "57014", "", "", ""),
        (1792, "Cannot execute statement in a READ ONLY transaction", "25006", "", "", ""),
        (9999, "strange", "XX000", "", "", ""),
    ] {
        let told = for_pg(errno, "HY000", message, "delivery");
        let name = |name: &Option<String>| name.clone().unwrap_or_default();
        assert_eq!(told.sqlstate, state, "{message}");
        assert_eq!(
            (name(&told.table), name(&told.column), name(&told.constraint)),
            (table.into(), column.into(), constraint.into()),
            "{message}"
        );
        let detail = told.detail.unwrap();
        assert!(
            detail.contains(message) && detail.contains("delivery") && detail.contains(&errno.to_string()),
            "{detail}"
        );
    }
    let told = for_pg(1062, "23000", "Duplicate entry '1' for key 'p.PRIMARY'", "delivery");
    assert_eq!(told.message, "duplicate key value violates unique constraint \"p_pkey\"");
    assert!(told.detail.unwrap().starts_with("Key '1' already exists."));
    assert_eq!(
        for_pg(1054, "42S22", "Unknown column 'nope' in 'SELECT'", "d").message,
        "column \"nope\" does not exist"
    );
    assert_eq!(
        for_pg(1366, "HY000", "Incorrect integer value: 'it's' for column 't' at row 1", "d").message,
        "invalid input syntax for type integer: \"it's\""
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn a_mysql_driver_finds_number_and_words() {
    let duplicate: &[(u8, &str)] = &[
        (b'C', "23505"),
        (b'M', "duplicate key value violates unique constraint \"p_pkey\""),
        (b'D', "Key (id)=(1) already exists."),
        (b's', "s"),
        (b't', "p"),
        (b'n', "p_pkey"),
    ];
    let told = |fields: &[(u8, &str)], mariadb| for_mysql(&body(fields), mariadb, "store");
    assert_eq!(told(duplicate, true).message, "Duplicate entry '1' for key 'PRIMARY'");
    assert_eq!(told(duplicate, false).message, "Duplicate entry '1' for key 'p.PRIMARY'");
    let two: &[(u8, &str)] =
        &[(b'C', "23505"), (b'D', "Key (id, pid)=(1, 2) already exists."), (b't', "k"), (b'n', "two")];
    assert_eq!(told(two, true).message, "Duplicate entry '1-2' for key 'two'");
    let comma: &[(u8, &str)] =
        &[(b'C', "23505"), (b'D', "Key (a, b)=(1, x, y) already exists."), (b't', "z"), (b'n', "z_key")];
    assert_eq!(told(comma, true).message, "Duplicate entry '1, x, y' for key 'z_key'");
    let child: &[(u8, &str)] = &[
        (b'C', "23503"),
        (b'M', "insert or update on table \"k\" violates foreign key constraint \"fk_p\""),
        (b'D', "Key (pid)=(7) is not present in table \"p\"."),
        (b's', "s"),
        (b't', "k"),
        (b'n', "fk_p"),
    ];
    assert_eq!(
        (told(child, false).errno, told(child, false).message.as_str()),
        (
            1452,
            "Cannot add or update a child row: a foreign key constraint fails (`s`.`k`, CONSTRAINT `fk_p` FOREIGN KEY (`pid`) REFERENCES `p`)"
        )
    );
    let parent: &[(u8, &str)] = &[
        (b'C', "23503"),
        (b'M', "update or delete on table \"p\" violates foreign key constraint \"fk_p\" on table \"k\""),
        (b'D', "Key (id)=(1) is still referenced from table \"k\"."),
        (b's', "s"),
        (b't', "k"),
        (b'n', "fk_p"),
    ];
    assert_eq!((told(parent, false).errno, told(parent, false).sqlstate.as_str()), (1451, "23000"));
    // SQLSTATE, message; MySQL's number, MariaDB's, words.
    for (state, message, mysql, mariadb, words) in [
        ("23502", "null value in column \"n\"", 1048, 1048, "Column 'x' cannot be null"),
        ("23514", "new row for relation \"p\" violates check constraint \"c\"", 3819, 4025, ""),
        ("22001", "value too long for type character varying(5)", 1406, 1406, "Data too long"),
        ("22003", "smallint out of range", 1264, 1264, "Out of range value"),
        ("22003", "bigint out of range", 1690, 1690, "BIGINT value is out of range"),
        ("22012", "division by zero", 1365, 1365, "Division by 0"),
        ("22P02", "invalid input syntax for type smallint: \"x\"", 1366, 1366, "Incorrect integer value: 'x'"),
        (
            "22008",
            "date/time field value out of range: \"2020-13-45\"",
            1292,
            1292,
            "Incorrect datetime value: '2020-13-45'",
        ),
        ("22007", "invalid input syntax for type date: \"blah\"", 1292, 1292, "Incorrect date value: 'blah'"),
        ("42P01", "relation \"nope\" does not exist", 1146, 1146, "Table 'nope' doesn't exist"),
        ("42703", "column \"nope\" of relation \"p\" does not exist", 1054, 1054, "Unknown column 'nope' in "),
        ("42703", "column t.nope does not exist", 1054, 1054, "Unknown column 't.nope' in "),
        ("42702", "column reference \"id\" is ambiguous", 1052, 1052, "Column 'id' in "),
        ("42601", "syntax error at or near \"selec\"", 1064, 1064, "You have an error in your SQL syntax"),
        (
            "40P01",
            "deadlock detected",
            1213,
            1213,
            "Deadlock found when trying to get lock; try restarting transaction",
        ),
        ("40001", "could not serialize access due to concurrent update", 1213, 1213, "Deadlock found"),
        ("55P03", "canceling statement due to lock timeout", 1205, 1205, "Lock wait timeout exceeded"),
        ("55P03", "could not obtain lock on row in relation \"p\"", 3572, 1205, ""),
        ("57014", "canceling statement due to user request", 1317, 1317, "Query execution was interrupted"),
        ("57014", "canceling statement due to statement timeout", 3024, 1969, ""),
        ("25006", "cannot execute INSERT in a read-only transaction", 1792, 1792, ""),
        ("57P01", "terminating connection due to administrator command", 1053, 1053, ""),
        ("XX001", "strange", 1105, 1105, "strange; d [SQLSTATE XX001 from backend store]"),
    ] {
        let fields = [(b'C', state), (b'M', message), (b'D', "d"), (b'c', "x"), (b'n', "c"), (b't', "p"), (b's', "s")];
        assert_eq!(told(&fields, false).errno, mysql, "{message}");
        assert_eq!(told(&fields, true).errno, mariadb, "{message}");
        assert!(told(&fields, false).message.starts_with(words), "{:?}", told(&fields, false));
        assert_eq!(told(&fields, false).sqlstate.len(), 5);
    }
}

#[test]
fn no_bytes_make_it_panic() {
    for bytes in [&b""[..], b"\0", b"C", b"C23505", b"C\xff\xff\0M\xff\0\0"] {
        assert_eq!(for_mysql(bytes, false, "b").errno, 1105);
    }
    for message in ["", "'", "Duplicate entry ' for key '", " for key ", "constraint fails (", "Incorrect value: "] {
        for errno in [1062, 1451, 1452, 1048, 4025, 1366, 1292, 1146, 1690] {
            for_pg(errno, "", message, "b");
        }
    }
}
