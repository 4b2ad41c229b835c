# The story by a command-line client, a connection for each step. Sourced, after sql() (a text on standard input, or
# -c/-e in QUERY before a text) and NUMBER are defined.
place() {
  cat <<SQL
UPDATE stock SET reserved = reserved + 1 WHERE item = 'lamp';
INSERT INTO orders (id, item, agent, at) VALUES ($1, 'lamp', 'Ann', CURRENT_TIMESTAMP);
UPDATE agents SET order_id = $1 WHERE name = 'Ann';
INSERT INTO assignments (order_id, agent) VALUES ($1, 'Ann');
SQL
}
count() {
  sql $QUERY "SELECT COUNT(*) FROM orders WHERE id = $1"
  sql $QUERY "SELECT COUNT(*) FROM assignments WHERE order_id = $1"
}
expect() { [ "$(count "$1" | tr -d '\n')" = "$2" ] || { echo "order $1: $(count "$1"), want $2" >&2; exit 1; }; }
# BEGIN, an order, END: as one transaction.
order() { { echo "$1;"; place "$2"; echo "$3;"; } | sql; }
# What a duplicate key must look like, and what else the client does with tables at home (look) and with a second order (more).
tell() {
  local error
  if [ "$MODE" = kill ]; then
    if order BEGIN "$NUMBER" COMMIT 2>/dev/null; then echo "COMMIT was answered" >&2; exit 1; fi
    echo "ok killed"
    exit 0
  fi
  [ "$(sql $QUERY 'SELECT 1')" = 1 ]
  look
  itself
  echo "ok connect"
  printf 'BEGIN;\nUPDATE counters SET n = n + 1 WHERE id = 0;\nCOMMIT;\n' | sql
  echo "ok one-backend"
  order "START TRANSACTION" "$NUMBER" COMMIT
  expect "$NUMBER" 11
  more "$((NUMBER + 2))"
  expect "$((NUMBER + 2))" 11
  echo "ok two-backends"
  order BEGIN "$((NUMBER + 1))" ROLLBACK
  expect "$((NUMBER + 1))" 00
  echo "ok rollback"
  error=$(order BEGIN "$NUMBER" COMMIT 2>&1) && { echo "a second order of the same number was taken" >&2; exit 1; }
  case $error in *"$1"*) ;; *) echo "$error" >&2; exit 1 ;; esac
  expect "$NUMBER" 11
  echo "ok error-class"
  sql < <(echo "CREATE TABLE desk (id int PRIMARY KEY, words varchar(40), fee numeric(8,2)); INSERT INTO desk VALUES (1, 'it''s', 1.5), (2, NULL, 0);")
  sql $QUERY 'SELECT * FROM desk ORDER BY id' | sed 's/^/saw desk /'
  shape | sed 's/^/saw shape /'
  sql $QUERY 'DROP TABLE desk'
}
