"""The form of the lessons and of their solutions. What they compute is checked by nbval.

Each check of `tools/form.py` is tried at the end on a small notebook that was spoilt on purpose.
"""

import base64
import inspect
import io
import re
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

import address
from form import (
    EVERY_LESSON,
    EVERY_NOTEBOOK,
    claims_something_under_each_figure,
    compares_no_clock_readings,
    describes_each_figure,
    explains_its_code,
    has_clean_outputs,
    has_few_short_cells,
    has_stable_metadata,
    is_small,
    names_no_place_on_a_machine,
    numbers_its_sections,
    promises_something_in_some_minutes,
    prose,
    sets_three_exercises,
    sets_up_first,
    shows_builders_as_they_are,
    starts_with_a_title,
    tags_what_differs_from_run_to_run,
    uses_known_tags,
    was_run_in_order,
    writes_mathematics_that_is_drawn,
)
from gru_tf import models
from notebooks import METADATA, in_few_colours

ROOT = Path(__file__).resolve().parents[2]
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SOLUTIONS = sorted((ROOT / "notebooks" / "solutions").glob("*.ipynb"))


def name(path):
    return path.relative_to(ROOT / "notebooks").with_suffix("").as_posix()


@pytest.mark.parametrize("check", EVERY_NOTEBOOK, ids=lambda check: check.__name__)
@pytest.mark.parametrize("path", LESSONS + SOLUTIONS, ids=name)
def test_notebook(path, check):
    assert not list(check(nbformat.read(path, as_version=4)))


@pytest.mark.parametrize("check", EVERY_LESSON, ids=lambda check: check.__name__)
@pytest.mark.parametrize("path", LESSONS, ids=name)
def test_lesson(path, check):
    assert not list(check(nbformat.read(path, as_version=4)))


@pytest.mark.parametrize("path", LESSONS, ids=name)
def test_lesson_has_its_number_and_opens_in_colab(path):
    first = nbformat.read(path, as_version=4).cells[0].source
    assert first.startswith(f"# {path.name[:2]} · ")
    assert address.badge(path.relative_to(ROOT).as_posix()) in first


@pytest.mark.parametrize("path", LESSONS + SOLUTIONS, ids=name)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#:]+)[^):]*\)", prose(nbformat.read(path, as_version=4))):
        assert (path.parent / target).exists(), f"{target} is not there"


def test_every_lesson_has_its_solutions():
    assert [path.name for path in SOLUTIONS] == [path.name for path in LESSONS]


def png(array):
    written = io.BytesIO()
    Image.fromarray(array).save(written, "PNG")
    return base64.b64encode(written.getvalue()).decode()


def pixels(text):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))).convert("RGB")).astype(int)


def test_figures_are_stored_in_few_colours_where_none_is_missed():
    _, ax = plt.subplots(figsize=(4, 3))
    for power in range(1, 6):
        ax.plot(np.linspace(0, 1, 50) ** power)
    written = io.BytesIO()
    ax.figure.savefig(written, format="png")
    plt.close(ax.figure)
    figure = base64.b64encode(written.getvalue()).decode()
    assert len(in_few_colours(figure)) < 0.6 * len(figure)
    assert np.abs(pixels(in_few_colours(figure)) - pixels(figure)).max() <= 8

    rng = np.random.default_rng(0)
    noise = png(rng.integers(0, 256, (64, 64, 3), dtype="uint8"))
    assert in_few_colours(noise) == noise, "256 colours are too few"
    seen_through = png(np.full((4, 4, 4), 128, dtype="uint8"))
    assert in_few_colours(seen_through) == seen_through


# Can the checks fail? Each must say nothing of this notebook, and something of it spoilt.


def good_notebook():
    figure = new_output("display_data", data={"image/png": "AAAA", "text/plain": "<Figure>"})
    builder = inspect.getsource(models.build_next_value_regressor)
    cells = [
        new_markdown_cell(
            "# 01 · A title\n\nYou will see what a gate does.\n\nAbout 1 minute on 2 cores.\n\n"
        ),
        new_markdown_cell("## You will be able to\n\n" + "- write $h_t$ and say its name\n" * 20),
        new_code_cell(address.set_up("01"), metadata={"tags": ["nbval-ignore-output"]}),
        new_code_cell("draw()", outputs=[figure]),
        new_code_cell("print(1 > 0)", outputs=[new_output("stream", name="stdout", text="True\n")]),
        new_code_cell(re.sub(r'    """.*?"""\n', "", builder, flags=re.S).strip()),
        new_markdown_cell("## 1. Exercises\n\n1. **Recall.** A\n2. **Change.** B\n3. **Build.** C"),
        new_markdown_cell("## 2. Summary\n\nRecall what changed."),
    ]
    for count, cell in enumerate((cell for cell in cells if cell.cell_type == "code"), 1):
        cell.execution_count = count
    return new_notebook(cells=cells, metadata=METADATA)


