# shellcheck shell=bash
# What the scripts share: say things, run a command so that nothing of it is left behind.

say() { printf '\n== %s\n' "$*"; }

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# The process group of the command that is running, if one is, and the seconds it has to clean up when it is ended.
group=
patience=20

# Runs a command in a process group of its own and answers its status. What it leaves running is ended.
run_in_group() {
    local status=0
    set -m
    "$@" </dev/null &
    group=$!
    set +m
    wait "$group" || status=$?
    end_group
    return "$status"
}

# Whether a process of the group runs. What is dead and not collected by its parent doesn't count.
runs() {
    { cat /proc/[0-9]*/stat 2>/dev/null || true; } | sed 's/.*) //' | awk -v group="$1" '$3 == group && $1 != "Z" { found = 1 } END { exit !found }'
}

# Ends the running command and everything it started: asks first, and waits for it to clean up.
end_group() {
    [ -n "$group" ] || return 0
    local ending=$group tenths=0
    group=
    kill -TERM -- "-$ending" 2>/dev/null || return 0
    while runs "$ending" && [ "$tenths" -lt $((patience * 10)) ]; do
        sleep 0.1
        tenths=$((tenths + 1))
    done
    kill -KILL -- "-$ending" 2>/dev/null || true
}
