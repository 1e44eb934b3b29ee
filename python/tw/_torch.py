"""A model as torch has it, and as TransformerLens does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Tuple

if TYPE_CHECKING:
    from tw._model import Model


def _tensor(t: Any) -> Any:
    import torch

    return torch.tensor(list(t.data), dtype=torch.float32).reshape(t.shape)


def _places(model: "Model", count: int) -> Any:
    import torch

    return torch.tensor([model.place_table(p) for p in range(count)], dtype=torch.float32)


def parameter_name(name: str) -> str:
    """torch allows no dots."""
    return name.replace(".", "_")


def to_torch(model: "Model") -> Any:
    """A torch.nn.Module. `forward(rows)` takes (batch, n) rows, or (batch, n, fields), or numbers
    (batch, n, inputs), puts <bos> before them, and returns a dict: `logits` (batch, n + 1, rows),
    each `label.NAME` (batch, n + 1, columns), and `states`, a list of (batch, n + 1, d_model)."""
    import torch

    class TwModule(torch.nn.Module):
        """The equations of runtime/model.h."""

        def __init__(self) -> None:
            super().__init__()
            for name, t in model.tensors.items():
                self.register_parameter(parameter_name(name), torch.nn.Parameter(_tensor(t)))
            self.causal = model.causal

        def weight(self, name: str) -> Any:
            return self._parameters[parameter_name(name)]

        def embed(self, rows: Any) -> Any:
            batch, n = rows.shape[0], rows.shape[1]
            if model.inputs:
                before = rows.new_zeros((batch, 1, rows.shape[2]))
                x = torch.cat([before, rows], 1) @ self.weight("embed.input")
            else:
                table = self.weight("embed.token")
                x = table[rows if rows.dim() == 3 else rows.unsqueeze(2)].sum(2)
                x = torch.cat([table[model.bos].expand(batch, 1, -1), x], 1)
            return x + _places(model, n + 1)

        def attend(self, i: int, x: Any) -> Any:
            layer = model.layers[i]
            batch, n, _ = x.shape

            def split(port: str, size: int) -> Any:
                w, b = self.weight(f"layers.{i}.w{port}"), self.weight(f"layers.{i}.b{port}")
                return (x @ w + b).reshape(batch, n, layer.heads, size).transpose(1, 2)

            scores = split("q", layer.key_size) @ split("k", layer.key_size).transpose(2, 3)
            hidden = torch.ones(n, n, dtype=torch.bool).triu(1)
            if not self.causal:  # <bos> sees itself alone
                hidden[1:] = False
            scores = scores.masked_fill(hidden, -2.0 ** 30)
            out = torch.softmax(scores, -1) @ split("v", layer.value_size)
            return out.transpose(1, 2).reshape(batch, n, -1) @ self.weight(f"layers.{i}.wo")

        def forward(self, rows: Any) -> Dict[str, Any]:
            x = self.embed(rows)
            states = [x]
            for i, layer in enumerate(model.layers):
                if layer.heads:
                    x = x + self.attend(i, x)
                states.append(x)
                if layer.neurons:
                    a = torch.relu(x @ self.weight(f"layers.{i}.w1")
                                   + self.weight(f"layers.{i}.b1"))
                    x = x + (a @ self.weight(f"layers.{i}.w2") + self.weight(f"layers.{i}.b2"))
                states.append(x)
            out: Dict[str, Any] = {"states": states}
            if model.emits:
                out["logits"] = x @ self.weight("head.w") + self.weight("head.b")
            for label in model.labels:
                w = self.weight(f"labels.{label.name}.w")
                out[f"label.{label.name}"] = x @ w + self.weight(f"labels.{label.name}.b")
            return out

    return TwModule()


# ---- TransformerLens


def _padded(t: Any, *shape: int) -> Any:
    """With zeros behind what there is."""
    import torch

    out = torch.zeros(shape)
    out[tuple(slice(0, n) for n in t.shape)] = t
    return out


def _heads(layer: Any, name: str, size: int, heads: int, d_head: int, d: int) -> Any:
    """wq, wk or wv, (d, heads * size), as (heads, d, d_head)."""
    if not layer.heads:
        return _padded(_empty(0, 0, 0), heads, d, d_head)
    w = _tensor(layer.weights[name]).reshape(d, layer.heads, size).permute(1, 0, 2)
    return _padded(w, heads, d, d_head)


def _empty(*shape: int) -> Any:
    import torch

    return torch.zeros(shape)


def _attention(layer: Any, heads: int, d_head: int, d: int) -> Dict[str, Any]:
    out: Dict[str, Any] = {"b_O": _empty(d)}
    for port, size in (("q", layer.key_size), ("k", layer.key_size), ("v", layer.value_size)):
        out[f"W_{port.upper()}"] = _heads(layer, f"w{port}", size, heads, d_head, d)
        bias = _tensor(layer.weights[f"b{port}"]).reshape(layer.heads, size) if layer.heads else \
            _empty(0, 0)
        out[f"b_{port.upper()}"] = _padded(bias, heads, d_head)
    wo = _tensor(layer.weights["wo"]).reshape(layer.heads, layer.value_size, d) if layer.heads \
        else _empty(0, 0, 0)
    out["W_O"] = _padded(wo, heads, d_head, d)
    return out


def _mlp(layer: Any, d_mlp: int, d: int) -> Dict[str, Any]:
    if not layer.neurons:
        return {"W_in": _empty(d, d_mlp), "b_in": _empty(d_mlp), "W_out": _empty(d_mlp, d),
                "b_out": _empty(d)}
    return {"W_in": _padded(_tensor(layer.weights["w1"]), d, d_mlp),
            "b_in": _padded(_tensor(layer.weights["b1"]), d_mlp),
            "W_out": _padded(_tensor(layer.weights["w2"]), d_mlp, d),
            "b_out": _tensor(layer.weights["b2"])}


def _bridge_names(state: Dict[str, Any]) -> Dict[str, Any]:
    """The same under the names of TransformerBridge, in the shapes of torch's Linear (out, in)."""
    out: Dict[str, Any] = {"embed.weight": state["embed.W_E"],
                           "pos_embed.weight": state["pos_embed.W_pos"],
                           "unembed.weight": state["unembed.W_U"].T,
                           "unembed.bias": state["unembed.b_U"]}
    for name, t in state.items():
        if not name.startswith("blocks."):
            continue
        start, _, own = name.rpartition(".")
        kind, port = own.split("_")
        if kind == "b":
            t = t.reshape(-1)
        elif port in "QKV":  # (heads, d, d_head)
            t = t.permute(0, 2, 1).reshape(-1, t.shape[1])
        elif port == "O":  # (heads, d_head, d)
            t = t.reshape(-1, t.shape[2]).T
        else:
            t = t.T
        out[f"{start}.{port.lower()}.{'bias' if kind == 'b' else 'weight'}"] = t
    return out


