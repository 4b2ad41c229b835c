import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.sql.Statement;
import org.postgresql.PGConnection;

/** pgjdbc: COMMIT as a named statement, cursors by setFetchSize, every query mode, COPY, notifications. */
final class PgJdbc extends Story {
    public static void main(String[] a) throws Exception {
        new PgJdbc().tell(a);
    }

    @Override
    String itself() {
        return "pgjdbc";
    }

    @Override
    String url(String host, String port, String database, String options) {
        return "jdbc:postgresql://" + host + ":" + port + "/" + database + "?sslmode=disable&" + options;
    }

    @Override
    boolean isPostgres() {
        return true;
    }

    @Override
    String[] options() {
        return new String[] {
            "preferQueryMode=simple", "preferQueryMode=extendedForPrepared", "preferQueryMode=extendedCacheEverything", "prepareThreshold=1", "prepareThreshold=-1", "prepareThreshold=0", "binaryTransfer=false",
            "reWriteBatchedInserts=true", "autosave=always", "stringtype=unspecified", "defaultRowFetchSize=5", "cleanupSavepoints=true&autosave=conservative",
        };
    }

    @Override
    void own() throws Exception {
        PGConnection pg = c.unwrap(PGConnection.class);
        try (Statement statement = c.createStatement()) {
            statement.execute("CREATE TABLE desk (id int, words text)");
            saw("copied in", pg.getCopyAPI().copyIn("COPY desk FROM STDIN CSV", new ByteArrayInputStream("1,one\n2,two\n".getBytes())));
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            saw("copied out", pg.getCopyAPI().copyOut("COPY desk TO STDOUT", out), out);
            statement.execute("DROP TABLE desk");
            statement.execute("LISTEN news");
            statement.execute("SELECT pg_notify('news', 'hello')");
            for (org.postgresql.PGNotification told : pg.getNotifications(10000)) saw("told", told.getName(), told.getParameter());
            boolean more = statement.execute("SELECT 1; UPDATE counters SET n = 9 WHERE id = 5; UPDATE tallies SET n = 9 WHERE id = 5; SELECT n FROM tallies WHERE id = 5");
            for (int n = 0; n < 4; n++, more = statement.getMoreResults()) saw("several", more ? rows(statement.getResultSet()) : statement.getUpdateCount());
            statement.execute("DO $$ BEGIN RAISE NOTICE 'look'; END $$");
            saw("warning", statement.getWarnings());
        }
        showRows("array", run(c, "SELECT ?::text, ?::int[], '{\"a\": 1}'::jsonb, '00000000-0000-0000-0000-000000000001'::uuid", HARD, c.createArrayOf("int4", new Integer[] {1, 2, null})));
        c.setClientInfo("ApplicationName", "us");
        saw("named", c.getClientInfo("ApplicationName"), c.getSchema(), pg.getBackendPID() > 0, pg.getParameterStatus("server_version"));
        try (java.sql.CallableStatement call = c.prepareCall("{? = call upper(?)}")) {
            call.registerOutParameter(1, java.sql.Types.VARCHAR);
            call.setString(2, "words");
            call.execute();
            saw("call", call.getString(1));
        }
    }
}
