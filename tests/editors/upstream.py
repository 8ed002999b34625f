#!/usr/bin/env python3
"""A scripted Ollama: answers what a test says, when it says so, and tells when the client hung up.

usage: upstream.py DIR

DIR is the conversation with the test, all plain files:
  ports        written first: "PORT DEAD_PORT", where nothing listens on DEAD_PORT
  answer.txt   read at each chat request: the text the model answers
  hold         while it exists, a chat stops after its first piece and waits
  log          one JSON object a line: {"event": "request"|"first"|"closed"|"done", "time", ...}
"""
import json
import os
import select
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FOLDER = sys.argv[1]
LOCK = threading.Lock()


def path(name):
    return os.path.join(FOLDER, name)


def log(event, **fields):
    line = json.dumps({"event": event, "time": time.time(), **fields})
    with LOCK, open(path("log"), "a", encoding="utf-8") as file:
        file.write(line + "\n")


def pieces_of(text, size=7):
    return [text[i : i + size] for i in range(0, len(text), size)] or [""]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def json(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/api/tags":
            self.json({"models": [{"name": "codellama:latest", "model": "codellama:latest", "size": 1}]})
        elif self.path == "/api/version":
            self.json({"version": "0.12.0"})
        else:
            self.send_error(404)

    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(length) or b"{}")
        if self.path == "/api/show":
            self.json(
                {
                    "capabilities": ["completion"],
                    "model_info": {"general.architecture": "llama", "llama.context_length": 16384},
                }
            )
        elif self.path == "/api/chat":
            log("request", body=body)
            self.chat(body)
        else:
            self.send_error(404)

    def chunk(self, value):
        line = (json.dumps(value) + "\n").encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
        self.wfile.flush()

    def hung_up(self):
        readable, _, _ = select.select([self.connection], [], [], 0.002)
        return bool(readable) and self.connection.recv(1, socket.MSG_PEEK) == b""

    def chat(self, body):
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        with open(path("answer.txt"), encoding="utf-8") as file:
            pieces = pieces_of(file.read())
        message = lambda text: {"model": body.get("model"), "message": {"role": "assistant", "content": text}}
        try:
            for index, piece in enumerate(pieces):
                self.chunk({**message(piece), "done": False})
                if index == 0:
                    log("first")
                while index == 0 and os.path.exists(path("hold")):
                    if self.hung_up():
                        log("closed")
                        self.close_connection = True
                        return
            counts = {"prompt_eval_count": sum(len(m["content"]) for m in body["messages"]) // 3, "eval_count": len(pieces)}
            self.chunk({**message(""), "done": True, "done_reason": "stop", **counts})
            self.wfile.write(b"0\r\n\r\n")
            log("done")
        except (BrokenPipeError, ConnectionResetError):
            log("closed")
            self.close_connection = True


def main():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    # Bound but not listening: refuses every connection, and nobody else can take the port.
    dead = socket.socket()
    dead.bind(("127.0.0.1", 0))
    with open(path("ports.new"), "w", encoding="utf-8") as file:
        file.write("%d %d\n" % (server.server_port, dead.getsockname()[1]))
    os.rename(path("ports.new"), path("ports"))
    server.serve_forever()


main()
