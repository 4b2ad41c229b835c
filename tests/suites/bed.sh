# Throw-away servers and Handfast for one run of a suite. Sourced by run.sh. Everything ends with the shell that sourced it.
#   bed_open                          a scratch folder in $BED
#   bed_server ENGINE NAME            a fresh server with an empty database $DATABASE; its port in $PORT
#   bed_handfast ENGINE PORT          Handfast over one server; its port in $PORT
# Everybody logs in as $DB_USER with $DB_PASSWORD, who may do everything on the servers. A suite may give other names.
DB_USER=suite DB_PASSWORD=suite DATABASE=suite
BED_PIDS=()

bed_open() {
  BED=$(mktemp -d "${TMPDIR:-/tmp}/handfast-suite-XXXXXX")
  chmod 755 "$BED"
  trap bed_close EXIT
  trap 'exit 130' INT TERM
  # PostgreSQL refuses to run as root.
  AS=()
  if [ "$(id -u)" -eq 0 ]; then
    local who=nobody
    if id -u postgres >/dev/null 2>&1; then who=postgres; fi
    AS=(setpriv "--reuid=$who" "--regid=$(id -g "$who")" --clear-groups)
    chown "$who" "$BED"
  fi
}

bed_close() {
  local child
  # Last started, first ended: Handfast before its servers.
  for child in $(printf '%s\n' ${BED_PIDS[@]+"${BED_PIDS[@]}"} | tac); do
    kill "-${child#*:}" "${child%:*}" 2>/dev/null || true
    wait "${child%:*}" 2>/dev/null || true
  done
  BED_PIDS=()
  if [ -n "${KEEP:-}" ]; then echo "kept: $BED"; else rm -rf "$BED"; fi
}

