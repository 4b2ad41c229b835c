# PostgreSQL's isolation tester: sessions that interleave, and who waits for whom. From PostgreSQL's source; the tester itself
# is part of Debian's postgresql package.
. "$HERE/fetch.sh"
ENGINE=postgres DATABASE=isolation_regression

suite_fetch() {
  fetch_postgres && ISOLATION=$POSTGRES_BIN/../lib/pgxs/src/test/isolation && [ -x "$ISOLATION/pg_isolation_regress" ]
}

suite_run() {
  local input=$POSTGRES_SOURCE/src/test/isolation
  local only=${ONLY:-.} slow=^$
  # A part: without those that take longest (many interleavings of the same few statements).
  if [ -n "$PART" ] && [ -z "$ONLY" ]; then
    slow='^(receipt-report|eval-plan-qual.*|multiple-row-versions|two-ids|partial-index|reindex-concurrently.*|deadlock-hard|lock-committed-.*)$'
  fi
  sed -n 's/^test: *//p' "$input/isolation_schedule" | tr ' ' '\n' | grep -E "$only" | grep -vE "$slow" | sed 's/^/test: /' > "$BED/schedule"
  chmod 644 "$BED/schedule"
  # What pg_regress gives a database that it makes itself.
  bed_psql "$PORT" "$DATABASE" -q -c "ALTER DATABASE $DATABASE SET lc_messages TO 'C'" \
    -c "ALTER DATABASE $DATABASE SET bytea_output TO 'hex'" -c "ALTER DATABASE $DATABASE SET timezone_abbreviations TO 'Default'"
  PGPASSWORD=$DB_PASSWORD "$ISOLATION/pg_isolation_regress" --use-existing --dbname="$DATABASE" --host=127.0.0.1 \
    --port="$PORT" --user="$DB_USER" --inputdir="$input" --outputdir="$OUT" --bindir="$POSTGRES_BIN" \
    --schedule="$BED/schedule"
}

# "test NAME ... ok 12 ms", or "ok 1 - NAME 12 ms" since 16.
suite_results() {
  sed -nE -e 's/^(test)? +([a-z0-9_-]+) +\.\.\. ok .*/\2\tpassed/p' -e 's/^(test)? +([a-z0-9_-]+) +\.\.\. (FAILED|failed).*/\2\tfailed/p' \
    -e 's/^ok [0-9]+ +[-+] ([a-z0-9_-]+) .*/\1\tpassed/p' -e 's/^not ok [0-9]+ +[-+] ([a-z0-9_-]+) .*/\1\tfailed/p' "$1"
}
