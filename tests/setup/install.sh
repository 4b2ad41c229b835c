# Finds what the demo and the tests need and installs by apt what is missing; the second time it does nothing.
# Sourced by config/demo/run.sh and tests/run.sh:  handfast_install demo|tests
# Afterwards $CARGO is a new enough cargo. Exits 3 when something is missing that it may not install.

HANDFAST_RUST_MIN=1.94   # rust-version in Cargo.toml

handfast_has() { command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ]; }

handfast_has_postgres() {
  handfast_has initdb && handfast_has postgres && return 0
  for folder in /usr/lib/postgresql/*/bin; do [ -x "$folder/postgres" ] && [ -x "$folder/initdb" ] && return 0; done
  return 1
}

# True if $1 is a cargo of at least $HANDFAST_RUST_MIN.
handfast_new_enough() {
  local version
  version=$("$1" --version 2>/dev/null | sed -n 's/^cargo \([0-9.]*\).*/\1/p')
  [ -n "$version" ] && [ "$(printf '%s\n%s\n' "$HANDFAST_RUST_MIN" "$version" | sort -V | head -1)" = "$HANDFAST_RUST_MIN" ]
}

handfast_find_cargo() {
  local candidate
  for candidate in "$(command -v cargo 2>/dev/null)" "$HOME/.cargo/bin/cargo" /usr/bin/cargo; do
    if [ -n "$candidate" ] && [ -x "$candidate" ] && handfast_new_enough "$candidate"; then
      CARGO=$candidate
      export CARGO
      return 0
    fi
  done
  return 1
}

# The version that apt would install of package $1 (empty: none).
handfast_candidate() { LC_ALL=C apt-cache policy "$1" 2>/dev/null | sed -n 's/^  Candidate: \(.*\)/\1/p' | grep -v '(none)' || true; }

# True if apt has a new enough Rust.
handfast_packaged_rust() {
  local version
  version=$(handfast_candidate cargo-web)
  [ -n "$version" ] && [ "$(printf '%s\n%s\n' "$HANDFAST_RUST_MIN" "$version" | sort -V | head -1)" = "$HANDFAST_RUST_MIN" ]
}

