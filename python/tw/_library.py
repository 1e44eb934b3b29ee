"""libtw by ctypes: the model as twrun runs it.

The library is that of TW_LIBRARY, of a build beside this package, or of the system, and of the
version that this package is.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
from ctypes import POINTER, c_bool, c_char_p, c_double, c_float, c_int, c_void_p
from typing import TYPE_CHECKING, Dict, List, NamedTuple, Optional, Tuple

from tw._files import Array, as_array

if TYPE_CHECKING:
    from tw._model import Model

VERSION = "0.1"
TRACE = 1  # TW_TRACE of tw.h


class LibraryError(OSError):
    """libtw is not there, is of another version, or refuses something."""


class _Members(ctypes.Structure):
    _fields_ = [("n", c_int), ("name", POINTER(c_char_p))]


class _Named(ctypes.Structure):
    """TwNamed of runtime/model.h."""

    _fields_ = [("name", c_char_p), ("line", c_int), ("kind", c_int), ("reference", c_bool),
                ("folded", c_bool), ("state", c_int), ("ncolumn", c_int),
                ("column", POINTER(c_int)), ("weight", POINTER(c_float)), ("bias", c_float),
                ("members", _Members)]


class _Model(ctypes.Structure):
    """TwModel of runtime/model.h, as far as its named values."""

    _fields_ = [("name", c_char_p), ("nvocab", c_int), ("vocab", POINTER(c_char_p)),
                ("record", c_bool), ("nfield", c_int), ("first", POINTER(c_int)),
                ("context", c_int), ("bidirectional", c_bool), ("emits", c_bool),
                ("d_model", c_int), ("nlayer", c_int), ("ninput", c_int), ("input", c_void_p),
                ("embed_input", c_void_p), ("embed_token", c_void_p), ("by_digits", c_bool),
                ("embed_position", c_void_p), ("npart", c_int), ("part", c_void_p),
                ("layer", c_void_p), ("head_w", c_void_p), ("head_b", c_void_p),
                ("nlabel", c_int), ("label", c_void_p), ("nnamed", c_int),
                ("named", POINTER(_Named))]


class _Seed(ctypes.Structure):
    """TwSeed of runtime/tw.h."""

    _fields_ = [("kind", c_int), ("id", c_int), ("token", c_int), ("weight", c_double)]


class Gradients(NamedTuple):
    """Of a sum of outputs, by what lies between them and the text, at each of its positions."""

    states: Array                  # (2 layers + 1, positions, d_model)
    heads: List[Optional[Array]]   # by layer: (positions, heads * value_size); None: it has no heads
    neurons: List[Optional[Array]]  # by layer: (positions, neurons); None: it has none
    named: Dict[str, List[float]]  # by value that stands in the stream: (positions)


_library: Optional[ctypes.CDLL] = None


def _candidates() -> List[str]:
    here = os.path.dirname(os.path.abspath(__file__))
    build = os.path.join(here, "..", "..", "build")
    found = [os.environ.get("TW_LIBRARY", "")]
    if os.path.isdir(build):
        found += sorted(os.path.join(build, f) for f in os.listdir(build)
                        if f.startswith("libtw.so"))[::-1]   # the newest first
    return [f for f in found + [ctypes.util.find_library("tw") or ""] if f]


def library() -> ctypes.CDLL:
    """The library, loaded once."""
    global _library
    if _library is not None:
        return _library
    for path in _candidates():
        try:
            lib = ctypes.CDLL(path)
        except OSError:
            continue
        lib.tw_version.restype = c_char_p
        if lib.tw_version().decode() != VERSION:
            raise LibraryError(f"{path} is version {lib.tw_version().decode()}, not {VERSION}")
        _declare(lib)
        _library = lib
        return lib
    raise LibraryError("no libtw: build it, install it, or set TW_LIBRARY to its path")


def _declare(lib: ctypes.CDLL) -> None:
    error = POINTER(c_char_p)
    for name, result, arguments in (
            ("tw_load", POINTER(_Model), [c_char_p, error]),
            ("tw_free", None, [c_void_p]),
            ("tw_open", c_void_p, [c_void_p, ctypes.c_uint, error]),
            ("tw_close", None, [c_void_p]),
            ("tw_reset", None, [c_void_p]),
            ("tw_tokenize", c_int, [c_void_p, c_char_p, POINTER(c_int), error]),
            ("tw_feed_token", c_bool, [c_void_p, POINTER(c_int)]),
            ("tw_feed_numbers", c_bool, [c_void_p, POINTER(c_float)]),
            ("tw_next_token", POINTER(c_int), [c_void_p]),
            ("tw_done", c_bool, [c_void_p]),
            ("tw_refusal", c_char_p, [c_void_p]),
            ("tw_count", c_int, [c_void_p]),
            ("tw_logits", POINTER(c_float), [c_void_p]),
            ("tw_label", POINTER(c_float), [c_void_p, c_int, c_int]),
            ("tw_value", c_float, [c_void_p, POINTER(_Named), c_int]),
            ("tw_grad_from", c_void_p, [c_void_p, POINTER(_Seed), c_int, error]),
            ("tw_grad_free", None, [c_void_p]),
            ("tw_grad_all", POINTER(c_double), [c_void_p]),
            ("tw_grad_state", POINTER(c_double), [c_void_p, c_int, c_int]),
            ("tw_grad_heads", POINTER(c_double), [c_void_p, c_int, c_int]),
            ("tw_grad_neurons", POINTER(c_double), [c_void_p, c_int, c_int]),
            ("tw_spell_token", ctypes.c_size_t, [c_void_p, POINTER(c_int), c_char_p,
                                                 ctypes.c_size_t])):
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments


class Session:
    """One text, fed token by token. Close it, or use it in a `with`."""

    def __init__(self, model: "Model", trace: bool = True):
        self.model = model
        self._lib = library()
        self._session = None
        error = c_char_p()
        self._model = self._lib.tw_load(os.fsencode(model.path), ctypes.byref(error))
        if not self._model:
            raise LibraryError((error.value or b"out of memory").decode())
        self._session = self._lib.tw_open(self._model, TRACE if trace else 0, ctypes.byref(error))
        if not self._session:
            raise LibraryError((error.value or b"out of memory").decode())

    def close(self) -> None:
        """Gives the library's memory back."""
        if self._session:
            self._lib.tw_close(self._session)
        if self._model:
            self._lib.tw_free(self._model)
        self._session = self._model = None

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def tokenize(self, text: str) -> List[List[int]]:
        """(n, fields) rows of the vocabulary."""
        fields = len(self.model.fields)
        room = (c_int * (self.model.context * fields + fields))()
        error = c_char_p()
        n = self._lib.tw_tokenize(self._model, text.encode(), room, ctypes.byref(error))
        if n < 0:
            raise ValueError((error.value or b"out of memory").decode())
        return [list(room[i * fields:(i + 1) * fields]) for i in range(n)]

    def reset(self) -> None:
        """To the empty text."""
        self._lib.tw_reset(self._session)

    def feed(self, rows: List[List[int]]) -> None:
        """More tokens, (n, fields) rows; or numbers, (n, inputs)."""
        for row in rows:
            if self.model.inputs:
                ok = self._lib.tw_feed_numbers(self._session, (c_float * len(row))(*row))
            else:
                ok = self._lib.tw_feed_token(self._session, (c_int * len(row))(*row))
            if not ok:
                raise ValueError((self._lib.tw_refusal(self._session) or b"").decode())

    def logits(self) -> Optional[Array]:
        """(rows) after the last token; None if the model emits nothing."""
        at = self._lib.tw_logits(self._session)
        rows = len(self.model.vocab) + 2
        return as_array(at[:rows]) if at else None

    def next_rows(self) -> List[int]:
        """The next token: (fields) rows."""
        return self._lib.tw_next_token(self._session)[:len(self.model.fields)]

    @property
    def done(self) -> bool:
        """Whether <end> comes next, or the text is full."""
        return self._lib.tw_done(self._session)

    def spell(self, rows: List[int]) -> str:
        """A token as a text has it."""
        row = (c_int * len(rows))(*rows)
        size = self._lib.tw_spell_token(self._model, row, None, 0) + 1
        text = ctypes.create_string_buffer(size)
        self._lib.tw_spell_token(self._model, row, text, size)
        return text.value.decode()

    def answer(self, text: str) -> str:
        """How a prompt goes on."""
        self.reset()
        self.feed(self.tokenize(text))
        said = []
        while not self.done:
            rows = self.next_rows()
            said.append(self.spell(rows))
            self.feed([rows])
        return (" " if self.model.is_record else "").join(said)

    def value(self, name: str | int) -> List[float]:
        """A named value at each position of the text."""
        number = name if isinstance(name, int) else self.model.named_value(name)
        at = ctypes.pointer(self._model.contents.named[number])
        return [self._lib.tw_value(self._session, at, i)
                for i in range(self._lib.tw_count(self._session))]

    def states(self) -> Array:
        """The stream at each position of the text: (2 layers + 1, positions, d_model)."""
        one, column = (c_float * 1)(1.0), (c_int * 1)()
        named = _Named(ncolumn=1, column=column, weight=one)
        out = []
        for state in range(2 * len(self.model.layers) + 1):
            named.state = state
            rows = []
            for i in range(self._lib.tw_count(self._session)):
                row = []
                for c in range(self.model.d_model):
                    column[0] = c
                    row.append(self._lib.tw_value(self._session, ctypes.pointer(named), i))
                rows.append(row)
            out.append(rows)
        return as_array(out)

    def label(self, name: str) -> Array:
        """An output at each position: (positions, columns)."""
        number = next(i for i, v in enumerate(self.model.labels) if v.name == name)
        wide = self.model.labels[number].columns
        return as_array([self._lib.tw_label(self._session, number, i)[:wide]
                         for i in range(self._lib.tw_count(self._session))])

    def gradients(self, seeds: List[Tuple[str, "str | int", int, float]]) -> Gradients:
        """Of the sum of outputs, each (kind, which, token, weight): of the "logit" of a row or a
        word, of a "label"'s column, those of all labels counted through, or of a "named" value
        that stands in the stream, by its name or number; at a token of the text, -1 the last."""
        count = self._lib.tw_count(self._session)
        kinds = ("logit", "label", "named")
        list_ = (_Seed * len(seeds))()
        for to, (kind, which, token, weight) in zip(list_, seeds):
            if kind not in kinds:
                raise ValueError(f"'{kind}' is none of {', '.join(kinds)}")
            if isinstance(which, str):
                which = (self.model.named_value(which) if kind == "named"
                         else self.model.vocab.index(which))
            to.kind, to.id, to.weight = kinds.index(kind), which, weight
            to.token = token + count if token < 0 else token
        error = c_char_p()
        at = self._lib.tw_grad_from(self._session, list_, len(seeds), ctypes.byref(error))
        if not at:
            raise ValueError((error.value or b"out of memory").decode())
        try:
            return self._taken(at, count)
        finally:
            self._lib.tw_grad_free(at)

    def _taken(self, at: int, count: int) -> Gradients:
        lib, layers = self._lib, self.model.layers
        named = lib.tw_grad_all(at)
        values = {}
        for i in range(self._model.contents.nnamed):
            value = self._model.contents.named[i]
            if not value.folded and value.ncolumn:
                values[value.name.decode()] = named[i * count:(i + 1) * count]

        def rows(of, which, wide):
            return as_array([of(at, which, i)[:wide] for i in range(count)]) if wide else None

        return Gradients(
            as_array([[lib.tw_grad_state(at, s, i)[:self.model.d_model] for i in range(count)]
                      for s in range(2 * len(layers) + 1)]),
            [rows(lib.tw_grad_heads, n, layer.heads * layer.value_size) for n, layer in enumerate(layers)],
            [rows(lib.tw_grad_neurons, n, layer.neurons) for n, layer in enumerate(layers)],
            values)
