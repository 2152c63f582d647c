#!/usr/bin/env bash
# Runs a command with a PostgreSQL server of its own: scripts/with-postgres.sh cargo test -p doorward-store
#
# The command finds the server's address, with a superuser, in DOORWARD_TEST_POSTGRES; the certificate that vouches for
# it in DOORWARD_TEST_POSTGRES_CA; and its process in DOORWARD_TEST_POSTGRES_PID. The server goes when the command ends,
# however it ends, and its data with it. It never syncs, so it is for quick tests and not for those that cut the power.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh
# Less than the patience of a script that runs this one.
patience=8

[ $# -gt 0 ] || die 'give a command to run'

# The newest server that is installed.
bin=$(find /usr/lib/postgresql/*/bin -maxdepth 0 2>/dev/null | sort -V | tail -n 1)
[ -n "$bin" ] || bin=$(dirname "$(readlink -f "$(command -v initdb || true)")")
[ -x "$bin/initdb" ] || die 'PostgreSQL is missing: install postgresql-15'

# PostgreSQL refuses to run as root.
as_owner=(setpriv)
user=
if [ "$(id -u)" = 0 ]; then
    user=postgres
    id "$user" >/dev/null 2>&1 || user=nobody
    as_owner+=(--reuid "$(id -u "$user")" --regid "$(id -g "$user")" --clear-groups)
fi
# A server whose script is gone goes too.
as_owner+=(--pdeathsig QUIT --)

# A socket's path must be short, and its owner must be able to reach it.
home=
server=
clean_up() {
    trap '' INT TERM HUP
    end_group
    if [ -n "$server" ]; then
        kill -QUIT "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    [ -z "$home" ] || rm -rf "$home"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# What a script that was killed left behind.
for old in "${TMPDIR:-/tmp}"/doorward-pg.* /dev/shm/doorward-pg.*; do
    process=${old##*/doorward-pg.}
    process=${process%%.*}
    if [ -d "$old" ] && [ -O "$old" ] && ! kill -0 "$process" 2>/dev/null; then rm -rf "$old"; fi
done

# In memory where there is room: each test makes a database of some 300 files, and that is most of its time on a disk.
under=${TMPDIR:-/tmp}
room=$(df --output=avail -k /dev/shm 2>/dev/null | tail -n 1 || true)
if [ "${room:-0}" -ge 4194304 ] && [ -w /dev/shm ]; then under=/dev/shm; fi

home=$(mktemp -d "$under/doorward-pg.$$.XXXXXX")
chmod 755 "$home"
password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
mkdir "$home/server"
printf '%s\n' "$password" >"$home/server/password"

# A certificate of its own, so that encrypted connections are tested too.
tls=()
if command -v openssl >/dev/null; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE \
        -keyout "$home/server/key.pem" -out "$home/ca.pem" 2>/dev/null
    chmod 600 "$home/server/key.pem"
    tls=(-c ssl=on -c "ssl_cert_file=$home/ca.pem" -c "ssl_key_file=$home/server/key.pem")
    export DOORWARD_TEST_POSTGRES_CA=$home/ca.pem
fi
[ -z "$user" ] || chown -R "$user" "$home/server"

if ! "${as_owner[@]}" "$bin/initdb" --pgdata="$home/server/data" --username=doorward --pwfile="$home/server/password" \
    --auth=scram-sha-256 --encoding=UTF8 --locale=C --no-sync >"$home/initdb.log" 2>&1; then
    cat "$home/initdb.log" >&2
    die 'PostgreSQL could not make its data folder'
fi

# A free port is found by trying.
for _ in 1 2 3 4 5 6 7 8; do
    port=$((20000 + RANDOM % 12000))
    "${as_owner[@]}" "$bin/postgres" -D "$home/server/data" -p "$port" -k "$home/server" -c listen_addresses=localhost \
        -c max_connections=400 -c shared_buffers=128MB -c fsync=off -c full_page_writes=off -c max_wal_size=1GB \
        "${tls[@]}" >"$home/server.log" 2>&1 &
    server=$!
    tenths=0
    until "$bin/pg_isready" -q -h "$home/server" -p "$port"; do
        kill -0 "$server" 2>/dev/null || { server= && break; }
        [ "$tenths" -lt 600 ] || die "PostgreSQL did not start: $(tail -n 5 "$home/server.log")"
        sleep 0.1
        tenths=$((tenths + 1))
    done
    [ -z "$server" ] || break
done
[ -n "$server" ] || die "PostgreSQL did not start: $(tail -n 5 "$home/server.log")"

export DOORWARD_TEST_POSTGRES="postgres://doorward:$password@localhost:$port/postgres"
export DOORWARD_TEST_POSTGRES_PID=$server
run_in_group "$@"