handfast_install() {
  local what=$1 packages="" optional="" rustup="" as_root="" package
  if [ "$(id -u)" -ne 0 ]; then as_root=sudo; fi

  handfast_has_postgres || packages="$packages postgresql"
  handfast_has mariadbd || packages="$packages mariadb-server-core"
  handfast_has mariadb || packages="$packages mariadb-client-core"
  handfast_has setpriv || packages="$packages util-linux"
  if [ "$what" = tests ]; then
    handfast_has psql || packages="$packages postgresql-client"
    handfast_has pgbouncer || packages="$packages pgbouncer"
    handfast_has sysbench || packages="$packages sysbench"
    # For the dashboard's tests (300 MB) and those of what is shipped to be run with; without them these are skipped.
    { handfast_has chromium || handfast_has chromium-browser || handfast_has google-chrome; } || optional="$optional chromium"
    handfast_has promtool || optional="$optional prometheus"
    /usr/bin/python3 -c 'import yaml' 2>/dev/null || optional="$optional python3-yaml"
    python3 -c 'import venv, ensurepip' 2>/dev/null || packages="$packages python3 python3-venv"
    handfast_has node || packages="$packages nodejs"
    handfast_has npm || packages="$packages npm"
    handfast_has go || packages="$packages golang-go"
    { handfast_has javac && handfast_has mvn; } || packages="$packages default-jdk-headless maven"
    handfast_has mariadb_config || packages="$packages libmariadb-dev pkg-config python3-dev"
    php -r 'exit(extension_loaded("pdo_pgsql") && extension_loaded("mysqli") ? 0 : 1);' 2>/dev/null || packages="$packages php-cli php-pgsql php-mysql"
    ruby -e 'require "pg"; require "mysql2"; require "active_record"' 2>/dev/null || packages="$packages ruby-pg ruby-mysql2 ruby-activerecord"
  fi
  if [ -z "${HANDFAST_BIN:-}" ] || [ "$what" = tests ]; then
    handfast_has cc || packages="$packages gcc libc6-dev"
    handfast_find_cargo || packages="$packages RUST"
  fi
  if [ -z "$packages$optional" ]; then return 0; fi
  if [ -z "$packages" ] && { ! command -v apt-get >/dev/null || { [ -n "$as_root" ] && ! sudo -n true 2>/dev/null; }; }; then
    echo "Missing here, and I may not install it; its tests are skipped:$optional"
    return 0
  fi

  if ! command -v apt-get >/dev/null; then
    echo "Missing here:$packages. This system has no apt: please install their likes (PostgreSQL >= 13, MariaDB >= 10.6, Rust >= $HANDFAST_RUST_MIN)." >&2
    exit 3
  fi
  if [ -n "$as_root" ] && ! sudo -n true 2>/dev/null; then
    echo "Missing here, and I may not install it. Run these as root:" >&2
    echo "  apt-get update" >&2
    echo "  apt-get install -y --no-install-recommends${packages/RUST/cargo-web rustc-web}" >&2
    case $packages in *RUST*)
      echo "If apt has no such packages, or cargo is older than $HANDFAST_RUST_MIN then, leave them out, and get Rust from https://rustup.rs, without root." >&2 ;;
    esac
    echo "Then start me again." >&2
    exit 3
  fi
  # No package lists, or old ones: Rust comes with security updates.
  if [ -z "$(handfast_candidate mariadb-server-core)" ] || { [[ $packages == *RUST* ]] && ! handfast_packaged_rust; }; then
    echo "Reading the package lists (apt-get update)."
    $as_root apt-get update -qq || { echo "The package lists could not be read: see above." >&2; exit 3; }
  fi
  for package in $optional; do
    if [ -n "$(handfast_candidate "$package")" ]; then packages="$packages $package"; else echo "No package $package here; its tests are skipped."; fi
  done
  if [ -z "$packages" ]; then return 0; fi
  case $packages in *RUST*)
    if handfast_packaged_rust; then
      packages=${packages/RUST/cargo-web rustc-web}
      if [ "$what" = tests ] && [ -n "$(handfast_candidate rustfmt-web)" ]; then packages="$packages rustfmt-web"; fi
    elif handfast_has rustup || [ -n "$(handfast_candidate rustup)" ]; then
      rustup=yes
      handfast_has rustup && packages=${packages/RUST/} || packages=${packages/RUST/rustup}
    else
      echo "Rust >= $HANDFAST_RUST_MIN is needed, and this system's packages have none. Two ways: rustup (https://rustup.rs)," >&2
      echo "or a newer Debian or Ubuntu. Then start me again." >&2
      exit 3
    fi ;;
  esac

  if [ -n "${packages// /}" ]; then
    echo "These packages will be installed (from this system's own sources):"
    echo "  $packages"
    # Saying no to apt is an error to it, not to us.
    LC_ALL=C $as_root apt-get install --assume-no --no-install-recommends $packages 2>/dev/null |
      sed -n 's/^\(Need to get .*\)$/  \1/p; s/^\(After this operation.*\)$/  \1/p' || true
    case $packages in *postgresql*)
      # Debian makes and starts a cluster on 5432 at installation; nobody here needs it.
      if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
        $as_root mkdir -p /etc/postgresql-common
        echo "create_main_cluster = false" | $as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
      fi ;;
    esac
    case $packages in *prometheus*)
      # Only its promtool is wanted; its service is not to start (RUNLEVEL below, where there is no systemd).
      if [ -d /run/systemd/system ]; then $as_root systemctl mask prometheus.service 2>/dev/null || true; fi ;;
    esac
    $as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -q --no-install-recommends \
      -o Dpkg::Options::=--force-confold -o Dpkg::Progress-Fancy=0 $packages </dev/null |
      { grep -E '^(Setting up|E:|Need to get)' || true; } || { echo "apt-get could not install them: see above." >&2; exit 3; }
  fi
  if [ -n "$rustup" ]; then
    echo "A Rust toolchain will be installed by rustup for this user (about 600 MB)."
    rustup toolchain install stable --profile minimal --component clippy --component rustfmt || exit 3
  fi
  if { [ -z "${HANDFAST_BIN:-}" ] || [ "$what" = tests ]; } && ! handfast_find_cargo; then
    echo "There is still no cargo >= $HANDFAST_RUST_MIN here." >&2
    exit 3
  fi
  handfast_has_postgres && handfast_has mariadbd || { echo "The databases could not be installed." >&2; exit 3; }
}
