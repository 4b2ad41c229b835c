import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;

/** The console through JDBC: metadata, prepared statements, every table. Arguments: URLs. */
final class Console {
    public static void main(String[] urls) throws Exception {
        for (String url : urls) {
            try (Connection c = DriverManager.getConnection(url, "app", "app")) {
                List<String> tables = new ArrayList<>();
                try (ResultSet rows = c.getMetaData().getTables(null, null, "%", new String[] {"TABLE"})) {
                    while (rows.next()) {
                        tables.add(rows.getString("TABLE_NAME"));
                    }
                }
                check(tables.contains("transactions") && tables.contains("backends"), url + ": " + tables);
                check(c.isValid(5), url);
                try (Statement s = c.createStatement()) {
                    for (String table : tables) {
                        try (ResultSet rows = s.executeQuery("SELECT * FROM " + table)) {
                            check(rows.getMetaData().getColumnCount() > 2, table);
                            while (rows.next()) {
                                for (int at = 1; at <= rows.getMetaData().getColumnCount(); at++) {
                                    rows.getString(at);
                                }
                            }
                        }
                    }
                }
                try (PreparedStatement s = c.prepareStatement("SELECT name, up, since, prepared_now FROM backends WHERE name = ?")) {
                    // More often than the driver's threshold for prepared statements on the server, and binary values.
                    for (int round = 0; round < 8; round++) {
                        s.setString(1, "store");
                        try (ResultSet rows = s.executeQuery()) {
                            check(rows.next() && rows.getString(1).equals("store") && rows.getBoolean(2), url);
                            check(rows.getTimestamp(3) != null && rows.getLong(4) >= 0 && !rows.next(), url);
                        }
                    }
                }
                c.setAutoCommit(false);
                try (Statement s = c.createStatement()) {
                    s.executeQuery("SELECT * FROM status").close();
                    c.commit();
                    try {
                        s.executeQuery("SELECT * FROM nothing");
                        throw new AssertionError("there is no such table");
                    } catch (SQLException error) {
                        check(error.getSQLState().startsWith("42"), error.toString());
                    }
                    c.rollback();
                }
            }
            System.out.println("ok " + url.substring(0, url.indexOf("//")));
        }
        System.out.println("done");
    }

    private static void check(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }
}
