"""examples/notebook.ipynb: each cell runs, and the carry is where the page says."""

from __future__ import annotations

import json
import os

from conftest import BUILD, ROOT


def test_notebook(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("TW_BUILD", BUILD)
    with open(os.path.join(ROOT, "examples", "notebook.ipynb"), encoding="utf-8") as f:
        cells = json.load(f)["cells"]
    names: dict = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), "notebook", "exec"), names)
    said = capsys.readouterr().out
    assert "12*34=408" in said and "4 with the carry, 3 without" in said and "6 = 6" in said
    grid, places = names["grid"], names["names"]
    units, equals = places.index("7"), len(places) - 1
    assert grid[0][units] == "3" and grid[0][equals] == "4"     # the digit itself
    assert grid[-1][units] == "4" and grid[-1][equals] == "3"   # what became of it
    assert all(row[i] == "4" for row in grid for i in range(units))
    assert names["picture"].startswith("<svg") and names["picture"].count("<rect") == \
        len(grid) * len(places)
