#!/bin/bash
# psql as people use it.
set -euo pipefail
HOST=$1 PORT=$2 DATABASE=$5 MODE=$6 NUMBER=$7 QUERY=-c
export PGPASSWORD=$4 PGUSER=$3 PGSSLMODE=disable PGCONNECT_TIMEOUT=10
sql() { psql -X -q -A -t -v ON_ERROR_STOP=1 -v VERBOSITY=verbose -h "$HOST" -p "$PORT" -d "$DATABASE" "$@"; }
itself() { psql --version | sed 's/^psql (PostgreSQL) \([0-9.]*\).*/saw itself psql \1/'; }
# What psql asks for \d and \dt goes to the catalogs.
look() {
  sql -c '\dt' >/dev/null
  sql -c '\d stock' >/dev/null
}
# One string of several statements is one transaction.
more() { sql -c "$(place "$1")"; }
shape() {
  sql -c '\d desk'
  sql -c '\copy (SELECT * FROM desk ORDER BY id) TO STDOUT CSV'
  printf '\\set ON_ERROR_STOP 0\nSELECT nothing FROM desk;\n\\errverbose\n\\gdesc\nSELECT * FROM desk WHERE id = 1 \\gx\n' | sql 2>&1
}
. "$(dirname "$0")/story.sh"
tell 23505
