"""Run the notebooks from top to bottom, each in a fresh kernel.

    python tools/notebooks.py site                write pages of what is stored, run nothing
    python tools/notebooks.py build               execute copies under build/, renew their pages
    python tools/notebooks.py refresh [FILE ...]  execute and save in place

The last two go on past a failing notebook, say at the end which failed and why, and
then exit with 1. ``refresh`` leaves a notebook that failed as it was.

``build`` first writes all pages, with the stored outputs of what has not run here. It
renews a page as soon as its notebook has run, and passes over those that ran before and
have not changed since, nor the package, the data or the versions installed. So it may be
stopped, or killed, at any time: the next run goes on.
"""

import argparse
import asyncio
import base64
import contextlib
import functools
import hashlib
import io
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

if __name__ == "__main__":  # while the rest is imported Ctrl-C has nothing to tidy up
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import nbformat
import psutil
from filelock import FileLock, Timeout
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from PIL import Image, ImageChops

import setup_cell
from gru_tf.atomic import replacing

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
BUILD = ROOT / "build"
KERNEL_LOG = BUILD / "kernels.log"  # what kernels say outside of cells, TensorFlow's start-up
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
    """What became of one notebook: its executed copy, and what went wrong, if anything did.

    One that was never run has no `seconds`, and one that is old was run before the last change.
    """

    path: Path
    notebook: nbformat.NotebookNode
    seconds: float | None = None
    failure: str | None = None
    is_old: bool = False


class Progress:
    """A line for each notebook: name, cells done, seconds.

    On a terminal those that run share one line, which is redrawn. Where the output is a pipe or
    a file, each gets a line at the start, every half minute and at the end.
    """

    def __init__(self):
        self.running = {}  # by name: cells done, cells in all, start
        self.redraws = sys.stdout.isatty()

    def line(self, name, note=""):
        n_done, n_cells, start = self.running[name]
        seconds = time.perf_counter() - start
        return f"{name:<28} {n_done:>2}/{n_cells} cells  {seconds:4.0f} s{note}"

    def start(self, name, n_cells):
        self.running[name] = [0, n_cells, time.perf_counter()]
        self.show()

    def cell_done(self, name):
        self.running[name][0] += 1
        if self.redraws:
            self.show()

    def end(self, name, note=""):
        erase = "\r\033[K" if self.redraws else ""
        print(f"{erase}{self.line(name, note)}", flush=True)
        del self.running[name]

    def show(self):
        if self.redraws:
            line = " | ".join(" ".join(self.line(name).split()) for name in self.running)
            print(f"\r{line[: os.get_terminal_size().columns - 1]}\033[K", end="", flush=True)
        else:
            for name in self.running:
                print(self.line(name), flush=True)

    async def keep_showing(self):
        while True:
            await asyncio.sleep(1 if self.redraws else 30)
            self.show()


async def execute(path, progress):
    """Execute a copy of the notebook at `path`, in its own folder, and return a `Run`."""
    name, notebook, n_done = display_name(path), nbformat.read(path, as_version=4), 0

    def cell_executed(**_):
        nonlocal n_done
        n_done += 1
        progress.cell_done(name)

    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=CELL_SECONDS,
        coalesce_streams=True,
        record_timing=False,
        resources={"metadata": {"path": str(path.parent)}},
        on_cell_executed=cell_executed,
    )
    n_cells = sum(cell.cell_type == "code" and bool(cell.source.strip()) for cell in notebook.cells)
    progress.start(name, n_cells)
    start = time.perf_counter()
    failure = None
    try:
        with KERNEL_LOG.open("a") as log:
            await client.async_execute(stdout=log, stderr=log)
    except CellExecutionError as error:
        progress.running[name][0] = n_done = n_done - 1  # the failing cell was counted
        failure = f"{error.ename}: {one_line(error.evalue)}"
    except CellTimeoutError:
        failure = f"not done after {CELL_SECONDS} s"
    except (DeadKernelError, RuntimeError):
        failure = f"the kernel died, see {KERNEL_LOG}"
    if failure:
        failure = f"code cell {n_done + 1}: {failure}"
    progress.end(name, "  FAILED" if failure else "")
    tidy(notebook)
    return Run(path, notebook, time.perf_counter() - start, failure)


