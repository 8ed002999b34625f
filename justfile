# Thin recipes: each is one plain command, so that nobody needs `just`.

# Everything that CI runs
check:
    ./scripts/test.sh

# The crate's own tests
test:
    cargo test

# Review changed snapshots
snap:
    cargo insta review

# The real editors, against the release build
editors:
    cargo build --release
    tests/editors/nvim/run.sh target/release/arawn "$(command -v nvim || echo .cache/neovim-0.11.4/bin/nvim)"

# The VS Code extension as a package
vsix:
    cd editors/vscode && npm ci --ignore-scripts && npm run build && npm run package

# Every dialect with a server that is not ours
providers:
    cargo build --release
    ./scripts/providers.sh --bin target/release/arawn

# The main job once, with a real model
try:
    ./scripts/try.sh

# The local engine with the real llama.cpp, shown and measured
local:
    cargo build --release
    ./scripts/local.sh --bin target/release/arawn

# Licences and advisories of the dependencies
deny:
    cargo deny check

# The measured figures
bench:
    cargo bench

# The crate's documentation
docs:
    cargo doc --no-deps --open
