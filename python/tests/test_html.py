"""What a notebook shows of a model and of a run, for every example."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from conftest import EXAMPLES, texts


class Page(HTMLParser):
    """Rows by kind: label, cells; complains of tags that do not match."""

    def __init__(self, text: str):
        super().__init__()
        self.open, self.rows, self.inside = [], [], ""
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        if tag in ("br", "path", "rect"):
            return
        self.open.append(tag)
        if tag == "tr":
            self.rows.append((dict(attrs).get("class", ""), []))
        elif tag in ("th", "td"):
            self.rows[-1][1].append("")

    def handle_endtag(self, tag):
        if tag not in ("path", "rect"):
            assert self.open.pop() == tag

    def handle_data(self, data):
        if "td" in self.open or "th" in self.open:
            self.rows[-1][1][-1] += data


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_draws(compiled, name):
    model = compiled(name)
    Page(model._repr_html_())
    rows = texts(model, 1, 12)[0]
    page = Page(model.run(rows)._repr_html_())
    kinds = [kind for kind, _ in page.rows]
    assert kinds.count("head") == sum(v.heads for v in model.layers)
    assert kinds.count("value") + kinds.count("meant") == len(model.named)
    for kind, cells in page.rows:
        assert kind in ("band", "head", "neurons") or len(cells) == len(rows) + 2


def test_the_calculator(compiled):
    model = compiled("calculator")
    page = Page(model.run("12*34=")._repr_html_())
    rows = {cells[0]: cells[1:] for kind, cells in page.rows}
    assert rows["text"] == ["◦", "1", "2", "*", "3", "4", "="]
    assert rows["▢ a[1]"][-1] == "1" and rows["says next"][-1] == "4"
    assert rows["⌖ sign"] == ["", "-", "-", "2", "2", "2", "2"]
    assert any("awake" in cells[-1] for kind, cells in page.rows if kind == "neurons")
