"""A Llama from a folder as HuggingFace has it, in torch, from the folder alone.

Written after the architecture's description (Touvron et al. 2023) and the meaning that
transformers gives to the entries of config.json; it knows nothing of tw.
"""

from __future__ import annotations

import json
import os
import struct
from typing import Any, Dict, List

import torch


def load_tensors(path: str) -> Dict[str, torch.Tensor]:
    """A .safetensors file of float32."""
    with open(path, "rb") as f:
        raw = f.read()
    size = struct.unpack_from("<Q", raw)[0]
    header = json.loads(raw[8:8 + size])
    header.pop("__metadata__", None)
    out = {}
    for name, entry in header.items():
        assert entry["dtype"] == "F32"
        start, end = entry["data_offsets"]
        data = torch.frombuffer(bytearray(raw[8 + size + start:8 + size + end]),
                                dtype=torch.float32)
        out[name] = data.reshape(entry["shape"])
    return out


class Llama:
    """forward(ids): (n) to logits (n, vocab)."""

    def __init__(self, folder: str):
        with open(os.path.join(folder, "config.json"), encoding="utf-8") as f:
            self.config: Dict[str, Any] = json.load(f)
        assert self.config["architectures"] == ["LlamaForCausalLM"]
        self.w = load_tensors(os.path.join(folder, "model.safetensors"))

    def norm(self, x: torch.Tensor, name: str) -> torch.Tensor:
        variance = x.pow(2).mean(-1, keepdim=True)
        return self.w[name] * (x * torch.rsqrt(variance + self.config["rms_norm_eps"]))

    def rotate(self, x: torch.Tensor) -> torch.Tensor:
        """x: (heads, n, head_dim), the halves of a head turned against each other."""
        n, size = x.shape[1], x.shape[2]
        turn = 1.0 / self.config["rope_theta"] ** (torch.arange(0, size, 2).float() / size)
        turn = turn / self.config["rope_scaling"]["factor"]
        angle = torch.outer(torch.arange(n).float(), turn)
        cos, sin = torch.cat([angle, angle], -1).cos(), torch.cat([angle, angle], -1).sin()
        half = torch.cat([-x[..., size // 2:], x[..., :size // 2]], -1)
        return x * cos + half * sin

    def attend(self, x: torch.Tensor, layer: str) -> torch.Tensor:
        n, heads = x.shape[0], self.config["num_attention_heads"]
        q, k, v = ((x @ self.w[f"{layer}.self_attn.{p}_proj.weight"].T)
                   .reshape(n, heads, -1).transpose(0, 1) for p in "qkv")
        scores = self.rotate(q) @ self.rotate(k).transpose(1, 2) * q.shape[2] ** -0.5
        scores = scores.masked_fill(torch.ones(n, n, dtype=torch.bool).triu(1), -torch.inf)
        out = (torch.softmax(scores, -1) @ v).transpose(0, 1).reshape(n, -1)
        return out @ self.w[f"{layer}.self_attn.o_proj.weight"].T

    def forward(self, ids: List[int]) -> torch.Tensor:
        x = self.w["model.embed_tokens.weight"][torch.tensor(ids)]
        for i in range(self.config["num_hidden_layers"]):
            layer = f"model.layers.{i}"
            x = x + self.attend(self.norm(x, f"{layer}.input_layernorm.weight"), layer)
            y = self.norm(x, f"{layer}.post_attention_layernorm.weight")
            gate, up = (y @ self.w[f"{layer}.mlp.{p}_proj.weight"].T for p in ("gate", "up"))
            x = x + (torch.nn.functional.silu(gate) * up) @ self.w[f"{layer}.mlp.down_proj.weight"].T
        return self.norm(x, "model.norm.weight") @ self.w["lm_head.weight"].T


class Tokenizer:
    """tokenizer.json without merges: added tokens, the longest first; then characters."""

    def __init__(self, folder: str):
        with open(os.path.join(folder, "tokenizer.json"), encoding="utf-8") as f:
            spec = json.load(f)
        self.vocab: Dict[str, int] = spec["model"]["vocab"]
        assert spec["model"]["merges"] == []
        self.unknown = self.vocab[spec["model"]["unk_token"]]
        added = [t["content"] for t in spec["added_tokens"]]
        self.added = sorted(added, key=len, reverse=True)
        self.first = [t["SpecialToken"]["id"] for t in spec["post_processor"]["single"]
                      if "SpecialToken" in t]

    def encode(self, text: str) -> List[int]:
        ids = [self.vocab[t] for t in self.first]
        at = 0
        while at < len(text):
            token = next((t for t in self.added if text.startswith(t, at)), text[at])
            ids.append(self.vocab.get(token, self.unknown))
            at += len(token)
        return ids
