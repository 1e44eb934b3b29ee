"""What twc train has written: parameters by name, how a run stands, and the programs that run it.

    model = tw.open_learned("letters.safetensors")
    model.parameters["start.embed.w"].to_array()      # (tokens, width), NumPy's where it is there
    model.next("the ")[0]                             # the likeliest token, score, probability
    model.go_on("the ", temperature=0.8, seed=1)
    model.gradients("letters.tw", "the ", of="loss")  # what twc grad --json says
"""

from __future__ import annotations

import html
import json
import os
import shutil
import struct
import subprocess
from typing import Any, Dict, List, NamedTuple, Optional

from tw._files import FileError, Tensor, floats


class Likely(NamedTuple):
    """A token that may come next; "" is <end>."""

    token: str
    score: float
    probability: float


def _program(name: str) -> str:
    """twc or twrun: of TW_BUILD, of a build beside this package, or of the PATH."""
    here = os.path.dirname(os.path.abspath(__file__))
    for folder in (os.environ.get("TW_BUILD", ""), os.path.join(here, "..", "..", "build")):
        path = os.path.join(folder, name)
        if folder and os.access(path, os.X_OK):
            return path
    found = shutil.which(name)
    if not found:
        raise FileError(f"no {name}: build it, install it, or set TW_BUILD to its folder")
    return found


def _said(arguments: List[str]) -> str:
    done = subprocess.run(arguments, capture_output=True, text=True)
    if done.returncode:
        raise ValueError(done.stderr.strip())
    return done.stdout


class LearnedModel:
    """A checkpoint of twc train."""

    def __init__(self, path: str):
        self.path = path
        with open(path, "rb") as f:
            raw = f.read()
        try:
            size = struct.unpack_from("<Q", raw)[0]
            header = json.loads(raw[8:8 + size])
            said = header.pop("__metadata__")
            self.graph: str = said["tw.graph"]  # a .twt
            self.step = int(said["tw.step"])
            words = said["tw.recipe"].split()
            self.recipe: Dict[str, float] = {k: float(v) for k, v in zip(words[::2], words[1::2])}
            self.vocab: List[str] = json.loads(said.get("tw.vocab", "[]"))
            self._tensors = {name: Tensor(tuple(entry["shape"]), floats(
                raw[slice(*(8 + size + at for at in entry["data_offsets"]))]))
                for name, entry in header.items()}
        except (struct.error, KeyError, TypeError, ValueError) as e:
            raise FileError(f"{path}: damaged, or not written by twc train") from e

    @property
    def parameters(self) -> Dict[str, Tensor]:
        """What is learned, or frozen, by its path in the program."""
        return {k: v for k, v in self._tensors.items() if not k.startswith(("adamw.", "sgd."))}

    @property
    def optimizer(self) -> Dict[str, Tensor]:
        """What the optimizer remembers, for --resume: adamw.m.NAME, adamw.v.NAME, sgd.m.NAME."""
        return {k: v for k, v in self._tensors.items() if k.startswith(("adamw.", "sgd."))}

    def next(self, text: str) -> List[Likely]:
        """All tokens that may come after a text, the likeliest first."""
        said = json.loads(_said([_program("twrun"), self.path, text, "--json"]))
        return sorted((Likely(**one) for one in said["next"]), key=lambda one: -one.score)

    def go_on(self, text: str, tokens: Optional[int] = None, temperature: float = 0.0,
              top_k: int = 0, seed: int = 0) -> str:
        """How a text goes on: the likeliest tokens, or drawn ones."""
        command = [_program("twrun"), self.path, text, "--temperature", str(temperature),
                   "--seed", str(seed)]
        if tokens:
            command += ["-n", str(tokens)]
        if top_k:
            command += ["--top-k", str(top_k)]
        return _said(command)[:-1]

    def gradients(self, program: str, text: str, of: Optional[str] = None) -> Dict[str, Any]:
        """What twc grad --json says of the program with these parameters."""
        command = [_program("twc"), "grad", program, text, "--model", self.path, "--json"]
        return json.loads(_said(command + (["--of", of] if of else [])))

    def ablated(self, program: str, *parts: str, like: Optional[str] = None,
                data: Optional[str] = None) -> Dict[str, Any]:
        """What twc ablate --json says: what is right when these parts are replaced, or each."""
        command = [_program("twc"), "ablate", program, *parts, "--model", self.path, "--json"]
        command += ["--like", like] if like else []
        return json.loads(_said(command + (["--data", data] if data else [])))

    def __repr__(self) -> str:
        count = sum(len(t.data) for t in self.parameters.values())
        return (f"<tw.LearnedModel {self.path}: {count:,} parameters in "
                f"{len(self.parameters)} arrays, step {self.step}>")

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{name}</td><td>{'×'.join(map(str, t.shape)) or '1'}</td>"
            f"<td>{max(map(abs, t.data), default=0):.4g}</td></tr>"
            for name, t in self.parameters.items())
        return (f"<p>{html.escape(repr(self)[1:-1])}</p><table><tr><th>parameter</th><th>shape</th>"
                f"<th>greatest</th></tr>{rows}</table>")


def open_learned(path: str) -> LearnedModel:
    """What twc train has written."""
    return LearnedModel(path)