def transformer_lens(model: "Model", names: str) -> Tuple[Dict[str, Any], Dict[str, Any]]:
    """HookedTransformerConfig's arguments, and HookedTransformer's state dict. All layers are
    padded to one shape with zeros, keys and values to one size. Load it with strict=False: its
    masks are buffers that it makes itself.

        config, state = model.transformer_lens_state_dict()
        hooked = HookedTransformer(HookedTransformerConfig(**config))
        hooked.load_state_dict(state, strict=False)

    With names="bridge" the weights are named as TransformerBridge of TransformerLens 3 names them
    (blocks.0.attn.q.weight, blocks.0.mlp.in.weight) and have the shapes of torch's Linear.
    """
    if names not in ("hooked", "bridge"):
        raise ValueError(f"no names {names!r}; there are: hooked, bridge")
    if model.is_record or model.inputs or not model.emits or not model.causal:
        raise ValueError(f"{model.name} is not causal, has no tokens of one row, or no logits: "
                         "TransformerLens has no such model")
    heads = max(1, *(v.heads for v in model.layers))
    d_head = max(1, *(max(v.key_size, v.value_size) for v in model.layers))
    d_mlp = max(1, *(v.neurons for v in model.layers))
    d, rows, places = model.d_model, len(model.vocab) + 2, model.context + 1
    config = {"n_layers": len(model.layers), "d_model": d, "n_ctx": places, "d_head": d_head,
              "n_heads": heads, "d_mlp": d_mlp, "d_vocab": rows, "act_fn": "relu",
              "normalization_type": None, "use_attn_scale": False, "attn_only": False,
              "positional_embedding_type": "standard", "default_prepend_bos": True,
              "attention_dir": "causal"}
    state = {"embed.W_E": _tensor(model.tensors["embed.token"]),
             "pos_embed.W_pos": _places(model, places),
             "unembed.W_U": _tensor(model.tensors["head.w"]),
             "unembed.b_U": _tensor(model.tensors["head.b"])}
    for i, layer in enumerate(model.layers):
        for name, t in _attention(layer, heads, d_head, d).items():
            state[f"blocks.{i}.attn.{name}"] = t
        for name, t in _mlp(layer, d_mlp, d).items():
            state[f"blocks.{i}.mlp.{name}"] = t
    return config, _bridge_names(state) if names == "bridge" else state
