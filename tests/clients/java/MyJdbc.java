import java.sql.Statement;

/** What Connector/J and MariaDB Connector/J are both asked. */
abstract class MyJdbc extends Story {
    @Override
    boolean isPostgres() {
        return false;
    }

    @Override
    void own() throws Exception {
        try (Statement statement = c.createStatement()) {
            showRows("warned", rows(statement.executeQuery("SELECT 1/0")));
            saw("warning", statement.getWarnings());
            saw("upsert", statement.executeUpdate("INSERT INTO tallies (id, n) VALUES (1, 10), (20, 20) ON DUPLICATE KEY UPDATE n = 11"));
        }
        saw("catalog", c.getCatalog().isEmpty(), c.getNetworkTimeout());
        c.setNetworkTimeout(Runnable::run, 30000);
        showRows("zone", run(c, "SELECT FROM_UNIXTIME(0), TIMESTAMP '2024-02-29 12:00:00.25', TIME '12:30:15', @@autocommit"));
        try (java.sql.PreparedStatement statement = c.prepareStatement("SELECT LENGTH(?)")) {
            statement.setCharacterStream(1, new java.io.StringReader("x".repeat(200_000)));
            showRows("long", rows(statement.executeQuery()));
        }
        try (Statement statement = c.createStatement(java.sql.ResultSet.TYPE_FORWARD_ONLY, java.sql.ResultSet.CONCUR_READ_ONLY)) {
            statement.setFetchSize(Integer.MIN_VALUE);
            saw("row by row", rows(statement.executeQuery("SELECT * FROM tallies ORDER BY id")).size());
        } catch (java.sql.SQLException error) {
            saw("row by row", error.getSQLState());
        }
    }
}
