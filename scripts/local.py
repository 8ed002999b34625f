#!/usr/bin/env python3
"""Shows what the local engine does, with the real one: three language servers share it, what arawn adds to a
direct request, and what a second action in the same file saves.

usage: local.py ARAWN CONFIG       (XDG_DATA_HOME and XDG_STATE_HOME say where the engine is set up)
"""
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time

ARAWN, CONFIG = sys.argv[1:3]
ROUNDS = 12


def arawn(*arguments):
    done = subprocess.run([ARAWN, "--config", CONFIG, *arguments], capture_output=True, text=True, check=True)
    return done.stdout


def running():
    return json.loads(arawn("local", "status", "--json"))["running"]


def memory(pid):
    """Resident memory in MB, as the system counts it."""
    told = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True)
    return int(told.stdout) / 1024


class Server:
    """A language server, as an editor talks to it."""

    def __init__(self):
        self.process = subprocess.Popen(
            [ARAWN, "--config", CONFIG, "lsp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.n_sent = 0
        self.heard = {}
        self.changed = threading.Condition()
        self.first_text = None
        threading.Thread(target=self.listen, daemon=True).start()
        capabilities = {"experimental": {"arawn": {"version": 1}}, "window": {"workDoneProgress": False}}
        self.request("initialize", {"processId": None, "rootUri": None, "capabilities": capabilities})
        self.send({"method": "initialized", "params": {}})

    def send(self, message):
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.process.stdin.flush()

    def listen(self):
        while True:
            length = 0
            while line := self.process.stdout.readline().strip():
                name, _, value = line.partition(b": ")
                if name == b"Content-Length":
                    length = int(value)
            if not length:
                return
            message = json.loads(self.process.stdout.read(length))
            now = time.perf_counter()
            with self.changed:
                if message.get("method") == "arawn/stream" and message["params"]["kind"] == "text":
                    self.first_text = self.first_text or now
                elif "method" in message and "id" in message:
                    self.send({"id": message["id"], "result": None})
                elif "id" in message:
                    self.heard[message["id"]] = message
                self.changed.notify_all()

    def request(self, method, params):
        self.n_sent += 1
        mine = self.n_sent
        self.send({"id": mine, "method": method, "params": params})
        with self.changed:
            self.changed.wait_for(lambda: mine in self.heard, timeout=120)
        answer = self.heard.pop(mine)
        if "error" in answer:
            sys.exit(f"{method}: {answer['error']}")
        return answer["result"]

    def command(self, name, argument):
        """The answer, the seconds to the first text, and those from there to the end."""
        self.first_text = None
        begun = time.perf_counter()
        answer = self.request("workspace/executeCommand", {"command": name, "arguments": [argument]})
        ended = time.perf_counter()
        first = self.first_text or ended
        return answer, first - begun, ended - first

    def end(self):
        self.process.kill()
        self.process.wait()


class OnSocket(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def direct(address, body):
    """The same of the engine itself: seconds to the first text, seconds after it, tokens."""
    connection = OnSocket(address) if address.startswith("/") else http.client.HTTPConnection(address)
    begun = time.perf_counter()
    connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"})
    answer, first, usage = connection.getresponse(), None, {}
    for line in answer:
        if line.startswith(b"data: {"):
            chunk = json.loads(line[6:])
            usage = chunk.get("usage") or usage
            if any(choice["delta"].get("content") for choice in chunk["choices"]):
                first = first or time.perf_counter()
    ended = time.perf_counter()
    return first - begun, ended - first, usage


def share():
    servers = [Server() for _ in range(3)]
    for server in servers:
        server.command("arawn.chat", {"message": "Say hello."})
    engines = running()
    assert len(engines) == 1, engines
    engine = engines[0]
    memories = [memory(server.process.pid) for server in servers]
    print(f"three language servers, one engine: process {engine['pid']}, {memory(engine['pid']):.0f} MB; "
          f"the servers have {', '.join(f'{mb:.0f}' for mb in memories)} MB")
    servers[0].end()
    servers[1].end()
    answer, *_ = servers[2].command("arawn.chat", {"message": "Say hello."})
    assert running()[0]["pid"] == engine["pid"] and answer["backend"] == "local"
    print("two of them killed with -9: the third is answered by the same process")
    os.kill(engine["pid"], 9)
    answer, *_ = servers[2].command("arawn.chat", {"message": "Say hello."})
    assert running()[0]["pid"] != engine["pid"] and answer["backend"] == "local"
    print("the engine killed with -9: the next question is answered by another one")
    return servers[2]


def overhead(server):
    address = running()[0]["address"]
    with open("src/prompts/templates/system_chat.md", encoding="utf-8") as file:
        system = file.read().strip()
    own, bare = [], []
    for nth in range(ROUNDS):
        # Every prompt begins anew, so that neither way profits from the other's.
        text = lambda way: f"{way} {nth}: " + "Tell me a long story about a dog and a cat. " * 20
        body = {"model": "m", "messages": [{"role": "system", "content": system}, {"role": "user", "content": text("b")}],
                "stream": True, "stream_options": {"include_usage": True}, "max_tokens": 160, "temperature": 0.3}
        ways = [lambda: bare.append(direct(address, body)), lambda: own.append(chat(server, text("a")))]
        for way in ways if nth % 2 else reversed(ways):
            way()
    first = lambda runs: statistics.median(run[0] for run in runs) * 1000
    speed = lambda runs: statistics.median((run[2]["completion_tokens"] - 1) / run[1] for run in runs)
    print(f"first text: engine itself {first(bare):.0f} ms, through arawn {first(own):.0f} ms ({first(own) - first(bare):+.1f} ms); "
          f"tokens/s: {speed(bare):.1f} and {speed(own):.1f} ({100 * speed(own) / speed(bare):.1f} %); "
          f"prompt {bare[0][2]['prompt_tokens']} and {own[0][2]['prompt_tokens']} tokens")


def chat(server, message):
    answer, first, rest = server.command("arawn.chat", {"message": message})
    usage = answer["usage"]
    return first, rest, {"completion_tokens": usage["output_tokens"], "prompt_tokens": usage["input_tokens"]}


def second_action():
    arawn("local", "stop")
    arawn("local", "start")
    server = Server()
    text = "".join(f"def step_{n}(stock):\n    stock[{n}] = stock.get({n}, 0) + {n}\n    return stock\n\n\n" for n in range(40))
    uri = "file:///tmp/stock.py"
    document = {"uri": uri, "languageId": "python", "version": 1, "text": text}
    server.send({"method": "textDocument/didOpen", "params": {"textDocument": document}})
    times = []
    actions = [("explain", 150, None), ("ask", 150, "Can the stock become negative?"), ("explain", 155, None)]
    for action, line, question in actions:
        where = {"start": {"line": line, "character": 0}, "end": {"line": line + 3, "character": 0}}
        job = {"action": action, "textDocument": {"uri": uri}, "range": where, "wait": True, "input": question}
        answer, first, _ = server.command("arawn.run", {key: value for key, value in job.items() if value})
        times.append((first, answer["usage"]))
    server.end()
    cold, usage = times[0]
    print(f"an action in a file of 200 lines: first text after {cold * 1000:.0f} ms ({usage['input_tokens']} tokens)")
    for (warm, again), what in zip(times[1:], ["a question about the same lines", "the same action five lines below"]):
        print(f"then {what}: {warm * 1000:.0f} ms ({again['input_tokens']} tokens, of which "
              f"{again.get('cached_input_tokens')} were known): {cold / warm:.1f} times sooner")


def main():
    server = share()
    overhead(server)
    server.end()
    second_action()
    arawn("local", "stop")
    assert not running()


if __name__ == "__main__":
    main()