SPOILT = {
    starts_with_a_title: lambda cells: cells[0].update(source="No title"),
    numbers_its_sections: lambda cells: cells[7].update(source="## 3. Summary"),
    has_few_short_cells: lambda cells: cells[4].update(source="x = 1\n" * 26),
    was_run_in_order: lambda cells: cells[4].update(execution_count=7),
    has_clean_outputs: lambda cells: cells[4].outputs.append(
        new_output("stream", name="stderr", text="a warning")
    ),
    is_small: lambda cells: cells[3].outputs.extend(cells[3].outputs * 8),
    names_no_place_on_a_machine: lambda cells: cells[4].outputs[0].update(text="/tmp/x\n"),
    uses_known_tags: lambda cells: cells[4].metadata.update(tags=["nbval-skip"]),
    has_stable_metadata: lambda cells: cells[4].metadata.update(execution={}),
    sets_up_first: lambda cells: cells[2].update(source="pass"),
    claims_something_under_each_figure: lambda cells: cells[4].metadata.update(
        tags=["nbval-ignore-output"]
    ),
    tags_what_differs_from_run_to_run: lambda cells: (
        cells[4].outputs[0].update(text="Epoch 1/3\n8/8 - 0s - 20ms/step - loss: 1\n")
    ),
    compares_no_clock_readings: lambda cells: cells[4].update(
        source="start = time.perf_counter()\nprint(time.perf_counter() - start < 1)"
    ),
    shows_builders_as_they_are: lambda cells: cells[5].update(
        source=cells[5].source.replace("units=32", "units=33")
    ),
    writes_mathematics_that_is_drawn: lambda cells: cells[1].update(source=r"$\nosuchthing$"),
    describes_each_figure: lambda cells: cells.insert(4, cells[3]),
    promises_something_in_some_minutes: lambda cells: cells[0].update(source="# A title\n\nA GRU."),
    explains_its_code: lambda cells: cells[1].update(source="## You will be able to"),
    sets_three_exercises: lambda cells: cells[6].update(source="## Exercises\n\n1. **Recall.** A"),
}


@pytest.mark.parametrize("check", EVERY_NOTEBOOK + EVERY_LESSON, ids=lambda check: check.__name__)
def test_check_passes_a_good_notebook_and_not_a_spoilt_one(check):
    notebook = good_notebook()
    assert not list(check(notebook))
    SPOILT[check](notebook.cells)
    assert list(check(notebook))


def test_the_cells_of_exercises_are_not_counted_among_the_thirty():
    notebook = good_notebook()
    n_more = 30 - sum(cell.cell_type == "code" for cell in notebook.cells)
    notebook.cells += [new_code_cell("x") for _ in range(n_more)]
    tagged = {"tags": ["exercise"]}
    notebook.cells += [new_code_cell("x", metadata=tagged) for _ in range(6)]
    assert not list(has_few_short_cells(notebook))
    notebook.cells.append(new_code_cell("x"))
    assert len(list(has_few_short_cells(notebook))) == 1


@pytest.mark.parametrize(
    ("check", "spoil"),
    [
        (has_few_short_cells, lambda cells: cells.extend([new_code_cell("x")] * 27)),
        (has_few_short_cells, lambda cells: cells.extend([new_code_cell("x\n" * 7)] * 9)),
        (has_clean_outputs, lambda cells: cells[4].outputs.extend(cells[4].outputs)),
        (has_clean_outputs, lambda cells: cells[4].metadata.update(tags=["raises-exception"])),
        (
            has_clean_outputs,
            lambda cells: cells[4].outputs.append(new_output("error", ename="E", evalue="")),
        ),
        (is_small, lambda cells: cells[3].outputs[0].data.update({"image/svg+xml": "<svg>"})),
        (is_small, lambda cells: cells[3].outputs[0].data.update({"image/png": "A" * 500_000})),
        (names_no_place_on_a_machine, lambda cells: cells[4].update(source="open('/home/me/x')")),
        (names_no_place_on_a_machine, lambda cells: cells[4].update(source=r"open('C:\x')")),
        (sets_up_first, lambda cells: cells[2].metadata.clear()),
        (sets_up_first, lambda cells: cells[0].update(source="# A title")),
        (sets_up_first, lambda cells: cells[0].update(source="# 99 · A title")),
        (
            compares_no_clock_readings,
            lambda cells: [
                cells[3].update(source="ratio = table['seconds'].sum() / timeit(f)"),
                cells[4].update(source="print(bool(0.5 < ratio))"),
            ],
        ),
        (claims_something_under_each_figure, lambda cells: cells.insert(4, cells[6])),
        (
            promises_something_in_some_minutes,
            lambda cells: cells[0].update(source=cells[0].source.replace("About 1", "One")),
        ),
        (explains_its_code, lambda cells: cells[1].update(source="word " * 500)),
    ],
)
def test_check_sees_other_ways_to_spoil_a_notebook(check, spoil):
    notebook = good_notebook()
    spoil(notebook.cells)
    assert list(check(notebook))
