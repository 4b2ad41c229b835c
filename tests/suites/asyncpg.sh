# asyncpg's own tests, from the sdist of the same version as the installed wheel.
. "$HERE/fetch.sh"
ENGINE=postgres DB_USER=postgres DATABASE=postgres
ASYNCPG=0.30.0

suite_fetch() {
  fetch_sdist asyncpg "$ASYNCPG" && fetch_python asyncpg-python "asyncpg==$ASYNCPG" distro==1.9.0
  # Only the tests: the wheel's compiled library is what they import.
  rm -rf "$SUITES/asyncpg-$ASYNCPG/asyncpg"
}

suite_run() {
  # What the tests call with_timeout is theirs; a test that hangs ends here.
  env PGHOST=127.0.0.1 PGPORT="$PORT" PGUSER="$DB_USER" PGPASSWORD="$DB_PASSWORD" PGDATABASE="$DATABASE" PYTHONDONTWRITEBYTECODE=1 \
    "$SUITES/asyncpg-python/bin/python" "$HERE/unittest_results.py" "$SUITES/asyncpg-$ASYNCPG/tests" "${ONLY:-.}" 60
}

suite_results() { sed -n 's/^RESULT\t//p' "$1"; }
