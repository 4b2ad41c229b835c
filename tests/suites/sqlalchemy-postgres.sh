# SQLAlchemy's dialect suite on PostgreSQL, with psycopg.
. "$HERE/sqlalchemy.inc.sh"
ENGINE=postgres DATABASE=test

suite_run() {
  bed_psql "$PORT" "$DATABASE" -q -c 'CREATE SCHEMA test_schema' -c 'CREATE SCHEMA test_schema_2' -c 'CREATE EXTENSION hstore' \
    -c 'CREATE EXTENSION citext' -c "ALTER DATABASE $DATABASE SET default_text_search_config TO 'pg_catalog.english'" || return 1
  sqlalchemy_run "postgresql+psycopg://$DB_USER:$DB_PASSWORD@127.0.0.1:$PORT/$DATABASE" test/dialect/test_suite.py test/dialect/postgresql
}
