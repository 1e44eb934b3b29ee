"""twc sample: what the evaluator says of a text is what the transformer computes."""

from __future__ import annotations

import json
import math

import pytest
from conftest import EXAMPLES, twc


@pytest.mark.parametrize("name", EXAMPLES)
def test_named_values(compiled, name):
    model = compiled(name)
    done = twc("sample", f"examples/{name}.tw", "-n", "4", "--seed", "2")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == 4
    for line in lines:
        between = " " if model.is_record else ""
        text = line["prompt"] if model.inputs else \
            between.join(t for t in (line["prompt"], line.get("answer")) if t)
        if not model.inputs and len(model.vocab) == 0:
            continue
        run = model.run([list(map(float, x)) for x in text] if model.inputs else text)
        for said, want in line["named"].items():
            got = run.value(said)
            assert len(got) == len(want), said
            for a, b in zip(got, want):
                assert math.isnan(a) or math.isclose(a, b, rel_tol=0.02, abs_tol=0.02), \
                    (name, said, got, want)
        for said, want in line["labels"].items() if "labels" in line else []:
            for a, b in zip(run.label(said), want):
                assert math.isclose(a[0], b, rel_tol=0.02, abs_tol=0.02), said
