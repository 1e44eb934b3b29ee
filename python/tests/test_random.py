"""twc random: each circuit is that of the weights, each program what the evaluator says."""

from __future__ import annotations

import json
import math

import pytest
from conftest import twc
from test_circuit import as_dict, as_tuple

import tw

PROGRAMS = 12


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_programs(tmp_path, seed):
    done = twc("random", "-n", str(PROGRAMS), "--size", "7", "--depth", "4", "--seed", str(seed))
    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines():
        said = json.loads(line)
        source, path = str(tmp_path / "random.tw"), str(tmp_path / "random.onnx")
        with open(source, "w", encoding="utf-8") as f:
            f.write(said["program"])
        assert twc(source, "--no-warnings", "-o", path).returncode == 0, said["program"]
        model = tw.open(path)
        assert (len(model.layers), model.d_model) == (said["layers"], said["d_model"])
        want = as_dict(said["circuit"]["edges"])
        assert as_dict(map(as_tuple, model.circuit.edges())) == want, said["program"]
        assert as_dict(map(as_tuple, model.circuit.edges_of_weights())) == want, said["program"]
        sampled = twc("sample", source, "--no-warnings", "-n", "3", "--seed", "1")
        for text in map(json.loads, sampled.stdout.splitlines()):
            run = model.run(text["prompt"])
            for name, want in text["labels"].items():
                assert [round(x[0]) for x in run.label(name)] == want, (said["program"], name)
            for name, want in text["named"].items():
                got = run.value(name)
                assert all(math.isnan(a) or abs(a - b) < 0.01 for a, b in zip(got, want)), \
                    (said["program"], name, got, want)
