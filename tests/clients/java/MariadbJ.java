/** MariaDB Connector/J 3. */
final class MariadbJ extends MyJdbc {
    public static void main(String[] a) throws Exception {
        new MariadbJ().tell(a);
    }

    @Override
    String itself() {
        return "MariaDB Connector/J";
    }

    @Override
    String url(String host, String port, String database, String options) {
        return "jdbc:mariadb://" + host + ":" + port + "/" + database + "?" + options;
    }

    @Override
    String[] options() {
        return new String[] {
            "useServerPrepStmts=true", "useBulkStmts=true", "useBulkStmts=true&useServerPrepStmts=true", "useBulkStmtsForInserts=false", "allowMultiQueries=true", "useCompression=true", "useResetConnection=true",
            "transactionReplay=false&cachePrepStmts=false", "disablePipeline=true", "connectionTimeZone=+09:00&forceConnectionTimeZoneToSession=true", "useAffectedRows=true", "sessionVariables=sql_mode='STRICT_ALL_TABLES'", "returnMultiValuesGeneratedIds=true",
        };
    }
}
