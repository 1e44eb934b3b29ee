"""A model: what the file says of it, its weights by name, and what can be done with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Sequence, Tuple

from tw import _engine, _html, _torch
from tw._circuit import Circuit
from tw._files import Array, Contents, FileError, Tensor, read_file
from tw._library import Session

WEIGHTS = ("embed.", "layers.", "head.", "labels.")


@dataclass
class Named:
    """A named value of the program.

    It stands in columns of the stream from `state` on, unless it is folded: then its parts are in
    the weights of who reads them, and the circuit has its form.
    """

    name: str
    line: int
    kind: str  # "int", "bool", "token", "real"
    reference: bool  # the number of a position, -1 where there is none
    folded: bool
    state: Optional[int] = None
    columns: List[int] = field(default_factory=list)
    weights: List[float] = field(default_factory=list)
    bias: float = 0.0
    members: List[str] = field(default_factory=list)


@dataclass
class Label:
    """An output at every position: name, kind, and how many columns."""

    name: str
    kind: str
    columns: int
    error: float = 0.0


@dataclass
class Layer:
    """Shapes of one layer, and its weights.

    wq, wk (d_model, heads * key_size), wv (d_model, heads * value_size), wo (heads * value_size,
    d_model), w1 (d_model, neurons), w2 (neurons, d_model), and biases; None where there are no
    heads or no neurons.
    """

    heads: int
    key_size: int
    value_size: int
    neurons: int
    weights: Dict[str, Tensor]


class Model:
    """A compiled program. `tw.open` makes one."""

    def __init__(self, path: str, contents: Contents):
        p = contents.properties
        self.path = path
        self.properties: Dict[str, Any] = p
        self.name: str = p["name"]
        self.vocab: List[str] = p["vocab"]
        self.context: int = p["context"]
        self.causal: bool = p["attention"] == "causal"
        self.fields: List[int] = p.get("fields") or [len(self.vocab)]
        self.is_record: bool = "fields" in p
        self.inputs: List[dict] = p.get("inputs", [])
        self.end: int = p["special"]["end"]
        self.bos: int = p["special"]["bos"]
        self.tensors = {k: t for k, t in contents.tensors.items() if k.startswith(WEIGHTS)}
        self.named = [self._named(v) for v in p["residual"]]
        self.labels = [Label(v["name"], v["kind"], v["columns"], v.get("error", 0.0))
                       for v in p["labels"]]
        self.layers = [self._layer(i, v) for i, v in enumerate(p["layers"])]
        self.certificate: dict = p["certificate"]
        self.d_model: int = next(t.shape[-1] for k, t in self.tensors.items()
                                 if k.startswith("embed."))
        self._engine: Optional[_engine.Engine] = None
        self._circuit: Optional[Circuit] = None

    @staticmethod
    def _named(v: dict) -> Named:
        known = {k: v[k] for k in Named.__dataclass_fields__ if k in v}
        return Named(**known)

    def _layer(self, i: int, v: dict) -> Layer:
        start = f"layers.{i}."
        own = {k[len(start):]: t for k, t in self.tensors.items() if k.startswith(start)}
        return Layer(v["heads"], v["key_size"], v["value_size"], v["neurons"], own)

    def __repr__(self) -> str:
        return (f"<tw.Model {self.name}: {len(self.layers)} layers, d_model {self.d_model}, "
                f"{len(self.vocab)} tokens, context {self.context}>")

    def _repr_html_(self) -> str:
        """In a notebook: layers, heads and what neurons are for."""
        return _html.model_as_html(self)

    # ---- what it is made of

    @property
    def weights(self) -> Dict[str, Array]:
        """Every weight by its name in the file, as an array."""
        return {name: t.to_array() for name, t in self.tensors.items()}

    @property
    def emits(self) -> bool:
        """Whether it has logits."""
        return "head.w" in self.tensors

    @property
    def circuit(self) -> Circuit:
        """What its nodes are for, named values as forms over them, and edges between them."""
        if self._circuit is None:
            self._circuit = Circuit(self)
        return self._circuit

    def named_value(self, name: str) -> int:
        """The number of a named value; of several of one name the last."""
        for i in range(len(self.named) - 1, -1, -1):
            if self.named[i].name == name:
                return i
        raise KeyError(f"no value is named '{name}' in {self.name}")

    def place_table(self, place: int) -> List[float]:
        """What a place adds to the stream: (d_model)."""
        whole = self.tensors.get("embed.position")
        if whole is not None:
            return list(whole.row(place))
        row = [0.0] * self.d_model
        for i, part in enumerate(self.properties["positions"]):
            digit = max(place - part["back"], 0) // part["divide"]
            last = part["modulo"] - 1
            digit = min(digit, last) if part["saturate"] else digit % part["modulo"]
            table = self.tensors[f"embed.position.{i}"]
            for column, x in zip(part["columns"], table.row(digit)):
                row[column] += x
        return row

    # ---- texts

    def session(self, trace: bool = True) -> Session:
        """The model in libtw, as twrun runs it."""
        return Session(self, trace)

    def tokenize(self, text: str) -> List[List[int]]:
        """The tokens of a text by longest match: (n, fields) rows of the vocabulary."""
        if self.is_record:
            return self.session(False).tokenize(text)
        by_length = sorted(range(len(self.vocab)), key=lambda r: -len(self.vocab[r]))
        rows, at = [], 0
        while at < len(text):
            row = next((r for r in by_length if text.startswith(self.vocab[r], at)), None)
            if row is None:
                raise ValueError(f"no token starts at {at} of '{text}'")
            rows.append([row])
            at += len(self.vocab[row])
        return rows

    def answer(self, text: str) -> str:
        """How a prompt goes on, by libtw."""
        return self.session(False).answer(text)

    def run(self, text: str | Sequence[Sequence[int]],
            patches: Sequence[_engine.Patch] = ()) -> _engine.Run:
        """One pass over a text, with all that happens in it, and some of it replaced."""
        if self._engine is None:
            self._engine = _engine.Engine(self)
        rows = self.tokenize(text) if isinstance(text, str) else [list(r) for r in text]
        return self._engine.run(rows, list(patches))

    def ablate(self, text: str, layer: int, *, head: Optional[int] = None,
               neuron: Optional[int] = None) -> _engine.Run:
        """A run in which a head, or a neuron, gives 0 at every place."""
        places = range(len(self.tokenize(text)) + 1)
        if head is not None:
            zero = [0.0] * self.layers[layer].value_size
            return self.run(text, [_engine.Patch.head(layer, head, p, zero) for p in places])
        if neuron is None:
            raise ValueError("say which head or which neuron")
        return self.run(text, [_engine.Patch.neuron(layer, neuron, p, 0.0) for p in places])

    # ---- elsewhere

    def to_torch(self) -> Any:
        """A torch.nn.Module of it: rows (batch, n) to logits (batch, n + 1, rows)."""
        return _torch.to_torch(self)

    def transformer_lens_state_dict(self, names: str = "hooked"
                                    ) -> Tuple[Dict[str, Any], Dict[str, Any]]:
        """The config and the state dict of TransformerLens's HookedTransformer; names="bridge": as
        TransformerBridge of TransformerLens 3 names and shapes them."""
        return _torch.transformer_lens(self, names)


def open_model(path: str) -> Model:
    """The model in an .onnx or .safetensors file of twc."""
    try:
        return Model(path, read_file(path))
    except (KeyError, StopIteration) as e:
        raise FileError(f"{path}: something is missing: {e}") from e
