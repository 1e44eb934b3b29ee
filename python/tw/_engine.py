"""A forward pass that shows and replaces all that is in it.

It multiplies what is not 0, and rounds every sum to float32 once. What libtw computes is the
same: of integers every sum is exact, and what is rounded (counts, reals) is proved to stay within
its bound.

    x = embed[token] + position[place]
    x += heads(x) wo                   a head: softmax(q k') v, a patch replaces its values
    x += relu(x w1 + b1) w2 + b2       a patch replaces neurons
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Dict, List, Optional, Sequence, Tuple

from tw import _html
from tw._files import Array, Tensor, as_array

if TYPE_CHECKING:
    from tw._model import Model

Terms = List[Tuple[int, float]]  # where, times

_FLOAT = struct.Struct("f")


def to_float32(x: float) -> float:
    """The nearest float32."""
    return _FLOAT.unpack(_FLOAT.pack(x))[0]


@dataclass(frozen=True)
class Patch:
    """One thing replaced at one place, which counts from <bos>."""

    kind: str
    layer: int
    index: int
    place: int
    values: Tuple[float, ...]
    value: Optional[int] = None  # of a head; None: all of them
    name: str = ""

    @staticmethod
    def neuron(layer: int, neuron: int, place: int, value: float) -> "Patch":
        """The neuron's value after its ReLU."""
        return Patch("neuron", layer, neuron, place, (value,))

    @staticmethod
    def head(layer: int, head: int, place: int, values: Sequence[float]) -> "Patch":
        """What a head fetches: (value_size)."""
        return Patch("head", layer, head, place, tuple(values))

    @staticmethod
    def head_value(layer: int, head: int, value: int, place: int, x: float) -> "Patch":
        """One of the values that a head fetches, a1.h0.v2."""
        return Patch("head", layer, head, place, (x,), value)

    @staticmethod
    def state(state: int, place: int, values: Sequence[float]) -> "Patch":
        """The whole stream in a state: (d_model)."""
        return Patch("state", 0, state, place, tuple(values))

    @staticmethod
    def named(name: str, position: int, value: float) -> "Patch":
        """A named value at a position of the text.

        Where it is one neuron, or one value of a head, that is set, and all who read it see it.
        Else, where it stands in columns of the stream, these are moved the shortest way that
        makes them read the value, from its state on; who reads its parts elsewhere does not see
        it. Of others, patch the nodes that `circuit.form` names.
        """
        return Patch("named", 0, 0, position + 1, (value,), None, name)


class Run:
    """What happened in one pass. Places count from <bos>."""

    def __init__(self, model: "Model", rows: List[List[int]]):
        self.model = model
        self.rows = rows
        self._states: List[List[List[float]]] = []
        self._attention: List[List[List[List[float]]]] = []
        self._heads: List[List[List[List[float]]]] = []
        self._neurons: List[List[List[float]]] = []

    def _repr_html_(self) -> str:
        """In a notebook: the picture that the playground draws."""
        return _html.as_html(self)

    @property
    def states(self) -> Array:
        """The stream: (2 layers + 1, places, d_model)."""
        return as_array(self._states)

    @property
    def attention(self) -> List[List[Array]]:
        """Weights by layer and head: (places, places), from here to there."""
        return [[as_array(h) for h in layer] for layer in self._attention]

    @property
    def heads(self) -> List[List[Array]]:
        """What each head fetched, by layer and head: (places, value_size)."""
        return [[as_array(h) for h in layer] for layer in self._heads]

    @property
    def neurons(self) -> List[Array]:
        """By layer: (places, neurons), after ReLU."""
        return [as_array(layer) for layer in self._neurons]

    @property
    def logits(self) -> Array:
        """(places, rows) after each token."""
        return as_array(self._read("head"))

    def label(self, name: str) -> Array:
        """An output at each position: (positions, columns)."""
        return as_array(self._read(f"labels.{name}")[1:])

    def value(self, name: str | int) -> List[float]:
        """A named value at each position of the text; a reference is a position, or -1."""
        number = name if isinstance(name, int) else self.model.named_value(name)
        named = self.model.named[number]
        if named.folded:
            return self.model.circuit.values(self, number)
        stream = self._states[named.state][1:]
        return [named.bias + sum(w * x[c] for c, w in zip(named.columns, named.weights))
                for x in stream]

    def next_rows(self) -> List[int]:
        """The row of each field that comes next."""
        last, rows, first = self._read("head")[-1], [], 0
        for i, count in enumerate(self.model.fields):
            own = list(range(first, first + count)) + ([self.model.end] if i == 0 else [])
            rows.append(max(own, key=lambda r: last[r]))
            first += count
        return rows

    def _read(self, name: str) -> List[List[float]]:
        """A linear function of the last state at each place."""
        w, b = self.model.tensors[name + ".w"], self.model.tensors[name + ".b"]
        columns = transposed(w)
        return [apply(columns, b.data, x) for x in self._states[-1]]


