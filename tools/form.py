"""The form of a notebook: size, order, outputs, tags, what stands under a figure.

    python tools/form.py [FILE ...]

prints the complaints about each notebook, by default about all of them, and exits
with 1 if there are any. What a notebook computes is checked by nbval.

A check is a function that takes a notebook and yields its complaints.
"""

import argparse
import ast
import copy
import inspect
import re
from pathlib import Path
from statistics import median

import nbformat
from IPython.core.inputtransformer2 import TransformerManager

import address
import figures
import mathematics
import pages
from gru_tf import models, tuning
from gru_tf.commands import run_command
from notebooks import METADATA, display_name, find_notebooks, one_line

ROOT = Path(__file__).resolve().parents[1]
TAGS = {"exercise", "nbval-ignore-output", "raises-exception"}


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def prose(notebook):
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def code_lines(cell):
    return [line for line in cell.source.splitlines() if line.strip()]


def tags(cell):
    return set(cell.metadata.get("tags", []))


def without_exercises(cells):
    """Return the cells but those that the reader fills in, or that check what is filled in."""
    return [cell for cell in cells if "exercise" not in tags(cell)]


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


def numbers_its_sections(notebook):
    """A number that is left out is a section whose heading was lost."""
    numbers = [int(number) for number in re.findall(r"(?m)^## (\d+)\. ", prose(notebook))]
    if numbers != list(range(1, len(numbers) + 1)):
        yield f"sections are numbered {numbers}, not 1, 2, ..."


def has_few_short_cells(notebook):
    cells = code_cells(notebook)
    if (n_cells := len(without_exercises(cells))) > 30:
        yield f"{n_cells} code cells beside those of the exercises, more than 30"
    del cells[0]  # the set-up cell, which is the same everywhere
    middle = median([len(code_lines(cell)) for cell in cells] or [0])
    if middle > 6:
        yield f"half of the code cells have more than 6 lines: median {middle}"
    for number, cell in enumerate(cells, 2):
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
        set(cell.metadata) - {"alt", "tags"} for cell in notebook.cells
    ):
        yield "metadata of one machine or run: save with tools/notebooks.py refresh"


def sets_up_first(notebook):
    number = re.match(r"# (\d\d) ", notebook.cells[0].source)
    if not number:
        yield "the title does not start with the lesson's number, which decides what is set up"
        return
    first = code_cells(notebook)[0]
    try:
        expected = address.set_up(number[1])
    except ValueError as error:
        yield str(error)
        return
    if first.source != expected or "nbval-ignore-output" not in tags(first):
        yield "the first code cell is not the set-up cell: python tools/address.py writes it"


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


def compares_no_clock_readings(notebook):
    """A compared cell must not decide by how long something took: it would on a busy machine.

    The names are followed from cell to cell: `ratio = seconds / others` is a reading too. They may
    be printed in a cell that is not compared. Equality is let pass: of stored readings, it is
    a claim about the store.
    """
    readings = set()
    for cell in code_cells(notebook):
        tree = ast.parse(TransformerManager().transform_cell(cell.source))
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign):
                reads = is_clock_reading(node.value, readings)
                for target in node.targets:
                    names = target.elts if isinstance(target, ast.Tuple) else [target]
                    names = {name.id for name in names if isinstance(name, ast.Name)}
                    readings = readings | names if reads else readings - names
            elif (
                isinstance(node, ast.Compare)
                and "nbval-ignore-output" not in tags(cell)
                and any(isinstance(op, ast.Lt | ast.LtE | ast.Gt | ast.GtE) for op in node.ops)
                and any(is_clock_reading(side, readings) for side in [node.left, *node.comparators])
            ):
                yield f"In [{cell.execution_count}] compares clock readings: {ast.unparse(node)}"


CLOCKS = {"perf_counter", "perf_counter_ns", "monotonic", "process_time", "time_ns", "timeit"}
CLOCK_WORD = re.compile(r"(^|_)(seconds|minutes|elapsed)(_|$)")
SUMMARIES = {"abs", "float", "max", "mean", "median", "min", "round", "sum"}


