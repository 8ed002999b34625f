#!/usr/bin/env bash
# Drives a real Neovim with the real plugin and the real binary against a scripted Ollama.
#
# usage: tests/editors/nvim/run.sh ARAWN_BIN NVIM_BIN [SCENARIO...]
#
# Prints one line a check (`ok - ...` or `not ok - ...`), then `N passed, N failed`.
# Everything it writes is in a temporary folder with a home of its own; KEEP=1 leaves it there.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
[ $# -ge 2 ] || { sed -n '4s/^# //p' "$0" >&2; exit 2; }
arawn=$(realpath "$1")
nvim=$(realpath "$2")
shift 2
scenarios=("$@")
[ ${#scenarios[@]} -gt 0 ] || scenarios=(plugin bare edit typing cancel fallback first down commands proposals places)

work=$(mktemp -d)
upstream=
finish() {
    [ -z "$upstream" ] || kill "$upstream" 2>/dev/null || true
    [ -n "${KEEP:-}" ] && echo "# kept $work" || rm -rf "$work"
}
trap finish EXIT

python3 "$root/tests/editors/upstream.py" "$work" &
upstream=$!
for _ in $(seq 200); do [ -f "$work/ports" ] && break; sleep 0.05; done
read -r port dead <"$work/ports"

# A backend by its own name, so that no setting of the machine (OLLAMA_HOST) can play a part.
config() {
    mkdir -p "$work/home/.config/arawn"
    cat >"$work/home/.config/arawn/arawn.toml"
}
backends() {
    cat <<EOF
[backends.first]
dialect = "ollama"
base_url = "http://127.0.0.1:$1"
model = "codellama"

[backends.second]
dialect = "ollama"
base_url = "http://127.0.0.1:$port"
model = "codellama"

[backends.ollama]
base_url = "http://127.0.0.1:$dead"
model = "codellama"
EOF
}

passed=0
failed=0
for scenario in "${scenarios[@]}"; do
    case $scenario in
    fallback) { echo '[llm]'; echo 'backend = "first"'; echo 'fallback = ["second"]'; backends "$dead"; } | config ;;
    first|down) { echo '[llm]'; echo 'backend = "ollama"'; backends "$dead"; } | config ;;
    *) { echo '[llm]'; echo 'backend = "second"'; backends "$dead"; } | config ;;
    esac
    rm -rf "$work/project" "$work/log" "$work/hold"
    mkdir -p "$work/project/.git"
    cp "$here/project/shapes.py" "$work/project/shapes.py"
    : >"$work/log"
    # Only one scenario is about the question of the first start.
    rm -f "$work/home/state/arawn/first-start"
    if [ "$scenario" != first ]; then
        mkdir -p -m 700 "$work/home/state/arawn"
        : >"$work/home/state/arawn/first-start"
    fi
    echo "# $scenario"
    status=0
    (
        cd "$work/project"
        env -i PATH="$(dirname "$arawn"):/usr/bin:/bin" LANG=C.UTF-8 TERM=dumb \
            HOME="$work/home" XDG_CONFIG_HOME="$work/home/.config" XDG_STATE_HOME="$work/home/state" \
            XDG_DATA_HOME="$work/home/data" XDG_CACHE_HOME="$work/home/cache" XDG_RUNTIME_DIR="$work/home" \
            ARAWN_BIN="$arawn" ARAWN_TEST="$here" ARAWN_PLUGIN="$root/editors/nvim" ARAWN_UPSTREAM="$work" ARAWN_SCENARIO="$scenario" \
            timeout 60 "$nvim" --headless --clean -n -u "$here/init.lua" shapes.py </dev/null
    ) >"$work/$scenario.out" 2>"$work/$scenario.err" || status=$?
    grep -E '^(ok|not ok|#|  )' "$work/$scenario.out" || true
    passed=$((passed + $(grep -c '^ok ' "$work/$scenario.out" || true)))
    failed=$((failed + $(grep -c '^not ok ' "$work/$scenario.out" || true)))
    if ! grep -q '^# end$' "$work/$scenario.out"; then
        echo "not ok - $scenario ran to its end (exit $status)"
        failed=$((failed + 1))
        tail -n 20 "$work/$scenario.err" | sed 's/^/  /'
    fi
    if grep -q '^not ok ' "$work/$scenario.out" && [ -f "$work/home/state/nvim/lsp.log" ]; then
        tail -n 15 "$work/home/state/nvim/lsp.log" | cut -c1-400 | sed 's/^/  lsp.log: /'
    fi
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
