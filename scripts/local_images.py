#!/usr/bin/env python3
"""Shows images on the real local engine, with a projector of random weights: what the model says of them is
nonsense, but they go the whole way. Model and projector come from a hub on loopback, as from Hugging Face.

usage: local_images.py ARAWN CONFIG FOLDER       (XDG_DATA_HOME says where the engine is set up)
"""
import http.server
import json
import os
import shutil
import struct
import subprocess
import sys
import threading
import zlib

import local

ARAWN, CONFIG, FOLDER = sys.argv[1:4]
HUB = os.path.join(FOLDER, "hub")
QUESTION = "What do you see?"
# A picture of 64 pixels a side in patches of 16.
PICTURE_TOKENS = 16


class Hub(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *arguments):
        super().__init__(*arguments, directory=HUB)

    def log_message(self, *_):
        pass

    def do_GET(self):
        if not self.path.startswith("/api/models/"):
            self.path = "/" + os.path.basename(self.path)
            return super().do_GET()
        body = json.dumps({"siblings": [{"rfilename": name} for name in os.listdir(HUB)]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def picture(path):
    rows = b"".join(b"\0" + bytes(part for x in range(64) for part in (4 * x, 4 * y, 128)) for y in range(64))
    chunk = lambda name, data: struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    head = struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0)
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def ask(*arguments):
    done = subprocess.run([ARAWN, "--config", CONFIG, "ask", "--format", "json", QUESTION, *arguments],
                          capture_output=True, text=True)
    return done.returncode, json.loads(done.stdout)


def main():
    os.makedirs(HUB)
    shown = os.path.join(FOLDER, "picture.png")
    picture(shown)
    record = json.load(open(os.path.join(os.environ["XDG_DATA_HOME"], "arawn/local/setup.json"), encoding="utf-8"))
    small = next(model for model in record["models"] if model["source"] == "small")
    # A record of its own, so that nothing of the hub stays in the cache.
    os.environ["XDG_DATA_HOME"] = data = os.path.join(FOLDER, "data")
    os.makedirs(os.path.join(data, "arawn/local"))
    with open(os.path.join(data, "arawn/local/setup.json"), "w", encoding="utf-8") as file:
        json.dump({"engine": record["engine"], "models": [small]}, file)

    code, answer = ask("--image", shown)
    assert code == 5 and "cannot see images" in answer["error"]["causes"][0], answer
    print(f"without a projector: {answer['error']['causes'][0]}")

    shutil.copy(small["path"], os.path.join(HUB, "Seer-Q4_1.gguf"))
    subprocess.run([sys.executable, "scripts/projector.py", os.path.join(HUB, "mmproj-Seer-f16.gguf")], check=True)
    hub = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=hub.serve_forever, daemon=True).start()
    os.environ["HF_ENDPOINT"] = f"http://127.0.0.1:{hub.server_port}"
    local.arawn("local", "setup", "--model", "hf:random/Seer-GGUF:Q4_1", "--yes")
    seer = json.loads(local.arawn("local", "models", "--json").splitlines()[0])
    assert "vision" in seer["abilities"], seer

    (_, blind), (_, one), (_, two) = ask(), ask("--image", shown), ask("--image", shown, "--image", shown)
    tokens = [answer["usage"]["input_tokens"] for answer in (blind, one, two)]
    assert tokens == [tokens[0] + n * PICTURE_TOKENS for n in range(3)], tokens
    print(f"with one, brought by setup with its model: {tokens[0]} tokens for the words alone, "
          f"{tokens[1]} with a picture, {tokens[2]} with two")

    server = local.Server()
    answer, *_ = server.command("arawn.chat", {"message": QUESTION, "images": ["file://" + shown]})
    server.end()
    assert answer["backend"] == "local" and answer["usage"]["input_tokens"] > PICTURE_TOKENS, answer
    print(f"through the language server: {answer['usage']['input_tokens']} tokens")
    local.arawn("local", "stop")


main()
