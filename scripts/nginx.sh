#!/usr/bin/env bash
# Prints where nginx is: the installed one, or one that is unpacked into a folder, so that no service starts: scripts/nginx.sh FOLDER
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh
[ $# = 1 ] || die 'give a folder'
if command -v nginx; then exit 0; fi
nginx=$1/usr/sbin/nginx
if [ ! -x "$nginx" ]; then
    command -v apt-get >/dev/null || die 'install nginx first'
    mkdir -p "$1"
    fetch() { (cd "$1" && apt-get -qq -o APT::Sandbox::User=root download nginx >&2); }
    # Without a list of packages, which root may fetch.
    fetch "$1" || { apt-get -qq update >&2 && fetch "$1"; }
    dpkg-deb -x "$1"/nginx_*.deb "$1"
    rm "$1"/nginx_*.deb
fi
echo "$nginx"
