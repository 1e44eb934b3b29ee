"""What twc train has written, as Python has it."""

from __future__ import annotations

import math
import os
import subprocess

import pytest
from conftest import ROOT

import tw

BUILD = os.environ.get("TW_BUILD", os.path.join(ROOT, "build"))
LETTERS = os.path.join(ROOT, "examples", "learned", "letters.tw")


def learned(folder) -> str:
    """letters.tw, some steps on a text of its own letters."""
    path = os.path.join(folder, "letters.safetensors")
    text = os.path.join(folder, "text.txt")
    with open(text, "w") as f:
        f.write("the sun is warm, and the sea is wide.\n" * 40)
    subprocess.run([os.path.join(BUILD, "twc"), "train", LETTERS, "--data", text, "--steps", "20",
                    "--rate", "0.005", "-o", path], check=True, capture_output=True)
    return path


def test_learned(tmp_path):
    model = tw.open_learned(learned(tmp_path))
    check_learned(model)
    with pytest.raises(tw.FileError, match="open_learned"):
        tw.open(model.path)
    with pytest.raises(tw.FileError):
        tw.open_learned(LETTERS)


def check_learned(model):
    assert model.step == 20 and model.recipe["batch"] == 16 and len(model.vocab) == 30
    assert model.parameters["start.embed.w"].shape == (30, 64)
    assert len(model.optimizer) == 2 * len(model.parameters)
    likely = model.next("the s")
    assert len(likely) == 30 and math.isclose(sum(one.probability for one in likely), 1,
                                              rel_tol=1e-6)
    assert model.go_on("the s", tokens=1) == likely[0].token
    assert model.go_on("the ", 5, 0.8, seed=3) == model.go_on("the ", 5, 0.8, seed=3)
    told = model.gradients(LETTERS, "the s")
    assert math.isclose(told["value"], likely[0].score, rel_tol=1e-4)
    names = {one["name"] for one in told["parameters"]}
    assert names == set(model.parameters)
    with pytest.raises(ValueError, match="no token"):
        model.next("7")
    assert "parameters in" in repr(model) and "start.embed.w" in model._repr_html_()
