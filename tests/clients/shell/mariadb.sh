#!/bin/bash
# The mariadb command-line client as people use it.
set -euo pipefail
HOST=$1 PORT=$2 USER_NAME=$3 PASSWORD=$4 DATABASE=$5 MODE=$6 NUMBER=$7 QUERY=-e
sql() { mariadb --no-defaults -N -B -h "$HOST" -P "$PORT" -u "$USER_NAME" -p"$PASSWORD" --connect-timeout=10 "$DATABASE" "$@"; }
itself() { mariadb --version | sed 's/.* \([0-9.]*\)-MariaDB.*/saw itself mariadb \1/'; }
look() {
  sql -e 'SHOW TABLES' >/dev/null
  sql -e 'SHOW CREATE TABLE agents' >/dev/null
}
more() { { echo "SET autocommit=0;"; place "$1"; echo "SET autocommit=1;"; } | sql; }
shape() {
  sql -e 'SHOW CREATE TABLE desk; DESCRIBE desk'
  sql --column-type-info -e 'SELECT * FROM desk WHERE id = 1'
  sql -vvv -e 'UPDATE desk SET fee = 3 WHERE id > 0; SELECT 1/0; SHOW WARNINGS; SELECT nothing FROM desk' 2>&1 | sed 's/([0-9.]* sec)//' || true
}
. "$(dirname "$0")/story.sh"
tell "ERROR 1062 (23000)"
