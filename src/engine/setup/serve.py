"""Runs llama.cpp's server out of the package xllamacpp, as if it were the program llama-server.

Takes the flags of llama-server that arawn uses, and no others. The package lies beside this file.
"""
import argparse
import http.client
import json
import os
import signal
import sys
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import xllamacpp  # noqa: E402

BROKE_OFF = "error: the connection broke before the end; the same command goes on from here"
# Without a name for the state of a file nobody knows whether the rest is of the same one.
BEGINS_ANEW = "error: the connection broke before the end; the same command begins anew"
ODD_HUB = (ValueError, AttributeError, KeyError, TypeError)


def parse():
    parser = argparse.ArgumentParser(prog="llama-server", add_help=False, allow_abbrev=False)
    flag = parser.add_argument
    flag("--version", action="store_true")
    flag("-m", "--model")
    flag("-hf", "--hf-repo")
    flag("-hff", "--hf-file")
    flag("-a", "--alias")
    flag("--mmproj")
    flag("--host", default="127.0.0.1")
    flag("--port", type=int, default=8080)
    flag("-c", "--ctx-size", type=int, default=4096)
    flag("-np", "--parallel", type=int, default=1)
    flag("-t", "--threads", type=int)
    flag("-ngl", "--gpu-layers", type=int)
    flag("-b", "--batch-size", type=int)
    flag("-ub", "--ubatch-size", type=int)
    flag("--jinja", action="store_true")
    flag("--embeddings", action="store_true")
    flag("--pooling", choices=["mean", "cls", "last"])
    flag("--cache-reuse", type=int)
    flag("-fa", "--flash-attn", choices=["on", "off", "auto"])
    flag("--chat-template")
    return parser.parse_args()


