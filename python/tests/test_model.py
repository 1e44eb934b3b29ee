"""Opening, running and patching: against libtw on every example."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys

import pytest
from conftest import EXAMPLES, ROOT, texts

import tw


def is_near(a: float, b: float, error: float) -> bool:
    """Numbers that are rounded differ by what their bound allows."""
    return a == b or math.isclose(a, b, rel_tol=error, abs_tol=error)


def is_rounded(model: tw.Model) -> bool:
    """Are some of its numbers fractions, whose last bits depend on the order of additions?"""
    intents = {h["intent"] for h in model.certificate["heads"]}
    return bool(intents & {"mean", "softmax"}) or model.name == "kernel"


@pytest.mark.parametrize("name", EXAMPLES)
def test_states_and_logits(compiled, name):
    model = compiled(name)
    error = 1e-4 if is_rounded(model) else 0.0
    for rows in texts(model, 3):
        run = model.run(rows)
        with model.session() as s:
            s.feed(rows)
            theirs = s.states()
            for state, ours in enumerate(run.states):
                for position, x in enumerate(theirs[state]):
                    for a, b in zip(ours[position + 1], x):
                        assert is_near(a, b, error), (name, state, position)
            if model.emits:
                assert list(run.logits[-1]) == list(s.logits())
                assert model.fields and run.next_rows() == s.next_rows()
            for label in model.labels:
                for a, b in zip(run.label(label.name), s.label(label.name)):
                    assert all(is_near(x, y, error) for x, y in zip(a, b)), label.name


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_named_value(compiled, name):
    model = compiled(name)
    for rows in texts(model, 2, 12):
        run = model.run(rows)
        with model.session() as s:
            s.feed(rows)
            for i, named in enumerate(model.named):
                ours, theirs = run.value(i), s.value(i)
                assert len(ours) == len(rows)
                for a, b in zip(ours, theirs):
                    same = (math.isnan(a) and math.isnan(b)) or is_near(a, b, 1e-4)
                    assert same, (name, named.name, ours, theirs)


def test_names_and_weights(compiled):
    model = compiled("calculator")
    assert model.name == "calculator" and model.context == 16
    assert model.vocab[:3] == ["0", "1", "2"] and model.bos == 15 and model.end == 14
    assert model.answer("12*34=") == "408"
    weights = model.weights
    assert len(weights["layers.0.wq"]) == model.d_model
    assert model.circuit.looks_for(1, 0) == "sign"
    assert model.circuit.owner("a1.h0.v0") in [v.name for v in model.named]
    constant, nodes = model.circuit.form("a[1]")
    assert nodes and constant == 0
    with pytest.raises(KeyError, match="no value is named 'nothing'"):
        model.run("1+1=").value("nothing")


def test_attention(compiled):
    model = compiled("adder")
    text = "12+34="
    run = model.run(text)
    equals = [h for h in range(model.layers[0].heads)
              if model.circuit.looks_for(0, h) == "equals"][0]
    weights = run.attention[0][equals]
    assert len(weights) == len(text) + 1
    assert list(weights[6]) == [0, 0, 0, 0, 0, 0, 1]  # the '=' itself
    assert list(weights[5]) == [1, 0, 0, 0, 0, 0, 0]  # none yet: <bos>


def test_patches(compiled):
    model = compiled("calculator")
    text = "12+34="
    plain = model.run(text)
    named = next(v for v in model.named if not v.folded and v.columns)
    patched = model.run(text, [tw.Patch.named(named.name, 5, 7.0)])
    assert patched.value(named.name)[5] == 7.0
    assert patched.value(named.name)[:5] == plain.value(named.name)[:5]
    # a head that reads nothing of what it should changes the answer; the same values do not
    same = [list(x) for x in plain.heads[1][0]]
    places = range(len(text) + 1)
    unchanged = model.run(text, [tw.Patch.head(1, 0, p, same[p]) for p in places])
    assert list(unchanged.logits[-1]) == list(plain.logits[-1])
    gone = model.ablate(text, 1, head=0)
    assert list(gone.logits[-1]) != list(plain.logits[-1])
    assert all(x == 0 for place in gone.heads[1][0] for x in place)
    # a neuron that is set to what it is
    layer = model.run(text, [tw.Patch.neuron(1, 0, 6, plain.neurons[1][6][0])])
    assert list(layer.logits[-1]) == list(plain.logits[-1])
    # the stream of another text, from a state on
    other = model.run("99+34=")
    moved = model.run(text, [tw.Patch.state(2, p, other.states[2][p]) for p in places])
    assert list(moved.logits[-1]) == list(other.logits[-1])
    with pytest.raises(ValueError, match="stands in no columns"):
        model.run(text, [tw.Patch.named("answer[0]", 5, 1.0)])


def test_a_named_value_for_all_who_read_it(compiled):
    """12 + 34 with the first number's tens set to 5 is 52 + 34, though no column holds them."""
    model = compiled("adder")
    assert model.named[model.named_value("a[1]")].folded
    run = model.run("12+34=", [tw.Patch.named("a[1]", 5, 5)])
    assert [run.value(f"sum[{i}]")[5] for i in range(3)] == [6, 8, 0]
    assert run.next_rows() == model.run("52+34=").next_rows()


