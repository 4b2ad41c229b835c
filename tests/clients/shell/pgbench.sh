#!/bin/bash
# pgbench with orders over both databases, in all three query modes. It has no kill mode.
set -euo pipefail
HOST=$1 PORT=$2 DATABASE=$5 MODE=$6 N=$7
export PGPASSWORD=$4 PGUSER=$3 PGSSLMODE=disable PGCONNECT_TIMEOUT=10
[ "$MODE" = all ] || exit 4
SCRIPT=$(mktemp)
trap 'rm -f "$SCRIPT"' EXIT
cat > "$SCRIPT" <<'SQL'
\set i random(0, 7)
BEGIN;
UPDATE counters SET n = n + 1 WHERE id = :i;
UPDATE tallies SET n = n + 1 WHERE id = :i;
END;
SQL
total() { psql -X -q -A -t -h "$HOST" -p "$PORT" -d "$DATABASE" -c "SELECT SUM(n) FROM $1"; }
pgbench --version | sed 's/^pgbench (PostgreSQL) \([0-9.]*\).*/saw itself pgbench \1/'
echo "ok connect"
before=$(($(total counters) - $(total tallies)))
echo "ok one-backend"
for protocol in simple extended prepared; do
  pgbench -n -M "$protocol" -h "$HOST" -p "$PORT" -c 4 -j 2 -t 25 -f "$SCRIPT" "$DATABASE" >/dev/null 2>&1
done
[ "$(($(total counters) - $(total tallies)))" = "$before" ] || { echo "the two sides differ" >&2; exit 1; }
echo "ok two-backends"
printf '\\set i random(0, 7)\nBEGIN;\nUPDATE counters SET n = n + 1 WHERE id = :i;\nUPDATE tallies SET n = n + 2 WHERE id = :i;\nROLLBACK;\n' > "$SCRIPT"
pgbench -n -h "$HOST" -p "$PORT" -c 4 -t 10 -f "$SCRIPT" "$DATABASE" >/dev/null 2>&1
[ "$(($(total counters) - $(total tallies)))" = "$before" ] || { echo "a rollback left something" >&2; exit 1; }
echo "ok rollback"
echo "INSERT INTO counters (id, n) VALUES (0, 0);" > "$SCRIPT"
error=$(pgbench -n -h "$HOST" -p "$PORT" -c 1 -t 1 -f "$SCRIPT" "$DATABASE" 2>&1) || true
case $error in *"duplicate key"*) ;; *) echo "$error" >&2; exit 1 ;; esac
echo "ok error-class"