def params_of(options):
    params = xllamacpp.CommonParams()
    model, projector = (options.model, options.mmproj) if options.model else fetch(options.hf_repo, options.hf_file)
    params.model.path = model
    params.hostnames = [options.host]
    params.port = options.port
    params.n_ctx = options.ctx_size
    params.n_parallel = options.parallel
    params.use_jinja = True
    # The package takes one thread where nothing is said; hyperthreads are left out as far as can be told.
    threads = options.threads or max(1, min(16, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 4) // 2))
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    if options.alias:
        params.model_alias = {options.alias}
    if projector:
        params.mmproj.path = projector
    if options.gpu_layers is not None:
        params.n_gpu_layers = options.gpu_layers
    if options.batch_size:
        params.n_batch = options.batch_size
    if options.ubatch_size:
        params.n_ubatch = options.ubatch_size
    if options.cache_reuse is not None:
        params.n_cache_reuse = options.cache_reuse
    if options.chat_template:
        params.chat_template = options.chat_template
    if options.flash_attn:
        name = {"on": "ENABLED", "off": "DISABLED", "auto": "AUTO"}[options.flash_attn]
        params.flash_attn_type = getattr(xllamacpp.llama_flash_attn_type, "LLAMA_FLASH_ATTN_TYPE_" + name)
    if options.embeddings:
        params.embedding = True
    if options.pooling:
        params.pooling_type = getattr(xllamacpp.llama_pooling_type, "LLAMA_POOLING_TYPE_" + options.pooling.upper())
    # In a variable, because other users see the arguments of every process.
    if os.environ.get("LLAMA_API_KEY"):
        params.api_keys = [os.environ["LLAMA_API_KEY"]]
    return params


def endpoint():
    return os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")


def open_url(url, headers=None):
    request = urllib.request.Request(url, headers={"User-Agent": "arawn", **(headers or {})})
    if os.environ.get("HF_TOKEN"):
        request.add_unredirected_header("Authorization", "Bearer " + os.environ["HF_TOKEN"])
    return urllib.request.urlopen(request, timeout=60)


def listed(repo):
    with open_url(f"{endpoint()}/api/models/{repo}") as answer:
        names = [file["rfilename"] for file in json.load(answer).get("siblings", [])]
    return [name for name in names if name.endswith(".gguf")]


def choose(repo, names, quant):
    names = [name for name in names if "mmproj" not in name.lower() and "-of-" not in name]
    wanted = (quant or "Q4_K_M").lower()
    fitting = [name for name in names if wanted in name.lower()] or ([] if quant else names)
    if not fitting:
        sys.exit(f"error: {repo} has no GGUF file{' of ' + quant if quant else ''}")
    return fitting[0]


def choose_projector(names):
    """The projector that lets the model see images, if there is one: the smallest that loses nothing to speak of."""
    names = [name for name in names if "mmproj" in name.lower()]
    order = ["q8_0", "f16", "fp16"]
    rank = lambda name: next((n for n, word in enumerate(order) if word in name.lower().replace("bf16", "")), len(order))
    return min(names, key=rank, default=None)


def fetch(repo, file):
    """Brings a model of Hugging Face and its projector, and goes on where an earlier try stopped."""
    if not repo:
        sys.exit("error: no model was named")
    repo, _, quant = repo.partition(":")
    try:
        try:
            names = listed(repo)
        except (OSError, http.client.HTTPException, *ODD_HUB):
            if not file:
                raise
            # A file that was named, and may be here already, needs no list.
            names = []
        folder = os.path.join(os.environ["LLAMA_CACHE"], repo.replace("/", "_"))
        os.makedirs(folder, exist_ok=True)
        targets = []
        for name in (file or choose(repo, names, quant), choose_projector(names)):
            # The whole path: several of one name may lie in folders of their own.
            target = name and os.path.join(folder, name.replace("/", "_").replace("\\", "_"))
            if name and not os.path.exists(target):
                bring(f"{endpoint()}/{repo}/resolve/main/{urllib.parse.quote(name)}", target)
            targets.append(target)
        return targets
    except urllib.error.HTTPError as error:
        sys.exit(f"error: {endpoint()} answered {error.code} for {repo}")
    except urllib.error.URLError as error:
        sys.exit(f"error: {endpoint()} cannot be reached: {error.reason}")
    except http.client.HTTPException:
        sys.exit(BEGINS_ANEW)
    except ODD_HUB:
        sys.exit(f"error: {endpoint()} does not answer as a hub of models does")
    except OSError as error:
        sys.exit(f"error: {error.strerror or error}")


def bring(url, target):
    part, mark = target + ".part", target + ".etag"
    etag = read_mark(mark)
    begun = os.path.getsize(part) if etag and os.path.exists(part) else 0
    # The rest of a file only joins its beginning while it is the same file; else the server sends all of it.
    try:
        answer = open_url(url, {"Range": f"bytes={begun}-", "If-Range": etag} if begun else {})
    except urllib.error.HTTPError as error:
        if error.code != 416 or not begun:
            raise
        os.remove(part)
        return bring(url, target)
    joins = begun > 0 and answer.status == 206
    if joins and not is_rest(answer, begun, etag):
        answer.close()
        os.remove(part)
        return bring(url, target)
    with answer, open(part, "ab" if joins else "wb") as out:
        if not joins:
            # Once the old beginning is gone, and not before: it would pass for one of the new file.
            write_mark(mark, answer.headers.get("ETag", ""))
        length = answer.headers.get("Content-Length")
        whole = (out.tell() + int(length)) if length else None
        print(f"arawn: {whole or 0} bytes", flush=True)
        broke_off = BROKE_OFF if read_mark(mark) else BEGINS_ANEW
        try:
            while chunk := answer.read(1 << 18):
                out.write(chunk)
        except http.client.HTTPException:
            sys.exit(broke_off)
    if whole is not None and os.path.getsize(part) != whole:
        sys.exit(broke_off)
    os.replace(part, target)
    os.remove(mark)


def is_rest(answer, begun, etag):
    """Some servers send a part whatever If-Range says; what they send tells whose part it is."""
    place = answer.headers.get("Content-Range", "")
    return answer.headers.get("ETag", etag) == etag and place.startswith(f"bytes {begun}-")


def read_mark(mark):
    if not os.path.exists(mark):
        return ""
    with open(mark, encoding="utf-8") as file:
        return file.read()


def write_mark(mark, etag):
    with open(mark, "w", encoding="utf-8") as file:
        file.write("" if etag.startswith("W/") else etag)


def main():
    options = parse()
    if options.version:
        print(f"b{xllamacpp.__version__.rsplit('.', 1)[-1]} (xllamacpp {xllamacpp.__version__})")
        return
    server = xllamacpp.Server(params_of(options))
    print("listening on", server.listening_address, flush=True)
    while True:
        signal.pause() if hasattr(signal, "pause") else __import__("time").sleep(3600)


main()
