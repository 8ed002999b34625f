#!/usr/bin/env bash
# Proves with a real keyring that arawn and the desktop's own tools see the same keys.
#
# usage: tests/keyring/run.sh ARAWN_BIN
#
# Needs gnome-keyring, dbus-run-session and secret-tool. Runs on a bus, a home and a keyring of its own.
set -euo pipefail

[ $# -eq 1 ] || { sed -n '4s/^# //p' "$0" >&2; exit 2; }
arawn=$(realpath "$1")

if [ -z "${ARAWN_KEYRING_HOME:-}" ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    mkdir -m 700 "$work/run"
    env -i PATH="$PATH" LANG=C.UTF-8 HOME="$work" XDG_RUNTIME_DIR="$work/run" XDG_CONFIG_HOME="$work/.config" \
        XDG_STATE_HOME="$work/.state" XDG_DATA_HOME="$work/.data" ARAWN_KEYRING_HOME="$work" \
        timeout 60 dbus-run-session -- bash "$(realpath "$0")" "$arawn" 2>"$work/stderr" || {
        # The bus is talkative even when all is well.
        cat "$work/stderr" >&2
        exit 1
    }
    exit
fi

printf 'test-password' | gnome-keyring-daemon --unlock --components=secrets >/dev/null
mkdir -p "$XDG_CONFIG_HOME/arawn"
cat >"$XDG_CONFIG_HOME/arawn/arawn.toml" <<'TOML'
[llm]
backend = "groq"
[backends.groq]
api_key = "$keyring:desktop"
TOML

passed=0
failed=0
check() {
    local name=$1
    shift
    if "$@" >"$HOME/out" 2>&1; then
        echo "ok - $name"
        passed=$((passed + 1))
    else
        echo "not ok - $name"
        sed 's/^/  /' "$HOME/out"
        failed=$((failed + 1))
    fi
}

finds_what_the_desktop_stored() {
    printf 'gsk_desktop_secret_4321' | secret-tool store --label='a key' service arawn username desktop
    "$arawn" config show --secrets >"$HOME/shown" 2>&1
    cat "$HOME/shown"
    grep -q 'gsk.*4321' "$HOME/shown" && ! grep -q 'desktop_s' "$HOME/shown"
}
desktop_finds_what_arawn_stored() {
    printf 'gsk_from_arawn_9876\n' | "$arawn" secret set ours
    local found
    found=$(secret-tool lookup service arawn username ours)
    echo "found: $found"
    [ "$found" = gsk_from_arawn_9876 ]
}
deletes() {
    "$arawn" secret delete ours </dev/null
    ! secret-tool lookup service arawn username ours
}
never_prints() {
    "$arawn" secret list
    ! "$arawn" secret list 2>&1 | grep -q 'gsk_'
}

check "a key that secret-tool stored is found, and shown masked" finds_what_the_desktop_stored
check "a key that arawn stored is found by secret-tool" desktop_finds_what_arawn_stored
check "the list shows names, never values" never_prints
check "a deleted key is gone" deletes
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