def execute_all(paths, when_done, n_at_once=1):
    """Execute the notebooks, some at once, and give each `Run` to `when_done` as it ends.

    This happens in a thread, where nbclient leaves signals alone: its own handlers end in an
    AssertionError. A signal is the caller's to handle.
    """
    errors = []

    async def work():
        progress, turns = Progress(), asyncio.Semaphore(n_at_once)

        async def in_turn(path):
            async with turns:
                when_done(await execute(path, progress))

        showing = asyncio.create_task(progress.keep_showing())
        try:
            async with asyncio.TaskGroup() as group:
                for path in paths:
                    group.create_task(in_turn(path))
        finally:
            showing.cancel()

    def run():
        try:
            asyncio.run(work())
        except BaseExceptionGroup as group:
            errors.extend(group.exceptions)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(0.2)  # with a limit, without which Windows would not hear Ctrl-C
    for error in errors:
        raise error


def tidy(notebook):
    """Take out, in place, what would differ from one machine or run to the next."""
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        kept = {key: cell.metadata[key] for key in ("alt", "tags") if cell.metadata.get(key)}
        cell.metadata = nbformat.from_dict(kept)
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
            for output in cell.outputs:
                if "image/png" in (data := output.get("data", {})):
                    data["image/png"] = in_few_colours(data["image/png"])


def in_few_colours(png, off_by=8):
    """Return a PNG, in base64, with a palette of 256 colours: it looks the same at a third.

    Where a colour would be off by more than `off_by` of 255, or where the figure can be seen
    through, it is returned as it was.
    """
    image = Image.open(io.BytesIO(base64.b64decode(png)))
    if image.mode == "RGBA" and image.getextrema()[3] != (255, 255):
        return png
    full = image.convert("RGB")
    few = full.quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    if (
        max(most for _, most in ImageChops.difference(full, few.convert("RGB")).getextrema())
        > off_by
    ):
        return png
    written = io.BytesIO()
    few.save(written, "PNG", optimize=True)
    return base64.b64encode(written.getvalue()).decode()


def save(notebook, path):
    """Write the notebook whole or not at all, so that an interruption leaves the old file."""
    nbformat.validate(notebook)
    write_bytes(path, f"{nbformat.writes(notebook)}\n".encode())


def write_bytes(path, content):
    with replacing(path) as unfinished:
        unfinished.write_bytes(content)


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


def able_to_run(paths):
    """Return the notebooks whose packages are installed, and say which are passed over."""
    reasons = {path: setup_cell.why_not(path.name) for path in paths}
    for why in sorted({why for why in reasons.values() if why}):
        print(why)
    return [path for path, why in reasons.items() if not why]


def fingerprint(path):
    """Return a digest of what decides the outputs of the notebook at `path`."""
    return hashlib.sha256(path.read_bytes() + surroundings()).hexdigest()


