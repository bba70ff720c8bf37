"""docs/builders.md says what the builders are, and its lines of use run."""

import ast
import re

import numpy as np
import pytest

import builders
from gru_tf import models

PAGE = builders.PAGE.read_text(encoding="utf-8")
USES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_the_page_is_current():
    assert builders.page() == PAGE, "make builders writes it anew"


def test_each_builder_has_its_lines_of_use():
    assert len(USES) == len(builders.builders()) == len(builders.DATA)


@pytest.mark.parametrize("lines", USES, ids=list(builders.builders()))
def test_lines_of_use_run_and_give_what_they_say(lines):
    names = {}
    exec(lines.replace("epochs=2", "epochs=1, verbose=0"), names)
    outputs = names["p"] if isinstance(names["p"], list) else [names["p"]]
    shapes = re.search(r"model\.predict\(x\)  # (.*)", lines)[1].split(" and ")
    assert [output.shape for output in outputs] == list(map(ast.literal_eval, shapes))
    assert all(np.isfinite(output).all() for output in outputs)


@pytest.mark.parametrize("lines", [lines for lines in USES if "told" in lines])
def test_a_translator_is_told_what_teacher_inputs_says(lines):
    names = {}
    exec(lines.split("model = ")[0], names)
    np.testing.assert_array_equal(names["x"][1], models.teacher_inputs(names["y"], 1, 2))
    assert "teacher_inputs" not in lines  # which a copied builder hasn't beside it


def test_the_table_of_layers_counts_the_forecaster_s_weights():
    """By hand: a GRU of 32 units on 4 features, two biases; then 24 outputs."""
    table = PAGE.split("## build_forecaster")[1].split("\n## ")[0]
    assert f"| `gru` | GRU | (batch, 32) | {3 * 32 * (4 + 32 + 2):,} |" in table
    assert f"| `forecast` | Dense | (batch, 24) | {24 * 33} |" in table
