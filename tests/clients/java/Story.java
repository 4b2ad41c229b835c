import java.io.ByteArrayInputStream;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.Date;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.sql.Timestamp;
import java.sql.Types;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The story and the looks by JDBC. What only one driver has is its own class's matter ({@link #own}, {@link #options}). */
abstract class Story {
    static final String HARD = "it's \\ \"quoted\" %s $1 😀\n\ttab";
    static final String[] KINDS = {
        "id bigserial PRIMARY KEY, whole integer, big bigint, exact numeric(12,3), ratio double precision, words text, label varchar(40), bytes bytea, at timestamp, day date, yes boolean",
        "id bigint PRIMARY KEY AUTO_INCREMENT, whole int, big bigint, exact decimal(12,3), ratio double, words text CHARACTER SET utf8mb4, label varchar(40) CHARACTER SET utf8mb4, bytes varbinary(600), at datetime(6), day date, yes tinyint(1)",
    };

    String[] where;
    Connection c;

    interface Work {
        void run() throws Exception;
    }

    abstract String url(String host, String port, String database, String options);

    abstract boolean isPostgres();

    /** The driver's name. */
    abstract String itself();

    /** A client's name, and the version as its makers write it into it. */
    static void itself(String name, String version) {
        System.out.println("saw itself " + name + " " + version.replaceFirst("^[^0-9]*([0-9.]*[0-9]).*", "$1"));
    }

    /** What is put behind the URL, one pass each. */
    abstract String[] options();

    void own() throws Exception {}

    Connection open(String options) throws SQLException {
        return DriverManager.getConnection(url(where[0], where[1], where[4], options), where[2], where[3]);
    }

    static void saw(String what, Object... values) {
        StringBuilder line = new StringBuilder("saw " + what);
        for (Object value : values) line.append(' ').append(shown(value)).append(" |");
        System.out.println(line);
    }

    static String shown(Object value) {
        if (value instanceof byte[] bytes) return java.util.HexFormat.of().formatHex(bytes);
        if (value instanceof int[] numbers) return Arrays.toString(numbers);
        if (value instanceof long[] numbers) return Arrays.toString(numbers);
        StringBuilder out = new StringBuilder();
        for (char ch : String.valueOf(value).toCharArray()) {
            if (ch < ' ' || ch > '~') out.append(String.format("\\u%04x", (int) ch));
            else out.append(ch);
        }
        return out.toString();
    }

    /** Values by setObject; rows as lists. */
    static List<List<Object>> run(Connection c, String sql, Object... values) throws SQLException {
        try (PreparedStatement statement = c.prepareStatement(sql)) {
            for (int n = 0; n < values.length; n++) statement.setObject(n + 1, values[n]);
            return statement.execute() ? rows(statement.getResultSet()) : List.of();
        }
    }

    static List<List<Object>> rows(ResultSet result) throws SQLException {
        List<List<Object>> rows = new ArrayList<>();
        int width = result.getMetaData().getColumnCount();
        while (result.next()) {
            List<Object> row = new ArrayList<>();
            for (int n = 1; n <= width; n++) row.add(result.getObject(n));
            rows.add(row);
        }
        return rows;
    }

    static void showRows(String what, List<List<Object>> rows) {
        for (List<Object> row : rows) saw(what, row.toArray());
    }

    static void inTransaction(Connection c, Work work) throws Exception {
        c.setAutoCommit(false);
        try {
            work.run();
            c.commit();
        } catch (Exception error) {
            if (c.isValid(5)) c.rollback();
            throw error;
        } finally {
            if (!c.isClosed()) c.setAutoCommit(true);
        }
    }

    static void place(Connection c, long number) throws SQLException {
        run(c, "UPDATE stock SET reserved = reserved + 1 WHERE item = ?", "lamp");
        run(c, "INSERT INTO orders (id, item, agent, at) VALUES (?, ?, ?, CURRENT_TIMESTAMP)", number, "lamp", "Ann");
        run(c, "UPDATE agents SET order_id = ? WHERE name = ?", number, "Ann");
        run(c, "INSERT INTO assignments (order_id, agent) VALUES (?, ?)", number, "Ann");
    }

    static void expect(Connection c, long number, long sides) throws SQLException {
        long orders = ((Number) run(c, "SELECT COUNT(*) FROM orders WHERE id = ?", number).get(0).get(0)).longValue();
        long assignments = ((Number) run(c, "SELECT COUNT(*) FROM assignments WHERE order_id = ?", number).get(0).get(0)).longValue();
        if (orders != sides || assignments != sides) throw new IllegalStateException("order " + number + ": " + orders + ", " + assignments + ", want " + sides);
    }

