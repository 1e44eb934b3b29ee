"""Model files: the weights and the tw.* properties of an .onnx or a .safetensors file.

Of ONNX only what twc writes is read: a ModelProto's graph (field 7) with its initializers (field
5), and metadata_props (field 14), in protobuf's wire format.
"""

from __future__ import annotations

import array
import json
import struct
import sys
from dataclasses import dataclass
from typing import Any, Iterator, List, Tuple, Union

try:
    import numpy
except ImportError:  # all works without
    numpy = None

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
GRAPH, INITIALIZER, PROPERTY = 7, 5, 14
FLOAT = 1

# A NumPy array, or nested lists of floats where there is no NumPy.
Array = Any


class FileError(ValueError):
    """A file that twc did not write."""


@dataclass
class Tensor:
    """A weight as it is stored, row by row."""

    shape: Tuple[int, ...]
    data: "array.array[float]"

    def row(self, i: int) -> "array.array[float]":
        """Row i of a matrix: (shape[1])."""
        wide = self.shape[1]
        return self.data[i * wide:(i + 1) * wide]

    def to_array(self) -> Array:
        """All of it: (shape)."""
        if numpy is not None:
            return numpy.array(self.data, dtype=numpy.float32).reshape(self.shape)
        return nested(list(self.data), self.shape)


def nested(flat: List[float], shape: Tuple[int, ...]) -> list:
    """A flat list as lists within lists."""
    if len(shape) <= 1:
        return flat
    size = len(flat) // shape[0] if shape[0] else 0
    return [nested(flat[i * size:(i + 1) * size], shape[1:]) for i in range(shape[0])]


def as_array(rows: list) -> Array:
    """Nested lists as a NumPy array, where there is NumPy."""
    return rows if numpy is None else numpy.array(rows, dtype=numpy.float32)


def floats(raw: bytes) -> "array.array[float]":
    """Little-endian float32."""
    data = array.array("f")
    data.frombytes(raw)
    if sys.byteorder == "big":
        data.byteswap()
    return data


@dataclass
class Contents:
    """What a file holds: weights by name, and properties by name without `tw.`."""

    tensors: dict[str, Tensor]
    properties: dict[str, Any]


# ---- .safetensors


def read_safetensors(raw: bytes) -> Contents:
    """The header is JSON, its length before it; offsets count from its end."""
    if len(raw) < 8:
        raise FileError("no .safetensors file: too short")
    size = struct.unpack_from("<Q", raw)[0]
    if size > len(raw) - 8:
        raise FileError("no .safetensors file: its header is longer than the file")
    header = json.loads(raw[8:8 + size])
    properties = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        tensors[name] = Tensor(tuple(entry["shape"]), floats(raw[8 + size + start:8 + size + end]))
    return Contents(tensors, parse_properties(properties.items()))


# ---- .onnx


def varint(raw: bytes, at: int) -> Tuple[int, int]:
    """A number of seven bits a byte, the lowest first; and where it ends."""
    value = shift = 0
    while True:
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def fields(raw: bytes, at: int, end: int) -> Iterator[Tuple[int, Union[int, Tuple[int, int]]]]:
    """The fields of a message: its number, and a value, or where its bytes start and end."""
    while at < end:
        key, at = varint(raw, at)
        kind = key & 7
        if kind == VARINT:
            value, at = varint(raw, at)
            yield key >> 3, value
        elif kind == BYTES:
            size, at = varint(raw, at)
            yield key >> 3, (at, at + size)
            at += size
        elif kind == FIXED32:
            at += 4
        elif kind == FIXED64:
            at += 8
        else:
            raise FileError("no .onnx file: a field of unknown kind")


def onnx_tensor(raw: bytes, at: int, end: int) -> Tuple[str, Tensor | None]:
    """An initializer; None unless it is of floats."""
    shape: List[int] = []
    name, kind, data = "", 0, b""
    for field, value in fields(raw, at, end):
        if field == 1 and isinstance(value, int):
            shape.append(value)
        elif field == 1:
            start, stop = value
            while start < stop:
                size, start = varint(raw, start)
                shape.append(size)
        elif field == 2:
            kind = value
        elif field == 8:
            name = raw[value[0]:value[1]].decode()
        elif field == 9:
            data = raw[value[0]:value[1]]
    return name, Tensor(tuple(shape), floats(data)) if kind == FLOAT else None


def read_onnx(raw: bytes) -> Contents:
    """The initializers that are weights, and the properties."""
    tensors, properties = {}, []
    for field, value in fields(raw, 0, len(raw)):
        if field == GRAPH:
            for inner, span in fields(raw, *value):
                if inner == INITIALIZER:
                    name, tensor = onnx_tensor(raw, *span)
                    if tensor is not None:
                        tensors[name] = tensor
        elif field == PROPERTY:
            pair = {n: raw[a:b].decode() for n, (a, b) in fields(raw, *value)}
            properties.append((pair[1], pair[2]))
    return Contents(tensors, parse_properties(properties))


def parse_properties(pairs: Any) -> dict[str, Any]:
    """tw.* properties, each JSON."""
    return {key[3:]: json.loads(value) for key, value in pairs if key.startswith("tw.")}


def read_file(path: str) -> Contents:
    """Either kind, by what it starts with."""
    with open(path, "rb") as f:
        raw = f.read()
    try:
        contents = read_safetensors(raw) if raw[8:9] == b"{" else read_onnx(raw)
    except (IndexError, KeyError, TypeError, UnicodeDecodeError, json.JSONDecodeError) as e:
        if b'"tw.graph"' in raw[:1 << 20]:
            raise FileError(f"{path}: it was learned: tw.open_learned opens it") from e
        raise FileError(f"{path}: damaged, or not written by twc") from e
    if "version" not in contents.properties:
        raise FileError(f"{path}: not written by twc")
    return contents
