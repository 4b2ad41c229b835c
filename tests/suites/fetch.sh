# Downloads for suites, kept in $SUITES. Sourced by the suites' scripts.

# PostgreSQL's own tests, src/test of Debian's source package of the installed version, into $SUITES/postgresql-VERSION;
# the folder's name in $POSTGRES_SOURCE. If the mirror has not that very version, the nearest older of the same major.
fetch_postgres() {
  local bin version major list apt=$SUITES/apt tar
  bin=$(bed_program postgres)
  major=$("$bin" --version | sed 's/.* \([0-9]*\)\..*/\1/')
  version=$(dpkg-query -W -f '${source:Version}' "postgresql-$major") || return 1
  POSTGRES_BIN=$(dirname "$(dirname "$bin")")/bin
  if [ ! -d "$POSTGRES_BIN/../lib/pgxs" ]; then POSTGRES_BIN=/usr/lib/postgresql/$major/bin; fi
  POSTGRES_SOURCE=$SUITES/postgresql-$major-tests
  [ ! -e "$POSTGRES_SOURCE/.complete" ] || return 0
  rm -rf "$apt" "$POSTGRES_SOURCE"
  mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$POSTGRES_SOURCE"
  # The mirrors that apt uses already, as sources, in a folder of our own.
  { cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null || true; } |
    sed -n 's/^deb[[:space:]]/deb-src /p' | grep debian > "$apt/sources.list"
  cat > "$apt/apt.conf" <<CONF
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "$apt/parts";
Dir::State::lists "$apt/lists";
Dir::Cache "$apt/cache";
APT::Sandbox::User "root";
CONF
  mkdir -p "$apt/parts"
  for list in /etc/apt/sources.list.d/*.sources; do
    if grep -qi debian "$list" 2>/dev/null; then sed 's/^Types:.*/Types: deb-src/' "$list" > "$apt/parts/$(basename "$list")"; fi
  done
  export APT_CONFIG=$apt/apt.conf
  apt-get update -q >/dev/null 2>&1
  for version in "$version" $(apt-cache showsrc "postgresql-$major" 2>/dev/null | sed -n 's/^Version: //p' | sort -rVu); do
    (cd "$apt" && apt-get source -q --download-only --tar-only "postgresql-$major=$version" >/dev/null 2>&1)
    tar=$(ls "$apt"/postgresql-*.orig.tar.* 2>/dev/null | head -n 1)
    if [ -n "$tar" ]; then break; fi
  done
  unset APT_CONFIG
  [ -n "$tar" ] || { echo "no source package of PostgreSQL $major could be fetched" >&2; return 1; }
  echo "PostgreSQL's tests: $(basename "$tar")"
  tar -xf "$tar" -C "$POSTGRES_SOURCE" --strip-components=1 --wildcards '*/src/test/isolation' '*/src/test/regress' || return 1
  rm -rf "$apt"
  touch "$POSTGRES_SOURCE/.complete"
}

# An sdist from the package index that pip uses, checked by its sha256, unpacked as $SUITES/NAME-VERSION.
fetch_sdist() {
  local name=$1 version=$2
  [ ! -e "$SUITES/$name-$version/.complete" ] || return 0
  rm -rf "$SUITES/$name-$version"
  python3 - "$name" "$version" "$SUITES" <<'PYTHON' || return 1
import hashlib, io, os, re, sys, tarfile, urllib.parse, urllib.request
name, version, folder = sys.argv[1:]
index = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/")
page = f"{index}/{name}/"
for href in re.findall(r'href="([^"]+)"', urllib.request.urlopen(page, timeout=60).read().decode()):
    url, _, digest = urllib.parse.urljoin(page, href).partition("#sha256=")
    if url.rsplit("/", 1)[-1].lower() == f"{name}-{version}.tar.gz".lower():
        data = urllib.request.urlopen(url, timeout=120).read()
        if not digest or hashlib.sha256(data).hexdigest() != digest:
            sys.exit(f"{url}: not what the index says")
        tarfile.open(fileobj=io.BytesIO(data)).extractall(folder)
        break
else:
    sys.exit(f"{page} has no sdist of {version}")
PYTHON
  touch "$SUITES/$name-$version/.complete"
}

# A Python environment with PACKAGES, as $SUITES/NAME; made anew when the list changes.
fetch_python() {
  local folder=$SUITES/$1
  shift
  if [ -e "$folder/.packages" ] && [ "$(cat "$folder/.packages")" = "$*" ]; then return 0; fi
  rm -rf "$folder"
  python3 -m venv "$folder" && "$folder/bin/pip" install -q --disable-pip-version-check "$@" || return 1
  echo "$*" > "$folder/.packages"
}
