"""A run as a picture in a notebook: the one that the playground draws.

Text runs across, depth runs down: under the attention of each layer its heads, with what they look
for and arcs to where they look; under its neurons those that were made for one named value, a
square each, filled where it is awake; named values where they first stand whole in the stream, and
below all, in italics, those that never do. The last position of the text is the chosen one.
"""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING, Dict, List, Tuple

if TYPE_CHECKING:
    from tw._engine import Run
    from tw._model import Model, Named

WIDE, TALL, LABEL = 34, 34, 230
MOST_POSITIONS, MOST_SQUARES, LEAST_WEIGHT = 120, 400, 0.01

STYLE = """
.tw-run{overflow-x:auto;font:13px/1.45 system-ui,sans-serif;color:#1d2127;background:#fff}
.tw-run table{border-collapse:collapse;margin:0;table-layout:fixed;width:max-content}
.tw-run td,.tw-run th{border:0;padding:1px 2px;text-align:center;height:25px;background:none}
.tw-run th{width:230px;max-width:230px;text-align:left;font-weight:400;white-space:nowrap;
overflow:hidden;text-overflow:ellipsis;position:sticky;left:0;background:#fff}
.tw-run td{width:34px;min-width:34px;font:13px ui-monospace,monospace;white-space:nowrap;
overflow:hidden}
.tw-run .at{background:#fff3cf}.tw-run .band th{color:#545d68;border-top:1px solid #dfe3e8;
max-width:none;overflow:visible}
.tw-run .text td{font-size:16px;font-weight:600}.tw-run .value td{color:#0a6b52}
.tw-run .meant td{font-style:italic;color:#545d68}.tw-run .next td{color:#0b5cad;font-weight:700}
.tw-run .head th b{color:#b8470a}.tw-run .neurons th b{color:#6f3fc4}
.tw-run .wide{padding:0;text-align:left}.tw-run svg{display:block;overflow:visible}
"""


def shown(token: str) -> str:
    """As it is printed, white space too."""
    return html.escape({" ": "␣", "\n": "⏎", "\t": "⇥"}.get(token, token))


def number(x: float) -> str:
    """A whole number as one."""
    if math.isnan(x):
        return ""
    near = round(x)
    return str(near) if abs(x - near) < 0.01 else f"{x:.3g}"


