#!/usr/bin/env bash
# Schemathesis in an environment of its own, made anew when what it needs changes: contract/install.sh [FOLDER]
set -euo pipefail
cd "$(dirname "$0")"
home=${1:-../target/contract}
[ ! -e "$home/requirements.txt" ] || ! cmp -s requirements.txt "$home/requirements.txt" || exit 0
python3 -m venv --clear "$home"
"$home/bin/pip" install --quiet --disable-pip-version-check --requirement requirements.txt
cp requirements.txt "$home/"
