"""Edges, recovered from the weights of a file alone, are those that the file and the compiler say."""

from __future__ import annotations

import json

import pytest
from conftest import EXAMPLES, texts, twc

REAL = 1e-5  # how far a weight of a real may be rounded


def as_dict(edges):
    found = {}
    for source, target, port, weight in edges:
        assert (source, target, port) not in found
        found[source, target, port] = weight
    return found


def as_tuple(edge):
    return edge.source, edge.target, edge.port, edge.weight


@pytest.mark.parametrize("name", EXAMPLES)
def test_edges(compiled, tmp_path, name):
    model = compiled(name)
    path = str(tmp_path / "circuit.json")
    done = twc("graph", f"examples/{name}.tw", "-o", path)
    assert done.returncode == 0, done.stderr
    with open(path, encoding="utf-8") as f:
        said = json.load(f)
    want = as_dict(said["edges"])
    found = as_dict(map(as_tuple, model.circuit.edges_of_weights()))
    assert as_dict(map(as_tuple, model.circuit.edges())) == want
    assert {k for k in found if k not in want} == set()
    assert {k for k in want if k not in found} == set()
    for key, weight in want.items():
        assert weight == found[key] or abs(weight - found[key]) <= REAL * abs(weight), key
    assert said["circuit"] == model.circuit.json
    assert [v["name"] for v in said["named"]] == [v.name for v in model.named]
    for v in said["named"]:
        assert {"name": v["name"], **model.circuit.value_set(v["name"])} == v


@pytest.mark.parametrize("name", ["adder", "calculator", "sort_digits", "machine_step"])
def test_values_are_among_those_declared(compiled, tmp_path, name):
    model = compiled(name)
    path = str(tmp_path / "circuit.json")
    assert twc("graph", f"examples/{name}.tw", "-o", path).returncode == 0
    with open(path, encoding="utf-8") as f:
        said = json.load(f)
    for rows in texts(model, 3):
        run = model.run(rows)
        for i, v in enumerate(said["named"]):
            for x in run.value(i):
                assert v["low"] <= x <= v["high"], (v, x)
                assert "values" not in v or x in v["values"], (v, x)
        for node in said["nodes"]:
            layer, what, index = model.circuit.split_name(node["name"])
            values = [row[index[0]] for row in run._neurons[layer]] if what == "m" else \
                [row[index[1]] for row in run._heads[layer][index[0]]]
            lifted = what == "m" and max(values) > node["high"]  # rounded by a large constant
            assert lifted or all(node["low"] - 1e-3 <= x <= node["high"] + 1e-3
                                 for x in values[1:]), node


def test_projections(compiled):
    circuit = compiled("adder").circuit
    by_component, by_matrix, by_hook = (circuit.by_component(), circuit.by_matrix(),
                                        circuit.by_hook())
    assert ("a0.h0", "m0") in by_component and ("a0.h1", "a1.h0") in by_component
    assert ("m0", "a1.h0.v") in by_matrix and ("token", "a0.h0.v") in by_matrix
    assert ("hook_embed", "blocks.0.hook_v_input[0]") in by_hook
    assert ("blocks.0.hook_mlp_out", "blocks.1.hook_v_input[0]") in by_hook
    assert len(by_component) <= len(by_matrix) <= len(circuit.edges())
