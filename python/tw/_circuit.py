"""The circuit of a model: what each node is for, named values as forms, and who reads whom.

Nodes are `token`, `place` and `input` (the embedding), `a1.h0.v2` (value 2 of head 0 of layer 1),
`m1.n6` (a neuron), and what reads: the same neurons, `a1.h0` at its ports q, k and v, `emit` (a
logit is a function of it) and `label.NAME`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Set, Tuple, Union

from tw._engine import seen_from
from tw._files import FileError

if TYPE_CHECKING:
    from tw._engine import Run
    from tw._model import Model

Node = Union[int, str]


@dataclass(frozen=True)
class Edge:
    """`target` reads `source`, times `weight`; None for what a table of the embedding gives.

    `port` is q, k or v of a head with the number of the dimension, as in k1; `in` of a neuron;
    out0, out1, ... of what is emitted, by field, and of labels.
    """

    source: str
    target: str
    port: str
    weight: Optional[float]


class Circuit:
    """tw.circuit of a model (lang/json.md)."""

    def __init__(self, model: "Model"):
        self.model = model
        self.json: Dict[str, Any] = model.properties.get("circuit") or {}
        if not self.json:
            raise FileError(f"{model.name} says nothing of its circuit")
        self.nodes: List[Dict[str, Any]] = self.json["nodes"]

    # ---- what things are for

    def form(self, name: str) -> Optional[Tuple[float, Dict[Node, float]]]:
        """A named value as a constant and so many times each node; None where there is none."""
        flat = self.json["named"][self.model.named_value(name)]
        if flat is None:
            return None
        return flat[0], dict(zip(flat[1::2], flat[2::2]))

    def owner(self, node: str) -> Optional[str]:
        """The named value that a head's value or a neuron was made for first."""
        layer, what, index = split_name(node)
        made = self.json["layers"][layer]
        if what == "m":
            owners = made["neurons"]
            number = owners[index[0]] if index[0] < len(owners) else -1
        else:
            number = made["heads"][index[0]]["values"][index[1]]
        return self.model.named[number].name if number >= 0 else None

    def looks_for(self, layer: int, head: int) -> str:
        """What a head is to find, in the program's words."""
        return self.json["layers"][layer]["heads"][head]["at"]

    @staticmethod
    def split_name(node: str) -> Tuple[int, str, List[int]]:
        """a1.h0.v2 is (1, "a", [0, 2]), m1.n6 is (1, "m", [6])."""
        return split_name(node)

    # ---- named values in a run

    def values(self, run: "Run", number: int) -> List[float]:
        """A named value at each position of a run's text."""
        flat = self.json["named"][number]
        if flat is None:
            return [math.nan] * len(run.rows)
        return _Values(self, run).form(flat)[1:]

    # ---- edges

    def edges(self) -> List[Edge]:
        """Who reads whom, as the file says; edges_of_weights() finds the same."""
        return list(_edges_of_file(self.json["edges"]))

    def edges_of_weights(self) -> List[Edge]:
        """Who reads whom, from the weights alone."""
        return list(_edges_of_weights(self.model))

    def value_set(self, name: str) -> Dict[str, Any]:
        """What a named value can be: low, high, and values where they are few."""
        found: Dict[str, Any] = self.json["values"][self.model.named_value(name)]
        return found

    def by_component(self) -> Set[Tuple[str, str]]:
        """The edges between whole heads, MLPs, embeddings and outputs: a0.h1 -> m1."""
        return {(component(e.source), component(e.target)) for e in self.edges()}

    def by_matrix(self) -> Set[Tuple[str, str]]:
        """The same, to the matrix that reads: a0.h1 -> a1.h0.q."""
        return {(component(e.source), matrix(e)) for e in self.edges()}

    def by_hook(self) -> Set[Tuple[str, str]]:
        """The same by the names of TransformerLens's hooks."""
        return {(hook_out(component(e.source)), hook_in(matrix(e))) for e in self.edges()}


def split_name(node: str) -> Tuple[int, str, List[int]]:
    """a1.h0.v2 is (1, "a", [0, 2]), m1.n6 is (1, "m", [6])."""
    parts = node.split(".")
    return int(parts[0][1:]), parts[0][0], [int(p[1:]) for p in parts[1:]]


def component(node: str) -> str:
    """The head, MLP, embedding or output that a node is part of."""
    if node[0] == "a" and "." in node:
        return ".".join(node.split(".")[:2])
    if node[0] == "m" and "." in node:
        return node.split(".")[0]
    return node


def matrix(edge: Edge) -> str:
    """The component that reads, and of a head which of its matrices."""
    port = f".{edge.port[0]}" if edge.port[0] in "qkv" else ""
    return component(edge.target) + port


def hook_out(part: str) -> str:
    """TransformerLens's name of what a component adds to the stream."""
    if part in ("token", "input"):
        return "hook_embed"
    if part == "place":
        return "hook_pos_embed"
    layer, what, index = split_name(part)
    return f"blocks.{layer}.hook_mlp_out" if what == "m" else \
        f"blocks.{layer}.attn.hook_result[{index[0]}]"


