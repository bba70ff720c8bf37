"""Run copies of lessons under other seeds, and tabulate what their claims say then.

    python tools/seeds.py notebooks/01_equations.ipynb --seeds 1 2 3 4 5

In the copy for seed k, every seed that is written as a number is raised by 100 k: those in
set_random_seed(n), default_rng(n), seed=n, and in `for seed in (n, m)`. The claims are the printed
lines, of cells whose output is compared, that end with True or False. The table has one line for
each, with what the stored notebook says and what each seed says; lines of which nothing can be
said under some seed, because the cell failed, show "-". Other compared lines that differ, numbers
as a rule, are listed below it.

The exit status is 1 if a claim differs, or a copy does not run to its end.
"""

import argparse
import os
import re
from pathlib import Path

import nbformat

from gru_tf.commands import run_command
from notebooks import BUILD, ENVIRONMENT, KERNEL_LOG, display_name, execute_all, save

STEP = 100  # so that no seed of a copy is one of the lesson's own, or of another copy
SEED = re.compile(r"(\bset_random_seed\(|\bdefault_rng\(|\bseed=)(\d+)\b")
SEEDS = re.compile(r"(\bfor seed in [(\[])([\d, ]+)(?=[)\]])")
CLAIM = re.compile(r"(.*?)\s*\b(True|False)$")


def shift(source, k):
    """Return the source of a cell with every seed raised by 100 k."""

    def raised(text):
        return re.sub(r"\d+", lambda number: str(int(number[0]) + STEP * k), text)

    source = SEED.sub(lambda found: found[1] + raised(found[2]), source)
    return SEEDS.sub(lambda found: found[1] + raised(found[2]), source)


def reseeded(notebook, k):
    """Return a copy of the notebook for seed k, and how many of its cells changed."""
    copy = nbformat.from_dict(notebook)
    n_changed = 0
    for cell in copy.cells:
        if cell.cell_type == "code":
            source = shift(cell.source, k)
            n_changed += source != cell.source
            cell.source, cell.outputs, cell.execution_count = source, [], None
    return copy, n_changed


def compared_lines(notebook):
    """Return {(number of the code cell, position of the line): line} of all compared output."""
    lines = {}
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, cell in enumerate(cells, 1):
        if "nbval-ignore-output" in cell.metadata.get("tags", []):
            continue
        text = "".join(output.text for output in cell.outputs if output.get("name") == "stdout")
        lines |= {(number, place): line for place, line in enumerate(text.splitlines())}
    return lines


def split(line):
    """Return (claim, verdict) of a line, or (line, None) of one that is no claim."""
    found = CLAIM.match(line)
    return (found[1].rstrip(":"), found[2]) if found else (line, None)


def tabulate(stored, by_seed):
    """Return the table's lines, and whether a claim differs.

    Args:
        stored: Lines of the stored notebook, from `compared_lines`.
        by_seed: {k: lines of the copy for seed k}.
    """
    claims, numbers, differs = [], [], False
    for place, line in stored.items():
        text, verdict = split(line)
        others = {k: lines.get(place) for k, lines in by_seed.items()}
        if verdict is None:
            different = {k: other for k, other in others.items() if other not in (line, None)}
            if different:
                numbers.append(f"In [{place[0]}] {line}")
                numbers += [f"    seed {k}: {other}" for k, other in different.items()]
            continue
        said = [None if other is None else split(other)[1] for other in others.values()]
        mark = "" if set(said) <= {verdict} else "  <-- differs"
        differs |= bool(mark)
        row = " ".join(f"{word or '-':>6}" for word in [verdict, *said])
        claims.append(f"{f'In [{place[0]}]':<8}{text[:66]:<67}{row}{mark}")
    heads = " ".join(f"{head:>6}" for head in ["stored", *(f"s {k}" for k in by_seed)])
    table = [f"{'':<8}{'claim':<67}{heads}", *claims]
    return [*table, *(["", "Other lines that differ:", *numbers] if numbers else [])], differs


def check(path, seeds):
    """Run the copies of one lesson, print its table, and return whether every claim holds."""
    stored, by_seed, whole = nbformat.read(path, as_version=4), {}, True
    for k in seeds:
        copy, n_changed = reseeded(stored, k)
        if not n_changed:
            print(f"{display_name(path)}: no seed found in it")
            return False
        place = BUILD / "seeds" / str(k) / path.name
        save(copy, place)
        runs = []
        execute_all([place], runs.append)
        run = runs[0]
        if run.failure:
            whole = False
            print(f"seed {k}: {run.failure}")
        by_seed[k] = compared_lines(run.notebook)
    table, differs = tabulate(compared_lines(stored), by_seed)
    print(f"\n{display_name(path)}\n" + "\n".join(table), flush=True)
    return whole and not differs


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("paths", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3, 4, 5], metavar="K")
    arguments = parser.parse_args()
    missing = [str(path) for path in arguments.paths if not path.is_file()]
    if missing:
        parser.error(f"no such notebook: {', '.join(missing)}")
    if min(arguments.seeds) < 1:
        parser.error("seeds must be 1 or more: 0 is the lesson as it is stored")
    os.environ.update(ENVIRONMENT)
    BUILD.mkdir(exist_ok=True)
    KERNEL_LOG.write_text("")
    holds = [check(path.resolve(), arguments.seeds) for path in arguments.paths]  # each of them
    return 0 if all(holds) else 1


if __name__ == "__main__":
    run_command(main)
