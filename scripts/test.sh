#!/usr/bin/env bash
# The tests, from a clean checkout: scripts/test.sh gate|all|fast. See docs/testing.md.
#
# On Debian, as root, it installs what it needs and is missing; as another user it says what to install. It leaves
# nothing running and nothing behind but target/ and e2e/node_modules/.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh

mode=${1:-gate}
# The gate's run against the description is the same each time; the long one is another each time.
cases=2000 seed=--seed=1
case $mode in
gate | fast) ;;
all)
    cases=20000 seed=
    export DOORWARD_LONG=1
    ;;
*) die "gate, all or fast, not $mode" ;;
esac

started=$SECONDS
log=$(mktemp "${TMPDIR:-/tmp}/doorward-test.XXXXXX")
summary=()
clean_up() {
    local status=$?
    trap '' INT TERM HUP
    end_group
    if [ ${#summary[@]} -gt 0 ]; then summarize "$status"; fi
    rm -f "$log"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

summarize() {
    printf '\n== summary\n'
    printf '%s\n' "${summary[@]}"
    # Every test binary ends with "test result: ok. 12 passed; 0 failed; 1 ignored; …".
    awk '/^test result: / { passed += $4; failed += $6; ignored += $8 }
         # The story and the client programs end with "20 passed, 0 failed".
         /^[0-9]+ passed, [0-9]+ failed$/ { steps += $1; broken += $3 }
         END {
             if (passed + failed) printf "  tests: %d passed, %d failed, %d ignored\n", passed, failed, ignored
             if (steps + broken) printf "  steps of the story and client programs: %d passed, %d failed\n", steps, broken
         }' "$log"
    printf '  %s after %d s\n' "$([ "$1" = 0 ] && echo passed || echo FAILED)" $((SECONDS - started))
}

# A step with a name: its output is shown and kept. The first that fails ends the run.
step() {
    local name=$1 began=$SECONDS status=0
    shift
    say "$name"
    # shellcheck disable=SC2016 # The inner shell expands these.
    run_in_group bash -o pipefail -c '"${@:2}" 2>&1 | tee -a "$1"' step "$log" "$@" || status=$?
    if [ "$status" = 0 ]; then
        summary+=("$(printf '  ok      %4d s  %s' $((SECONDS - began)) "$name")")
    else
        summary+=("$(printf '  FAILED  %4d s  %s' $((SECONDS - began)) "$name")")
        exit "$status"
    fi
}

# Packages that are missing, each once.
missing=()
need() {
    local package=$1
    shift
    if ! "$@" >/dev/null 2>&1; then missing+=("$package"); fi
}
has() { command -v "$1"; }
has_postgres() { has initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb'; }

install_missing() {
    need gcc has cc
    need libc6-dev test -e /usr/include/stdio.h
    need util-linux has setpriv
    if [ "$mode" != fast ]; then
        need postgresql-15 has_postgres
        need openssl has openssl
        need chromium has chromium
        need python3-venv python3 -c 'import ensurepip, venv'
        need php-cli has php
        need php-guzzlehttp-guzzle test -e /usr/share/php/GuzzleHttp/autoload.php
        need curl has curl
    fi
    [ ${#missing[@]} -gt 0 ] || return 0
    has apt-get >/dev/null || die "install these first: ${missing[*]}"
    [ "$(id -u)" = 0 ] || die "install these first: sudo apt-get install ${missing[*]}"
    say "installing ${missing[*]}"
    apt_get update
    local package present=()
    for package in "${missing[@]}"; do
        # A later Debian has a later PostgreSQL.
        if [ "$package" = postgresql-15 ]; then
            apt_get install postgresql-common
            # Or the package makes a cluster of its own and starts it.
            sed -i 's/^#\?create_main_cluster *=.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf
            apt-cache show postgresql-15 >/dev/null 2>&1 || package=postgresql
        fi
        present+=("$package")
    done
    apt_get install "${present[@]}"
}
apt_get() {
    DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -y --no-install-recommends "$@" </dev/null
}

for tool in cargo git; do
    has "$tool" >/dev/null || die "$tool is missing"
done
install_missing

target=${CARGO_TARGET_DIR:-$PWD/target}
case $target in /*) ;; *) target=$PWD/$target ;; esac
CHROMIUM_BIN=${CHROMIUM_BIN:-$(command -v chromium || true)}
export CHROMIUM_BIN CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-never} DOORWARD_BIN=$target/debug/doorward

step 'format' cargo fmt --all --check
if [ "$mode" = fast ]; then
    # A server that happens to be named would be used.
    unset DOORWARD_TEST_POSTGRES DOORWARD_TEST_REQUIRE_POSTGRES
    step 'clippy' cargo clippy --workspace --all-targets --locked -- -D warnings
    step 'tests, without PostgreSQL' cargo test --workspace --locked --no-fail-fast -- --skip postgres::
    exit 0
fi

for tool in node npm python3; do
    has "$tool" >/dev/null || die "$tool is missing"
done
node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)' || die 'Node is too old: the browser story needs 20 or newer'
# Without a server the tests on it would pass by doing nothing. A snapshot that differs fails and writes nothing.
export DOORWARD_TEST_REQUIRE_POSTGRES=1 INSTA_UPDATE=${INSTA_UPDATE:-no}
DOORWARD_TEST_NGINX=$(scripts/nginx.sh "$target/nginx")
export DOORWARD_TEST_NGINX DOORWARD_TEST_REQUIRE_NGINX=1
step 'the binary' cargo build --locked -p doorward
step 'clippy' cargo clippy --workspace --all-targets --locked -- -D warnings
step 'tests' scripts/with-postgres.sh cargo test --workspace --locked --no-fail-fast
if [ "$mode" = all ]; then
    step 'times of wrong secrets' scripts/with-postgres.sh cargo test --release --locked -p doorward-tests --test timing -- --nocapture
fi
step 'packages of the contract run' contract/install.sh "$target/contract"
step 'the description, held against the binary' "$target/contract/bin/python" contract/run.py --cases "$cases" ${seed:+"$seed"}
step 'packages of the browser story and the client programs' npm ci --prefix e2e --ignore-scripts --no-audit --no-fund
step 'client programs of the documented APIs' node e2e/clients.mjs
step 'the demo in Chromium' node e2e/story.mjs
