#!/usr/bin/env python3
"""Stands in for llama.cpp's server: the flags, the address, /health, and a streamed answer.

What it is to do stands in the file `behave` beside it: `slow` loads for a while, `broken` ends at once with a
complaint, `die` ends itself with SIGKILL in the middle of an answer, once; `hang` never ends an answer.
Every start is noted in `starts`, every request in `requests`.
"""
import json
import os
import signal
import socketserver
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler

HERE = os.path.dirname(os.path.abspath(__file__))


def value(flag, usual=None):
    return sys.argv[sys.argv.index(flag) + 1] if flag in sys.argv else usual


def behave():
    try:
        with open(os.path.join(HERE, "behave"), encoding="utf-8") as file:
            return file.read().strip()
    except FileNotFoundError:
        return ""


def note(name, text):
    with open(os.path.join(HERE, name), "a", encoding="utf-8") as file:
        file.write(text + "\n")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "somebody"

    def log_message(self, *_):
        pass

    def answer(self, status, body):
        body = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def allowed(self):
        key = os.environ.get("LLAMA_API_KEY")
        return not key or self.headers.get("Authorization") == "Bearer " + key

    def do_GET(self):
        if self.path == "/health":
            return self.answer(200, {"status": "ok"}) if READY.is_set() else self.answer(503, {})
        if not self.allowed():
            return self.answer(401, {"error": {"message": "no"}})
        if self.path == "/props":
            return self.answer(200, {"model_path": value("-m")})
        sees = ["text", "image"] if value("--mmproj") else ["text"]
        model = {"id": value("--alias"), "meta": {"n_ctx": 4096}, "architecture": {"input_modalities": sees}}
        self.answer(200, {"data": [model]})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self.allowed():
            return self.answer(401, {"error": {"message": "no"}})
        note("requests", json.dumps({"path": self.path, "body": body}))
        if self.path.endswith("/embeddings"):
            return self.answer(200, {"data": [{"index": 0, "embedding": [1.0, 2.0]}]})
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        if self.path == "/infill":
            for chunk in [{"content": "1 +", "stop": False}, {"content": " 2;", "stop": True, "stop_type": "eos"}]:
                self.wfile.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
            self.close_connection = True
            return
        self.piece({"delta": {"content": "from "}})
        if behave() == "die":
            os.remove(os.path.join(HERE, "behave"))
            os.kill(os.getpid(), signal.SIGKILL)
        while behave() == "hang":
            time.sleep(0.01)
            self.piece({"delta": {"content": "."}})
        self.piece({"delta": {"content": str(os.getpid())}})
        self.piece({"delta": {}, "finish_reason": "stop"})
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True

    def piece(self, choice):
        chunk = {"choices": [{"index": 0, **choice}]}
        self.wfile.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
        self.wfile.flush()


class OnSocket(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


class OnPort(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


READY = threading.Event()


def main():
    if "--version" in sys.argv:
        print("version: 9999 (fake)")
        return
    note("starts", json.dumps({"pid": os.getpid(), "argv": sys.argv[1:], "variables": sorted(os.environ)}))
    if behave() == "broken":
        print("0.00.001.000 E load_model: error loading model: out of everything", file=sys.stderr)
        sys.exit(1)
    host = value("--host", "127.0.0.1")
    if host.endswith(".sock"):
        server = OnSocket(host, Handler)
    else:
        server = OnPort((host, int(value("--port"))), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    while behave() == "slow":
        time.sleep(0.01)
    READY.set()
    signal.pause()


main()