class Picture:
    """The rows of one run."""

    def __init__(self, run: "Run"):
        self.run = run
        self.model: "Model" = run.model
        self.n = min(len(run.rows), MOST_POSITIONS)
        self.rows: List[str] = []

    def row(self, kind: str, label: str, cells: List[str], title: str = "") -> None:
        """One of cells: that of <bos>, then one for each position."""
        last = self.n
        marked = "".join(f'<td{" class=at" if i == last else ""}>{c}</td>'
                         for i, c in enumerate(cells))
        self.rows.append(f'<tr class={kind}><th title="{html.escape(title)}">{label}</th>'
                         f'{marked}</tr>')

    def wide_row(self, kind: str, label: str, content: str, title: str = "") -> None:
        """One whose content spans all positions."""
        self.rows.append(f'<tr class={kind}><th title="{html.escape(title)}">{label}</th>'
                         f'<td class=wide colspan={self.n + 1}>{content}</td></tr>')

    def band(self, text: str) -> None:
        """A heading."""
        self.rows.append(f"<tr class=band><th colspan=2>{text}</th></tr>")

    # ---- the parts

    def text(self) -> None:
        """The tokens, or the numbers that were fed."""
        m = self.model
        cells = ["◦"]
        for row in self.run.rows[:self.n]:
            words = [number(x) for x in row] if m.inputs else \
                [shown(m.vocab[int(r)]) for r in row]
            cells.append("<br>".join(words))
        self.row("text", "text", cells)

    def arcs(self, layer: int, head: int) -> str:
        """Where a head looks: from the last position, and faintly from all."""
        weights = self.run._attention[layer][head]
        paths = []
        for here in range(self.n + 1):
            for there, weight in enumerate(weights[here][:self.n + 1]):
                if weight < LEAST_WEIGHT or (here < self.n and (there == 0 or weight < 0.3)):
                    continue
                x, y = (here + 0.5) * WIDE, (there + 0.5) * WIDE
                floor = TALL - 4
                high = floor - min(floor - 3, 9 + abs(x - y) / 7)
                line = f"M{x - 4:g} {floor}C{x - 13:g} 4 {x + 13:g} 4 {x + 4:g} {floor}" \
                    if here == there else f"M{x:g} {floor}C{x:g} {high:g} {y:g} {high:g} {y:g} {floor}"
                strong = 0.16 if here < self.n else max(0.12, weight) * (0.5 if there == 0 else 1)
                wide = 1 if here < self.n else 2
                paths.append(f'<path d="{line}" fill="none" stroke="#b8470a" stroke-width="{wide}" '
                             f'opacity="{strong:.2f}"/>')
        return f'<svg width="{(self.n + 1) * WIDE}" height="{TALL}">{"".join(paths)}</svg>'

    def heads(self, layer: int) -> None:
        """The attention of a layer."""
        made = self.model.circuit.json["layers"][layer]["heads"]
        if made:
            self.band(f"<b>layer {layer}</b> attention, {len(made)} "
                      f"head{'s' if len(made) > 1 else ''}")
        for i, head in enumerate(made):
            at = html.escape(head["at"])
            brings = sorted({base(self.model.named[v].name) for v in head["values"] if v >= 0})
            label = f"<b>◉</b> {at}" + (f" → {html.escape(', '.join(brings))}" if brings else "")
            self.wide_row("head", label, self.arcs(layer, i), f"a{layer}.h{i}: {head['at']}")

    def neurons(self, layer: int) -> None:
        """The neurons of a layer, by the named value that each was made for."""
        owners = self.model.circuit.json["layers"][layer]["neurons"]
        groups: Dict[str, List[int]] = {}
        for i, owner in enumerate(owners):
            name = base(self.model.named[owner].name) if owner >= 0 else ""
            groups.setdefault(name, []).append(i)
        if groups:
            self.band(f"<b>layer {layer}</b> neurons, {len(owners)}")
        place = self.run._neurons[layer][self.n] if groups else []
        for name, members in groups.items():
            awake = [i for i in members if place[i] > 0]
            label = f"<b>∿</b> {html.escape(name) or 'what is emitted'}"
            self.wide_row("neurons", label, squares(members, set(awake))
                          + f"<small>{len(awake)} of {len(members)} awake</small>")

    def values(self, state: int) -> None:
        """Named values that first stand whole in a state; -1: never."""
        for i, named in enumerate(self.model.named):
            whole = not named.folded and not named.reference
            if (named.state == state) if whole else state < 0:
                self.value(i, named, "value" if whole else "meant")

    def value(self, i: int, named: "Named", kind: str) -> None:
        """A named value at every position."""
        cells = [""] + [self.spelled(named, x) for x in self.run.value(i)[:self.n]]
        self.row(kind, f"{'⌖' if named.reference else '▢'} {html.escape(named.name)}", cells,
                 f"line {named.line}")

    def spelled(self, named: "Named", x: float) -> str:
        """A value as the program has it."""
        if math.isnan(x):
            return ""
        if named.reference:
            return "-" if x < 0 else number(x)
        whole = round(x)
        if named.members and 0 <= whole < len(named.members):
            return html.escape(named.members[whole])
        if named.kind == "token":
            return shown(self.model.vocab[whole]) if 0 <= whole < len(self.model.vocab) else "end"
        if named.kind == "bool":
            return "true" if whole else "false"
        return number(x)

    def answers(self) -> None:
        """What comes next at each position, and the labels."""
        m = self.model
        self.band("<b>next token</b>" if m.emits else "<b>output</b>")
        if m.emits:
            cells = [""]
            for place in range(1, self.n + 1):
                rows = best_rows(m, self.run.logits[place])
                cells.append("end" if rows == [m.end] else
                             "<br>".join(shown(m.vocab[r]) for r in rows))
            self.row("next", "says next", cells)
        for label in m.labels:
            found = self.run.label(label.name)
            self.row("next", html.escape(label.name),
                     [""] + [" ".join(number(float(x)) for x in row) for row in found[:self.n]])

    def as_html(self) -> str:
        """All of it."""
        self.text()
        self.values(0)
        for layer in range(len(self.model.layers)):
            self.heads(layer)
            self.values(2 * layer + 1)
            self.neurons(layer)
            self.values(2 * layer + 2)
        self.answers()
        self.band("what the program means: values that never stand in the stream as a whole")
        self.values(-1)
        cut = f"<p>The first {self.n} of {len(self.run.rows)} positions.</p>" \
            if self.n < len(self.run.rows) else ""
        return (f'<div class="tw-run"><style>{STYLE}</style>{cut}<table>'
                f'{"".join(self.rows)}</table></div>')


def base(name: str) -> str:
    """sum[1] is of sum."""
    return name.split("[")[0]


def squares(members: List[int], awake: "set[int]") -> str:
    """A square for each neuron."""
    if len(members) > MOST_SQUARES:
        return ""
    across = 60
    marks = [f'<rect x="{i % across * 9}" y="{i // across * 9}" width="6" height="6" '
             f'fill="{"#6f3fc4" if m in awake else "#e6dcf8"}"/>' for i, m in enumerate(members)]
    high = (len(members) + across - 1) // across * 9
    return f'<svg width="{min(len(members), across) * 9}" height="{high}">{"".join(marks)}</svg>'


def best_rows(model: "Model", logits: List[float]) -> List[int]:
    """The row of each field whose logit is greatest; <end> alone where it is that."""
    first, rows = 0, []
    for i, count in enumerate(model.fields):
        span: Tuple[int, ...] = tuple(range(first, first + count))
        if i == 0:
            span += (model.end,)
        rows.append(max(span, key=lambda r: logits[r]))
        first += count
    return [model.end] if rows[0] == model.end else rows


def as_html(run: "Run") -> str:
    """The picture of a run."""
    return Picture(run).as_html()


def model_as_html(model: "Model") -> str:
    """A model: its layers, with what each head looks for and what neurons are for."""
    lines = ["<tr><th>layer</th><th>heads</th><th>neurons for</th></tr>"]
    for n, layer in enumerate(model.circuit.json["layers"]):
        heads = "<br>".join(html.escape(f"a{n}.h{i}: {h['at']}")
                            for i, h in enumerate(layer["heads"]))
        names = [base(model.named[v].name) for v in layer["neurons"] if v >= 0]
        for_names = ", ".join(f"{html.escape(v)} ({names.count(v)})" for v in dict.fromkeys(names))
        lines.append(f"<tr><td>{n}</td><td style='text-align:left'>{heads}</td>"
                     f"<td style='text-align:left'>{for_names}</td></tr>")
    return f"<p>{html.escape(repr(model)[1:-1])}</p><table>{''.join(lines)}</table>"
