#!/usr/bin/env bash
# Speaks every dialect with a server that is not ours, with a real model behind it: llama.cpp's server
# for `openai` and, by its /v1/messages, for `anthropic`; the package ollama-proxy-plus in front of it
# for `ollama`. Checks streamed text, usage, the reason to stop, a prompt that is too long, the list
# of models, and that the server stops working when the user interrupts.
#
# Brings what it needs from PyPI into .cache (about 150 MB, once).
#
# usage: scripts/providers.sh --bin PATH
set -euo pipefail

cd "$(dirname "$0")/.."
arawn=
case ${1:-} in
--bin) arawn=$(realpath "${2:?--bin needs a path}") ;;
*) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" | sed '$d'; exit 2 ;;
esac

say() { printf '==> %s\n' "$*" >&2; }
die() { printf 'providers.sh: %s\n' "$*" >&2; exit 1; }
. scripts/need.sh
. scripts/small_model.sh

work=$(mktemp -d)
server=
proxy=
finish() {
    for pid in $proxy $server; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The server of the Ollama API, in a virtual environment of its own: its dependencies are many.
start_ollama_proxy() {
    local venv=$PWD/.cache/ollama-proxy
    if [ ! -x "$venv/bin/ollama-proxy" ]; then
        say "installing ollama-proxy-plus from PyPI into .cache/ollama-proxy"
        python3 -m venv --clear "$venv"
        twice "$venv/bin/pip" install --quiet --disable-pip-version-check ollama-proxy-plus==0.1.0
    fi
    proxy_port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    PROVIDERS_LOCAL_API_KEY=x PROVIDERS_LOCAL_BASE_URL="http://127.0.0.1:$port/v1" EXTRA_MODELS=local/small \
        "$venv/bin/ollama-proxy" --host 127.0.0.1 --port "$proxy_port" >"$work/proxy.log" 2>&1 &
    proxy=$!
    for _ in $(seq 300); do
        if (exec 3<>"/dev/tcp/127.0.0.1/$proxy_port") 2>/dev/null; then return; fi
        kill -0 "$proxy" 2>/dev/null || break
        sleep 0.1
    done
    tail -n 20 "$work/proxy.log" >&2
    die "the proxy did not start"
}

# ask BACKEND EXPRESSION PROMPT...: the answer as JSON, for which the Python expression must hold.
ask() {
    local backend=$1 expression=$2
    shift 2
    "$arawn" --config "$work/arawn.toml" --backend "$backend" ask --format json "$@" >"$work/answer" 2>"$work/why" </dev/null || true
    python3 - "$work/answer" "$expression" <<'PY' || die "$backend: not ($expression): $(cut -c1-600 "$work/answer") $(cut -c1-300 "$work/why")"
import json, sys
answer = json.load(open(sys.argv[1], encoding="utf-8"))
usage, error = answer["usage"], answer.get("error") or {}
sys.exit(0 if eval(sys.argv[2]) else 1)
PY
}

# What llama.cpp's server does: `busy`, `idle`, or nothing when it is gone.
server_state() {
    python3 - "$port" <<'PY' 2>/dev/null || true
import json, sys, urllib.request
no_proxy = urllib.request.build_opener(urllib.request.ProxyHandler({}))
slots = json.load(no_proxy.open(f"http://127.0.0.1:{sys.argv[1]}/slots", timeout=5))
print("busy" if any(slot["is_processing"] for slot in slots) else "idle")
PY
}

# Interrupts an answer in the middle; the server must stop.
interrupt() {
    local backend=$1
    "$arawn" --config "$work/arawn.toml" --backend "$backend-long" ask "Tell me a very long story." >"$work/story" 2>/dev/null </dev/null &
    local asking=$!
    for _ in $(seq 600); do
        [ ! -s "$work/story" ] || break
        sleep 0.05
    done
    [ -s "$work/story" ] || die "$backend: nothing came"
    # A background job of a script ignores SIGINT, so this is the other way to end it.
    kill -TERM "$asking" 2>/dev/null || die "$backend: the answer ended before it could be interrupted"
    wait "$asking" || true
    for _ in $(seq 60); do
        case $(server_state) in
        idle) return ;;
        busy) sleep 0.05 ;;
        *) tail -n 20 "$work/server.log" >&2; die "$backend: the model's server is gone" ;;
        esac
    done
    die "$backend: the server works on, though nobody listens"
}

need python3 python3
bring_small_model
start_small_model
read -r port <"$work/port"
start_ollama_proxy

long() { python3 -c 'print("word " * 9000)'; }

{
    for backend in openai anthropic ollama; do
        case $backend in
        openai) url=http://127.0.0.1:$port/v1 model=small ;;
        anthropic) url=http://127.0.0.1:$port model=small ;;
        ollama) url=http://127.0.0.1:$proxy_port model=local/small ;;
        esac
        for kind in "" -long; do
            printf '[backends.%s%s]\ndialect = "%s"\nbase_url = "%s"\nmodel = "%s"\n' "$backend" "$kind" "$backend" "$url" "$model"
            [ -n "$kind" ] && echo "max_tokens = 3000" || echo "max_tokens = 24"
        done
    done
} >"$work/arawn.toml"

for backend in openai anthropic ollama; do
    say "$backend: a short answer, with usage"
    ask "$backend" 'answer["outcome"] == "done" and answer["text"].strip() and usage["input_tokens"] > 0 and usage["output_tokens"] > 0' \
        "Say hello."
    # The proxy calls every end a stop.
    if [ "$backend" != ollama ]; then
        say "$backend: an answer that is cut at its limit"
        ask "$backend" 'answer["reason"] == "length" and usage["output_tokens"] == 24' "Tell me a very long story about a dog."
    fi
    say "$backend: a prompt that is too long"
    ask "$backend" 'answer["outcome"] == "failed" and error["class"] == "context_overflow"' "$(long)"
    say "$backend: the models"
    "$arawn" --config "$work/arawn.toml" --backend "$backend" models >"$work/models"
    grep -q "$(if [ "$backend" = ollama ]; then echo local/small; else echo 4096; fi)" "$work/models" || die "$backend: $(head -c 400 "$work/models")"
    say "$backend: an answer that is interrupted"
    interrupt "$backend"
done
say "all three dialects work with servers of others"
