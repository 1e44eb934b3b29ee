"""torch: the module, TransformerLens's state dict, and the HuggingFace folder."""

from __future__ import annotations

import pytest
import torch
from conftest import EXAMPLES, texts, twc
from llama_forward import Llama, Tokenizer
from prompts import prompts

import conftest
import tw
from test_model import is_near, is_rounded

torch.manual_seed(0)


@pytest.mark.parametrize("name", EXAMPLES)
def test_module(compiled, name):
    model = compiled(name)
    module = model.to_torch()
    error = 1e-3 if is_rounded(model) else 0.0
    for rows in texts(model, 2):
        run = model.run(rows)
        out = module(torch.tensor([rows], dtype=torch.float32 if model.inputs else torch.long))
        if model.emits:
            assert out["logits"][0].tolist() == [list(map(float, x)) for x in run.logits]
        for label in model.labels:
            ours = out[f"label.{label.name}"][0][1:].tolist()
            for a, b in zip(ours, run.label(label.name)):
                assert all(is_near(x, y, error) for x, y in zip(a, b)), label.name


def lens_forward(config, w, rows):
    """HookedTransformer.forward, of these settings."""
    n = len(rows)
    x = w["embed.W_E"][rows] + w["pos_embed.W_pos"][:n]
    hidden = torch.ones(n, n, dtype=torch.bool).triu(1)
    for i in range(config["n_layers"]):
        a = {k[len(f"blocks.{i}.attn."):]: t for k, t in w.items()
             if k.startswith(f"blocks.{i}.attn.")}
        q, k, v = (torch.einsum("pd,hde->hpe", x, a[f"W_{c}"]) + a[f"b_{c}"][:, None]
                   for c in "QKV")
        scores = q @ k.transpose(1, 2)
        scores = scores.masked_fill(hidden, -torch.inf)
        z = torch.softmax(scores, -1) @ v
        x = x + torch.einsum("hpe,hed->pd", z, a["W_O"]) + a["b_O"]
        m = {k[len(f"blocks.{i}.mlp."):]: t for k, t in w.items()
             if k.startswith(f"blocks.{i}.mlp.")}
        x = x + torch.relu(x @ m["W_in"] + m["b_in"]) @ m["W_out"] + m["b_out"]
    return x @ w["unembed.W_U"] + w["unembed.b_U"]


def bridge_forward(config, w, rows):
    """The same by the names of TransformerBridge, with torch's own Linear."""
    linear = torch.nn.functional.linear
    n, heads = len(rows), config["n_heads"]
    x = w["embed.weight"][rows] + w["pos_embed.weight"][:n]
    hidden = torch.ones(n, n, dtype=torch.bool).triu(1)
    for i in range(config["n_layers"]):
        def part(name, y, i=i):
            return linear(y, w[f"blocks.{i}.{name}.weight"], w[f"blocks.{i}.{name}.bias"])
        q, k, v = (part(f"attn.{c}", x).reshape(n, heads, -1).transpose(0, 1) for c in "qkv")
        scores = (q @ k.transpose(1, 2)).masked_fill(hidden, -torch.inf)
        z = torch.softmax(scores, -1) @ v
        x = x + part("attn.o", z.transpose(0, 1).reshape(n, -1))
        x = x + part("mlp.out", torch.relu(part("mlp.in", x)))
    return linear(x, w["unembed.weight"], w["unembed.bias"])


@pytest.mark.parametrize("name", EXAMPLES)
def test_transformer_lens(compiled, name):
    model = compiled(name)
    if model.is_record or model.inputs or not model.emits or not model.causal:
        with pytest.raises(ValueError, match="TransformerLens has no such model"):
            model.transformer_lens_state_dict()
        return
    config, state = model.transformer_lens_state_dict()
    _, bridge = model.transformer_lens_state_dict(names="bridge")
    assert len(bridge) == len(state)
    with pytest.raises(ValueError, match="no names 'tracr'"):
        model.transformer_lens_state_dict(names="tracr")
    assert config["attention_dir"] == "causal" and config["n_ctx"] == model.context + 1
    for rows in texts(model, 3):
        ids = [model.bos] + [r[0] for r in rows]
        ours = lens_forward(config, state, ids)
        assert ours.tolist() == [list(map(float, x)) for x in model.run(rows).logits]
        assert bridge_forward(config, bridge, ids).tolist() == ours.tolist()


@pytest.mark.parametrize("name", EXAMPLES)
def test_folder(compiled, tmp_path, name):
    """A forward pass from the folder alone: every logit, and the same tokens."""
    model = compiled(name)
    folder = str(tmp_path / name) + "/"
    done = twc(f"examples/{name}.tw", "-o", folder)
    if done.returncode:
        assert "cannot be a Llama" in done.stderr
        assert model.is_record or model.inputs or not model.emits or not model.causal
        return
    if model.is_record:  # the same with a token for each record
        flat = str(tmp_path / f"{name}.onnx") + "/"
        assert twc(f"examples/{name}.tw", "-o", flat).returncode == 0
        model = tw.open(flat + "onnx/model.onnx")
    llama, tokenizer = Llama(folder), Tokenizer(folder)
    rows = len(model.vocab) + 2
    asked = 0
    for prompt in prompts(f"{conftest.ROOT}/examples/{name}.tw", 20, 5, model.vocab):
        ids = tokenizer.encode(prompt)
        assert ids == [model.bos] + [r[0] for r in model.tokenize(prompt)]
        if len(ids) > model.context + 1:
            continue
        asked += 1
        ours = llama.forward(ids)[:, :rows]
        with model.session(False) as s:
            for i, row in enumerate(ids[1:]):
                s.feed([[row]])
                assert ours[i + 1].tolist() == list(map(float, s.logits())), (prompt, i)
    assert asked > 3
    assert tokenizer.encode("\N{SNOWMAN}")[1:] == [tokenizer.unknown]