def transposed(w: Tensor) -> List[Terms]:
    """Of an (in, out) matrix, for each output the inputs that are not times 0."""
    columns: List[Terms] = [[] for _ in range(w.shape[1])]
    for i, x in enumerate(w.data):
        if x != 0:
            columns[i % w.shape[1]].append((i // w.shape[1], x))
    return columns


def apply(columns: List[Terms], bias: Optional[Sequence[float]],
          x: Sequence[float]) -> List[float]:
    """x times a matrix, plus the bias, rounded once."""
    out = [sum(x[i] * w for i, w in terms) for terms in columns]
    if bias is not None:
        out = [y + b for y, b in zip(out, bias)]
    return [to_float32(y) for y in out]


def seen_from(model: "Model", here: int, places: int) -> range:
    """The places that one may read: <bos> only itself, others what is before them, or all."""
    return range(here + 1 if model.causal or here == 0 else places)


def rounded_relu(z: List[float]) -> List[float]:
    """ReLU of sums that are float32 already."""
    return [y if y > 0 else 0.0 for y in z]


class Engine:
    """A model's matrices, column by column."""

    def __init__(self, model: "Model"):
        self.model = model
        self.layers: List[Dict[str, List[Terms]]] = [
            {k: transposed(t) for k, t in layer.weights.items() if len(t.shape) == 2}
            for layer in model.layers]

    def run(self, rows: List[List[int]], patches: List[Patch]) -> Run:
        """One pass over a text."""
        if len(rows) > self.model.context:
            raise ValueError(f"a text has {self.model.context} tokens at most")
        run = Run(self.model, rows)
        self._by_place: Dict[Tuple[str, int, int], List[Patch]] = {}
        for p in patches:
            self._file(p)
        stream = [self._embedded(rows, place) for place in range(len(rows) + 1)]
        self._keep(run, 0, stream)
        for n in range(len(self.model.layers)):
            self._attend(run, n, stream)
            self._keep(run, 2 * n + 1, stream)
            self._think(run, n, stream)
            self._keep(run, 2 * n + 2, stream)
        return run

    def _as_node(self, p: Patch) -> Patch:
        """A named value that is one node of the model, as a patch of that."""
        constant, nodes = self.model.circuit.form(p.name) or (0, {})
        if len(nodes) != 1 or not isinstance(next(iter(nodes)), str):
            return p
        (node, times), = nodes.items()
        layer, what, index = self.model.circuit.split_name(node)
        x = (p.values[0] - constant) / times
        return Patch.neuron(layer, index[0], p.place, x) if what == "m" else \
            Patch.head_value(layer, index[0], index[1], p.place, x)

    def _file(self, p: Patch) -> None:
        p = self._as_node(p) if p.kind == "named" else p
        state = p.index
        if p.kind == "named":
            named = self.model.named[self.model.named_value(p.name)]
            if named.folded or not named.columns:
                raise ValueError(f"'{p.name}' is of several nodes, and stands in no columns of "
                                 f"the stream: patch those of model.circuit.form('{p.name}')")
            state = named.state
        where = (p.kind, p.layer, p.place) if p.kind in ("neuron", "head") else \
            ("stream", state, p.place)
        self._by_place.setdefault(where, []).append(p)

    def _embedded(self, rows: List[List[int]], place: int) -> List[float]:
        m = self.model
        x = m.place_table(place)
        if m.inputs:
            table = m.tensors["embed.input"]
            for i, number in enumerate(rows[place - 1] if place else []):
                x = [a + number * b for a, b in zip(x, table.row(i))]
        else:
            table = m.tensors["embed.token"]
            for row in rows[place - 1] if place else [m.bos]:
                x = [a + b for a, b in zip(x, table.row(row))]
        return [to_float32(a) for a in x]

    def _keep(self, run: Run, state: int, stream: List[List[float]]) -> None:
        for place, x in enumerate(stream):
            for p in self._by_place.get(("stream", state, place), []):
                if p.kind == "state":
                    x[:] = p.values
                else:
                    self._set_named(x, p)
        run._states.append([list(x) for x in stream])

    def _set_named(self, x: List[float], p: Patch) -> None:
        named = self.model.named[self.model.named_value(p.name)]
        pairs = list(zip(named.columns, named.weights))
        now = named.bias + sum(w * x[c] for c, w in pairs)
        size = sum(w * w for _, w in pairs)
        for c, w in pairs:
            x[c] += (p.values[0] - now) * w / size

    def _attend(self, run: Run, n: int, stream: List[List[float]]) -> None:
        layer, m = self.model.layers[n], self.model
        run._attention.append([])
        run._heads.append([])
        if not layer.heads:
            return
        own = self.layers[n]
        q, k, v = ([apply(own["w" + c], layer.weights["b" + c].data, x) for x in stream]
                   for c in "qkv")
        out: List[List[float]] = [[] for _ in stream]
        for h in range(layer.heads):
            weights, fetched = [], []
            for here in range(len(stream)):
                seen = seen_from(m, here, len(stream))
                row = self._softmax(layer, h, q[here], k, seen)
                weights.append(row + [0.0] * (len(stream) - len(row)))
                at = h * layer.value_size
                got = [to_float32(sum(a * v[p][at + i] for p, a in enumerate(row) if a))
                       for i in range(layer.value_size)]
                for patch in self._by_place.get(("head", n, here), []):
                    if patch.index == h and patch.value is None:
                        got = list(patch.values)
                    elif patch.index == h:
                        got[patch.value] = patch.values[0]
                fetched.append(got)
                out[here] += got
            run._attention[n].append(weights)
            run._heads[n].append(fetched)
        for here, x in enumerate(stream):
            x[:] = [to_float32(a + b) for a, b in zip(x, apply(own["wo"], None, out[here]))]

    @staticmethod
    def _softmax(layer, head: int, q: List[float], k: List[List[float]],
                 seen: range) -> List[float]:
        dims = range(head * layer.key_size, (head + 1) * layer.key_size)
        scores = [to_float32(sum(q[i] * k[p][i] for i in dims)) for p in seen]
        most = max(scores)
        powers = [math.exp(s - most) for s in scores]
        total = sum(powers)
        return [to_float32(p / total) if p > 1e-45 else 0.0 for p in powers]

    def _think(self, run: Run, n: int, stream: List[List[float]]) -> None:
        layer, own = self.model.layers[n], self.layers[n]
        run._neurons.append([])
        for place, x in enumerate(stream):
            if not layer.neurons:
                run._neurons[n].append([])
                continue
            a = rounded_relu(apply(own["w1"], layer.weights["b1"].data, x))
            for p in self._by_place.get(("neuron", n, place), []):
                a[p.index] = p.values[0]
            run._neurons[n].append(a)
            x[:] = [to_float32(y + z) for y, z in
                    zip(x, apply(own["w2"], layer.weights["b2"].data, a))]