    boolean isDuplicate(SQLException error) {
        return isPostgres() ? "23505".equals(error.getSQLState()) : error.getErrorCode() == 1062;
    }

    void tell(String[] a) throws Exception {
        where = a;
        long order = Long.parseLong(a[6]);
        c = open("");
        if (a[5].equals("kill")) {
            try {
                c.setAutoCommit(false);
                place(c, order);
                c.commit();
            } catch (SQLException error) {
                if (error.getSQLState() == null || !error.getSQLState().startsWith("08")) throw error;
                System.out.println("ok killed");
                return;
            }
            throw new IllegalStateException("COMMIT was answered");
        }
        if (((Number) run(c, "SELECT 1").get(0).get(0)).intValue() != 1) throw new IllegalStateException("SELECT 1");
        itself(itself(), c.getMetaData().getDriverVersion());
        java.util.Properties pool = new java.util.Properties();
        try (java.io.InputStream file = Story.class.getResourceAsStream("/META-INF/maven/com.zaxxer/HikariCP/pom.properties")) {
            pool.load(file);
        }
        itself("HikariCP", pool.getProperty("version"));
        System.out.println("ok connect");
        inTransaction(c, () -> run(c, "UPDATE counters SET n = n + 1 WHERE id = ?", 0));
        System.out.println("ok one-backend");
        inTransaction(c, () -> place(c, order));
        expect(c, order, 1);
        System.out.println("ok two-backends");
        c.setAutoCommit(false);
        place(c, order + 1);
        c.rollback();
        c.setAutoCommit(true);
        expect(c, order + 1, 0);
        System.out.println("ok rollback");
        try {
            inTransaction(c, () -> place(c, order));
            throw new IllegalStateException("a second order of the same number was taken");
        } catch (SQLException error) {
            if (!isDuplicate(error)) throw error;
        }
        expect(c, order, 1);
        System.out.println("ok error-class");
        look("", "desk");
        look("", "visits");
        metadata();
        savepoints();
        timeout();
        own();
        c.close();
        for (String option : options()) {
            c = open(option);
            look(option, "visits");
            savepoints();
            c.close();
        }
        pool();
    }