@functools.cache
def surroundings():
    """Return a digest of the package, the data, the installed versions, and of this file."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for folder in ("gru_tf", "data"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(path.relative_to(ROOT).as_posix().encode())
                digest.update(path.read_bytes())
    versions = sorted(f"{found.name}=={found.version}" for found in distributions())
    digest.update(f"{sys.version} {versions}".encode())
    return digest.digest()


def built(path):
    """Return where `build` keeps the executed copy of a notebook."""
    return BUILD / path.relative_to(ROOT)


def last_run(path):
    """Return the last `Run` of a notebook that `build` has stored, or one without seconds."""
    try:
        notebook = nbformat.read(built(path), as_version=4)
        facts = notebook.metadata["run"]
        is_old = facts["fingerprint"] != fingerprint(path)
        return Run(path, notebook, facts["seconds"], facts["failure"], is_old)
    except (OSError, ValueError, KeyError):
        return Run(path, nbformat.read(path, as_version=4))


def build(fresh=False, lessons=None, n_at_once=1):
    """Write all pages under build/, execute copies of the notebooks and renew their pages.

    Args:
        fresh: Execute those too that have not changed since they last ran.
        lessons: The numbers of those to execute, with their solutions. By default all.
        n_at_once: How many to execute at once.
    """
    import pages  # `refresh` does without, and without Sphinx

    paths = find_notebooks()
    runs = {path: last_run(path) for path in paths}
    print("Writing the pages, with the stored outputs of what has not run here ...", flush=True)
    pages.write_sources(runs)
    index = pages.render()
    print(f"To read: {index.relative_to(ROOT)}, where each page is renewed as its lesson ends\n")

    chosen = able_to_run(path for path in paths if not lessons or path.name[:2] in lessons)
    due = [
        path
        for path, run in runs.items()
        if path in chosen and (fresh or run.seconds is None or run.failure or run.is_old)
    ]
    if len(chosen) > len(due):
        print(f"{len(chosen) - len(due)} have not changed since they ran; FRESH=1 runs them too")
    begun_as = {path: fingerprint(path) for path in due}  # not what they are edited to meanwhile

    def store(run):
        facts = {"seconds": run.seconds, "failure": run.failure, "fingerprint": begun_as[run.path]}
        run.notebook.metadata["run"] = facts
        save(run.notebook, built(run.path))
        runs[run.path] = run
        pages.write_sources(runs)
        pages.render()

    execute_all(due, store, n_at_once)
    return [runs[path] for path in chosen]


def site():
    """Write all pages, of the last runs and the stored outputs, and say where."""
    import pages

    start = time.perf_counter()
    pages.write_sources({path: last_run(path) for path in find_notebooks()})
    index = pages.render(strict=True)
    print(f"To read: {index.relative_to(ROOT)}, written in {time.perf_counter() - start:.0f} s")


def refresh(paths):
    """Execute each notebook and save it in place, unless it fails."""
    runs = []

    def store(run):
        runs.append(run)
        if run.failure is None:
            save(run.notebook, run.path)

    execute_all([path.resolve() for path in able_to_run(paths or find_notebooks())], store)
    return runs


def at_once():
    """Return how many notebooks to run at once: two, where cores and memory allow.

    On two cores four notebooks took 100 s two at a time, and 166 s one after another.
    """
    return 2 if os.cpu_count() > 1 and psutil.virtual_memory().total > 8e9 else 1


def parse(arguments=None):
    """Return the command line's arguments, or exit with a sentence."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("site", help="write the pages of what is stored, and run nothing")
    building = commands.add_parser("build", help="execute copies under build/, renew their pages")
    building.add_argument("--fresh", action="store_true", help="execute unchanged ones too")
    building.add_argument("--lessons", nargs="+", metavar="NUMBER", help="such as 01 04")
    building.add_argument(
        "--jobs", type=int, default=at_once(), metavar="N", help="how many notebooks run at once"
    )
    refreshing = commands.add_parser("refresh", help="execute notebooks and save them in place")
    refreshing.add_argument("paths", nargs="*", type=Path, metavar="FILE", help="default: all")
    parsed = parser.parse_args(arguments)
    if parsed.command == "build":
        if parsed.jobs < 1:
            building.error(f"--jobs needs a number from 1 on. Received: {parsed.jobs}")
        numbers = sorted({path.name[:2] for path in find_notebooks()})
        parsed.lessons = [number.zfill(2) for number in parsed.lessons or []]
        for number in parsed.lessons:
            if number not in numbers:
                building.error(f"no lesson {number}: there are {' '.join(numbers)}")
    elif parsed.command == "refresh":
        for path in parsed.paths:
            if not path.is_file():
                refreshing.error(f"no such notebook: {path}")
            try:
                nbformat.read(path, as_version=4)
            except (OSError, ValueError) as error:
                refreshing.error(f"{path} is no notebook: {one_line(str(error))}")
    return parsed


def main():
    arguments, start = parse(), time.perf_counter()
    os.environ.update(ENVIRONMENT)
    BUILD.mkdir(exist_ok=True)
    if arguments.command in ("site", "build"):
        try:
            with FileLock(BUILD / ".lock", timeout=0):
                if arguments.command == "site":
                    site()
                    return 0
                KERNEL_LOG.write_text("")
                runs = build(arguments.fresh, arguments.lessons, arguments.jobs)
        except Timeout:
            sys.exit("Another `make notebooks` is at work in this folder.")
    else:
        KERNEL_LOG.write_text("")
        runs = refresh(arguments.paths)
    failed = [run for run in runs if run.failure]
    seconds = time.perf_counter() - start
    print(f"{len(runs) - len(failed)} of {len(runs)} notebooks ran whole, in {seconds:.0f} s")
    for run in failed:
        left = ", left as it was" if arguments.command == "refresh" else ""
        print(f"FAILED {display_name(run.path)}{left}: {run.failure}")
    return 1 if failed or not runs else 0


def end_at_once(*_):
    """End this process, the kernels, and all that they have started, without a farewell.

    This is what a signal calls: a KeyboardInterrupt can be lost, as in a callback of an import.
    """
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            process.kill()
    message = "Interrupted. What has run is kept: the same command goes on from there."
    with contextlib.suppress(RuntimeError):  # the signal came amid a print
        sys.stdout.flush()
    os.write(2, f"\n{message}\n".encode())  # not by print, for the same reason
    os._exit(1)


if __name__ == "__main__":
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), end_at_once)
    try:
        sys.exit(main())
    except OSError as error:  # a full disk, a folder that must not be written to
        sys.exit(f"\nStopped: {error}")
