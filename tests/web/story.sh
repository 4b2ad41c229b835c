#!/bin/bash
# The operator's story in a browser, on a real Handfast over a real PostgreSQL and a real MariaDB: Handfast is killed between decision and commit,
# the database of delivery dies, Handfast comes back. The open page shows what is in doubt within two seconds, refuses what would leave it half
# done, and sees it settle when the database is back.
#   HANDFAST_BIN=target/debug/handfast bash tests/web/story.sh       exit 3: something is not installed
# HANDFAST_METRICS names a file for what /metrics said after three transactions.
set -uo pipefail
cd "$(dirname "$0")/../.."
HANDFAST_BIN=$(realpath "${HANDFAST_BIN:-target/debug/handfast}")
. tests/suites/bed.sh
bed_open
DATABASE=store bed_server postgres store; STORE=$PORT
DATABASE=delivery bed_server mariadb delivery; DELIVERY=$PORT
MARIADB=${BED_PIDS[-1]%:*}
bed_port; CLIENTS=$PORT
bed_port; ADMIN=$PORT
bed_psql "$STORE" store -qc "CREATE TABLE stock (item text PRIMARY KEY, free int); INSERT INTO stock VALUES ('lamp', 20)"
DATABASE=delivery bed_mysql "$DELIVERY" -e "CREATE TABLE agents (name varchar(40) PRIMARY KEY, order_id int); INSERT INTO agents VALUES ('Ann', NULL)"
cat > "$BED/handfast.toml" <<TOML
[node]
cluster = "shop"
name = "hf-1"
[listen]
postgres = "127.0.0.1:$CLIENTS"
database = "shop"
[[users]]
name = "$DB_USER"
password = "$DB_PASSWORD"
[backends.store]
url = "postgres://$DB_USER:$DB_PASSWORD@127.0.0.1:$STORE/store"
default = true
allow_unsafe_durability = true
[backends.delivery]
url = "mysql://$DB_USER:$DB_PASSWORD@127.0.0.1:$DELIVERY/delivery"
allow_unsafe_durability = true
[tables]
agents = "delivery"
[journal]
path = "$BED/journal"
[admin]
listen = "127.0.0.1:$ADMIN"
TOML
serve() {
  env "$@" "$HANDFAST_BIN" serve -c "$BED/handfast.toml" >>"$BED/handfast.log" 2>&1 </dev/null &
  HANDFAST=$!
  BED_PIDS+=("$HANDFAST:TERM")
}
answers() { HANDFAST_ADMIN=127.0.0.1:$ADMIN bash config/docker/probe.sh "$1"; }
fail() { echo "FAIL $*"; tail -n 20 "$BED/handfast.log"; echo "0 passed, 1 failed"; exit 1; }
order() { bed_psql "$CLIENTS" shop -qc "BEGIN; UPDATE stock SET free = free - 1 WHERE item = 'lamp'; UPDATE agents SET order_id = $1 WHERE name = 'Ann'; COMMIT"; }

serve HANDFAST_FAILPOINT=after-decision:4
bed_wait "$HANDFAST" "$BED/handfast.log" answers readyz || fail "Handfast did not start"
for number in 1 2 3; do order "$number" || fail "an order over two databases"; done
if [ -n "${HANDFAST_METRICS:-}" ]; then
  exec 4<>"/dev/tcp/127.0.0.1/$ADMIN"
  printf 'GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n' >&4
  sed '1,/^\r*$/d' <&4 > "$HANDFAST_METRICS"
fi
mkfifo "$BED/said"
bash tests/web/run.sh --url "http://127.0.0.1:$ADMIN" > "$BED/said" 2>&1 &
BROWSER=$!
BED_PIDS+=("$BROWSER:TERM")
row="" back="" verdict=1
while read -r word more; do
  case $word in
    loaded)
      order 4 2>/dev/null && fail "the failpoint was not met"
      wait "$HANDFAST" 2>/dev/null
      kill -KILL "$MARIADB"; wait "$MARIADB" 2>/dev/null
      serve -u HANDFAST_FAILPOINT
      bed_wait "$HANDFAST" "$BED/handfast.log" answers healthz || fail "Handfast did not come back"
      up=$(date +%s%3N) ;;
    row) row=$((${more%% *} - up)); echo "the row of ${more#* } came $row ms after Handfast was back" ;;
    watching)
      "${AS[@]}" "$(bed_program mariadbd)" --no-defaults --datadir="$BED/delivery" --socket="$BED/delivery/s.sock" --port="$DELIVERY" \
        --bind-address=127.0.0.1 --skip-name-resolve --pid-file="$BED/delivery/server.pid" >>"$BED/delivery.log" 2>&1 </dev/null &
      BED_PIDS+=("$!:KILL")
      bed_wait "$!" "$BED/delivery.log" env DATABASE=delivery bash -c ". tests/suites/bed.sh; DATABASE=delivery bed_mysql $DELIVERY -e 'SELECT 1'" || fail "MariaDB did not come back"
      back=$(date +%s%3N) ;;
    settled) echo "it had settled $((more - back)) ms after the database was back" ;;
    ok) verdict=0; echo "ok   $more" ;;
    [0-9]*) ;; # its count; ours stands at the end
    *) echo "$word $more" ;;
  esac
done < "$BED/said"
wait "$BROWSER"
status=$?
if [ "$status" -eq 3 ]; then exit 3; fi
if [ "$verdict" -ne 0 ] || [ "$status" -ne 0 ]; then fail "the browser's part"; fi
if [ "$row" -gt 2000 ]; then fail "the row came $row ms after Handfast was back"; fi
free=$(bed_psql "$STORE" store -Atc "SELECT free FROM stock")
agent=$(DATABASE=delivery bed_mysql "$DELIVERY" -Ne "SELECT order_id FROM agents")
if [ "$free/$agent" != 16/4 ]; then fail "half done: store $free, delivery $agent"; fi
echo "1 passed, 0 failed"
