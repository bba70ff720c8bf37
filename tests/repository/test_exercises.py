"""Lessons store their exercises unsolved; the solutions end in the same checks, and pass them."""

import re
from pathlib import Path

import nbformat
import pytest

from gru_tf.exercises import checking

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
MODULES = Path(checking.__file__).parent.glob("lesson_*.py")
LESSONS = [next(NOTEBOOKS.glob(f"{path.stem[-2:]}_*.ipynb")) for path in sorted(MODULES)]


def exercise_cells(path):
    """Return the cells to fill in, and {number: check cell}."""
    cells = [
        cell
        for cell in nbformat.read(path, as_version=4).cells
        if "exercise" in cell.metadata.get("tags", [])
    ]
    checks = {}
    for cell in cells:
        if found := re.search(r'exercises\.check\("(\d\d\.\d)", ', cell.source):
            checks[found[1]] = cell
    return [cell for cell in cells if cell not in checks.values()], checks


def printed(cell):
    return "".join(output.text for output in cell.outputs)


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_is_stored_unsolved(path):
    to_fill_in, checks = exercise_cells(path)
    assert [*checks] == [f"{path.name[:2]}.{k}" for k in (1, 2, 3)]
    assert len(to_fill_in) == 3
    for cell in to_fill_in:
        assert "# your code here" in cell.source
        assert not cell.outputs
    for number, cell in checks.items():
        assert printed(cell) == f"{number}: {checking.UNSOLVED}\n"
        checking.find(number)


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_the_solutions_pass_the_same_checks(path):
    to_fill_in, lesson = exercise_cells(path)
    filled_in, checks = exercise_cells(path.parent / "solutions" / path.name)
    assert {number: cell.source for number, cell in checks.items()} == {
        number: cell.source for number, cell in lesson.items()
    }
    for number, cell in checks.items():
        assert printed(cell).startswith(f"{number}: right.")
    code = "\n".join(cell.source for cell in filled_in)
    for name in re.findall(
        r"^(?:def )?(\w+)(?: =|\()", "\n".join(c.source for c in to_fill_in), re.M
    ):
        assert re.search(rf"\b{name}\b", code), f"{name} is not in the solutions"