def hook_in(part: str) -> str:
    """TransformerLens's name of what a component reads."""
    if part == "emit" or part.startswith("label."):
        return part
    port = part[-1] if part[-2] == "." and part[-1] in "qkv" else ""
    layer, what, index = split_name(part[:-2] if port else part)
    return f"blocks.{layer}.hook_mlp_in" if what == "m" else \
        f"blocks.{layer}.hook_{port}_input[{index[0]}]"


# ---- forms in a run


class _Values:
    """Nodes of one run, computed once each: (places)."""

    def __init__(self, circuit: Circuit, run: "Run"):
        self.circuit = circuit
        self.run = run
        self.places = len(run.rows) + 1
        self.memo: Dict[Node, List[float]] = {}

    def form(self, flat: List[Any]) -> List[float]:
        out = [flat[0]] * self.places
        for node, times in zip(flat[1::2], flat[2::2]):
            out = [a + times * b for a, b in zip(out, self.node(node))]
        return out

    def node(self, node: Node) -> List[float]:
        if node not in self.memo:
            self.memo[node] = self._model_node(node) if isinstance(node, str) else \
                self._own_node(self.circuit.nodes[node])
        return self.memo[node]

    def _model_node(self, name: str) -> List[float]:
        layer, what, index = split_name(name)
        if what == "m":
            return [row[index[0]] for row in self.run._neurons[layer]]
        return [row[index[1]] for row in self.run._heads[layer][index[0]]]

    def _own_node(self, node: Dict[str, Any]) -> List[float]:
        rows = self.run.rows
        if "token" in node:
            at = [[self.circuit.model.bos]] + rows
            return [float(sum(lookup(node["token"], r) for r in row)) for row in at]
        if "place" in node:
            return [lookup(node["place"], p) for p in range(self.places)]
        if "digit" in node:
            return [lookup(node["table"], digit(node["digit"], p)) for p in range(self.places)]
        if "input" in node:
            return [0.0] + [float(row[node["input"]]) for row in rows]
        if "relu" in node:
            return [max(x, 0.0) for x in self.form(node["relu"])]
        if "round" in node:
            return [math.floor(x + 0.5) for x in self.form(node["round"])]
        return self._read(node)

    def _read(self, node: Dict[str, Any]) -> List[float]:
        what = self.form(node["read"])
        weights = self._weights(node["at"])
        return [sum(w * x for w, x in zip(row, what) if w) for row in weights]

    def _weights(self, at: Node) -> List[List[float]]:
        if isinstance(at, str):
            layer, _, index = split_name(at)
            return self.run._attention[layer][index[0]]
        flat = [self.form(f) for f in self.circuit.nodes[at]["find"]]
        rows = []
        for here in range(self.places):
            seen = seen_from(self.circuit.model, here, self.places)
            scores = [sum(q[here] * k[p] for q, k in zip(flat[::2], flat[1::2])) for p in seen]
            powers = [math.exp(s - max(scores)) for s in scores]
            rows.append([p / sum(powers) if p > 1e-45 else 0.0 for p in powers])
        return rows


def lookup(table: List[float], at: int) -> float:
    """Runs [first, count, value, step, ...]; 0 elsewhere."""
    for i in range(0, len(table), 4):
        first, count, value, step = table[i:i + 4]
        if first <= at < first + count:
            return float(value + (at - first) * step)
    return 0.0


def digit(of: List[int], place: int) -> int:
    """A digit of a place: [back, divide, modulo, saturate]."""
    back, divide, modulo, saturate = of
    x = max(place - back, 0) // divide
    return min(x, modulo - 1) if saturate else x % modulo


# ---- who reads whom, from the file

def _ends(flat: List[Any]) -> Iterator[Tuple[str, Optional[float]]]:
    """Names and numbers; a list of these is of the name's neighbours."""
    for name, number in zip(flat[::2], flat[1::2]):
        if not isinstance(number, list):
            yield name, number
            continue
        stem = name.rstrip("0123456789")
        first = int(name[len(stem):])
        for i, x in enumerate(number):
            yield f"{stem}{first + i}", x


def _edges_of_file(entries: List[Dict[str, Any]]) -> Iterator[Edge]:
    for entry in entries:
        sources = list(_ends(entry["of"]))
        for reader, sign in _ends(entry["to"]):
            target, port = reader.rsplit(".", 1)
            if port[0] == "n":  # a neuron, which has one port
                target, port = reader, "in"
            for source, weight in sources:
                yield Edge(source, target, port, None if weight is None else weight * sign)


# ---- who reads whom, from the weights

Vector = Dict[int, float]  # by column


def _column(w, j: int) -> Vector:
    """Column j of an (in, out) matrix, what is not 0."""
    wide = w.shape[1]
    return {i: x for i, x in enumerate(w.data[j::wide]) if x != 0}