# A free port, which is not given twice in one run.
bed_port() {
  PORT=${BED_LAST_PORT:-$((20000 + RANDOM % 12000))}
  while PORT=$((PORT + 1)) && (: < "/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; do :; done
  BED_LAST_PORT=$PORT
}

# Waits until COMMAND succeeds. Fails if process PID ends first, or after a minute.
bed_wait() {
  local pid=$1 log=$2 deadline=$((SECONDS + 60))
  shift 2
  until "$@" >/dev/null 2>&1; do
    if ! kill -0 "$pid" 2>/dev/null || [ "$SECONDS" -ge "$deadline" ]; then
      echo "not ready: $*" >&2
      tail -n 20 "$log" >&2
      return 1
    fi
    sleep 0.1
  done
}

bed_program() {
  local found
  found=$(command -v "$1" || ls -d /usr/lib/postgresql/*/bin/"$1" /usr/sbin/"$1" 2>/dev/null | sort -V | tail -n 1)
  [ -n "$found" ] || { echo "$1 is not installed" >&2; exit 3; }
  echo "$found"
}

bed_server() {
  local engine=$1 name=$2 pid
  local data=$BED/$name log=$BED/$name.log
  bed_port
  case $engine in
    postgres)
      "${AS[@]}" sh -c 'umask 077; echo "$1" > "$2"' sh "$DB_PASSWORD" "$BED/password"
      "${AS[@]}" "$(bed_program initdb)" -D "$data" -U "$DB_USER" -A scram-sha-256 --pwfile "$BED/password" --no-sync \
        -E UTF8 --locale=C >"$log" 2>&1 || { tail "$log" >&2; exit 3; }
      "${AS[@]}" env LC_ALL=C "$(bed_program postgres)" -D "$data" -p "$PORT" -k "$data" -c listen_addresses=127.0.0.1 \
        -c max_connections=200 -c max_prepared_transactions=64 -c fsync=off >>"$log" 2>&1 </dev/null &
      pid=$!
      BED_PIDS+=("$pid:INT")
      bed_wait "$pid" "$log" bed_psql "$PORT" postgres -c 'SELECT 1' || exit 3
      if [ "$DATABASE" != postgres ]; then bed_psql "$PORT" postgres -q -c "CREATE DATABASE $DATABASE"; fi ;;
    mariadb)
      "${AS[@]}" "$(bed_program mariadb-install-db)" --no-defaults --datadir="$data" --skip-test-db \
        --auth-root-authentication-method=normal >"$log" 2>&1 || { tail "$log" >&2; exit 3; }
      printf '%s\n' "CREATE USER $DB_USER@'127.0.0.1' IDENTIFIED BY '$DB_PASSWORD';" \
        "GRANT ALL ON *.* TO $DB_USER@'127.0.0.1' WITH GRANT OPTION;" "CREATE DATABASE $DATABASE;" > "$BED/$name.sql"
      "${AS[@]}" "$(bed_program mariadbd)" --no-defaults --datadir="$data" --socket="$data/s.sock" --port="$PORT" \
        --bind-address=127.0.0.1 --skip-name-resolve --max-connections=400 --innodb-flush-log-at-trx-commit=2 \
        --pid-file="$data/server.pid" --init-file="$BED/$name.sql" >>"$log" 2>&1 </dev/null &
      pid=$!
      BED_PIDS+=("$pid:KILL")
      bed_wait "$pid" "$log" bed_mysql "$PORT" -e 'SELECT 1' || exit 3 ;;
    *) echo "no such engine: $engine" >&2; exit 2 ;;
  esac
}

bed_psql() {
  local port=$1 database=$2
  shift 2
  PGPASSWORD=$DB_PASSWORD psql -X -h 127.0.0.1 -p "$port" -U "$DB_USER" -d "$database" -v ON_ERROR_STOP=1 "$@"
}

bed_mysql() {
  local port=$1
  shift
  mariadb --no-defaults -h 127.0.0.1 -P "$port" -u "$DB_USER" "-p$DB_PASSWORD" "$DATABASE" "$@"
}

# Handfast over the server at SERVER_PORT. With BACKENDS=2, a second database owns tables that no suite names: every
# transaction is then Handfast's own to begin and to end.
bed_handfast() {
  local engine=$1 server_port=$2 scheme=postgres front=postgres pid
  local config=$BED/handfast.toml log=$BED/handfast.log
  local elsewhere=$server_port
  if [ "$engine" = mariadb ]; then
    scheme=mysql front=mysql
    # Two databases of one MySQL server are one participant: nothing would be prepared.
    if [ "${BACKENDS:-1}" = 2 ]; then bed_server "$engine" elsewhere && elsewhere=$PORT; fi
  fi
  bed_port
  cat > "$config" <<TOML
[listen]
$front = "127.0.0.1:$PORT"
database = "$DATABASE"
# Suites make databases of their own.
other_databases = "home"

[[users]]
name = "$DB_USER"
password = "$DB_PASSWORD"

[backends.home]
url = "$scheme://$DB_USER:$DB_PASSWORD@127.0.0.1:$server_port/$DATABASE"
default = true
# Throw-away servers do not wait for the disk.
allow_unsafe_durability = true

[pool]
size = 150

[journal]
path = "$BED/journal"
TOML
  if [ "${BACKENDS:-1}" = 2 ]; then
    case $engine in
      postgres) bed_psql "$server_port" postgres -q -c 'CREATE DATABASE elsewhere' ;;
      mariadb) bed_mysql "$elsewhere" -e 'CREATE DATABASE elsewhere' ;;
    esac
    cat >> "$config" <<TOML

[backends.elsewhere]
url = "$scheme://$DB_USER:$DB_PASSWORD@127.0.0.1:$elsewhere/elsewhere"
allow_unsafe_durability = true

[tables]
"handfast_elsewhere" = "elsewhere"
TOML
  fi
  if [ -n "${CONFIG_MORE:-}" ]; then printf '%s\n' "$CONFIG_MORE" >> "$config"; fi
  "$HANDFAST_BIN" serve -c "$config" >"$log" 2>&1 </dev/null &
  pid=$!
  BED_PIDS+=("$pid:KILL")
  case $engine in
    postgres) bed_wait "$pid" "$log" bed_psql "$PORT" "$DATABASE" -c 'SELECT 1' || exit 1 ;;
    mariadb) bed_wait "$pid" "$log" bed_mysql "$PORT" -e 'SELECT 1' || exit 1 ;;
  esac
}