def is_clock_reading(node, readings):
    """Return whether an expression is, by its name or by arithmetic, a reading of a clock."""

    def any_of(nodes):
        return any(is_clock_reading(node, readings) for node in nodes)

    match node:
        case ast.Name(id=name):
            return name in readings or bool(CLOCK_WORD.search(name))
        case ast.Attribute(attr=name, value=of):
            return name in CLOCKS or bool(CLOCK_WORD.search(name)) or any_of([of])
        case ast.Subscript(slice=ast.Constant(value=str(key)), value=of):
            return bool(CLOCK_WORD.search(key)) or any_of([of])
        case ast.Subscript(value=of) | ast.UnaryOp(operand=of):
            return any_of([of])
        case ast.BinOp(left=left, right=right):
            return any_of([left, right])
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return name in CLOCKS or (name in SUMMARIES and any_of(arguments))
        case ast.Call(func=ast.Attribute(attr=name, value=of), args=arguments):
            return name in CLOCKS or any_of([of]) or (name in SUMMARIES and any_of(arguments))
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            return any_of(parts)
        case ast.ListComp(elt=part) | ast.GeneratorExp(elt=part):
            return any_of([part])
    return False


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
            for tex in mathematics.not_drawn(cell.source):
                yield f"cell {number} has mathematics that tools/mathematics.py can't draw: {tex}"


def describes_each_figure(notebook):
    """Each figure needs a text of its own, for those who can't see it: see tools/figures.py."""
    seen = set()
    for cell, text in figures.described(notebook):
        if not text or text in seen:
            yield (
                f"In [{cell.execution_count}] draws a figure that no title tells from others: "
                "give it one, or give the cell's metadata an `alt`"
            )
        seen.add(text)


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
    _, *cells = without_exercises(code_cells(notebook))  # the first sets up, and explains itself
    n_lines = sum(len(code_lines(cell)) for cell in cells) or 1
    if not 5 <= n_words / n_lines <= 12:
        yield f"{n_words} words for {n_lines} lines of code: {n_words / n_lines:.1f}, not 5 to 12"


def sets_three_exercises(notebook):
    _, heading, text = prose(notebook).rpartition("Exercises\n")
    kinds = re.findall(r"\b(recall|change|build)\b", text.split("\n## ")[0].lower())
    if not heading or list(dict.fromkeys(kinds)) != ["recall", "change", "build"]:
        yield "no section 'Exercises' with one to recall, one to change and one to build"


EVERY_NOTEBOOK = [
    starts_with_a_title,
    numbers_its_sections,
    has_few_short_cells,
    was_run_in_order,
    has_clean_outputs,
    is_small,
    names_no_place_on_a_machine,
    uses_known_tags,
    has_stable_metadata,
    sets_up_first,
    claims_something_under_each_figure,
    tags_what_differs_from_run_to_run,
    compares_no_clock_readings,
    shows_builders_as_they_are,
    writes_mathematics_that_is_drawn,
    describes_each_figure,
]
EVERY_LESSON = [promises_something_in_some_minutes, explains_its_code, sets_three_exercises]


def complaints(notebook, is_lesson=True):
    """Return what is wrong with the form of a notebook, a line for each complaint."""
    checks = EVERY_NOTEBOOK + EVERY_LESSON * is_lesson
    found = []
    for check in checks:
        try:
            found += check(notebook)
        except (IndexError, SyntaxError) as error:  # too few cells, or code that is no Python
            found.append(f"the check {check.__name__} could not be made: {error}")
    return found


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("paths", nargs="*", type=Path, metavar="FILE", help="default: all")
    paths = parser.parse_args().paths or find_notebooks()
    n_complaints = 0
    for path in paths:
        try:
            notebook = nbformat.read(path, as_version=4)
        except (OSError, ValueError) as error:
            parser.error(f"{path} is no notebook that can be read: {one_line(str(error))}")
        for complaint in complaints(notebook, path.resolve().parent.name != "solutions"):
            n_complaints += 1
            print(f"{display_name(path.resolve())}: {complaint}")
    print(f"{len(paths)} notebooks, {n_complaints} complaints")
    return 1 if n_complaints else 0


if __name__ == "__main__":
    run_command(main)
