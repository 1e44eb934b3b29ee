"""Examples, compiled once for all tests. TW_BUILD is the folder of twc (build/)."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from typing import Callable, Dict, List

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("TW_BUILD", os.path.join(ROOT, "build"))
sys.path.insert(0, os.path.join(ROOT, "python"))
sys.path.insert(0, os.path.join(ROOT, "tests", "engines"))

import tw  # noqa: E402

EXAMPLES = sorted(f[:-3] for f in os.listdir(os.path.join(ROOT, "examples")) if f.endswith(".tw"))


def twc(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Runs the compiler in the project's folder."""
    return subprocess.run([os.path.join(BUILD, "twc"), *arguments], cwd=ROOT, text=True,
                          capture_output=True, check=False)


@pytest.fixture(scope="session")
def compiled(tmp_path_factory) -> Callable[[str], "tw.Model"]:
    """The model of an example, by name."""
    folder = tmp_path_factory.mktemp("models")
    models: Dict[str, tw.Model] = {}

    def model_of(name: str) -> "tw.Model":
        if name not in models:
            path = str(folder / f"{name}.onnx")
            done = twc(f"examples/{name}.tw", "-o", path)
            assert done.returncode == 0, done.stderr
            models[name] = tw.open(path)
        return models[name]

    return model_of


def texts(model: "tw.Model", count: int, longest: int = 24) -> List[List[List[float]]]:
    """Random texts, (n, fields) rows or (n, inputs) numbers."""
    rand = random.Random(model.name)
    out = []
    for _ in range(count):
        n = rand.randint(1, min(longest, model.context))
        if model.inputs:
            out.append([[number(rand, i) for i in model.inputs] for _ in range(n)])
        else:
            out.append([[row_of_field(rand, model, f) for f in range(len(model.fields))]
                        for _ in range(n)])
    return out


def number(rand: random.Random, declared: dict) -> float:
    """One that an input takes."""
    if declared["kind"] == "real":
        return rand.choice([-1, -0.5, 0, 0.25, 0.5, 1]) * min(declared["high"], 1.0)
    return float(rand.randint(int(declared["low"]), int(declared["high"])))


def row_of_field(rand: random.Random, model: "tw.Model", field: int) -> int:
    first = sum(model.fields[:field])
    return first + rand.randrange(model.fields[field])
