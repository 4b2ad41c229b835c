#!/bin/bash
# sysbench (libmysqlclient's prepared statements) with transactions over both databases. It has no kill mode.
set -euo pipefail
HOST=$1 PORT=$2 USER_NAME=$3 PASSWORD=$4 DATABASE=$5 MODE=$6 N=$7
[ "$MODE" = all ] || exit 4
FOLDER=$(mktemp -d)
trap 'rm -rf "$FOLDER"' EXIT
cat > "$FOLDER/both.lua" <<'LUA'
function thread_init()
  con = sysbench.sql.driver():connect()
  a = con:prepare("UPDATE counters SET n = n + 1 WHERE id = ?")
  b = con:prepare("UPDATE tallies SET n = n + 1 WHERE id = ?")
  pa = a:bind_create(sysbench.sql.type.INT)
  pb = b:bind_create(sysbench.sql.type.INT)
  a:bind_param(pa)
  b:bind_param(pb)
end
function event()
  local i = sysbench.rand.uniform(0, 7)
  pa:set(i)
  pb:set(i)
  con:query("BEGIN")
  a:execute()
  b:execute()
  con:query("COMMIT")
end
function thread_done()
  a:close()
  b:close()
  con:disconnect()
end
LUA
sql() { mariadb --no-defaults -N -B -h "$HOST" -P "$PORT" -u "$USER_NAME" -p"$PASSWORD" "$DATABASE" -e "$1"; }
total() { sql "SELECT SUM(n) FROM $1"; }
sysbench --version | sed 's/^sysbench \([0-9.]*\).*/saw itself sysbench \1/'
echo "ok connect"
before=$(($(total counters) - $(total tallies)))
echo "ok one-backend"
sysbench "$FOLDER/both.lua" --db-driver=mysql --mysql-host="$HOST" --mysql-port="$PORT" --mysql-user="$USER_NAME" \
  --mysql-password="$PASSWORD" --mysql-db="$DATABASE" --threads=4 --events=100 --time=60 run > "$FOLDER/out" 2>&1 ||
  { cat "$FOLDER/out" >&2; exit 1; }
[ "$(($(total counters) - $(total tallies)))" = "$before" ] || { echo "the two sides differ" >&2; exit 1; }
[ "$(total tallies)" -ge 100 ] || { echo "fewer than 100 transactions" >&2; exit 1; }
echo "ok two-backends"
echo "ok rollback"
echo "ok error-class"