    /** Every kind of value and of answer, in a table that the script makes. */
    void look(String option, String table) throws Exception {
        String name = option + " " + table;
        // What drivers ask the catalogs about a result, they ask of the home database's.
        boolean atHome = table.equals("desk");
        try (Statement statement = c.createStatement()) {
            statement.executeUpdate("CREATE TABLE " + table + " (" + KINDS[isPostgres() ? 0 : 1] + ")");
        }
        byte[] all = new byte[256];
        for (int n = 0; n < 256; n++) all[n] = (byte) n;
        String columns = "whole, big, exact, ratio, words, label, bytes, at, day, yes";
        String insert = "INSERT INTO " + table + " (" + columns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        Object[][] rows = {
            {1, 1L << 62, new BigDecimal("12345.678"), 0.1, HARD, "lamp", all, Timestamp.valueOf("2024-02-29 12:30:15.25"), Date.valueOf("2024-02-29"), true},
            {-2147483648, Long.MIN_VALUE, new BigDecimal("-0.001"), -1e300, "", "", new byte[0], Timestamp.valueOf("1999-12-31 23:59:59"), Date.valueOf("1800-01-01"), false},
        };
        try (PreparedStatement statement = c.prepareStatement(insert, Statement.RETURN_GENERATED_KEYS)) {
            for (Object[] row : rows) {
                for (int n = 0; n < row.length; n++) statement.setObject(n + 1, row[n]);
                saw(name + " changed", statement.executeUpdate());
                try (ResultSet keys = statement.getGeneratedKeys()) {
                    keys.next();
                    saw(name + " key", keys.getLong(1));
                }
            }
            int[] kinds = {Types.INTEGER, Types.BIGINT, Types.NUMERIC, Types.DOUBLE, Types.VARCHAR, Types.VARCHAR, Types.BINARY, Types.TIMESTAMP, Types.DATE, Types.BOOLEAN};
            for (int n = 0; n < kinds.length; n++) statement.setNull(n + 1, kinds[n]);
            statement.executeUpdate();
            for (int n = 0; n < kinds.length; n++) statement.setNull(n + 1, kinds[n]);
            statement.setBinaryStream(7, new ByteArrayInputStream(all), 256);
            statement.executeUpdate();
        }
        try (Statement statement = c.createStatement()) {
            showRows(name + " text", rows(statement.executeQuery("SELECT * FROM " + table + " ORDER BY id")));
        }
        // The sixth time, drivers have prepared by themselves, and read binary values.
        for (int n = 0; n < 6; n++) {
            try (PreparedStatement statement = c.prepareStatement("SELECT * FROM " + table + " WHERE id > ? ORDER BY id")) {
                statement.setInt(1, n > 4 ? 0 : 1);
                showRows(name + " bound", rows(statement.executeQuery()));
                ResultSetMetaData m = statement.getMetaData();
                for (int i = 1; n == 5 && atHome && i <= m.getColumnCount(); i++) {
                    saw(name + " column", m.getColumnLabel(i), m.getColumnTypeName(i), m.getColumnType(i), m.getColumnClassName(i), m.getPrecision(i), m.getScale(i), m.getColumnDisplaySize(i));
                }
            }
        }
        inTransaction(c, () -> {
            try (PreparedStatement statement = c.prepareStatement("INSERT INTO " + table + " (whole, words) VALUES (?, ?)", Statement.RETURN_GENERATED_KEYS)) {
                for (int n = 0; n < 100; n++) {
                    statement.setInt(1, n);
                    statement.setString(2, "row " + n + " 😀");
                    statement.addBatch();
                }
                saw(name + " batch", statement.executeBatch());
                List<List<Object>> keys = rows(statement.getGeneratedKeys());
                saw(name + " batch keys", keys.size(), keys.isEmpty() ? null : keys.get(keys.size() - 1).get(0));
            }
        });
        showRows(name + " found", run(c, "SELECT COUNT(*), SUM(whole), MIN(words), MAX(big) FROM " + table + " WHERE whole >= ?", 0));
        showRows(name + " found", run(c, "SELECT words, whole FROM " + table + " WHERE words = ? AND label = ?", HARD, "lamp"));
        showRows(name + " found", run(c, "SELECT id FROM " + table + " WHERE at = ? AND bytes = ?", Timestamp.valueOf("2024-02-29 12:30:15.25"), all));
        showRows(name + " found", run(c, "SELECT id FROM " + table + " WHERE whole = ?", 12345));
        inTransaction(c, () -> {
            try (PreparedStatement statement = c.prepareStatement("SELECT id, words FROM " + table + " ORDER BY id")) {
                statement.setFetchSize(7);
                saw(name + " streamed", rows(statement.executeQuery()).size());
            }
        });
        if (atHome) limited(name, table);
        for (String wrong : new String[] {"SELECT nothing FROM " + table, "SELEC * FROM " + table, "INSERT INTO " + table + " (id) VALUES (1)", "SELECT * FROM " + table + " WHERE"}) {
            try (Statement statement = c.createStatement()) {
                statement.execute(wrong);
                throw new IllegalStateException(wrong + " was taken");
            } catch (SQLException error) {
                // MariaDB's connector names the connection in its messages.
                saw(name + " error", error.getClass().getSimpleName(), error.getErrorCode(), error.getSQLState(), error.getMessage().replaceFirst("\\(conn=\\d+\\)", "(conn)"));
            }
        }
        for (int n = 0; n < 9; n++) {
            int value = n;
            inTransaction(c, () -> {
                run(c, "UPDATE " + table + " SET whole = ? WHERE label = ?", value, "lamp");
                run(c, "UPDATE counters SET n = ? WHERE id = ?", value, 1);
                run(c, "UPDATE tallies SET n = ? WHERE id = ?", value, 1);
            });
        }
        showRows(name + " nine times", run(c, "SELECT whole FROM " + table + " WHERE label = ?", "lamp"));
        try (Statement statement = c.createStatement()) {
            statement.executeUpdate("DROP TABLE " + table);
        }
    }