def test_ablating_what_carries(compiled):
    """Without the neurons of its carries the adder loses them, and only them."""
    model = compiled("adder")
    assert model.run("15+27=").value("sum[1]")[5] == 4
    layer, neuron = next((n, i) for n, own in enumerate(model.layers) for i in range(own.neurons)
                         if model.run("15+27=").neurons[n][6][i] > 0 and n == 1)
    assert model.ablate("15+27=", layer, neuron=neuron).value("sum[1]")[5] != 4 \
        or list(model.ablate("15+27=", layer, neuron=neuron).logits[-1]) != \
        list(model.run("15+27=").logits[-1])


def test_damaged_files(tmp_path, compiled):
    for name, raw in (("empty.onnx", b""), ("text.onnx", b"no model at all"),
                      ("short.safetensors", b"\xff" * 7 + b"\0{"), ("cut.onnx", None)):
        path = tmp_path / name
        if raw is None:
            with open(compiled("adder").path, "rb") as f:
                raw = f.read()[:5000]
        path.write_bytes(raw)
        with pytest.raises(tw.FileError):
            tw.open(str(path))


def test_without_numpy(compiled):
    """All but arrays is the same where there is no NumPy."""
    program = ("import sys; sys.modules['numpy'] = None; sys.path.insert(0, 'python'); import tw; "
               f"m = tw.open({compiled('adder').path!r}); r = m.run('12+34='); "
               "print(r.value('sum[0]')[5], type(r.states).__name__, m.answer('12+34='))")
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, text=True,
                          capture_output=True, check=False)
    assert done.stdout.split() == ["6.0", "list", "46"], done.stderr


def test_wheel(tmp_path, compiled):
    """What pip makes of the folder is the package, whole."""
    sys.path.insert(0, os.path.join(ROOT, "python"))
    import wheel_of_tw

    wheel = str(tmp_path / wheel_of_tw.build_wheel(str(tmp_path)))
    program = (f"import sys; sys.path.insert(0, {wheel!r}); import tw; "
               f"print(tw.__file__.startswith({wheel!r}), tw.open({compiled('adder').path!r}).name)")
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, text=True,
                          capture_output=True, check=False, env={})
    assert done.stdout.split() == ["True", "adder"], done.stderr


GRADIENTS = {"adder": "12+34=", "calculator": "12*34=", "sort_digits": "3142=", "caesar": "abc"}


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients(compiled, name):
    """Those of libtw, against twc grad: of the graph of tensors that the weights are put into."""
    check_gradients(compiled(name), name)


def check_gradients(model, name):
    program = os.path.join(ROOT, "examples", f"{name}.tw")
    twc = os.path.join(os.environ.get("TW_BUILD", os.path.join(ROOT, "build")), "twc")
    told = json.loads(subprocess.run([twc, "grad", program, GRADIENTS[name], "--json"], check=True,
                                     capture_output=True, text=True).stdout)
    parts = {part["part"]: part for part in told["parts"]}
    with model.session() as s:
        s.feed(s.tokenize(GRADIENTS[name]))
        row = int(max(range(len(model.vocab) + 1), key=lambda i: s.logits()[i]))
        ours = s.gradients([("logit", row, -1, 1.0)])
        for i, want in enumerate(parts["token"]["times_value"]):
            got = sum(x * g for x, g in zip(s.states()[0][i], ours.states[0][i]))
            assert math.isclose(got, want, rel_tol=1e-5, abs_tol=1e-5), (name, i)
        for value, got in ours.named.items():
            for a, b in zip(got, parts[value]["gradient"]):
                assert math.isclose(a, b, rel_tol=1e-5, abs_tol=1e-5), (name, value)
        for bad in [("logit", 99, 0, 1.0), ("logit", 0, 99, 1.0), ("head", 0, 0, 1.0)]:
            with pytest.raises(ValueError):
                s.gradients([bad])
