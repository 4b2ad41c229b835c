#!/bin/bash
# psql as people use it: a connection for each step.
set -euo pipefail
HOST=$1 PORT=$2 DATABASE=$5 MODE=$6 N=$7
export PGPASSWORD=$4 PGUSER=$3 PGSSLMODE=disable PGCONNECT_TIMEOUT=10
sql() { psql -X -q -A -t -v ON_ERROR_STOP=1 -v VERBOSITY=verbose -h "$HOST" -p "$PORT" -d "$DATABASE" "$@"; }
place() {
  cat <<SQL
UPDATE stock SET reserved = reserved + 1 WHERE item = 'lamp';
INSERT INTO orders (id, item, agent, at) VALUES ($1, 'lamp', 'Ann', CURRENT_TIMESTAMP);
UPDATE agents SET order_id = $1 WHERE name = 'Ann';
INSERT INTO assignments (order_id, agent) VALUES ($1, 'Ann');
SQL
}
count() {
  sql -c "SELECT COUNT(*) FROM orders WHERE id = $1"
  sql -c "SELECT COUNT(*) FROM assignments WHERE order_id = $1"
}
expect() { [ "$(count "$1" | tr -d '\n')" = "$2" ] || { echo "order $1: $(count "$1"), want $2" >&2; exit 1; }; }
if [ "$MODE" = kill ]; then
  if { echo BEGIN\;; place "$N"; echo COMMIT\;; } | sql 2>/dev/null; then echo "COMMIT was answered" >&2; exit 1; fi
  echo "ok killed"
  exit 0
fi
[ "$(sql -c 'SELECT 1')" = 1 ]
# What psql asks for \d and \dt goes to the catalogs.
sql -c '\dt' >/dev/null
sql -c '\d stock' >/dev/null
echo "ok connect"
printf 'BEGIN;\nUPDATE counters SET n = n + 1 WHERE id = 0;\nCOMMIT;\n' | sql
echo "ok one-backend"
{ echo BEGIN\;; place "$N"; echo END\;; } | sql
expect "$N" 11
# One string of several statements is one transaction.
sql -c "$(place "$((N + 2))")"
expect "$((N + 2))" 11
echo "ok two-backends"
{ echo BEGIN\;; place "$((N + 1))"; echo ROLLBACK\;; } | sql
expect "$((N + 1))" 00
echo "ok rollback"
error=$({ echo BEGIN\;; place "$N"; echo COMMIT\;; } | sql 2>&1) && { echo "a second order of the same number was taken" >&2; exit 1; }
case $error in *23505*) ;; *) echo "$error" >&2; exit 1 ;; esac
expect "$N" 11
echo "ok error-class"
