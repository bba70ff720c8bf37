"""Run the notebooks from top to bottom, each in a fresh kernel.

    python tools/notebooks.py build               execute copies under build/, write HTML pages
    python tools/notebooks.py refresh [FILE ...]  execute and save in place

Both go on past a failing notebook, say at the end which failed and why, and
then exit with 1. ``refresh`` leaves a notebook that failed as it was.
"""

import argparse
import asyncio
import base64
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
BUILD = ROOT / "build"
KERNEL_LOG = BUILD / "kernels.log"  # what kernels say outside of cells, TensorFlow's start-up
README_FIGURE = ROOT / "docs" / "figure.png"
CELL_SECONDS = 300  # as long as `make test` gives a cell

# What the kernels inherit: TensorFlow quiet, and the back ends that the lessons are written for.
ENVIRONMENT = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "KERAS_BACKEND": "tensorflow",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}

METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {
        "codemirror_mode": {"name": "ipython", "version": 3},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
    },
}


@dataclass(frozen=True)
class Run:
    """What became of one notebook: its executed copy, and what went wrong, if anything did."""

    path: Path
    notebook: nbformat.NotebookNode
    seconds: float
    failure: str | None


class Progress:
    """One line for a notebook (name, cells done, seconds), redrawn on a terminal.

    Where the output is a pipe or a file, a line is printed at the start, every
    half minute and at the end.
    """

    def __init__(self, name, n_cells):
        self.name, self.n_cells, self.n_done = name, n_cells, 0
        self.start = time.perf_counter()
        self.redraws = sys.stdout.isatty()

    @property
    def seconds(self):
        return time.perf_counter() - self.start

    def show(self, note="", last=False):
        line = f"{self.name:<28} {self.n_done:>2}/{self.n_cells} cells  {self.seconds:4.0f} s{note}"
        start, end = ("\r", "\n" if last else "") if self.redraws else ("", "\n")
        print(f"{start}{line}", end=end, flush=True)

    def cell_executed(self, **_):
        self.n_done += 1
        if self.redraws:
            self.show()

    async def keep_showing(self):
        while True:
            self.show()
            await asyncio.sleep(1 if self.redraws else 30)


def execute(path):
    """Execute a copy of the notebook at `path`, in its own folder, and return a `Run`."""
    notebook = nbformat.read(path, as_version=4)
    n_cells = sum(cell.cell_type == "code" and bool(cell.source.strip()) for cell in notebook.cells)
    progress = Progress(display_name(path), n_cells)
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=CELL_SECONDS,
        coalesce_streams=True,
        record_timing=False,
        resources={"metadata": {"path": str(path.parent)}},
        on_cell_executed=progress.cell_executed,
    )

    async def run_all():
        showing = asyncio.create_task(progress.keep_showing())
        try:
            with KERNEL_LOG.open("a") as log:
                await client.async_execute(stdout=log, stderr=log)
        finally:
            showing.cancel()

    failure = None
    try:
        asyncio.run(run_all())
    except CellExecutionError as error:
        progress.n_done -= 1  # the failing cell was counted
        failure = f"{error.ename}: {one_line(error.evalue)}"
    except CellTimeoutError:
        failure = f"not done after {CELL_SECONDS} s"
    except (DeadKernelError, RuntimeError):
        failure = f"the kernel died, see {KERNEL_LOG}"
    except (AssertionError, asyncio.CancelledError):  # how nbclient answers Ctrl-C
        raise KeyboardInterrupt from None
    if failure:
        failure = f"code cell {progress.n_done + 1}: {failure}"
    progress.show("  FAILED" if failure else "", last=True)
    tidy(notebook)
    return Run(path, notebook, progress.seconds, failure)


def tidy(notebook):
    """Take out, in place, what would differ from one machine or run to the next."""
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        tags = cell.metadata.get("tags")
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]


def save(notebook, path):
    """Write the notebook whole or not at all, so that an interruption leaves the old file."""
    nbformat.validate(notebook)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.unfinished")
    nbformat.write(notebook, unfinished)
    os.replace(unfinished, path)


def tagged_figure(notebook):
    """Return as bytes the figure of the cell that is tagged readme-figure, or None."""
    for cell in notebook.cells:
        if "readme-figure" in cell.metadata.get("tags", []):
            for output in cell.outputs:
                if "image/png" in output.get("data", {}):
                    return base64.b64decode(output.data["image/png"])
    return None


def display_name(path):
    """Return `01_equations` for a lesson and `solutions/01_equations` for its solutions."""
    return f"solutions/{path.stem}" if path.parent.name == "solutions" else path.stem


def one_line(message, n_characters=200):
    """Return the first line of an error's message that says something, cut to a readable length."""
    line = next((line.strip() for line in message.splitlines() if line.strip()), "")
    return line if len(line) <= n_characters else f"{line[:n_characters]} …"


def find_notebooks():
    """Return the lessons, then their solutions, each in order."""
    return sorted(NOTEBOOKS.glob("*.ipynb")) + sorted(NOTEBOOKS.glob("solutions/*.ipynb"))


def build():
    """Execute copies of all notebooks and write them and their HTML pages under build/."""
    from pages import write_pages  # nbconvert is slow to import, and refresh doesn't need it

    runs = []
    for path in find_notebooks():
        runs.append(execute(path))
        save(runs[-1].notebook, BUILD / path.relative_to(ROOT))
    index = write_pages(runs, BUILD / "html", root=NOTEBOOKS)
    print(f"\nTo read: {index.relative_to(ROOT)}")
    return runs


def refresh(paths):
    """Execute each notebook and save it in place, unless it fails, with the README's figure."""
    runs = []
    for path in paths or find_notebooks():
        runs.append(execute(path.resolve()))
        if runs[-1].failure is None:
            save(runs[-1].notebook, runs[-1].path)
            if figure := tagged_figure(runs[-1].notebook):
                README_FIGURE.parent.mkdir(exist_ok=True)
                README_FIGURE.write_bytes(figure)
    return runs


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("build", help="execute copies under build/ and write HTML pages")
    refreshing = commands.add_parser("refresh", help="execute notebooks and save them in place")
    refreshing.add_argument("paths", nargs="*", type=Path, metavar="FILE", help="default: all")
    arguments = parser.parse_args()
    missing = [str(path) for path in getattr(arguments, "paths", []) if not path.is_file()]
    if missing:
        parser.error(f"no such notebook: {', '.join(missing)}")

    os.environ.update(ENVIRONMENT)
    BUILD.mkdir(exist_ok=True)
    KERNEL_LOG.write_text("")
    runs = build() if arguments.command == "build" else refresh(arguments.paths)
    failed = [run for run in runs if run.failure]
    seconds = sum(run.seconds for run in runs)
    print(f"{len(runs) - len(failed)} of {len(runs)} notebooks ran whole, in {seconds:.0f} s")
    for run in failed:
        left = ", left as it was" if arguments.command == "refresh" else ""
        print(f"FAILED {display_name(run.path)}{left}: {run.failure}")
    return 1 if failed or not runs else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\ninterrupted")
