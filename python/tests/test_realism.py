"""--realism: every dial keeps every number that is read, and the circuit goes with it."""

from __future__ import annotations

import math
import os
import random

import pytest
from conftest import ROOT, texts, twc

import tw

DIALS = ["permute", "scale", "dead", "noise", "rotate", "permute,scale,dead,noise,rotate"]
NAMES = ["adder", "calculator", "sort_digits", "machine_step", "memory", "kernel", "dyck1"]


@pytest.mark.parametrize("dials", DIALS)
@pytest.mark.parametrize("name", NAMES)
def test_realism(compiled, tmp_path, name, dials):
    plain = compiled(name)
    path = str(tmp_path / "real.onnx")
    seed = str(random.Random(name + dials).randrange(1000))
    done = twc(f"examples/{name}.tw", "--realism", dials, "--seed", seed, "-o", path)
    assert done.returncode == 0, done.stderr
    model = tw.open(path)
    for dial, grows in (("noise", model.d_model > plain.d_model),
                        ("dead", [v.neurons for v in model.layers] != [v.neurons for v in
                                                                       plain.layers])):
        assert grows == (dial in dials)
    if dials == "permute" or "scale" in dials:
        assert any(list(t.data) != list(plain.tensors[k].data) for k, t in model.tensors.items())
    for rows in texts(plain, 3, 12):
        before, after = plain.run(rows), model.run(rows)
        if plain.emits:
            assert list(map(list, before.logits)) == list(map(list, after.logits))
        for label in plain.labels:
            for a, b in zip(before.label(label.name), after.label(label.name)):
                assert all(math.isclose(x, y, rel_tol=1e-4, abs_tol=1e-4) for x, y in zip(a, b))
        with model.session() as s:
            s.feed(rows)
            for i in range(len(plain.named)):
                want = before.value(i)
                for got in (after.value(i), s.value(i)):
                    assert all(math.isnan(b) or math.isclose(a, b, rel_tol=1e-4, abs_tol=1e-4)
                               for a, b in zip(got, want)), plain.named[i].name
    # edges go with the nodes; the weights say the same where columns and nodes are what they were,
    # and more: what is dead reads and writes too
    stated = {(e.source, e.target, e.port): e.weight for e in model.circuit.edges()}
    assert len(stated) == len(plain.circuit.edges())
    if "noise" not in dials and "rotate" not in dials and "scale" not in dials:
        found = {(e.source, e.target, e.port): e.weight for e in model.circuit.edges_of_weights()}
        for key, weight in stated.items():
            assert found[key] == weight or math.isclose(found[key], weight, rel_tol=1e-5), key
    # what a node is for is what it was for, wherever it stands now
    owners = [sorted(plain.circuit.json["layers"][n]["neurons"]) for n in range(len(plain.layers))]
    now = [sorted(v for v in model.circuit.json["layers"][n]["neurons"])
           for n in range(len(model.layers))]
    for a, b in zip(owners, now):
        assert [v for v in a if v >= 0] == [v for v in b if v >= 0]


def test_rotation_mixes(compiled, tmp_path):
    """Where sums are small no column holds a value as it is."""
    path = str(tmp_path / "rotated.onnx")
    assert twc("examples/adder.tw", "--realism", "rotate", "-o", path).returncode == 0
    plain, model = compiled("adder"), tw.open(path)
    before = plain.run("12+34=").states
    after = model.run("12+34=").states
    d = plain.d_model
    same = sum(all(before[-1][p][c] == after[-1][p][c] for p in range(7)) for c in range(d))
    assert same <= d - 8
    # lengths are kept: it is a rotation
    for state_before, state_after in zip(before, after):
        for x, y in zip(state_before, state_after):
            assert sum(a * a for a in x) == sum(b * b for b in y)


def test_dead_neurons_are_dead(compiled, tmp_path):
    path = str(tmp_path / "dead.onnx")
    assert twc("examples/calculator.tw", "--realism", "dead", "-o", path).returncode == 0
    plain, model = compiled("calculator"), tw.open(path)
    for rows in texts(plain, 5):
        run = model.run(rows)
        for n, layer in enumerate(plain.layers):
            for place in run._neurons[n]:
                assert all(x == 0 for x in place[layer.neurons:])


def test_wrong_dials(tmp_path):
    done = twc("examples/adder.tw", "--realism", "permute,twist", "-o", str(tmp_path / "x.onnx"))
    assert done.returncode == 2 and "no dial 'twist'; there are: permute" in done.stderr
    done = twc("examples/adder.tw", "--realism", "orthogonal", "-o", str(tmp_path / "x.onnx"))
    assert done.returncode == 2 and "is not proved; 'rotate' is" in done.stderr
    done = twc("examples/adder.tw", "--realism", "dead", "-o", str(tmp_path / "x.gguf"))
    assert done.returncode == 2 and "is for .onnx and .safetensors" in done.stderr
    assert not os.listdir(tmp_path) and ROOT