def _row(w, i: int) -> Vector:
    return {c: x for c, x in enumerate(w.row(i)) if x != 0}


def _clearing(layer) -> Dict[int, int]:
    """The neurons that take a column away as a whole, relu(x - least) - x + least, and the column.
    Those of the compiler come last."""
    found: Dict[int, int] = {}
    w1, b1 = layer.weights["w1"], layer.weights["b1"].data
    w2, b2 = layer.weights["w2"], layer.weights["b2"].data
    for i in range(layer.neurons):
        reads, writes = _column(w1, i), _row(w2, i)
        if len(reads) != 1 or len(writes) != 1 or reads.keys() != writes.keys():
            continue
        column = next(iter(reads))
        if reads[column] == 1 and writes[column] == -1 and b1[i] == b2[column]:
            found[column] = i
    return {i: column for column, i in found.items()}


class _Stream:
    """What has been added to the stream so far, and not been cleared."""

    def __init__(self, model: "Model"):
        self.model = model
        self.nodes: Dict[str, Vector] = {}
        self.embedded = set(range(model.d_model))  # columns that still have their embedding

    def add(self, name: str, writes: Vector) -> None:
        self.nodes[name] = dict(writes)

    def clear(self, column: int) -> None:
        self.embedded.discard(column)
        for writes in self.nodes.values():
            writes.pop(column, None)

    def read_by(self, reads: Vector) -> Iterator[Tuple[str, Optional[float]]]:
        """The nodes in a linear function of the stream, and how often."""
        own = {c: w for c, w in reads.items() if c in self.embedded}
        m = self.model
        if "embed.token" in m.tensors:
            table = m.tensors["embed.token"]
            rows = [sum(w * table.row(r)[c] for c, w in own.items()) for r in range(table.shape[0])]
            if any(x != rows[0] for x in rows):
                yield "token", None
        else:
            table = m.tensors["embed.input"]
            if any(sum(w * table.row(i)[c] for c, w in own.items()) for i in range(table.shape[0])):
                yield "input", None
        if self._of_place(own):
            yield "place", None
        for name, writes in self.nodes.items():
            short, long = (reads, writes) if len(reads) < len(writes) else (writes, reads)
            times = sum(x * long[c] for c, x in short.items() if c in long)
            if times:
                yield name, times

    def _of_place(self, own: Vector) -> bool:
        """Is what the places add another at some place? <bos> has one of its own."""
        m = self.model
        whole = m.tensors.get("embed.position")
        if whole is not None:
            sums = {sum(w * whole.row(p)[c] for c, w in own.items())
                    for p in range(1, whole.shape[0])}
            return len(sums) > 1
        for i, part in enumerate(m.properties["positions"]):
            table = m.tensors[f"embed.position.{i}"]
            sums = {sum(own.get(c, 0) * x for c, x in zip(part["columns"], table.row(r)))
                    for r in range(table.shape[0])}
            if len(sums) > 1:
                return True
        return False


def _edges_of_weights(model: "Model") -> Iterator[Edge]:
    stream = _Stream(model)
    for n, layer in enumerate(model.layers):
        writes: Dict[str, Vector] = {}
        for h in range(layer.heads):
            for port, size in (("q", layer.key_size), ("k", layer.key_size),
                               ("v", layer.value_size)):
                for i in range(size):
                    reads = _column(layer.weights["w" + port], h * size + i)
                    for source, weight in stream.read_by(reads):
                        yield Edge(source, f"a{n}.h{h}", f"{port}{i}", weight)
            for i in range(layer.value_size):
                writes[f"a{n}.h{h}.v{i}"] = _row(layer.weights["wo"], h * layer.value_size + i)
        for name, vector in writes.items():
            stream.add(name, vector)
        writes, cleared = {}, _clearing(layer) if layer.neurons else {}
        for i in range(layer.neurons):
            if i in cleared:
                continue
            for source, weight in stream.read_by(_column(layer.weights["w1"], i)):
                yield Edge(source, f"m{n}.n{i}", "in", weight)
            writes[f"m{n}.n{i}"] = _row(layer.weights["w2"], i)
        for column in cleared.values():
            stream.clear(column)
        for name, vector in writes.items():
            stream.add(name, vector)
    for i, count in enumerate(model.fields if model.emits else []):
        # the logit of row c is 2 c v - c c: that of row 1, halved, has v
        if count + (i == 0) < 2:
            continue
        row = model.end if count == 1 else sum(model.fields[:i]) + 1
        reads = {c: w / 2 for c, w in _column(model.tensors["head.w"], row).items()}
        for source, weight in stream.read_by(reads):
            yield Edge(source, "emit", f"out{i}", weight)
    for label in model.labels:
        w = model.tensors[f"labels.{label.name}.w"]
        for i in range(label.columns):
            for source, weight in stream.read_by(_column(w, i)):
                yield Edge(source, f"label.{label.name}", f"out{i}", weight)
