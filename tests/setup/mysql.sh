#!/bin/bash
# Puts Oracle MySQL (server and client), which Debian's stable suites do not have, from Debian's unstable suite into a folder
# of its own, where the tests find it. The mirror is the one that this machine's apt already uses.
#   tests/setup/mysql.sh          needs root; about 1 GB, one to three minutes; the second time it does nothing.
# The folder: $HANDFAST_MYSQL_ROOT, else /var/tmp/handfast-mysql. Exit 3: it cannot be had here (the reason is printed).
set -euo pipefail
ROOT=${HANDFAST_MYSQL_ROOT:-/var/tmp/handfast-mysql}
[ -e "$ROOT/.complete" ] || [ ! -x "$ROOT/usr/sbin/mysqld" ] || [ -e "$ROOT/.building" ] || exit 0
[ ! -e "$ROOT/.complete" ] || exit 0
cannot() { echo "MySQL cannot be set up here: $*" >&2; exit 3; }
[ "$(id -u)" -eq 0 ] || cannot "it needs root (debootstrap and chroot)"
command -v apt-get >/dev/null || cannot "this system has no apt"
mirror() {
  { sed -n 's/^URIs:[[:space:]]*//p' /etc/apt/sources.list.d/*.sources 2>/dev/null | tr ' ' '\n' || true
    sed -n 's/^deb[[:space:]]\+\(\[[^]]*\][[:space:]]*\)\?\([^[:space:]]*\).*/\2/p' \
      /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null || true
  } | grep -E '/debian/?$' | head -1
}
M=$(mirror || true)
[ -n "$M" ] || cannot "apt knows no Debian mirror"
KEYS=/usr/share/keyrings/debian-archive-keyring.gpg
echo "Setting up MySQL in $ROOT: about 1 GB on disk, 250 MB to fetch, one to three minutes."
command -v debootstrap >/dev/null || DEBIAN_FRONTEND=noninteractive apt-get install -y -q debootstrap >/dev/null ||
  cannot "debootstrap could not be installed"
[ -e "$KEYS" ] || cannot "Debian's archive keys are not installed (package debian-archive-keyring)"
mkdir -p "$ROOT"
touch "$ROOT/.building"
[ -e "$ROOT/etc/debian_version" ] && [ -x "$ROOT/usr/bin/apt-get" ] ||
  debootstrap --variant=minbase --keyring="$KEYS" sid "$ROOT" "$M" | grep -E '^(E:|W:|I: Base)' || true
[ -x "$ROOT/usr/bin/apt-get" ] || cannot "debootstrap failed (see $ROOT/debootstrap/debootstrap.log)"
cp -L /etc/resolv.conf "$ROOT/etc/resolv.conf" 2>/dev/null || true
for file in /etc/apt/apt.conf.d/*proxy*; do
  if [ -e "$file" ]; then cp "$file" "$ROOT/etc/apt/apt.conf.d/"; fi
done
printf '#!/bin/sh\nexit 101\n' > "$ROOT/usr/sbin/policy-rc.d"   # starts no daemon
chmod 755 "$ROOT/usr/sbin/policy-rc.d"
mkdir -p "$ROOT/etc/dpkg/dpkg.cfg.d"
printf 'path-exclude=/usr/share/doc/*\npath-exclude=/usr/share/man/*\npath-exclude=/usr/share/locale/*\n' \
  > "$ROOT/etc/dpkg/dpkg.cfg.d/slim"
# A mirror that lags serves a Release file past its Valid-Until; its signature is still checked.
printf 'Acquire::Check-Valid-Until "false";\n' > "$ROOT/etc/apt/apt.conf.d/99lagging-mirror"
in_root() {
  chroot "$ROOT" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C \
    DEBIAN_FRONTEND=noninteractive http_proxy="${http_proxy:-}" https_proxy="${https_proxy:-}" "$@"
}
mountpoint -q "$ROOT/proc" || mount -t proc proc "$ROOT/proc" || cannot "/proc cannot be mounted in the folder"
trap 'umount "$ROOT/proc" 2>/dev/null || umount -l "$ROOT/proc" 2>/dev/null || true' EXIT
in_root apt-get update -q >/dev/null || cannot "its package lists could not be read"
in_root apt-get install -y -q --no-install-recommends mysql-server-core mysql-client-core </dev/null |
  grep -E '^(E:|Setting up mysql)' || true
[ -x "$ROOT/usr/sbin/mysqld" ] || cannot "mysql-server-core could not be installed"
in_root apt-get clean
rm -rf "$ROOT"/var/lib/apt/lists/*
in_root /usr/sbin/mysqld --version
rm -f "$ROOT/.building"
touch "$ROOT/.complete"
