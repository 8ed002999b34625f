"""Stands in for the package xllamacpp below the program that arawn starts it by: the fake engine answers."""
import os
import runpy
import sys
from types import SimpleNamespace

__version__ = "2026.1.9999"


class CommonParams(SimpleNamespace):
    def __init__(self):
        super().__init__(
            model=SimpleNamespace(), mmproj=SimpleNamespace(), cpuparams=SimpleNamespace(), cpuparams_batch=SimpleNamespace()
        )


class Server:
    def __init__(self, params):
        if "-m" not in sys.argv:
            sys.argv += ["-m", params.model.path]
        runpy.run_path(os.path.join(os.path.dirname(__file__), "fake_engine.py"))
