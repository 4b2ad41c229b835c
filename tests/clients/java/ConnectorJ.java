/** MySQL Connector/J. */
final class ConnectorJ extends MyJdbc {
    public static void main(String[] a) throws Exception {
        new ConnectorJ().tell(a);
    }

    @Override
    String itself() {
        return "Connector/J";
    }

    @Override
    String url(String host, String port, String database, String options) {
        return "jdbc:mysql://" + host + ":" + port + "/" + database + "?sslMode=DISABLED&allowPublicKeyRetrieval=true&" + options;
    }

    @Override
    String[] options() {
        return new String[] {
            "useServerPrepStmts=true", "useServerPrepStmts=true&cachePrepStmts=true", "useServerPrepStmts=true&useCursorFetch=true&defaultFetchSize=5", "rewriteBatchedStatements=true",
            "rewriteBatchedStatements=true&useServerPrepStmts=true", "useCompression=true", "allowMultiQueries=true", "useLocalSessionState=true&elideSetAutoCommits=true", "connectionTimeZone=%2B09:00&forceConnectionTimeZoneToSession=true",
            "cacheServerConfiguration=true&useUsageAdvisor=false", "useAffectedRows=true", "sessionVariables=sql_mode='STRICT_ALL_TABLES'", "characterEncoding=UTF-8&connectionCollation=utf8mb4_bin",
        };
    }
}
