#!/usr/bin/env python3
"""Serves a GGUF model with llama.cpp's HTTP server, on loopback, until it is ended.

usage: small_model.py MODEL.gguf PORT_FILE

The port is any free one; it is written to PORT_FILE once the server answers. The server ends with
its parent, so that nothing is left behind when the script that started it is killed.
"""
import os
import sys
import time

import xllamacpp


def main():
    model, port_file = sys.argv[1:3]
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.hostnames = ["127.0.0.1"]
    params.port = 0  # any free one
    params.n_ctx = 4096
    params.n_parallel = 1
    params.use_jinja = True
    threads = max(1, min(8, os.cpu_count() or 1))
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    server = xllamacpp.Server(params)
    with open(port_file + ".new", "w", encoding="utf-8") as file:
        file.write(server.listening_address.rsplit(":", 1)[1] + "\n")
    os.rename(port_file + ".new", port_file)
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(1)
    del server


main()
