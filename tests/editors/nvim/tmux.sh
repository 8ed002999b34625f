#!/usr/bin/env bash
# Neovim's real terminal screen while a user works: for looking at, not for a verdict.
#
# usage: tests/editors/nvim/tmux.sh ARAWN_BIN NVIM_BIN [SCREENS_DIR]
#
# Selects lines, opens the menu, chooses an action of a slow model, looks at the progress, at the
# edit, at the undo, at a cancelled job and at an error. Writes a text file for each screen.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
[ $# -ge 2 ] || { sed -n '4s/^# //p' "$0" >&2; exit 2; }
arawn=$(realpath "$1")
nvim=$(realpath "$2")
screens=$(realpath -m "${3:-screens}")
mkdir -p "$screens"

work=$(mktemp -d)
tmux=(tmux -L "arawn-$$" -f /dev/null)
python3 "$root/tests/editors/upstream.py" "$work" &
upstream=$!
finish() {
    "${tmux[@]}" kill-server 2>/dev/null || true
    kill "$upstream" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT
for _ in $(seq 200); do [ -f "$work/ports" ] && break; sleep 0.05; done
read -r port dead <"$work/ports"

mkdir -p "$work/home/.config/arawn" "$work/project/.git"
cp "$here/project/shapes.py" "$work/project/"
cat >"$work/home/.config/arawn/arawn.toml" <<TOML
[llm]
backend = "second"
fallback = []
[backends.second]
dialect = "ollama"
base_url = "http://127.0.0.1:$port"
model = "codellama"
[backends.down]
dialect = "ollama"
base_url = "http://127.0.0.1:$dead"
model = "codellama"
TOML
cat >"$work/init.lua" <<'LUA'
vim.opt.runtimepath:prepend(vim.env.ARAWN_PLUGIN)
vim.lsp.config('arawn', { cmd = { vim.env.ARAWN_BIN, 'lsp' } })
vim.lsp.enable('arawn')
vim.keymap.set({ 'n', 'x' }, ' a', '<Plug>(arawn-menu)')
LUA
printf '```python\ndef total(numbers):\n    return sum(numbers)\n```\n' >"$work/answer.txt"

n=0
shot() {
    n=$((n + 1))
    "${tmux[@]}" capture-pane -t nv -p >"$screens/$(printf %02d $n)-$1.txt"
    echo "$(printf %02d $n)-$1"
}
keys() { "${tmux[@]}" send-keys -t nv "$@"; }
waitfor() {
    for _ in $(seq 150); do
        "${tmux[@]}" capture-pane -t nv -p | grep -qF -- "$1" && return
        sleep 0.1
    done
    echo "waited in vain for: $1" >&2
    shot lost
    exit 1
}

"${tmux[@]}" new-session -d -s nv -x 100 -y 30 -c "$work/project" \
    env -i PATH="$(dirname "$arawn"):/usr/bin:/bin" LANG=C.UTF-8 TERM=screen-256color HOME="$work/home" \
    XDG_CONFIG_HOME="$work/home/.config" XDG_STATE_HOME="$work/home/state" \
    ARAWN_BIN="$arawn" ARAWN_PLUGIN="$root/editors/nvim" \
    "$nvim" --clean -n -u "$work/init.lua" shapes.py
waitfor 'def area'
sleep 1
touch "$work/hold"
keys '5GV4j'; waitfor 'VISUAL LINE'; keys ' a'; waitfor 'Type number'; shot menu
number=$("${tmux[@]}" capture-pane -t nv -p | sed -n 's/^\([0-9]*\): .*[Ss]implify.*/\1/p' | head -1)
keys "${number:-1}" Enter; sleep 1; shot progress
rm "$work/hold"; waitfor 'sum(numbers)'; sleep 0.5; shot edited
keys 'u'; waitfor 'result = result + number'; shot undone
touch "$work/hold"
keys ':5,9Arawn simplify' Enter; sleep 1; shot second-running
keys ':ArawnCancel' Enter; sleep 1; shot cancelled
rm "$work/hold"
# Typing goes on while the edit arrives, in insert mode.
keys 'ggO# typed' ; waitfor '# typed'; keys Escape
touch "$work/hold"
keys ':6,10Arawn simplify' Enter; sleep 0.5; keys 'ggohello '; waitfor 'hello'
rm "$work/hold"; waitfor 'sum(numbers)'; keys 'world'; sleep 0.5; shot edited-while-inserting
keys Escape 'u'; sleep 0.3; shot undo-of-the-later-words
keys 'u'; sleep 0.3; shot undo-of-the-edit
keys ':ArawnBackend down' Enter; sleep 1; keys ':1Arawn simplify' Enter; sleep 1; shot error
keys Enter; keys ':ArawnBackend second' Enter; sleep 0.5; keys ':1Arawn explain' Enter; sleep 1; shot explained
keys ':checkhealth arawn' Enter; sleep 2; shot health
