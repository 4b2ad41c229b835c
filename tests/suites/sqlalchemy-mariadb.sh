# SQLAlchemy's dialect suite on MariaDB, with PyMySQL.
. "$HERE/sqlalchemy.inc.sh"
ENGINE=mariadb DATABASE=test

suite_run() {
  local schema more="ALTER DATABASE $DATABASE CHARACTER SET utf8mb4"
  for schema in test_schema test_schema_2; do more+="; CREATE DATABASE $schema CHARACTER SET utf8mb4"; done
  bed_mysql "$PORT" -e "$more" || return 1
  sqlalchemy_run "mariadb+pymysql://$DB_USER:$DB_PASSWORD@127.0.0.1:$PORT/$DATABASE?charset=utf8mb4" \
    test/dialect/test_suite.py test/dialect/mysql
}
