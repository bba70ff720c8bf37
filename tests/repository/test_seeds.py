"""Lessons under other seeds: the seeds that are replaced, and the claims that fall."""

import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

import notebooks
import seeds


@pytest.mark.parametrize(
    ("source", "shifted"),
    [
        ("keras.utils.set_random_seed(0)", "keras.utils.set_random_seed(200)"),
        ("rng = np.random.default_rng(7)", "rng = np.random.default_rng(207)"),
        ("f(4, seed=1), g(seed=2)", "f(4, seed=201), g(seed=202)"),
        ("for seed in (0, 1):", "for seed in (200, 201):"),
        ("def f(x, seed=0): pass", "def f(x, seed=200): pass"),
        ("default_rng(epoch); seed = 3; reseed=4; f(seed=seed)", None),
        ("np.random.RandomState(42)  # a tutorial's own", None),
        ("y = g(n_seeds=3, x_seed=2)", None),
    ],
)
def test_shift(source, shifted):
    assert seeds.shift(source, 2) == (shifted or source)


def notebook(*cells):
    printed = [
        new_code_cell(
            source,
            outputs=[new_output("stream", name="stdout", text=text)],
            metadata={"tags": ["nbval-ignore-output"] if ignored else []},
        )
        for source, text, ignored in cells
    ]
    return new_notebook(cells=printed)


def test_claims_of_compared_cells_alone():
    lines = seeds.compared_lines(notebook(("", "a: True\n", True), ("", "b: False\n0.5\n", False)))
    assert lines == {(2, 0): "b: False", (2, 1): "0.5"}
    assert [seeds.split(line) for line in lines.values()] == [("b", "False"), ("0.5", None)]


def test_a_claim_that_falls_and_one_that_is_missing_differ_and_a_number_does_not():
    stored = {(1, 0): "a: True", (1, 1): "n: 0.5"}
    assert seeds.tabulate(stored, {1: dict(stored)})[1] is False
    table, differs = seeds.tabulate(stored, {1: {(1, 0): "a: True", (1, 1): "n: 0.6"}})
    assert not differs
    assert "    seed 1: n: 0.6" in table
    for other in ({(1, 0): "a: False"}, {}):
        table, differs = seeds.tabulate(stored, {1: dict(stored), 2: other})
        assert differs
        assert table[1].endswith("differs")


@pytest.mark.parametrize(("claim", "status"), [("x >= 0", 0), ("x < 1", 1)])
def test_command_runs_a_copy_and_tells_by_its_status(tmp_path, monkeypatch, capsys, claim, status):
    source = f"seed = dict(seed=0)['seed']\nx = seed\nprint('holds:', {claim})"
    path = tmp_path / "small.ipynb"
    nbformat.write(notebook((source, "holds: True\n", False)), path)
    before = path.read_bytes()
    monkeypatch.setattr(seeds, "BUILD", tmp_path / "build")
    monkeypatch.setattr(notebooks, "KERNEL_LOG", tmp_path / "kernels.log")
    monkeypatch.setattr(seeds, "KERNEL_LOG", tmp_path / "kernels.log")
    monkeypatch.setattr(sys, "argv", ["seeds.py", str(path), "--seeds", "1"])
    assert seeds.main() == status
    assert ("differs" in capsys.readouterr().out) == bool(status)
    assert path.read_bytes() == before