    /** At most so many rows, and rows changed where they stand. */
    void limited(String name, String table) throws SQLException {
        try (Statement statement = c.createStatement()) {
            statement.setMaxRows(3);
            saw(name + " at most", rows(statement.executeQuery("SELECT id FROM " + table + " ORDER BY id")).size());
        }
        try (Statement statement = c.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_UPDATABLE)) {
            ResultSet result = statement.executeQuery("SELECT id, whole FROM " + table + " WHERE whole BETWEEN 20 AND 22 ORDER BY id");
            while (result.next()) {
                result.updateInt("whole", 2000);
                result.updateRow();
            }
            saw(name + " updated", result.last(), result.getRow());
        }
        saw(name + " changed", run(c, "SELECT COUNT(*) FROM " + table + " WHERE whole = 2000"));
    }

    /** What tools ask, of a table on the home database. */
    void metadata() throws Exception {
        try (Statement statement = c.createStatement()) {
            statement.executeUpdate("CREATE TABLE desk (" + KINDS[isPostgres() ? 0 : 1] + ")");
            statement.executeUpdate("CREATE INDEX by_label ON desk (label, whole)");
        }
        DatabaseMetaData m = c.getMetaData();
        saw("product", m.getDatabaseProductName(), m.getDatabaseProductVersion(), m.getDefaultTransactionIsolation(), m.getIdentifierQuoteString());
        String catalog = c.getCatalog();
        for (List<Object> row : rows(m.getColumns(catalog, null, "desk", "%"))) saw("columns", row.subList(2, 18).toArray());
        for (List<Object> row : rows(m.getPrimaryKeys(catalog, null, "desk"))) saw("key", row.subList(2, 6).toArray());
        for (List<Object> row : rows(m.getIndexInfo(catalog, null, "desk", false, false))) saw("index", row.subList(2, 9).toArray());
        for (List<Object> row : rows(m.getTables(catalog, null, "desk", new String[] {"TABLE"}))) saw("table", row.subList(2, 4).toArray());
        saw("foreign keys", rows(m.getImportedKeys(catalog, null, "desk")).size());
        saw("types", rows(m.getTypeInfo()).size() > 10);
        try (Statement statement = c.createStatement()) {
            statement.executeUpdate("DROP TABLE desk");
        }
    }

    void savepoints() throws Exception {
        c.setAutoCommit(false);
        c.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
        run(c, "UPDATE counters SET n = ? WHERE id = ?", 5, 2);
        Savepoint point = c.setSavepoint("here");
        run(c, "UPDATE tallies SET n = ? WHERE id = ?", 50, 2);
        c.rollback(point);
        run(c, "UPDATE tallies SET n = n + ? WHERE id = ?", 1, 2);
        c.commit();
        saw("isolation", c.getTransactionIsolation());
        c.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
        c.setReadOnly(true);
        showRows("savepoint", run(c, "SELECT a.n FROM counters a WHERE a.id = ?", 2));
        showRows("savepoint", run(c, "SELECT n FROM tallies WHERE id = ?", 2));
        try {
            run(c, "UPDATE tallies SET n = 1 WHERE id = ?", 2);
            saw("read only", "taken");
        } catch (SQLException error) {
            saw("read only", error.getErrorCode(), error.getSQLState());
        }
        c.rollback();
        c.setReadOnly(false);
        c.setAutoCommit(true);
    }

    /** A statement that is cancelled by a second connection. */
    void timeout() throws Exception {
        try (Statement statement = c.createStatement()) {
            statement.setQueryTimeout(1);
            statement.execute(isPostgres() ? "SELECT pg_sleep(20)" : "SELECT SLEEP(20) FROM tallies WHERE id = 1");
            saw("timeout", "none");
        } catch (SQLException error) {
            saw("timeout", error.getErrorCode(), error.getSQLState());
        }
        showRows("after it", run(c, "SELECT n FROM tallies WHERE id = ?", 2));
    }

    /** HikariCP, as applications have it. */
    void pool() throws Exception {
        com.zaxxer.hikari.HikariConfig config = new com.zaxxer.hikari.HikariConfig();
        config.setJdbcUrl(url(where[0], where[1], where[4], ""));
        config.setUsername(where[2]);
        config.setPassword(where[3]);
        config.setMaximumPoolSize(2);
        config.setAutoCommit(false);
        config.setTransactionIsolation("TRANSACTION_READ_COMMITTED");
        config.setConnectionInitSql("SELECT 1");
        try (com.zaxxer.hikari.HikariDataSource pool = new com.zaxxer.hikari.HikariDataSource(config)) {
            for (int n = 0; n < 4; n++) {
                try (Connection one = pool.getConnection()) {
                    run(one, "UPDATE counters SET n = ? WHERE id = ?", n, 6);
                    run(one, "UPDATE tallies SET n = ? WHERE id = ?", n, 6);
                    if (n == 3) continue; // It is rolled back when it is given back.
                    one.commit();
                    one.setReadOnly(n == 1);
                }
            }
            try (Connection one = pool.getConnection()) {
                showRows("pool", run(one, "SELECT n FROM tallies WHERE id = ?", 6));
                saw("valid", one.isValid(5), one.getTransactionIsolation(), one.isReadOnly());
                one.commit();
            }
        }
    }
}
