# Sourced by the other scripts: what must be on the machine, and how it gets there.
# Needs `say` and `die`. Installs with apt where apt is; elsewhere it says what is missing.

# Runs a command, and once more if it failed: mirrors hiccup.
twice() { "$@" || { sleep 2; "$@"; }; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
        sudo "$@"
    else
        return 1
    fi
}

# apt_install PACKAGE...
apt_install() {
    command -v apt-get >/dev/null || die "please install: $*"
    say "installing with apt: $*"
    twice as_root apt-get update -qq >/dev/null || true
    twice as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null ||
        die "could not install: $* (as root: apt-get install $*)"
}

# need PROGRAM PACKAGE...: installs the packages unless the program is there.
need() {
    local program=$1
    shift
    command -v "$program" >/dev/null || apt_install "$@"
}

need_rust() {
    command -v cargo >/dev/null || PATH=$HOME/.cargo/bin:$PATH
    command -v cargo >/dev/null ||
        die "a Rust toolchain is needed; https://rustup.rs says how to get one"
}

# Debian keeps the part of Python that makes virtual environments in a package of its own.
need_venv() {
    python3 -c 'import ensurepip, venv' 2>/dev/null || apt_install python3-venv
}
